package io.signetmesh.cli.server;

import io.signetmesh.cli.command.ClusterOptions;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.fetch.FetchSettings;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the policy controller may get key sets and policy bundles from. */
final class FetchOptions {
  @Option(
      names = "--key-set-networks",
      paramLabel = "CIDR",
      split = ",",
      converter = ClusterOptions.Networks.class,
      description = {
        "Networks that key sets of JWTAuthentications and bundles of RegoAuthentications may be",
        "fetched from, besides the internet, separated by commas. By default no private, loopback,",
        "link-local or other special address is asked."
      })
  private List<Cidr> networks = List.of();

  @Option(
      names = "--rego-bundle-directory",
      paramLabel = "DIR",
      description = {
        "Directory of policy bundles that RegoAuthentications name as files, with a subdirectory",
        "for each namespace: DIR/NAMESPACE/FILE. A file that changes is read again. Nothing outside",
        "of the subdirectory of a RegoAuthentication's namespace is read. By default no file is."
      })
  private @Nullable Path bundles;

  /**
   * The settings.
   *
   * @param state directory in which what was fetched survives a restart; null keeps nothing
   */
  FetchSettings settings(@Nullable Path state) {
    return new FetchSettings(networks, state == null ? null : state.resolve("key-sets"), bundles);
  }
}
