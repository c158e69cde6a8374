package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/**
 * The outcome of a decision. Instances are made when a policy is compiled, so that deciding
 * allocates nothing.
 *
 * @param allowed the verdict
 * @param reason why
 * @param authorization the authorization that matched, or on a denial the one that came nearest;
 *     null when there is none
 * @param failedAttribute on a denial the attribute that failed in the nearest authorization ({@code
 *     identity}, {@code network}, {@code tls}); null otherwise
 * @param detail on a denial what the nearest authorization wants, in words; null otherwise
 */
public record Decision(
    boolean allowed,
    Reason reason,
    @Nullable ResourceRef authorization,
    @Nullable String failedAttribute,
    @Nullable String detail) {

  /** The label of {@link #authorization()}, or null. */
  public @Nullable String authorizationLabel() {
    return authorization == null ? null : authorization.label();
  }
}
