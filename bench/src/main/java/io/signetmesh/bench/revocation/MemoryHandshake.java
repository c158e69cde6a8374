package io.signetmesh.bench.revocation;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;

/** Mutual TLS between two engines of this process, without a network. */
final class MemoryHandshake {
  private static final int BUFFER = 64 * 1024;
  private static final int MOST_STEPS = 100;

  private final SslContext client;
  private final SslContext server;

  MemoryHandshake(SslContext client, SslContext server) {
    this.client = client;
    this.server = server;
  }

  /** One handshake. */
  void run() throws SSLException {
    SSLEngine from = client.newEngine(ByteBufAllocator.DEFAULT);
    SSLEngine to = server.newEngine(ByteBufAllocator.DEFAULT);
    try {
      from.beginHandshake();
      to.beginHandshake();
      ByteBuffer up = ByteBuffer.allocate(BUFFER);
      ByteBuffer down = ByteBuffer.allocate(BUFFER);
      for (int i = 0; i < MOST_STEPS; i++) {
        move(from, to, up);
        move(to, from, down);
        if (isDone(from) && isDone(to)) {
          return;
        }
      }
      throw new SSLException("the handshake does not end");
    } finally {
      ReferenceCountUtil.release(from);
      ReferenceCountUtil.release(to);
    }
  }

  private static boolean isDone(SSLEngine engine) {
    return engine.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING;
  }

  private static void move(SSLEngine from, SSLEngine to, ByteBuffer buffer) throws SSLException {
    ByteBuffer nothing = ByteBuffer.allocate(0);
    ByteBuffer plain = ByteBuffer.allocate(BUFFER);
    // Once also when it is done: its last flight may still be in the engine.
    do {
      from.wrap(nothing, buffer);
    } while (from.getHandshakeStatus() == HandshakeStatus.NEED_WRAP);
    buffer.flip();
    while (buffer.hasRemaining()) {
      SSLEngineResult result = to.unwrap(buffer, plain);
      if (result.bytesConsumed() == 0
          && result.getHandshakeStatus() != HandshakeStatus.NEED_UNWRAP) {
        break;
      }
    }
    buffer.compact();
  }
}
