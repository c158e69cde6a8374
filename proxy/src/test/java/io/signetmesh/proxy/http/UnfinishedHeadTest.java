package io.signetmesh.proxy.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.proxy.loop.IoTransport;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A connection that sent something leaves a record, and one only. */
@Timeout(60)
class UnfinishedHeadTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);

  private static DecisionEvent only(ProxyFixture proxy) {
    Http2WireTest.await("a record", () -> !proxy.decisions.isEmpty());
    assertThat(proxy.decisions).hasSize(1);
    return proxy.decisions.getFirst();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /a HTT",
        "GET /a HTTP/1.1\r\n",
        "GET /a HTTP/1.1\r\nhost: w\r\n",
        "GET /a HTTP/1.1\r\nhost: w\r\nx",
        "\r\nGET / HTTP/1.1",
      })
  void halfAHeadAndAnEnd(String head) throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (boolean half : new boolean[] {true, false}) {
        proxy.decisions.clear();
        try (var client = new Http1Client(proxy.inbound(null))) {
          client.send(head);
          if (half) {
            client.shutdownOutput();
            client.rest();
          }
        }
        assertThat(only(proxy).reason()).isEqualTo("protocol-error");
        assertThat(only(proxy).detail()).isEqualTo("head: the connection ended in it");
      }
    }
  }

  @Test
  void halfAHeadBehindAnAnswer() throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.echoingPaths())) {
      wire.client.send("GET /a HTTP/1.1\r\nhost: w\r\n\r\nGET /b");
      assertThat(wire.client.response().status()).isEqualTo(200);
      wire.client.shutdownOutput();
      wire.client.rest();
      Http2WireTest.await("two records", () -> wire.proxy.decisions.size() == 2);
      assertThat(wire.proxy.decisions.getLast().detail())
          .isEqualTo("head: the connection ended in it");
    }
  }

  @Test
  void aWholeRequestAndAnEndLeaveNoOther() throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.echoingPaths())) {
      wire.client.send("GET /a HTTP/1.1\r\nhost: w\r\n\r\n");
      assertThat(wire.client.response().status()).isEqualTo(200);
      wire.client.shutdownOutput();
      wire.client.rest();
      assertThat(wire.proxy.decisions).hasSize(1);
    }
  }

  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0".getBytes(UTF_8);

  @ParameterizedTest
  @ValueSource(strings = {"\0\0\4\1\0\0\0\0\1abcd", "\0\0\4\1\4\0\0\0\1ab", "\0\0\4\1\4\0\0\0"})
  void http2HeadersThatNeverEnd(String frames) throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy =
            new ProxyFixture(
                TRANSPORT, app.port(), config -> config.headTimeout(Duration.ofMillis(200)))) {
      int port = proxy.inbound(null);
      try (var client = new Http1Client(port)) {
        client.send(PREFACE).send(frames.getBytes(UTF_8));
        client.rest();
        assertThat(only(proxy).detail()).isEqualTo("head: not complete in time");
      }
      proxy.decisions.clear();
      try (var client = new Http1Client(port)) {
        client.send(PREFACE).send(frames.getBytes(UTF_8));
        client.exactly(9);
      }
      assertThat(only(proxy).detail()).startsWith("head: ");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\0\0\10\6\0\0\0\0\0pingpong", "\0\0\4\10\0\0\0\0\0\0\0\1\0"})
  void http2ConnectionThatBringsNoRequestLeavesARecord(String frames) throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      for (boolean reset : new boolean[] {true, false}) {
        proxy.decisions.clear();
        try (var client = new Http1Client(port)) {
          client.send(PREFACE).send(frames.getBytes(UTF_8));
          client.exactly(9);
          if (reset) {
            client.reset();
          }
        }
        assertThat(only(proxy).reason()).isEqualTo("protocol-error");
        assertThat(only(proxy).detail()).isEqualTo("connection: no request came");
      }
    }
  }

  @Test
  void http2ConnectionThatTimesOutWithoutARequestLeavesARecord() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy =
            new ProxyFixture(
                TRANSPORT, app.port(), config -> config.idleTimeout(Duration.ofSeconds(1)));
        var client = new Http1Client(proxy.inbound(null))) {
      client.send(PREFACE);
      client.rest();
      assertThat(only(proxy).detail()).isEqualTo("connection: no request came");
    }
  }

  @Test
  void http2ConnectionThatBroughtRequestsLeavesNoOtherRecord() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      try (var client = Http2Peer.client(port)) {
        assertThat(client.get("/a").rest().status()).isEqualTo(200);
      }
      try (var other = new Http1Client(port)) {
        other.send(PREFACE);
      }
      Http2WireTest.await("the record of the other", () -> proxy.decisions.size() == 2);
      assertThat(proxy.decisions)
          .extracting(DecisionEvent::reason)
          .containsExactly("authorized", "protocol-error");
    }
  }
}
