package io.signetmesh.identity.pki;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * A TLS context that follows credentials as they change: new connections use the newest snapshot,
 * open connections keep the one that they started with. Thread-safe. Making a handler takes no lock
 * unless the credentials have just changed.
 *
 * @param <T> what contexts are built from: an immutable snapshot, compared by reference
 */
public final class LiveSslContext<T> implements AutoCloseable {
  /**
   * Builds a TLS context from a snapshot.
   *
   * @param <T> the snapshot
   */
  @FunctionalInterface
  public interface Factory<T> {
    /** A context with one reference, which passes to the caller. */
    SslContext build(T snapshot) throws SSLException;
  }

  private final Supplier<? extends T> snapshots;
  private final Factory<? super T> factory;
  private volatile @Nullable Built<T> built;
  private boolean closed;

  private record Built<T>(T snapshot, SslContext context) {}

  /**
   * Creates a context holder. The first handler or {@link #refresh} builds the context.
   *
   * @param snapshots gives the newest snapshot; cheap, called for each connection
   */
  public LiveSslContext(Supplier<? extends T> snapshots, Factory<? super T> factory) {
    this.snapshots = snapshots;
    this.factory = factory;
  }

  /** A handler for a new connection of a server, or of a client that sends no server name. */
  public SslHandler newHandler(ByteBufAllocator allocator) throws SSLException {
    SslContext context = acquire();
    try {
      return new HandshakeHandler(context.newHandler(allocator));
    } finally {
      ReferenceCountUtil.release(context);
    }
  }

  /** A handler for a new connection of a client that sends a server name (SNI). */
  public SslHandler newHandler(ByteBufAllocator allocator, String serverName, int port)
      throws SSLException {
    SslContext context = acquire();
    try {
      return new HandshakeHandler(context.newHandler(allocator, serverName, port));
    } finally {
      ReferenceCountUtil.release(context);
    }
  }

  /**
   * Builds the context of the newest snapshot unless it is built already, so that the next
   * connection need not wait for it.
   */
  public void refresh() throws SSLException {
    ReferenceCountUtil.release(acquire());
  }

  /** Releases the context. Open connections keep theirs; no new handlers can be made. */
  @Override
  public synchronized void close() {
    closed = true;
    Built<T> last = built;
    built = null;
    if (last != null) {
      ReferenceCountUtil.release(last.context);
    }
  }

  /** The newest context with a reference for the caller. */
  private SslContext acquire() throws SSLException {
    T newest = snapshots.get();
    Built<T> seen = built;
    if (seen != null && seen.snapshot == newest && tryRetain(seen.context)) {
      return seen.context;
    }
    return rebuild();
  }

  private synchronized SslContext rebuild() throws SSLException {
    if (closed) {
      throw new SSLException("TLS context is closed");
    }
    T newest = snapshots.get();
    Built<T> old = built;
    if (old == null || old.snapshot != newest) {
      Built<T> next = new Built<>(newest, factory.build(newest));
      built = next;
      if (old != null) {
        ReferenceCountUtil.release(old.context);
      }
      old = next;
    }
    return ReferenceCountUtil.retain(old.context);
  }

  /** False when another thread has just replaced and released the context. */
  private static boolean tryRetain(SslContext context) {
    try {
      ReferenceCountUtil.retain(context);
      return true;
    } catch (io.netty.util.IllegalReferenceCountException e) {
      return false;
    }
  }
}
