package io.signetmesh.policy.model;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.grpc_route.GrpcFailureInjector;
import io.linkerd.proxy.grpc_route.GrpcRpcMatch;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpFailureInjector;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.QueryParamMatch;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.route.HttpRouteMatch;
import io.signetmesh.crds.route.HttpRouteSpec;
import io.signetmesh.crds.route.LinearExpression;
import io.signetmesh.crds.route.MatchType;
import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.grpc.GrpcRouteMatch;
import io.signetmesh.crds.route.grpc.GrpcRouteSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Reads the inbound side of routes: those that are attached to Servers.
 *
 * <p>A route fails closed. To leave out a match that is not understood would open what it was
 * written to close: its requests would fall to other routes. So such a match is widened to
 * everything that its other conditions allow, at the rank of a regular expression, and refuses; the
 * other matches stay. A rule with a filter that inbound proxies do not have refuses what it
 * matches, as the Gateway API demands. A parent that is not allowed attaches nothing, and while the
 * route has one, its authorizations grant nothing.
 */
final class RouteModelReader {
  /** Matches any path or value; never fails to compile. */
  private static final String ANYTHING = ".*";

  private static final int INTERNAL_SERVER_ERROR = 500;
  private static final int GRPC_INTERNAL = 13;
  private static final String REFUSAL = "route is not understood";

  private final List<RouteModel.Flaw> flaws = new ArrayList<>();

  private RouteModelReader() {}

  static RouteModel http(
      ObjectRef ref, String origin, @Nullable Instant created, HttpRouteSpec spec) {
    RouteModelReader reader = new RouteModelReader();
    List<String> servers = reader.servers(ref, spec.parentRefs());
    List<HttpRoute.Rule> rules = new ArrayList<>();
    if (reader.isInbound(servers)) {
      for (int i = 0; i < spec.rules().size(); i++) {
        reader.rule("spec.rules[" + i + "]", spec.rules().get(i), rules);
      }
    }
    return reader.route(
        ref,
        origin,
        created,
        servers,
        spec.parentRefs(),
        spec.hostnames(),
        new RouteModel.Rules.Http(rules));
  }

  static RouteModel grpc(
      ObjectRef ref, String origin, @Nullable Instant created, GrpcRouteSpec spec) {
    RouteModelReader reader = new RouteModelReader();
    List<String> servers = reader.servers(ref, spec.parentRefs());
    List<GrpcRoute.Rule> rules = new ArrayList<>();
    if (reader.isInbound(servers)) {
      for (int i = 0; i < spec.rules().size(); i++) {
        reader.rule("spec.rules[" + i + "]", spec.rules().get(i), rules);
      }
    }
    return reader.route(
        ref,
        origin,
        created,
        servers,
        spec.parentRefs(),
        spec.hostnames(),
        new RouteModel.Rules.Grpc(rules));
  }

  /** Whether the route is meant for a Server, if only by a parent that cannot be one. */
  private boolean isInbound(List<String> servers) {
    return !servers.isEmpty() || !flaws.isEmpty();
  }

  private RouteModel route(
      ObjectRef ref,
      String origin,
      @Nullable Instant created,
      List<String> servers,
      List<ParentRef> parents,
      List<String> hostnames,
      RouteModel.Rules rules) {
    return new RouteModel(
        ref,
        origin,
        created,
        servers,
        elsewhere(parents),
        hostnames.stream().map(RouteModelReader::host).toList(),
        rules,
        flaws);
  }

  private void rule(String place, HttpRouteSpec.Rule rule, List<HttpRoute.Rule> rules) {
    HttpRoute.Filter refusal = httpRefusal();
    List<HttpRoute.Filter> filters = filters(place, rule.filters(), RouteFilters::filter, refusal);
    Matches<io.linkerd.proxy.http_route.HttpRouteMatch> matches =
        matches(place, rule.matches(), this::match);
    if (!matches.areAllRefused()) {
      rules.add(
          HttpRoute.Rule.newBuilder()
              .addAllFilters(filters)
              .addAllMatches(matches.understood())
              .build());
    }
    if (!matches.refused().isEmpty()) {
      rules.add(
          HttpRoute.Rule.newBuilder().addFilters(refusal).addAllMatches(matches.refused()).build());
    }
  }

  private void rule(String place, GrpcRouteSpec.Rule rule, List<GrpcRoute.Rule> rules) {
    GrpcRoute.Filter refusal = grpcRefusal();
    List<GrpcRoute.Filter> filters = filters(place, rule.filters(), RouteFilters::filter, refusal);
    Matches<io.linkerd.proxy.grpc_route.GrpcRouteMatch> matches =
        matches(place, rule.matches(), this::match);
    if (!matches.areAllRefused()) {
      rules.add(
          GrpcRoute.Rule.newBuilder()
              .addAllFilters(filters)
              .addAllMatches(matches.understood())
              .build());
    }
    if (!matches.refused().isEmpty()) {
      rules.add(
          GrpcRoute.Rule.newBuilder().addFilters(refusal).addAllMatches(matches.refused()).build());
    }
  }

  /** Reads a filter; null when it does not matter to the inbound side. */
  @FunctionalInterface
  private interface FilterReader<S, F> {
    @Nullable F read(String place, S filter) throws RouteFilters.NotUnderstoodException;
  }

  /** The filters of a rule; one that is not understood makes the whole rule refuse. */
  private <S, F> List<F> filters(
      String place, List<S> written, FilterReader<S, F> reader, F refusal) {
    List<F> filters = new ArrayList<>();
    try {
      for (int i = 0; i < written.size(); i++) {
        F filter = reader.read(place + ".filters[" + i + "]", written.get(i));
        if (filter != null) {
          filters.add(filter);
        }
      }
    } catch (RouteFilters.NotUnderstoodException e) {
      note(e, "; its requests are refused");
      return List.of(refusal);
    }
    return filters;
  }

  /**
   * The matches of a rule.
   *
   * @param understood those that are understood
   * @param refused those that are not, as widely as they might be meant
   */
  private record Matches<M>(List<M> understood, List<M> refused) {
    /** A rule without matches matches everything. */
    boolean areAllRefused() {
      return understood.isEmpty() && !refused.isEmpty();
    }
  }

  private <S, M> Matches<M> matches(
      String place, List<S> written, BiFunction<String, S, M> reader) {
    Matches<M> matches = new Matches<>(new ArrayList<>(), new ArrayList<>());
    for (int i = 0; i < written.size(); i++) {
      int flawed = flaws.size();
      M match = reader.apply(place + ".matches[" + i + "]", written.get(i));
      (flaws.size() == flawed ? matches.understood() : matches.refused()).add(match);
    }
    return matches;
  }

  private static HttpRoute.Filter httpRefusal() {
    return HttpRoute.Filter.newBuilder()
        .setFailureInjector(
            HttpFailureInjector.newBuilder().setStatus(INTERNAL_SERVER_ERROR).setMessage(REFUSAL))
        .build();
  }

  private static GrpcRoute.Filter grpcRefusal() {
    return GrpcRoute.Filter.newBuilder()
        .setFailureInjector(
            GrpcFailureInjector.newBuilder().setCode(GRPC_INTERNAL).setMessage(REFUSAL))
        .build();
  }

  private void note(RouteFilters.NotUnderstoodException flaw, String effect) {
    flaws.add(
        new RouteModel.Flaw(
            flaw.field,
            flaw.getMessage() + effect,
            flaw.admitted ? RouteModel.Part.ADMITTED_FILTER : RouteModel.Part.RULE));
  }

  private void widened(String field, String message) {
    flaws.add(
        new RouteModel.Flaw(
            field, message + "; whatever the match may be about is refused", RouteModel.Part.RULE));
  }

  private static List<Reference> elsewhere(List<ParentRef> parents) {
    return parents.stream()
        .filter(parent -> !parent.isServer())
        .map(
            parent ->
                new Reference(parent.group(), parent.kind(), parent.namespace(), parent.name()))
        .toList();
  }

  private List<String> servers(ObjectRef ref, List<ParentRef> parents) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < parents.size(); i++) {
      ParentRef parent = parents.get(i);
      if (!parent.isServer()) {
        continue;
      }
      String place = "spec.parentRefs[" + i + "]";
      String effect =
          "; it is not attached to that Server, and authorizations of the route grant nothing";
      if (!parent.namespaceOr(ref.namespace()).equals(ref.namespace())) {
        flaws.add(
            new RouteModel.Flaw(
                place + ".namespace",
                place
                    + ".namespace is \""
                    + parent.namespace()
                    + "\": a route is attached to Servers of its own namespace only"
                    + effect,
                RouteModel.Part.PARENT));
      } else if (parent.port() != null || parent.sectionName() != null) {
        flaws.add(
            new RouteModel.Flaw(
                place + (parent.port() != null ? ".port" : ".sectionName"),
                place + ": a parent that is a Server takes neither port nor sectionName" + effect,
                RouteModel.Part.PARENT));
      } else if (!names.contains(parent.name())) {
        names.add(parent.name());
      }
    }
    return names;
  }

  private static HostMatch host(String hostname) {
    String lower = hostname.toLowerCase(Locale.ROOT);
    if (!lower.startsWith("*.")) {
      return HostMatch.newBuilder().setExact(lower).build();
    }
    List<String> labels = new ArrayList<>(Arrays.asList(lower.substring(2).split("\\.", -1)));
    Collections.reverse(labels);
    return HostMatch.newBuilder()
        .setSuffix(HostMatch.Suffix.newBuilder().addAllReverseLabels(labels))
        .build();
  }

  private io.linkerd.proxy.http_route.HttpRouteMatch match(String place, HttpRouteMatch match) {
    var message = io.linkerd.proxy.http_route.HttpRouteMatch.newBuilder();
    message.setPath(path(place + ".path", match.path()));
    for (int i = 0; i < match.headers().size(); i++) {
      header(place + ".headers[" + i + "]", match.headers().get(i)).ifPresent(message::addHeaders);
    }
    for (int i = 0; i < match.queryParams().size(); i++) {
      HttpRouteMatch.QueryParam parameter = match.queryParams().get(i);
      QueryParamMatch.Builder query = QueryParamMatch.newBuilder().setName(parameter.name());
      message.addQueryParams(
          parameter.type() == MatchType.EXACT
              ? query.setExact(parameter.value())
              : query.setRegex(regex(place + ".queryParams[" + i + "].value", parameter.value())));
    }
    if (match.method() != null) {
      message.setMethod(
          HttpMethod.newBuilder()
              .setRegistered(HttpMethod.Registered.valueOf(match.method().name())));
    }
    return message.build();
  }

  private PathMatch path(String place, HttpRouteMatch.Path path) {
    PathMatch.Builder message = PathMatch.newBuilder();
    String value = path.value();
    if (path.type() == HttpRouteMatch.PathType.REGULAR_EXPRESSION) {
      return message.setRegex(regex(place + ".value", value)).build();
    }
    if (!value.startsWith("/")) {
      widened(place + ".value", place + ".value is \"" + value + "\": expected a leading slash");
      return message.setRegex(ANYTHING).build();
    }
    return (path.type() == HttpRouteMatch.PathType.EXACT
            ? message.setExact(value)
            : message.setPrefix(value))
        .build();
  }

  private io.linkerd.proxy.grpc_route.GrpcRouteMatch match(String place, GrpcRouteMatch match) {
    var message = io.linkerd.proxy.grpc_route.GrpcRouteMatch.newBuilder();
    GrpcRouteMatch.Method method = match.method();
    if (method != null) {
      GrpcRpcMatch.Builder rpc = GrpcRpcMatch.newBuilder();
      if (method.type() != MatchType.EXACT) {
        widened(
            place + ".method.type",
            place + ".method has the type RegularExpression: expected Exact");
      } else {
        if (method.service() != null) {
          rpc.setService(method.service());
        }
        if (method.method() != null) {
          rpc.setMethod(method.method());
        }
      }
      message.setRpc(rpc);
    }
    for (int i = 0; i < match.headers().size(); i++) {
      header(place + ".headers[" + i + "]", match.headers().get(i)).ifPresent(message::addHeaders);
    }
    return message.build();
  }

  private Optional<HeaderMatch> header(String place, io.signetmesh.crds.route.HeaderMatch header) {
    if (!RouteFilters.isToken(header.name())) {
      widened(place + ".name", place + ".name is \"" + header.name() + "\", which no header has");
      return Optional.empty();
    }
    HeaderMatch.Builder message =
        HeaderMatch.newBuilder().setName(header.name().toLowerCase(Locale.ROOT));
    return Optional.of(
        header.type() == MatchType.EXACT
            ? message.setExact(ByteString.copyFromUtf8(header.value())).build()
            : message.setRegex(regex(place + ".value", header.value())).build());
  }

  /** The expression, or one that matches anything when it is none that proxies understand. */
  private String regex(String field, String expression) {
    String problem = LinearExpression.problem(expression).orElse(null);
    if (problem == null) {
      return expression;
    }
    widened(
        field,
        field
            + " is \""
            + expression
            + "\", which is no regular expression (RE2 syntax): "
            + problem);
    return ANYTHING;
  }
}
