package io.signetmesh.cli.trust;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.text.DurationText;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The trust anchors of an answer, by their fingerprints. */
public final class TrustAnchors {
  private static final int BRIEF_DIGITS = 16;
  private static final int MIN_PREFIX = 8;

  /** Days of life left at which an anchor is warned about. */
  private static final List<Integer> WARNING_DAYS = List.of(7, 30, 90);

  /** An anchor with fewer days left needs somebody now. */
  private static final Duration SHORT = Duration.ofDays(30);

  private final Map<String, Anchor> anchors = new LinkedHashMap<>();

  /**
   * An anchor.
   *
   * @param sha256 64 lower-case hexadecimal digits
   * @param certificate null when it is not known any more, or cannot be read
   * @param status as the server tells it
   */
  public record Anchor(
      String sha256, @Nullable X509Certificate certificate, TrustAnchorStatus status) {
    /** Name of its subject. */
    String name() {
      return certificate == null ? "-" : certificate.getSubjectX500Principal().getName();
    }

    /** The state, as commands print it. */
    String state() {
      return word(status.getState());
    }

    /** Whether peers are verified against it. */
    public boolean isInForce() {
      return status.getState() != TrustAnchorStatus.State.RETIRED;
    }

    boolean isLeaving() {
      return status.getState() == TrustAnchorStatus.State.LEAVING;
    }

    /** How long it is still good for, in words. */
    String lifeLeft(Instant now) {
      return certificate == null ? "-" : TrustAnchors.lifeLeft(certificate, now);
    }
  }

  /** Reads an answer. */
  public TrustAnchors(GetTrustResponse trust) {
    for (TrustAnchorStatus status : trust.getAnchorsList()) {
      String sha256 = hex(status.getSha256());
      anchors.put(sha256, new Anchor(sha256, certificate(status.getCertificate()), status));
    }
  }

  /** All, those in force first. */
  Collection<Anchor> all() {
    return anchors.values();
  }

  /** Those in force. */
  public List<Anchor> inForce() {
    return anchors.values().stream().filter(Anchor::isInForce).toList();
  }

  /** An anchor; null when it is neither in force nor retired. */
  public @Nullable Anchor get(String sha256) {
    return anchors.get(sha256);
  }

  /**
   * The anchor in force that a person means.
   *
   * @param digits its fingerprint, or the first 8 digits or more; colons do not matter
   * @throws CommandFailure when none or several begin so
   */
  Anchor find(String digits) throws CommandFailure {
    Set<String> known = inForce().stream().map(Anchor::sha256).collect(Collectors.toSet());
    return Objects.requireNonNull(anchors.get(find(digits, known, " is not in force")));
  }

  /**
   * The fingerprint of the anchor that a person means, which may have left.
   *
   * @param rotations all that there were
   * @throws CommandFailure as {@link #find(String)}
   */
  String findAlsoLeft(String digits, List<TrustRotation> rotations) throws CommandFailure {
    Set<String> known = new TreeSet<>(anchors.keySet());
    for (TrustRotation rotation : rotations) {
      rotation.getBeforeSha256List().forEach(sha256 -> known.add(hex(sha256)));
      rotation.getAfterSha256List().forEach(sha256 -> known.add(hex(sha256)));
    }
    return find(digits, known, " is neither in force nor of an earlier rotation");
  }

  private static String find(String digits, Set<String> known, String unknown)
      throws CommandFailure {
    String prefix = digits.replace(":", "").toLowerCase(Locale.ROOT);
    if (!prefix.matches("[0-9a-f]{" + MIN_PREFIX + ",64}")) {
      throw CommandFailure.configuration(
          "anchor '" + digits + "': expected a SHA-256, or its first 8 hexadecimal digits or more");
    }
    List<String> found = known.stream().filter(sha256 -> sha256.startsWith(prefix)).toList();
    if (found.size() == 1) {
      return found.getFirst();
    }
    throw CommandFailure.configuration(
        "anchor "
            + digits
            + (found.isEmpty() ? unknown : " is ambiguous")
            + ": expected one of "
            + known.stream().sorted().collect(Collectors.joining(", ")));
  }

  /** What is wrong with anchors in force that are to stay, worst last; empty when nothing is. */
  public List<String> warnings(Instant now) {
    return inForce().stream()
        .filter(anchor -> !anchor.isLeaving())
        .map(anchor -> warning(anchor, now))
        .filter(text -> !text.isEmpty())
        .toList();
  }

  private static String warning(Anchor anchor, Instant now) {
    X509Certificate certificate = anchor.certificate;
    if (certificate == null) {
      return "anchor " + brief(anchor.sha256) + " cannot be read";
    }
    Duration left = Duration.between(now, certificate.getNotAfter().toInstant());
    String name = "anchor " + brief(anchor.sha256) + " (" + anchor.name() + ")";
    if (left.isNegative()) {
      return name
          + " "
          + anchor.lifeLeft(now)
          + ": recover as docs/security/trust-rotation.md says";
    }
    for (int days : WARNING_DAYS) {
      if (left.compareTo(Duration.ofDays(days)) < 0) {
        return name + " has less than " + days + " days left: rotate it with 'signet trust rotate'";
      }
    }
    return "";
  }

  /** Whether an anchor that is to stay has expired or has less than 30 days left. */
  public boolean needSomebody(Instant now) {
    return inForce().stream()
        .filter(anchor -> !anchor.isLeaving())
        .anyMatch(
            anchor ->
                anchor.certificate == null
                    || anchor.certificate.getNotAfter().toInstant().isBefore(now.plus(SHORT)));
  }

  /** How long a certificate is still good for, in words. */
  public static String lifeLeft(X509Certificate certificate, Instant now) {
    Instant end = certificate.getNotAfter().toInstant();
    return now.isAfter(end)
        ? "expired " + DurationText.words(Duration.between(end, now)) + " ago"
        : DurationText.words(Duration.between(now, end));
  }

  /** A certificate; null when there is none or it cannot be read. */
  public static @Nullable X509Certificate certificate(ByteString der) {
    if (der.isEmpty()) {
      return null;
    }
    try {
      return Certificates.parseDer("certificate of the identity server", der.toByteArray());
    } catch (PkiException e) {
      return null;
    }
  }

  /** The first digits of a fingerprint, enough to tell anchors apart and to be typed. */
  public static String brief(String sha256) {
    return sha256.isEmpty()
        ? "unknown"
        : sha256.substring(0, Math.min(BRIEF_DIGITS, sha256.length()));
  }

  /** Lower-case hexadecimal digits. */
  public static String hex(ByteString bytes) {
    return HexFormat.of().formatHex(bytes.toByteArray());
  }

  static Instant instant(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  /** A time as people read it, to the second. */
  static String text(Instant time) {
    return time.truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** A constant as commands print it, such as {@code in-force}. */
  static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
