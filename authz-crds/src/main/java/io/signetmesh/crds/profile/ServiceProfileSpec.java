package io.signetmesh.crds.profile;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.fabric8.kubernetes.api.model.Quantity;
import io.signetmesh.crds.schema.OneOrMany;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link ServiceProfile} says.
 *
 * @param routes classes of requests, first match first
 * @param retryBudget bound on retries
 * @param dstOverrides traffic split; empty means none
 * @param opaquePorts ports of the service that are not looked into; the Service's annotation takes
 *     their place
 */
public record ServiceProfileSpec(
    List<Route> routes,
    @Nullable RetryBudget retryBudget,
    List<WeightedDestination> dstOverrides,
    List<String> opaquePorts) {
  /** Lists that are not given are empty. */
  public ServiceProfileSpec {
    routes = routes == null ? List.of() : List.copyOf(routes);
    dstOverrides = dstOverrides == null ? List.of() : List.copyOf(dstOverrides);
    opaquePorts = opaquePorts == null ? List.of() : List.copyOf(opaquePorts);
  }

  /**
   * A class of requests.
   *
   * @param name name in metrics
   * @param condition requests that belong to it
   * @param isRetryable whether its failures may be retried
   * @param timeout time for the whole request, as Go writes durations
   * @param responseClasses which responses count as failures, first match first
   */
  public record Route(
      @Required String name,
      @Required RequestMatch condition,
      boolean isRetryable,
      @Text(TextFormat.GO_DURATION) @Nullable String timeout,
      List<ResponseClass> responseClasses) {
    /** Lists that are not given are empty. */
    public Route {
      responseClasses = responseClasses == null ? List.of() : List.copyOf(responseClasses);
    }
  }

  /**
   * Condition on a request; all parts that are given must hold.
   *
   * @param pathRegex regular expression of the whole path
   * @param method HTTP method
   * @param all conditions that must all hold
   * @param any conditions of which one must hold
   * @param not conditions that must not hold
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record RequestMatch(
      @Nullable String pathRegex,
      @Nullable String method,
      List<RequestMatch> all,
      List<RequestMatch> any,
      @OneOrMany List<RequestMatch> not) {
    /** Lists that are not given are empty. */
    public RequestMatch {
      all = all == null ? List.of() : List.copyOf(all);
      any = any == null ? List.of() : List.copyOf(any);
      not = not == null ? List.of() : List.copyOf(not);
    }
  }

  /**
   * A class of responses.
   *
   * @param condition responses that belong to it
   * @param isFailure whether they count as failures
   */
  public record ResponseClass(@Required ResponseMatch condition, boolean isFailure) {}

  /**
   * Condition on a response; all parts that are given must hold.
   *
   * @param all conditions that must all hold
   * @param any conditions of which one must hold
   * @param not condition that must not hold
   * @param status range of HTTP statuses
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record ResponseMatch(
      List<ResponseMatch> all,
      List<ResponseMatch> any,
      @Nullable ResponseMatch not,
      @Nullable StatusRange status) {
    /** Lists that are not given are empty. */
    public ResponseMatch {
      all = all == null ? List.of() : List.copyOf(all);
      any = any == null ? List.of() : List.copyOf(any);
    }
  }

  /**
   * Range of HTTP statuses, both ends inclusive.
   *
   * @param min least status; null or 0 means the same as max
   * @param max greatest status; null or 0 means the same as min
   */
  public record StatusRange(@Nullable Integer min, @Nullable Integer max) {}

  /**
   * Bound on retries.
   *
   * @param retryRatio retries per original request
   * @param minRetriesPerSecond retries that are always allowed
   * @param ttl time over which requests are counted, as Go writes durations
   */
  public record RetryBudget(
      @Required double retryRatio,
      @Required int minRetriesPerSecond,
      @Required @Text(TextFormat.GO_DURATION) String ttl) {}

  /**
   * A destination with its share of the traffic.
   *
   * @param authority host and optional port
   * @param weight relative weight
   */
  public record WeightedDestination(@Nullable String authority, @Nullable Quantity weight) {}
}
