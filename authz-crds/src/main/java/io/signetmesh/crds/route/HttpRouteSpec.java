package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.ServedIn;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of an HTTPRoute, of Linkerd's group or of the Gateway API.
 *
 * @param parentRefs objects that the route attaches to
 * @param hostnames hosts that the route matches; empty matches all
 * @param rules rules, in order
 */
public record HttpRouteSpec(
    @Items(max = 32) List<ParentRef> parentRefs,
    @Items(max = 16) @Text(TextFormat.HOST) List<String> hostnames,
    @Items(max = 16) @Default("[{matches: [{path: {type: PathPrefix, value: /}}]}]")
        List<Rule> rules) {
  /** Copies the lists; null becomes an empty list. */
  public HttpRouteSpec {
    parentRefs = parentRefs == null ? List.of() : List.copyOf(parentRefs);
    hostnames = hostnames == null ? List.of() : List.copyOf(hostnames);
    rules = rules == null ? List.of() : List.copyOf(rules);
  }

  /**
   * What happens to requests that match.
   *
   * @param name name of the rule
   * @param matches conditions, of which at least one must hold
   * @param filters changes to the request and the response
   * @param backendRefs where requests go
   * @param timeouts limits on the time of a request
   * @param sessionPersistence how requests of a session stay with one endpoint
   * @param retry which requests are retried; kept as read, not validated
   */
  public record Rule(
      @ServedIn("gateway.networking.k8s.io/*") @Text(TextFormat.SECTION) @Nullable String name,
      @Items(max = 8) @Default("[{path: {type: PathPrefix, value: /}}]")
          List<HttpRouteMatch> matches,
      @Items(max = 16) List<HttpRouteFilter> filters,
      @Items(max = 16) List<HttpBackendRef> backendRefs,
      @ServedIn({"policy.linkerd.io/v1beta3", "gateway.networking.k8s.io/*"})
          @Nullable Timeouts timeouts,
      @ServedIn("gateway.networking.k8s.io/*") @Nullable SessionPersistence sessionPersistence,
      @ServedIn("gateway.networking.k8s.io/*") @Nullable Object retry) {
    /** Copies the lists; null becomes an empty list. */
    public Rule {
      matches = matches == null ? List.of() : List.copyOf(matches);
      filters = filters == null ? List.of() : List.copyOf(filters);
      backendRefs = backendRefs == null ? List.of() : List.copyOf(backendRefs);
    }
  }

  /**
   * Limits on the time of a request, as durations of GEP-2257; in Linkerd's group, as Go durations.
   *
   * @param request from the first byte of the request to the last byte of the response
   * @param backendRequest one attempt at one backend
   */
  public record Timeouts(
      @Text(value = TextFormat.GATEWAY_DURATION, in = "gateway.networking.k8s.io/*")
          @Text(TextFormat.GO_DURATION)
          @Nullable String request,
      @Text(value = TextFormat.GATEWAY_DURATION, in = "gateway.networking.k8s.io/*")
          @Text(TextFormat.GO_DURATION)
          @Nullable String backendRequest) {}
}
