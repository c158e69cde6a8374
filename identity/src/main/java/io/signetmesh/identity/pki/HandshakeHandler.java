package io.signetmesh.identity.pki;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.SslHandler;
import java.util.List;
import javax.net.ssl.SSLException;

/**
 * Netty's TLS handler, which can tell whether what it hands on has been decrypted. When it is
 * removed, it hands on what it has not looked at yet.
 */
final class HandshakeHandler extends SslHandler {
  private boolean decoding;

  /**
   * @param handler as made by a context; not in a pipeline, and to be forgotten: its engine becomes
   *     this one's
   */
  HandshakeHandler(SslHandler handler) {
    super(handler.engine());
  }

  /** Whether the call that is under way comes from the decoder: its bytes are plaintext. */
  boolean decoding() {
    return decoding;
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out)
      throws SSLException {
    decoding = true;
    try {
      super.decode(ctx, in, out);
    } finally {
      decoding = false;
    }
  }
}
