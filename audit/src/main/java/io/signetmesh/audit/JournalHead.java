package io.signetmesh.audit;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;

/**
 * A head: a record that states what is before it in the journal, signed. Each head names the one
 * before, so that the heads of a journal are a chain.
 *
 * @param sequence number of the head's own record
 * @param epochMillis time in milliseconds since the Unix epoch
 * @param journal id of the journal ({@link JournalId})
 * @param first number of the first record that it covers; those up to its own follow
 * @param sha256 SHA-256 over the lines of these records with their newlines, in hex
 * @param previous SHA-256 of the line of the head before with its newline, in hex; empty where the
 *     chain begins
 * @param certificate SHA-256 of the certificate whose key has signed, in hex
 * @param signature of {@link #statement()}, in Base64
 * @param certificates the certificate and those towards the anchor, DER in Base64; only in the
 *     first head of a file by a certificate, and else empty
 */
public record JournalHead(
    long sequence,
    long epochMillis,
    String journal,
    long first,
    String sha256,
    String previous,
    String certificate,
    String signature,
    List<String> certificates) {
  private static final byte[] MARK = "\",\"head\":{".getBytes(StandardCharsets.US_ASCII);

  /** From the comma after the number to the mark: {@code "time":"2026-11-21T10:15:30.045Z}. */
  private static final int TIME = 8 + 24;

  /** Copies the list. */
  public JournalHead {
    certificates = List.copyOf(certificates);
  }

  /** What is signed: a line for the version, and one for each value. */
  public byte[] statement() {
    return String.join(
            "\n",
            "signet-audit-head-v1",
            journal,
            Long.toString(sequence),
            Long.toString(epochMillis),
            Long.toString(first),
            sha256,
            previous,
            "")
        .getBytes(StandardCharsets.US_ASCII);
  }

  /** This head, signed. */
  JournalHead signedBy(HeadSigner.Signed signed, boolean withCertificates) {
    Base64.Encoder base64 = Base64.getEncoder();
    return new JournalHead(
        sequence,
        epochMillis,
        journal,
        first,
        sha256,
        previous,
        hex(newSha256().digest(signed.certificates().getFirst())),
        base64.encodeToString(signed.signature()),
        withCertificates
            ? signed.certificates().stream().map(base64::encodeToString).toList()
            : List.of());
  }

  /** The line with its newline. */
  public byte[] line() {
    JsonLine line = new JsonLine();
    line.head(this);
    return Arrays.copyOf(line.array(), line.length());
  }

  /**
   * Whether a line is that of a head.
   *
   * @param from where it begins
   * @param to where it ends
   */
  public static boolean isHead(byte[] bytes, int from, int to) {
    int comma = from;
    int most = Math.min(to, from + RecordSequence.MAX_BYTES);
    while (comma < most && bytes[comma] != ',') {
      comma++;
    }
    int at = comma + 1 + TIME;
    return at + MARK.length <= to
        && Arrays.equals(bytes, at, at + MARK.length, MARK, 0, MARK.length);
  }

  static MessageDigest newSha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
