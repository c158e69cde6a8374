package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.source.Pkcs11Objects.Kind;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which keys are being put in tokens, each in a file of a directory. A token takes key and
 * certificate one after the other: a process that is killed in between leaves a key that nobody
 * sees. The file names the token by its serial number, and the key by its public half: exactly that
 * key is one of ours, which may be deleted. Neither is another key under the same label, nor one in
 * a token that has taken the place of the first.
 *
 * <p>A file has four lines: the URI of the key, for people; {@code serial} and the serial number of
 * the token in hexadecimal; {@code algorithm} and {@code EC} or {@code RSA}; {@code public} and the
 * SubjectPublicKeyInfo in base64. A file that is not like that says nothing of any key.
 */
final class UnfinishedKeys {
  private static final Logger log = LoggerFactory.getLogger(UnfinishedKeys.class);
  private static final int NAME_BYTES = 8;
  private static final String SERIAL = "serial ";
  private static final String ALGORITHM = "algorithm ";
  private static final String PUBLIC = "public ";
  private static final int LINES = 4;

  private final Path directory;

  UnfinishedKeys(Path directory) {
    this.directory = directory;
  }

  /**
   * Makes room for a key under a label without a certificate: what an earlier attempt left there is
   * deleted, and then its file.
   *
   * @throws PkiException when the token has a key of somebody else under the label, or one that
   *     cannot be told from the one of the attempt; then the file stays
   */
  void clear(Pkcs11Token.Config config) throws IOException, PkiException, RefusedMaterialException {
    PublicKey ours = begun(config);
    if (ours != null && count(config, Kind.CERTIFICATE) == 0) {
      Pkcs11Objects.Found found =
          Pkcs11Objects.deleteKeys(config.library(), config.token(), config.keyLabel(), ours);
      int deleted = found.matching();
      if (deleted == 0 && found.unknown() > 0) {
        throw cannotTell(config);
      }
      if (deleted > 0) {
        log.warn(
            "token '{}': {} private key without a certificate under label '{}' deleted; an attempt"
                + " to make an anchor there was cut short",
            config.token(),
            deleted,
            config.keyLabel());
      }
      end(config);
    }
    requireNoOther(config);
  }

  /** A key that was made is about to be put in the token. */
  void begin(Pkcs11Token.Config config, PublicKey key)
      throws IOException, RefusedMaterialException {
    begin(config, serial(config), key);
  }

  /** The same for a token with a serial number. */
  void begin(Pkcs11Token.Config config, String serial, PublicKey key) throws IOException {
    StateFiles.createDirectory(directory);
    StateFiles.writeSecret(
        file(config, serial),
        String.join(
                "\n",
                Pkcs11Uri.format(config),
                SERIAL + serial,
                ALGORITHM + key.getAlgorithm(),
                PUBLIC + Base64.getEncoder().encodeToString(key.getEncoded()))
            + "\n");
  }

  /** The key has its certificate, or is not there. */
  void end(Pkcs11Token.Config config) throws IOException, RefusedMaterialException {
    Files.deleteIfExists(file(config, serial(config)));
  }

  /**
   * Refuses a key that is not of an attempt of ours.
   *
   * @throws PkiException when the token has one under the label
   */
  void requireNoOther(Pkcs11Token.Config config)
      throws IOException, PkiException, RefusedMaterialException {
    int found = count(config, Kind.PRIVATE_KEY);
    if (found == 0) {
      return;
    }
    PublicKey ours = begun(config);
    Pkcs11Objects.Found known =
        ours == null
            ? new Pkcs11Objects.Found(0, 0)
            : Pkcs11Objects.countKeys(config.library(), config.token(), config.keyLabel(), ours);
    if (known.matching() == 0 && known.unknown() > 0) {
      throw cannotTell(config);
    }
    if (known.matching() < found) {
      throw new PkiException(
          "token '"
              + config.token()
              + "' has a private key with id '"
              + config.keyLabel()
              + "' without a certificate of that label, which this server did not make: expected"
              + " both or none; give it its certificate, delete it, or take another label");
    }
  }

  private static PkiException cannotTell(Pkcs11Token.Config config) {
    return new PkiException(
        "token '"
            + config.token()
            + "' has a private key with id '"
            + config.keyLabel()
            + "' without a certificate of that label, which does not sign now, so it cannot be told"
            + " whether an attempt of this server has left it there: expected a signature; try again"
            + " when the token works, delete the key, or take another label");
  }

  /** The key that an earlier attempt may have left in this token; null when none may. */
  private @Nullable PublicKey begun(Pkcs11Token.Config config)
      throws IOException, PkiException, RefusedMaterialException {
    String serial = serial(config);
    Path file = file(config, serial);
    if (!Files.exists(file)) {
      return null;
    }
    StateFiles.requireSecret(file);
    List<String> lines = Files.readString(file, StandardCharsets.ISO_8859_1).lines().toList();
    try {
      if (lines.size() == LINES
          && lines.get(1).equals(SERIAL + serial)
          && lines.get(2).startsWith(ALGORITHM)
          && lines.get(3).startsWith(PUBLIC)) {
        return KeyFactory.getInstance(lines.get(2).substring(ALGORITHM.length()))
            .generatePublic(
                new X509EncodedKeySpec(
                    Base64.getDecoder().decode(lines.get(3).substring(PUBLIC.length()))));
      }
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      log.warn("{}: no public key", file, e);
    }
    log.warn("{} says nothing of a key: expected {} lines with its public key", file, LINES);
    return null;
  }

  private static int count(Pkcs11Token.Config config, Kind kind) throws RefusedMaterialException {
    return Pkcs11Objects.count(config.library(), config.token(), kind, config.keyLabel());
  }

  private static String serial(Pkcs11Token.Config config) throws RefusedMaterialException {
    return Pkcs11Slots.of(config.library(), config.token()).serial();
  }

  /** The same for each PIN file: where the PIN is does not make it another key. */
  private Path file(Pkcs11Token.Config config, String serial) {
    String key =
        String.join("\n", config.library().toString(), config.token(), serial)
            + "\n"
            + config.keyLabel();
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
      return directory.resolve(
          "token-key-" + HexFormat.of().formatHex(digest, 0, NAME_BYTES) + ".making");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
