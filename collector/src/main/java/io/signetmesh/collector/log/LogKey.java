package io.signetmesh.collector.log;

import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.EdECPrivateKey;
import java.util.Base64;

/** The Ed25519 key of a log or a witness in a file: PKCS#8 in PEM, mode 0600. */
public final class LogKey {
  private LogKey() {}

  /**
   * Reads a key, or makes it when there is no file and {@code mayMake}.
   *
   * @param name of the key; the origin of a log
   * @throws IOException when the file is missing, open to others, or no Ed25519 key
   */
  public static NoteSigner open(Path file, String name, NoteKey.Type type, boolean mayMake)
      throws IOException {
    if (!Files.exists(file)) {
      if (!mayMake) {
        throw new IOException(
            file + " is missing: expected the key that has signed checkpoints of " + name);
      }
      StateFiles.writeSecret(file, pem(make()));
    }
    try {
      StateFiles.requireSecret(file);
      PrivateKey key = PrivateKeys.read(file);
      return new NoteSigner(new NoteKey(name, type, publicHalf(file, key)), key);
    } catch (PkiException | IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private static PrivateKey make() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPrivate();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has Ed25519", e);
    }
  }

  private static String pem(PrivateKey key) {
    return "-----BEGIN PRIVATE KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded())
        + "\n-----END PRIVATE KEY-----\n";
  }

  /** RFC 8032 makes it from the private half; the JDK does so when it makes a pair. */
  private static PublicKey publicHalf(Path file, PrivateKey key) throws IOException {
    if (!(key instanceof EdECPrivateKey edwards) || edwards.getBytes().isEmpty()) {
      throw new IOException(file + " is " + key.getAlgorithm() + ": expected Ed25519");
    }
    byte[] seed = edwards.getBytes().get();
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519", "SunEC");
      generator.initialize(255, new Fixed(seed));
      KeyPair pair = generator.generateKeyPair();
      return pair.getPublic();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has Ed25519", e);
    }
  }

  /** Gives the bytes of a private key where random ones are asked for. */
  private static final class Fixed extends SecureRandom {
    private static final long serialVersionUID = 1L;

    private final transient byte[] seed;

    Fixed(byte[] seed) {
      this.seed = seed;
    }

    @Override
    public void nextBytes(byte[] bytes) {
      System.arraycopy(seed, 0, bytes, 0, bytes.length);
    }
  }
}
