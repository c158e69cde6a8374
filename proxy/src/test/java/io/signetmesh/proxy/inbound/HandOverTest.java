package io.signetmesh.proxy.inbound;

import static io.signetmesh.proxy.inbound.InboundFixture.send;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import io.signetmesh.proxy.authorize.ServerPolicy.Protocol;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The bytes that a connection brought while it was looked at go to the HTTP path. */
class HandOverTest {
  private InboundFixture proxy;

  @BeforeEach
  void start() throws Exception {
    proxy = new InboundFixture();
  }

  @AfterEach
  void stop() {
    proxy.close();
  }

  private EmbeddedChannel served() {
    proxy.port.set(Protocol.DETECT, true);
    EmbeddedChannel channel = proxy.accept();
    send(channel, "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    assertThat(proxy.served).hasSize(1);
    assertThat(proxy.served.getFirst().bytes()).isNotEmpty();
    return channel;
  }

  @Test
  void theConnectionIsReadOn() {
    assertThat(served().config().isAutoRead()).isTrue();
  }

  @Test
  void aConnectionThatHttpReadsNoMoreBecauseOfThemIsNotReadOn() {
    proxy.httpStopsReading = true;
    assertThat(served().config().isAutoRead()).isFalse();
  }
}
