package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.http.FakePolicy.Rules;
import io.signetmesh.proxy.loop.IoTransport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is refused before policy is asked is on record all the same. */
@Timeout(60)
class UnaskedRefusalsTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);
  private static final Rules ALLOW = new Rules(List.of("/"), List.of(), List.of());

  @Test
  void requestBeyondThoseInFlightIsOnRecordAsOverload() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  answer.await();
                  stream.respond(true, "200");
                });
        var proxy = new ProxyFixture(TRANSPORT, app.port(), c -> c.maxInFlight(1));
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      Http2Peer.Stream first = client.get("/first");
      Http2Peer.Stream second = client.get("/second?secret=1");

      assertThat(second.rest().status()).isEqualTo(503);
      answer.countDown();
      assertThat(first.rest().status()).isEqualTo(200);

      assertThat(proxy.decisions).hasSize(2);
      DecisionEvent refused = proxy.decisions.getLast();
      assertThat(refused.verdict()).isEqualTo(Verdict.DENY);
      assertThat(refused.reason()).isEqualTo("overload");
      assertThat(refused.path()).isEqualTo("/second");
      assertThat(refused.method()).isEqualTo("GET");
      assertThat(refused.server()).isEqualTo(proxy.decisions.getFirst().server());
      assertThat(refused.connection().clientIdentity()).isEqualTo(ProxyFixture.IDENTITY);
    }
  }

  @Test
  void floodOfRefusalsTakesFewRecordsAndTheyAddUp() {
    EmbeddedChannel channel = new EmbeddedChannel();
    channel.freezeTime();
    SampledRecords records = new SampledRecords(channel.eventLoop());
    List<String> written = new ArrayList<>();

    for (int i = 0; i < 10_000; i++) {
      records.add("why", written::add);
    }
    assertThat(written).hasSize(SampledRecords.PER_SECOND).containsOnly("why");
    channel.advanceTimeBy(1, TimeUnit.SECONDS);
    channel.runScheduledPendingTasks();

    assertThat(written).hasSize(SampledRecords.PER_SECOND + 1);
    assertThat(written.getLast())
        .isEqualTo(
            "why; %d more of any client have no record"
                .formatted(10_000L - SampledRecords.PER_SECOND - 1));
    // The next second has records of its own, and says nothing where nothing was left out.
    records.add("why", written::add);
    assertThat(written.getLast()).isEqualTo("why");
    channel.advanceTimeBy(1, TimeUnit.SECONDS);
    channel.runScheduledPendingTasks();
    assertThat(written).hasSize(SampledRecords.PER_SECOND + 2);
    channel.finishAndReleaseAll();
  }

  @Test
  void headThatDoesNotEndInTimeIsOnRecord() throws Exception {
    try (var wire =
        Http1Wire.open(
            TRANSPORT,
            Http1Application.echoingPaths(),
            c -> c.headTimeout(Duration.ofMillis(100)))) {
      wire.proxy.policy.set(ALLOW);
      wire.client.send("GET / HTTP/1.1\r\nhost: web\r\nx: ");

      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.proxy.decisions).hasSize(1);
      assertThat(wire.proxy.decisions.getFirst().reason()).isEqualTo("protocol-error");
      assertThat(wire.proxy.decisions.getFirst().detail()).contains("in time");
    }
  }
}
