package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link HTTPLocalRateLimitPolicy} says. Rates are requests per second and proxy.
 *
 * @param targetRef the server
 * @param total limit on all requests together
 * @param identity limit on the requests of each client identity
 * @param overrides limits of named clients, in the place of {@code identity}
 */
public record HTTPLocalRateLimitPolicySpec(
    @Required LocalTargetRef targetRef,
    @Nullable Limit total,
    @Nullable Limit identity,
    List<ClientLimit> overrides) {
  /** Overrides that are not given are none. */
  public HTTPLocalRateLimitPolicySpec {
    overrides = overrides == null ? List.of() : List.copyOf(overrides);
  }

  /**
   * A rate.
   *
   * @param requestsPerSecond rate and burst, 32 bits unsigned
   */
  public record Limit(@Required @Range(min = 0, max = 4_294_967_295L) long requestsPerSecond) {}

  /**
   * A rate that the listed clients share.
   *
   * @param requestsPerSecond rate and burst, 32 bits unsigned
   * @param clientRefs service accounts
   */
  public record ClientLimit(
      @Required @Range(min = 0, max = 4_294_967_295L) long requestsPerSecond,
      @Required List<NamespacedTargetRef> clientRefs) {
    /** Keeps a copy. */
    public ClientLimit {
      clientRefs = List.copyOf(clientRefs);
    }
  }
}
