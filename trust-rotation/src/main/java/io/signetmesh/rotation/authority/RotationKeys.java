package io.signetmesh.rotation.authority;

import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.rotation.AnchorSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The keys that rotations need on the way, each rotation's in a directory of its own, {@code
 * rotations/ID} of the state directory: the new anchor with the issuer under it, and the CA as it
 * was before. They are deleted when the rotation has nothing left to do. So is {@code published},
 * the bundles that it has put in force. The certificates of all anchors that it is about, {@code
 * anchors.crt}, are then kept as {@code rotations/ID.anchors.crt} as long as leaves under those
 * that have left may be valid: a compromise that becomes known before that needs them.
 */
final class RotationKeys {
  private static final String ANCHORS = "anchors.crt";
  private static final String PUBLISHED = "published";

  /** Of the name of the anchors' file when the keys are deleted. */
  private static final String LEFT = "." + ANCHORS;

  /** Of the name of a directory that is being deleted. */
  private static final String DELETED = ".deleted";

  private final Path directory;

  RotationKeys(Path stateDirectory) {
    this.directory = stateDirectory.resolve("rotations");
  }

  /** A CA certificate, those above it, and its key. */
  record KeyedChain(CaKey key, List<X509Certificate> chain) {
    X509Certificate certificate() {
      return chain.getFirst();
    }

    /**
     * The key of an issuer, which signs all the time: it is never in a token.
     *
     * @throws PkiException when it is
     */
    PrivateKey issuerKey() throws PkiException {
      if (key instanceof CaKey.InMemory inMemory) {
        return inMemory.key();
      }
      throw new PkiException(this + ": expected a key in memory, found " + key);
    }

    @Override
    public String toString() {
      return "KeyedChain[" + Certificates.describe(certificate()) + "]";
    }
  }

  /** What is kept. */
  enum Part {
    /** The anchor that is added. */
    ANCHOR("anchor"),
    /** The issuer under it; after a compromise, another one than those before. */
    ISSUER("issuer"),
    /** The anchor before. */
    EARLIER_ANCHOR("earlier-anchor"),
    /** The issuer before. */
    EARLIER_ISSUER("earlier-issuer");

    private final String file;

    Part(String file) {
      this.file = file + ".pem";
    }
  }

  /** How far a bundle has come. */
  enum Mark {
    /** It is about to be put in force. */
    BEGUN,
    /** It was in force. */
    DONE
  }

  /** Where rotations keep their files. */
  Path directory() {
    return directory;
  }

  boolean has(String rotation, Part part) {
    return Files.exists(file(rotation, part));
  }

  /** Keeps a key and its chain, unless that part is there. */
  void keep(String rotation, Part part, KeyedChain chain) throws IOException {
    if (!has(rotation, part)) {
      put(rotation, part, chain);
    }
  }

  /** Keeps a key and its chain in place of those that are there. */
  void put(String rotation, Part part, KeyedChain chain) throws IOException {
    StateFiles.createDirectory(directory);
    StateFiles.createDirectory(directory.resolve(rotation));
    StateFiles.writeSecret(
        file(rotation, part), chain.key.stored() + Certificates.toPem(chain.chain));
  }

  /**
   * Reads a key and its chain.
   *
   * @throws PkiException when the file is missing, malformed or readable by others
   */
  KeyedChain read(String rotation, Part part) throws IOException, PkiException {
    Path file = file(rotation, part);
    if (!Files.exists(file)) {
      throw new PkiException(
          file + " is missing: rotation " + rotation + " needs its key; restore it, or abort");
    }
    StateFiles.requireSecret(file);
    String text = Files.readString(file, StandardCharsets.ISO_8859_1);
    int split = text.indexOf("-----BEGIN CERTIFICATE-----");
    if (split < 0) {
      throw new PkiException(file + ": no certificate: expected a private key and its chain");
    }
    return new KeyedChain(
        CaKey.parse(
            file.toString(), text.substring(0, split).getBytes(StandardCharsets.ISO_8859_1)),
        Certificates.parsePem(file.toString(), text.substring(split)));
  }

  /** Keeps the certificates of anchors, beside those that are kept already. */
  void keepAnchors(String rotation, Collection<X509Certificate> anchors)
      throws IOException, PkiException {
    Set<X509Certificate> all = new LinkedHashSet<>(anchors(rotation));
    if (all.addAll(anchors) || !Files.exists(directory.resolve(rotation).resolve(ANCHORS))) {
      writePublic(rotation, ANCHORS, Certificates.toPem(List.copyOf(all)));
    }
  }

  /** The certificates that are kept. */
  List<X509Certificate> anchors(String rotation) throws IOException, PkiException {
    Path file = directory.resolve(rotation).resolve(ANCHORS);
    Path left = left(rotation);
    return Files.exists(file)
        ? Certificates.readPem(file)
        : Files.exists(left) ? Certificates.readPem(left) : List.of();
  }

  private Path left(String rotation) {
    return directory.resolve(rotation + LEFT);
  }

  /** Remembers that a rotation begins to put a bundle in force, or has done so. */
  void mark(String rotation, Mark mark, AnchorSet bundle) throws IOException {
    if (!isMarked(rotation, mark, bundle)) {
      Path file = directory.resolve(rotation).resolve(PUBLISHED);
      String before = Files.exists(file) ? Files.readString(file) : "";
      writePublic(rotation, PUBLISHED, before + mark + ' ' + bundle.digest() + "\n");
    }
  }

  /** Whether a rotation has begun to put a bundle in force, or has done so. */
  boolean isMarked(String rotation, Mark mark, AnchorSet bundle) throws IOException {
    Path file = directory.resolve(rotation).resolve(PUBLISHED);
    return Files.exists(file) && Files.readAllLines(file).contains(mark + " " + bundle.digest());
  }

  /**
   * Keeps certificates that a rotation takes out of the files although they are not its own; not
   * deleted with its keys.
   *
   * @return the file
   */
  Path keepDropped(String rotation, List<X509Certificate> anchors) throws IOException {
    StateFiles.createDirectory(directory);
    Path file = directory.resolve(rotation + ".dropped.crt");
    StateFiles.writePublic(file, Certificates.toPem(anchors));
    return file;
  }

  private void writePublic(String rotation, String name, String text) throws IOException {
    StateFiles.createDirectory(directory);
    StateFiles.createDirectory(directory.resolve(rotation));
    StateFiles.writePublic(directory.resolve(rotation).resolve(name), text);
  }

  /** Whether it is known which bundles a rotation has put in force. */
  boolean hasMarks(String rotation) {
    return Files.exists(directory.resolve(rotation).resolve(PUBLISHED));
  }

  /** Whether any key is kept for a rotation, or is not deleted yet. */
  boolean hasAny(String rotation) {
    return Files.exists(directory.resolve(rotation))
        || Files.exists(directory.resolve(rotation + DELETED));
  }

  /** Deletes all that is kept for a rotation. */
  void delete(String rotation) throws IOException {
    deleteKeys(rotation);
    Files.deleteIfExists(left(rotation));
  }

  /**
   * Deletes the keys of a rotation, and keeps the certificates of its anchors. The keys leave
   * together: what a crash leaves of them is deleted at the next start.
   */
  void settle(String rotation) throws IOException, PkiException {
    List<X509Certificate> anchors = anchors(rotation);
    if (!anchors.isEmpty()) {
      StateFiles.writePublic(left(rotation), Certificates.toPem(anchors));
    }
    deleteKeys(rotation);
  }

  /** Deletes the keys of a rotation, and leaves the certificates of its anchors as they are. */
  void deleteKeys(String rotation) throws IOException {
    Path deleted = directory.resolve(rotation + DELETED);
    deleteFlat(deleted);
    Path kept = directory.resolve(rotation);
    if (Files.exists(kept)) {
      Files.move(kept, deleted, StandardCopyOption.ATOMIC_MOVE);
      deleteFlat(deleted);
    }
  }

  /**
   * Deletes what a crash left of rotations that never began, or that have ended.
   *
   * @param rotations of which all is kept
   * @param ended of which the certificates of anchors are kept
   */
  void deleteAllBut(List<String> rotations, List<String> ended) throws IOException {
    if (!Files.isDirectory(directory)) {
      return;
    }
    List<Path> strays = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(directory)) {
      for (Path one : all) {
        String name = one.getFileName().toString();
        if (Files.isDirectory(one)
            ? !rotations.contains(name)
            : name.endsWith(LEFT)
                && !rotations.contains(name.substring(0, name.length() - LEFT.length()))
                && !ended.contains(name.substring(0, name.length() - LEFT.length()))) {
          strays.add(one);
        }
      }
    }
    for (Path stray : strays) {
      if (ended.contains(stray.getFileName().toString())) {
        endUnsettled(stray.getFileName().toString());
      }
      deleteFlat(stray);
      Files.deleteIfExists(stray);
    }
  }

  /** A crash came between the end of a rotation that another one has replaced and this. */
  private void endUnsettled(String rotation) throws IOException {
    try {
      settle(rotation);
    } catch (PkiException e) {
      // The certificates cannot be read: nothing of it is of use.
      deleteKeys(rotation);
    }
  }

  private Path file(String rotation, Part part) {
    return directory.resolve(rotation).resolve(part.file);
  }

  private static void deleteFlat(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
        for (Path file : files) {
          Files.delete(file);
        }
      }
      Files.delete(directory);
    }
  }
}
