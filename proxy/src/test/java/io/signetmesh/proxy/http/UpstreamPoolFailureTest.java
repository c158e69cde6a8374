package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is thrown while an exchange begins on an upstream connection ends that exchange alone. */
class UpstreamPoolFailureTest {
  private final EmbeddedChannel clock = new EmbeddedChannel();
  private final ProxyLoop loop = new ProxyLoop(clock.eventLoop(), 0);
  private final List<Promise<Channel>> dials = new ArrayList<>();
  private final EmbeddedChannel application = new EmbeddedChannel();
  private boolean empty;
  private final UpstreamPool pool =
      new UpstreamPool(
          loop, HttpConfig.defaults(), session -> dial(), Http2KeepAlive.OFF, gone -> empty = true);

  /** Where it goes wrong. */
  enum Fault {
    NONE,
    /** In the look at the policy in force. */
    LOOK,
    /** After the head has been written. */
    BODY
  }

  @AfterEach
  void close() {
    application.finishAndReleaseAll();
  }

  private Promise<Channel> dial() {
    Promise<Channel> promise = clock.eventLoop().newPromise();
    dials.add(promise);
    return promise;
  }

  private void dialed() {
    dials.getLast().setSuccess(application);
    run();
  }

  private void run() {
    clock.runPendingTasks();
    loop.flushDirty();
    application.runPendingTasks();
    clock.runPendingTasks();
  }

  @ParameterizedTest
  @EnumSource(names = {"LOOK", "BODY"})
  void http1ExchangeThatFailsToBeginIsAnsweredAndItsConnectionIsNotLost(Fault fault) {
    Request request = new Request(fault);
    pool.sendHttp1(request);
    dialed();

    assertThat(request.failures).containsExactly(Failure.UNAVAILABLE);
    assertThat(request.done()).isTrue();
    if (fault == Fault.BODY) {
      // A part of it may have been sent.
      assertThat(application.isOpen()).isFalse();
      assertThat(empty).isTrue();
    } else {
      Request next = new Request(Fault.NONE);
      pool.sendHttp1(next);
      assertThat(dials).hasSize(1);
      assertThat(next.sent()).isTrue();
    }
  }

  @Test
  void http1ExchangeThatFailsToBeginOnAnIdleConnectionDoesNotKeepIt() {
    pool.sendHttp1(new Request(Fault.LOOK));
    dialed();
    Request request = new Request(Fault.BODY);
    pool.sendHttp1(request);
    run();

    assertThat(request.failures).containsExactly(Failure.UNAVAILABLE);
    assertThat(application.isOpen()).isFalse();
    assertThat(empty).isTrue();
  }

  @ParameterizedTest
  @EnumSource(names = {"LOOK", "BODY"})
  void http2ExchangeThatFailsToBeginDoesNotKeepOthersThatWait(Fault fault) {
    Request before = new Request(Fault.NONE);
    Request request = new Request(fault);
    Request after = new Request(fault == Fault.LOOK ? Fault.NONE : Fault.BODY);
    pool.sendHttp2(before);
    pool.sendHttp2(request);
    pool.sendHttp2(after);
    dialed();

    assertThat(before.sent()).isTrue();
    assertThat(before.done()).isFalse();
    assertThat(request.failures).containsExactly(Failure.UNAVAILABLE);
    if (fault == Fault.LOOK) {
      assertThat(after.sent()).isTrue();
    } else {
      // No more heads on that one; what is under way goes on.
      assertThat(dials).hasSize(2);
    }
    assertThat(application.isOpen()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void poolWhoseDialerThrowsDialsAgain(boolean http2) {
    List<String> tries = new ArrayList<>();
    UpstreamPool failing =
        new UpstreamPool(
            loop,
            HttpConfig.defaults(),
            session -> {
              tries.add("dial");
              if (tries.size() == 1) {
                throw new IllegalStateException("no socket");
              }
              return dial();
            },
            Http2KeepAlive.OFF,
            gone -> {});
    for (int i = 0; i < 2; i++) {
      try {
        if (http2) {
          failing.sendHttp2(new Request(Fault.NONE));
        } else {
          failing.sendHttp1(new Request(Fault.NONE));
        }
      } catch (IllegalStateException e) {
        assertThat(e).hasMessage("no socket");
      }
    }
    assertThat(tries).hasSize(2);
  }

  private static final class Request extends Exchange {
    private final Fault fault;
    private final List<Failure> failures = new ArrayList<>();
    private final ClientAccount account = new ClientAccount(System::nanoTime);

    Request(Fault fault) {
      super(new Client(fault), head(), false);
      this.fault = fault;
    }

    private static Http2Headers head() {
      return new DefaultHttp2Headers().method("POST").path("/").scheme("http").authority("web");
    }

    @Override
    public boolean mayBeSent() {
      if (fault == Fault.LOOK) {
        throw new IllegalStateException("look");
      }
      return super.mayBeSent();
    }

    @Override
    public ClientAccount account() {
      return account;
    }

    @Override
    protected boolean otherUpstreams() {
      return false;
    }

    @Override
    protected boolean informationalHeaders() {
      return false;
    }

    @Override
    protected void onResponseHead(Http2Headers head) {}

    @Override
    protected void onFailure(Failure failure) {
      failures.add(failure);
    }

    @Override
    protected void onDone() {}

    @Override
    protected void onTunnel(String into) {}

    @Override
    protected void retry() {}

    @Override
    protected void onDialFailed() {}
  }

  private record Client(Fault fault) implements ServerStream {
    @Override
    public boolean multiplexed() {
      return false;
    }

    @Override
    public void informational(Http2Headers head) {}

    @Override
    public void head(Http2Headers head, boolean end) {}

    @Override
    public boolean data(ByteBuf data, boolean end) {
      data.release();
      return true;
    }

    @Override
    public void trailers(Http2Headers trailers) {}

    @Override
    public void abort(long http2ErrorCode) {}

    @Override
    public void closeAfterResponse() {}

    @Override
    public void becomeTunnel(Channel upstream, Runnable closed) {}

    @Override
    public void resumeRequest() {
      if (fault == Fault.BODY) {
        throw new IllegalStateException("body");
      }
    }
  }
}
