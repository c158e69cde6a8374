package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authn.PermitMeshTLS.PermitClientIdentities;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.net.IPNetwork;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns denials into smaller grants, for proxies that know no denials. Where the two overlap and
 * the difference cannot be written as a grant, more is taken away than is denied: a client that a
 * denial holds for is never granted anything, one that no denial holds for may lose a grant.
 *
 * <p>What is granted at the server holds on each route, so the denials of routes take away from it
 * too. The localhost grant that such proxies add themselves stays.
 */
final class DenialFolding {
  private DenialFolding() {}

  /** The message without denials, its trial alike. */
  static Server fold(Server server) {
    List<Authz> denials = new ArrayList<>(server.getSignetDenialsList());
    routeDenials(server.getProtocol(), denials);
    Server.Builder folded = server.toBuilder().clearSignetDenials();
    if (!denials.isEmpty()) {
      folded
          .clearAuthorizations()
          .addAllAuthorizations(without(server.getAuthorizationsList(), denials))
          .setProtocol(protocol(server.getProtocol(), server.getSignetDenialsList()));
    }
    if (server.hasSignetTrial()) {
      folded.setSignetTrial(fold(server.getSignetTrial()));
    }
    return folded.build();
  }

  private static void routeDenials(ProxyProtocol protocol, List<Authz> denials) {
    switch (protocol.getKindCase()) {
      case DETECT -> http(protocol.getDetect().getHttpRoutesList(), denials);
      case HTTP1 -> http(protocol.getHttp1().getRoutesList(), denials);
      case HTTP2 -> http(protocol.getHttp2().getRoutesList(), denials);
      case GRPC ->
          protocol
              .getGrpc()
              .getRoutesList()
              .forEach(route -> denials.addAll(route.getSignetDenialsList()));
      case OPAQUE, TLS, KIND_NOT_SET -> {}
    }
  }

  private static void http(List<HttpRoute> routes, List<Authz> denials) {
    routes.forEach(route -> denials.addAll(route.getSignetDenialsList()));
  }

  private static ProxyProtocol protocol(ProxyProtocol protocol, List<Authz> denials) {
    ProxyProtocol.Builder folded = protocol.toBuilder();
    switch (protocol.getKindCase()) {
      case DETECT -> {
        folded.getDetectBuilder().clearHttpRoutes();
        for (HttpRoute route : protocol.getDetect().getHttpRoutesList()) {
          folded.getDetectBuilder().addHttpRoutes(route(route, denials));
        }
      }
      case HTTP1 -> {
        folded.getHttp1Builder().clearRoutes();
        for (HttpRoute route : protocol.getHttp1().getRoutesList()) {
          folded.getHttp1Builder().addRoutes(route(route, denials));
        }
      }
      case HTTP2 -> {
        folded.getHttp2Builder().clearRoutes();
        for (HttpRoute route : protocol.getHttp2().getRoutesList()) {
          folded.getHttp2Builder().addRoutes(route(route, denials));
        }
      }
      case GRPC -> {
        folded.getGrpcBuilder().clearRoutes();
        for (GrpcRoute route : protocol.getGrpc().getRoutesList()) {
          List<Authz> all = new ArrayList<>(denials);
          all.addAll(route.getSignetDenialsList());
          folded
              .getGrpcBuilder()
              .addRoutes(
                  route.toBuilder()
                      .clearSignetDenials()
                      .clearAuthorizations()
                      .addAllAuthorizations(without(route.getAuthorizationsList(), all)));
        }
      }
      case OPAQUE, TLS, KIND_NOT_SET -> {}
    }
    return folded.build();
  }

  private static HttpRoute route(HttpRoute route, List<Authz> denials) {
    List<Authz> all = new ArrayList<>(denials);
    all.addAll(route.getSignetDenialsList());
    return route.toBuilder()
        .clearSignetDenials()
        .clearAuthorizations()
        .addAllAuthorizations(without(route.getAuthorizationsList(), all))
        .build();
  }

  private static List<Authz> without(List<Authz> grants, List<Authz> denials) {
    List<Authz> left = new ArrayList<>();
    for (Authz grant : grants) {
      Authz rest = grant;
      for (Authz denial : denials) {
        rest = rest == null ? null : without(rest, denial);
      }
      if (rest != null) {
        left.add(rest);
      }
    }
    return left;
  }

  /** What is left of a grant; null when nothing is. */
  private static @Nullable Authz without(Authz grant, Authz denial) {
    List<Network> networks = new ArrayList<>();
    boolean overlap = false;
    for (Network network : grant.getNetworksList()) {
      Network rest = network;
      for (Network denied : denial.getNetworksList()) {
        if (rest != null && overlap(rest, denied)) {
          overlap = true;
          rest = without(rest, denied.getNet());
        }
      }
      if (rest != null) {
        networks.add(rest);
      }
    }
    if (!overlap) {
      return grant;
    }
    PermitClientIdentities granted = identities(grant.getAuthentication());
    PermitClientIdentities denied = identities(denial.getAuthentication());
    if (granted != null && denied != null) {
      PermitClientIdentities rest = without(granted, denied);
      if (rest.equals(granted)) {
        return grant;
      }
      if (rest.getIdentitiesCount() + rest.getSuffixesCount() > 0) {
        Authn.Builder authentication = grant.getAuthentication().toBuilder();
        authentication.getMeshTLSBuilder().setIdentities(rest);
        return grant.toBuilder().setAuthentication(authentication).build();
      }
    }
    return networks.isEmpty()
        ? null
        : grant.toBuilder().clearNetworks().addAllNetworks(networks).build();
  }

  private static @Nullable PermitClientIdentities identities(Authn authentication) {
    return authentication.hasMeshTLS() && authentication.getMeshTLS().hasIdentities()
        ? authentication.getMeshTLS().getIdentities()
        : null;
  }

  private static PermitClientIdentities without(
      PermitClientIdentities granted, PermitClientIdentities denied) {
    PermitClientIdentities.Builder rest = PermitClientIdentities.newBuilder();
    for (Identity identity : granted.getIdentitiesList()) {
      if (!denied.getIdentitiesList().contains(identity)
          && denied.getSuffixesList().stream()
              .noneMatch(suffix -> isUnder(identity.getName(), suffix))) {
        rest.addIdentities(identity);
      }
    }
    for (IdentitySuffix suffix : granted.getSuffixesList()) {
      if (denied.getIdentitiesList().stream()
              .noneMatch(identity -> isUnder(identity.getName(), suffix))
          && denied.getSuffixesList().stream().noneMatch(other -> overlap(suffix, other))) {
        rest.addSuffixes(suffix);
      }
    }
    return rest.build();
  }

  /** Whether the suffix may hold for the identity; the name of the suffix itself counts as well. */
  private static boolean isUnder(String identity, IdentitySuffix suffix) {
    String text = String.join(".", suffix.getPartsList());
    return text.isEmpty() || identity.equals(text) || identity.endsWith("." + text);
  }

  private static boolean overlap(IdentitySuffix one, IdentitySuffix other) {
    return isUnder(String.join(".", one.getPartsList()), other)
        || isUnder(String.join(".", other.getPartsList()), one);
  }

  private static boolean overlap(Network grant, Network denial) {
    IPNetwork granted = grant.getNet();
    IPNetwork denied = denial.getNet();
    return WireNetworks.overlap(granted, denied)
        && denial.getExceptList().stream().noneMatch(hole -> WireNetworks.contains(hole, granted))
        && grant.getExceptList().stream().noneMatch(hole -> WireNetworks.contains(hole, denied));
  }

  private static @Nullable Network without(Network network, IPNetwork taken) {
    return WireNetworks.contains(taken, network.getNet())
        ? null
        : network.toBuilder().addExcept(taken).build();
  }
}
