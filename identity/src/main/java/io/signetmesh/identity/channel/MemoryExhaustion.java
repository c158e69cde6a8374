package io.signetmesh.identity.channel;

import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the process when a connection of a server finds no memory. The JVM does so by itself where
 * its heap is full ({@code -XX:+ExitOnOutOfMemoryError}); that buffers outside of the heap have
 * reached their limit it does not notice. A server in that state refuses everybody, and its
 * supervisor cannot tell: what ends is started again.
 */
@Sharable
final class MemoryExhaustion extends ChannelInboundHandlerAdapter {
  /** Exit code, the one of {@code -XX:+ExitOnOutOfMemoryError}. */
  static final int EXIT_CODE = 3;

  private static final Logger log = LoggerFactory.getLogger(MemoryExhaustion.class);
  private static final int MAX_CAUSES = 16;

  private final Consumer<Throwable> end;

  /** Ends this process. */
  MemoryExhaustion() {
    this(
        error -> {
          try {
            log.error("out of memory, the process ends: {}", error.getMessage());
          } finally {
            Runtime.getRuntime().halt(EXIT_CODE);
          }
        });
  }

  MemoryExhaustion(Consumer<Throwable> end) {
    this.end = end;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    Throwable at = cause;
    for (int i = 0; at != null && i < MAX_CAUSES; i++) {
      if (at instanceof OutOfMemoryError) {
        end.accept(at);
        return;
      }
      at = at.getCause();
    }
    ctx.fireExceptionCaught(cause);
  }
}
