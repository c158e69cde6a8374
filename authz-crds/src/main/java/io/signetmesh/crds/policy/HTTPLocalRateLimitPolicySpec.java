package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of an {@link HTTPLocalRateLimitPolicy}. Rates are in requests per second, for each proxy.
 *
 * @param targetRef the Server
 * @param total limit for all requests together; null means no limit
 * @param identity limit for each client identity; null means no limit
 * @param overrides limits for named clients, which replace {@code identity} for them
 */
public record HTTPLocalRateLimitPolicySpec(
    @Required LocalTargetRef targetRef,
    @Nullable Limit total,
    @Nullable Limit identity,
    List<ClientLimit> overrides) {
  /** Copies the overrides; null becomes an empty list. */
  public HTTPLocalRateLimitPolicySpec {
    overrides = overrides == null ? List.of() : List.copyOf(overrides);
  }

  /**
   * A rate limit.
   *
   * @param requestsPerSecond requests per second, and at the same time the burst; 0 to
   *     4,294,967,295
   */
  public record Limit(@Required @Range(min = 0, max = 4_294_967_295L) long requestsPerSecond) {}

  /**
   * A rate limit that the listed clients share.
   *
   * @param requestsPerSecond requests per second, and at the same time the burst; 0 to
   *     4,294,967,295
   * @param clientRefs ServiceAccounts of the clients
   */
  public record ClientLimit(
      @Required @Range(min = 0, max = 4_294_967_295L) long requestsPerSecond,
      @Required List<NamespacedTargetRef> clientRefs) {
    /** Copies the list. */
    public ClientLimit {
      clientRefs = List.copyOf(clientRefs);
    }
  }
}
