package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.channel.ConnectionBudget.Lease;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConnectionBudgetTest {
  private static final int TOTAL = 6_400;

  private final ConnectionBudget budget = new ConnectionBudget(TOTAL);
  private final List<Lease> leases = new ArrayList<>();

  private static InetAddress address(int host) {
    return InetAddress.ofLiteral("10.0." + host / 256 + "." + host % 256);
  }

  /** Connections of an identity from an address, as many of them as are taken. */
  private int connect(int count, int host, String identity) {
    int connected = 0;
    for (int i = 0; i < count; i++) {
      Lease lease = budget.admit(address(host));
      if (lease != null && lease.identify(identity)) {
        leases.add(lease);
        connected++;
      } else if (lease != null) {
        lease.close();
      }
    }
    return connected;
  }

  @Test
  void whoHasOneCertificateLeavesRoomForOthers() {
    int taken = 0;
    for (int host = 0; host < 1_000; host++) {
      taken += connect(20, host, "stolen");
    }
    assertThat(taken).isBetween(TOTAL / 2, TOTAL / 2 + 1);
    // A deployment of a thousand replicas, each with two connections.
    for (int host = 1_000; host < 1_600; host++) {
      assertThat(connect(2, host, "deployment")).isEqualTo(2);
    }
  }

  @Test
  void whoHasOneAddressLeavesRoomForOthers() {
    int taken = 0;
    for (int i = 0; i < TOTAL; i++) {
      taken += connect(1, 1, "identity" + i);
    }
    assertThat(taken).isBetween(TOTAL / 2, TOTAL / 2 + 1);
    assertThat(connect(1, 2, "other")).isEqualTo(1);
  }

  @Test
  void addressWithoutCertificateHoldsFewConnections() {
    int taken = 0;
    while (budget.admit(address(1)) != null) {
      taken++;
    }
    assertThat(taken).isEqualTo(TOTAL / 16);
    assertThat(connect(1, 2, "other")).isEqualTo(1);
  }

  @Test
  void thousandReplicasOfOneIdentityAreTaken() {
    for (int host = 0; host < 1_000; host++) {
      assertThat(connect(3, host, "deployment")).isEqualTo(3);
    }
  }

  @Test
  void nobodyIsTakenBeyondTheTotalAndPlacesComeBack() {
    for (int host = 0; host < TOTAL; host++) {
      assertThat(connect(1, host, "identity" + host % 100)).isEqualTo(1);
    }
    assertThat(connect(1, 1, "late")).isZero();

    Lease first = leases.getFirst();
    first.close();
    first.close();
    assertThat(first.identify("again")).isFalse();
    assertThat(connect(2, 1, "late")).isEqualTo(1);

    leases.forEach(Lease::close);
    leases.clear();
    assertThat(connect(TOTAL / 2, 1, "late")).isEqualTo(TOTAL / 2);
  }

  @Test
  void processHasABudget() {
    assertThat(ConnectionBudget.ofProcess().total()).isGreaterThanOrEqualTo(64);
  }
}
