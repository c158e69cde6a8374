package io.signetmesh.policy.effective;

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
 * Turns denials into smaller grants, for proxies that know no denials. Where a grant and a denial
 * overlap and the rest cannot be written as a grant, the whole grant goes. So a denied client is
 * never granted anything, but a client that is not denied may lose a grant.
 *
 * <p>A grant of the server holds on each route, so the denials of routes take away from it too. The
 * localhost grant that such proxies add themselves stays.
 */
final class DenialFolding {
  private static final int MAX_STEPS = 20_000;
  private static final int MAX_EXCEPTIONS = 256;

  private long budget = MAX_STEPS;

  private DenialFolding() {}

  /**
   * The message without denials, and its dry-run policy without denials. The work is bounded: a
   * grant that is not checked within the bound is dropped.
   */
  static Server fold(Server server) {
    return new DenialFolding().folded(server);
  }

  private Server folded(Server server) {
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
      folded.setSignetTrial(folded(server.getSignetTrial()));
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

  private ProxyProtocol protocol(ProxyProtocol protocol, List<Authz> denials) {
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

  private HttpRoute route(HttpRoute route, List<Authz> denials) {
    List<Authz> all = new ArrayList<>(denials);
    all.addAll(route.getSignetDenialsList());
    return route.toBuilder()
        .clearSignetDenials()
        .clearAuthorizations()
        .addAllAuthorizations(without(route.getAuthorizationsList(), all))
        .build();
  }

  private List<Authz> without(List<Authz> grants, List<Authz> denials) {
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

  /** What is left of a grant; null when nothing is, or when it would take too long to say. */
  private @Nullable Authz without(Authz grant, Authz denial) {
    if (!spend((long) grant.getNetworksCount() * denial.getNetworksCount())) {
      return null;
    }
    List<Network> networks = new ArrayList<>();
    boolean overlap = false;
    for (Network network : grant.getNetworksList()) {
      List<IPNetwork> taken = new ArrayList<>();
      boolean gone = false;
      for (Network denied : denial.getNetworksList()) {
        if (!gone && overlap(network, denied)) {
          overlap = true;
          gone = WireNetworks.contains(denied.getNet(), network.getNet());
          taken.add(denied.getNet());
        }
      }
      if (!gone) {
        networks.add(taken.isEmpty() ? network : network.toBuilder().addAllExcept(taken).build());
      }
    }
    if (!overlap) {
      return grant;
    }
    PermitClientIdentities granted = identities(grant.getAuthentication());
    PermitClientIdentities denied = identities(denial.getAuthentication());
    if (granted != null && denied != null) {
      if (!spend((long) size(granted) * size(denied))) {
        return null;
      }
      PermitClientIdentities rest = without(granted, denied);
      if (rest.equals(granted)) {
        return grant;
      }
      if (size(rest) > 0) {
        Authn.Builder authentication = grant.getAuthentication().toBuilder();
        authentication.getMeshTLSBuilder().setIdentities(rest);
        return grant.toBuilder().setAuthentication(authentication).build();
      }
    }
    if (networks.isEmpty()
        || networks.stream().anyMatch(network -> network.getExceptCount() > MAX_EXCEPTIONS)) {
      return null;
    }
    return grant.toBuilder().clearNetworks().addAllNetworks(networks).build();
  }

  private boolean spend(long steps) {
    budget -= steps + 1;
    return budget >= 0;
  }

  private static int size(PermitClientIdentities identities) {
    return identities.getIdentitiesCount() + identities.getSuffixesCount();
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
    // Holes are looked at as far as that is cheap; without them more overlaps.
    if (denial.getExceptCount() + grant.getExceptCount() > MAX_EXCEPTIONS) {
      return WireNetworks.overlap(granted, denied);
    }
    return WireNetworks.overlap(granted, denied)
        && denial.getExceptList().stream().noneMatch(hole -> WireNetworks.contains(hole, granted))
        && grant.getExceptList().stream().noneMatch(hole -> WireNetworks.contains(hole, denied));
  }
}
