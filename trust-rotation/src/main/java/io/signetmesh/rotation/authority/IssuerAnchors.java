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
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Which anchor each issuer was under when it was in force, by the issuer's key. Kept in {@code
 * issuer-anchors.log} of the state directory. An issuer that is not there is under an unknown
 * anchor. Thread-safe.
 */
final class IssuerAnchors implements AutoCloseable {
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  private final RecordFile file;
  private final Map<String, String> anchorOf = new LinkedHashMap<>();

  private IssuerAnchors(Path path) throws IOException, PkiException {
    this.file =
        RecordFile.open(
            path,
            this::read,
            "rotations then wait for certificates of earlier issuers until they expire");
  }

  static IssuerAnchors open(Path stateDirectory) throws IOException, PkiException {
    return new IssuerAnchors(stateDirectory.resolve("issuer-anchors.log"));
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
    String key = HexFormat.of().formatHex(Certificates.sha256(issuer.getPublicKey()));
    if (!anchor.isEmpty() && !anchor.equals(anchorOf.get(key))) {
      file.append(key + ' ' + anchor);
      anchorOf.put(key, anchor);
    }
  }

  /** Fingerprint of the anchor of the issuer with a key; empty when it is not known. */
  synchronized String of(String issuerKeySha256) {
    return anchorOf.getOrDefault(issuerKeySha256, "");
  }

  /** Keys of the issuers under some anchors. */
  synchronized Set<String> under(AnchorSet anchors) {
    Set<String> keys = new TreeSet<>();
    anchorOf.forEach(
        (key, anchor) -> {
          if (anchors.contains(anchor)) {
            keys.add(key);
          }
        });
    return keys;
  }

  private boolean read(String line) {
    String[] fields = line.split(" ", -1);
    if (fields.length != 2
        || !DIGEST.matcher(fields[0]).matches()
        || !DIGEST.matcher(fields[1]).matches()) {
      return false;
    }
    anchorOf.put(fields[0], fields[1]);
    return true;
  }

  @Override
  public void close() {
    file.close();
  }
}
