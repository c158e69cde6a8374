package io.signetmesh.crds.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class CidrProperties {
  @Provide
  Arbitrary<byte[]> addresses() {
    Arbitrary<Byte> bytes = Arbitraries.of((byte) 0, (byte) 1, (byte) 127, (byte) -1, (byte) 10);
    return Arbitraries.of(4, 16).flatMap(size -> bytes.array(byte[].class).ofSize(size));
  }

  @Provide
  Arbitrary<Cidr> networks() {
    return Combinators.combine(addresses(), Arbitraries.integers().between(0, 128))
        .as((address, length) -> Cidr.parse(text(address) + "/" + Math.min(length, bits(address))));
  }

  @Property
  void writesWhatItReads(@ForAll("networks") Cidr network) {
    assertThat(Cidr.parse(network.toString())).isEqualTo(network).hasSameHashCodeAs(network);
  }

  @Property
  void containsAnAddressWhoseLeadingBitsAreTheSame(
      @ForAll("networks") Cidr network, @ForAll("addresses") byte[] address) {
    byte[] plain = Cidr.parse(text(address)).address();
    byte[] base = network.address();
    boolean expected =
        base.length == plain.length
            && new BigInteger(1, base)
                .shiftRight(base.length * 8 - network.prefixLength())
                .equals(
                    new BigInteger(1, plain).shiftRight(base.length * 8 - network.prefixLength()));
    assertThat(network.contains(address)).isEqualTo(expected);
    assertThat(network.contains(Cidr.parse(text(address)))).isEqualTo(expected);
  }

  @Property
  void aNarrowerNetworkIsInsideOfAWiderOne(
      @ForAll("addresses") byte[] address,
      @ForAll @IntRange(max = 128) int a,
      @ForAll @IntRange(max = 128) int b) {
    int bits = bits(address);
    int wide = Math.min(Math.min(a, b), bits);
    int narrow = Math.min(Math.max(a, b), bits);
    Cidr wider = Cidr.parse(text(address) + "/" + wide);
    Cidr narrower = Cidr.parse(text(address) + "/" + narrow);
    assertThat(wider.contains(narrower)).isTrue();
    assertThat(narrower.contains(wider)).isEqualTo(wide == narrow);
  }

  @Property
  void anyTextIsReadOrRefusedInWords(@ForAll String text) {
    try {
      assertThat(Cidr.parse(text).prefixLength()).isBetween(0, 128);
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("is not a network");
    }
  }

  private static int bits(byte[] address) {
    return address.length * 8;
  }

  private static String text(byte[] address) {
    if (address.length == 4) {
      try {
        return InetAddress.getByAddress(address).getHostAddress();
      } catch (UnknownHostException e) {
        throw new AssertionError(e);
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 16; i += 2) {
      text.append(i == 0 ? "" : ":")
          .append(Integer.toHexString((address[i] & 0xff) << 8 | (address[i + 1] & 0xff)));
    }
    return text.toString();
  }
}
