package io.signetmesh.policy.model;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An HTTPLocalRateLimitPolicy: limits the requests that each proxy of a Server takes. Rates are
 * requests per second, 32 bits unsigned.
 *
 * @param ref the object
 * @param origin where it is written
 * @param created creation time; null sorts first
 * @param target the Server limited, in its own namespace
 * @param total limit on all requests together; null when there is none
 * @param identity limit on the requests of each client; null when there is none
 * @param overrides limits of named clients, instead of {@code identity}
 */
public record RateLimitModel(
    ObjectRef ref,
    String origin,
    @Nullable Instant created,
    Reference target,
    @Nullable Long total,
    @Nullable Long identity,
    List<ClientLimit> overrides)
    implements PolicyObject, Comparable<RateLimitModel> {
  /** Copies the list. */
  public RateLimitModel {
    overrides = List.copyOf(overrides);
  }

  /** Older first, a missing creation time before all, then by name: the first one limits. */
  @Override
  public int compareTo(RateLimitModel other) {
    return ObjectRef.compareByAge(created, ref.name(), other.created, other.ref.name());
  }

  /**
   * A limit that its clients share.
   *
   * @param rate requests per second
   * @param clients service accounts
   */
  public record ClientLimit(long rate, List<Reference> clients) {
    /** Copies the list. */
    public ClientLimit {
      clients = List.copyOf(clients);
    }
  }
}
