package io.signetmesh.policy.lint;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Service;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.egress.EgressNetwork;
import io.signetmesh.crds.egress.TrafficPolicy;
import io.signetmesh.crds.multicluster.Link;
import io.signetmesh.crds.profile.ServiceProfile;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.HttpRouteFilter;
import io.signetmesh.crds.route.HttpRouteSpec;
import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.TcpRoute;
import io.signetmesh.crds.route.TlsRoute;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.route.grpc.GrpcRouteFilter;
import io.signetmesh.crds.route.grpc.GrpcRouteSpec;
import io.signetmesh.policy.lint.LintFinding.Severity;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;

/**
 * The table of all kinds and fields that are read and checked, and not enforced. An entry leaves
 * the table when the feature is built. It is an error when the field would refuse somebody, and a
 * warning when it shapes traffic.
 *
 * <p>The table does not have what fails closed: filters that a route of a Server cannot have
 * ({@code not-understood}).
 */
public final class NotInForce {
  private static final String POLICY = "policy.linkerd.io";

  /** Annotations of retries, timeouts and circuit breaking, by their prefix. */
  private static final List<String> TRAFFIC_ANNOTATIONS =
      List.of("retry.linkerd.io/", "timeout.linkerd.io/", "balancer.linkerd.io/");

  /** An annotation of workloads and namespaces, which is checked on Services too. */
  private static final String IDENTITY_PORTS =
      "config.linkerd.io/proxy-require-identity-inbound-ports";

  private static final List<Row<?>> TABLE =
      List.of(
          new Row<>(EgressNetwork.class, NotInForce::egressNetwork),
          new Row<>(PolicyHttpRoute.class, (route, gaps) -> httpRoute(route, route.spec(), gaps)),
          new Row<>(GatewayHttpRoute.class, (route, gaps) -> httpRoute(route, route.spec(), gaps)),
          new Row<>(GrpcRoute.class, NotInForce::grpcRoute),
          new Row<>(TlsRoute.class, (route, gaps) -> outbound(route.spec().parentRefs(), gaps)),
          new Row<>(TcpRoute.class, (route, gaps) -> outbound(route.spec().parentRefs(), gaps)),
          new Row<>(Service.class, NotInForce::service),
          new Row<>(
              ServiceProfile.class,
              (profile, gaps) ->
                  gaps.warning(
                      "spec",
                      "ServiceProfiles are not in force: no route, retry, timeout or traffic split"
                          + " of it has an effect")),
          new Row<>(
              Link.class,
              (link, gaps) ->
                  gaps.warning(
                      "spec", "Links are not in force: no service of the other cluster is there")));

  private NotInForce() {}

  /** The kinds of which something is read and not enforced. */
  public static Set<Class<? extends HasMetadata>> kinds() {
    return TABLE.stream().map(Row::type).collect(Collectors.toUnmodifiableSet());
  }

  /** Everything in these objects that is not in force, errors first, with its origin. */
  public static List<LintFinding> of(ClusterView view) {
    List<LintFinding> findings = new ArrayList<>();
    view.objects()
        .forEach(
            (key, object) -> {
              for (Row<?> row : TABLE) {
                Gaps gaps = new Gaps();
                row.look(object, gaps);
                if (!gaps.all.isEmpty()) {
                  PolicyModel.nameOf(key)
                      .ifPresent(ref -> gaps.all.forEach(gap -> findings.add(gap.of(view, ref))));
                }
              }
            });
    findings.sort(null);
    return findings;
  }

  private static void egressNetwork(EgressNetwork network, Gaps gaps) {
    if (network.spec().trafficPolicy() == TrafficPolicy.DENY) {
      gaps.all.add(
          new Gap(
              Severity.ERROR,
              "spec.trafficPolicy",
              "trafficPolicy Deny is not in force: workloads reach all destinations outside of the"
                  + " cluster; deny egress by a NetworkPolicy or a firewall"));
    } else {
      gaps.warning(
          "spec",
          "EgressNetworks are not in force: traffic that leaves the cluster goes as without it");
    }
  }

  private static void httpRoute(HasMetadata route, HttpRouteSpec spec, Gaps gaps) {
    boolean inbound = spec.parentRefs().stream().anyMatch(ParentRef::isServer);
    // What a route of a Service wants of requests is told with its parent.
    boolean inboundOnly = !outbound(spec.parentRefs(), gaps) && inbound;
    if (inboundOnly) {
      annotations(route, "a route of a Server", gaps);
    }
    for (int i = 0; inbound && i < spec.rules().size(); i++) {
      HttpRouteSpec.Rule rule = spec.rules().get(i);
      String at = "spec.rules[" + i + "]";
      gaps.onServer(inboundOnly && !rule.backendRefs().isEmpty(), at, "backendRefs");
      gaps.onServer(inboundOnly && rule.timeouts() != null, at, "timeouts");
      gaps.onServer(inboundOnly && rule.sessionPersistence() != null, at, "sessionPersistence");
      gaps.onServer(inboundOnly && rule.retry() != null, at, "retry");
      for (int j = 0; j < rule.filters().size(); j++) {
        gaps.responseHeaders(
            rule.filters().get(j).type() == HttpRouteFilter.Type.RESPONSE_HEADER_MODIFIER, at, j);
      }
    }
  }

  private static void grpcRoute(GrpcRoute route, Gaps gaps) {
    GrpcRouteSpec spec = route.spec();
    boolean inbound = spec.parentRefs().stream().anyMatch(ParentRef::isServer);
    boolean inboundOnly = !outbound(spec.parentRefs(), gaps) && inbound;
    if (inboundOnly) {
      annotations(route, "a route of a Server", gaps);
    }
    for (int i = 0; inbound && i < spec.rules().size(); i++) {
      GrpcRouteSpec.Rule rule = spec.rules().get(i);
      String at = "spec.rules[" + i + "]";
      gaps.onServer(inboundOnly && !rule.backendRefs().isEmpty(), at, "backendRefs");
      gaps.onServer(inboundOnly && rule.sessionPersistence() != null, at, "sessionPersistence");
      for (int j = 0; j < rule.filters().size(); j++) {
        gaps.responseHeaders(
            rule.filters().get(j).type() == GrpcRouteFilter.Type.RESPONSE_HEADER_MODIFIER, at, j);
      }
    }
  }

  /** Notes the first parent that is a Service or an EgressNetwork; whether there is one. */
  private static boolean outbound(List<ParentRef> parents, Gaps gaps) {
    for (int i = 0; i < parents.size(); i++) {
      ParentRef parent = parents.get(i);
      boolean service = parent.is("", "Service");
      if (service || parent.is(POLICY, "EgressNetwork")) {
        gaps.warning(
            "spec.parentRefs[" + i + "]",
            "routes of "
                + (service ? "the Service " : "the EgressNetwork ")
                + parent.name()
                + " are not in force: clients go to it as if the route were not there; only routes of"
                + " Servers are in force");
        return true;
      }
    }
    return false;
  }

  private static void service(Service service, Gaps gaps) {
    annotations(service, "a Service", gaps);
    Map<String, String> annotations = service.getMetadata().getAnnotations();
    if (annotations != null && annotations.containsKey(IDENTITY_PORTS)) {
      gaps.warning(
          field(IDENTITY_PORTS),
          IDENTITY_PORTS
              + " is not in force on a Service: write it on the pods or on their namespace");
    }
  }

  private static void annotations(HasMetadata object, String what, Gaps gaps) {
    Map<String, String> annotations = object.getMetadata().getAnnotations();
    List<String> found =
        annotations == null
            ? List.of()
            : new TreeMap<>(annotations)
                .keySet().stream()
                    .filter(key -> TRAFFIC_ANNOTATIONS.stream().anyMatch(key::startsWith))
                    .toList();
    if (!found.isEmpty()) {
      gaps.warning(
          field(found.getFirst()),
          "annotations of retries, timeouts and circuit breaking are not in force on "
              + what
              + ": "
              + String.join(", ", found));
    }
  }

  private static String field(String annotation) {
    return "metadata.annotations[\"" + annotation + "\"]";
  }

  /**
   * One kind of the table.
   *
   * @param type model of the kind
   * @param gaps finds what of an object is not in force
   */
  private record Row<T extends HasMetadata>(Class<T> type, BiConsumer<T, Gaps> gaps) {
    void look(HasMetadata object, Gaps found) {
      if (type.isInstance(object)) {
        gaps.accept(type.cast(object), found);
      }
    }
  }

  /** Something of an object that is not in force. */
  private record Gap(Severity severity, String field, String message) {
    LintFinding of(ClusterView view, ObjectRef ref) {
      return new LintFinding(
          severity,
          LintFinding.Rule.NOT_IN_FORCE,
          ref,
          PolicyModel.originOf(view, ref, field),
          field,
          message);
    }
  }

  /** What of one object is not in force. Only the first place of each is reported. */
  private static final class Gaps {
    private final List<Gap> all = new ArrayList<>();

    void warning(String field, String message) {
      all.add(new Gap(Severity.WARNING, field, message));
    }

    void onServer(boolean given, String rule, String field) {
      String message = "field " + field + " of a route of a Server is not in force";
      if (given && all.stream().noneMatch(gap -> gap.message.startsWith(message))) {
        warning(
            rule + "." + field,
            message
                + (field.equals("timeouts")
                    ? ": requests take as long as the application takes"
                    : ": requests go to the workload that is called"));
      }
    }

    void responseHeaders(boolean given, String rule, int index) {
      String message =
          "filters of type ResponseHeaderModifier are not in force on a route of a Server: the"
              + " application's headers go back unchanged";
      if (given && all.stream().noneMatch(gap -> gap.message.equals(message))) {
        warning(rule + ".filters[" + index + "].type", message);
      }
    }
  }
}
