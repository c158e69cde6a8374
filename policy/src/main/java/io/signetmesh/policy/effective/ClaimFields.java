package io.signetmesh.policy.effective;

import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.v1.JwtAuthentication;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;

/**
 * Takes header fields that verified claims are forwarded in from requests, by a filter of each
 * route rule. A proxy does so by itself for the JWTAuthentications that its message explains. A
 * form of the policy for a proxy with fewer features explains fewer of them, and without the filter
 * a client that another authorization allows could write the fields itself.
 */
final class ClaimFields {
  private ClaimFields() {}

  /**
   * A form of a policy with a filter in front of each route rule, which removes the fields of those
   * authentications that the policy explains and the form does not. Dry runs do not count: no claim
   * is forwarded because of them.
   */
  static Server withheld(Server full, Server form) {
    Set<String> names = names(full.getSignetJwtAuthenticationsList());
    names.removeAll(names(form.getSignetJwtAuthenticationsList()));
    if (names.isEmpty()) {
      return form;
    }
    RequestHeaderModifier removal = RequestHeaderModifier.newBuilder().addAllRemove(names).build();
    return form.toBuilder().setProtocol(protocol(form.getProtocol(), removal)).build();
  }

  private static Set<String> names(Collection<JwtAuthentication> authentications) {
    Set<String> names = new TreeSet<>();
    for (JwtAuthentication authentication : authentications) {
      authentication.getForwarding().getClaimsList().forEach(claim -> names.add(claim.getHeader()));
      if (!authentication.getForwarding().getPayloadHeader().isEmpty()) {
        names.add(authentication.getForwarding().getPayloadHeader());
      }
    }
    return names;
  }

  private static ProxyProtocol protocol(ProxyProtocol protocol, RequestHeaderModifier removal) {
    ProxyProtocol.Builder form = protocol.toBuilder();
    switch (protocol.getKindCase()) {
      case DETECT ->
          form.getDetectBuilder().getHttpRoutesBuilderList().forEach(route -> add(route, removal));
      case HTTP1 ->
          form.getHttp1Builder().getRoutesBuilderList().forEach(route -> add(route, removal));
      case HTTP2 ->
          form.getHttp2Builder().getRoutesBuilderList().forEach(route -> add(route, removal));
      case GRPC ->
          form.getGrpcBuilder().getRoutesBuilderList().forEach(route -> add(route, removal));
      case OPAQUE, TLS, KIND_NOT_SET -> {}
    }
    return form.build();
  }

  private static void add(HttpRoute.Builder route, RequestHeaderModifier removal) {
    for (HttpRoute.Rule.Builder rule : route.getRulesBuilderList()) {
      rule.addFilters(0, HttpRoute.Filter.newBuilder().setRequestHeaderModifier(removal));
    }
  }

  private static void add(GrpcRoute.Builder route, RequestHeaderModifier removal) {
    for (GrpcRoute.Rule.Builder rule : route.getRulesBuilderList()) {
      rule.addFilters(0, GrpcRoute.Filter.newBuilder().setRequestHeaderModifier(removal));
    }
  }
}
