package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads the files of a source, bounded in size. */
final class SourceFiles {
  /** Largest file taken: far above any chain. */
  private static final int MAX_BYTES = 1 << 20;

  private SourceFiles() {}

  static byte[] read(Path file) throws RefusedMaterialException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] content = in.readNBytes(MAX_BYTES + 1);
      if (content.length > MAX_BYTES) {
        throw new RefusedMaterialException(
            Reason.MALFORMED, file + ": expected at most " + MAX_BYTES + " bytes");
      }
      return content;
    } catch (NoSuchFileException e) {
      throw new RefusedMaterialException(Reason.UNREADABLE, file + " does not exist", e);
    } catch (IOException e) {
      throw new RefusedMaterialException(Reason.UNREADABLE, file + " cannot be read: " + e, e);
    }
  }

  /** Reads a password, PIN or key, in a file of mode 0600. */
  static byte[] readSecret(Path file) throws RefusedMaterialException {
    requireMode(file, StateFiles::requireSecret);
    return read(file);
  }

  /** Reads what decides whom to trust, in a file that only its owner may change. */
  static byte[] readTrusted(Path file) throws RefusedMaterialException {
    requireMode(file, StateFiles::requireOwnersToChange);
    return read(file);
  }

  /** Checks the mode of a file. */
  @FunctionalInterface
  private interface ModeCheck {
    void require(Path file) throws IOException, PkiException;
  }

  private static void requireMode(Path file, ModeCheck check) throws RefusedMaterialException {
    try {
      check.require(file);
    } catch (NoSuchFileException e) {
      throw new RefusedMaterialException(Reason.UNREADABLE, file + " does not exist", e);
    } catch (IOException e) {
      throw new RefusedMaterialException(Reason.UNREADABLE, file + " cannot be read: " + e, e);
    } catch (PkiException e) {
      throw new RefusedMaterialException(Reason.UNREADABLE, String.valueOf(e.getMessage()), e);
    }
  }

  /** The characters of a secret, without the end of its line. */
  static char[] characters(byte[] secret) {
    return new String(secret, StandardCharsets.UTF_8).stripTrailing().toCharArray();
  }

  static List<X509Certificate> certificates(Path file, byte[] pem) throws RefusedMaterialException {
    try {
      return Certificates.parsePem(file.toString(), new String(pem, StandardCharsets.ISO_8859_1));
    } catch (PkiException e) {
      throw new RefusedMaterialException(Reason.MALFORMED, String.valueOf(e.getMessage()), e);
    }
  }

  static PrivateKey key(Path file, byte[] content) throws RefusedMaterialException {
    try {
      return content.length > 0 && content[0] == 0x30
          ? PrivateKeys.parsePkcs8(file.toString(), content)
          : PrivateKeys.parsePem(file.toString(), new String(content, StandardCharsets.ISO_8859_1));
    } catch (PkiException e) {
      throw new RefusedMaterialException(Reason.MALFORMED, String.valueOf(e.getMessage()), e);
    }
  }

  /** SHA-256 over names and contents, in hexadecimal. */
  static String digest(Map<String, byte[]> parts) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      new TreeMap<>(parts)
          .forEach(
              (name, content) -> {
                byte[] text = name.getBytes(StandardCharsets.UTF_8);
                sha256.update(
                    ByteBuffer.allocate(8).putInt(text.length).putInt(content.length).array());
                sha256.update(text);
                sha256.update(content);
              });
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
