package io.signetmesh.identity.workload;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What {@link IdentityClient} has done so far.
 *
 * @param expiration end of the certificate held; null before the first
 * @param refreshed when it was obtained; null before the first
 * @param refreshes certificates obtained
 * @param failures attempts that failed
 * @param trustVersion version of the bundle in force; 0 for the configured anchors
 * @param bundleRefusals bundles that were offered and not taken
 */
public record IdentityMetrics(
    @Nullable Instant expiration,
    @Nullable Instant refreshed,
    long refreshes,
    long failures,
    long trustVersion,
    long bundleRefusals) {}
