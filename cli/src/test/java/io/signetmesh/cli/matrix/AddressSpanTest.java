package io.signetmesh.cli.matrix;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import org.junit.jupiter.api.Test;

final class AddressSpanTest {
  private static AddressSpan v4(long first, long last) {
    return new AddressSpan(32, BigInteger.valueOf(first), BigInteger.valueOf(last));
  }

  @Test
  void isMadeUpOfTheFewestPrefixes() {
    assertThat(v4(0x0a00_0001, 0x0a00_0006).prefixes())
        .containsExactly("10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32");
    assertThat(v4(0, 0xffff_ffffL).prefixes()).containsExactly("0.0.0.0/0");
    assertThat(v4(0xffff_ffffL, 0xffff_ffffL).prefixes()).containsExactly("255.255.255.255/32");
  }

  @Test
  void takesTheHostBitsOfAPrefixForAllAddresses() {
    AddressSpan span = AddressSpan.ofPrefix(new byte[] {10, 1, 2, 3}, 24);
    assertThat(span.prefixes()).containsExactly("10.1.2.0/24");
    assertThat(span.isWhole()).isFalse();
    assertThat(AddressSpan.ofPrefix(new byte[16], 0).isWhole()).isTrue();
  }

  @Test
  void writesIpv6() {
    AddressSpan span =
        new AddressSpan(128, BigInteger.ONE.shiftLeft(127), AddressSpan.highest(128));
    assertThat(span.prefixes()).containsExactly("8000:0:0:0:0:0:0:0/1");
  }
}
