package io.signetmesh.cli.trust;

import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;

/** An operator's anchor in files. */
record AnchorFiles(Path certificate, Path key, X509Certificate anchor) {
  static AnchorFiles write(Path directory) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    X509Certificate anchor =
        CertificateBuilder.anchor(
            "root of ours", keys, TrustStates.NOW, TrustStates.NOW.plus(Duration.ofDays(365)));
    Path certificate = directory.resolve("anchor.pem");
    Path key = directory.resolve("anchor.key");
    Files.writeString(certificate, Certificates.toPem(List.of(anchor)));
    StateFiles.writeSecret(key, PrivateKeys.toPem(keys.getPrivate()));
    return new AnchorFiles(certificate, key, anchor);
  }
}
