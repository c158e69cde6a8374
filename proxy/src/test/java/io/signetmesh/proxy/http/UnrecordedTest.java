package io.signetmesh.proxy.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.http.FakePolicy.Rules;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What would be allowed and cannot be recorded is refused, where the workload wants it so. */
@Timeout(60)
class UnrecordedTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);
  private static final Rules ALLOW = new Rules(List.of("/"), List.of(), List.of());

  @Test
  void anHttpRequestIsAnsweredWith503AndTheConnectionServesOn() throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.echoingPaths())) {
      wire.proxy.policy.set(ALLOW);
      wire.proxy.unrecordable = true;

      Http1Client.Message refused = get(wire);

      assertThat(refused.status()).isEqualTo(503);
      assertThat(wire.proxy.decisions).hasSize(1);
      assertThat(wire.proxy.decisions.getFirst().verdict()).isEqualTo(Verdict.DENY);
      assertThat(wire.proxy.decisions.getFirst().reason()).isEqualTo("audit-unavailable");
      assertThat(wire.proxy.dialed).hasValue(0);

      wire.proxy.unrecordable = false;
      Http1Client.Message served = get(wire);
      assertThat(served.status()).isEqualTo(200);
    }
  }

  @Test
  void aConnectionThatIsForwardedIsClosedAndNothingOfItReachesTheApplication() throws Exception {
    try (ServerSocket application = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        MeshPair pair =
            new MeshPair(TRANSPORT, (InetSocketAddress) application.getLocalSocketAddress())) {
      pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
      pair.unrecordable = true;
      try (Socket client = new Socket(pair.outbound().getAddress(), pair.outbound().getPort())) {
        client.getOutputStream().write("hey!\n".getBytes(UTF_8));
        InputStream in = client.getInputStream();
        int read;
        try {
          read = in.read();
        } catch (SocketException reset) {
          read = -1;
        }
        assertThat(read).isEqualTo(-1);
      }
      assertThat(pair.decisions("audit-unavailable")).hasSize(1);
      assertThat(pair.decisions("authorized")).isEmpty();
      application.setSoTimeout(100);
      assertThat(accepts(application)).isFalse();
    }
  }

  private static Http1Client.Message get(Http1Wire wire) throws Exception {
    wire.client.send("GET /a HTTP/1.1\r\nhost: web\r\n\r\n");
    return wire.client.response();
  }

  private static boolean accepts(ServerSocket application) throws Exception {
    try (Socket accepted = application.accept()) {
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }
}
