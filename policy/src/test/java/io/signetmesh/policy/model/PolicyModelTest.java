package io.signetmesh.policy.model;

import static io.signetmesh.policy.ClusterObjects.NS;
import static io.signetmesh.policy.ClusterObjects.meta;
import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.Network;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.NetworkAuthenticationSpec;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.policy.ServerAuthorizationSpec;
import io.signetmesh.crds.policy.ServerSpec;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.HttpRouteFilter;
import io.signetmesh.crds.route.HttpRouteMatch;
import io.signetmesh.crds.route.HttpRouteSpec;
import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.workload.ExternalWorkload;
import io.signetmesh.crds.workload.ExternalWorkloadSpec;
import io.signetmesh.policy.ClusterObjects;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the controller makes of the objects of a cluster. */
final class PolicyModelTest {
  private final PolicyModel reader = new PolicyModel((account, ns) -> account + "@" + ns);

  @Test
  void aMeshedPodIsAWorkload() {
    Pod pod =
        new PodBuilder(ClusterObjects.pod("web"))
            .editMetadata()
            .addToAnnotations(PolicyAnnotations.DEFAULT_INBOUND_POLICY, "audit")
            .endMetadata()
            .editSpec()
            .addNewInitContainer()
            .withName("sidecar")
            .addNewPort()
            .withName("admin")
            .withContainerPort(9990)
            .endPort()
            .addNewPort()
            .withName("dns")
            .withProtocol("UDP")
            .withContainerPort(53)
            .endPort()
            .withNewLivenessProbe()
            .withNewHttpGet()
            .withPath("/live?full")
            .withPort(new IntOrString("admin"))
            .endHttpGet()
            .endLivenessProbe()
            .endInitContainer()
            .endSpec()
            .build();
    WorkloadModel workload = (WorkloadModel) read(pod).orElseThrow();
    assertThat(workload.ref()).isEqualTo(ObjectRef.pod(NS, "web"));
    assertThat(workload.identity()).isEqualTo("web@shop");
    assertThat(workload.annotations()).isEqualTo(new PolicyAnnotations("audit", null, null));
    assertThat(workload.ports())
        .containsExactlyInAnyOrder(
            new WorkloadModel.NamedPort("admin", 9990), new WorkloadModel.NamedPort("http", 8080));
    // Those of the proxy, which the manifest does not name, are among them.
    assertThat(workload.probes())
        .containsExactly(
            new WorkloadModel.HttpProbe(9990, "/live"),
            new WorkloadModel.HttpProbe(4191, "/live"),
            new WorkloadModel.HttpProbe(4191, "/ready"));
  }

  @Test
  void aPodWithoutProxyIsNone() {
    Pod pod =
        new PodBuilder(ClusterObjects.pod("web"))
            .editMetadata()
            .withLabels(Map.of("app", "web"))
            .endMetadata()
            .build();
    assertThat(read(pod)).isEmpty();
  }

  @Test
  void anExternalWorkloadHasTheIdentityThatItStates() {
    WorkloadModel workload =
        (WorkloadModel)
            read(new ExternalWorkload(
                    meta("vm"),
                    new ExternalWorkloadSpec(
                        new ExternalWorkloadSpec.MeshTls("spiffe://d/vm", "vm"),
                        List.of(
                            new ExternalWorkloadSpec.Port("http", 80, "TCP"),
                            new ExternalWorkloadSpec.Port(null, 81, "TCP")),
                        List.of()),
                    null))
                .orElseThrow();
    assertThat(workload.identity()).isEqualTo("spiffe://d/vm");
    assertThat(workload.ports()).containsExactly(new WorkloadModel.NamedPort("http", 80));
  }

  @Test
  void aNamespaceGivesItsAnnotations() {
    assertThat(
            read(
                new NamespaceBuilder()
                    .withNewMetadata()
                    .withName(NS)
                    .addToAnnotations(PolicyAnnotations.OPAQUE_PORTS, "25")
                    .endMetadata()
                    .build()))
        .contains(
            new NamespaceModel(
                ObjectRef.namespace(NS), "", new PolicyAnnotations(null, "25", null)));
  }

  @Test
  void kindsThatPolicyDoesNotDependOnHaveNoName() {
    HasMetadata service =
        new ServiceBuilder()
            .withNewMetadata()
            .withNamespace(NS)
            .withName("a")
            .endMetadata()
            .build();
    assertThat(PolicyModel.refOf(ResourceKey.of(service))).isEmpty();
  }

  @Test
  void anOldServerWithoutAccessPolicyDenies() {
    ServerModel server = (ServerModel) read(server(new IntOrString(80), selector(), null)).get();
    assertThat(server.accessPolicy()).isEqualTo(AccessPolicy.DENY);
    assertThat(server.flaw()).isNull();
  }

  @Test
  void aServerWhoseShapeIsWrongIsFlawed() {
    assertThat(flaw(server(new IntOrString(0), selector(), null)))
        .isEqualTo("spec.port is 0: expected 1 to 65535 or the name of a port");
    assertThat(flaw(server(new IntOrString(70_000), selector(), null))).contains("70000");
    assertThat(flaw(server(new IntOrString(80), null, null))).contains("exactly one");
    assertThat(flaw(server(new IntOrString(80), selector(), selector()))).contains("exactly one");
  }

  @Test
  void aNetworkThatCannotBeReadMakesItsObjectUnusable() {
    assertThat(
            read(
                new NetworkAuthentication(
                    meta("n"),
                    new NetworkAuthenticationSpec(
                        List.of(
                            new Network("10.0.0.0/8"),
                            new Network("10.1.0.0/16", List.of("10.1.0.0/33")))))))
        .hasValueSatisfying(
            object ->
                assertThat(((UnusableModel) object).reason())
                    .startsWith("spec.networks[1].except[0]: \"10.1.0.0/33\""));
  }

  @Test
  void aServerAuthorizationIsReadWhole() {
    ServerAuthorization authorization =
        new ServerAuthorization(
            meta("a"),
            new ServerAuthorizationSpec(
                new ServerAuthorizationSpec.ServerRef("web", null),
                new ServerAuthorizationSpec.Client(
                    List.of(new Network("10.0.0.0/8", List.of("10.1.0.0/16"))),
                    false,
                    new ServerAuthorizationSpec.MeshTls(
                        false,
                        List.of("*.b"),
                        List.of(new ServerAuthorizationSpec.ServiceAccountRef("sa", "other"))))));
    assertThat(read(authorization))
        .contains(
            new ServerAuthorizationModel(
                new ObjectRef(ObjectRef.Kind.SERVER_AUTHORIZATION, NS, "a"),
                "",
                "web",
                null,
                List.of(
                    new NetworkMatch(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("10.1.0.0/16")))),
                false,
                new ServerAuthorizationModel.MeshTls(
                    false,
                    List.of(new IdentityMatch.Suffix(List.of("b"))),
                    List.of(new Reference("core", "ServiceAccount", "other", "sa"))),
                EnforcementMode.ENFORCE));
  }

  @Test
  void aServerAuthorizationThatNamesNoServerIsUnusable() {
    ServerAuthorization authorization =
        new ServerAuthorization(
            meta("a"),
            new ServerAuthorizationSpec(
                new ServerAuthorizationSpec.ServerRef(null, null),
                new ServerAuthorizationSpec.Client(List.of(), true, null)));
    assertThat(read(authorization).get()).isInstanceOf(UnusableModel.class);
  }

  @Test
  void aRouteOfAServerIsInbound() {
    RouteModel route =
        (RouteModel) read(route(parent("web", null, null), List.of("*.example.COM"))).get();
    assertThat(route.servers()).containsExactly("web");
    assertThat(route.hosts().getFirst().getSuffix().getReverseLabelsList())
        .containsExactly("com", "example");
    HttpRoute.Rule rule = ((RouteModel.Rules.Http) route.rules()).rules().getFirst();
    assertThat(rule.getMatches(0).getPath().getExact()).isEqualTo("/a");
  }

  @Test
  void aRouteOfSomethingElseIsNotInbound() {
    RouteModel route =
        (RouteModel)
            read(route(new ParentRef("core", "Service", null, "web", null, 80), List.of("a.b")))
                .get();
    assertThat(route.isInbound()).isFalse();
    assertThat(route.elsewhere()).containsExactly(new Reference("core", "Service", null, "web"));
    assertThat(route.rules()).isEqualTo(new RouteModel.Rules.Http(List.of()));
  }

  /** References to the kind {@code server} hold, parents of that kind attach to nothing. */
  @Test
  void theKindOfAParentIsComparedWithItsCase() {
    RouteModel route =
        (RouteModel)
            read(route(
                    List.of(
                        new ParentRef("policy.linkerd.io", "server", null, "web", null, null),
                        new ParentRef("policy.linkerd.io", "SERVER", null, "web", null, 80)),
                    List.of()))
                .get();
    assertThat(route.servers()).isEmpty();
    assertThat(route.isInbound()).isFalse();
    assertThat(route.elsewhere())
        .contains(new Reference("policy.linkerd.io", "server", null, "web"));
  }

  @Test
  void aParentThatServersCannotBeIsNoneAndTakesTheGrantsOfTheRoute() {
    RouteModel elsewhere = (RouteModel) read(route(parent("web", "other", null), List.of())).get();
    assertThat(elsewhere.servers()).isEmpty();
    assertThat(elsewhere.isGranted()).isFalse();
    assertThat(elsewhere.flaws())
        .extracting(RouteModel.Flaw::field)
        .containsExactly("spec.parentRefs[0].namespace");
    RouteModel port =
        (RouteModel)
            read(route(List.of(parent("web", null, 80), parent("api", null, null)), List.of()))
                .get();
    assertThat(port.servers()).containsExactly("api");
    assertThat(port.isGranted()).isFalse();
    assertThat(port.flaws())
        .extracting(RouteModel.Flaw::field)
        .containsExactly("spec.parentRefs[0].port");
  }

  @Test
  void aMatchThatIsNotUnderstoodRefusesWhateverItMayBeAbout() {
    HttpRouteMatch broken =
        new HttpRouteMatch(
            new HttpRouteMatch.Path(HttpRouteMatch.PathType.REGULAR_EXPRESSION, "/(a"),
            List.of(),
            List.of(),
            io.signetmesh.crds.route.HttpMethod.GET);
    HttpRouteMatch sound =
        new HttpRouteMatch(
            new HttpRouteMatch.Path(HttpRouteMatch.PathType.EXACT, "/b"),
            List.of(),
            List.of(),
            null);
    RouteModel route =
        (RouteModel)
            read(new PolicyHttpRoute(
                    meta("r"),
                    new HttpRouteSpec(
                        List.of(parent("web", null, null)),
                        List.of(),
                        List.of(
                            new HttpRouteSpec.Rule(
                                null,
                                List.of(broken, sound),
                                List.of(),
                                List.of(),
                                null,
                                null,
                                null)))))
                .get();
    List<HttpRoute.Rule> rules = ((RouteModel.Rules.Http) route.rules()).rules();
    assertThat(rules).hasSize(2);
    assertThat(rules.get(0).getMatchesList()).hasSize(1);
    assertThat(rules.get(0).getMatches(0).getPath().getExact()).isEqualTo("/b");
    assertThat(rules.get(0).getFiltersList()).isEmpty();
    assertThat(rules.get(1).getMatches(0).getPath().getRegex()).isEqualTo(".*");
    assertThat(rules.get(1).getMatches(0).hasMethod()).isTrue();
    assertThat(rules.get(1).getFilters(0).getFailureInjector().getStatus()).isEqualTo(500);
    assertThat(route.isGranted()).isTrue();
    assertThat(route.flaws())
        .singleElement()
        .satisfies(
            flaw -> {
              assertThat(flaw.field()).isEqualTo("spec.rules[0].matches[0].path.value");
              assertThat(flaw.message()).contains("\"/(a\"").contains("missing closing )");
            });
  }

  @Test
  void aRuleThatInboundProxiesCannotFollowRefuses() {
    HttpRouteFilter rewrite =
        new HttpRouteFilter(
            HttpRouteFilter.Type.URL_REWRITE,
            null,
            null,
            null,
            null,
            new HttpRouteFilter.UrlRewrite("a.b", null),
            null,
            null,
            null);
    GatewayHttpRoute route =
        new GatewayHttpRoute(
            meta("r"),
            new HttpRouteSpec(
                List.of(parent("web", null, null)),
                List.of(),
                List.of(
                    new HttpRouteSpec.Rule(
                        null, List.of(), List.of(rewrite), List.of(), null, null, null))));
    RouteModel object = (RouteModel) read(route).get();
    assertThat(object.flaws().getFirst().message()).contains("URLRewrite");
    HttpRoute.Rule rule = ((RouteModel.Rules.Http) object.rules()).rules().getFirst();
    assertThat(rule.getFiltersList()).hasSize(1);
    assertThat(rule.getFilters(0).hasFailureInjector()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(
      value = HttpRouteFilter.Type.class,
      names = {"REQUEST_MIRROR", "URL_REWRITE", "EXTENSION_REF", "CORS", "EXTERNAL_AUTH"})
  void filtersThatLinkerdAdmitsAreNoErrorAndRefuse(HttpRouteFilter.Type type) {
    HttpRouteFilter filter =
        new HttpRouteFilter(type, null, null, null, null, null, null, null, null);
    RouteModel object =
        (RouteModel)
            read(new GatewayHttpRoute(
                    meta("r"),
                    new HttpRouteSpec(
                        List.of(parent("web", null, null)),
                        List.of(),
                        List.of(
                            new HttpRouteSpec.Rule(
                                null, List.of(), List.of(filter), List.of(), null, null, null)))))
                .orElseThrow();
    assertThat(object.flaws())
        .singleElement()
        .matches(flaw -> flaw.part() == RouteModel.Part.ADMITTED_FILTER);
    HttpRoute.Rule rule = ((RouteModel.Rules.Http) object.rules()).rules().getFirst();
    assertThat(rule.getFilters(0).getFailureInjector().getStatus()).isEqualTo(500);
  }

  @Test
  void anOriginIsThePlaceInTheManifest() {
    Server server = ClusterObjects.server("web", "web", 80);
    ClusterView view =
        ClusterView.of(
            1, List.of(server), Map.of(server.key(), new Position("shop/web.yaml", 3, 1)));
    ObjectRef ref = PolicyModel.refOf(server.key()).orElseThrow();
    assertThat(reader.read(view, ref).orElseThrow().origin()).isEqualTo("shop/web.yaml:3:1");
  }

  private Optional<PolicyObject> read(HasMetadata object) {
    ObjectRef ref = PolicyModel.refOf(ResourceKey.of(object)).orElseThrow();
    assertThat(PolicyModel.keyOf(ref)).isEqualTo(ResourceKey.of(object));
    return reader.read(ClusterView.of(List.of(object)), ref);
  }

  private @Nullable String flaw(Server server) {
    return ((ServerModel) read(server).orElseThrow()).flaw();
  }

  private static Server server(
      IntOrString port, @Nullable LabelSelector pods, @Nullable LabelSelector externals) {
    return new Server(
        meta("web"), new ServerSpec(port, pods, externals, ProxyProtocol.UNKNOWN, null));
  }

  private static LabelSelector selector() {
    LabelSelector selector = new LabelSelector();
    selector.setMatchLabels(Map.of("app", "web"));
    return selector;
  }

  private static PolicyHttpRoute route(ParentRef parent, List<String> hosts) {
    return route(List.of(parent), hosts);
  }

  private static PolicyHttpRoute route(List<ParentRef> parents, List<String> hosts) {
    return new PolicyHttpRoute(
        meta("r"),
        new HttpRouteSpec(
            parents,
            hosts,
            List.of(
                new HttpRouteSpec.Rule(
                    null,
                    List.of(
                        new HttpRouteMatch(
                            new HttpRouteMatch.Path(HttpRouteMatch.PathType.EXACT, "/a"),
                            List.of(),
                            List.of(),
                            null)),
                    List.of(),
                    List.of(),
                    null,
                    null,
                    null))));
  }

  private static ParentRef parent(String name, @Nullable String namespace, @Nullable Integer port) {
    return new ParentRef("policy.linkerd.io", "Server", namespace, name, null, port);
  }
}
