package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.source.Pkcs11Objects.Kind;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which keys are being made in tokens, each in a file of a directory. A token takes key and
 * certificate one after the other: a process that is killed in between leaves a key that nobody
 * sees. The file says that such a key is one of ours, which may be deleted.
 */
final class UnfinishedKeys {
  private static final Logger log = LoggerFactory.getLogger(UnfinishedKeys.class);
  private static final int NAME_BYTES = 8;

  private final Path directory;

  UnfinishedKeys(Path directory) {
    this.directory = directory;
  }

  /**
   * A key is about to be made, under a label without a certificate. What an earlier attempt left
   * there is deleted.
   *
   * @throws PkiException when the token has a key of somebody else under the label
   */
  void begin(Pkcs11Token.Config config) throws IOException, PkiException, RefusedMaterialException {
    requireNoOther(config);
    int deleted =
        isBegun(config) && count(config, Kind.CERTIFICATE) == 0
            ? Pkcs11Objects.delete(
                config.library(), config.token(), Kind.PRIVATE_KEY, config.keyLabel())
            : 0;
    if (deleted > 0) {
      log.warn(
          "token '{}': {} private key without a certificate under label '{}' deleted; an attempt to"
              + " make an anchor there was cut short",
          config.token(),
          deleted,
          config.keyLabel());
    }
    StateFiles.createDirectory(directory);
    StateFiles.writeSecret(file(config), Pkcs11Uri.format(config) + "\n");
  }

  /** The key has its certificate. */
  void end(Pkcs11Token.Config config) throws IOException {
    Files.deleteIfExists(file(config));
  }

  /**
   * Refuses a key that is not of an attempt of ours.
   *
   * @throws PkiException when the token has one under the label
   */
  void requireNoOther(Pkcs11Token.Config config) throws PkiException, RefusedMaterialException {
    if (!isBegun(config) && count(config, Kind.PRIVATE_KEY) > 0) {
      throw new PkiException(
          "token '"
              + config.token()
              + "' has a private key with id '"
              + config.keyLabel()
              + "' without a certificate of that label, which this server did not make: expected"
              + " both or none; give it its certificate, delete it, or take another label");
    }
  }

  private boolean isBegun(Pkcs11Token.Config config) {
    return Files.exists(file(config));
  }

  private static int count(Pkcs11Token.Config config, Kind kind) throws RefusedMaterialException {
    return Pkcs11Objects.count(config.library(), config.token(), kind, config.keyLabel());
  }

  /** The same for each PIN file: where the PIN is does not make it another key. */
  private Path file(Pkcs11Token.Config config) {
    String key = config.library() + "\n" + config.token() + "\n" + config.keyLabel();
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
