package io.signetmesh.proxy.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class ClientNetworkTest {
  private static ClientNetwork of(String address) throws UnknownHostException {
    return ClientNetwork.of(InetAddress.ofLiteral(address));
  }

  @Test
  void anAddressOfIpv4StandsForItself() throws UnknownHostException {
    assertThat(of("10.1.2.3")).isEqualTo(of("10.1.2.3")).isNotEqualTo(of("10.1.2.4"));
  }

  @Test
  void anAddressOfIpv6StandsForItsNetworkOf64Bits() throws UnknownHostException {
    assertThat(of("2001:db8:0:1::1"))
        .isEqualTo(of("2001:db8:0:1:ffff::2"))
        .isNotEqualTo(of("2001:db8:0:2::1"));
  }

  @Test
  void theTwoKindsAreNeverTheSame() throws UnknownHostException {
    assertThat(of("0.0.0.1")).isNotEqualTo(of("0:0:0:1::"));
  }

  @Test
  void aMappedAddressIsTheAddressOfIpv4() throws UnknownHostException {
    assertThat(of("::ffff:10.1.2.3")).isEqualTo(of("10.1.2.3"));
  }
}
