package io.signetmesh.rego;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads a bundle: a gzipped tar with {@code policy.wasm} and {@code data.json}. Next to them only
 * what {@code opa build} writes may be in it: {@code .manifest}, {@code .signatures.json} and
 * sources in Rego, none of which is read.
 */
final class BundleArchive {
  /** Bytes of a bundle. */
  static final int MAX_COMPRESSED = 1 << 20;

  /** Bytes of what a bundle unpacks to. */
  static final int MAX_UNPACKED = 4 << 20;

  /** Bytes of {@code policy.wasm}. */
  static final int MAX_MODULE = 1 << 20;

  /** Bytes of {@code data.json}. */
  static final int MAX_DATA = 1 << 20;

  private static final int MAX_ENTRIES = 1000;
  private static final int BLOCK = 512;

  /**
   * @param module the WebAssembly module
   * @param data a JSON document; {@code {}} when the bundle has none
   */
  record Content(byte[] module, byte[] data) {}

  private final InputStream in;
  private final Set<String> names = new HashSet<>();
  private int unpacked;
  private byte @Nullable [] module;
  private byte @Nullable [] data;

  private BundleArchive(InputStream in) {
    this.in = in;
  }

  static Content read(byte[] bundle) throws InvalidRegoException {
    if (bundle.length > MAX_COMPRESSED) {
      throw new InvalidRegoException(
          "the bundle has %,d bytes, at most %,d are read"
              .formatted(bundle.length, MAX_COMPRESSED));
    }
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(bundle), BLOCK)) {
      BundleArchive archive = new BundleArchive(in);
      archive.entries();
      return archive.content();
    } catch (IOException e) {
      throw new InvalidRegoException("the bundle is no whole gzipped tar: " + e.getMessage());
    }
  }

  private Content content() throws InvalidRegoException {
    if (module == null) {
      throw new InvalidRegoException(
          "the bundle has no policy.wasm: build it by opa build -t wasm --entrypoint RULE");
    }
    return new Content(module, data != null ? data : new byte[] {'{', '}'});
  }

  private void entries() throws IOException, InvalidRegoException {
    byte[] header = new byte[BLOCK];
    String longName = null;
    for (int entries = 0; ; entries++) {
      if (!block(header)) {
        throw new IOException("it ends without the two empty blocks that end a tar");
      }
      if (empty(header)) {
        end();
        return;
      }
      if (entries == MAX_ENTRIES) {
        throw new InvalidRegoException("the bundle has more than " + MAX_ENTRIES + " entries");
      }
      checkSum(header);
      int size = size(header);
      switch (header[156]) {
        case '0', 0 -> {
          file(longName != null ? longName : name(header), size);
          longName = null;
        }
        case 'x' -> longName = pathOf(bytes("an extended header", size, BLOCK * 16), longName);
        default ->
            throw new InvalidRegoException(
                "the bundle has an entry %s that is no file".formatted(quoted(name(header))));
      }
    }
  }

  private void file(String name, int size) throws IOException, InvalidRegoException {
    String path = name.startsWith("/") ? name.substring(1) : name;
    for (String part : path.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        throw new InvalidRegoException(
            "the bundle has an entry %s: expected a path without empty parts, . and .."
                .formatted(quoted(name)));
      }
    }
    if (!names.add(path)) {
      throw new InvalidRegoException("the bundle has two entries " + quoted(path));
    }
    switch (path) {
      case "policy.wasm" -> module = bytes(path, size, MAX_MODULE);
      case "data.json" -> data = bytes(path, size, MAX_DATA);
      default -> {
        if (!path.equals(".manifest")
            && !path.equals(".signatures.json")
            && !path.endsWith(".rego")) {
          throw new InvalidRegoException(
              ("the bundle has an entry %s: expected policy.wasm, data.json, and what opa build"
                      + " writes beside them (.manifest, .signatures.json, *.rego)")
                  .formatted(quoted(path)));
        }
        bytes(path, size, MAX_UNPACKED);
      }
    }
  }

  /** Contents of an entry, and the padding behind it. */
  private byte[] bytes(String name, int size, int most) throws IOException, InvalidRegoException {
    if (size > most) {
      throw new InvalidRegoException(
          "%s of the bundle has %,d bytes, at most %,d are read"
              .formatted(quoted(name), size, most));
    }
    count(size);
    byte[] bytes = in.readNBytes(size);
    int padding = -size & BLOCK - 1;
    if (bytes.length < size || in.readNBytes(padding).length < padding) {
      throw new IOException(quoted(name) + " is cut off");
    }
    count(padding);
    return bytes;
  }

  /** The path of an extended header: lines of length, key and value (POSIX.1-2001, pax). */
  private static String pathOf(byte[] header, @Nullable String before) throws InvalidRegoException {
    if (before != null) {
      throw new InvalidRegoException("the bundle has two extended headers for one entry");
    }
    String path = null;
    for (int at = 0; at < header.length; ) {
      int length = 0;
      int i = at;
      while (i < header.length && header[i] >= '0' && header[i] <= '9' && length < header.length) {
        length = length * 10 + header[i++] - '0';
      }
      if (i == header.length
          || header[i] != ' '
          || length <= i - at + 1
          || length > header.length - at
          || header[at + length - 1] != '\n') {
        throw new InvalidRegoException("the bundle has a broken extended header");
      }
      String line = new String(header, i + 1, at + length - 2 - i, StandardCharsets.UTF_8);
      if (line.startsWith("path=")) {
        path = line.substring(5);
      } else if (!line.startsWith("mtime=")) {
        throw new InvalidRegoException(
            "the bundle has an extended header with %s: expected path or mtime"
                .formatted(quoted(line)));
      }
      at += length;
    }
    if (path == null) {
      throw new InvalidRegoException("the bundle has an extended header without path");
    }
    return path;
  }

  /** Nothing but zeros may follow. */
  private void end() throws IOException, InvalidRegoException {
    byte[] block = new byte[BLOCK];
    if (!block(block)) {
      throw new IOException("it ends without the second of two empty blocks that end a tar");
    }
    do {
      if (!empty(block)) {
        throw new InvalidRegoException("the bundle goes on behind the end of its tar");
      }
    } while (block(block));
  }

  private boolean block(byte[] block) throws IOException, InvalidRegoException {
    int read = in.readNBytes(block, 0, BLOCK);
    if (read == 0) {
      return false;
    }
    if (read < BLOCK) {
      throw new IOException("a block is cut off");
    }
    count(BLOCK);
    return true;
  }

  private void count(int bytes) throws InvalidRegoException {
    unpacked += bytes;
    if (unpacked > MAX_UNPACKED) {
      throw new InvalidRegoException(
          "the bundle unpacks to more than %,d bytes".formatted(MAX_UNPACKED));
    }
  }

  private static boolean empty(byte[] block) {
    for (byte b : block) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }

  private static void checkSum(byte[] header) throws IOException {
    long sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += i >= 148 && i < 156 ? ' ' : header[i] & 0xff;
    }
    if (sum != octal(header, 148, 8)) {
      throw new IOException("the checksum of an entry is wrong");
    }
  }

  private static int size(byte[] header) throws IOException {
    long size = octal(header, 124, 12);
    if (size > Integer.MAX_VALUE) {
      throw new IOException("an entry has " + size + " bytes");
    }
    return (int) size;
  }

  private static long octal(byte[] header, int from, int length) throws IOException {
    long value = 0;
    boolean digits = false;
    for (int i = from; i < from + length; i++) {
      byte b = header[i];
      if (b >= '0' && b <= '7') {
        value = value << 3 | b - '0';
        digits = true;
      } else if (b == 0 || b == ' ') {
        if (digits) {
          break;
        }
      } else {
        throw new IOException("an entry has a number that is not octal");
      }
    }
    return value;
  }

  private static String name(byte[] header) {
    String name = text(header, 0, 100);
    boolean ustar = text(header, 257, 5).equals("ustar");
    String prefix = ustar ? text(header, 345, 155) : "";
    return prefix.isEmpty() ? name : prefix + "/" + name;
  }

  private static String text(byte[] header, int from, int most) {
    int end = from;
    while (end < from + most && header[end] != 0) {
      end++;
    }
    return new String(header, from, end - from, StandardCharsets.UTF_8);
  }

  private static String quoted(String name) {
    return "\"" + PrintableText.of(name, 100) + "\"";
  }
}
