package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.workload.IdentityClient;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Certificates that the network loses after the identity server has sent them. */
@Timeout(180)
final class LostAnswerIT extends RotationServer {
  @Test
  void aLeafThatTheNetworkLostHoldsNoRotation() throws Exception {
    try (Relay relay = new Relay(server.address().getPort())) {
      AtomicBoolean toLose = new AtomicBoolean(true);
      onRecord =
          event -> {
            if (event instanceof AdministrativeEvent act
                && act.act().equals("certificate-issued")
                && toLose.getAndSet(false)) {
              relay.cutClients();
            }
          };

      IdentityClient web = client("web", loops, relay.port());

      assertThat(toLose).isFalse();
      List<IssuedLeaf> issued = parts().issued().of(identity("web").dnsName());
      assertThat(issued).hasSize(2);
      assertThat(web.credentials().certificate().leaf().getSerialNumber().toString(16))
          .isEqualTo(issued.getLast().serial());
      await("only the leaf that arrived counts", () -> trust().getLive() == 1);
      assertThat(trust().getSilent()).isZero();

      rotate(request().toBuilder().setRenewWindow(Duration.getDefaultInstance()).build());
      awaitEnd();
      assertThat(trust().getRotation().getWaivedList()).isEmpty();
    }
  }

  /** Takes all to the server. What comes from there can be lost, without the server seeing it. */
  private static final class Relay implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Set<Socket> clients = ConcurrentHashMap.newKeySet();
    private final Set<Socket> servers = ConcurrentHashMap.newKeySet();
    private final int server;

    Relay(int server) throws IOException {
      this.server = server;
      Thread.ofVirtual().start(this::accept);
    }

    int port() {
      return listener.getLocalPort();
    }

    private void accept() {
      try {
        while (true) {
          Socket client = listener.accept();
          Socket to = new Socket(InetAddress.getLoopbackAddress(), server);
          clients.add(client);
          servers.add(to);
          Thread.ofVirtual().start(() -> copy(client, to));
          Thread.ofVirtual().start(() -> copy(to, client));
        }
      } catch (IOException e) {
        assertThat(listener.isClosed()).isTrue();
      }
    }

    /** Nothing of an end is told to the other side; what cannot be written is dropped. */
    private static void copy(Socket from, Socket to) {
      byte[] buffer = new byte[8 * 1024];
      try {
        InputStream in = from.getInputStream();
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
          if (!to.isClosed()) {
            write(to, buffer, count);
          }
        }
      } catch (IOException e) {
        // It was cut.
      }
    }

    private static void write(Socket to, byte[] buffer, int count) {
      try {
        to.getOutputStream().write(buffer, 0, count);
      } catch (IOException e) {
        // It was cut.
      }
    }

    /** The network is gone for those connections that the clients have now. */
    void cutClients() {
      for (Socket client : clients) {
        try {
          client.close();
        } catch (IOException e) {
          throw new IllegalStateException(e);
        }
      }
    }

    @Override
    public void close() throws IOException {
      listener.close();
      cutClients();
      for (Socket one : servers) {
        one.close();
      }
    }
  }
}
