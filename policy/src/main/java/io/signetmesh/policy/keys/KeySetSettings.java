package io.signetmesh.policy.keys;

import io.signetmesh.crds.network.Cidr;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of the fetching of key sets.
 *
 * @param networks networks that keys may be fetched from, besides the internet
 * @param directory where the last good sets are kept for the next start; null keeps none
 */
public record KeySetSettings(List<Cidr> networks, @Nullable Path directory) {
  /** Keys from the internet alone, kept nowhere. */
  public static final KeySetSettings DEFAULT = new KeySetSettings(List.of(), null);

  /** Copies the list. */
  public KeySetSettings {
    networks = List.copyOf(networks);
  }
}
