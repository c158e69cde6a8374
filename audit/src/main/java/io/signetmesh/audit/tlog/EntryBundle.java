package io.signetmesh.audit.tlog;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Entries one after the other, each behind its length as a big-endian uint16. */
public final class EntryBundle {
  /** Largest entry, bytes. */
  public static final int MAX_ENTRY = 0xffff;

  private EntryBundle() {}

  /**
   * Writes entries.
   *
   * @throws IllegalArgumentException when one has more than {@link #MAX_ENTRY} bytes
   */
  public static byte[] encode(List<byte[]> entries) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] entry : entries) {
      requireSize(entry);
      out.write(entry.length >>> 8);
      out.write(entry.length);
      out.writeBytes(entry);
    }
    return out.toByteArray();
  }

  /** Refuses an entry that does not fit. */
  static void requireSize(byte[] entry) {
    if (entry.length > MAX_ENTRY) {
      throw new IllegalArgumentException(
          "an entry of " + entry.length + " bytes: expected at most " + MAX_ENTRY);
    }
  }

  /**
   * Reads entries.
   *
   * @throws MalformedLogException when the last one is cut off
   */
  public static List<byte[]> decode(byte[] bundle) throws MalformedLogException {
    List<byte[]> entries = new ArrayList<>();
    int read = decode(bundle, entries);
    if (read < bundle.length) {
      throw new MalformedLogException(
          "entry "
              + entries.size()
              + " is cut off: expected "
              + (length(bundle, read) + 2)
              + " bytes at offset "
              + read
              + ", there are "
              + (bundle.length - read));
    }
    return entries;
  }

  /** Reads the entries before the one that is cut off. */
  static List<byte[]> decodeUntilCut(byte[] bundle) {
    List<byte[]> entries = new ArrayList<>();
    decode(bundle, entries);
    return entries;
  }

  /** Says how many bytes the entries are that are not cut off. */
  private static int decode(byte[] bundle, List<byte[]> entries) {
    int at = 0;
    while (at < bundle.length) {
      int begin = at + 2;
      int end = begin + length(bundle, at);
      if (end > bundle.length) {
        break;
      }
      entries.add(Arrays.copyOfRange(bundle, begin, end));
      at = end;
    }
    return at;
  }

  /** The length at an offset; 0 when it is cut off itself. */
  private static int length(byte[] bundle, int at) {
    return bundle.length - at < 2 ? 0 : (bundle[at] & 0xff) << 8 | (bundle[at + 1] & 0xff);
  }
}
