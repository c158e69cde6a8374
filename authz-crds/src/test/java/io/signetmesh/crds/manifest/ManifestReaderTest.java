package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.route.HttpRouteMatch;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestReaderTest {
  private static final String SERVER =
      """
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: web, namespace: shop}
      spec:
        port: http
        podSelector: {matchLabels: {app: web}}
      """;
  private static final ResourceKey WEB =
      new ResourceKey("policy.linkerd.io", "Server", "shop", "web");

  private final ManifestReader reader = new ManifestReader((object, unread) -> List.of());

  @TempDir Path directory;

  private Manifests read(String text) {
    return reader.read("m.yaml", text);
  }

  private <T extends HasMetadata> T one(Class<T> type, String text) {
    Manifests manifests = read(text);
    assertThat(manifests.findings()).isEmpty();
    assertThat(manifests.objects()).hasSize(1);
    return type.cast(manifests.objects().values().iterator().next());
  }

  /** The parser has no error of its own for it. */
  @Test
  void anEscapeSequenceThatEndsWithTheFileIsAnErrorAtItsPlace() {
    for (String end : new String[] {"\\x", "\\u", "\\U"}) {
      Manifests manifests = read("---\n---\nc: \"" + end);
      assertThat(manifests.errors())
          .singleElement()
          .satisfies(
              error -> {
                assertThat(error.message()).startsWith("not valid YAML");
                assertThat(error.position()).asString().startsWith("m.yaml:3");
              });
    }
  }

  @Test
  void fillsInTheDefaultsOfTheVersion() {
    Server newest = one(Server.class, SERVER);
    assertThat(newest.spec().accessPolicy()).isEqualTo(AccessPolicy.DENY);
    assertThat(newest.spec().proxyProtocol()).isEqualTo(ProxyProtocol.UNKNOWN);
    assertThat(newest.spec().port().getStrVal()).isEqualTo("http");
    Server older = one(Server.class, SERVER.replace("v1beta3", "v1beta2"));
    assertThat(older.spec().accessPolicy()).isNull();

    PolicyHttpRoute route =
        one(
            PolicyHttpRoute.class,
            """
            apiVersion: policy.linkerd.io/v1beta3
            kind: HTTPRoute
            metadata: {name: r, namespace: shop}
            spec:
              parentRefs: [{name: web, kind: Server}]
            """);
    assertThat(route.spec().parentRefs().getFirst().group()).isEqualTo("policy.linkerd.io");
    assertThat(route.spec().rules()).hasSize(1);
    HttpRouteMatch match = route.spec().rules().getFirst().matches().getFirst();
    assertThat(match.path().type()).isEqualTo(HttpRouteMatch.PathType.PATH_PREFIX);
    assertThat(match.path().value()).isEqualTo("/");
  }

  @Test
  void readsFieldsThatAnOlderVersionNamesDifferently() {
    ExternalWorkload old =
        one(
            ExternalWorkload.class,
            """
            apiVersion: workload.linkerd.io/v1alpha1
            kind: ExternalWorkload
            metadata: {name: vm, namespace: shop}
            spec:
              meshTls: {identity: "spiffe://root/vm", serverName: vm.shop}
              workloadIPs: [{ip: 192.0.2.1}]
            """);
    assertThat(old.spec().meshTLS().identity()).isEqualTo("spiffe://root/vm");
    assertThat(
            read("""
                apiVersion: workload.linkerd.io/v1beta1
                kind: ExternalWorkload
                metadata: {name: vm, namespace: shop}
                spec:
                  meshTls: {identity: "spiffe://root/vm", serverName: vm.shop}
                """)
                .findings())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "m.yaml:5:3: error: ExternalWorkload.workload.linkerd.io shop/vm: spec: unknown field"
                + " \"meshTls\" (did you mean \"meshTLS\"?)");
  }

  @Test
  void readsKubernetesKindsWithStatusAndManagedFields() {
    Pod pod =
        one(
            Pod.class,
            """
            apiVersion: v1
            kind: Pod
            metadata:
              name: web
              namespace: shop
              creationTimestamp: null
              labels: {app: web}
              managedFields:
              - manager: kubectl
                operation: Update
                fieldsV1: {"f:spec": {"f:containers": {}}}
            spec:
              serviceAccountName: web
              containers:
              - name: web
                image: web
                ports: [{name: http, containerPort: 8080}]
                readinessProbe: {httpGet: {path: /ready, port: http}}
                resources: {limits: {cpu: 500m, memory: 1Gi}, requests: {cpu: 1}}
            status:
              phase: Running
              podIP: 10.0.0.1
            """);
    assertThat(pod.getSpec().getContainers().getFirst().getPorts().getFirst().getContainerPort())
        .isEqualTo(8080);
    assertThat(pod.getStatus().getPodIP()).isEqualTo("10.0.0.1");
    assertThat(
            read("""
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: web, namespace: shop}
                    spec:
                      containers:
                      - name: web
                        env: [{name: PIN, value: 1234}]
                        port: [{containerPort: "80"}]
                    """)
                .findings())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "m.yaml:7:30: error: Pod shop/web: spec.containers[0].env[0].value: expected a string,"
                + " found a number (put it in quotes)",
            "m.yaml:8:5: error: Pod shop/web: spec.containers[0]: unknown field \"port\" (did you"
                + " mean \"ports\"?)");
  }

  @Test
  void readsListsAndJson() {
    Manifests list =
        read(
            """
            {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [
              {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
              {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
               "spec": {"ports": [{"port": 80, "targetPort": "http"}]}}]}
            """);
    assertThat(list.findings()).isEmpty();
    assertThat(list.objects().values()).last().isInstanceOf(Service.class);
    assertThat(
            reader
                .read(
                    "m.json",
                    "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Namespace\",\n\t\"metadata\": {\"name\": 1}\n}")
                .findings())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "m.json:4:23: error: metadata.name: expected a string, found a number (put it in quotes)");
  }

  @Test
  void theFirstVersionOfServersTakesOneFormOfSelector() {
    String old = SERVER.replace("v1beta3", "v1alpha1");
    assertThat(read(old).errors()).isEmpty();
    assertThat(
            read(old.replace(
                    "matchLabels: {app: web}",
                    "matchLabels: {app: web}, matchExpressions: [{key: a, operator: Exists}]"))
                .errors())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "m.yaml:6:42: error: Server.policy.linkerd.io shop/web: spec.podSelector: exactly one of"
                + " matchLabels and matchExpressions is required in v1alpha1");
    assertThat(read(old.replace("{matchLabels: {app: web}}", "{}")).errors())
        .extracting(ManifestFinding::message)
        .containsExactly("exactly one of matchLabels and matchExpressions is required in v1alpha1");
  }

  @Test
  void aPositionKnowsThoseOfTheFields() {
    Position server =
        read(SERVER.replace("{name: web,", "{annotations: {a.b/c: d}, name: web,"))
            .positions()
            .get(WEB);
    assertThat(server).isNotNull();
    assertThat(server.of("spec.port")).hasToString("m.yaml:5:9");
    assertThat(server.of("spec.podSelector.matchLabels.app")).hasToString("m.yaml:6:36");
    assertThat(server.of("metadata.annotations[\"a.b/c\"]")).hasToString("m.yaml:3:33");
    // Not written: that of the field around it.
    assertThat(server.of("spec.podSelector.matchExpressions[3].key")).hasToString("m.yaml:6:3");
    assertThat(server.of("spec.accessPolicy")).hasToString("m.yaml:4:1");
    assertThat(server.of("status.x")).isEqualTo(server);
    assertThat(server.of("")).isEqualTo(server);
    assertThat(new Position("x", 1, 2).of("spec.port")).hasToString("x:1:2");
  }

  @Test
  void goesOnAfterADocumentThatIsNotYaml() {
    Manifests manifests =
        read("---\nkind: [Server\n---\n" + SERVER + "---\n\tkind: x\n---\nkind: Pod\n");
    assertThat(manifests.invalidKeys()).isEmpty();
    assertThat(manifests.positions()).containsOnlyKeys(WEB);
    assertThat(manifests.positions().get(WEB)).hasToString("m.yaml:4:1");
    assertThat(manifests.unreadableSources()).containsExactly("m.yaml");
    assertThat(manifests.errors())
        .extracting(finding -> finding.position() == null ? 0 : finding.position().line())
        .containsExactly(3, 11, 13);
    assertThatThrownBy(manifests::objects).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> manifests.orThrow("m.yaml"))
        .isInstanceOf(InvalidManifestsException.class)
        .hasMessageStartingWith("m.yaml: 3 errors in the manifests\n  m.yaml:3:1: error: ");
  }

  @Test
  void refusesBothFormsOfAnObjectThatIsGivenTwiceInWhateverVersion() throws Exception {
    Files.writeString(directory.resolve("a.yaml"), SERVER);
    Files.writeString(directory.resolve("b.yml"), SERVER.replace("v1beta3", "v1beta2"));
    Manifests manifests = reader.readPath(directory);
    assertThat(manifests.invalidKeys()).containsExactly(WEB);
    assertThat(manifests.findings())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "%s:1:1: error: Server.policy.linkerd.io shop/web: is given twice, first at %s:1:1"
                .formatted(directory.resolve("b.yml"), directory.resolve("a.yaml")));
  }

  @Test
  void keepsTheLastGoodFormOfSingleObjectsForCallersThatAskForIt() {
    Manifests good =
        read(
            SERVER
                + "---\n"
                + SERVER.replace("name: web", "name: api")
                + "---\n"
                + SERVER.replace("name: web", "name: gone"));
    Manifests edited =
        read(
            SERVER.replace("port: http", "port: [http]")
                + "---\n"
                + SERVER.replace("name: web", "name: api").replace("port: http", "port: 9090"));
    assertThat(edited.invalidKeys()).containsExactly(WEB);
    Map<ResourceKey, HasMetadata> merged = edited.objectsOver(good.objects(), good.positions());
    assertThat(merged.keySet())
        .extracting(ResourceKey::name)
        .containsExactlyInAnyOrder("web", "api");
    assertThat(merged.get(WEB)).isSameAs(good.objects().get(WEB));
    assertThat(merged.values())
        .filteredOn(object -> object.getMetadata().getName().equals("api"))
        .allSatisfy(api -> assertThat(((Server) api).spec().port().getIntVal()).isEqualTo(9090));

    Manifests broken = read("kind: [");
    assertThat(broken.objectsOver(good.objects(), good.positions())).isEqualTo(good.objects());
  }

  @Test
  void leavesOutHiddenFilesAndReadsThoseBehindLinks() throws Exception {
    Path data = Files.createDirectory(directory.resolve("..2026_01"));
    Files.writeString(data.resolve("web.yaml"), SERVER);
    Files.createSymbolicLink(directory.resolve("..data"), Path.of("..2026_01"));
    Files.createSymbolicLink(directory.resolve("web.yaml"), Path.of("..data/web.yaml"));
    Files.writeString(directory.resolve(".web.yaml.swp"), "garbage: [");
    Files.writeString(directory.resolve("web.yaml~"), "garbage: [");
    Files.writeString(directory.resolve("README.md"), "garbage: [");
    Path nested = Files.createDirectory(directory.resolve("nested"));
    Files.writeString(
        nested.resolve("api.json"),
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"," + "\"metadata\":{\"name\":\"shop\"}}");
    Manifests manifests = reader.readPath(directory);
    assertThat(manifests.findings()).isEmpty();
    assertThat(manifests.objects()).hasSize(2);
    assertThat(manifests.positions().get(WEB)).hasToString(directory.resolve("web.yaml") + ":1:1");
  }

  @Test
  void reportsWhatCannotBeRead() throws Exception {
    Files.write(directory.resolve("bytes.yaml"), new byte[] {'a', ':', ' ', (byte) 0xff});
    Files.createFile(directory.resolve("empty.yaml"));
    Files.createSymbolicLink(directory.resolve("gone.yaml"), Path.of("nowhere"));
    assertThat(reader.readPath(directory).findings())
        .extracting(ManifestFinding::message)
        .satisfiesExactly(
            message -> assertThat(message).isEqualTo("is not UTF-8"),
            message -> assertThat(message).isEqualTo("is empty"),
            message -> assertThat(message).startsWith("cannot be read: "));
    assertThat(new ManifestDirectory(directory.resolve("nowhere"), reader).read().isValid())
        .isFalse();
  }

  @Test
  void readsTheExamples() {
    Manifests examples = reader.readPath(Path.of("..", "examples", "quickstart"));
    assertThat(examples.findings()).isEmpty();
    assertThat(examples.objects()).hasSizeGreaterThan(10);
  }

  @Test
  void objectsWithoutNamespaceAreOfTheDefaultOne() {
    String bare = SERVER.replace(", namespace: shop", "");
    String namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    String elsewhere = "---\n" + SERVER.replace("shop", "elsewhere");
    ManifestReader inShop = reader.withDefaultNamespace("shop");
    Manifests manifests = inShop.read("m.yaml", bare + namespace + elsewhere);
    assertThat(manifests.findings()).isEmpty();
    assertThat(manifests.objects().keySet())
        .containsExactly(
            WEB,
            new ResourceKey("", "Namespace", "", "shop"),
            new ResourceKey("policy.linkerd.io", "Server", "elsewhere", "web"));
    assertThat(manifests.objects().get(WEB))
        .satisfies(web -> assertThat(web.getMetadata().getNamespace()).isEqualTo("shop"));
    assertThat(inShop.read("m.yaml", SERVER.replace("namespace: shop", "namespace:")).objects())
        .containsOnlyKeys(WEB);
    assertThat(read(bare).findings())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "m.yaml:3:11: error: metadata: required field \"namespace\" missing: write it, or give"
                + " the namespace of all such objects with --default-namespace");
  }

  @Test
  void aMisspeltNamespaceIsNotTheDefaultOne() {
    Manifests manifests =
        reader
            .withDefaultNamespace("shop")
            .read("m.yaml", SERVER.replace("namespace: shop", "namspace: prod"));
    assertThat(manifests.errors())
        .extracting(ManifestFinding::message)
        .containsExactly("unknown field \"namspace\" (did you mean \"namespace\"?)");
    assertThat(manifests.positions()).isEmpty();
    assertThat(manifests.unreadableSources()).containsExactly("m.yaml");
    assertThat(
            reader
                .withDefaultNamespace("shop")
                .read("m.yaml", SERVER.replace("namespace: shop", "namespace: \"\""))
                .isValid())
        .isFalse();
    assertThatThrownBy(() -> reader.withDefaultNamespace("Shop"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("\"Shop\" is no name of a namespace");
  }

  private static String object(String apiVersion, String kind) {
    return "---\napiVersion: %s\nkind: %s\nmetadata: {name: x}\n".formatted(apiVersion, kind);
  }

  @Test
  void passesOverWhatHasNothingToDoWithTheMesh() throws Exception {
    Files.writeString(
        directory.resolve("a.yaml"),
        object("v1", "ConfigMap")
            + "---\n"
            + SERVER
            + object("v1", "Secret")
            + "data: {password: c2VjcmV0}\nstringData: {port: [odd, 1, {a: b}]}\n"
            + object("cert-manager.io/v1", "Certificate")
            + object("v1", "ConfigMap"));
    Files.writeString(
        directory.resolve("b.yaml"),
        object("v1", "List")
            + "items: [{apiVersion: v1, kind: ConfigMap}]\n"
            + object("monitoring.coreos.com/v1", "PodMonitor"));
    Files.writeString(directory.resolve("kustomization.yaml"), "resources: [a.yaml]\n");
    Files.writeString(directory.resolve("values.yaml"), "port: 80\n");
    Manifests manifests = reader.readPath(directory);
    assertThat(manifests.findings()).isEmpty();
    assertThat(manifests.objects()).containsOnlyKeys(WEB);
    assertThat(manifests.passedOver())
        .extracting(PassedOver::toString)
        .containsExactly(
            directory.resolve("a.yaml")
                + ":2:1: note: ConfigMap: 3 objects are passed over: not a kind that the mesh reads",
            directory.resolve("a.yaml")
                + ":13:1: note: Secret: 1 object is passed over: not a kind that the mesh reads",
            directory.resolve("a.yaml")
                + ":19:1: note: Certificate.cert-manager.io: 1 object is passed over: not a kind that"
                + " the mesh reads",
            directory.resolve("b.yaml")
                + ":7:1: note: PodMonitor.monitoring.coreos.com: 1 object is passed over: not a kind"
                + " that the mesh reads",
            directory.resolve("kustomization.yaml")
                + ":1:1: note: Kustomization.kustomize.config.k8s.io: 1 object is passed over: nothing"
                + " is built here; give what 'kustomize build' prints",
            directory.resolve("values.yaml")
                + ":1:1: note: Values.helm.sh: 1 object is passed over: no chart is rendered here;"
                + " give what 'helm template' prints");
  }

  @ParameterizedTest
  @CsvSource({
    "apiextensions.k8s.io/v1, CustomResourceDefinition",
    "kustomize.config.k8s.io/v1beta1, Kustomization",
    "networking.k8s.io/v1, NetworkPolicy",
    "networking.k8s.io/v1, Ingress",
    "policy/v1, PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1, RoleBinding",
    "autoscaling/v2, HorizontalPodAutoscaler",
    "gateway.networking.k8s.io/v1, Gateway",
    "gateway.networking.k8s.io/v1alpha2, UDPRoute",
    "gateway.networking.x-k8s.io/v1alpha1, XListenerSet",
    "linkerd.buoyant.io/v1alpha1, ControlPlane",
    "networking.istio.io/v1, ServiceEntry",
    "serving.knative.dev/v1, Service",
    "batch.volcano.sh/v1alpha1, Job",
    "v1, PersistentVolumeClaim",
    "v1, SecretList"
  })
  void passesOver(String apiVersion, String kind) {
    Manifests manifests = read(object(apiVersion, kind));
    assertThat(manifests.findings()).isEmpty();
    assertThat(manifests.passedOver()).extracting(PassedOver::kind).containsExactly(kind);
  }

  @ParameterizedTest
  @CsvSource({
    "policy.linkerd.io/v1beta3, Servr, did you mean \"Server\"",
    "policy.linkerd.io/v1beta3, Policy, known kinds of this group",
    "policy.linkerd.io/v1beta3, ServerList, known kinds of this group",
    "policy.signetmesh.io/v1alpha1, AllowPolicy, known kinds of this group",
    "polcy.linkerd.io/v1, Anything, did you mean \"policy.linkerd.io\"",
    "authz.linkerd.io/v1, Anything, known groups are",
    "linkerd.io/v1alpha2, Anything, known kinds of this group",
    "example.com/v1, Server, Server is known in apiVersion policy.linkerd.io/v1beta3",
    "example.com/v1, Servers, did you mean \"Server\"",
    "security.istio.io/v1, AuthorizationPolicy, is known in apiVersion policy.linkerd.io",
    "traefik.io/v1, HttpRoute, did you mean \"HTTPRoute\"",
    "v1, Server, known kinds of this group",
    "v1, ConfigMop, known kinds of this group",
    "v1, ServiceAccunt, did you mean \"ServiceAccount\"",
    "app/v1, Deployment, Deployment is known in apiVersion apps/v1",
    "deployments/v1, Deploymnt, known groups are",
    "gateway.networking.k8s.io/v1, Route, known kinds of this group",
    "Example.com/v1, Thing, known groups are",
    "example.com/v1, A b, known groups are",
    "core/v1, List, List is known in apiVersion v1",
    "meta.k8s.io/v1, List, List is known in apiVersion v1"
  })
  void doesNotPassOverWhatMayBeAMisspeltPolicy(String apiVersion, String kind, String said) {
    Manifests manifests = read(object(apiVersion, kind));
    assertThat(manifests.passedOver()).isEmpty();
    assertThat(manifests.errors()).singleElement().asString().contains("unknown kind", said);
    assertThat(manifests.unreadableSources()).containsExactly("m.yaml");
  }

  @ParameterizedTest
  @CsvSource({
    "core/v1, List, items",
    "core/v1, Lsit, items",
    "core/v1, Lsit, itmes",
    "example.com/v1, ThingList, items",
    "template.openshift.io/v1, Template, objects"
  })
  void doesNotPassOverWhatHoldsObjectsOfTheMesh(String apiVersion, String kind, String field) {
    String held = "{apiVersion: policy.signetmesh.io/v1alpha1, kind: DenyPolicy}";
    for (String item :
        List.of(
            held,
            "{apiVersion: polcy.linkerd.io/v1, kind: Thing}",
            "{apiVersion: example.com/v1, kind: Servr}",
            "{apiVersion: example.com/v1, kind: Things, items: [" + held + "]}")) {
      Manifests manifests =
          read(object(apiVersion, kind) + "%s: [{kind: ConfigMap}, %s]\n".formatted(field, item));
      assertThat(manifests.passedOver()).isEmpty();
      assertThat(manifests.errors()).hasSize(1);
      assertThat(manifests.unreadableSources()).containsExactly("m.yaml");
    }
  }

  @Test
  void saysWhichObjectIsHeldByOneThatIsNotRead() {
    Manifests manifests =
        read(
            object("template.openshift.io/v1", "Template")
                + "objects:\n- {apiVersion: v1, kind: ConfigMap}\n- {kind: DenyPolicy}\n");
    assertThat(manifests.errors())
        .singleElement()
        .hasToString(
            "m.yaml:7:3: error: an object of the mesh in one of kind \"Template\" of"
                + " \"template.openshift.io/v1\", which is not read: give it by itself or in a List"
                + " of apiVersion v1");
  }

  @Test
  void passesOverWhatHoldsOtherObjectsHoweverManyAliasesNameThem() {
    StringBuilder text = new StringBuilder(object("example.com/v1", "Things"));
    text.append("a0: &a0 {kind: Thing, items: [{apiVersion: apps/v1, kind: Deployment}]}\n");
    for (int i = 1; i < 30; i++) {
      text.append("a%d: &a%d {items: [*a%d, *a%d]}\n".formatted(i, i, i - 1, i - 1));
    }
    assertThat(
            org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(
                java.time.Duration.ofSeconds(10), () -> read(text + "items: [*a29]\n").findings()))
        .isEmpty();
  }

  @Test
  void aKindThatIsGivenTwiceIsNotPassedOver() {
    assertThat(read("kind: ConfigMap\napiVersion: v1\n" + SERVER).errors())
        .extracting(ManifestFinding::message)
        .contains("duplicate key \"kind\", first given at line 1");
  }

  @Test
  void aFileOfAToolWithAnObjectInItIsReadAsOne() {
    for (String text : List.of("knid: Server\n", "spec: {}\n", "metdata: {}\n", "- a\n")) {
      assertThat(reader.read("values.yaml", text).isValid()).isFalse();
    }
    assertThat(reader.read("other.yaml", "port: 80\n").isValid()).isFalse();
    assertThat(reader.read("values.yaml", SERVER).objects()).containsOnlyKeys(WEB);
  }

  @ParameterizedTest
  @ValueSource(strings = {"values.yaml", "Chart.yaml", "kustomization.yaml", "kustomization.yml"})
  void aFileOfAToolThatIsTheStartOfAnObjectIsNotPassedOver(String name) {
    for (String text :
        List.of(
            "apiVersion: policy.signetmesh.io/v1alpha1\n",
            "apiVersion: policy.signetmesh.io/v1alpha1\nport: 80\n",
            "apiVersion: polcy.linkerd.io/v1\nport: 80\n",
            "apiVersion: policy.linkerd.io\nport: 80\n",
            "apiVersion: policy.li\n",
            "apiVersion:\n",
            "apiVersion: v1\n")) {
      Manifests manifests = reader.read(name, text);
      assertThat(manifests.passedOver()).as(text).isEmpty();
      assertThat(manifests.unreadableSources()).as(text).containsExactly(name);
    }
  }

  @Test
  void filesOfToolsMayNameTheirOwnVersion() {
    assertThat(reader.read("Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n").passedOver())
        .hasSize(1);
    assertThat(
            reader
                .read(
                    "kustomization.yaml",
                    "apiVersion: kustomize.config.k8s.io/v1beta1\nresources: [a.yaml]\n")
                .passedOver())
        .hasSize(1);
  }

  static Stream<List<String>> badInput() {
    return Stream.of(
        bad("a: 1", "1:1", "apiVersion is missing or not a string", "1:1", "kind is missing"),
        bad("- a", "1:1", "expected an object with apiVersion, kind and metadata, found a list"),
        bad(SERVER.replace("kind: Server", "kind: Servr"), "1:1", "did you mean \"Server\"?"),
        bad(SERVER.replace("linkerd.io", "linkrd.io"), "1:1", "Server is known in apiVersion"),
        bad(SERVER.replace("v1beta3", "v1beta9"), "1:13", "is not served in"),
        bad(SERVER.replace("namespace: shop", "labels: {}"), "3:11", "\"namespace\" missing"),
        bad(SERVER.replace("name: web", "name: Web_1"), "3:18", "not a lower-case DNS subdomain"),
        bad(SERVER.replace("metadata:", "metdata:"), "3:1", "unknown field \"metdata\""),
        bad(SERVER.replace("spec:", "spek:"), "4:1", "did you mean \"spec\"?"),
        bad(SERVER.replace("name: web", "name: \"\""), "3:18", "\"\" is not a lower-case DNS"),
        bad(SERVER.replace("name: web", "nmae: web"), "3:12", "did you mean \"name\"?"),
        bad(SERVER.replace("podSelector", "podselector"), "6:3", "did you mean \"podSelector\"?"),
        bad(SERVER.replace("port: http", "port: true"), "5:9", "expected a number or a string"),
        bad(SERVER.replace("port: http", "prt: http"), "5:3", "unknown field \"prt\""),
        bad(SERVER.replace("port: http", "at: http"), "5:3", "\"at\"", "5:3", "\"port\" missing"),
        bad(SERVER + "  port: 80\n", "7:3", "duplicate key \"port\", first given at line 5"),
        bad(SERVER + "  podSelektor: {}\n", "7:3", "did you mean \"podSelector\"?"),
        bad(SERVER + "  accessPolicy: allow\n", "7:17", "is not one of all-unauthenticated"),
        bad(SERVER + "  proxyProtocol: http/1\n", "7:18", "(did you mean \"HTTP/1\"?)"),
        bad(SERVER + "  externalWorkloadSelector: {}\n", "7:3", "exclude each other"),
        bad(SERVER + "status: {}\n", "7:1", "unknown field \"status\""),
        bad(SERVER.replace("app: web", "app: 1"), "6:36", "expected a string, found a number"),
        bad(
            SERVER.replace("v1beta3", "v1beta2") + "  accessPolicy: deny\n",
            "7:3",
            "only in v1beta3"),
        bad("a: &x [*x]", "1:8", "alias *x names nothing before it"),
        bad("a: !!java.net.URL [x]", "1:4", "is not supported"),
        bad("<<: {a: b}", "1:1", "merge keys (<<) are not supported"),
        bad("[".repeat(100), "1:65", "nested deeper than 64 levels"),
        bad("a: \u0007", "1:4", "character U+0007"));
  }

  private static List<String> bad(String... textAndExpected) {
    return List.of(textAndExpected);
  }

  @ParameterizedTest
  @MethodSource("badInput")
  void namesThePlaceAndTheReason(List<String> textAndExpected) {
    Manifests manifests = read(textAndExpected.getFirst());
    assertThat(manifests.isValid()).isFalse();
    assertThat(manifests.findings()).hasSize((textAndExpected.size() - 1) / 2);
    for (int i = 0; i < manifests.findings().size(); i++) {
      assertThat(manifests.findings().get(i).toString())
          .startsWith("m.yaml:" + textAndExpected.get(2 * i + 1) + ": error: ")
          .contains(textAndExpected.get(2 * i + 2));
    }
  }

  @Test
  void boundsWhatAliasesBlowUp() {
    StringBuilder bomb = new StringBuilder("apiVersion: v1\nkind: Pod\nmetadata:\n");
    bomb.append("  name: x\n  namespace: y\n  managedFields:\n  - fieldsV1:\n");
    bomb.append("      a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
      String former = "*a" + (i - 1);
      bomb.append(
          "      a%d: &a%d [%s]\n"
              .formatted(i, i, String.join(", ", Collections.nCopies(10, former))));
    }
    assertThat(read(bomb.toString()).errors())
        .extracting(ManifestFinding::message)
        .containsExactly("the document has more than 1,000,000 values");
  }

  @Test
  void boundsWhatAliasesBlowUpInAnObjectOfTheMesh() {
    StringBuilder bomb = new StringBuilder(SERVER.replace("{name: web, namespace: shop}", ""));
    bomb.append("x:\n- a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
      String former = "*a" + (i - 1);
      bomb.append(
          "- a%d: &a%d [%s]\n".formatted(i, i, String.join(", ", Collections.nCopies(10, former))));
    }
    String annotations =
        "{name: web, namespace: shop, annotations: {a: &a [x, x], b: &b [*a, *a]}}";
    for (String text :
        List.of(
            bomb.toString().replace("metadata:", "metadata: {name: web, namespace: shop}"),
            SERVER.replace("{name: web, namespace: shop}", annotations))) {
      assertThat(
              org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(
                  java.time.Duration.ofSeconds(30), () -> read(text).errors()))
          .isNotEmpty();
    }
  }

  @Test
  void boundsWhatItKeepsOfUnreadFields() {
    String numbers = String.join(", ", Collections.nCopies(10_001, "9".repeat(20)));
    for (String key : List.of("k", "k".repeat(100_000), "k.".repeat(50_000))) {
      String text =
          SERVER.replace(
              "shop}", "shop, managedFields: [{fieldsV1: {? " + key + " : [" + numbers + "]}}]}");
      List<UnreadFields> unread = new ArrayList<>();
      Manifests manifests =
          new ManifestReader(
                  (object, fields) -> {
                    unread.add(fields);
                    return List.of();
                  })
              .read("m.yaml", text);
      assertThat(manifests.invalidKeys()).containsExactly(WEB);
      assertThat(manifests.findings()).allMatch(finding -> finding.field().length() < 300);
      assertThat(unread).singleElement().matches(fields -> !fields.isRead("spec.port"));
    }
  }

  @Test
  void unreadFieldsPastTheLimitAreAllOfThem() {
    UnreadFields many = new UnreadFields();
    for (int i = 0; i < 10_000; i++) {
      many.add("metadata.x[" + i + "]");
    }
    assertThat(many.isRead("spec")).isTrue();
    many.add("metadata.x[0]");
    assertThat(many.isRead("spec")).isTrue();
    many.addPartOf("metadata.x[10000]");
    assertThat(many.isRead("spec")).isFalse();
    UnreadFields longOnes = new UnreadFields();
    longOnes.add("a".repeat(1_000_000));
    assertThat(longOnes.isRead("spec")).isTrue();
    longOnes.add("b");
    assertThat(longOnes.isRead("spec")).isFalse();
    assertThat(longOnes.isEmpty()).isFalse();
  }

  @Test
  void aTableOfFieldsIsBounded() {
    YamlNode node = new YamlNode.Scalar(new Position("x", 1, 1), YamlNode.Type.STRING, "x");
    for (int i = 0; i < 30; i++) {
      node = new YamlNode.Sequence(new Position("x", 1, 1), Collections.nCopies(10, node));
    }
    YamlNode.Mapping root =
        new YamlNode.Mapping(
            new Position("x", 1, 1),
            List.of(
                new YamlNode.Entry(new Position("x", 2, 1), "a", node),
                new YamlNode.Entry(new Position("x", 3, 1), "b", node)));
    FieldTable table =
        org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(
            java.time.Duration.ofSeconds(10), () -> FieldTable.of(root));
    assertThat(table.find("a[0]")).containsExactly(1, 1);
  }

  @Test
  void boundsWhatItSaysOfAFileOfGarbageWithoutTakingAnyOfItForGood() {
    Manifests garbage = read("a: 1\n---\n".repeat(5000));
    assertThat(garbage.findings()).hasSize(1001).last().asString().contains("the rest is left out");
    StringBuilder old = new StringBuilder();
    for (int i = 0; i < 1500; i++) {
      old.append("---\n")
          .append(SERVER.replace("v1beta3", "v1beta1").replace("web,", "s" + i + ","));
    }
    Manifests deprecated = read(old.toString());
    assertThat(deprecated.warnings()).hasSize(1001);
    assertThat(deprecated.objects()).hasSize(1500);
  }

  @Test
  void reportsFindingsOfTheRulesWhereTheFieldStands() {
    ManifestReader strict =
        new ManifestReader(
            (object, unread) ->
                List.of(
                    ManifestFinding.error(ResourceKey.of(object), "spec.port", "is odd"),
                    ManifestFinding.warning(
                        ResourceKey.of(object), "spec.proxyProtocol", "is not given")));
    assertThat(strict.read("m.yaml", SERVER).findings())
        .extracting(ManifestFinding::toString)
        .containsExactly(
            "m.yaml:5:9: error: Server.policy.linkerd.io shop/web: spec.port: is odd",
            "m.yaml:4:1: warning: Server.policy.linkerd.io shop/web: spec.proxyProtocol: is not"
                + " given");
  }

  @Test
  void warnsOfWhatIsLegalButProbablyAMistake() {
    Manifests manifests =
        read(
            SERVER.replace("v1beta3", "v1beta1").replace("app: web", "app: on")
                + "  proxyProtocol:\n");
    assertThat(manifests.isValid()).isTrue();
    assertThat(manifests.warnings())
        .extracting(ManifestFinding::message)
        .containsExactly(
            "v1beta1 is deprecated: use policy.linkerd.io/v1beta3",
            "Kubernetes takes an unquoted on for a boolean: put it in quotes",
            "is given without a value, which is the same as leaving it out");
  }
}
