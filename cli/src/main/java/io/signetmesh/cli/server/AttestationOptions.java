package io.signetmesh.cli.server;

import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.AttestationFile;
import io.signetmesh.identity.attest.IssuerAttestor;
import io.signetmesh.identity.attest.OidcTokens;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the identity server takes for proof of who a workload is. */
final class AttestationOptions {
  @Option(
      names = "--attestation",
      paramLabel = "FILE",
      description = {
        "YAML: issuers whose tokens are taken, such as those of Kubernetes clusters and CI",
        "systems. Without it: tokens of 'signet token' and join tokens only."
      })
  private @Nullable Path file;

  @Option(
      names = "--renewal-limit",
      paramLabel = "DURATION",
      defaultValue = "30d",
      converter = StateDirectory.Durations.class,
      description = {
        "How long a workload may renew by its certificate alone",
        "(default: ${DEFAULT-VALUE}; 0s: not at all; at most 365d)."
      })
  private Duration renewalLimit = Attestation.RENEWAL_LIMIT;

  /**
   * @param parts closes what fetches keys
   */
  Attestation open(WorkloadTokens own, MeshNames names, InstantSource clock, Closing parts)
      throws IOException, PkiException {
    List<IssuerAttestor> issuers = new ArrayList<>();
    issuers.add(own);
    if (file != null) {
      for (OidcTokens.Issuer issuer :
          AttestationFile.read(file, names.controlPlaneNamespace(), names.trustDomain())) {
        issuers.add(
            parts.add(
                OidcTokens.open(
                    issuer, names.controlPlaneNamespace(), names.trustDomain(), clock)));
      }
    }
    return new Attestation(issuers, renewalLimit);
  }
}
