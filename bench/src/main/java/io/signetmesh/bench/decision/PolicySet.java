package io.signetmesh.bench.decision;

import com.google.protobuf.Duration;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.linkerd.proxy.net.IPv6;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The policy of one port with many policies affecting it, and requests to it. Of ten policies six
 * grant service accounts, one a namespace by identity suffix, one a network with a hole, and two
 * come with an HTTPRoute, half of them of an exact path and half of a prefix, now and then with a
 * host and a method. One more route is for everything. Every hundredth policy is a denial.
 *
 * <p>Of the requests about half are allowed; the other half is refused for the identity, the
 * network, or the missing certificate.
 */
final class PolicySet {
  private static final String TRUST = ".serviceaccount.identity.linkerd.cluster.local";

  private final int policies;
  private final Random random;
  private final ServerPolicy policy;

  /** A request of a client. */
  record Call(Client client, RequestAttributes request) {}

  private record Get(String method, String path, String authority) implements RequestAttributes {
    @Override
    public ExpressionWork expressions() {
      return new ExpressionWork();
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      return null;
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return false;
    }
  }

  /**
   * @param policies how many policies affect the port, 10 or more
   */
  PolicySet(int policies) {
    this.policies = policies;
    this.random = new Random(policies);
    policy = new PolicyCompiler(false, System::nanoTime).compile(message());
    if (policy.invalidity() != null) {
      throw new IllegalStateException("policy is not valid: " + policy.invalidity());
    }
  }

  ServerPolicy policy() {
    return policy;
  }

  private Server message() {
    Server.Builder server =
        Server.newBuilder()
            .putLabels("group", "policy.linkerd.io")
            .putLabels("kind", "server")
            .putLabels("name", "web")
            .setSignetGeneration(1);
    ProxyProtocol.Detect.Builder detect = server.getProtocolBuilder().getDetectBuilder();
    detect.setTimeout(Duration.newBuilder().setSeconds(10));
    HttpRoute.Builder everything = detect.addHttpRoutesBuilder().setMetadata(route("everything"));
    everything.addRulesBuilder().addMatchesBuilder().getPathBuilder().setPrefix("/");
    for (int i = 0; i < policies; i++) {
      if (i % 100 == 99) {
        server.addSignetDenials(
            anywhere("denypolicy", "no-" + i).setAuthentication(account("blocked-" + i, i)));
        continue;
      }
      switch (i % 10) {
        case 0 ->
            server.addAuthorizations(
                anywhere("authorizationpolicy", "namespace-" + i)
                    .setAuthentication(namespace("team-" + i)));
        case 1 -> server.addAuthorizations(network(i));
        case 2 -> detect.addHttpRoutes(routed(i, false));
        case 3 -> detect.addHttpRoutes(routed(i, true));
        default ->
            server.addAuthorizations(
                anywhere("authorizationpolicy", "account-" + i)
                    .setAuthentication(account("client-" + i, i)));
      }
    }
    return server.build();
  }

  private static HttpRoute routed(int i, boolean exact) {
    HttpRoute.Builder route = HttpRoute.newBuilder().setMetadata(route("route-" + i));
    if (i % 20 < 10) {
      route.addHostsBuilder().setExact("web-" + i % 100 + ".shop.svc.cluster.local");
    }
    HttpRouteMatch.Builder match = route.addRulesBuilder().addMatchesBuilder();
    if (exact) {
      match.getPathBuilder().setExact("/api/v1/items/" + i);
    } else {
      match.getPathBuilder().setPrefix("/api/v1/orders/" + i);
    }
    if (i % 3 == 0) {
      match.setMethod(HttpMethod.newBuilder().setRegistered(HttpMethod.Registered.GET));
    }
    route.addAuthorizations(
        anywhere("authorizationpolicy", "route-" + i).setAuthentication(account("caller-" + i, i)));
    return route.build();
  }

  private static Authz.Builder anywhere(String kind, String name) {
    IPNetwork.Builder all4 = IPNetwork.newBuilder().setIp(IPAddress.newBuilder().setIpv4(0));
    IPNetwork.Builder all6 =
        IPNetwork.newBuilder().setIp(IPAddress.newBuilder().setIpv6(IPv6.getDefaultInstance()));
    return Authz.newBuilder()
        .setMetadata(resource(kind, name))
        .addNetworks(Network.newBuilder().setNet(all4))
        .addNetworks(Network.newBuilder().setNet(all6));
  }

  /** A network of 256 addresses, of which 16 do not count. */
  private static Authz network(int i) {
    Network.Builder network =
        Network.newBuilder()
            .setNet(net(0x0a00_0000 | i << 8, 24))
            .addExcept(net(0x0a00_0000 | i << 8 | 0xf0, 28));
    return Authz.newBuilder()
        .setMetadata(resource("authorizationpolicy", "network-" + i))
        .addNetworks(network)
        .setAuthentication(
            Authn.newBuilder().setUnauthenticated(Authn.PermitUnauthenticated.newBuilder()))
        .build();
  }

  private static IPNetwork net(int address, int length) {
    return IPNetwork.newBuilder()
        .setIp(IPAddress.newBuilder().setIpv4(address))
        .setPrefixLen(length)
        .build();
  }

  private static Authn account(String name, int i) {
    Authn.Builder authn = Authn.newBuilder();
    authn
        .getMeshTLSBuilder()
        .getIdentitiesBuilder()
        .addIdentities(Identity.newBuilder().setName(identity(name, "ns-" + i % 50)));
    return authn.build();
  }

  private static Authn namespace(String name) {
    Authn.Builder authn = Authn.newBuilder();
    authn
        .getMeshTLSBuilder()
        .getIdentitiesBuilder()
        .addSuffixes(
            IdentitySuffix.newBuilder()
                .addParts(name)
                .addAllParts(List.of(TRUST.substring(1).split("\\."))));
    return authn.build();
  }

  private static String identity(String account, String namespace) {
    return account + "." + namespace + TRUST;
  }

  private static Metadata route(String name) {
    return resource("HTTPRoute", name);
  }

  private static Metadata resource(String kind, String name) {
    return Metadata.newBuilder()
        .setResource(
            Resource.newBuilder()
                .setGroup("policy.linkerd.io")
                .setKind(kind)
                .setNamespace("shop")
                .setName(name))
        .build();
  }

  // ---- requests

  /** A request at random; the same ones in the same order for each number of policies. */
  Call call() {
    int i = random.nextInt(Math.max(1, policies / 10)) * 10;
    String host = "web-" + (i % 100 + random.nextInt(2)) + ".shop.svc.cluster.local:8080";
    String path = "/index.html";
    String identity = null;
    int address = 0xc0a8_0000 | random.nextInt(1 << 16);
    boolean tls = true;
    switch (random.nextInt(12)) {
      case 0, 1, 2 -> identity = identity("client-", i + 4 + random.nextInt(5));
      case 3 -> identity = identity("someone", "team-" + i);
      case 4 -> {
        address = 0x0a00_0000 | (i + 1) << 8 | random.nextInt(256);
        tls = false;
      }
      case 5 -> {
        host = "web-" + (i + 2) % 100 + ".shop.svc.cluster.local:8080";
        path = "/api/v1/orders/" + (i + 2) + "/lines?page=2";
        identity = identity("caller-", i + 2);
      }
      case 6 -> {
        host = "web-" + (i + 3) % 100 + ".shop.svc.cluster.local:8080";
        path = "/api/v1/items/" + (i + 3);
        identity = identity("caller-", i + 3);
      }
      case 7 -> identity = identity("stranger-" + i, "ns-" + i % 50);
      case 8 -> {
        path = "/api/v1/orders/" + (i + 2);
        identity = identity("stranger-" + i, "elsewhere");
      }
      case 9 -> {
        path = "/api/v1/items/" + (i + 3) + "/nothing";
        identity = identity("client-" + (i + 5), "ns-wrong");
      }
      case 10 -> identity = null;
      default -> tls = false;
    }
    try {
      byte[] bytes = {
        (byte) (address >> 24), (byte) (address >> 16), (byte) (address >> 8), (byte) address
      };
      return new Call(
          new Client(InetAddress.getByAddress(bytes), tls, identity), new Get("GET", path, host));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("four bytes are an address", e);
    }
  }

  /** The identity of the account that policy {@code number} is for. */
  private static String identity(String prefix, int number) {
    return identity(prefix + number, "ns-" + number % 50);
  }
}
