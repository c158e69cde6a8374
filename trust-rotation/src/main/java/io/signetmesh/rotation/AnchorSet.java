package io.signetmesh.rotation;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A set of trust anchors, named by their fingerprints.
 *
 * @param fingerprints SHA-256 of the DER of each, 64 lower-case hexadecimal digits; sorted
 */
public record AnchorSet(SortedSet<String> fingerprints) implements Iterable<String> {
  /** No anchor. */
  public static final AnchorSet NONE = new AnchorSet(new TreeSet<>());

  private static final Pattern FINGERPRINT = Pattern.compile("[0-9a-f]{64}");

  /** Refuses what is not a fingerprint. */
  public AnchorSet {
    for (String fingerprint : fingerprints) {
      if (!FINGERPRINT.matcher(fingerprint).matches()) {
        throw new IllegalArgumentException(
            "fingerprint '" + fingerprint + "': expected 64 lower-case hexadecimal digits");
      }
    }
    fingerprints = java.util.Collections.unmodifiableSortedSet(new TreeSet<>(fingerprints));
  }

  /** Makes a set. */
  public static AnchorSet of(Collection<String> fingerprints) {
    return new AnchorSet(new TreeSet<>(fingerprints));
  }

  /** Makes a set. */
  public static AnchorSet of(String... fingerprints) {
    return of(Set.of(fingerprints));
  }

  /** Those of either set. */
  public AnchorSet plus(AnchorSet other) {
    TreeSet<String> union = new TreeSet<>(fingerprints);
    union.addAll(other.fingerprints);
    return new AnchorSet(union);
  }

  /** Those of this set that the other lacks. */
  public AnchorSet minus(AnchorSet other) {
    TreeSet<String> rest = new TreeSet<>(fingerprints);
    rest.removeAll(other.fingerprints);
    return new AnchorSet(rest);
  }

  /** Whether an anchor is in the set. */
  public boolean contains(String fingerprint) {
    return fingerprints.contains(fingerprint);
  }

  /** Whether the sets have an anchor in common. */
  public boolean meets(Collection<String> others) {
    return others.stream().anyMatch(fingerprints::contains);
  }

  /** Whether there is no anchor. */
  public boolean isEmpty() {
    return fingerprints.isEmpty();
  }

  /**
   * The digest under which workloads report the set: SHA-256 over the sorted fingerprints, 64
   * lower-case hexadecimal digits ({@code TrustReport.trusted_digest}).
   */
  public String digest() {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      fingerprints.forEach(fingerprint -> sha256.update(HexFormat.of().parseHex(fingerprint)));
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public Iterator<String> iterator() {
    return fingerprints.iterator();
  }

  @Override
  public String toString() {
    return fingerprints.stream().map(AnchorSet::brief).toList().toString();
  }

  /** The first 16 digits of a fingerprint, for messages. */
  public static String brief(String fingerprint) {
    return fingerprint.substring(0, Math.min(16, fingerprint.length()));
  }
}
