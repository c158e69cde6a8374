package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Forms of a policy for proxies that do not know some {@link RequestCondition}: without any
 * authorization that has it, and with denials that have it as if they did not. So such a proxy
 * denies more.
 */
final class ConditionForms {
  private ConditionForms() {}

  /** The conditions that the policy or its dry run has. */
  static Set<RequestCondition> conditions(Server server) {
    Set<RequestCondition> found = EnumSet.noneOf(RequestCondition.class);
    for (RequestCondition condition : RequestCondition.values()) {
      if (condition.isExplainedIn(server) || !names(server, condition).isEmpty()) {
        found.add(condition);
      }
    }
    if (server.hasSignetTrial()) {
      found.addAll(conditions(server.getSignetTrial()));
    }
    return found;
  }

  /** The policy for proxies that do not know some conditions. */
  static Server without(Server server, Set<RequestCondition> unknown) {
    Server.Builder form =
        server.toBuilder()
            .clearAuthorizations()
            .addAllAuthorizations(grants(server.getAuthorizationsList(), unknown))
            .clearSignetDenials()
            .addAllSignetDenials(denials(server.getSignetDenialsList(), unknown))
            .setProtocol(protocol(server.getProtocol(), unknown))
            .clearSignetTrial();
    Server plain = pruned(form.build());
    if (!server.hasSignetTrial()) {
      return plain;
    }
    Server trial = without(server.getSignetTrial(), unknown);
    return trial.equals(plain) ? plain : plain.toBuilder().setSignetTrial(trial).build();
  }

  /** The policy without authentications that nothing in it refers to. */
  static Server pruned(Server server) {
    Server.Builder form = server.toBuilder();
    for (RequestCondition condition : RequestCondition.values()) {
      if (condition.isExplainedIn(server)) {
        condition.explainOnly(names(server, condition), form);
      }
    }
    if (server.hasSignetTrial()) {
      form.setSignetTrial(pruned(server.getSignetTrial()));
    }
    return form.build();
  }

  /** Names that authorizations and denials of the policy refer to, without its dry run. */
  private static Set<String> names(Server server, RequestCondition condition) {
    Set<String> names = new HashSet<>();
    note(server.getAuthorizationsList(), condition, names);
    note(server.getSignetDenialsList(), condition, names);
    ProxyProtocol protocol = server.getProtocol();
    for (HttpRoute route : httpRoutes(protocol)) {
      note(route.getAuthorizationsList(), condition, names);
      note(route.getSignetDenialsList(), condition, names);
    }
    for (GrpcRoute route : protocol.getGrpc().getRoutesList()) {
      note(route.getAuthorizationsList(), condition, names);
      note(route.getSignetDenialsList(), condition, names);
    }
    return names;
  }

  private static void note(List<Authz> all, RequestCondition condition, Set<String> names) {
    all.forEach(authz -> names.addAll(condition.names(authz)));
  }

  private static List<HttpRoute> httpRoutes(ProxyProtocol protocol) {
    return switch (protocol.getKindCase()) {
      case DETECT -> protocol.getDetect().getHttpRoutesList();
      case HTTP1 -> protocol.getHttp1().getRoutesList();
      case HTTP2 -> protocol.getHttp2().getRoutesList();
      case GRPC, OPAQUE, TLS, KIND_NOT_SET -> List.of();
    };
  }

  private static ProxyProtocol protocol(ProxyProtocol protocol, Set<RequestCondition> unknown) {
    ProxyProtocol.Builder form = protocol.toBuilder();
    List<HttpRoute> routes = new ArrayList<>();
    for (HttpRoute route : httpRoutes(protocol)) {
      routes.add(
          route.toBuilder()
              .clearAuthorizations()
              .addAllAuthorizations(grants(route.getAuthorizationsList(), unknown))
              .clearSignetDenials()
              .addAllSignetDenials(denials(route.getSignetDenialsList(), unknown))
              .build());
    }
    switch (protocol.getKindCase()) {
      case DETECT -> form.getDetectBuilder().clearHttpRoutes().addAllHttpRoutes(routes);
      case HTTP1 -> form.getHttp1Builder().clearRoutes().addAllRoutes(routes);
      case HTTP2 -> form.getHttp2Builder().clearRoutes().addAllRoutes(routes);
      case GRPC -> {
        form.getGrpcBuilder().clearRoutes();
        for (GrpcRoute route : protocol.getGrpc().getRoutesList()) {
          form.getGrpcBuilder()
              .addRoutes(
                  route.toBuilder()
                      .clearAuthorizations()
                      .addAllAuthorizations(grants(route.getAuthorizationsList(), unknown))
                      .clearSignetDenials()
                      .addAllSignetDenials(denials(route.getSignetDenialsList(), unknown)));
        }
      }
      case OPAQUE, TLS, KIND_NOT_SET -> {}
    }
    return form.build();
  }

  private static boolean has(Authz authz, Set<RequestCondition> conditions) {
    return conditions.stream().anyMatch(condition -> !condition.names(authz).isEmpty());
  }

  private static List<Authz> grants(List<Authz> all, Set<RequestCondition> unknown) {
    return all.stream().filter(authz -> !has(authz, unknown)).toList();
  }

  private static List<Authz> denials(List<Authz> all, Set<RequestCondition> unknown) {
    return all.stream()
        .map(authz -> has(authz, unknown) ? unconditional(authz, unknown) : authz)
        .toList();
  }

  private static Authz unconditional(Authz authz, Set<RequestCondition> unknown) {
    Authz.Builder form = authz.toBuilder();
    unknown.forEach(condition -> condition.dropNames(form));
    return form.build();
  }
}
