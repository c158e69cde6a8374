package io.signetmesh.identity.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class OneRequestServerTest {
  private static final Duration TIME = Duration.ofSeconds(10);

  @Test
  void timersEndWithWhatTheyAreFor() {
    EmbeddedChannel channel = channel(true);
    assertThat(channel.runScheduledPendingTasks()).isEqualTo(TIME.toNanos());

    channel.writeInbound(request());
    assertThat(channel.runScheduledPendingTasks()).isEqualTo(2 * TIME.toNanos());

    // As when a connection ends. An embedded channel that is closed drops its timers by itself.
    channel.pipeline().remove(OneRequestServer.OneRequest.class);
    assertThat(channel.runScheduledPendingTasks()).as("no timer").isEqualTo(-1);
  }

  @Test
  void aRequestIsAnsweredAndTheConnectionClosed() {
    EmbeddedChannel channel = channel(false);
    channel.writeInbound(request());

    FullHttpResponse answer = channel.readOutbound();
    assertThat(answer.status()).isEqualTo(HttpResponseStatus.OK);
    answer.release();
    assertThat(channel.isOpen()).isFalse();
  }

  @Test
  void aConnectionWithoutARequestInTimeIsClosed() {
    EmbeddedChannel channel = channel(true);
    channel.advanceTimeBy(TIME.toMillis() + 1, TimeUnit.MILLISECONDS);
    channel.runScheduledPendingTasks();
    assertThat(channel.isOpen()).isFalse();
  }

  @Test
  void anAnswerThatIsNotTakenInTimeIsGivenUp() {
    EmbeddedChannel channel = channel(true);
    channel.writeInbound(request());
    channel.advanceTimeBy(TIME.toMillis() + 1, TimeUnit.MILLISECONDS);
    channel.runScheduledPendingTasks();
    assertThat(channel.isOpen()).isTrue();
    channel.advanceTimeBy(TIME.toMillis(), TimeUnit.MILLISECONDS);
    channel.runScheduledPendingTasks();
    assertThat(channel.isOpen()).isFalse();
  }

  private static EmbeddedChannel channel(boolean silent) {
    EmbeddedChannel channel = new EmbeddedChannel();
    channel.freezeTime();
    channel
        .pipeline()
        .addLast(
            new OneRequestServer.OneRequest(
                "test",
                TIME,
                (context, request) -> {
                  if (!silent) {
                    OneRequestServer.send(
                        context, OneRequestServer.text(HttpResponseStatus.OK, "ok"), false);
                  }
                }));
    return channel;
  }

  private static DefaultFullHttpRequest request() {
    return new DefaultFullHttpRequest(
        HttpVersion.HTTP_1_1, HttpMethod.GET, "/", Unpooled.EMPTY_BUFFER);
  }
}
