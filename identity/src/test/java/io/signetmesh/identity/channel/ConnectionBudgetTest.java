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

  /** Connections from an address whose handshakes end without certificate: those that stay. */
  private int connectAnonymously(int count, InetAddress address) {
    int connected = 0;
    for (int i = 0; i < count; i++) {
      Lease lease = budget.admit(address);
      if (lease != null && lease.stayAnonymous()) {
        leases.add(lease);
        connected++;
      } else if (lease != null) {
        lease.close();
      }
    }
    return connected;
  }

  /** Handshakes that do not end. */
  private int handshakes(int count, InetAddress address) {
    int begun = 0;
    for (int i = 0; i < count; i++) {
      Lease lease = budget.admit(address);
      if (lease != null) {
        leases.add(lease);
        begun++;
      }
    }
    return begun;
  }

  @Test
  void addressWithoutCertificateHoldsFewConnections() {
    assertThat(connectAnonymously(TOTAL, address(1))).isEqualTo(TOTAL / 16);
    assertThat(connect(1, 2, "other")).isEqualTo(1);
  }

  @Test
  void addressFullOfConnectionsWithoutCertificateTakesThoseWithOne() {
    assertThat(connectAnonymously(TOTAL, address(1))).isEqualTo(TOTAL / 16);
    assertThat(connect(TOTAL / 4, 1, "proxy")).isEqualTo(TOTAL / 4);
  }

  @Test
  void addressBeginsAQuarterOfTheHandshakesAtMost() {
    assertThat(connectAnonymously(TOTAL, address(1))).isEqualTo(TOTAL / 16);
    assertThat(handshakes(TOTAL, address(1))).isEqualTo(TOTAL / 4);
    assertThat(connect(1, 1, "same address")).isZero();
    leases.getLast().close();
    assertThat(connect(1, 1, "same address")).isEqualTo(1);
    assertThat(connect(1, 2, "other")).isEqualTo(1);
  }

  @Test
  void manyAddressesWithoutCertificateLeaveRoomForHandshakes() {
    int anonymous = 0;
    for (int host = 0; host < 1_000; host++) {
      anonymous += connectAnonymously(100, address(host));
    }
    assertThat(anonymous).isEqualTo(TOTAL / 4);
    assertThat(connect(200, 1_001, "proxy")).isEqualTo(200);
  }

  @Test
  void allWithoutCertificateTogetherTakeHalf() {
    int uncertified = 0;
    for (int host = 0; host < 1_000; host++) {
      uncertified += connectAnonymously(10, address(host));
    }
    for (int host = 0; host < 1_000; host++) {
      uncertified += handshakes(100, address(host));
    }
    assertThat(uncertified).isEqualTo(TOTAL / 2);
    assertThat(budget.taken()).isEqualTo(TOTAL / 2);

    leases.getLast().close();
    assertThat(connect(2_000, 1_001, "proxy")).isBetween(100, TOTAL / 4);
  }

  @Test
  void oneAddressLeavesRoomForOthersInTheSmallestBudgetOfAProcess() {
    ConnectionBudget small = new ConnectionBudget(64);
    InetAddress greedy = address(1);
    int held = 0;
    for (int i = 0; i < 64; i++) {
      Lease lease = small.admit(greedy);
      held += lease != null && lease.stayAnonymous() ? 1 : 0;
    }
    while (small.admit(greedy) != null) {
      held++;
    }
    assertThat(held).isPositive();
    assertThat(small.taken()).isLessThan(32);
    Lease other = small.admit(address(2));
    assertThat(other).isNotNull();
    assertThat(other.identify("other")).isTrue();
  }

  @Test
  void addressesOfOneIpv6NetworkCountAsOne() {
    int taken = 0;
    for (int host = 0; host < 1_000; host++) {
      InetAddress address =
          InetAddress.ofLiteral("2001:db8:0:1:" + Integer.toHexString(host) + "::1");
      taken += connectAnonymously(1, address);
    }
    assertThat(taken).isEqualTo(TOTAL / 16);
    assertThat(connectAnonymously(1, InetAddress.ofLiteral("2001:db8:0:2::1"))).isEqualTo(1);
  }

  @Test
  void addressesOfIpv4AndOfIpv6AreNotMixedUp() {
    assertThat(connectAnonymously(TOTAL, InetAddress.ofLiteral("::1"))).isEqualTo(TOTAL / 16);
    assertThat(connectAnonymously(1, InetAddress.ofLiteral("0.0.0.0"))).isEqualTo(1);
    assertThat(connectAnonymously(1, InetAddress.ofLiteral("127.0.0.1"))).isEqualTo(1);
  }

  @Test
  void twoThousandProxiesOfOneAddressConnectAtOnce() {
    // As many as a heap of 512 MiB gives; handshakes end in the order in which they began.
    ConnectionBudget process = new ConnectionBudget(8_192);
    List<Lease> begun = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      Lease lease = process.admit(address(1));
      assertThat(lease).isNotNull();
      begun.add(lease);
    }
    for (int i = 0; i < begun.size(); i++) {
      assertThat(begun.get(i).identify("namespace" + i % 20)).isTrue();
    }
  }

  @Test
  void processWithAThousandDescriptorsTakesTheProxiesOfItsHost() {
    ConnectionBudget process = new ConnectionBudget(1_024 / 4 * 3);
    for (int i = 0; i < 40; i++) {
      Lease certify = process.admit(address(1));
      assertThat(certify).isNotNull();
      assertThat(certify.stayAnonymous()).isTrue();
    }
    List<Lease> streams = new ArrayList<>();
    for (int i = 0; i < 190; i++) {
      Lease lease = process.admit(address(1));
      assertThat(lease).isNotNull();
      streams.add(lease);
    }
    for (Lease lease : streams) {
      assertThat(lease.identify("proxy")).isTrue();
    }
  }

  @Test
  void leaseIsCountedOnceWhateverIsSaidOfIt() {
    Lease lease = budget.admit(address(1));
    assertThat(lease).isNotNull();
    assertThat(lease.stayAnonymous()).isTrue();
    assertThat(lease.stayAnonymous()).isTrue();
    assertThat(lease.identify("late")).isFalse();
    lease.close();
    lease.close();
    assertThat(lease.stayAnonymous()).isFalse();
    assertThat(budget.taken()).isZero();
    assertThat(connectAnonymously(TOTAL, address(1))).isEqualTo(TOTAL / 16);
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
