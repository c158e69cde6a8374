package io.signetmesh.proxy.forward;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds out from the first bytes whether a connection is HTTP/1, HTTP/2 or neither. It waits for as
 * many bytes as it takes to know, unlike detectors that look at one read, up to a time limit after
 * which the connection counts as bytes. Consumes nothing; what it has read goes on to the handlers
 * that the verdict brings.
 */
public final class HttpSniffer extends ByteToMessageDecoder {
  private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] HTTP_1 = "HTTP/1.".getBytes(StandardCharsets.US_ASCII);

  /** Longest method token that is looked at; longer ones are not HTTP. */
  private static final int MAX_METHOD = 24;

  private static final int MAX_LINE = 8192;

  private final Duration timeout;
  private final Verdict verdict;
  private @Nullable ScheduledFuture<?> timer;
  private boolean decided;

  /** Gets the outcome, once. */
  @FunctionalInterface
  public interface Verdict {
    /**
     * Called on the loop. Handlers added after the sniffer get the bytes read so far.
     *
     * @param version null: not HTTP
     */
    void detected(@Nullable HttpVersion version);
  }

  /**
   * @param timeout after which a connection that has not shown HTTP counts as bytes
   */
  public HttpSniffer(Duration timeout, Verdict verdict) {
    this.timeout = timeout;
    this.verdict = verdict;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    timer =
        ctx.executor().schedule(() -> decide(ctx, null), timeout.toMillis(), TimeUnit.MILLISECONDS);
    ctx.channel().config().setAutoRead(true);
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (decided) {
      return;
    }
    int start = in.readerIndex();
    int count = in.readableBytes();
    if (startsWith(in, start, count, PREFACE)) {
      if (count >= PREFACE.length) {
        decide(ctx, HttpVersion.HTTP2);
      }
      return;
    }
    Boolean http1 = looksLikeHttp1(in, start, count);
    if (http1 != null) {
      decide(ctx, http1 ? HttpVersion.HTTP1 : null);
    }
  }

  /** True or false once it is certain; null while it depends on bytes to come. */
  private static @Nullable Boolean looksLikeHttp1(ByteBuf in, int start, int count) {
    int i = 0;
    while (i < count && isTokenCharacter(in.getByte(start + i))) {
      if (++i > MAX_METHOD) {
        return false;
      }
    }
    if (i == count) {
      return null;
    }
    if (i == 0 || in.getByte(start + i) != ' ') {
      return false;
    }
    // METHOD SP target SP HTTP/1.x: the line must end with the version.
    int lastSpace = i;
    for (int j = i + 1; j < count; j++) {
      byte b = in.getByte(start + j);
      if (b == '\r' || b == '\n') {
        int length = j - lastSpace - 1;
        return lastSpace > i
            && length == HTTP_1.length + 1
            && startsWith(in, start + lastSpace + 1, length, HTTP_1);
      }
      if (b == ' ') {
        lastSpace = j;
      } else if (b < ' ' && b >= 0) {
        return false;
      }
    }
    // A long target: HTTP in all likelihood, and the decoder has limits of its own.
    return count > MAX_LINE ? Boolean.TRUE : null;
  }

  private static boolean startsWith(ByteBuf in, int start, int count, byte[] expected) {
    int compare = Math.min(count, expected.length);
    for (int i = 0; i < compare; i++) {
      if (in.getByte(start + i) != expected[i]) {
        return false;
      }
    }
    return true;
  }

  private static boolean isTokenCharacter(byte b) {
    return (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b == '-' || b == '_';
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    super.userEventTriggered(ctx, event);
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      decide(ctx, null);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    cancel();
    decided = true;
    super.channelInactive(ctx);
  }

  private void decide(ChannelHandlerContext ctx, @Nullable HttpVersion version) {
    if (decided) {
      return;
    }
    decided = true;
    cancel();
    ctx.channel().config().setAutoRead(false);
    verdict.detected(version);
  }

  /** Hands the bytes on to the handlers behind this one; call when they are in place. */
  public static void release(io.netty.channel.Channel channel) {
    HttpSniffer sniffer = channel.pipeline().get(HttpSniffer.class);
    if (sniffer != null) {
      channel.pipeline().remove(sniffer);
    }
  }

  private void cancel() {
    ScheduledFuture<?> pending = timer;
    if (pending != null) {
      pending.cancel(false);
      timer = null;
    }
  }
}
