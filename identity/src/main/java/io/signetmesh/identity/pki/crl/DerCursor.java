package io.signetmesh.identity.pki.crl;

import io.signetmesh.identity.pki.PkiException;
import java.util.Arrays;

/**
 * Walks over DER (X.690) without copying it. Takes single-byte tags and definite lengths in their
 * shortest form only; whatever else comes is refused with its offset.
 */
final class DerCursor {
  static final int BOOLEAN = 0x01;
  static final int INTEGER = 0x02;
  static final int BIT_STRING = 0x03;
  static final int OCTET_STRING = 0x04;
  static final int OBJECT_IDENTIFIER = 0x06;
  static final int ENUMERATED = 0x0a;
  static final int UTF8_STRING = 0x0c;
  static final int UTC_TIME = 0x17;
  static final int GENERALIZED_TIME = 0x18;
  static final int SEQUENCE = 0x30;

  /** No element follows. */
  static final int END = -1;

  private final byte[] der;
  private int at;
  private final int end;

  DerCursor(byte[] der, int from, int to) {
    this.der = der;
    this.at = from;
    this.end = to;
  }

  byte[] array() {
    return der;
  }

  int offset() {
    return at;
  }

  int end() {
    return end;
  }

  boolean hasMore() {
    return at < end;
  }

  /** Tag of the element that follows; {@link #END} when there is none. */
  int peek() {
    return at < end ? der[at] & 0xff : END;
  }

  /** Goes into an element that must have this tag, and moves behind it. */
  DerCursor enter(int tag) throws PkiException {
    int start = at;
    if (at >= end) {
      throw new PkiException("nothing at offset " + at + ": expected tag " + hex(tag));
    }
    int found = der[at] & 0xff;
    if (found != tag) {
      throw new PkiException("tag " + hex(found) + " at offset " + at + ": expected " + hex(tag));
    }
    at++;
    int length = length(start);
    DerCursor inside = new DerCursor(der, at, at + length);
    at += length;
    return inside;
  }

  /** Moves behind an element with this tag and gives all of its bytes. */
  byte[] whole(int tag) throws PkiException {
    int start = at;
    enter(tag);
    return copy(start, at);
  }

  /** Moves behind an element with this tag and gives its content. */
  byte[] content(int tag) throws PkiException {
    DerCursor inside = enter(tag);
    return copy(inside.at, inside.end);
  }

  /** Content of an INTEGER: two's complement in its shortest form. */
  byte[] integer() throws PkiException {
    int start = at;
    byte[] content = content(INTEGER);
    boolean isShortest =
        content.length == 1
            || (content.length > 1
                && !(content[0] == 0 && content[1] >= 0)
                && !(content[0] == -1 && content[1] < 0));
    if (!isShortest) {
      throw new PkiException("INTEGER at offset " + start + " is not in its shortest form");
    }
    return content;
  }

  /** A number from 0 to 2^63-1. */
  long number() throws PkiException {
    int start = at;
    byte[] content = integer();
    if (content[0] < 0 || content.length > 8) {
      throw new PkiException("number at offset " + start + ": expected 0 to 2^63-1");
    }
    long number = 0;
    for (byte b : content) {
      number = number << 8 | (b & 0xff);
    }
    return number;
  }

  /** TRUE, or FALSE of a BOOLEAN with this tag. */
  boolean truth(int tag) throws PkiException {
    int start = at;
    DerCursor inside = enter(tag);
    if (inside.end - inside.at != 1 || (der[inside.at] != 0 && der[inside.at] != -1)) {
      throw new PkiException("BOOLEAN at offset " + start + ": expected 00 or ff");
    }
    return der[inside.at] != 0;
  }

  /** Nothing may follow. */
  void finish() throws PkiException {
    if (at < end) {
      throw new PkiException((end - at) + " bytes at offset " + at + ": expected nothing more");
    }
  }

  private byte[] copy(int from, int to) {
    return Arrays.copyOfRange(der, from, to);
  }

  private int length(int start) throws PkiException {
    if (at >= end) {
      throw new PkiException("element at offset " + start + " has no length");
    }
    int first = der[at++] & 0xff;
    int length = first;
    if (first >= 0x80) {
      int bytes = first & 0x7f;
      if (bytes == 0 || bytes > 4 || end - at < bytes) {
        throw new PkiException("element at offset " + start + " has no definite length");
      }
      long value = 0;
      for (int i = 0; i < bytes; i++) {
        value = value << 8 | (der[at++] & 0xff);
      }
      if (value < 0x80 || value >>> (8 * (bytes - 1)) == 0 || value > Integer.MAX_VALUE) {
        throw new PkiException(
            "length of the element at offset " + start + " is not in its shortest form");
      }
      length = (int) value;
    }
    if (length > end - at) {
      throw new PkiException(
          "element at offset "
              + start
              + " has "
              + length
              + " bytes of content, "
              + (end - at)
              + " are there");
    }
    return length;
  }

  private static String hex(int tag) {
    return "0x" + Integer.toHexString(tag);
  }
}
