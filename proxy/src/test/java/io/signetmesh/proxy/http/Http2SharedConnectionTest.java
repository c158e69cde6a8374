package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.signetmesh.proxy.http.Http2Peer.Message;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What goes wrong on one stream does not concern the others of its connection (RFC 9113 10.5.1).
 */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class Http2SharedConnectionTest {
  private static final String[] GRPC = {"content-type", "application/grpc", "te", "trailers"};

  private final IoTransport transport;

  Http2SharedConnectionTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  /** Answers with fields of the size, and in the place, that the path tells. */
  private static void large(Stream stream) throws InterruptedException {
    String[] path = stream.head().path().toString().split("/", -1);
    if (path[1].equals("bystander")) {
      stream.respond("200", "content-type", "application/grpc", "x-kept", "in-the-table");
      return;
    }
    String[] fields = new String[Integer.parseInt(path[3]) * 2];
    for (int i = 0; i < fields.length; i += 2) {
      fields[i] = "x-large-" + i;
      fields[i + 1] = "v".repeat(Integer.parseInt(path[2]));
    }
    if (path[1].equals("head")) {
      stream.respond(true, "200", fields);
    } else {
      stream.respond("200", "content-type", "application/grpc").send("message", false);
      stream.trailers(fields);
    }
  }

  @Test
  void aHeadOrTrailersOfAnApplicationBeyondTheLimitCostTheirOwnStreamOnly() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> large(stream));
        var proxy = new ProxyFixture(transport, app.port());
        var client =
            Http2Peer.client(
                proxy.pair(), Http2Settings.defaultSettings().maxHeaderListSize(1 << 20));
        var other = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      Stream bystander = client.open("POST", "/bystander", true, GRPC);
      bystander.nextHead();
      Stream neighbour = other.open("POST", "/bystander", true, GRPC);
      assertThat(neighbour.nextHead().get("x-kept")).hasToString("in-the-table");
      List<Stream> served = List.of(app.accepted(), app.accepted());
      // Just over the limit, fields that fill a block many times, and one field that does.
      for (String size :
          List.of("66000/1", "100000/1", "3000/30", "3000000/1", "3000/2000", "10/4000")) {
        assertThat(client.get("/head/" + size).rest().status()).as(size).isEqualTo(502);
        Message head = client.open("POST", "/head/" + size, true, GRPC).rest();
        assertThat(head.header("grpc-status")).as(size).isEqualTo("8");
        Stream trailers = client.open("POST", "/trailers/" + size, true, GRPC);
        trailers.nextHead();
        assertThat(trailers.nextData()).isEqualTo("message");
        assertThat(trailers.nextHead().get("grpc-status")).as(size).hasToString("8");
        assertThat(client.open("POST", "/bystander", true, GRPC).nextHead().get("x-kept"))
            .hasToString("in-the-table");
      }
      for (Stream stream : served) {
        stream.send("still here", false).trailers("grpc-status", "0");
      }
      assertThat(bystander.nextData()).isEqualTo("still here");
      assertThat(bystander.nextHead().get("grpc-status")).hasToString("0");
      assertThat(neighbour.nextData()).isEqualTo("still here");
      assertThat(app.connections).hasSize(1);
    }
  }

  @Test
  void aMalformedResponseCostsItsOwnStreamOnly() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  switch (stream.head().path().toString()) {
                    case "/upper" -> stream.respond(true, "200", "X-Upper", "a");
                    case "/connection" -> stream.respond(true, "200", "connection", "close");
                    case "/length" -> stream.respond("200", "content-length", "5").send("1", true);
                    case "/trailers" ->
                        stream.respond("200").send("1", false).trailers(":status", "200");
                    case "/empty" -> {
                      stream.respond("200");
                      for (int i = 0; i < 100; i++) {
                        stream.send("", false);
                      }
                      stream.send("end", true);
                    }
                    default -> stream.respond("200");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream bystander = client.get("/bystander");
      bystander.nextHead();
      Stream served = app.accepted();
      assertThat(client.get("/upper").rest().status()).isEqualTo(502);
      assertThat(client.get("/connection").rest().status()).isEqualTo(502);
      for (String path : List.of("/length", "/trailers")) {
        Stream stream = client.get(path);
        stream.nextHead();
        assertThat(stream.nextReset()).as(path).isEqualTo(Http2Error.INTERNAL_ERROR.code());
      }
      assertThat(client.get("/empty").rest().body()).isEqualTo("end");
      served.send("still here", true);
      assertThat(bystander.nextData()).isEqualTo("still here");
      assertThat(app.connections).hasSize(1);
    }
  }

  @Test
  void aHeadOrTrailersOfAClientBeyondTheLimitCostTheirOwnStreamOnly() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy = new ProxyFixture(transport, app.port())) {
      for (int port : new int[] {proxy.inbound(ProxyFixture.IDENTITY), proxy.pair()}) {
        try (var client = Http2Peer.client(port)) {
          Stream bystander = client.get("/bystander");
          Stream served = app.accepted();
          while (!served.head().path().toString().equals("/bystander")) {
            served = app.accepted();
          }
          for (int size : new int[] {66_000, 200_000, 1_000_000}) {
            String large = "a".repeat(size);
            assertThat(client.get("/", "x-long", large).rest().status()).isEqualTo(431);
            Message grpc =
                client
                    .open("POST", "/", true, "content-type", "application/grpc", "x-long", large)
                    .rest();
            assertThat(grpc.header("grpc-status")).isEqualTo("8");
            Stream upload = client.openWhole(head().add("x-long", large));
            assertThat(upload.nextHead().status()).hasToString("431");
            Stream trailers = client.open("POST", "/", false);
            trailers.send("abc", false).trailers("x-long", large);
            assertThat(trailers.nextHead().status()).hasToString("431");
          }
          served.respond("200").send("still here", true);
          bystander.nextHead();
          assertThat(bystander.nextData()).isEqualTo("still here");
        }
      }
      // One for its own kind, of a client that is refused often.
      assertThat(app.connections).hasSizeLessThanOrEqualTo(2);
    }
  }

  @Test
  void aMalformedRequestWithABodyCostsItsOwnStreamOnly() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream bystander = client.get("/");
      Stream served = app.accepted();
      for (String name : List.of("X-Upper", "connection", ":unknown")) {
        Stream malformed = client.openWhole(head().add(name, "a"));
        assertThat(malformed.nextReset()).as(name).isEqualTo(Http2Error.PROTOCOL_ERROR.code());
      }
      served.respond("200").send("still here", true);
      bystander.nextHead();
      assertThat(bystander.nextData()).isEqualTo("still here");
    }
  }

  private static Http2Headers head() {
    return new DefaultHttp2Headers(false).method("POST").scheme("http").authority("w").path("/");
  }

  @Test
  void streamsBeyondWhatIsAllowedAreRefusedWithTheirBodies() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy =
            new ProxyFixture(transport, app.port(), config -> config.maxConcurrentStreams(2));
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream bystander = client.get("/");
      Stream second = client.open("POST", "/", false);
      Stream served = app.accepted();
      app.accepted();
      Stream refused = client.openWhole(head());
      assertThat(refused.nextReset()).isEqualTo(Http2Error.REFUSED_STREAM.code());
      second.reset(Http2Error.CANCEL);
      served.respond("200").send("still here", true);
      bystander.nextHead();
      assertThat(bystander.nextData()).isEqualTo("still here");
    }
  }

  @Test
  void nothingLargerIsSentThanTheReceiverAccepts() throws Exception {
    Http2Settings strict = Http2Settings.defaultSettings().maxHeaderListSize(10_000);
    try (var app = Http2Peer.application((stream, application) -> large(stream), strict);
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null), strict)) {
      // The first request of all: the application has not said yet what it accepts.
      String large = "a".repeat(20_000);
      assertThat(client.get("/bystander", "x-large", large).rest().status()).isEqualTo(431);
      Message grpc =
          client
              .open("POST", "/", true, "content-type", "application/grpc", "x-large", large)
              .rest();
      assertThat(grpc.header("grpc-status")).isEqualTo("8");
      Stream bystander = client.get("/bystander");
      bystander.nextHead();
      Stream served = app.accepted();
      assertThat(client.get("/head/20000/1").rest().status()).isEqualTo(502);
      Stream trailers = client.open("POST", "/trailers/20000/1", true, GRPC);
      trailers.nextHead();
      trailers.nextData();
      assertThat(trailers.nextHead().get("grpc-status")).hasToString("8");
      Stream upload = client.open("POST", "/bystander", false);
      upload.nextHead();
      upload.send("abc", false).trailers("x-large", large);
      assertThat(upload.nextReset()).isEqualTo(Http2Error.INTERNAL_ERROR.code());
      served.send("still here", true);
      assertThat(bystander.nextData()).isEqualTo("still here");
      assertThat(app.connections).hasSize(1);
      assertThat(bystander.quiet()).isTrue();
      assertThat(trailers.quiet()).isTrue();
    }
  }
}
