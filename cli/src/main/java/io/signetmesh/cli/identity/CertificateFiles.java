package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;

/** Reads certificates for commands. */
public final class CertificateFiles {
  private static final int MAX_BYTES = 1 << 20;

  private CertificateFiles() {}

  /**
   * Reads certificates in PEM, or one in DER.
   *
   * @param file {@code -} for standard input
   * @throws CommandFailure when there are none, or anything else
   */
  public static List<X509Certificate> read(Path file) throws CommandFailure {
    boolean standardInput = file.toString().equals("-");
    String source = standardInput ? "standard input" : file.toString();
    byte[] content;
    try (InputStream in = standardInput ? System.in : Files.newInputStream(file)) {
      content = in.readNBytes(MAX_BYTES + 1);
    } catch (IOException e) {
      throw CommandFailure.configuration(source + " cannot be read: " + e.getMessage(), e);
    }
    if (content.length > MAX_BYTES) {
      throw CommandFailure.configuration(source + ": expected at most " + MAX_BYTES + " bytes");
    }
    try {
      return content.length > 0 && content[0] == 0x30
          ? List.of(Certificates.parseDer(source, content))
          : Certificates.parsePem(source, new String(content, StandardCharsets.ISO_8859_1));
    } catch (PkiException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }
}
