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
 * Spec of a {@link ServiceProfile}. Durations are in Go's format, such as {@code 300ms}.
 *
 * @param routes classes of requests; the first that matches applies
 * @param retryBudget limit on retries
 * @param dstOverrides traffic split; empty means none
 * @param opaquePorts ports whose protocol is not detected; the Service's annotation takes
 *     precedence
 */
public record ServiceProfileSpec(
    List<Route> routes,
    @Nullable RetryBudget retryBudget,
    List<WeightedDestination> dstOverrides,
    List<String> opaquePorts) {
  /** Copies the lists; null becomes an empty list. */
  public ServiceProfileSpec {
    routes = routes == null ? List.of() : List.copyOf(routes);
    dstOverrides = dstOverrides == null ? List.of() : List.copyOf(dstOverrides);
    opaquePorts = opaquePorts == null ? List.of() : List.copyOf(opaquePorts);
  }

  /**
   * A class of requests.
   *
   * @param name name of the route in metrics
   * @param condition which requests belong to it
   * @param isRetryable whether failed requests may be retried
   * @param timeout time for the whole request
   * @param responseClasses which responses count as failures; the first that matches applies
   */
  public record Route(
      @Required String name,
      @Required RequestMatch condition,
      boolean isRetryable,
      @Text(TextFormat.GO_DURATION) @Nullable String timeout,
      List<ResponseClass> responseClasses) {
    /** Copies the lists; null becomes an empty list. */
    public Route {
      responseClasses = responseClasses == null ? List.of() : List.copyOf(responseClasses);
    }
  }

  /**
   * Condition on a request. All parts that are set must hold.
   *
   * @param pathRegex regular expression that must match the whole path
   * @param method HTTP method
   * @param all conditions that must all hold
   * @param any conditions, of which at least one must hold
   * @param not conditions, none of which may hold
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record RequestMatch(
      @Nullable String pathRegex,
      @Nullable String method,
      List<RequestMatch> all,
      List<RequestMatch> any,
      @OneOrMany List<RequestMatch> not) {
    /** Copies the lists; null becomes an empty list. */
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
   * Condition on a response. All parts that are set must hold.
   *
   * @param all conditions that must all hold
   * @param any conditions, of which at least one must hold
   * @param not condition that must not hold
   * @param status range of HTTP statuses
   */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  public record ResponseMatch(
      List<ResponseMatch> all,
      List<ResponseMatch> any,
      @Nullable ResponseMatch not,
      @Nullable StatusRange status) {
    /** Copies the lists; null becomes an empty list. */
    public ResponseMatch {
      all = all == null ? List.of() : List.copyOf(all);
      any = any == null ? List.of() : List.copyOf(any);
    }
  }

  /**
   * Range of HTTP status codes, both ends inclusive.
   *
   * @param min lowest status; null or 0 means the same as {@code max}
   * @param max highest status; null or 0 means the same as {@code min}
   */
  public record StatusRange(@Nullable Integer min, @Nullable Integer max) {}

  /**
   * Limit on retries.
   *
   * @param retryRatio retries per original request: 0.2 allows one retry for every five requests
   * @param minRetriesPerSecond retries per second that are allowed in any case
   * @param ttl time for which a request counts
   */
  public record RetryBudget(
      @Required double retryRatio,
      @Required int minRetriesPerSecond,
      @Required @Text(TextFormat.GO_DURATION) String ttl) {}

  /**
   * A destination with its share of the traffic.
   *
   * @param authority host, with an optional port
   * @param weight share of the traffic, relative to the other weights
   */
  public record WeightedDestination(@Nullable String authority, @Nullable Quantity weight) {}
}
