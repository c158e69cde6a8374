package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2ChannelDuplexHandler;
import io.netty.handler.codec.http2.Http2Frame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.inbound.TestPort;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.TlsStatus;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoMetrics;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.worker.FairWorkers;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The policy is edited while a request that it allowed waits for a connection to the application.
 * An edit that is not {@code told} is the moment before this connection has looked at it.
 */
class PolicyEditDuringDialTest {
  private static final InetSocketAddress APPLICATION =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080);

  private final TestPort port = new TestPort();
  private final List<DecisionEvent> decisions = new ArrayList<>();
  private final List<Promise<Channel>> dials = new ArrayList<>();
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final EmbeddedChannel application = new EmbeddedChannel();
  private final ProxyLoop loop = new ProxyLoop(channel.eventLoop(), 0);
  private final DefaultHttpInbound inbound =
      new DefaultHttpInbound(
          HttpConfig.builder().maxInFlight(2).build(),
          new HeldBackConnector(),
          event -> decisions.add((DecisionEvent) event),
          InstantSource.system(),
          new TokenChecks(
              new FairWorkers("token", 1),
              InstantSource.system(),
              (authentication, key) -> {},
              new TokenMetrics(new MetricsRegistry(Duration.ofMinutes(1)))),
          new RegoChecks(
              new FairWorkers("rego", 1),
              new FairWorkers("rego-dry-run", 1),
              new RegoMetrics(new MetricsRegistry(Duration.ofMinutes(1)))));

  private static class Numbered implements ServerPolicy {
    private final FakePolicy.Rules rules;
    private final long generation;

    Numbered(FakePolicy.Rules rules, long generation) {
      this.rules = rules;
      this.generation = generation;
    }

    @Override
    public long generation() {
      return generation;
    }

    @Override
    public ResourceRef server() {
      return rules.server();
    }

    @Override
    public Protocol protocol() {
      return Protocol.DETECT;
    }

    @Override
    public Duration detectTimeout() {
      return rules.detectTimeout();
    }

    @Override
    public Decision decideConnection(Client client) {
      return rules.decideConnection(client);
    }

    @Override
    public @Nullable Route route(RequestAttributes request) {
      return rules.route(request);
    }

    @Override
    public Decision decideRequest(Client client, Route route) {
      return rules.decideRequest(client, route);
    }
  }

  private final class HeldBackConnector implements Connector {
    @Override
    public Future<Channel> connect(ProxyLoop on, Endpoint endpoint, Session session) {
      throw new UnsupportedOperationException("inbound requests have no endpoints");
    }

    @Override
    public Future<Channel> connectLocal(ProxyLoop on, InetSocketAddress target) {
      Promise<Channel> promise = on.eventLoop().newPromise();
      dials.add(promise);
      return promise;
    }
  }

  private void policy(long generation, List<String> denied, Route.Filter... filters) {
    port.swap(
        new Numbered(new FakePolicy.Rules(List.of("/"), denied, List.of(filters)), generation));
  }

  private void serve(HttpVersion version) {
    serve(version, channel);
  }

  private void serve(HttpVersion version, EmbeddedChannel from) {
    ProxyMetrics metrics = new ProxyMetrics(new MetricsRegistry(Duration.ofMinutes(10)));
    InetSocketAddress client = new InetSocketAddress(InetAddress.getLoopbackAddress(), 40_000);
    inbound.serve(
        loop,
        from,
        new InboundConnection(
            new Client(client.getAddress(), false, null),
            APPLICATION,
            port,
            new AuditedConnection("shop/web-0", client, APPLICATION, null, null, null),
            false,
            metrics.inboundHttp(APPLICATION, TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE)),
        version);
  }

  private void dialed() {
    dials.getFirst().setSuccess(application);
    channel.runPendingTasks();
    application.runPendingTasks();
  }

  private static String written(EmbeddedChannel on) {
    on.runPendingTasks();
    StringBuilder all = new StringBuilder();
    ByteBuf bytes;
    while ((bytes = on.readOutbound()) != null) {
      all.append(bytes.toString(StandardCharsets.ISO_8859_1));
      bytes.release();
    }
    return all.toString();
  }

  private void send(String text) {
    channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII));
    channel.runPendingTasks();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void http1RequestThatLostItsRightIsNotSent(boolean told) {
    policy(1, List.of());
    serve(HttpVersion.HTTP1);
    send("POST /admin HTTP/1.1\r\nHost: web\r\nContent-Length: 6\r\n\r\nsecret");
    policy(2, List.of("/admin"));
    if (told) {
      port.tell();
    }
    dialed();

    assertThat(written(application)).isEmpty();
    assertThat(written(channel)).startsWith("HTTP/1.1 403");
    assertThat(decisions)
        .extracting("verdict", "policyGeneration")
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(Verdict.ALLOW, 1L),
            org.assertj.core.groups.Tuple.tuple(Verdict.DENY, 2L));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void http2RequestsThatWaitForASharedConnectionAndLostTheirRightAreNotSent(boolean told) {
    policy(1, List.of());
    serve(HttpVersion.HTTP2);
    Streams streams = new Streams();
    EmbeddedChannel client = http2Client(streams);
    for (String path : List.of("/admin", "/open")) {
      Http2Headers head = new DefaultHttp2Headers();
      head.method("GET").path(path).scheme("http").authority("web");
      client.writeOutbound(new DefaultHttp2HeadersFrame(head, true).stream(streams.newStream()));
    }
    exchange(client);
    assertThat(dials).hasSize(1);
    policy(2, List.of("/admin"));
    if (told) {
      port.tell();
    }
    dialed();

    exchange(client);
    List<String> statuses = new ArrayList<>();
    Http2Frame frame;
    while ((frame = client.readInbound()) != null) {
      if (frame instanceof Http2HeadersFrame answer) {
        statuses.add(String.valueOf(answer.headers().status()));
      }
    }
    assertThat(statuses).containsExactly("403");
    // The other request went on.
    assertThat(decisions).hasSize(3);
    assertThat(decisions.getLast().path()).isEqualTo("/admin");
    assertThat(decisions.getLast().policyGeneration()).isEqualTo(2);
    assertThat(written(application)).contains("PRI * HTTP/2.0");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void requestIsSentWithTheFiltersOfThePolicyThatItIsSentUnder(boolean told) {
    policy(1, List.of(), header("x-old", "1"));
    serve(HttpVersion.HTTP1);
    send("GET /a HTTP/1.1\r\nHost: web\r\n\r\n");
    policy(2, List.of(), header("x-new", "2"));
    if (told) {
      port.tell();
    }
    dialed();

    assertThat(written(application))
        .startsWith("GET /a HTTP/1.1")
        .contains("x-new: 2")
        .doesNotContain("x-old");
  }

  /** From and to filters, and without either: what is changed before a request is sent. */
  static List<org.junit.jupiter.params.provider.Arguments> editsOfFilters() {
    List<List<Route.Filter>> some =
        List.of(List.of(), List.of(header("x-f", "1")), List.of(header("x-f", "2")));
    List<org.junit.jupiter.params.provider.Arguments> all = new ArrayList<>();
    for (List<Route.Filter> before : some) {
      for (List<Route.Filter> after : some) {
        all.add(org.junit.jupiter.params.provider.Arguments.of(before, after));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("editsOfFilters")
  void requestThatIsLookedAtAgainIsSentExactlyAsTheFirstTime(
      List<Route.Filter> before, List<Route.Filter> after) {
    String request =
        "OPTIONS //a/../b HTTP/1.0\r\nMax-Forwards: 7\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"
            + "l5d-client-id: forged\r\n\r\n";
    policy(1, List.of(), after.toArray(Route.Filter[]::new));
    serve(HttpVersion.HTTP1);
    send(request);
    dialed();
    String expected = written(application);
    assertThat(expected)
        .contains("max-forwards: 6", "host: 127.0.0.1:8080")
        .doesNotContain("upgrade", "forged");

    PolicyEditDuringDialTest other = new PolicyEditDuringDialTest();
    other.policy(1, List.of(), before.toArray(Route.Filter[]::new));
    other.serve(HttpVersion.HTTP1);
    other.send(request);
    for (int generation = 2; generation < 5; generation++) {
      other.policy(generation, List.of(), after.toArray(Route.Filter[]::new));
      other.port.tell();
    }
    other.dialed();
    assertThat(written(other.application)).isEqualTo(expected);
  }

  @Test
  void requestThatIsSentOnceMoreAfterAnEditGetsTheNewFilters() {
    policy(1, List.of(), header("x-old", "1"));
    serve(HttpVersion.HTTP1);
    send("GET /a HTTP/1.1\r\nHost: web\r\n\r\n");
    dialed();
    assertThat(written(application)).contains("x-old");
    application.writeInbound(
        Unpooled.copiedBuffer(
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", StandardCharsets.US_ASCII));
    assertThat(written(channel)).startsWith("HTTP/1.1 200");
    // The connection that is used again turns out to be dead.
    send("GET /b HTTP/1.1\r\nHost: web\r\n\r\n");
    assertThat(written(application)).contains("/b", "x-old");
    policy(2, List.of(), header("x-new", "2"));
    port.tell();
    application.close();
    channel.runPendingTasks();
    EmbeddedChannel second = new EmbeddedChannel();
    dials.get(1).setSuccess(second);
    channel.runPendingTasks();

    assertThat(written(second)).contains("/b", "x-new: 2").doesNotContain("x-old");
  }

  /** What is thrown while a request begins must not take a place among those in flight. */
  @Test
  void requestsThatFailInTheirBeginningAreNotInFlightForEver() {
    port.swap(
        new Numbered(new FakePolicy.Rules(List.of("/"), List.of(), List.of()), 1) {
          @Override
          public @Nullable Route route(RequestAttributes request) {
            if (request.path().toString().startsWith("/faulty")) {
              throw new IllegalStateException("route");
            }
            return super.route(request);
          }
        });
    for (int i = 0; i < 3; i++) {
      EmbeddedChannel client = new EmbeddedChannel();
      serve(HttpVersion.HTTP1, client);
      client.writeInbound(
          Unpooled.copiedBuffer(
              "GET /faulty HTTP/1.1\r\nHost: web\r\n\r\n", StandardCharsets.US_ASCII));
      client.runPendingTasks();
      client.close();
    }
    serve(HttpVersion.HTTP1);
    send("GET /a HTTP/1.1\r\nHost: web\r\n\r\n");

    assertThat(written(channel)).isEmpty();
    assertThat(dials).hasSize(1);
  }

  @Test
  void requestThatANewFilterAnswersIsNotSent() {
    policy(1, List.of());
    serve(HttpVersion.HTTP1);
    send("GET /a HTTP/1.1\r\nHost: web\r\n\r\n");
    policy(2, List.of(), new Route.Filter.Fail("not understood"));
    dialed();

    assertThat(written(application)).isEmpty();
    assertThat(written(channel)).startsWith("HTTP/1.1 500");
  }

  private static Route.Filter header(String name, String value) {
    return new Route.Filter.RequestHeaders(
        List.of(), List.of(new Route.Filter.Header(name, value)), List.of());
  }

  private static final class Streams extends Http2ChannelDuplexHandler {}

  private static EmbeddedChannel http2Client(Streams streams) {
    return new EmbeddedChannel(
        Http2FrameCodecBuilder.forClient().initialSettings(Http2Settings.defaultSettings()).build(),
        streams);
  }

  private void exchange(EmbeddedChannel client) {
    boolean more = true;
    while (more) {
      more = carry(client, channel) | carry(channel, client);
    }
  }

  private static boolean carry(EmbeddedChannel from, EmbeddedChannel to) {
    from.runPendingTasks();
    boolean any = false;
    ByteBuf bytes;
    while ((bytes = from.readOutbound()) != null) {
      any = true;
      to.writeInbound(bytes);
      to.runPendingTasks();
    }
    return any;
  }
}
