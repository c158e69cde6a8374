package io.signetmesh.cli.server;

import io.signetmesh.cli.command.ClusterOptions;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.keys.KeySetSettings;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the policy controller may fetch the key sets of JWTAuthentications from. */
final class KeySetOptions {
  @Option(
      names = "--key-set-networks",
      paramLabel = "CIDR",
      split = ",",
      converter = ClusterOptions.Networks.class,
      description = {
        "Networks that key sets of JWTAuthentications may be fetched from, besides the internet,",
        "separated by commas. By default no private, loopback, link-local or other special address",
        "is asked."
      })
  private List<Cidr> networks = List.of();

  /**
   * The settings.
   *
   * @param state directory in which key sets survive a restart; null keeps none
   */
  KeySetSettings settings(@Nullable Path state) {
    return new KeySetSettings(networks, state == null ? null : state.resolve("key-sets"));
  }
}
