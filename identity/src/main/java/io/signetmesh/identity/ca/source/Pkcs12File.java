package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A PKCS#12 file (RFC 7292) with one private key and its chain.
 *
 * @param file the PKCS#12 file
 * @param passwordFile its password on one line; mode 0600
 * @param anchors PEM: trust anchors
 */
public record Pkcs12File(Path file, Path passwordFile, Path anchors) implements AuthoritySource {
  @Override
  public Snapshot read() throws RefusedMaterialException {
    byte[] content = SourceFiles.read(file);
    byte[] password = SourceFiles.readSecret(passwordFile);
    byte[] trusted = SourceFiles.read(anchors);
    return Snapshot.of(
        Map.of("pkcs12", content, "password", password, "anchors", trusted),
        () -> parse(content, password, SourceFiles.certificates(anchors, trusted)));
  }

  private Material parse(byte[] content, byte[] password, List<X509Certificate> trusted)
      throws RefusedMaterialException {
    char[] characters = SourceFiles.characters(password);
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(new ByteArrayInputStream(content), characters);
      @Nullable String alias = null;
      for (String candidate : Collections.list(store.aliases())) {
        if (store.isKeyEntry(candidate)) {
          if (alias != null) {
            throw new RefusedMaterialException(
                Reason.MALFORMED, file + " holds several private keys: expected one");
          }
          alias = candidate;
        }
      }
      if (alias == null || !(store.getKey(alias, characters) instanceof PrivateKey key)) {
        throw new RefusedMaterialException(
            Reason.MALFORMED, file + " holds no private key: expected one with its chain");
      }
      List<X509Certificate> chain = new ArrayList<>();
      for (Certificate certificate : store.getCertificateChain(alias)) {
        chain.add((X509Certificate) certificate);
      }
      return new Material(SigningKey.of(key), chain, trusted);
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      // The cause may quote what is in the file: only its class is told.
      throw new RefusedMaterialException(
          Reason.MALFORMED,
          file
              + ": not a PKCS#12 file that opens with the password in "
              + passwordFile
              + " ("
              + e.getClass().getSimpleName()
              + ")");
    } finally {
      Arrays.fill(characters, '\0');
    }
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
