package io.signetmesh.policy.index;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.audited;
import static io.signetmesh.policy.TestPolicies.bundle;
import static io.signetmesh.policy.TestPolicies.configMap;
import static io.signetmesh.policy.TestPolicies.deny;
import static io.signetmesh.policy.TestPolicies.jwt;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.rego;
import static io.signetmesh.policy.TestPolicies.rules;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toServer;
import static io.signetmesh.policy.TestPolicies.tokens;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ContentBudget;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import io.signetmesh.policy.effective.RegoGrants;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.v1.RegoAuthentication;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Policies that ask policy bundles: objects in, message out. */
final class RegoPolicyTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final WorkloadModel POD = pod("web", APP);
  private static final ServerModel SERVER = server("web", 8080, APP);
  private static final DocumentLocation URL =
      DocumentLocation.bundle("https://bundles.example/a", "");
  private static final BundleSource FETCHED =
      new BundleSource.Fetched(
          URL, java.time.Duration.ofMinutes(5), java.time.Duration.ofHours(24));

  private static Server message(PolicyObject... objects) {
    return message(index(objects));
  }

  private static Server message(PolicyIndex index) {
    return index.policy(WEB, 8080).orElseThrow().server();
  }

  private static PolicyIndex index(PolicyObject... more) {
    List<PolicyObject> all = new ArrayList<>(List.of(POD, SERVER));
    all.addAll(List.of(more));
    return TestPolicies.index(CONFIG, all.toArray(PolicyObject[]::new));
  }

  private static List<String> named(Server message) {
    return message.getSignetRegoAuthenticationsList().stream()
        .map(RegoAuthentication::getName)
        .toList();
  }

  private static RegoModel.FetchedBundle fetched(DocumentLocation location, KnownBundle bundle) {
    return new RegoModel.FetchedBundle(
        new ObjectRef(ObjectRef.Kind.POLICY_BUNDLE, NS, "a"),
        location,
        bundle,
        START.plusSeconds(86_400),
        null);
  }

  @Test
  void aGrantNamesItsBundlesAndTheMessageHasThem() {
    Server message =
        message(
            policy("p", toServer("web"), rego("b"), rego("a"), jwt("a")),
            deny("q", toNamespace(NS), rego("c")),
            rules("a", "m"),
            rules("b", "n"),
            rules("c", "m"),
            rules("unused", "m"),
            tokens("a"),
            configMap("m", bundle(1)),
            configMap("n", bundle(2)));
    assertThat(message.getAuthorizations(0).getSignetRegoList())
        .containsExactly("shop/a", "shop/b");
    assertThat(message.getAuthorizations(0).getSignetTokensList()).containsExactly("shop/a");
    assertThat(message.getSignetDenials(0).getSignetRegoList()).containsExactly("shop/c");
    assertThat(named(message)).containsExactly("shop/a", "shop/b", "shop/c");
    assertThat(message.getSignetRegoAuthentications(1).getBundle().getContent())
        .isEqualTo(bundle(2).content());
    assertThat(message.getSignetRegoAuthentications(1).getBundle().hasExpiresAt()).isFalse();
    assertThat(message.getSignetRegoAuthentications(1).getEntrypoint()).isEqualTo("mesh/allow");
  }

  @Test
  void whatIsMissingOrNotUnderstoodGrantsNothingAndCountsAsPassedInADenial() {
    PolicyObject odd =
        new UnusableModel(new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, NS, "a"), "", "is odd");
    // A token of the same name is no bundle.
    for (PolicyObject more : List.of(tokens("a"), odd)) {
      Server message =
          message(
              policy("p", toServer("web"), rego("a")), deny("q", toServer("web"), rego("a")), more);
      assertThat(message.getAuthorizationsList()).isEmpty();
      assertThat(message.getSignetDenialsList())
          .singleElement()
          .matches(denial -> denial.getSignetRegoCount() == 0);
      assertThat(named(message)).isEmpty();
    }
  }

  @Test
  void threeBundlesGrantNothingAndDenyEverybody() {
    Server message =
        message(
            policy("p", toServer("web"), rego("a"), rego("b"), rego("c")),
            deny("q", toServer("web"), rego("a"), rego("b"), rego("c")),
            rules("a", "m"),
            rules("b", "m"),
            rules("c", "m"));
    assertThat(message.getAuthorizationsList()).isEmpty();
    assertThat(message.getSignetDenials(0).getSignetRegoList()).isEmpty();
  }

  @Test
  void aBundleOfAnotherNamespaceGrantsNothingAndCountsAsPassedInADenial() {
    Reference elsewhere = new Reference("policy.signetmesh.io", "RegoAuthentication", "other", "a");
    RegoModel.Authentication theirs =
        new RegoModel.Authentication(
            new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, "other", "a"),
            "",
            RegoAuthentication.newBuilder().setName("other/a").build(),
            new BundleSource.Held("m", "b"));
    Server message =
        message(
            policy("p", toServer("web"), elsewhere),
            deny("q", toServer("web"), elsewhere),
            theirs,
            new JwtModel.Holder(
                new ObjectRef(ObjectRef.Kind.CONFIG_MAP, "other", "m"),
                "",
                Map.of(),
                Map.of("b", bundle(1))));
    assertThat(message.getAuthorizationsList()).isEmpty();
    assertThat(message.getSignetDenials(0).getSignetRegoList()).isEmpty();
    assertThat(named(message)).isEmpty();
    assertThat(message.toString()).doesNotContain("other/a");
  }

  @Test
  void anAuthenticationWithoutBundleStaysWithTheReason() {
    PolicyIndex index = index(policy("p", toServer("web"), rego("a")), rules("a", "m"));
    assertThat(unavailable(index)).isEqualTo("there is no ConfigMap shop/m");
    index.apply(List.of(configMap("m", TestPolicies.keys("k"))), List.of());
    assertThat(unavailable(index)).isEqualTo("ConfigMap shop/m has no entry b");
    index.apply(
        List.of(
            new JwtModel.Holder(
                new ObjectRef(ObjectRef.Kind.CONFIG_MAP, NS, "m"),
                "",
                Map.of("b", TestPolicies.keys("k")))),
        List.of());
    assertThat(unavailable(index))
        .isEqualTo(
            "entry b of ConfigMap shop/m is no bundle: expected a gzipped tar of at most 1048576"
                + " bytes in binaryData");
    long before = index.generation();
    index.apply(List.of(configMap("m", bundle(1))), List.of());
    assertThat(index.generation()).isGreaterThan(before);
    assertThat(message(index).getSignetRegoAuthentications(0).getBundle().getContent())
        .isEqualTo(bundle(1).content());
  }

  private static String unavailable(PolicyIndex index) {
    return message(index).getSignetRegoAuthentications(0).getBundle().getUnavailable();
  }

  @Test
  void aFetchedBundleCountsForItsLocationAndUntilItsEnd() {
    PolicyIndex index =
        index(
            policy("p", toServer("web"), rego("a")), rules("a", FETCHED), fetched(URL, bundle(1)));
    var sent = message(index).getSignetRegoAuthentications(0).getBundle();
    assertThat(sent.getContent()).isEqualTo(bundle(1).content());
    assertThat(sent.getExpiresAt().getSeconds()).isEqualTo(START.getEpochSecond() + 86_400);
    index.apply(
        List.of(fetched(DocumentLocation.bundle("https://other.example/a", ""), bundle(2))),
        List.of());
    assertThat(unavailable(index)).isEqualTo("the bundle has not been fetched yet");
  }

  @Test
  void anEditReachesExactlyThePortsThatUseIt() {
    PolicyIndex index =
        index(
            policy("p", toServer("web"), rego("a")),
            rules("a", FETCHED),
            pod("other", Map.of("app", "other")),
            server("other", 8080, Map.of("app", "other")),
            policy("q", toServer("other"), rego("b")),
            rules("b", "m"));
    Recorder web = new Recorder();
    Recorder other = new Recorder();
    index.watch(WEB, 8080, web);
    index.watch(ObjectRef.pod(NS, "other"), 8080, other);
    index.apply(List.of(fetched(URL, bundle(1))), List.of());
    assertThat(web.seen).hasSize(2);
    assertThat(other.seen).hasSize(1);
    index.apply(List.of(configMap("m", bundle(1))), List.of());
    assertThat(web.seen).hasSize(2);
    assertThat(other.seen).hasSize(2);
    index.apply(List.of(rules("b", "gone")), List.of());
    index.apply(List.of(configMap("m", bundle(2))), List.of());
    assertThat(other.seen).hasSize(3);
    index.apply(List.of(), List.of(new ObjectRef(ObjectRef.Kind.POLICY_BUNDLE, NS, "a")));
    assertThat(web.seen).hasSize(3);
  }

  @Test
  void aProxyThatDoesNotKnowBundlesGetsNoGrantWithThemAndWiderDenials() {
    EffectivePolicy policy =
        index(
                policy("open", toServer("web")),
                policy("token", toServer("web"), jwt("t")),
                policy("p", toServer("web"), rego("a")),
                policy("both", toServer("web"), rego("a"), jwt("u")),
                deny("q", toServer("web"), rego("a"), jwt("t")),
                audited(policy("r", toServer("web"), rego("b"))),
                rules("a", "m"),
                rules("b", "m"),
                tokens("t"),
                tokens("u"),
                configMap("m", bundle(1)))
            .policy(WEB, 8080)
            .orElseThrow();
    Server plain =
        policy.rendered(PolicyFeatures.of(List.of("generation", "deny", "trial", "jwt")));
    assertThat(plain.getAuthorizationsList())
        .extracting(authz -> authz.getLabelsOrThrow("name"))
        .containsExactlyInAnyOrder("open", "token");
    assertThat(plain.getSignetDenials(0).getSignetRegoList()).isEmpty();
    assertThat(plain.getSignetDenials(0).getSignetTokensList()).containsExactly("shop/t");
    assertThat(named(plain)).isEmpty();
    assertThat(plain.getSignetJwtAuthenticationsList())
        .as("the token of a grant that is gone is not explained")
        .singleElement()
        .matches(one -> one.getName().equals("shop/t"));
    assertThat(plain.hasSignetTrial()).isFalse();
    Server withoutTokens =
        policy.rendered(PolicyFeatures.of(List.of("generation", "deny", "trial", "rego")));
    assertThat(withoutTokens.getAuthorizationsList())
        .extracting(authz -> authz.getLabelsOrThrow("name"))
        .containsExactlyInAnyOrder("open", "p");
    assertThat(withoutTokens.getSignetDenials(0).getSignetRegoList()).containsExactly("shop/a");
    assertThat(withoutTokens.getSignetJwtAuthenticationsList()).isEmpty();
    assertThat(named(withoutTokens.getSignetTrial())).containsExactly("shop/a", "shop/b");
    assertThat(policy.rendered(PolicyFeatures.NONE).getSignetRegoAuthenticationsList()).isEmpty();
    assertThat(policy.rendered(PolicyFeatures.of(List.of("deny", "trial", "jwt", "rego"))))
        .isEqualTo(policy.server());
  }

  @Test
  void bundlesBeyondTheirNumberAreUnavailableInTheOrderOfNames() {
    List<PolicyObject> objects = new ArrayList<>();
    for (int i = 0; i < RegoGrants.MAX_MESSAGE_BUNDLES + 2; i++) {
      objects.add(policy("p" + i, toServer("web"), rego("r%03d".formatted(i))));
      objects.add(rules("r%03d".formatted(i), "m"));
    }
    objects.add(configMap("m", bundle(1, 200)));
    Server message = message(objects.toArray(PolicyObject[]::new));
    List<Integer> sizes = sizes(message);
    assertThat(sizes).hasSize(RegoGrants.MAX_MESSAGE_BUNDLES + 2);
    assertThat(sizes.subList(0, RegoGrants.MAX_MESSAGE_BUNDLES)).containsOnly(200);
    assertThat(sizes.subList(RegoGrants.MAX_MESSAGE_BUNDLES, sizes.size())).containsOnly(0);
    assertThat(
            message
                .getSignetRegoAuthentications(RegoGrants.MAX_MESSAGE_BUNDLES)
                .getBundle()
                .getUnavailable())
        .contains("more than " + RegoGrants.MAX_MESSAGE_BUNDLES + " bundles");
  }

  @Test
  void whatIsBeyondTwoMebibytesIsUnavailableAsAWholeInTheOrderOfNames() {
    int large = KnownBundle.MAX_BYTES;
    Server message =
        message(
            policy("p", toServer("web"), rego("a"), rego("b")),
            policy("q", toServer("web"), rego("c")),
            audited(policy("r", toServer("web"), rego("d"))),
            rules("a", "m"),
            rules("b", "n"),
            rules("c", "o"),
            rules("d", "s"),
            configMap("m", bundle(1, large)),
            configMap("n", bundle(2, large - 100)),
            configMap("o", bundle(3, 101)),
            configMap("s", bundle(4, 100)));
    assertThat(sizes(message)).containsExactly(large, large - 100, 0);
    assertThat(message.getSignetRegoAuthentications(2).getBundle().getUnavailable())
        .contains("more than " + RegoGrants.MAX_BYTES + " bytes together");
    assertThat(sizes(message.getSignetTrial()))
        .as("the dry run gets what is left")
        .containsExactly(0, 0, 0, 100);
    assertThat(
            message.getSignetTrial().getSignetRegoAuthentications(0).getBundle().getUnavailable())
        .isNotEmpty();
  }

  private static List<Integer> sizes(Server message) {
    return message.getSignetRegoAuthenticationsList().stream()
        .map(one -> one.getBundle().getContent().size())
        .toList();
  }

  @Test
  void aManifestBecomesItsMessage() {
    String manifest =
        """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: RegoAuthentication
        metadata: {name: a, namespace: shop}
        spec:
          entrypoint: mesh/allow
          bundle: {%s}
          cpuTime: 5ms
          memory: 2Mi
        """;
    RegoModel.Authentication model =
        read(manifest.formatted("url: 'https://bundles.example/a', maxAge: 1h"));
    assertThat(model.bundle())
        .isEqualTo(
            new BundleSource.Fetched(
                URL, java.time.Duration.ofMinutes(5), java.time.Duration.ofHours(1)));
    assertThat(model.message())
        .isEqualTo(
            RegoAuthentication.newBuilder()
                .setName("shop/a")
                .setEntrypoint("mesh/allow")
                .setCpuTime(Duration.newBuilder().setNanos(5_000_000))
                .setMaxMemory(2 << 20)
                .build());
    assertThat(read(manifest.formatted("file: b.tar.gz")).bundle())
        .isEqualTo(
            new BundleSource.Fetched(
                DocumentLocation.bundleFile(NS, "b.tar.gz"),
                java.time.Duration.ofSeconds(5),
                java.time.Duration.ofHours(24)));
    RegoModel.Authentication held = read(manifest.formatted("configMapRef: {name: m, key: k}"));
    assertThat(held.bundle()).isEqualTo(new BundleSource.Held("m", "k"));
    assertThat(Objects.requireNonNull(held.holder()).name()).isEqualTo("m");
  }

  private static RegoModel.Authentication read(String manifest) {
    var manifests = new ManifestReader(AdmissionRules::check).read("m.yaml", manifest);
    ClusterView view = ClusterView.of(1, manifests.objects().values(), manifests.positions());
    ObjectRef ref = new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, NS, "a");
    return (RegoModel.Authentication)
        new PolicyModel(CONFIG::identity).read(view, ref).orElseThrow();
  }

  @Test
  void aConfigMapOfAManifestHasItsBundle() {
    String manifest =
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: m, namespace: shop}
        binaryData: {bundle.tar.gz: %s}
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: RegoAuthentication
        metadata: {name: a, namespace: shop}
        spec: {entrypoint: mesh/allow, bundle: {configMapRef: {name: m}}}
        """
            .formatted(Base64.getEncoder().encodeToString(bundle(1).content().toByteArray()));
    var manifests = new ManifestReader(AdmissionRules::check).read("m.yaml", manifest);
    ClusterView view = ClusterView.of(1, manifests.objects().values(), manifests.positions());
    JwtModel.Holder holder =
        (JwtModel.Holder)
            new PolicyModel(CONFIG::identity)
                .read(view, new ObjectRef(ObjectRef.Kind.CONFIG_MAP, NS, "m"))
                .orElseThrow();
    assertThat(Objects.requireNonNull(holder.bundles().get("bundle.tar.gz")).isThere()).isTrue();
  }

  @Test
  void aBundleOfAConfigMapThatIsBeyondTheBudgetIsUnavailableForThatReason() {
    ContentHolder whole =
        new ContentHolder(
            new ResourceKey("", "ConfigMap", NS, "m"),
            Map.of(),
            Map.of("b", bundle(1).content().toByteArray()));
    ContentBudget budget = new ContentBudget();
    for (int i = 0; i < 4; i++) {
      byte[] other = new byte[ContentHolder.MAX_BUNDLE];
      Arrays.fill(other, (byte) i);
      other[0] = 0x1f;
      other[1] = (byte) 0x8b;
      new ContentHolder(new ResourceKey("", "ConfigMap", NS, "n" + i), Map.of(), Map.of("b", other))
          .bounded(budget);
    }
    ClusterView view = ClusterView.of(1, List.of(whole.bounded(budget)), Map.of());
    PolicyObject holder =
        new PolicyModel(CONFIG::identity)
            .read(view, new ObjectRef(ObjectRef.Kind.CONFIG_MAP, NS, "m"))
            .orElseThrow();
    Server message = message(policy("p", toServer("web"), rego("a")), rules("a", "m"), holder);
    assertThat(message.getSignetRegoAuthentications(0).getBundle().getUnavailable())
        .contains(
            "entry b has ", "namespace shop before it have 4194304, expected at most 4194304");
    PolicyObject known =
        new PolicyModel(CONFIG::identity)
            .read(
                ClusterView.of(1, List.of(whole), Map.of()),
                new ObjectRef(ObjectRef.Kind.CONFIG_MAP, NS, "m"))
            .orElseThrow();
    assertThat(((JwtModel.Holder) known).bundles()).containsEntry("b", bundle(1));
  }

  private static final class Recorder implements PortListener {
    final List<EffectivePolicy> seen = new ArrayList<>();

    @Override
    public void onPolicy(EffectivePolicy policy) {
      seen.add(policy);
    }

    @Override
    public void onWorkloadGone() {}
  }
}
