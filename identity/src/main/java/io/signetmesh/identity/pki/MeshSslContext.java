package io.signetmesh.identity.pki;

import io.netty.handler.ssl.DelegatingSslContext;
import io.netty.handler.ssl.ReferenceCountedOpenSslContext;
import io.netty.handler.ssl.ReferenceCountedOpenSslEngine;
import io.netty.handler.ssl.SslContext;
import io.netty.internal.tcnative.SSL;
import io.netty.util.ReferenceCounted;
import javax.net.ssl.SSLEngine;

/**
 * A BoringSSL context without session tickets and cache. Netty turns tickets on for each TLS 1.3
 * engine unless a property of the whole JVM says otherwise; a ticket would let a peer come back
 * without its certificate being looked at again.
 */
final class MeshSslContext extends DelegatingSslContext implements ReferenceCounted {
  private final ReferenceCountedOpenSslContext context;

  private MeshSslContext(ReferenceCountedOpenSslContext context) {
    super(context);
    this.context = context;
  }

  static SslContext of(SslContext built) {
    ReferenceCountedOpenSslContext context = (ReferenceCountedOpenSslContext) built;
    context.sessionContext().setSessionCacheEnabled(false);
    return new MeshSslContext(context);
  }

  @Override
  @SuppressWarnings("deprecation") // the one way to reach an option of a single engine
  protected void initEngine(SSLEngine engine) {
    SSL.setOptions(((ReferenceCountedOpenSslEngine) engine).sslPointer(), SSL.SSL_OP_NO_TICKET);
  }

  @Override
  public int refCnt() {
    return context.refCnt();
  }

  @Override
  public ReferenceCounted retain() {
    context.retain();
    return this;
  }

  @Override
  public ReferenceCounted retain(int increment) {
    context.retain(increment);
    return this;
  }

  @Override
  public ReferenceCounted touch() {
    context.touch();
    return this;
  }

  @Override
  public ReferenceCounted touch(Object hint) {
    context.touch(hint);
    return this;
  }

  @Override
  public boolean release() {
    return context.release();
  }

  @Override
  public boolean release(int decrement) {
    return context.release(decrement);
  }
}
