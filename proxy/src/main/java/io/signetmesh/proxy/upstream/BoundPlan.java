package io.signetmesh.proxy.upstream;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** A plan with the balancers of its backends. */
record BoundPlan(Plan plan, long totalWeight, List<Share> shares) {

  /**
   * A backend that requests may go to.
   *
   * @param weight share of the requests
   * @param balancer endpoints; null when the backend is not valid
   * @param shared holder of the balancer when it is shared
   */
  record Share(
      long weight, @Nullable Balancer balancer, SharedBalancers.@Nullable SharedBalancer shared) {}

  /** Whether all endpoints that are known now are hinted to take bytes only. */
  boolean takesBytesOnly() {
    if (totalWeight == 0) {
      return false;
    }
    for (Share share : shares) {
      Balancer balancer = share.balancer();
      if (share.weight() > 0 && (balancer == null || !balancer.bytesOnly())) {
        return false;
      }
    }
    return true;
  }

  /** Whether requests may go to an endpoint. */
  boolean leadsTo(Endpoint endpoint) {
    for (Share share : shares) {
      Balancer balancer = share.balancer();
      if (share.weight() > 0 && balancer != null && balancer.has(endpoint)) {
        return true;
      }
    }
    return false;
  }

  /** Draws a backend by weight; null when it is not valid, or there is none. */
  @Nullable Balancer choose() {
    if (totalWeight == 0) {
      return null;
    }
    if (shares.size() == 1) {
      return shares.getFirst().balancer();
    }
    long drawn = ThreadLocalRandom.current().nextLong(totalWeight);
    for (int i = 0; i < shares.size(); i++) {
      drawn -= shares.get(i).weight();
      if (drawn < 0) {
        return shares.get(i).balancer();
      }
    }
    return null;
  }
}
