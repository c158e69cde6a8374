package io.signetmesh.rotation.authority;

import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.state.RecordFile;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.RotationPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Which anchors each issuer was under when it was in force, by the issuer's key: one, unless
 * somebody had it certified again under another one. Kept in {@code issuer-anchors.log} of the
 * state directory. An issuer that is not there is under an unknown anchor. So is, from a compromise
 * on, each issuer that may have signed for a thief before. Thread-safe.
 */
final class IssuerAnchors implements AutoCloseable {
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  /** Begins the line of an issuer that counts no more. */
  private static final String DISTRUSTED = "distrusted";

  /** Begins the line of a rotation after a compromise, behind those of its distrusted issuers. */
  private static final String COMPROMISE = "compromise";

  private final RecordFile file;

  /** The anchors of each issuer, the last one last. */
  private final Map<String, SequencedSet<String>> anchorsOf = new LinkedHashMap<>();

  private final Set<String> distrusted = new HashSet<>();

  /** Ids of rotations for whose compromise it is decided which issuers count no more. */
  private final Set<String> compromises = new HashSet<>();

  /** The same, in the file, and maybe not on the disk yet. */
  private final Set<String> written = new HashSet<>();

  private final Sync sync;

  /** Brings the lines of the file to the disk. */
  @FunctionalInterface
  interface Sync {
    void sync(RecordFile file) throws IOException;
  }

  private IssuerAnchors(Path path, Sync sync) throws IOException, PkiException {
    this.sync = sync;
    this.file =
        RecordFile.open(
            path,
            this::read,
            "rotations then wait for certificates of earlier issuers until they expire");
  }

  static IssuerAnchors open(Path stateDirectory) throws IOException, PkiException {
    return open(stateDirectory, RecordFile::sync);
  }

  static IssuerAnchors open(Path stateDirectory, Sync sync) throws IOException, PkiException {
    return new IssuerAnchors(stateDirectory.resolve("issuer-anchors.log"), sync);
  }

  /**
   * Finds the anchor that signed the top of a chain.
   *
   * @param chain issuer first, without the anchor
   * @return its fingerprint; empty when it is none of these
   */
  static String anchorAbove(List<X509Certificate> chain, List<X509Certificate> anchors) {
    if (chain.isEmpty()) {
      return "";
    }
    X509Certificate top = chain.getLast();
    for (X509Certificate anchor : anchors) {
      if (anchor.equals(top) || isSignedBy(top, anchor)) {
        return RotationPlan.fingerprint(anchor);
      }
    }
    return "";
  }

  private static boolean isSignedBy(X509Certificate certificate, X509Certificate anchor) {
    if (!certificate.getIssuerX500Principal().equals(anchor.getSubjectX500Principal())) {
      return false;
    }
    try {
      Signatures.verify(certificate, anchor.getPublicKey());
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** Remembers the anchor of an issuer in force. */
  synchronized void learn(X509Certificate issuer, String anchor) throws IOException {
    String key = key(issuer);
    if (!anchor.isEmpty() && !anchor.equals(last(key))) {
      file.append(key + ' ' + anchor);
      put(key, anchor);
    }
  }

  private void put(String key, String anchor) {
    anchorsOf.computeIfAbsent(key, _ -> new LinkedHashSet<>(2)).addLast(anchor);
  }

  private String last(String key) {
    SequencedSet<String> anchors = anchorsOf.get(key);
    return anchors == null ? "" : anchors.getLast();
  }

  /** Fingerprint of the last anchor of the issuer with a key; empty when it is unknown. */
  synchronized String of(String issuerKeySha256) {
    return distrusted.contains(issuerKeySha256) ? "" : last(issuerKeySha256);
  }

  /** All anchors of an issuer, also of one that counts no more; none when they are unknown. */
  synchronized Set<String> onRecord(String issuerKeySha256) {
    return Set.copyOf(anchorsOf.getOrDefault(issuerKeySha256, new LinkedHashSet<>()));
  }

  /** The same without the last one: what it was under before somebody certified it again. */
  synchronized Set<String> earlier(String issuerKeySha256) {
    SequencedSet<String> anchors = anchorsOf.get(issuerKeySha256);
    if (anchors == null || anchors.size() == 1) {
      return Set.of();
    }
    Set<String> earlier = new LinkedHashSet<>(anchors);
    earlier.remove(anchors.getLast());
    return earlier;
  }

  /** Whether an issuer counts no more. */
  synchronized boolean isDistrusted(X509Certificate issuer) {
    return distrusted.contains(key(issuer));
  }

  /** Whether it is decided which issuers count no more because of the compromise of a rotation. */
  synchronized boolean isDecided(String rotation) {
    return compromises.contains(rotation);
  }

  /**
   * Has all issuers that were under some anchors count no more, and remembers that this is decided
   * for a rotation. Repeated after a crash or a failure, it adds none of the issuers made later:
   * those are made when it is on the disk.
   *
   * @param others further issuers that count no more, in force or not
   */
  synchronized void distrust(String rotation, AnchorSet anchors, List<X509Certificate> others)
      throws IOException {
    Set<String> keys = new TreeSet<>();
    anchorsOf.forEach(
        (key, of) -> {
          if (anchors.meets(of)) {
            keys.add(key);
          }
        });
    others.forEach(issuer -> keys.add(key(issuer)));
    keys.removeAll(distrusted);
    for (String key : keys) {
      file.append(DISTRUSTED + ' ' + key);
      distrusted.add(key);
    }
    if (!compromises.contains(rotation)) {
      if (!written.contains(rotation)) {
        file.append(COMPROMISE + ' ' + rotation);
        written.add(rotation);
      }
      sync.sync(file);
      compromises.add(rotation);
    }
  }

  private static String key(X509Certificate issuer) {
    return HexFormat.of().formatHex(Certificates.sha256(issuer.getPublicKey()));
  }

  private boolean read(String line) {
    String[] fields = line.split(" ", -1);
    if (fields.length != 2) {
      return false;
    }
    if (fields[0].equals(COMPROMISE)) {
      compromises.add(fields[1]);
      return true;
    }
    if (!DIGEST.matcher(fields[1]).matches()) {
      return false;
    }
    if (fields[0].equals(DISTRUSTED)) {
      distrusted.add(fields[1]);
      return true;
    }
    if (!DIGEST.matcher(fields[0]).matches()) {
      return false;
    }
    put(fields[0], fields[1]);
    return true;
  }

  @Override
  public void close() {
    file.close();
  }
}
