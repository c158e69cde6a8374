package io.signetmesh.e2e.decision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.signetmesh.cli.cases.CaseResult;
import io.signetmesh.cli.cases.CaseRun;
import io.signetmesh.cli.cases.CaseText;
import io.signetmesh.cli.cases.PolicyCase;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.simulate.CallProtocol;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.crds.manifest.RecordReader.Located;
import io.signetmesh.crds.manifest.RecordReader.Records;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.e2e.harness.RegoBundles;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every rule of policy, as manifests and a call with what has to come of it. Each case is asked
 * three times: of the simulation over its topic alone, by {@code signet policy test} over all
 * topics in one mesh, and of a real proxy in that mesh by a real client with a certificate of the
 * mesh, from the case's address. All answers are as the case states, and equal in all they say.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class DecisionCasesIT {
  private static final String CLUSTER_NETWORK = "127.10.0.0/16";
  private static final ClusterSettings SETTINGS =
      new ClusterSettings(
          MeshNames.DEFAULT, List.of(Cidr.parse(CLUSTER_NETWORK)), AccessPolicy.DENY);

  /** In manifests, the bundle of src/test/rego/cases. */
  private static final String BUNDLE = "@BUNDLE@";

  private final List<Topic> topics = new ArrayList<>();
  private Path directory;
  private Path merged;
  private CaseIssuer issuer;
  private CaseMesh mesh;

  /** Manifests of one namespace or two, with the cases about them. */
  private record Topic(String name, Path cases, CaseRun run, List<Located<PolicyCase>> tests) {
    static Topic read(Path directory) throws Exception {
      Path cases = directory.resolve("cases.yaml");
      Records<PolicyCase> read = CaseRun.read(cases);
      assertThat(read.findings()).isEmpty();
      SimulatedMesh simulated =
          new SimulatedMesh(
              PolicySources.read(List.of(directory.resolve("manifests.yaml"))).view(),
              SETTINGS.policy());
      return new Topic(
          directory.getFileName().toString(), cases, new CaseRun(simulated), read.records());
    }

    CaseResult simulate(Located<PolicyCase> test) {
      return run.run(test);
    }
  }

  @BeforeAll
  void start(@TempDir Path scratch) throws Exception {
    directory = scratch;
    issuer = new CaseIssuer();
    merged = Files.createDirectories(scratch.resolve("manifests"));
    List<PolicyCase> cases = new ArrayList<>();
    try (Stream<Path> found = Files.list(resources())) {
      for (Path topic : found.filter(Files::isDirectory).sorted().toList()) {
        Topic read = Topic.read(expanded(topic));
        topics.add(read);
        read.tests().forEach(test -> cases.add(test.value()));
        Files.copy(
            read.cases().resolveSibling("manifests.yaml"), merged.resolve(read.name() + ".yaml"));
      }
    }
    mesh = CaseMesh.start(scratch, merged, SETTINGS, cases, issuer);
  }

  /** The files of a topic with the keys, tokens and bundles of this run. */
  private Path expanded(Path topic) throws Exception {
    Path files =
        Files.createDirectories(
            directory.resolve("topics").resolve(topic.getFileName().toString()));
    for (String name : List.of("manifests.yaml", "cases.yaml")) {
      String text = issuer.expand(Files.readString(topic.resolve(name)));
      if (text.contains(BUNDLE)) {
        text = text.replace(BUNDLE, base64(RegoBundles.bundle("cases")));
      }
      Files.writeString(files.resolve(name), text);
    }
    return files;
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static Path resources() throws URISyntaxException {
    return Path.of(
        Objects.requireNonNull(DecisionCasesIT.class.getResource("/decision-cases")).toURI());
  }

  @AfterAll
  void stop() throws Exception {
    if (mesh != null) {
      mesh.close();
    }
  }

  @Test
  void commandFindsAllCasesAsExpected() throws Exception {
    List<String> arguments = new ArrayList<>(List.of("policy", "test", "-f", merged.toString()));
    topics.forEach(topic -> arguments.addAll(List.of("-t", topic.cases().toString())));
    arguments.addAll(List.of("--cluster-networks", CLUSTER_NETWORK));
    Path log = directory.resolve("policy-test.log");
    try (SignetProcess process = SignetProcess.start("policy-test", log, Map.of(), arguments)) {
      assertThat(process.awaitExit(Duration.ofSeconds(60))).isTrue();
      assertThat(process.exitCode()).as(() -> read(log)).isZero();
    }
  }

  @TestFactory
  Stream<DynamicContainer> offline() {
    return topics.stream()
        .map(
            topic ->
                dynamicContainer(
                    topic.name(),
                    topic.tests().stream()
                        .map(
                            test ->
                                dynamicTest(
                                    test.value().name(),
                                    () -> {
                                      CaseResult result = topic.simulate(test);
                                      assertThat(result.passed())
                                          .as(() -> String.join("\n", CaseText.details(result)))
                                          .isTrue();
                                    }))));
  }

  @TestFactory
  Stream<DynamicContainer> online() {
    return topics.stream()
        .map(
            topic ->
                dynamicContainer(
                    topic.name(),
                    topic.tests().stream()
                        .map(test -> dynamicTest(test.value().name(), () -> online(topic, test)))));
  }

  private void online(Topic topic, Located<PolicyCase> test) throws Exception {
    CaseResult result = topic.simulate(test);
    List<Outcome> simulated =
        Stream.concat(result.before().stream(), Stream.of(Objects.requireNonNull(result.answer())))
            .map(Outcome::of)
            .toList();
    List<Outcome> seen = mesh.call(test.value());
    List<PolicyCase.CallCase> calls = test.value().calls();
    assertThat(seen).hasSameSizeAs(calls);
    for (int i = 0; i < calls.size(); i++) {
      PolicyCase.Expectation expected = calls.get(i).expect();
      if (expected != null) {
        assertThat(differences(expected, seen.get(i)))
            .as("expected of call " + i + " at " + test.position() + ": " + seen.get(i))
            .isEmpty();
      }
    }
    assertThat(seen).as("as the simulation of " + test.position()).isEqualTo(simulated);
  }

  /** What an identity of this mesh may do, a foreign CA that vouches for it may not. */
  @TestFactory
  Stream<DynamicTest> identityInACertificateOfAFederatedTrustDomain() {
    return topics.stream()
        .flatMap(topic -> topic.tests().stream())
        .map(Located::value)
        .filter(
            test -> test.calls().size() == 1 && test.expect().verdict() == PolicyCase.Verdict.ALLOW)
        .filter(test -> isOwn(test) && isHttp1(test))
        .map(test -> dynamicTest(test.name(), () -> refused(test)));
  }

  /** Also of one whose bundle has not been fetched yet. */
  @ParameterizedTest
  @ValueSource(strings = {CaseLeaves.PARTNER, CaseLeaves.PENDING})
  void ownCaVouchesForNobodyOfAFederatedTrustDomain(String domain) throws Exception {
    PolicyCase test =
        topics.stream()
            .flatMap(topic -> topic.tests().stream())
            .map(Located::value)
            .filter(t -> t.name().equals("a SPIFFE id of a federated trust domain is that id"))
            .findFirst()
            .orElseThrow();

    assertRefused(mesh.claim(test, "spiffe://" + domain + "/ns/authn/sa/client", false));
  }

  private static boolean isOwn(PolicyCase test) {
    String identity = identity(test);
    return identity != null && !identity.startsWith("spiffe://" + CaseLeaves.PARTNER + "/");
  }

  private static boolean isHttp1(PolicyCase test) {
    PolicyCase.RequestCase request = test.calls().getLast().request();
    return request != null && request.protocol() == CallProtocol.HTTP1;
  }

  private static @Nullable String identity(PolicyCase test) {
    PolicyCase.ClientCase client = test.calls().getLast().client();
    return client == null ? null : client.identity();
  }

  private void refused(PolicyCase test) throws Exception {
    assertRefused(mesh.claim(test, Objects.requireNonNull(identity(test)), true));
  }

  private static void assertRefused(Outcome seen) {
    assertThat(seen.status()).isZero();
    assertThat(seen.verdict()).isEqualTo("deny");
    assertThat(seen.reason()).isEqualTo("tls-handshake-failed");
  }

  private static List<String> differences(PolicyCase.Expectation expected, Outcome seen) {
    List<String> found = new ArrayList<>();
    compare(
        "verdict",
        expected.verdict() == null ? null : expected.verdict().wireName(),
        seen.verdict(),
        found);
    compare("status", expected.status(), seen.status(), found);
    compare("grpcStatus", expected.grpcStatus(), seen.grpcStatus(), found);
    compare("authorization", expected.authorization(), seen.authorization(), found);
    compare("reason", expected.reason(), seen.reason(), found);
    compare("route", expected.route(), seen.route(), found);
    compare("location", expected.location(), seen.location(), found);
    compare("mode", expected.mode(), seen.mode(), found);
    compare(
        "trial",
        expected.trial() == null ? null : expected.trial().wireName(),
        seen.trial(),
        found);
    return found;
  }

  private static void compare(
      String field, @Nullable Object expected, Object seen, List<String> found) {
    if (expected != null && !expected.equals(seen)) {
      found.add(field + ": expected " + expected + ", seen " + seen);
    }
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }
}
