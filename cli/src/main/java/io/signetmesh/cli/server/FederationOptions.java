package io.signetmesh.cli.server;

import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.identity.federation.BundleEndpoint;
import io.signetmesh.identity.federation.FederationConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** With which trust domains the identity server federates. */
final class FederationOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--federation",
      paramLabel = "FILE",
      description = {
        "Foreign trust domains and where their bundles are fetched (YAML or JSON), watched for",
        "changes (default: none)."
      })
  private @Nullable Path file;

  @Option(
      names = "--bundle-endpoint",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = {
        "Where foreign trust domains fetch our trust bundle over HTTPS (default: nowhere).",
        "It shows the identity server's SPIFFE id (profile https_spiffe), or the certificate below."
      })
  private @Nullable InetSocketAddress endpoint;

  @Option(
      names = "--bundle-endpoint-certificates",
      paramLabel = "FILE",
      description =
          "PEM: a certificate of the Web PKI for the bundle endpoint (profile https_web).")
  private @Nullable Path certificates;

  @Option(
      names = "--bundle-endpoint-key",
      paramLabel = "FILE",
      description = "PEM: its private key, mode 0600.")
  private @Nullable Path key;

  FederationConfig config() {
    Path chain = certificates;
    Path secret = key;
    InetSocketAddress address = endpoint;
    if ((chain == null) != (secret == null)) {
      throw new ParameterException(
          spec.commandLine(),
          "--bundle-endpoint-certificates and --bundle-endpoint-key go together: expected both or"
              + " none");
    }
    if (address == null && chain != null) {
      throw new ParameterException(
          spec.commandLine(), "--bundle-endpoint-certificates needs --bundle-endpoint");
    }
    return new FederationConfig(
        file,
        address == null
            ? null
            : new BundleEndpoint.Config(
                address,
                chain == null || secret == null
                    ? null
                    : new BundleEndpoint.WebFiles(chain, secret)));
  }
}
