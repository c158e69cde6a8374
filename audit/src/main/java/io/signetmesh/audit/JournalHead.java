package io.signetmesh.audit;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

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
 *     chain begins with the journal; {@value #BREAK} where the process that signs did not find the
 *     file as it left it, or does not know who wrote what is before it
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
  /** Records after which a head is written. */
  public static final int MAX_RECORDS = 4_096;

  /** Bytes of records after which a head is written. */
  public static final int MAX_BYTES = 1 << 20;

  /** What a head names that does not follow from the one before. */
  public static final String BREAK = "break";

  private static final Pattern FORM =
      Pattern.compile(
          "\\{\"sequence\":([1-9]\\d{0,17}),\"time\":\"([^\"]{24})\",\"head\":\\{"
              + "\"journal\":\"([0-9a-f]{32})\",\"first\":([1-9]\\d{0,17}),"
              + "\"sha256\":\"([0-9a-f]{64})\",\"previous\":\"([0-9a-f]{64}|break|)\","
              + "\"certificate\":\"([0-9a-f]{64})\",\"signature\":\"([A-Za-z0-9+/=]*+)\""
              + "(?:,\"certificates\":\\[\"([A-Za-z0-9+/=\",]*+)\\])?\\}\\}\n");

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

  /** The same after another head. */
  JournalHead after(String before) {
    return new JournalHead(
        sequence,
        epochMillis,
        journal,
        first,
        sha256,
        before,
        certificate,
        signature,
        certificates);
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

  /**
   * Reads the line of a head.
   *
   * @param line with its newline
   * @return null when a head was not written like that
   */
  public static @Nullable JournalHead parse(byte[] line) {
    Matcher matcher = FORM.matcher(new String(line, StandardCharsets.ISO_8859_1));
    if (!matcher.matches()) {
      return null;
    }
    String chain = matcher.group(9);
    try {
      JournalHead read =
          new JournalHead(
              Long.parseLong(matcher.group(1)),
              Instant.parse(matcher.group(2)).toEpochMilli(),
              matcher.group(3),
              Long.parseLong(matcher.group(4)),
              matcher.group(5),
              matcher.group(6),
              matcher.group(7),
              matcher.group(8),
              chain == null
                  ? List.of()
                  : List.of(
                      chain.substring(0, Math.max(0, chain.length() - 1)).split("\",\"", -1)));
      // Whatever else could be in the line, it is not what was written.
      return Arrays.equals(read.line(), line) ? read : null;
    } catch (DateTimeException | ArithmeticException e) {
      return null;
    }
  }

  /** SHA-256 of some bytes, in hex. */
  static String hash(byte[] bytes) {
    return hex(newSha256().digest(bytes));
  }

  /**
   * The time in the line of a record.
   *
   * @throws DateTimeException when there is none where journals write it
   */
  public static Instant time(byte[] line) {
    int comma = 0;
    int most = Math.min(line.length, RecordSequence.MAX_BYTES);
    while (comma < most && line[comma] != ',') {
      comma++;
    }
    int at = comma + 1 + 8;
    int length = Math.max(0, Math.min(24, line.length - at));
    return Instant.parse(
        new String(line, Math.min(at, line.length), length, StandardCharsets.ISO_8859_1));
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
