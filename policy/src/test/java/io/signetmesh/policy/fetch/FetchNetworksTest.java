package io.signetmesh.policy.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.network.Cidr;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which addresses keys are fetched from. */
final class FetchNetworksTest {
  private static final FetchNetworks INTERNET = new FetchNetworks(List.of());

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a01:203",
        "64:ff9b:1::1",
        "100::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1"
      })
  void specialAddressesAreRefusedUnlessTheOperatorNamesThem(String address) throws Exception {
    InetAddress one = InetAddress.getByName(address);
    assertThat(INTERNET.allow(one)).isFalse();
    assertThat(new FetchNetworks(List.of(Cidr.parse(address))).allow(one)).isTrue();
    assertThat(new FetchNetworks(List.of(Cidr.parse("8.8.8.0/24"))).allow(one)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"8.8.8.8", "172.32.0.1", "193.0.0.1", "2606:4700::1", "64:ff9b::808:808"})
  void addressesOfTheInternetAreTaken(String address) throws Exception {
    assertThat(INTERNET.allow(InetAddress.getByName(address))).isTrue();
  }
}
