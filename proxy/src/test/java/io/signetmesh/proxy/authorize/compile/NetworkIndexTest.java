package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.IpBits;
import io.signetmesh.proxy.authorize.IpBits.Prefix;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authentication;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Effect;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Entry;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Network;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Networks in numbers that a hostile author of policy would choose. */
final class NetworkIndexTest {
  private static final int TEN = 0x0a00_0000;

  @Test
  @Timeout(10)
  void compilesManyNetworksWithExceptions() throws Exception {
    List<Network> holed =
        IntStream.range(0, 7_000)
            .mapToObj(i -> new Network(ipv4(TEN, 8), List.of(ipv4(TEN | i, 32))))
            .toList();
    List<Entry> entries = IntStream.range(0, 5).mapToObj(i -> new Entry(i, holed)).toList();

    NetworkIndex index = NetworkIndex.of(entries);

    // Every network but one holds the address that it leaves out.
    assertThat(index.first(client(TEN | 17))).isZero();
    assertThat(index.first(client(TEN | 9_000))).isZero();
    assertThat(index.first(client(0x0b00_0000))).isEqualTo(-1);
  }

  @Test
  @Timeout(10)
  void compilesManyNestedNetworksWithExceptions() throws Exception {
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < 6_000; i++) {
      Prefix own = ipv4(TEN | i, 32);
      entries.add(new Entry(i, List.of(new Network(ipv4(TEN, 8 + i % 8), List.of(own)))));
    }

    NetworkIndex index = NetworkIndex.of(entries);

    assertThat(index.first(client(TEN))).isEqualTo(1);
    assertThat(index.first(client(TEN | 1))).isZero();
    assertThat(index.first(client(TEN | 0x80_0000))).isZero();
  }

  @Test
  void aLongListOfOneAuthorizationHoldsForItsAddressesOnly() throws Exception {
    List<Network> blocked =
        IntStream.range(0, 10_000)
            .mapToObj(i -> new Network(ipv4(TEN | 2 * i, 32), List.of()))
            .toList();

    NetworkIndex index = NetworkIndex.of(List.of(new Entry(3, blocked)));

    for (int i = 0; i < 10_000; i++) {
      assertThat(index.first(client(TEN | 2 * i))).isEqualTo(3);
      assertThat(index.first(client(TEN | 2 * i + 1))).isEqualTo(-1);
    }
  }

  @Test
  void aNetworkWithALongListOfExceptionsHoldsForWhatTheyLeave() throws Exception {
    List<Prefix> except = IntStream.range(0, 10_000).mapToObj(i -> ipv4(TEN | 2 * i, 32)).toList();

    NetworkIndex index =
        NetworkIndex.of(List.of(new Entry(0, List.of(new Network(ipv4(TEN, 8), except)))));

    for (int i = 0; i < 10_000; i++) {
      assertThat(index.first(client(TEN | 2 * i))).isEqualTo(-1);
      assertThat(index.first(client(TEN | 2 * i + 1))).isZero();
    }
  }

  @Test
  @Timeout(10)
  void manyIdentitiesOfOneAuthorizationShareItsNetworks() throws Exception {
    List<Network> networks =
        IntStream.range(0, 5_000).mapToObj(i -> new Network(ipv4(TEN | i, 32), List.of())).toList();
    List<String> names = IntStream.range(0, 2_000).mapToObj(i -> "client-" + i + ".a").toList();

    AuthorizationIndex index =
        new AuthorizationIndex(
            List.of(
                new Authorization(
                    new ResourceRef("policy.linkerd.io", "authorizationpolicy", "p"),
                    networks,
                    new Authentication.Identities(names, List.of()))),
            Effect.ALLOW,
            1);

    InetAddress inside = client(TEN | 4_999).address();
    InetAddress outside = client(TEN | 5_000).address();
    assertThat(index.first(new Client(inside, true, "client-1999.a"))).isNotNull();
    assertThat(index.first(new Client(outside, true, "client-1999.a"))).isNull();
    assertThat(index.first(new Client(inside, true, "client-2000.a"))).isNull();
  }

  private static Prefix ipv4(int address, int length) {
    int masked = address & (int) (-1L << (32 - length));
    return new Prefix(0, IpBits.mappedLow(masked), IpBits.mappedPrefix(length));
  }

  private static Client client(int address) throws UnknownHostException {
    byte[] bytes = {
      (byte) (address >>> 24), (byte) (address >>> 16), (byte) (address >>> 8), (byte) address
    };
    return new Client(InetAddress.getByAddress(bytes), false, null);
  }
}
