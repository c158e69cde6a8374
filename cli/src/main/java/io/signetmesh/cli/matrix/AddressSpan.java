package io.signetmesh.cli.matrix;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;

/**
 * Addresses from the first to the last, both of one family.
 *
 * @param bits 32 for IPv4, 128 for IPv6
 * @param first lowest address as a number
 * @param last highest address as a number
 */
record AddressSpan(int bits, BigInteger first, BigInteger last) {
  /** The span of a prefix. */
  static AddressSpan ofPrefix(byte[] address, int length) {
    int bits = address.length * 8;
    BigInteger host = BigInteger.ONE.shiftLeft(bits - length).subtract(BigInteger.ONE);
    BigInteger low = new BigInteger(1, address).andNot(host);
    return new AddressSpan(bits, low, low.or(host));
  }

  /** Highest address of a family. */
  static BigInteger highest(int bits) {
    return BigInteger.ONE.shiftLeft(bits).subtract(BigInteger.ONE);
  }

  /** Whether it is all of its family. */
  boolean isWhole() {
    return first.signum() == 0 && last.equals(highest(bits));
  }

  /** An address as the engine takes it. */
  static InetAddress address(int bits, BigInteger number) {
    byte[] bytes = new byte[bits / 8];
    byte[] digits = number.toByteArray();
    int length = Math.min(digits.length, bytes.length);
    System.arraycopy(digits, digits.length - length, bytes, bytes.length - length, length);
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
  }

  /** The fewest prefixes that make it up, lowest first. */
  List<String> prefixes() {
    List<String> prefixes = new ArrayList<>();
    BigInteger at = first;
    while (at.compareTo(last) <= 0) {
      int free = at.signum() == 0 ? bits : Math.min(bits, at.getLowestSetBit());
      BigInteger left = last.subtract(at).add(BigInteger.ONE);
      int size = Math.min(free, left.bitLength() - 1);
      prefixes.add(address(bits, at).getHostAddress() + "/" + (bits - size));
      at = at.add(BigInteger.ONE.shiftLeft(size));
    }
    return prefixes;
  }
}
