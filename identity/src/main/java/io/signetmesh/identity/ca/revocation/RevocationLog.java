package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32C;
import javax.security.auth.x500.X500Principal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code revocations.log} of the state directory, mode 0600: one line with a checksum for each
 * thing that happened, on the disk before it counts. Not thread-safe.
 */
final class RevocationLog implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RevocationLog.class);
  private static final String FILE = "revocations.log";

  /** An identity has 2048 characters at most. */
  private static final int MAX_LINE = 8 * 1024;

  private static final String NONE = "-";

  private final Path file;
  private FileChannel out;
  private long size;
  private int lines;
  private boolean broken;

  /** What is read from the file, line by line. */
  interface Reader {
    void number(long number);

    void issuer(KnownIssuer issuer);

    void revoked(RevokedCertificate certificate);

    void revoked(RevokedIdentity identity);

    void dropped(RevocationList.Entry entry);

    void lifted(String identity);
  }

  private RevocationLog(Path file, FileChannel out) {
    this.file = file;
    this.out = out;
  }

  /**
   * Opens the file, or begins one, and reads it.
   *
   * @throws PkiException when it is readable by others or damaged; it is left as it is
   */
  static RevocationLog open(Path stateDirectory, Reader reader) throws IOException, PkiException {
    StateFiles.createDirectory(stateDirectory);
    Path file = stateDirectory.resolve(FILE);
    if (Files.exists(file)) {
      StateFiles.requireSecret(file);
    }
    RevocationLog opened = new RevocationLog(file, append(file));
    try {
      opened.load(reader);
      return opened;
    } catch (IOException | PkiException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  Path file() {
    return file;
  }

  /** Lines in the file. */
  int lines() {
    return lines;
  }

  /** Has the lines on the disk; when that fails, none of them counts. */
  void append(List<String> texts) throws IOException {
    if (broken) {
      throw new IOException(file + " could not be written to before: restart the identity server");
    }
    ByteBuffer bytes = ByteBuffer.wrap(encode(texts));
    int length = bytes.remaining();
    try {
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(false);
    } catch (IOException e) {
      // What was written in part must not be there at the next start.
      try {
        out.truncate(size);
        out.force(false);
      } catch (IOException again) {
        e.addSuppressed(again);
        broken = true;
      }
      throw new IOException(file + " cannot be written to: " + e.getMessage(), e);
    }
    size += length;
    lines += texts.size();
  }

  /** Writes the file anew. */
  void replace(List<String> texts) throws IOException {
    byte[] content = encode(texts);
    IOException failure = null;
    try {
      StateFiles.writeSecret(file, content);
    } catch (IOException e) {
      failure = e;
    }
    // A write can fail before and after the new file has its name. What is appended must go to the
    // file that has it: the other one is gone at the next start.
    broken = true;
    FileChannel old = out;
    out = append(file);
    old.close();
    size = out.size();
    broken = false;
    if (failure != null) {
      throw failure;
    }
    lines = texts.size();
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      log.warn("{}: {}", file, e.getMessage());
    }
  }

  static String number(long number) {
    return "number " + number;
  }

  static String issuer(KnownIssuer issuer) {
    return "issuer "
        + name(issuer.name())
        + ' '
        + issuer.keySha256()
        + ' '
        + name(issuer.parent())
        + ' '
        + issuer.serial().toString(16)
        + ' '
        + issuer.notAfter().getEpochSecond();
  }

  static String revoked(RevokedCertificate certificate) {
    return "certificate "
        + name(certificate.issuer())
        + ' '
        + certificate.serial().toString(16)
        + ' '
        + certificate.reason().text()
        + ' '
        + certificate.revokedAt().getEpochSecond()
        + ' '
        + certificate.notAfter().getEpochSecond()
        + ' '
        + (certificate.identity().isEmpty() ? NONE : certificate.identity());
  }

  static String revoked(RevokedIdentity identity) {
    return "identity "
        + identity.identity()
        + ' '
        + identity.reason().text()
        + ' '
        + identity.revokedAt().getEpochSecond();
  }

  static String dropped(RevocationList.Entry entry) {
    return "dropped " + name(entry.issuer()) + ' ' + entry.serial().toString(16);
  }

  static String lifted(String identity) {
    return "lifted " + identity;
  }

  private void load(Reader reader) throws IOException, PkiException {
    byte[] content = Files.readAllBytes(file);
    Map<String, X500Principal> names = new HashMap<>();
    int start = 0;
    while (start < content.length) {
      int end = start;
      while (end < content.length && content[end] != '\n') {
        end++;
      }
      boolean isLast = end == content.length;
      if (isLast && end - start <= MAX_LINE) {
        log.warn("{}:{} was not written whole and is dropped: it never counted", file, lines + 1);
        out.truncate(start);
        break;
      }
      if (isLast || !parse(content, start, end, names, reader)) {
        throw new PkiException(
            file
                + ":"
                + (lines + 1)
                + " is damaged: expected a revocation and its checksum; restore the file. Without"
                + " it nothing would be revoked");
      }
      lines++;
      start = end + 1;
      size = start;
    }
  }

  private static boolean parse(
      byte[] content, int start, int end, Map<String, X500Principal> names, Reader to) {
    int split = end;
    while (split > start && content[split - 1] != ' ') {
      split--;
    }
    if (split == start) {
      return false;
    }
    String sum = new String(content, split, end - split, StandardCharsets.US_ASCII);
    if (!sum.equals(checksum(content, start, split))) {
      return false;
    }
    String[] f =
        new String(content, start, split - 1 - start, StandardCharsets.US_ASCII).split(" ");
    try {
      switch (f[0]) {
        case "number" -> to.number(Long.parseLong(f[1]));
        case "issuer" ->
            to.issuer(
                new KnownIssuer(
                    name(f[1], names), f[2], name(f[3], names), hex(f[4]), seconds(f[5])));
        case "certificate" ->
            to.revoked(
                new RevokedCertificate(
                    name(f[1], names),
                    hex(f[2]),
                    reason(f[3]),
                    seconds(f[4]),
                    seconds(f[5]),
                    f[6].equals(NONE) ? "" : f[6].intern()));
        case "identity" -> to.revoked(new RevokedIdentity(f[1], reason(f[2]), seconds(f[3])));
        case "dropped" -> to.dropped(new RevocationList.Entry(name(f[1], names), hex(f[2])));
        case "lifted" -> to.lifted(f[1]);
        default -> {
          return false;
        }
      }
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  private static byte[] encode(List<String> texts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream(texts.size() * 200);
    for (String text : texts) {
      byte[] line = (text + ' ').getBytes(StandardCharsets.US_ASCII);
      content.writeBytes(line);
      content.writeBytes(checksum(line, 0, line.length).getBytes(StandardCharsets.US_ASCII));
      content.write('\n');
    }
    return content.toByteArray();
  }

  private static String checksum(byte[] content, int from, int to) {
    CRC32C crc = new CRC32C();
    crc.update(content, from, to - from);
    return Long.toHexString(crc.getValue());
  }

  private static FileChannel append(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
  }

  private static String name(X500Principal name) {
    return Base64.getEncoder().encodeToString(name.getEncoded());
  }

  private static X500Principal name(String text, Map<String, X500Principal> names) {
    return names.computeIfAbsent(text, t -> new X500Principal(Base64.getDecoder().decode(t)));
  }

  private static BigInteger hex(String text) {
    return new BigInteger(text, 16);
  }

  private static Instant seconds(String text) {
    return Instant.ofEpochSecond(Long.parseLong(text));
  }

  private static RevocationReason reason(String text) {
    return RevocationReason.ofText(text)
        .orElseThrow(
            () -> new IllegalArgumentException(Arrays.toString(RevocationReason.values())));
  }
}
