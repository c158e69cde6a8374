package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.SigningKey;
import java.nio.file.Path;
import java.util.Map;

/**
 * Issuer and trust anchors in three files.
 *
 * @param certificates PEM: issuer first, then the CA certificates towards the anchor
 * @param key private key: PKCS#8 in PEM or DER, SEC 1 or PKCS#1 in PEM
 * @param anchors PEM: trust anchors
 */
public record PemFiles(Path certificates, Path key, Path anchors) implements AuthoritySource {
  @Override
  public Snapshot read() throws RefusedMaterialException {
    byte[] chain = SourceFiles.read(certificates);
    byte[] secret = SourceFiles.read(key);
    byte[] trusted = SourceFiles.read(anchors);
    return Snapshot.of(
        Map.of("certificates", chain, "key", secret, "anchors", trusted),
        () ->
            new Material(
                SigningKey.of(SourceFiles.key(key, secret)),
                SourceFiles.certificates(certificates, chain),
                SourceFiles.certificates(anchors, trusted)));
  }

  @Override
  public String toString() {
    return certificates + " with " + key;
  }
}
