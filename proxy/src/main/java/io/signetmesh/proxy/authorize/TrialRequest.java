package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/**
 * One request under the dry-run policy, where policy bundles decide. It keeps what it needs of the
 * request, so that it may be asked later and from any thread.
 */
public interface TrialRequest {
  /** The next question that the verdict depends on; null when there is none. */
  @Nullable RegoQuestion next(Client client);

  /** The verdict. What was not asked counts as not answered. */
  Decision decide(Client client);
}
