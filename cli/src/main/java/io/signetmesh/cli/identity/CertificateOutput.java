package io.signetmesh.cli.identity;

import picocli.CommandLine.Option;

/** {@code --output} of commands that show certificates. */
final class CertificateOutput {
  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "text",
      description = "How certificates are shown: text, json or pem (default: ${DEFAULT-VALUE}).")
  private CertificateFormat format = CertificateFormat.TEXT;

  CertificateFormat format() {
    return format;
  }
}
