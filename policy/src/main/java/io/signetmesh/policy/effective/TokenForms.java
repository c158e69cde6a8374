package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.v1.JwtAuthentication;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Forms of a policy for proxies that do not understand tokens: without any authorization that
 * requires one, and with denials that require one as if they did not. So such a proxy denies more.
 */
final class TokenForms {
  private TokenForms() {}

  /** Whether the policy or its dry run is about tokens. */
  static boolean isAboutTokens(Server server) {
    return server.getSignetJwtAuthenticationsCount() > 0
        || !tokens(server).isEmpty()
        || (server.hasSignetTrial() && isAboutTokens(server.getSignetTrial()));
  }

  /** The policy for proxies that do not understand tokens. */
  static Server withoutTokens(Server server) {
    Server.Builder form =
        server.toBuilder()
            .clearSignetJwtAuthentications()
            .clearAuthorizations()
            .addAllAuthorizations(grants(server.getAuthorizationsList()))
            .clearSignetDenials()
            .addAllSignetDenials(denials(server.getSignetDenialsList()))
            .setProtocol(protocol(server.getProtocol()));
    if (server.hasSignetTrial()) {
      form.clearSignetTrial();
      Server plain = form.build();
      Server trial = withoutTokens(server.getSignetTrial());
      if (!trial.equals(plain)) {
        form.setSignetTrial(trial);
      }
    }
    return form.build();
  }

  /** The policy without authentications that nothing in it refers to. */
  static Server pruned(Server server) {
    Server.Builder form = server.toBuilder();
    if (server.getSignetJwtAuthenticationsCount() > 0) {
      Set<String> used = tokens(server);
      List<JwtAuthentication> kept =
          server.getSignetJwtAuthenticationsList().stream()
              .filter(authentication -> used.contains(authentication.getName()))
              .toList();
      form.clearSignetJwtAuthentications().addAllSignetJwtAuthentications(kept);
    }
    if (server.hasSignetTrial()) {
      form.setSignetTrial(pruned(server.getSignetTrial()));
    }
    return form.build();
  }

  /** Names that authorizations and denials of the policy refer to, without its dry run. */
  private static Set<String> tokens(Server server) {
    Set<String> names = new HashSet<>();
    note(server.getAuthorizationsList(), names);
    note(server.getSignetDenialsList(), names);
    ProxyProtocol protocol = server.getProtocol();
    for (HttpRoute route : httpRoutes(protocol)) {
      note(route.getAuthorizationsList(), names);
      note(route.getSignetDenialsList(), names);
    }
    for (GrpcRoute route : protocol.getGrpc().getRoutesList()) {
      note(route.getAuthorizationsList(), names);
      note(route.getSignetDenialsList(), names);
    }
    return names;
  }

  private static void note(List<Authz> all, Set<String> names) {
    all.forEach(authz -> names.addAll(authz.getSignetTokensList()));
  }

  private static List<HttpRoute> httpRoutes(ProxyProtocol protocol) {
    return switch (protocol.getKindCase()) {
      case DETECT -> protocol.getDetect().getHttpRoutesList();
      case HTTP1 -> protocol.getHttp1().getRoutesList();
      case HTTP2 -> protocol.getHttp2().getRoutesList();
      case GRPC, OPAQUE, TLS, KIND_NOT_SET -> List.of();
    };
  }

  private static ProxyProtocol protocol(ProxyProtocol protocol) {
    ProxyProtocol.Builder form = protocol.toBuilder();
    List<HttpRoute> routes = new ArrayList<>();
    for (HttpRoute route : httpRoutes(protocol)) {
      routes.add(
          route.toBuilder()
              .clearAuthorizations()
              .addAllAuthorizations(grants(route.getAuthorizationsList()))
              .clearSignetDenials()
              .addAllSignetDenials(denials(route.getSignetDenialsList()))
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
                      .addAllAuthorizations(grants(route.getAuthorizationsList()))
                      .clearSignetDenials()
                      .addAllSignetDenials(denials(route.getSignetDenialsList())));
        }
      }
      case OPAQUE, TLS, KIND_NOT_SET -> {}
    }
    return form.build();
  }

  private static List<Authz> grants(List<Authz> all) {
    return all.stream().filter(authz -> authz.getSignetTokensCount() == 0).toList();
  }

  private static List<Authz> denials(List<Authz> all) {
    return all.stream()
        .map(
            authz ->
                authz.getSignetTokensCount() == 0
                    ? authz
                    : authz.toBuilder().clearSignetTokens().build())
        .toList();
  }
}
