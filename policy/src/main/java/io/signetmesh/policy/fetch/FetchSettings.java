package io.signetmesh.policy.fetch;

import io.signetmesh.crds.network.Cidr;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of the fetching of key sets and policy bundles.
 *
 * @param networks networks that they may be fetched from, besides the internet
 * @param memory directory in which the last good ones are kept for the next start; null keeps none
 * @param bundles directory that has bundles in files; null reads no files
 */
public record FetchSettings(List<Cidr> networks, @Nullable Path memory, @Nullable Path bundles) {
  /** From the internet alone, kept nowhere, and no files. */
  public static final FetchSettings DEFAULT = new FetchSettings(List.of(), null, null);

  /** Copies the list. */
  public FetchSettings {
    networks = List.copyOf(networks);
  }
}
