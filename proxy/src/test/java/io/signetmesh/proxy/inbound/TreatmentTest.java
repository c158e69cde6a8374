package io.signetmesh.proxy.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy.Protocol;
import io.signetmesh.proxy.detect.HttpVersion;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TreatmentTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  private static Treatment of(Protocol protocol, InboundTransport transport) {
    return Treatment.of(new TestPort.Rules(protocol, 1, true), transport, TIMEOUT);
  }

  @ParameterizedTest
  @EnumSource(
      value = Protocol.class,
      names = {"HTTP1", "HTTP2", "GRPC"})
  void nothingButRequestsReachesAnHttpPort(Protocol protocol) {
    InboundTransport mesh = InboundTransport.meshTls(null, null);
    for (InboundTransport transport :
        new InboundTransport[] {
          InboundTransport.PLAINTEXT,
          InboundTransport.FOREIGN_TLS,
          mesh,
          mesh.direct(null),
          mesh.direct(HttpVersion.HTTP1),
          mesh.direct(HttpVersion.HTTP2)
        }) {
      Treatment treatment = of(protocol, transport);
      assertThat(treatment.letsRelayGoOn(true)).as("%s", transport).isFalse();
      if (treatment instanceof Treatment.Detect detect) {
        assertThat(detect.otherwise()).as("%s", transport).isNotNull();
      }
    }
  }

  @Test
  void foreignTlsIsForwardedWhereBytesMayBe() {
    assertThat(of(Protocol.TLS, InboundTransport.FOREIGN_TLS)).isEqualTo(Treatment.RELAY);
    assertThat(of(Protocol.DETECT, InboundTransport.FOREIGN_TLS)).isEqualTo(Treatment.RELAY);
    assertThat(of(Protocol.HTTP1, InboundTransport.FOREIGN_TLS))
        .isEqualTo(new Treatment.Refuse(Reason.PROTOCOL_ERROR));
  }

  @Test
  void relayThatWasNeverLookedAtEndsWhereLookingBegins() {
    Treatment detect = of(Protocol.DETECT, InboundTransport.PLAINTEXT);
    assertThat(detect.letsRelayGoOn(true)).isTrue();
    assertThat(detect.letsRelayGoOn(false)).isFalse();
    assertThat(of(Protocol.OPAQUE, InboundTransport.PLAINTEXT).letsRelayGoOn(false)).isTrue();
  }
}
