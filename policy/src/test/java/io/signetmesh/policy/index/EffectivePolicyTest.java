package io.signetmesh.policy.index;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.external;
import static io.signetmesh.policy.TestPolicies.identities;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.meshTls;
import static io.signetmesh.policy.TestPolicies.namespace;
import static io.signetmesh.policy.TestPolicies.network;
import static io.signetmesh.policy.TestPolicies.networks;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.probed;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.serverAuthorization;
import static io.signetmesh.policy.TestPolicies.serviceAccount;
import static io.signetmesh.policy.TestPolicies.speaking;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.grpc_route.GrpcRpcMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
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
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.LabelSelection;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The rules of effective inbound policy, one by one: objects in, message out. They are Linkerd's,
 * except where docs/security/policy-reference.md states a difference.
 *
 * @see <a href="https://linkerd.io/2/reference/authorization-policy">Authorization policy</a>
 */
final class EffectivePolicyTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final WorkloadModel POD = pod("web", APP);
  private static final ServerModel SERVER = server("web", 8080, APP);
  private static final String FRONT = "front.shop.serviceaccount.identity.signet.cluster.local";

  private static final Authn ANYONE =
      Authn.newBuilder()
          .setUnauthenticated(Authn.PermitUnauthenticated.getDefaultInstance())
          .build();
  private static final Authn ANY_TLS =
      Authn.newBuilder()
          .setMeshTLS(
              Authn.PermitMeshTLS.newBuilder()
                  .setUnauthenticated(Authn.PermitUnauthenticated.getDefaultInstance()))
          .build();
  private static final Authn ANY_IDENTITY = clients(List.of(), List.of(List.of()));
  private static final List<Network> EVERYWHERE = List.of(net("0.0.0.0/0"), net("::/0"));
  private static final List<Network> CLUSTER =
      List.of(
          net("10.0.0.0/8"),
          net("100.64.0.0/10"),
          net("172.16.0.0/12"),
          net("192.168.0.0/16"),
          net("fd00::/8"));

  @Nested
  @DisplayName("default policies")
  final class Defaults {
    @ParameterizedTest
    @EnumSource(AccessPolicy.class)
    void aPortWithoutServerHasTheDefaultPolicy(AccessPolicy policy) {
      PolicyIndex index = index(CONFIG.withDefaultPolicy(policy), POD);
      assertThat(at(index, 7777)).isEqualTo(defaultServer(policy));
    }

    @Test
    void theProductDenies() {
      assertThat(at(index(CONFIG, POD), 7777)).isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @ParameterizedTest
    @CsvSource({
      // controller, namespace, workload -> in force
      "all-unauthenticated,,,all-unauthenticated",
      "all-unauthenticated,deny,,deny",
      "all-unauthenticated,,cluster-authenticated,cluster-authenticated",
      "all-unauthenticated,deny,audit,audit",
      "deny,all-unauthenticated,,all-unauthenticated",
      // What cannot be read never opens a port.
      "all-unauthenticated,,allow-everything,deny",
      "all-unauthenticated,Deny,,deny",
      "all-unauthenticated,all-unauthenticated,all-authentcated,deny",
    })
    void theNearestStatementWins(
        String controller, @Nullable String namespace, @Nullable String workload, String inForce) {
      PolicyIndex index =
          index(
              CONFIG.withDefaultPolicy(AccessPolicy.parse(controller).orElseThrow()),
              namespace(new PolicyAnnotations(namespace, null, null)),
              pod("web", APP, new PolicyAnnotations(workload, null, null)));
      assertThat(at(index, 7777))
          .isEqualTo(defaultServer(AccessPolicy.parse(inForce).orElseThrow()));
    }

    @ParameterizedTest
    @CsvSource({
      "all-unauthenticated,all-authenticated",
      "all-authenticated,all-authenticated",
      "cluster-unauthenticated,cluster-authenticated",
      "cluster-authenticated,cluster-authenticated",
      "deny,deny",
      "audit,audit",
    })
    void requiredIdentityTurnsADefaultIntoItsAuthenticatedForm(String written, String inForce) {
      PolicyIndex index =
          index(CONFIG, pod("web", APP, new PolicyAnnotations(written, null, "7777,9000-9001")));
      AccessPolicy upgraded = AccessPolicy.parse(inForce).orElseThrow();
      assertThat(at(index, 7777)).isEqualTo(defaultServer(upgraded));
      assertThat(at(index, 9001)).isEqualTo(defaultServer(upgraded));
      assertThat(at(index, 9002))
          .isEqualTo(defaultServer(AccessPolicy.parse(written).orElseThrow()));
    }

    @Test
    void aListOfIdentityPortsThatCannotBeReadCoversAllPorts() {
      PolicyIndex index =
          index(
              CONFIG, pod("web", APP, new PolicyAnnotations("all-unauthenticated", null, "80;81")));
      assertThat(at(index, 5000)).isEqualTo(defaultServer(AccessPolicy.ALL_AUTHENTICATED));
    }

    @Test
    void requiredIdentityDoesNotTouchAPortWithServer() {
      PolicyIndex index =
          index(
              CONFIG,
              pod("web", APP, new PolicyAnnotations(null, null, "8080")),
              serverWith(AccessPolicy.ALL_UNAUTHENTICATED));
      assertThat(at(index, 8080))
          .isEqualTo(webServer(defaultAuthz("all-unauthenticated", EVERYWHERE, ANYONE)));
    }

    @ParameterizedTest
    @CsvSource({
      // workload's list, port, opaque
      "'4000,5000-5010,admin',4000,true",
      "'4000,5000-5010,admin',5010,true",
      "'4000,5000-5010,admin',9990,true",
      "'4000,5000-5010,admin',5011,false",
      // A list of its own takes the place of the product's.
      "4000,3306,false",
      ",3306,true",
    })
    void opaquePortsAreNotLookedInto(@Nullable String list, int port, boolean opaque) {
      PolicyIndex index = index(CONFIG, pod("web", APP, new PolicyAnnotations(null, list, null)));
      assertThat(at(index, port).getProtocol().hasOpaque()).isEqualTo(opaque);
      assertThat(at(index, port).getProtocol().hasDetect()).isEqualTo(!opaque);
    }

    @Test
    void authorizationsNeverApplyToAPortWithoutServer() {
      PolicyIndex index =
          index(
              CONFIG, POD, SERVER, policy("all", toNamespace(NS)), policy("web", toServer("web")));
      assertThat(at(index, 7777)).isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @Test
    void theAdminPortOfTheProxyIsOpenUntilAServerTakesIt() {
      assertThat(at(index(CONFIG, POD), 4191))
          .isEqualTo(defaultServer(AccessPolicy.ALL_UNAUTHENTICATED));
      PolicyIndex closed = index(CONFIG, POD, server("admin", 4191, APP));
      assertThat(at(closed, 4191).getAuthorizationsList()).isEmpty();
    }

    @Test
    void probesOfAPortHaveTheirRoute() {
      PolicyIndex index =
          index(
              CONFIG,
              probed(
                  POD,
                  new WorkloadModel.HttpProbe(7777, "/ready"),
                  new WorkloadModel.HttpProbe(7777, "/live"),
                  new WorkloadModel.HttpProbe(9999, "/other")));
      assertThat(at(index, 7777).getProtocol().getDetect().getHttpRoutesList())
          .containsExactly(
              defaultRoute(),
              HttpRoute.newBuilder()
                  .setMetadata(Metadata.newBuilder().setDefault("probe"))
                  .addAuthorizations(defaultAuthz("probe", EVERYWHERE, ANYONE))
                  .addRules(
                      HttpRoute.Rule.newBuilder()
                          .addMatches(probe("/live"))
                          .addMatches(probe("/ready")))
                  .build());
    }

    @Test
    void withoutProbeNetworksThereIsNoProbeRoute() {
      PolicyIndex index =
          index(
              CONFIG.withProbeNetworks(List.of()),
              probed(POD, new WorkloadModel.HttpProbe(7777, "/ready")));
      assertThat(at(index, 7777).getProtocol().getDetect().getHttpRoutesList())
          .containsExactly(defaultRoute());
    }
  }

  @Nested
  @DisplayName("which Server has a port")
  final class Servers {
    @Test
    void aServerByNumberTakesThePortDeclaredOrNot() {
      assertThat(at(index(CONFIG, POD, server("web", 1234, APP)), 1234)).isEqualTo(webServer());
    }

    @Test
    void aServerByNameTakesAllPortsOfThatName() {
      WorkloadModel pod =
          new WorkloadModel(
              WEB,
              "",
              APP,
              PolicyAnnotations.NONE,
              null,
              "",
              List.of(
                  new WorkloadModel.NamedPort("http", 8080),
                  new WorkloadModel.NamedPort("http", 8081),
                  new WorkloadModel.NamedPort("admin", 9990)),
              List.of());
      PolicyIndex index =
          index(CONFIG, pod, named("web", "http"), server("other", 9990, Map.of("app", "other")));
      assertThat(at(index, 8080)).isEqualTo(webServer());
      assertThat(at(index, 8081)).isEqualTo(webServer());
      assertThat(at(index, 9990)).isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @Test
    void theOlderServerHasThePort() {
      assertThat(winner(aged("a", START.plusSeconds(1)), aged("b", START))).isEqualTo("b");
    }

    @Test
    void aServerWithoutCreationTimeIsTheOldest() {
      assertThat(winner(aged("a", START), aged("b", null))).isEqualTo("b");
    }

    @Test
    void ofServersOfOneAgeTheFirstNameHasThePort() {
      assertThat(winner(aged("b", START), aged("a", START))).isEqualTo("a");
    }

    @Test
    void whenTheServerGoesTheNextHasThePort() {
      PolicyIndex index = index(CONFIG, POD, aged("a", START), aged("b", START.plusSeconds(1)));
      index.apply(List.of(), List.of(aged("a", START).ref()));
      assertThat(at(index, 8080).getLabelsOrThrow("name")).isEqualTo("b");
      index.apply(List.of(), List.of(aged("b", START).ref()));
      assertThat(at(index, 8080)).isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @Test
    void podSelectorsDoNotSelectExternalWorkloads() {
      WorkloadModel external = external("vm", APP, "vm.example");
      PolicyIndex index = index(CONFIG, external, SERVER);
      assertThat(index.policy(external.ref(), 8080).orElseThrow().server())
          .isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @Test
    void externalWorkloadSelectorsSelectExternalWorkloadsOnly() {
      WorkloadModel external = external("vm", APP, "vm.example");
      ServerModel server =
          new ServerModel(
              SERVER.ref(),
              "",
              START,
              Map.of(),
              ObjectRef.Kind.EXTERNAL_WORKLOAD,
              LabelSelection.of(APP),
              new ServerModel.Port.ByName("http"),
              io.signetmesh.crds.policy.ProxyProtocol.UNKNOWN,
              AccessPolicy.DENY,
              EnforcementMode.ENFORCE,
              null);
      PolicyIndex index = index(CONFIG, POD, external, server);
      assertThat(index.policy(external.ref(), 8080).orElseThrow().server()).isEqualTo(webServer());
      assertThat(at(index, 8080)).isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @Test
    void aServerSelectsInItsOwnNamespaceOnly() {
      ServerModel elsewhere =
          new ServerModel(
              new ObjectRef(ObjectRef.Kind.SERVER, "elsewhere", "web"),
              "",
              START,
              Map.of(),
              ObjectRef.Kind.POD,
              LabelSelection.of(Map.of()),
              new ServerModel.Port.ByNumber(8080),
              io.signetmesh.crds.policy.ProxyProtocol.UNKNOWN,
              AccessPolicy.ALL_UNAUTHENTICATED,
              EnforcementMode.ENFORCE,
              null);
      assertThat(at(index(CONFIG, POD, elsewhere), 8080))
          .isEqualTo(defaultServer(AccessPolicy.DENY));
    }

    @ParameterizedTest
    @EnumSource(io.signetmesh.crds.policy.ProxyProtocol.class)
    void theProtocolIsSaid(io.signetmesh.crds.policy.ProxyProtocol protocol) {
      ProxyProtocol.Builder expected = ProxyProtocol.newBuilder();
      switch (protocol) {
        case UNKNOWN -> expected.setDetect(detect(defaultRoute()));
        case HTTP_1 ->
            expected.setHttp1(ProxyProtocol.Http1.newBuilder().addRoutes(defaultRoute()));
        case HTTP_2 ->
            expected.setHttp2(ProxyProtocol.Http2.newBuilder().addRoutes(defaultRoute()));
        case GRPC ->
            expected.setGrpc(
                ProxyProtocol.Grpc.newBuilder()
                    .addRoutes(
                        GrpcRoute.newBuilder()
                            .setMetadata(Metadata.newBuilder().setDefault("default"))
                            .addRules(
                                GrpcRoute.Rule.newBuilder()
                                    .addMatches(
                                        GrpcRouteMatch.newBuilder()
                                            .setRpc(GrpcRpcMatch.getDefaultInstance())))));
        case OPAQUE -> expected.setOpaque(ProxyProtocol.Opaque.getDefaultInstance());
        case TLS -> expected.setTls(ProxyProtocol.Tls.getDefaultInstance());
      }
      assertThat(at(index(CONFIG, POD, speaking(SERVER, protocol)), 8080).getProtocol())
          .isEqualTo(expected.build());
    }

    @ParameterizedTest
    @EnumSource(AccessPolicy.class)
    void theAccessPolicyHoldsWhereNoAuthorizationDoes(AccessPolicy policy) {
      PolicyIndex index =
          index(CONFIG.withDefaultPolicy(AccessPolicy.AUDIT), POD, serverWith(policy));
      assertThat(at(index, 8080)).isEqualTo(webServer(defaultAuthzs(policy)));
    }

    @Test
    void aServerThatIsNotUnderstoodKeepsItsPortAndGrantsNothing() {
      ServerModel flawed =
          new ServerModel(
              SERVER.ref(),
              "",
              null,
              Map.of(),
              ObjectRef.Kind.POD,
              LabelSelection.of(APP),
              new ServerModel.Port.ByNumber(8080),
              io.signetmesh.crds.policy.ProxyProtocol.UNKNOWN,
              AccessPolicy.ALL_UNAUTHENTICATED,
              EnforcementMode.ENFORCE,
              "is odd");
      PolicyIndex index =
          index(
              CONFIG.withDefaultPolicy(AccessPolicy.ALL_UNAUTHENTICATED),
              POD,
              flawed,
              policy("all", toServer("web")));
      assertThat(at(index, 8080)).isEqualTo(webServer());
    }
  }

  @Nested
  @DisplayName("label selectors")
  final class Selectors {
    @ParameterizedTest
    @CsvSource({
      "app,In,'web,api',true",
      "app,In,api,false",
      "tier,In,web,false",
      "app,NotIn,api,true",
      "app,NotIn,web,false",
      "tier,NotIn,web,true",
      "app,Exists,,true",
      "tier,Exists,,false",
      "tier,DoesNotExist,,true",
      "app,DoesNotExist,,false",
      // Wrong shapes match nothing, the negative ones too.
      "app,In,,false",
      "tier,NotIn,,false",
      "app,Exists,web,false",
      "tier,DoesNotExist,web,false",
      "app,Like,web,false",
    })
    void anExpressionSelects(
        String key, String operator, @Nullable String values, boolean selects) {
      LabelSelectorRequirement expression = new LabelSelectorRequirement();
      expression.setKey(key);
      expression.setOperator(operator);
      expression.setValues(values == null ? null : List.of(values.split(",")));
      LabelSelector selector = new LabelSelector();
      selector.setMatchExpressions(List.of(expression));
      ServerModel server =
          new ServerModel(
              SERVER.ref(),
              "",
              START,
              Map.of(),
              ObjectRef.Kind.POD,
              LabelSelection.of(selector),
              new ServerModel.Port.ByNumber(8080),
              io.signetmesh.crds.policy.ProxyProtocol.UNKNOWN,
              AccessPolicy.DENY,
              EnforcementMode.ENFORCE,
              null);
      assertThat(at(index(CONFIG, POD, server), 8080))
          .isEqualTo(selects ? webServer() : defaultServer(AccessPolicy.DENY));
    }

    @Test
    void anEmptySelectorSelectsEverything() {
      assertThat(at(index(CONFIG, POD, server("web", 8080, Map.of())), 8080))
          .isEqualTo(webServer());
    }
  }

  @Nested
  @DisplayName("ServerAuthorization")
  final class ServerAuthorizations {
    @Test
    void withoutNetworksItMeansTheClusterNetworks() {
      assertThat(granted(serverAuthorization("a", "web", true, null)))
          .isEqualTo(webServer(saz("a", CLUSTER, ANYONE)));
    }

    @Test
    void itsNetworksHoldWithTheirExceptions() {
      assertThat(
              granted(
                  saz(
                      List.of(
                          new NetworkMatch(
                              Cidr.parse("10.1.0.0/16"), List.of(Cidr.parse("10.1.2.3")))),
                      true,
                      null)))
          .isEqualTo(
              webServer(
                  saz(
                      "a",
                      List.of(
                          Network.newBuilder()
                              .setNet(ip("10.1.0.0/16"))
                              .addExcept(ip("10.1.2.3/32"))
                              .build()),
                      ANYONE)));
    }

    @Test
    void unauthenticatedTlsNeedsTlsOnly() {
      assertThat(granted(saz(List.of(), false, tls(true, List.of()))))
          .isEqualTo(webServer(saz("a", CLUSTER, ANY_TLS)));
    }

    @Test
    void identitiesAndServiceAccountsAddUp() {
      assertThat(
              granted(
                  saz(
                      List.of(),
                      false,
                      tls(
                          false,
                          List.of("*.b.c", "spiffe://x/y"),
                          serviceAccount("front"),
                          new Reference("", "ServiceAccount", "other", "back")))))
          .isEqualTo(
              webServer(
                  saz(
                      "a",
                      CLUSTER,
                      clients(
                          List.of(
                              "back.other.serviceaccount.identity.signet.cluster.local",
                              FRONT,
                              "spiffe://x/y"),
                          List.of(List.of("b", "c"))))));
    }

    @Test
    void theStarMeansAnyIdentity() {
      assertThat(granted(saz(List.of(), false, tls(false, List.of("*")))))
          .isEqualTo(webServer(saz("a", CLUSTER, ANY_IDENTITY)));
    }

    @Test
    void withoutAuthenticationItGrantsNothing() {
      assertThat(granted(saz(List.of(), false, null))).isEqualTo(webServer());
    }

    @Test
    void meshTlsWithoutIdentityGrantsNothing() {
      assertThat(granted(saz(List.of(), false, tls(false, List.of())))).isEqualTo(webServer());
    }

    @Test
    void contradictionsGrantNothing() {
      assertThat(granted(saz(List.of(), true, tls(false, List.of("*"))))).isEqualTo(webServer());
      assertThat(granted(saz(List.of(), false, tls(true, List.of("a.b"))))).isEqualTo(webServer());
    }

    @Test
    void itSelectsServersByLabel() {
      ServerAuthorizationModel bySelector =
          new ServerAuthorizationModel(
              sazRef(),
              "",
              null,
              LabelSelection.of(Map.of("server", "web")),
              List.of(),
              true,
              null,
              EnforcementMode.ENFORCE);
      assertThat(granted(bySelector)).isEqualTo(webServer(saz("a", CLUSTER, ANYONE)));
      ServerAuthorizationModel other =
          new ServerAuthorizationModel(
              sazRef(),
              "",
              null,
              LabelSelection.of(Map.of("server", "api")),
              List.of(),
              true,
              null,
              EnforcementMode.ENFORCE);
      assertThat(granted(other)).isEqualTo(webServer());
    }

    @Test
    void itNamesOneServerExactly() {
      assertThat(granted(serverAuthorization("a", "WEB", true, null))).isEqualTo(webServer());
    }

    private Server granted(ServerAuthorizationModel authorization) {
      return at(index(CONFIG, POD, SERVER, authorization), 8080);
    }

    private ServerAuthorizationModel saz(
        List<NetworkMatch> networks,
        boolean unauthenticated,
        ServerAuthorizationModel.@Nullable MeshTls meshTls) {
      return new ServerAuthorizationModel(
          sazRef(), "", "web", null, networks, unauthenticated, meshTls, EnforcementMode.ENFORCE);
    }

    private ObjectRef sazRef() {
      return new ObjectRef(ObjectRef.Kind.SERVER_AUTHORIZATION, NS, "a");
    }

    private ServerAuthorizationModel.MeshTls tls(
        boolean unauthenticated, List<String> identities, Reference... accounts) {
      return new ServerAuthorizationModel.MeshTls(
          unauthenticated,
          identities.stream().map(IdentityMatch::parse).toList(),
          List.of(accounts));
    }

    private Authz saz(String name, List<Network> networks, Authn authentication) {
      return resourceAuthz("serverauthorization", name, networks, authentication);
    }
  }

  @Nested
  @DisplayName("AuthorizationPolicy")
  final class AuthorizationPolicies {
    @Test
    void withoutAuthenticationsItGrantsEveryone() {
      assertThat(granted()).isEqualTo(webServer(azp("p", EVERYWHERE, ANYONE)));
    }

    @Test
    void aMeshTlsAuthenticationAsksForOneOfItsIdentities() {
      assertThat(granted(identities("m", "a.b", FRONT), meshTls("m")))
          .isEqualTo(webServer(azp("p", EVERYWHERE, clients(List.of("a.b", FRONT), List.of()))));
    }

    @Test
    void aServiceAccountIsItsIdentity() {
      assertThat(granted(serviceAccount("front")))
          .isEqualTo(webServer(azp("p", EVERYWHERE, clients(List.of(FRONT), List.of()))));
    }

    @Test
    void aNetworkAuthenticationAsksForOneOfItsNetworks() {
      assertThat(granted(networks("n", "10.2.0.0/16", "10.1.0.0/16"), network("n")))
          .isEqualTo(webServer(azp("p", List.of(net("10.1.0.0/16"), net("10.2.0.0/16")), ANYONE)));
    }

    @Test
    void identityAndNetworkAreBothAskedFor() {
      PolicyIndex index =
          index(
              CONFIG,
              POD,
              SERVER,
              networks("n", "10.1.0.0/16"),
              policy("p", toServer("web"), network("n"), serviceAccount("front")));
      assertThat(at(index, 8080))
          .isEqualTo(
              webServer(azp("p", List.of(net("10.1.0.0/16")), clients(List.of(FRONT), List.of()))));
    }

    @Test
    void authenticationsOfOtherNamespacesAreFound() {
      MeshTlsModel elsewhere =
          new MeshTlsModel(
              new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, "iam", "m"),
              "",
              List.of(new IdentityMatch.Exact("a.b")),
              List.of(serviceAccount("front")));
      assertThat(
              granted(
                  elsewhere,
                  new Reference("policy.linkerd.io", "MeshTLSAuthentication", "iam", "m")))
          .isEqualTo(
              webServer(
                  azp(
                      "p",
                      EVERYWHERE,
                      clients(
                          List.of("a.b", "front.iam.serviceaccount.identity.signet.cluster.local"),
                          List.of()))));
    }

    @ParameterizedTest
    @CsvSource({
      // One reference that leads nowhere makes the whole policy void.
      "policy.linkerd.io,MeshTLSAuthentication,missing",
      "policy.linkerd.io,NetworkAuthentication,missing",
      "policy.linkerd.io,MeshTLSAuthentication,odd",
      "policy.linkerd.io,Server,web",
      "core,ConfigMap,front",
      "policy.linkerd.io,ServiceAccount,front",
    })
    void whatIsNotUnderstoodGrantsNothing(String group, String kind, String name) {
      PolicyIndex index =
          index(
              CONFIG,
              POD,
              SERVER,
              new UnusableModel(
                  new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, "odd"), "", "is odd"),
              policy("p", toServer("web"), new Reference(group, kind, null, name)));
      assertThat(at(index, 8080)).isEqualTo(webServer());
    }

    @Test
    void aMissingReferenceBesideAGoodOneGrantsNothing() {
      assertThat(granted(serviceAccount("front"), network("missing"))).isEqualTo(webServer());
    }

    @Test
    void twoOfAKindGrantNothing() {
      assertThat(granted(serviceAccount("front"), serviceAccount("back"))).isEqualTo(webServer());
      assertThat(granted(identities("m", "a.b"), meshTls("m"), serviceAccount("front")))
          .isEqualTo(webServer());
      assertThat(granted(networks("n", "10.0.0.0/8"), network("n"), network("n")))
          .isEqualTo(webServer());
    }

    @Test
    void groupsAndKindsCompareWithoutCase() {
      AuthorizationPolicyModel shouted =
          policy(
              "p",
              new Reference("POLICY.linkerd.io", "SERVER", null, "web"),
              new Reference("Core", "serviceaccount", null, "front"));
      assertThat(at(index(CONFIG, POD, SERVER, shouted), 8080))
          .isEqualTo(webServer(azp("p", EVERYWHERE, clients(List.of(FRONT), List.of()))));
    }

    @Test
    void namesCompareWithCase() {
      assertThat(at(index(CONFIG, POD, SERVER, policy("p", toServer("Web"))), 8080))
          .isEqualTo(webServer());
    }

    @Test
    void aNamespaceTargetMeansEachServerOfTheOwnNamespace() {
      assertThat(at(index(CONFIG, POD, SERVER, policy("p", toNamespace(NS))), 8080))
          .isEqualTo(webServer(azp("p", EVERYWHERE, ANYONE)));
      assertThat(at(index(CONFIG, POD, SERVER, policy("p", toNamespace("other"))), 8080))
          .isEqualTo(webServer());
    }

    @Test
    void otherTargetsMeanNothing() {
      assertThat(
              at(
                  index(
                      CONFIG, POD, SERVER, policy("p", new Reference("core", "Pod", null, "web"))),
                  8080))
          .isEqualTo(webServer());
    }

    @Test
    void policiesAddUpWithEachOtherAndWithTheAccessPolicy() {
      PolicyIndex index =
          index(
              CONFIG,
              POD,
              serverWith(AccessPolicy.CLUSTER_AUTHENTICATED),
              policy("b", toNamespace(NS), serviceAccount("back")),
              policy("a", toServer("web"), serviceAccount("front")),
              serverAuthorization("c", "web", true, null));
      assertThat(at(index, 8080))
          .isEqualTo(
              webServer(
                  azp("a", EVERYWHERE, clients(List.of(FRONT), List.of())),
                  azp(
                      "b",
                      EVERYWHERE,
                      clients(
                          List.of("back.shop.serviceaccount.identity.signet.cluster.local"),
                          List.of())),
                  resourceAuthz("serverauthorization", "c", CLUSTER, ANYONE),
                  defaultAuthz("cluster-authenticated", CLUSTER, ANY_IDENTITY)));
    }

    @Test
    void anAuditedServerListsItsAuditLast() {
      PolicyIndex index =
          index(CONFIG, POD, serverWith(AccessPolicy.AUDIT), policy("z", toServer("web")));
      assertThat(at(index, 8080))
          .isEqualTo(
              webServer(azp("z", EVERYWHERE, ANYONE), defaultAuthz("audit", EVERYWHERE, ANYONE)));
    }

    private Server granted(Reference... authentications) {
      return at(index(CONFIG, POD, SERVER, policy("p", toServer("web"), authentications)), 8080);
    }

    private Server granted(PolicyObject authentication, Reference... authentications) {
      return at(
          index(CONFIG, POD, SERVER, authentication, policy("p", toServer("web"), authentications)),
          8080);
    }
  }

  @Nested
  @DisplayName("authentications")
  final class Authentications {
    @Test
    void identitiesAreExactOrSuffixesOrAny() {
      assertThat(required(identities("m", "a.b", "*.x.y", "spiffe://d/ns/n/sa/s", "*")))
          .isEqualTo(
              clients(
                  List.of("a.b", "spiffe://d/ns/n/sa/s"), List.of(List.of(), List.of("x", "y"))));
    }

    @Test
    void aWildcardElsewhereIsTakenToTheLetter() {
      assertThat(required(identities("m", "a.*.b")))
          .isEqualTo(clients(List.of("a.*.b"), List.of()));
    }

    @Test
    void referencesMeanServiceAccountsAndWholeNamespaces() {
      MeshTlsModel references =
          new MeshTlsModel(
              new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, "m"),
              "",
              List.of(),
              List.of(
                  serviceAccount("front"),
                  new Reference("", "ServiceAccount", "other", "back"),
                  toNamespace("blog")));
      assertThat(required(references))
          .isEqualTo(
              clients(
                  List.of("back.other.serviceaccount.identity.signet.cluster.local", FRONT),
                  List.of(
                      List.of(
                          "blog", "serviceaccount", "identity", "signet", "cluster", "local"))));
    }

    @Test
    void aReferenceToAnythingElseMakesThePolicyVoid() {
      MeshTlsModel references =
          new MeshTlsModel(
              new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, "m"),
              "",
              List.of(new IdentityMatch.Exact("a.b")),
              List.of(toServer("web")));
      assertThat(server(references).getAuthorizationsList()).isEmpty();
    }

    @Test
    void anAuthenticationThatNobodyCanMeetMakesThePolicyVoid() {
      assertThat(server(identities("m")).getAuthorizationsList()).isEmpty();
      PolicyIndex index =
          index(CONFIG, POD, SERVER, networks("n"), policy("p", toServer("web"), network("n")));
      assertThat(at(index, 8080)).isEqualTo(webServer());
    }

    @Test
    void networksAreOfBothFamiliesWithExceptions() {
      NetworkModel object =
          new NetworkModel(
              new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
              "",
              List.of(
                  NetworkMatch.of(Cidr.parse("2001:db8::/32")),
                  NetworkMatch.of(Cidr.parse("192.0.2.7")),
                  new NetworkMatch(
                      Cidr.parse("10.0.0.0/8"),
                      List.of(Cidr.parse("10.9.0.0/16"), Cidr.parse("10.8.0.1"))),
                  // Its exceptions leave nothing, which must not read as no network at all.
                  new NetworkMatch(Cidr.parse("172.16.0.0/12"), List.of(Cidr.parse("0.0.0.0/0")))));
      PolicyIndex index =
          index(CONFIG, POD, SERVER, object, policy("p", toServer("web"), network("n")));
      assertThat(at(index, 8080).getAuthorizations(0).getNetworksList())
          .containsExactly(
              Network.newBuilder()
                  .setNet(ip("10.0.0.0/8"))
                  .addExcept(ip("10.8.0.1/32"))
                  .addExcept(ip("10.9.0.0/16"))
                  .build(),
              net("192.0.2.7/32"),
              net("2001:db8::/32"));
    }

    private Authn required(MeshTlsModel authentication) {
      return server(authentication).getAuthorizations(0).getAuthentication();
    }

    private Server server(MeshTlsModel authentication) {
      return at(
          index(CONFIG, POD, SERVER, authentication, policy("p", toServer("web"), meshTls("m"))),
          8080);
    }
  }

  @Nested
  @DisplayName("routes of Servers")
  final class Routes {
    @Test
    void attachedRoutesTakeThePlaceOfTheDefaultOneAndKeepProbesWorking() {
      PolicyIndex index =
          index(
              CONFIG,
              probed(POD, new WorkloadModel.HttpProbe(8080, "/live")),
              SERVER,
              route("young", START.plusSeconds(1)),
              route("timeless", null),
              route("old", START));
      assertThat(at(index, 8080).getProtocol().getDetect().getHttpRoutesList())
          .extracting(EffectivePolicyTest::name)
          .containsExactly("old", "young", "timeless", "probe");
    }

    @Test
    void aPolicyOnARouteGrantsThatRouteAlone() {
      PolicyIndex index =
          index(
              CONFIG,
              POD,
              SERVER,
              route("a", START),
              route("b", START),
              policy("p", new Reference("policy.linkerd.io", "HTTPRoute", null, "A")));
      Server server = at(index, 8080);
      assertThat(server.getAuthorizationsList()).isEmpty();
      assertThat(server.getProtocol().getDetect().getHttpRoutes(0).getAuthorizationsList())
          .containsExactly(azp("p", EVERYWHERE, ANYONE));
      assertThat(server.getProtocol().getDetect().getHttpRoutes(1).getAuthorizationsList())
          .isEmpty();
    }

    private RouteModel route(String name, @Nullable Instant created) {
      return new RouteModel(
          new ObjectRef(ObjectRef.Kind.HTTP_ROUTE, NS, name),
          "",
          created,
          List.of("web"),
          List.of(),
          List.of(),
          new RouteModel.Rules.Http(List.of(HttpRoute.Rule.getDefaultInstance())),
          List.of());
    }
  }

  // --- Expected messages ---

  private static Server at(PolicyIndex index, int port) {
    return index.policy(WEB, port).orElseThrow().server();
  }

  private static String winner(ServerModel... servers) {
    List<PolicyObject> objects = new ArrayList<>(List.of(servers));
    objects.add(POD);
    return at(index(CONFIG, objects.toArray(PolicyObject[]::new)), 8080).getLabelsOrThrow("name");
  }

  private static ServerModel aged(String name, @Nullable Instant created) {
    return server(name, new ServerModel.Port.ByNumber(8080), APP, created, AccessPolicy.DENY);
  }

  private static ServerModel named(String name, String port) {
    return server(name, new ServerModel.Port.ByName(port), APP, START, AccessPolicy.DENY);
  }

  private static ServerModel serverWith(AccessPolicy policy) {
    return server("web", new ServerModel.Port.ByNumber(8080), APP, START, policy);
  }

  private static String name(HttpRoute route) {
    return route.getMetadata().hasResource()
        ? route.getMetadata().getResource().getName()
        : route.getMetadata().getDefault();
  }

  private static Server webServer(Authz... authorizations) {
    return webServer(List.of(authorizations));
  }

  private static Server webServer(List<Authz> authorizations) {
    return Server.newBuilder()
        .setProtocol(ProxyProtocol.newBuilder().setDetect(detect(defaultRoute())))
        .addAllAuthorizations(authorizations)
        .putLabels("group", "policy.linkerd.io")
        .putLabels("kind", "server")
        .putLabels("name", "web")
        .build();
  }

  private static Server defaultServer(AccessPolicy policy) {
    return Server.newBuilder()
        .setProtocol(ProxyProtocol.newBuilder().setDetect(detect(defaultRoute())))
        .addAllAuthorizations(defaultAuthzs(policy))
        .putLabels("group", "")
        .putLabels("kind", "default")
        .putLabels("name", policy.wireName())
        .build();
  }

  private static ProxyProtocol.Detect detect(HttpRoute... routes) {
    return ProxyProtocol.Detect.newBuilder()
        .setTimeout(Duration.newBuilder().setSeconds(10))
        .addAllHttpRoutes(Arrays.asList(routes))
        .build();
  }

  private static HttpRoute defaultRoute() {
    return HttpRoute.newBuilder()
        .setMetadata(Metadata.newBuilder().setDefault("default"))
        .addRules(
            HttpRoute.Rule.newBuilder()
                .addMatches(
                    HttpRouteMatch.newBuilder().setPath(PathMatch.newBuilder().setPrefix("/"))))
        .build();
  }

  private static HttpRouteMatch probe(String path) {
    return HttpRouteMatch.newBuilder()
        .setPath(PathMatch.newBuilder().setExact(path))
        .setMethod(HttpMethod.newBuilder().setRegistered(HttpMethod.Registered.GET))
        .build();
  }

  private static List<Authz> defaultAuthzs(AccessPolicy policy) {
    return switch (policy) {
      case ALL_UNAUTHENTICATED, AUDIT ->
          List.of(defaultAuthz(policy.wireName(), EVERYWHERE, ANYONE));
      case ALL_AUTHENTICATED -> List.of(defaultAuthz(policy.wireName(), EVERYWHERE, ANY_IDENTITY));
      case CLUSTER_UNAUTHENTICATED -> List.of(defaultAuthz(policy.wireName(), CLUSTER, ANYONE));
      case CLUSTER_AUTHENTICATED -> List.of(defaultAuthz(policy.wireName(), CLUSTER, ANY_IDENTITY));
      case DENY -> List.of();
    };
  }

  private static Authz defaultAuthz(String name, List<Network> networks, Authn authentication) {
    return Authz.newBuilder()
        .addAllNetworks(networks)
        .setAuthentication(authentication)
        .putLabels("group", "")
        .putLabels("kind", "default")
        .putLabels("name", name)
        .setMetadata(Metadata.newBuilder().setDefault(name))
        .build();
  }

  private static Authz azp(String name, List<Network> networks, Authn authentication) {
    return resourceAuthz("authorizationpolicy", name, networks, authentication);
  }

  private static Authz resourceAuthz(
      String kind, String name, List<Network> networks, Authn authentication) {
    return Authz.newBuilder()
        .addAllNetworks(networks)
        .setAuthentication(authentication)
        .putLabels("group", "policy.linkerd.io")
        .putLabels("kind", kind)
        .putLabels("name", name)
        .setMetadata(
            Metadata.newBuilder()
                .setResource(
                    Resource.newBuilder()
                        .setGroup("policy.linkerd.io")
                        .setKind(kind)
                        .setName(name)
                        .setNamespace(NS)))
        .build();
  }

  private static Authn clients(List<String> exact, List<List<String>> suffixes) {
    Authn.PermitMeshTLS.PermitClientIdentities.Builder clients =
        Authn.PermitMeshTLS.PermitClientIdentities.newBuilder();
    exact.forEach(name -> clients.addIdentities(Identity.newBuilder().setName(name)));
    suffixes.forEach(parts -> clients.addSuffixes(IdentitySuffix.newBuilder().addAllParts(parts)));
    return Authn.newBuilder()
        .setMeshTLS(Authn.PermitMeshTLS.newBuilder().setIdentities(clients))
        .build();
  }

  private static Network net(String cidr) {
    return Network.newBuilder().setNet(ip(cidr)).build();
  }

  private static IPNetwork ip(String cidr) {
    Cidr parsed = Cidr.parse(cidr);
    ByteBuffer bytes = ByteBuffer.wrap(parsed.address());
    IPAddress.Builder address = IPAddress.newBuilder();
    if (parsed.isIpv6()) {
      address.setIpv6(IPv6.newBuilder().setFirst(bytes.getLong()).setLast(bytes.getLong()));
    } else {
      address.setIpv4(bytes.getInt());
    }
    return IPNetwork.newBuilder().setIp(address).setPrefixLen(parsed.prefixLength()).build();
  }
}
