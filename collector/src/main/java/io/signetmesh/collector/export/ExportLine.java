package io.signetmesh.collector.export;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.signetmesh.audit.tlog.TreeHash;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * A line of an export in JSON Lines: an entry exactly as the log holds it, with its id and its leaf
 * hash. One that is not a plain line of JSON is there in base64.
 *
 * @param index in the log
 * @param leaf what the line says that the entry hashes to
 * @param entry the bytes of the entry
 */
@SuppressWarnings("ArrayRecordComponent") // lines are not compared
public record ExportLine(long index, TreeHash leaf, byte[] entry) {
  /** Longest line, bytes: the longest entry in base64, and what is around it. */
  public static final int MAX_BYTES = 128 * 1024;

  private static final byte[] LEAF = "\",\"leaf\":\"".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ENTRY = "\",\"entry\":".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] BASE64 = "\",\"base64\":\"".getBytes(StandardCharsets.US_ASCII);
  private static final int LEAF_CHARACTERS = 44;
  private static final int MAX_DIGITS = 19;

  /** The id of an entry, by which a receiver drops what it gets twice. */
  public static String id(String origin, long index) {
    return origin + "#" + index;
  }

  private static byte[] prefix(String origin) {
    return ("{\"id\":\"" + new String(JsonStringEncoder.getInstance().quoteAsString(origin)) + "#")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Makes and reads lines of a log. */
  public static final class Format {
    private final byte[] prefix;

    /** Lines of a log with this name. */
    public Format(String origin) {
      this.prefix = prefix(origin);
    }

    /**
     * A line without its newline.
     *
     * @param isPlain whether the entry is JSON without characters that act on a terminal
     */
    public byte[] line(long index, byte[] entry, boolean isPlain) {
      ByteArrayOutputStream out = new ByteArrayOutputStream(entry.length + 160);
      out.writeBytes(prefix);
      out.writeBytes(Long.toString(index).getBytes(StandardCharsets.US_ASCII));
      out.writeBytes(LEAF);
      out.writeBytes(TreeHash.ofEntry(entry).toString().getBytes(StandardCharsets.US_ASCII));
      if (isPlain) {
        out.writeBytes(ENTRY);
        out.writeBytes(entry);
      } else {
        out.writeBytes(BASE64);
        out.writeBytes(Base64.getEncoder().encode(entry));
        out.write('"');
      }
      out.write('}');
      return out.toByteArray();
    }

    /** Reads a line; null when it is none of this log. */
    public @Nullable ExportLine parse(byte[] line) {
      if (!isAt(line, 0, prefix) || line[line.length - 1] != '}') {
        return null;
      }
      int at = prefix.length;
      long index = 0;
      int digits = 0;
      while (at < line.length && line[at] >= '0' && line[at] <= '9' && digits < MAX_DIGITS) {
        index = index * 10 + (line[at] - '0');
        at++;
        digits++;
      }
      boolean isNumber = digits > 0 && index >= 0 && (line[prefix.length] != '0' || digits == 1);
      if (!isNumber || !isAt(line, at, LEAF)) {
        return null;
      }
      at += LEAF.length;
      if (line.length - at < LEAF_CHARACTERS) {
        return null;
      }
      String hash = new String(line, at, LEAF_CHARACTERS, StandardCharsets.ISO_8859_1);
      at += LEAF_CHARACTERS;
      try {
        TreeHash leaf = TreeHash.parse(hash);
        if (isAt(line, at, ENTRY)) {
          byte[] entry = Arrays.copyOfRange(line, at + ENTRY.length, line.length - 1);
          return new ExportLine(index, leaf, entry);
        }
        if (isAt(line, at, BASE64) && line[line.length - 2] == '"') {
          String base64 =
              new String(
                  line,
                  at + BASE64.length,
                  line.length - 2 - at - BASE64.length,
                  StandardCharsets.ISO_8859_1);
          byte[] entry = Base64.getDecoder().decode(base64);
          return Base64.getEncoder().encodeToString(entry).equals(base64)
              ? new ExportLine(index, leaf, entry)
              : null;
        }
        return null;
      } catch (IllegalArgumentException e) {
        return null;
      }
    }

    private static boolean isAt(byte[] line, int at, byte[] expected) {
      return line.length - at >= expected.length + 1
          && Arrays.equals(line, at, at + expected.length, expected, 0, expected.length);
    }
  }
}
