package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ListenersTest {
  @Test
  void readsOutboundListeners() {
    assertThat(
            OutboundListener.parse(
                "127.0.1.10:18080=web.shop.svc.cluster.local:80, [::1]:9090=greeter.shop:9090,"))
        .containsExactly(
            new OutboundListener(
                new InetSocketAddress("127.0.1.10", 18080), "web.shop.svc.cluster.local:80"),
            new OutboundListener(new InetSocketAddress("::1", 9090), "greeter.shop:9090"));
  }

  @Test
  void writesWhatItReads() {
    String text = "127.0.1.10:18080=web.shop.svc.cluster.local:80";
    assertThat(OutboundListener.parse(text)).singleElement().hasToString(text);
    assertThat(InboundListener.parse("18080=8080")).singleElement().hasToString("18080=8080");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.1.10:18080",
        "localhost:18080=web:80",
        "127.0.1.10:0=web:80",
        "127.0.1.10:65536=web:80",
        "127.0.1.10=web:80",
        "::1:80=web:80",
        "127.0.1.10:18080=web",
        "127.0.1.10:18080=:80",
        "127.0.1.10:18080=web:http",
        "127.0.1.10:+80=web:80",
      })
  void refusesWhatIsNoOutboundListener(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> OutboundListener.parse(text));
  }

  @Test
  void readsInboundListeners() {
    assertThat(InboundListener.parse("18080=8080,19090=9090"))
        .containsExactly(new InboundListener(18080, 8080), new InboundListener(19090, 9090));
  }

  @ParameterizedTest
  @ValueSource(strings = {"18080", "8080=8080", "=8080", "18080=", "a=b", "18080=8080=1"})
  void refusesWhatIsNoInboundListener(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> InboundListener.parse(text));
  }
}
