package io.signetmesh.identity.federation;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Federation of an identity server, in both directions.
 *
 * @param file configuration of foreign trust domains ({@link FederationFile}); null for none
 * @param endpoint where the own bundle is served; null for no endpoint
 */
public record FederationConfig(@Nullable Path file, BundleEndpoint.@Nullable Config endpoint) {
  /** No federation. */
  public static final FederationConfig NONE = new FederationConfig(null, null);
}
