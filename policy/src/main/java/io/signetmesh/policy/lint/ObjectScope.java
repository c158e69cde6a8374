package io.signetmesh.policy.lint;

import io.signetmesh.policy.effective.PolicySource;
import org.jspecify.annotations.Nullable;

/**
 * Whether a Server, an authorization, a denial, a route or a rate limit affects any port of any
 * workload, watched or not.
 *
 * @param source the object, with the mode that it is written in; one that is not understood counts
 *     as enforced
 * @param hasPorts whether it affects a port
 * @param rule kind of the finding that says why not; null when it affects one, and where no finding
 *     says it
 * @param reason one sentence that says why it affects no port; empty when it affects one
 */
public record ObjectScope(
    PolicySource source, boolean hasPorts, LintFinding.@Nullable Rule rule, String reason) {}
