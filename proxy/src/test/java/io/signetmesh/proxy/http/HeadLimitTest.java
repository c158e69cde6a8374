package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.loop.IoTransport;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The limit of heads is one on every hop, and is told as a limit, as often as it is met. */
@Timeout(60)
class HeadLimitTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);

  private static String get(int bytes) {
    return "GET /a HTTP/1.1\r\nhost: w\r\nx: " + "a".repeat(bytes) + "\r\n\r\n";
  }

  @Test
  void http1IsTold431EachTime() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port : List.of(proxy.inbound(null), proxy.pair())) {
        for (int bytes : List.of(66_000, 80_000)) {
          for (int i = 0; i < 3; i++) {
            try (var client = new Http1Client(port)) {
              client.send(get(bytes));
              assertThat(client.response().status()).isEqualTo(431);
            }
          }
        }
        try (var client = new Http1Client(port)) {
          client.send(get(60_000));
          assertThat(client.response().status()).isEqualTo(200);
        }
      }
      // Within the limit, but not with what the first proxy adds.
      int pair = proxy.pair();
      for (int i = 0; i < 3; i++) {
        try (var client = new Http1Client(pair)) {
          client.send(get(65_400));
          assertThat(client.response().status()).isEqualTo(431);
        }
      }
    }
  }

  @Test
  void grpcIsToldThatAResourceIsExhausted() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port : List.of(proxy.inbound(null), proxy.pair())) {
        try (var client = Http2Peer.client(port)) {
          for (int bytes : new int[] {65_300, 66_000, 75_000, 81_000, 200_000}) {
            Http2Peer.Message response =
                client
                    .open(
                        "POST",
                        "/",
                        true,
                        "content-type",
                        "application/grpc",
                        "te",
                        "trailers",
                        "x",
                        "a".repeat(bytes))
                    .rest();
            assertThat(response.status()).isEqualTo(200);
            assertThat(response.header("grpc-status")).as(bytes + " bytes").isEqualTo("8");
          }
        }
      }
    }
  }

  @Test
  void theLimitIsConfigured() throws Exception {
    for (int limit : new int[] {16_384, 262_144}) {
      try (var app =
              Http1Application.answering(
                  request ->
                      "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: "
                          + "b".repeat(limit - 4_000)
                          + "\r\n\r\n");
          var proxy =
              new ProxyFixture(TRANSPORT, app.port(), config -> config.maxHeadBytes(limit))) {
        for (int port : List.of(proxy.inbound(null), proxy.pair())) {
          try (var client = new Http1Client(port)) {
            client.send(get(limit - 4_000));
            assertThat(client.response().status()).isEqualTo(200);
            client.send(get(limit));
            assertThat(client.response().status()).isEqualTo(431);
          }
        }
      }
    }
  }
}
