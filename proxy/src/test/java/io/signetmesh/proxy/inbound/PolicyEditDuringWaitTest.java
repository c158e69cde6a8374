package io.signetmesh.proxy.inbound;

import static io.signetmesh.proxy.inbound.InboundFixture.carry;
import static io.signetmesh.proxy.inbound.InboundFixture.exchange;
import static io.signetmesh.proxy.inbound.InboundFixture.pass;
import static io.signetmesh.proxy.inbound.InboundFixture.send;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.ServerPolicy.Protocol;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.inbound.InboundFixture.Dial;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The policy of a port is edited while an inbound connection waits. Where an edit may be {@code
 * told} or not, not told is the moment between the change of the reference and the look of this
 * connection at it.
 */
class PolicyEditDuringWaitTest {
  private static final String POST = "\r\nPOST /admin HTTP/1.1\r\nHost: web\r\n\r\n";

  private InboundFixture proxy;

  @BeforeEach
  void start() throws Exception {
    proxy = new InboundFixture();
  }

  @AfterEach
  void stop() {
    proxy.close();
  }

  private void edit(boolean told, Protocol protocol, boolean allows) {
    if (told) {
      proxy.port.set(protocol, allows);
    } else {
      proxy.port.swap(protocol, allows);
    }
  }

  @Test
  void whileThePolicyIsAwaitedTheOneInForceWhenTheWaitEndsCounts() {
    EmbeddedChannel channel = proxy.accept();
    assertThat(proxy.port.registrations()).isEqualTo(1);
    proxy.port.swap(Protocol.OPAQUE, true);
    ServerPolicy first = proxy.port.current();
    proxy.port.swap(Protocol.OPAQUE, false);
    assertThat(first).isNotNull();
    proxy.port.release(first);
    send(channel, "hello");

    assertThat(proxy.dials).isEmpty();
    assertThat(channel.isOpen()).isFalse();
    assertThat(proxy.decisions).singleElement().extracting("verdict").isEqualTo(Verdict.DENY);
    assertThat(proxy.lastGeneration()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whileTlsIsLookedForTheConnectionIsReadUnderTheNewProtocol(boolean told) {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel channel = proxy.accept();
    edit(told, Protocol.HTTP1, true);
    send(channel, "POST /admin HTTP/1.1\r\n");

    assertThat(proxy.dials).isEmpty();
    assertThat(proxy.served)
        .singleElement()
        .satisfies(
            http -> {
              assertThat(http.version()).isEqualTo(HttpVersion.HTTP1);
              assertThat(http.bytes()).hasToString("POST /admin HTTP/1.1\r\n");
            });
  }

  @Test
  void whileHttpIsLookedForAnEditIsFollowedAtOnceWithoutAByte() throws Exception {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel channel = established();
    assertThat(proxy.served).isEmpty();
    // The peer may speak HTTP/2, so that first bytes are still looked at; but bytes for the
    // application there will be none.
    proxy.port.set(Protocol.HTTP2, true);
    assertThat(proxy.served).singleElement().extracting("version").isEqualTo(HttpVersion.HTTP2);
    assertThat(channel.isOpen()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whileHttpIsLookedForWhatIsNoHttpDoesNotReachAnApplicationThatIsNowHttp(boolean told)
      throws Exception {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel client = proxy.client();
    EmbeddedChannel channel = proxy.accept();
    exchange(client, channel);
    edit(told, Protocol.HTTP1, true);
    client.writeOutbound(Unpooled.copiedBuffer(POST, StandardCharsets.US_ASCII));
    exchange(client, channel);

    assertThat(proxy.dials).isEmpty();
    assertThat(proxy.served)
        .singleElement()
        .satisfies(
            http -> {
              assertThat(http.version()).isEqualTo(HttpVersion.HTTP1);
              assertThat(http.bytes()).hasToString(POST);
            });
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whileHttpIsLookedForTimeThatEndsIsDecidedByTheNewPolicy(boolean told) {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel channel = proxy.accept();
    // Enough to know that it is no TLS, not enough to know whether it is HTTP.
    send(channel, "GET");
    edit(told, Protocol.DETECT, false);
    pass(channel, Duration.ofSeconds(11));

    assertThat(proxy.dials).isEmpty();
    assertThat(channel.isOpen()).isFalse();
    assertThat(proxy.lastGeneration()).isEqualTo(2);
  }

  /** Its bytes are held to the end of the wait, when they would be decided on. */
  @Test
  void connectionThatIsShedWhileItWaitsIsNotDecidedOnAnyMore() {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "GET");
    proxy.used = 8 << 20;
    proxy.memory.look();
    assertThat(channel.isOpen()).isFalse();
    assertThat(proxy.decisions).hasSize(1);
    proxy.used = 0;
    pass(channel, Duration.ofSeconds(11));

    assertThat(proxy.dials).isEmpty();
    assertThat(proxy.decisions).singleElement().extracting("verdict").isEqualTo(Verdict.DENY);
    assertThat(proxy.port.registrations()).isZero();
  }

  @Test
  void editDoesNotMakeTheLookForHttpLonger() {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "GET");
    for (int i = 0; i < 3; i++) {
      proxy.port.set(Protocol.DETECT, true);
      pass(channel, Duration.ofSeconds(4));
    }
    assertThat(proxy.dials).hasSize(1);
    assertThat(proxy.lastGeneration()).isEqualTo(4);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whileTheApplicationIsDialedALostRightClosesBothConnections(boolean told) {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "secret");
    Dial dial = proxy.dials.getFirst();
    edit(told, Protocol.OPAQUE, false);
    dial.succeed();

    assertThat(dial.received()).isEmpty();
    assertThat(dial.application().isOpen()).isFalse();
    assertThat(channel.isOpen()).isFalse();
    assertThat(proxy.decisions)
        .extracting("verdict", "policyGeneration")
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(Verdict.ALLOW, 1L),
            org.assertj.core.groups.Tuple.tuple(Verdict.DENY, 2L));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whileTheApplicationIsDialedAnEditToHttpHasWhatWasHeldReadAsRequests(boolean told) {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, POST);
    Dial dial = proxy.dials.getFirst();
    edit(told, Protocol.HTTP1, true);
    dial.succeed();

    assertThat(dial.received()).isEmpty();
    assertThat(dial.application().isOpen()).isFalse();
    assertThat(proxy.served)
        .singleElement()
        .satisfies(http -> assertThat(http.bytes()).hasToString(POST));
  }

  @Test
  void editThatChangesNothingForAConnectionLeavesItsDialAlone() {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "hello");
    proxy.port.set(Protocol.OPAQUE, true);
    proxy.dials.getFirst().succeed();

    assertThat(proxy.dials).hasSize(1);
    assertThat(proxy.dials.getFirst().received()).isEqualTo("hello");
    assertThat(channel.isOpen()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whileTheHandshakeRunsTheConnectionIsDecidedByTheNewPolicy(boolean told) throws Exception {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel client = proxy.client();
    EmbeddedChannel channel = proxy.accept();
    // The server has answered the ClientHello; the client's certificate is still to come.
    assertThat(carry(client, channel)).isTrue();
    assertThat(carry(channel, client)).isTrue();
    edit(told, Protocol.OPAQUE, false);
    exchange(client, channel);

    assertThat(proxy.dials).isEmpty();
    assertThat(channel.isOpen()).isFalse();
    assertThat(proxy.decisions)
        .singleElement()
        .satisfies(
            decision -> {
              assertThat(decision.policyGeneration()).isEqualTo(2);
              assertThat(decision.connection().clientIdentity()).isEqualTo(InboundFixture.CLIENT);
            });
  }

  @Test
  void whileTheTransportHeaderIsAwaitedThePolicyInForceAfterItCounts() throws Exception {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel client = proxy.client(TransportHeader.ALPN);
    EmbeddedChannel channel = proxy.acceptDirect();
    exchange(client, channel);
    ByteBuf header = TransportHeader.encode(client.alloc(), 8080, Connector.Session.OPAQUE);
    ByteBuf rest = header.readRetainedSlice(10);
    client.writeOutbound(rest);
    exchange(client, channel);
    proxy.port.swap(Protocol.HTTP1, true);
    client.writeOutbound(header);
    client.writeOutbound(Unpooled.copiedBuffer(POST, StandardCharsets.US_ASCII));
    exchange(client, channel);

    assertThat(proxy.dials).isEmpty();
    assertThat(proxy.served)
        .singleElement()
        .satisfies(http -> assertThat(http.bytes()).hasToString(POST));
  }

  @Test
  void relayOfAnOpaquePortIsCutWhenItsBytesAreToBeReadFromNowOn() {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "hello");
    Dial dial = proxy.dials.getFirst();
    dial.succeed();
    assertThat(dial.received()).isEqualTo("hello");
    proxy.port.set(Protocol.DETECT, true);

    assertThat(channel.isOpen()).isFalse();
    assertThat(dial.application().isOpen()).isFalse();
    assertThat(proxy.decisions.getLast().reason()).isEqualTo("protocol-error");
    assertThat(proxy.lastGeneration()).isEqualTo(2);
  }

  @Test
  void relayOfWhatWasLookedAtGoesOnWhileThePortIsLookedAt() {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "{not http}");
    proxy.dials.getFirst().succeed();
    proxy.port.set(Protocol.DETECT, true);
    proxy.port.set(Protocol.OPAQUE, true);
    send(channel, "more");

    assertThat(proxy.dials.getFirst().received()).isEqualTo("{not http}more");
    proxy.port.set(Protocol.OPAQUE, false);
    assertThat(channel.isOpen()).isFalse();
  }

  @Test
  void nothingStaysRegisteredForAConnectionThatIsGone() throws Exception {
    proxy.port.set(Protocol.DETECT, true);
    for (int i = 0; i < 2; i++) {
      EmbeddedChannel waiting = proxy.accept();
      EmbeddedChannel dialing = proxy.accept();
      send(dialing, "{not http}");
      EmbeddedChannel relaying = proxy.accept();
      send(relaying, "{not http}");
      proxy.dials.getLast().succeed();
      assertThat(proxy.port.registrations()).isEqualTo(3);
      waiting.close();
      assertThat(proxy.port.registrations()).isEqualTo(2);
      relaying.close();
      relaying.runPendingTasks();
      proxy.dials.getLast().application().close();
      assertThat(proxy.port.registrations()).isEqualTo(1);
      // Bytes that came before the end are still for the application: policy is watched for them.
      dialing.close();
      assertThat(proxy.port.registrations()).isEqualTo(1);
      proxy.dials.get(2 * i).promise().setFailure(new ConnectException("refused"));
      assertThat(proxy.port.registrations()).isZero();
    }
    assertThat(proxy.dials).hasSize(4);
  }

  @Test
  void bytesOfAClientThatIsGoneAreDecidedOnLikeOthers() throws Exception {
    proxy.port.set(Protocol.OPAQUE, true);
    EmbeddedChannel kept = proxy.accept();
    send(kept, "kept");
    EmbeddedChannel denied = proxy.accept();
    send(denied, "denied");
    kept.close();
    denied.close();
    proxy.dials.getFirst().succeed();
    kept.runPendingTasks();
    assertThat(proxy.dials.getFirst().received()).isEqualTo("kept");

    proxy.port.set(Protocol.OPAQUE, false);
    proxy.dials.getLast().succeed();
    assertThat(proxy.dials.getLast().received()).isEmpty();
    assertThat(proxy.dials.getLast().application().isOpen()).isFalse();
    assertThat(proxy.dials.getFirst().application().isOpen()).isFalse();
  }

  @Test
  void serverNameOfForeignTlsIsNoLabel() throws Exception {
    proxy.port.set(Protocol.OPAQUE, false);
    for (int i = 0; i < 50; i++) {
      EmbeddedChannel channel = proxy.accept();
      channel.writeInbound(ClientHellos.withServerName("knock" + i + ".invented.example"));
      channel.runPendingTasks();
      assertThat(channel.isOpen()).isFalse();
    }
    assertThat(proxy.decisions).hasSize(50);
    assertThat(proxy.scrape())
        .doesNotContain("invented")
        .containsPattern("inbound_tcp_authz_deny_total\\{[^}]*tls=\"opaque\"[^}]*} 50");
  }

  private EmbeddedChannel established() throws Exception {
    EmbeddedChannel client = proxy.client();
    EmbeddedChannel channel = proxy.accept();
    exchange(client, channel);
    return channel;
  }
}
