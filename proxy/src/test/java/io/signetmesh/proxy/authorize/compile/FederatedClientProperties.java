package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.net.IPAddress;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.RandomPolicies.Request;
import java.net.InetAddress;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.statistics.Statistics;

/** A client of a federated trust domain is let in by policy that names it, and by no other. */
class FederatedClientProperties {
  private static final String FOREIGN = "spiffe://other.example/ns/a/sa/b";

  /**
   * Policies here are made of every kind of grant, and none names the client. What it gets, a
   * client without any certificate of its own gets as well.
   */
  @Property(tries = 4_000, shrinking = ShrinkingMode.OFF)
  void policyThatDoesNotNameTheClientGivesItNothing(@ForAll long seed) throws Exception {
    RandomPolicies policies = new RandomPolicies(new Random(seed));
    Server message = policies.server(9);
    ServerPolicy policy = new PolicyCompiler(false, () -> 0).compile(message);
    for (int i = 0; i < 20; i++) {
      InetAddress address = policies.client().address();
      Client foreign = Client.ofMeshTls(address, List.of(FOREIGN));
      Client nobody = Client.ofMeshTls(address, List.of());
      Request request = policies.request();

      boolean allowed = policy.decideConnection(foreign).allowed();
      if (allowed) {
        assertThat(policy.decideConnection(nobody).allowed()).isTrue();
      }
      boolean served = isAllowed(policy, foreign, request);
      if (served) {
        assertThat(isAllowed(policy, nobody, request)).isTrue();
      }
      Statistics.label("connection").collect(allowed);
      Statistics.label("request").collect(served);
    }
    Statistics.label("request")
        .coverage(
            coverage -> {
              coverage.check(true).percentage(percent -> percent > 5);
              coverage.check(false).percentage(percent -> percent > 20);
            });
  }

  @Example
  void anyIdentityMeansAnyOfTheOwnMesh() throws Exception {
    Server.Builder server = serverOf(identities().addSuffixes(IdentitySuffix.getDefaultInstance()));

    assertThat(connection(server, "web.shop.example").reason()).isEqualTo(Reason.AUTHORIZED);
    assertThat(connection(server, FOREIGN).reason()).isEqualTo(Reason.IDENTITY_MISMATCH);
  }

  @Example
  void suffixesOfTheForeignDomainHoldForNoSpiffeId() throws Exception {
    Server.Builder server =
        serverOf(
            identities()
                .addSuffixes(IdentitySuffix.newBuilder().addParts("other").addParts("example"))
                .addSuffixes(IdentitySuffix.newBuilder().addParts("example/ns/a/sa/b")));

    assertThat(connection(server, FOREIGN).reason()).isEqualTo(Reason.IDENTITY_MISMATCH);
  }

  @Example
  void exactNameGrantsToItsBearerOnly() throws Exception {
    Server.Builder server =
        serverOf(identities().addIdentities(Identity.newBuilder().setName(FOREIGN)));

    assertThat(connection(server, FOREIGN).reason()).isEqualTo(Reason.AUTHORIZED);
    assertThat(connection(server, FOREIGN + "/c").allowed()).isFalse();
    assertThat(connection(server, "spiffe://other.example/ns/a/sa/B").allowed()).isFalse();
    assertThat(connection(server, "spiffe://other/ns/a/sa/b").allowed()).isFalse();
  }

  @Example
  void denialOfAnyIdentityHoldsForForeignersToo() throws Exception {
    Server.Builder server =
        serverOf(identities().addIdentities(Identity.newBuilder().setName(FOREIGN)));
    server.addSignetDenials(
        authorization("deny", identities().addSuffixes(IdentitySuffix.getDefaultInstance())));

    assertThat(connection(server, FOREIGN).reason()).isEqualTo(Reason.DENIED_BY_POLICY);
  }

  private static boolean isAllowed(ServerPolicy policy, Client client, Request request) {
    if (policy.decideBeforeRoute(client) != null) {
      return false;
    }
    Route route = policy.route(request);
    return route != null && policy.decideRequest(client, route).allowed();
  }

  private static Decision connection(Server.Builder server, String identity) throws Exception {
    return new PolicyCompiler(false, () -> 0)
        .compile(server.build())
        .decideConnection(
            Client.ofMeshTls(
                InetAddress.getByAddress(new byte[] {10, 0, 0, 1}), List.of(identity)));
  }

  private static Server.Builder serverOf(
      Authn.PermitMeshTLS.PermitClientIdentities.Builder clients) {
    Server.Builder server = Server.newBuilder().putLabels("name", "s").setSignetGeneration(1);
    server.getProtocolBuilder().getOpaqueBuilder();
    return server.addAuthorizations(authorization("allow", clients));
  }

  private static Authz authorization(
      String name, Authn.PermitMeshTLS.PermitClientIdentities.Builder clients) {
    Authz.Builder authz = new RandomPolicies(new Random(1)).authorization(name, false).toBuilder();
    authz.clearNetworks().getMetadataBuilder();
    authz.addNetworksBuilder().getNetBuilder().setIp(IPAddress.newBuilder().setIpv4(0));
    authz.getAuthenticationBuilder().getMeshTLSBuilder().setIdentities(clients);
    return Objects.requireNonNull(authz.build());
  }

  private static Authn.PermitMeshTLS.PermitClientIdentities.Builder identities() {
    return Authn.PermitMeshTLS.PermitClientIdentities.newBuilder();
  }
}
