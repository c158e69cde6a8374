package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.route.BackendRef;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.HeaderMatch;
import io.signetmesh.crds.route.HeaderModifier;
import io.signetmesh.crds.route.HttpBackendRef;
import io.signetmesh.crds.route.HttpRouteFilter;
import io.signetmesh.crds.route.HttpRouteMatch;
import io.signetmesh.crds.route.HttpRouteSpec;
import io.signetmesh.crds.route.MatchType;
import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.PathModifier;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.RequestMirror;
import io.signetmesh.crds.route.TcpRoute;
import io.signetmesh.crds.route.TlsRoute;
import io.signetmesh.crds.route.grpc.GrpcBackendRef;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.route.grpc.GrpcRouteFilter;
import io.signetmesh.crds.route.grpc.GrpcRouteMatch;
import io.signetmesh.crds.route.grpc.GrpcRouteSpec;
import io.signetmesh.crds.schema.GoDuration;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Routes of both groups. */
final class RouteRules {
  private static final String POLICY = "policy.linkerd.io";

  private RouteRules() {}

  static void check(PolicyHttpRoute route, ObjectFindings findings) {
    for (int i = 0; i < route.spec().parentRefs().size(); i++) {
      ParentRef parent = route.spec().parentRefs().get(i);
      if (!parent.is(POLICY, "Server") && !isOutbound(parent)) {
        String at = "spec.parentRefs[" + i + "]";
        findings.warning(
            at,
            List.of(at + ".group", at + ".kind"),
            "nothing routes for "
                + parent.kind()
                + (parent.group().isEmpty() ? "" : " of group " + quoted(parent.group()))
                + ": expected Server or EgressNetwork of "
                + POLICY
                + ", or Service of the group \"\" (the default is Gateway of "
                + POLICY
                + ")");
      }
    }
    checkHttp(route, route.spec(), false, findings);
  }

  static void check(GatewayHttpRoute route, ObjectFindings findings) {
    checkHttp(route, route.spec(), true, findings);
  }

  static void check(GrpcRoute route, ObjectFindings findings) {
    GrpcRouteSpec spec = route.spec();
    parents(route, spec.parentRefs(), AnnotationRules.Retries.GRPC, findings);
    for (int i = 0; i < spec.rules().size(); i++) {
      GrpcRouteSpec.Rule rule = spec.rules().get(i);
      String at = "spec.rules[" + i + "]";
      for (int j = 0; j < rule.matches().size(); j++) {
        grpcMatch(rule.matches().get(j), at + ".matches[" + j + "]", findings);
      }
      grpcFilters(rule.filters(), at + ".filters", findings);
      for (int j = 0; j < rule.backendRefs().size(); j++) {
        GrpcBackendRef backend = rule.backendRefs().get(j);
        String place = at + ".backendRefs[" + j + "]";
        servicePort(backend.group(), backend.kind(), backend.port(), place, findings);
        grpcFilters(backend.filters(), place + ".filters", findings);
      }
    }
  }

  static void check(TlsRoute route, ObjectFindings findings) {
    parents(route, route.spec().parentRefs(), AnnotationRules.Retries.NONE, findings);
    oneRule(route.spec().rules().size(), findings);
    route.spec().rules().forEach(rule -> backends(rule.backendRefs(), findings));
  }

  static void check(TcpRoute route, ObjectFindings findings) {
    parents(route, route.spec().parentRefs(), AnnotationRules.Retries.NONE, findings);
    oneRule(route.spec().rules().size(), findings);
    route.spec().rules().forEach(rule -> backends(rule.backendRefs(), findings));
  }

  private static void oneRule(int rules, ObjectFindings findings) {
    if (rules != 1) {
      findings.error("spec.rules", "expected exactly one rule, found " + rules);
    }
  }

  private static void backends(List<BackendRef> backends, ObjectFindings findings) {
    for (int i = 0; i < backends.size(); i++) {
      BackendRef backend = backends.get(i);
      if (isService(backend.group(), backend.kind()) && backend.port() == null) {
        String at = "spec.rules[0].backendRefs[" + i + "]";
        findings.warning(
            at,
            List.of(at + ".group", at + ".kind", at + ".port"),
            "a Service is no backend without a port");
      }
    }
  }

  private static void checkHttp(
      HasMetadata route, HttpRouteSpec spec, boolean gateway, ObjectFindings findings) {
    parents(route, spec.parentRefs(), AnnotationRules.Retries.HTTP, findings);
    boolean inbound = spec.parentRefs().stream().anyMatch(ParentRef::isServer);
    for (int i = 0; i < spec.rules().size(); i++) {
      HttpRouteSpec.Rule rule = spec.rules().get(i);
      String at = "spec.rules[" + i + "]";
      for (int j = 0; j < rule.matches().size(); j++) {
        httpMatch(rule.matches().get(j), at + ".matches[" + j + "]", inbound, findings);
      }
      httpFilters(rule.filters(), at + ".filters", findings);
      if (gateway) {
        gatewayRule(rule, at, findings);
      }
      for (int j = 0; j < rule.backendRefs().size(); j++) {
        HttpBackendRef backend = rule.backendRefs().get(j);
        String place = at + ".backendRefs[" + j + "]";
        if (gateway) {
          servicePort(backend.group(), backend.kind(), backend.port(), place, findings);
        }
        httpFilters(backend.filters(), place + ".filters", findings);
      }
      timeouts(rule.timeouts(), at + ".timeouts", findings);
    }
  }

  private static void parents(
      HasMetadata route,
      List<ParentRef> parents,
      AnnotationRules.Retries retries,
      ObjectFindings findings) {
    Map<ParentRef, Integer> seen = new HashMap<>();
    boolean outbound = false;
    for (int i = 0; i < parents.size(); i++) {
      ParentRef parent = parents.get(i);
      String at = "spec.parentRefs[" + i + "]";
      Integer first = seen.putIfAbsent(parent, i);
      if (first != null) {
        String other = "spec.parentRefs[" + first + "]";
        String message = "is the same parent as " + other;
        if (route instanceof PolicyHttpRoute) {
          findings.warning(at, List.of(at, other), message);
        } else {
          findings.error(at, List.of(at, other), message);
        }
      }
      outbound |= isOutbound(parent);
      if (parent.is(POLICY, "EgressNetwork") && parent.port() == null) {
        findings.error(
            at,
            List.of(at + ".group", at + ".kind", at + ".port"),
            "an EgressNetwork is no parent without a port");
      }
      if (parent.is(POLICY, "Server")) {
        if (!parent.namespaceOr(findings.namespace()).equals(findings.namespace())) {
          findings.warning(
              at + ".namespace",
              List.of(at + ".group", at + ".kind", at + ".namespace", "metadata.namespace"),
              "a route only works on a Server of its own namespace: it is not attached to this one,"
                  + " and authorizations of the route grant nothing");
        }
        if (parent.port() != null || parent.sectionName() != null) {
          findings.warning(
              at + (parent.port() != null ? ".port" : ".sectionName"),
              List.of(at + ".group", at + ".kind", at + ".port", at + ".sectionName"),
              "a Server has one port and no sections: the route is not attached to it, and"
                  + " authorizations of the route grant nothing");
        }
      }
    }
    if (outbound) {
      AnnotationRules.checkRoute(route, retries, findings);
    }
  }

  private static boolean isOutbound(ParentRef parent) {
    return parent.is("", "Service") || parent.is(POLICY, "EgressNetwork");
  }

  private static void httpMatch(
      HttpRouteMatch match, String at, boolean inbound, ObjectFindings findings) {
    HttpRouteMatch.Path path = match.path();
    String place = at + ".path.value";
    List<String> from = List.of(at + ".path");
    if (path.type() == HttpRouteMatch.PathType.REGULAR_EXPRESSION) {
      HttpSyntax.regex(path.value(), place, from, findings);
      if (inbound) {
        RoutePaths.expressionProblem(path.value())
            .ifPresent(problem -> findings.warning(place, from, problem));
      }
    } else if (!path.value().startsWith("/")) {
      findings.error(place, from, quoted(path.value()) + " does not start with '/'");
    } else {
      RoutePaths.problem(path.value(), inbound)
          .ifPresent(problem -> findings.warning(place, from, problem));
    }
    headers(match.headers(), at, findings);
    for (int i = 0; i < match.queryParams().size(); i++) {
      HttpRouteMatch.QueryParam param = match.queryParams().get(i);
      if (param.type() == MatchType.REGULAR_EXPRESSION) {
        String field = at + ".queryParams[" + i + "]";
        HttpSyntax.regex(
            param.value(), field + ".value", List.of(field + ".type", field + ".value"), findings);
      }
    }
  }

  private static void grpcMatch(GrpcRouteMatch match, String at, ObjectFindings findings) {
    GrpcRouteMatch.Method method = match.method();
    if (method != null && method.type() == MatchType.REGULAR_EXPRESSION) {
      findings.error(at + ".method.type", "methods only match with type Exact");
    }
    headers(match.headers(), at, findings);
  }

  private static void headers(List<HeaderMatch> headers, String at, ObjectFindings findings) {
    for (int i = 0; i < headers.size(); i++) {
      HeaderMatch header = headers.get(i);
      String place = at + ".headers[" + i + "]";
      HttpSyntax.headerName(header.name(), place + ".name", findings);
      List<String> from = List.of(place + ".type", place + ".value");
      if (header.type() == MatchType.REGULAR_EXPRESSION) {
        HttpSyntax.regex(header.value(), place + ".value", from, findings);
      } else {
        HttpSyntax.headerValue(header.value(), place + ".value", from, findings);
      }
    }
  }

  private static void httpFilters(
      List<HttpRouteFilter> filters, String field, ObjectFindings findings) {
    for (int i = 0; i < filters.size(); i++) {
      HttpRouteFilter filter = filters.get(i);
      String at = field + "[" + i + "]";
      modifier(filter.requestHeaderModifier(), at + ".requestHeaderModifier", findings);
      modifier(filter.responseHeaderModifier(), at + ".responseHeaderModifier", findings);
      HttpRouteFilter.Redirect redirect = filter.requestRedirect();
      if (redirect != null) {
        path(redirect.path(), at + ".requestRedirect.path", findings);
      }
      switch (filter.type()) {
        case REQUEST_MIRROR -> {
          mirror(filter.requestMirror(), at, findings);
          unsupported("RequestMirror", at, findings);
        }
        case URL_REWRITE -> unsupported("URLRewrite", at, findings);
        case EXTENSION_REF -> unsupported("ExtensionRef", at, findings);
        case CORS -> unsupported("CORS", at, findings);
        case EXTERNAL_AUTH -> unsupported("ExternalAuth", at, findings);
        case REQUEST_HEADER_MODIFIER, RESPONSE_HEADER_MODIFIER, REQUEST_REDIRECT -> {}
      }
    }
  }

  private static void grpcFilters(
      List<GrpcRouteFilter> filters, String field, ObjectFindings findings) {
    for (int i = 0; i < filters.size(); i++) {
      GrpcRouteFilter filter = filters.get(i);
      String at = field + "[" + i + "]";
      modifier(filter.requestHeaderModifier(), at + ".requestHeaderModifier", findings);
      modifier(filter.responseHeaderModifier(), at + ".responseHeaderModifier", findings);
      switch (filter.type()) {
        case REQUEST_MIRROR -> {
          mirror(filter.requestMirror(), at, findings);
          unsupported("RequestMirror", at, findings);
        }
        case EXTENSION_REF -> unsupported("ExtensionRef", at, findings);
        default -> {}
      }
    }
  }

  private static void unsupported(String type, String at, ObjectFindings findings) {
    findings.warning(
        at + ".type",
        "the mesh does not know filters of type "
            + type
            + ": on a Server, requests of the rule are refused");
  }

  private static void mirror(@Nullable RequestMirror mirror, String at, ObjectFindings findings) {
    if (mirror != null) {
      RequestMirror.BackendObjectRef backend = mirror.backendRef();
      servicePort(
          backend.group(),
          backend.kind(),
          backend.port(),
          at + ".requestMirror.backendRef",
          findings);
    }
  }

  private static void modifier(
      @Nullable HeaderModifier modifier, String at, ObjectFindings findings) {
    if (modifier == null) {
      return;
    }
    modifiedHeaders(modifier.set(), at + ".set", findings);
    modifiedHeaders(modifier.add(), at + ".add", findings);
    for (int i = 0; i < modifier.remove().size(); i++) {
      HttpSyntax.headerName(modifier.remove().get(i), at + ".remove[" + i + "]", findings);
      reserved(modifier.remove().get(i), at + ".remove[" + i + "]", findings);
    }
  }

  private static void reserved(String name, String field, ObjectFindings findings) {
    if (HeaderModifier.isReserved(name)) {
      findings.error(
          field,
          quoted(name)
              + " cannot be changed by a route: it frames the message, belongs to the connection or"
              + " to the mesh");
    }
  }

  private static void modifiedHeaders(
      List<HeaderModifier.Header> headers, String field, ObjectFindings findings) {
    for (int i = 0; i < headers.size(); i++) {
      String at = field + "[" + i + "]";
      HttpSyntax.headerName(headers.get(i).name(), at + ".name", findings);
      reserved(headers.get(i).name(), at + ".name", findings);
      HttpSyntax.headerValue(
          headers.get(i).value(), at + ".value", List.of(at + ".value"), findings);
    }
  }

  private static void path(@Nullable PathModifier path, String at, ObjectFindings findings) {
    if (path == null) {
      return;
    }
    boolean full = path.type() == PathModifier.Type.REPLACE_FULL_PATH;
    String given = full ? path.replaceFullPath() : path.replacePrefixMatch();
    String excluded = full ? path.replacePrefixMatch() : path.replaceFullPath();
    String field = at + (full ? ".replaceFullPath" : ".replacePrefixMatch");
    if (given == null) {
      findings.error(at, "the replacement that the type names is missing");
    } else if (!given.startsWith("/")) {
      findings.error(
          field, List.of(field, at + ".type"), quoted(given) + " does not start with '/'");
    }
    if (excluded != null) {
      findings.error(at, "only the replacement that the type names can be given");
    }
  }

  private static void gatewayRule(HttpRouteSpec.Rule rule, String at, ObjectFindings findings) {
    Map<HttpRouteFilter.Type, Integer> types = new EnumMap<>(HttpRouteFilter.Type.class);
    for (int i = 0; i < rule.filters().size(); i++) {
      HttpRouteFilter filter = rule.filters().get(i);
      boolean repeatable =
          filter.type() == HttpRouteFilter.Type.REQUEST_MIRROR
              || filter.type() == HttpRouteFilter.Type.EXTENSION_REF;
      Integer first = types.putIfAbsent(filter.type(), i);
      String place = at + ".filters[" + i + "]";
      if (first != null && !repeatable) {
        findings.error(
            place,
            List.of(place + ".type", at + ".filters[" + first + "].type"),
            "a filter of this type is there already");
      }
      PathModifier path = pathOf(filter);
      boolean onePrefix =
          rule.matches().size() == 1
              && rule.matches().getFirst().path().type() == HttpRouteMatch.PathType.PATH_PREFIX;
      if (path != null && path.type() == PathModifier.Type.REPLACE_PREFIX_MATCH && !onePrefix) {
        findings.error(
            place,
            List.of(place, at + ".matches"),
            "ReplacePrefixMatch needs exactly one match, with a path of type PathPrefix");
      }
    }
    if (types.containsKey(HttpRouteFilter.Type.REQUEST_REDIRECT)) {
      if (types.containsKey(HttpRouteFilter.Type.URL_REWRITE)) {
        findings.error(at + ".filters", "RequestRedirect and URLRewrite exclude each other");
      }
      if (!rule.backendRefs().isEmpty()) {
        findings.error(
            at + ".backendRefs",
            List.of(at + ".filters", at + ".backendRefs"),
            "a rule with RequestRedirect has no backends");
      }
    }
  }

  private static @Nullable PathModifier pathOf(HttpRouteFilter filter) {
    HttpRouteFilter.Redirect redirect = filter.requestRedirect();
    HttpRouteFilter.UrlRewrite rewrite = filter.urlRewrite();
    if (redirect != null) {
      return redirect.path();
    }
    return rewrite == null ? null : rewrite.path();
  }

  private static void servicePort(
      String group, String kind, @Nullable Integer port, String at, ObjectFindings findings) {
    if (isService(group, kind) && (port == null || port == 0)) {
      findings.error(
          at,
          List.of(at + ".group", at + ".kind", at + ".port"),
          "a Service is no backend without a port");
    }
  }

  private static boolean isService(@Nullable String group, @Nullable String kind) {
    return (group == null || group.isEmpty() || group.equalsIgnoreCase("core"))
        && (kind == null || kind.equalsIgnoreCase("Service"));
  }

  private static void timeouts(
      HttpRouteSpec.@Nullable Timeouts timeouts, String at, ObjectFindings findings) {
    if (timeouts == null) {
      return;
    }
    Duration request = timeout(timeouts.request(), at + ".request", findings);
    Duration backend = timeout(timeouts.backendRequest(), at + ".backendRequest", findings);
    if (request != null && backend != null && !request.isZero() && backend.compareTo(request) > 0) {
      findings.error(
          at + ".backendRequest",
          List.of(at + ".request", at + ".backendRequest"),
          timeouts.backendRequest() + " is longer than the whole request, " + timeouts.request());
    }
  }

  private static @Nullable Duration timeout(
      @Nullable String text, String field, ObjectFindings findings) {
    if (text == null) {
      return null;
    }
    try {
      Duration duration = GoDuration.parse(text);
      if (duration.isNegative()) {
        findings.error(field, quoted(text) + " is negative");
        return null;
      }
      return duration;
    } catch (IllegalArgumentException e) {
      findings.error(field, String.valueOf(e.getMessage()));
      return null;
    }
  }
}
