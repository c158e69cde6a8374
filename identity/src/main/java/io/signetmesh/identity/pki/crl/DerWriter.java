package io.signetmesh.identity.pki.crl;

import java.util.Arrays;

/**
 * Writes DER (X.690) from its end to its beginning, so that each length is known when it is written
 * and nothing is copied twice. What is written last comes first.
 */
final class DerWriter {
  private byte[] bytes;
  private int start;

  DerWriter(int capacity) {
    this.bytes = new byte[Math.max(capacity, 64)];
    this.start = bytes.length;
  }

  /** Bytes written so far: what to give to {@link #wrap} for all that comes after. */
  int length() {
    return bytes.length - start;
  }

  DerWriter prepend(byte[] content) {
    room(content.length);
    start -= content.length;
    System.arraycopy(content, 0, bytes, start, content.length);
    return this;
  }

  /** An element of this content. */
  DerWriter element(int tag, byte[] content) {
    int before = length();
    prepend(content);
    return wrap(tag, before);
  }

  /** Makes all that was written since there were {@code before} bytes the content of an element. */
  DerWriter wrap(int tag, int before) {
    int length = length() - before;
    room(6);
    if (length < 0x80) {
      bytes[--start] = (byte) length;
    } else {
      int count = 0;
      for (int rest = length; rest > 0; rest >>>= 8) {
        bytes[--start] = (byte) rest;
        count++;
      }
      bytes[--start] = (byte) (0x80 | count);
    }
    bytes[--start] = (byte) tag;
    return this;
  }

  byte[] toByteArray() {
    return Arrays.copyOfRange(bytes, start, bytes.length);
  }

  private void room(int length) {
    if (start < length) {
      byte[] larger = new byte[Math.max(2 * bytes.length, bytes.length + length)];
      int written = length();
      System.arraycopy(bytes, start, larger, larger.length - written, written);
      start = larger.length - written;
      bytes = larger;
    }
  }
}
