package io.signetmesh.rego;

import java.nio.charset.StandardCharsets;

/** Reads a range of a WebAssembly file. What is cut off or too large is an exception. */
final class ByteReader {
  private final byte[] bytes;
  private final int end;
  private final String what;
  private int at;

  /**
   * @param what names the range in errors
   */
  ByteReader(byte[] bytes, int from, int end, String what) {
    this.bytes = bytes;
    this.at = from;
    this.end = end;
    this.what = what;
  }

  int position() {
    return at;
  }

  boolean more() {
    return at < end;
  }

  /** The bytes that follow, and moves behind them. */
  ByteReader range(int size, String what) throws InvalidRegoException {
    if (size < 0 || size > end - at) {
      throw broken("%s of %d bytes does not fit".formatted(what, size & 0xffffffffL));
    }
    ByteReader range = new ByteReader(bytes, at, at + size, what);
    at += size;
    return range;
  }

  int octet() throws InvalidRegoException {
    if (at == end) {
      throw broken("it is cut off");
    }
    return bytes[at++] & 0xff;
  }

  void expect(int octet) throws InvalidRegoException {
    int found = octet();
    if (found != octet) {
      throw broken("expected 0x%02x, found 0x%02x".formatted(octet, found));
    }
  }

  /** An unsigned number in LEB128, at most 2^31 - 1. */
  int number() throws InvalidRegoException {
    long value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      int octet = octet();
      value |= (long) (octet & 0x7f) << shift;
      if (octet < 0x80) {
        if (value > Integer.MAX_VALUE) {
          throw broken("the number %d is too large".formatted(value));
        }
        return (int) value;
      }
    }
    throw broken("a number is longer than 5 bytes");
  }

  /** A number of things that follow. */
  int count(int most, String things) throws InvalidRegoException {
    int count = number();
    if (count > most) {
      throw new InvalidRegoException(
          "policy.wasm has %,d %s, at most %,d are accepted".formatted(count, things, most));
    }
    if (count > end - at) {
      throw broken("%,d %s do not fit".formatted(count, things));
    }
    return count;
  }

  String name() throws InvalidRegoException {
    int size = number();
    if (size > end - at) {
      throw broken("a name of %d bytes does not fit".formatted(size));
    }
    String name = new String(bytes, at, size, StandardCharsets.UTF_8);
    at += size;
    return name;
  }

  void skip(int size) throws InvalidRegoException {
    if (size > end - at) {
      throw broken("it is cut off");
    }
    at += size;
  }

  /** A signed number in LEB128 of at most {@code octets} bytes. */
  void signed(int octets) throws InvalidRegoException {
    for (int i = 0; i < octets; i++) {
      if (octet() < 0x80) {
        return;
      }
    }
    throw broken("a number is longer than %d bytes".formatted(octets));
  }

  /** An unsigned number in LEB128 of at most 5 bytes, whatever it is. */
  void skipNumber() throws InvalidRegoException {
    signed(5);
  }

  void done() throws InvalidRegoException {
    if (more()) {
      throw broken("%d bytes are left over".formatted(end - at));
    }
  }

  InvalidRegoException broken(String problem) {
    return new InvalidRegoException(
        "policy.wasm is broken in %s, at byte %d: %s".formatted(what, at, problem));
  }
}
