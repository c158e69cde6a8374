package io.signetmesh.identity.workload;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Counters and times of an {@link IdentityClient}.
 *
 * @param expiration end of the current certificate; null before the first
 * @param refreshed when it was obtained; null before the first
 * @param refreshes number of certificates obtained
 * @param failures number of failed attempts
 * @param trustVersion version of the bundle in force; 0 for the configured anchors
 * @param bundleRefusals number of bundles that were received and refused
 */
public record IdentityMetrics(
    @Nullable Instant expiration,
    @Nullable Instant refreshed,
    long refreshes,
    long failures,
    long trustVersion,
    long bundleRefusals) {}
