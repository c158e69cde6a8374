package io.signetmesh.policy.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.network.Cidr;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which networks leave no address. */
final class NetworkMatchTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/8, 10.0.0.0/8, true",
    "10.0.0.0/8, 0.0.0.0/0, true",
    "10.0.0.0/8, 10.0.0.0/9 10.128.0.0/9, true",
    "10.0.0.0/8, 10.128.0.0/9 10.0.0.0/10 10.64.0.0/10 10.1.0.0/16 10.1.2.3, true",
    "0.0.0.0/0, 0.0.0.0/1 128.0.0.0/1, true",
    "::/0, ::/1 8000::/1, true",
    "10.0.0.0/31, 10.0.0.0 10.0.0.1, true",
    "10.0.0.0/8, 10.0.0.0/9 10.128.0.0/10, false",
    "10.0.0.0/8, 10.0.0.0/9 10.0.0.0/10 10.64.0.0/10, false",
    "10.0.0.0/8, 10.0.0.0/9 11.128.0.0/9, false",
    "::/0, 0.0.0.0/0, false",
    "10.0.0.1, 10.0.0.0, false"
  })
  void exceptionsLeaveNoAddressWhenTheyCoverTheNetworkTogether(
      String network, String except, boolean expected) {
    assertThat(match(network, except.split(" ")).isVoid()).isEqualTo(expected);
  }

  @Property(tries = 5_000)
  void isVoidWhenEachAddressIsExcepted(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    String[] holes = new String[random.nextInt(7)];
    for (int i = 0; i < holes.length; i++) {
      holes[i] = "10.0.0." + random.nextInt(10) + "/" + (27 + random.nextInt(6));
    }
    NetworkMatch match = match("10.0.0.0/29", holes);
    boolean left = false;
    for (int last = 0; last < 8; last++) {
      InetAddress address = InetAddress.getByAddress(new byte[] {10, 0, 0, (byte) last});
      left |= match.except().stream().noneMatch(hole -> hole.contains(address));
    }
    assertThat(match.isVoid()).isEqualTo(!left);
  }

  private static NetworkMatch match(String network, String... except) {
    return new NetworkMatch(Cidr.parse(network), Arrays.stream(except).map(Cidr::parse).toList());
  }
}
