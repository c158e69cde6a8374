package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.state.RecordFile;
import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Trust anchors that rotations took away for good, by fingerprint and by key. None of them comes
 * into force again, under a new certificate of the same key neither. Kept in {@code
 * retired-anchors.log} of the state directory. Thread-safe.
 */
public final class RetiredAnchors implements AutoCloseable {
  /** Name of the file in the state directory. */
  public static final String FILE = "retired-anchors.log";

  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern ROTATION = Pattern.compile("[0-9a-f]{16}");

  /** In place of the key of an anchor whose key is not known, or still in use. */
  private static final String NO_KEY = "-";

  private final RecordFile file;

  // Guarded by this.
  private final Map<String, String> rotationOf = new HashMap<>();
  private final Map<String, String> anchorOfKey = new HashMap<>();

  private RetiredAnchors(Path path) throws IOException, PkiException {
    this.file =
        RecordFile.open(path, this::read, "anchors that were retired can then come back by hand");
  }

  /**
   * Reads the anchors of a state directory.
   *
   * @throws PkiException when the file is readable by others or damaged; it is left as it is
   */
  public static RetiredAnchors open(Path stateDirectory) throws IOException, PkiException {
    return new RetiredAnchors(stateDirectory.resolve(FILE));
  }

  /**
   * Remembers an anchor. It is on the disk when this returns. What is known already changes
   * nothing.
   *
   * @param fingerprint SHA-256 of its DER, 64 lower-case hexadecimal digits
   * @param keySha256 SHA-256 of the DER of its public key, likewise; empty when the key is not
   *     known, or when an anchor that stays has it, too
   * @param rotation id of the rotation, 16 lower-case hexadecimal digits
   * @throws IOException when that cannot be stored: the anchor is then not known, until a restart
   *     at most
   */
  public synchronized void retire(String fingerprint, String keySha256, String rotation)
      throws IOException {
    if (rotationOf.containsKey(fingerprint)
        && (keySha256.isEmpty() || anchorOfKey.containsKey(keySha256))) {
      return;
    }
    String line = fingerprint + ' ' + (keySha256.isEmpty() ? NO_KEY : keySha256) + ' ' + rotation;
    if (!isValid(line.split(" ", -1))) {
      throw new IllegalArgumentException("retired anchor '" + line + "': expected digests");
    }
    file.append(line);
    file.sync();
    read(line);
  }

  /** Why an anchor must not come into force, for operators; empty when nothing speaks against. */
  public synchronized String refusal(X509Certificate anchor) {
    String fingerprint = HexFormat.of().formatHex(Certificates.sha256(anchor));
    String rotation = rotationOf.get(fingerprint);
    if (rotation != null) {
      return "was retired by rotation " + rotation;
    }
    String sameKey = anchorOfKey.get(key(anchor));
    return sameKey == null
        ? ""
        : "has the key of anchor "
            + sameKey.substring(0, 16)
            + ", which rotation "
            + rotationOf.get(sameKey)
            + " retired";
  }

  /**
   * SHA-256 of the DER of all retired anchors, and of the public keys that are known, lower-case
   * hexadecimal.
   */
  public synchronized Set<String> digests() {
    Set<String> digests = new TreeSet<>(rotationOf.keySet());
    digests.addAll(anchorOfKey.keySet());
    return digests;
  }

  /** SHA-256 of the DER of a certificate's public key, lower-case hexadecimal. */
  public static String key(X509Certificate certificate) {
    return HexFormat.of().formatHex(Certificates.sha256(certificate.getPublicKey()));
  }

  /** Whether a crash of the host loses none. */
  boolean isOnDisk() {
    return file.isOnDisk();
  }

  private boolean read(String line) {
    String[] fields = line.split(" ", -1);
    if (!isValid(fields)) {
      return false;
    }
    rotationOf.putIfAbsent(fields[0], fields[2]);
    if (!fields[1].equals(NO_KEY)) {
      anchorOfKey.putIfAbsent(fields[1], fields[0]);
    }
    return true;
  }

  private static boolean isValid(String[] fields) {
    return fields.length == 3
        && DIGEST.matcher(fields[0]).matches()
        && (fields[1].equals(NO_KEY) || DIGEST.matcher(fields[1]).matches())
        && ROTATION.matcher(fields[2]).matches();
  }

  @Override
  public void close() {
    file.close();
  }
}
