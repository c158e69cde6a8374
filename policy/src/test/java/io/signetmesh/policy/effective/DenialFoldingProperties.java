package io.signetmesh.policy.effective;

import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.WEB;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoAuthentication;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/**
 * Whoever a proxy without denials or tokens lets in on the form that it is sent, one with all
 * features lets in on the whole policy. Decided here by reading the lists one after another.
 */
final class DenialFoldingProperties {
  private static final List<String> IDENTITIES =
      List.of("a.x.mesh", "b.x.mesh", "a.y.mesh", "x.mesh", "mesh", "spiffe://mesh/a");
  private static final List<String> PATTERNS =
      List.of("a.x.mesh", "b.x.mesh", "a.y.mesh", "x.mesh", "*.x.mesh", "*.mesh", "*");
  private static final List<String> NETWORKS =
      List.of(
          "0.0.0.0/0",
          "10.0.0.0/8",
          "10.1.0.0/16",
          "10.1.2.0/24",
          "10.1.2.3/32",
          "11.0.0.0/8",
          "::/0",
          "fd00::/8",
          "fd00:1::/32");
  private static final List<String> ADDRESSES =
      List.of(
          "10.1.2.3",
          "10.1.2.4",
          "10.1.3.1",
          "10.2.0.1",
          "11.0.0.1",
          "1.1.1.1",
          "fd00:1::1",
          "fd00:2::1",
          "2001::1");

  private static final List<Set<String>> TOKENS =
      List.of(Set.of(), Set.of(NS + "/t0"), Set.of(NS + "/t0", NS + "/t1"));

  private static final List<Set<String>> BUNDLES = List.of(Set.of(), Set.of(NS + "/r0"));

  /**
   * A client.
   *
   * @param identity null when it has none
   * @param tokens JWTAuthentications that its requests pass
   * @param bundles RegoAuthentications that its requests pass
   */
  private record Client(
      Cidr address,
      boolean tls,
      @Nullable String identity,
      Set<String> tokens,
      Set<String> bundles) {}

  @Property(tries = 300)
  void noOneGetsInByNotKnowingDenialsTokensOrBundles(@ForAll long seed) {
    Random random = new Random(seed);
    List<PolicyObject> objects = new ArrayList<>();
    objects.add(TestPolicies.pod("web", Map.of("app", "web")));
    objects.add(
        TestPolicies.server(
            "web",
            new ServerModel.Port.ByNumber(8080),
            Map.of("app", "web"),
            null,
            pick(random, List.of(AccessPolicy.values()))));
    objects.add(TestPolicies.route("api", "web"));
    objects.add(TestPolicies.route("raw", "web"));
    for (int i = 0; i < 4; i++) {
      objects.add(TestPolicies.identities("m" + i, some(random, PATTERNS)));
      objects.add(networks("n" + i, random));
      objects.add(TestPolicies.policy("p" + i, target(random), authentications(random)));
      if (random.nextInt(3) > 0) {
        objects.add(TestPolicies.deny("d" + i, target(random), authentications(random)));
      }
    }
    objects.add(
        TestPolicies.serverAuthorization(
            "s", "web", false, new ServerAuthorizationModel.MeshTls(true, List.of(), List.of())));
    objects.add(TestPolicies.tokens("t0"));
    objects.add(TestPolicies.tokens("t1"));
    objects.add(TestPolicies.rules("r0", "m"));
    EffectivePolicy policy =
        TestPolicies.index(TestPolicies.CONFIG, objects.toArray(PolicyObject[]::new))
            .policy(WEB, 8080)
            .orElseThrow();
    Server full = policy.rendered(PolicyFeatures.ALL);
    Server legacy = policy.rendered(PolicyFeatures.NONE);
    if (full.getSignetDenialsList().isEmpty()
        && routes(full).stream().allMatch(route -> route.getSignetDenialsList().isEmpty())
        && full.getSignetJwtAuthenticationsList().isEmpty()
        && full.getSignetRegoAuthenticationsList().isEmpty()) {
      assertThat(legacy).isEqualTo(full);
    }
    for (boolean deny : List.of(true, false)) {
      for (boolean jwt : List.of(true, false)) {
        for (boolean rego : List.of(true, false)) {
          PolicyFeatures features = new PolicyFeatures(true, deny, true, jwt, rego);
          check(full, policy.rendered(features), features);
        }
      }
    }
    check(full, legacy, PolicyFeatures.NONE);
  }

  /** Whoever gets in by what such a proxy knows gets in by all of it. */
  private static void check(Server full, Server form, PolicyFeatures features) {
    List<Authz> all = new ArrayList<>(form.getAuthorizationsList());
    all.addAll(form.getSignetDenialsList());
    routes(form).forEach(route -> all.addAll(route.getAuthorizationsList()));
    routes(form).forEach(route -> all.addAll(route.getSignetDenialsList()));
    if (!features.deny()) {
      assertThat(form.getSignetDenialsList()).isEmpty();
      assertThat(routes(form)).allMatch(route -> route.getSignetDenialsList().isEmpty());
    }
    Set<String> named = new HashSet<>();
    all.forEach(authz -> named.addAll(authz.getSignetTokensList()));
    assertThat(form.getSignetJwtAuthenticationsList())
        .extracting(JwtAuthentication::getName)
        .isSorted()
        .containsExactlyInAnyOrderElementsOf(named);
    if (!features.jwt()) {
      assertThat(named).isEmpty();
    }
    Set<String> bundles = new HashSet<>();
    all.forEach(authz -> bundles.addAll(authz.getSignetRegoList()));
    assertThat(form.getSignetRegoAuthenticationsList())
        .extracting(RegoAuthentication::getName)
        .containsExactlyInAnyOrderElementsOf(bundles);
    if (!features.rego()) {
      assertThat(bundles).isEmpty();
    }
    for (String address : ADDRESSES) {
      for (int i = -2; i < IDENTITIES.size(); i++) {
        for (Set<String> tokens : TOKENS) {
          for (Set<String> passed : BUNDLES) {
            check(
                full,
                form,
                new Client(
                    Cidr.parse(address),
                    i >= -1,
                    i < 0 ? null : IDENTITIES.get(i),
                    tokens,
                    passed));
          }
        }
      }
    }
  }

  private static void check(Server full, Server form, Client client) {
    if (allowed(form, null, client)) {
      assertThat(allowed(full, null, client)).as("%s at the server", client).isTrue();
    }
    for (int route = 0; route < routes(full).size(); route++) {
      if (allowed(form, routes(form).get(route), client)) {
        assertThat(allowed(full, routes(full).get(route), client))
            .as("%s on route %s", client, route)
            .isTrue();
      }
    }
  }

  private static boolean allowed(Server server, @Nullable HttpRoute route, Client client) {
    if (holds(server.getSignetDenialsList(), client)) {
      return false;
    }
    if (route != null && holds(route.getSignetDenialsList(), client)) {
      return false;
    }
    return (route != null && holds(route.getAuthorizationsList(), client))
        || holds(server.getAuthorizationsList(), client);
  }

  private static boolean holds(List<Authz> list, Client client) {
    return list.stream()
        .anyMatch(
            authz ->
                client.tokens().containsAll(authz.getSignetTokensList())
                    && client.bundles().containsAll(authz.getSignetRegoList())
                    && authz.getNetworksList().stream().anyMatch(network -> holds(network, client))
                    && holds(authz.getAuthentication(), client));
  }

  private static boolean holds(Network network, Client client) {
    return contains(network.getNet(), client)
        && network.getExceptList().stream().noneMatch(hole -> contains(hole, client));
  }

  private static boolean contains(IPNetwork network, Client client) {
    return WireNetworks.contains(network, ServerMessages.network(client.address()));
  }

  private static boolean holds(Authn authentication, Client client) {
    if (authentication.hasUnauthenticated()) {
      return true;
    }
    if (authentication.getMeshTLS().hasUnauthenticated()) {
      return client.tls();
    }
    String identity = client.identity();
    var permitted = authentication.getMeshTLS().getIdentities();
    return identity != null
        && (permitted.getIdentitiesList().stream().anyMatch(one -> one.getName().equals(identity))
            || permitted.getSuffixesList().stream().anyMatch(suffix -> isUnder(identity, suffix)));
  }

  private static boolean isUnder(String identity, IdentitySuffix suffix) {
    return suffix.getPartsCount() == 0
        || identity.endsWith("." + String.join(".", suffix.getPartsList()));
  }

  private static List<HttpRoute> routes(Server server) {
    return server.getProtocol().getDetect().getHttpRoutesList();
  }

  private static Reference target(Random random) {
    return pick(
        random,
        List.of(
            TestPolicies.toServer("web"),
            TestPolicies.toNamespace(NS),
            TestPolicies.toRoute("api"),
            TestPolicies.toRoute("raw")));
  }

  private static Reference[] authentications(Random random) {
    List<Reference> references = new ArrayList<>();
    if (random.nextInt(4) > 0) {
      references.add(TestPolicies.meshTls("m" + random.nextInt(4)));
    }
    if (random.nextBoolean()) {
      references.add(TestPolicies.network("n" + random.nextInt(4)));
    }
    for (String token : List.of("t0", "t1")) {
      if (random.nextInt(4) == 0) {
        references.add(TestPolicies.jwt(token));
      }
    }
    if (random.nextInt(4) == 0) {
      references.add(TestPolicies.rego("r0"));
    }
    return references.toArray(Reference[]::new);
  }

  private static NetworkModel networks(String name, Random random) {
    List<NetworkMatch> networks = new ArrayList<>();
    for (String network : some(random, NETWORKS)) {
      Cidr outer = Cidr.parse(network);
      List<Cidr> holes =
          NETWORKS.stream()
              .map(Cidr::parse)
              .filter(hole -> !hole.equals(outer) && outer.contains(hole))
              .filter(hole -> random.nextInt(4) == 0)
              .toList();
      networks.add(new NetworkMatch(outer, holes));
    }
    return new NetworkModel(
        new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, name), "", networks);
  }

  private static String[] some(Random random, List<String> of) {
    List<String> some = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(3); i++) {
      some.add(pick(random, of));
    }
    return some.toArray(String[]::new);
  }

  private static <T> T pick(Random random, List<T> of) {
    return of.get(random.nextInt(of.size()));
  }
}
