package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;

/** Reads revocation lists for commands. */
final class RevocationFiles {
  private static final int MAX_BYTES = 64 << 20;

  private RevocationFiles() {}

  /**
   * Reads one X.509 CRL (RFC 5280 section 5), in DER or PEM.
   *
   * @throws CommandFailure when the file is anything else
   */
  static X509CRL read(Path file) throws CommandFailure {
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw CommandFailure.configuration(
            file + ": " + size + " bytes: expected a revocation list, at most " + MAX_BYTES);
      }
      return (X509CRL)
          CertificateFactory.getInstance("X.509")
              .generateCRL(new ByteArrayInputStream(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw CommandFailure.configuration(file + " cannot be read: " + e.getMessage(), e);
    } catch (GeneralSecurityException e) {
      throw CommandFailure.configuration(file + ": not an X.509 revocation list", e);
    }
  }
}
