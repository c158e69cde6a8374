package io.signetmesh.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.policy.effective.PolicyConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Networks of probes and opaque ports, as options of all who have to agree on them. */
final class ClusterOptionsTest {
  private static final MeshNames NAMES = MeshNames.DEFAULT;

  @TempDir private Path directory;

  @BeforeEach
  void writeManifests() throws IOException {
    Files.writeString(
        directory.resolve("web.yaml"),
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
          namespace: shop
          labels: {app: web, linkerd.io/control-plane-ns: linkerd}
        spec:
          containers:
            - name: app
              image: example/web
              ports: [{containerPort: 8080}, {containerPort: 9999}]
              readinessProbe: {httpGet: {path: /ready, port: 8080}}
        """);
  }

  private static ClusterSettings settings(String... arguments) {
    return CommandLine.populateCommand(new ClusterOptions(), arguments).settings(NAMES);
  }

  private CommandRun explain(int port, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of("policy", "explain", "-f", directory.toString(), "--workload", "shop/web"));
    all.addAll(List.of("--port", String.valueOf(port), "--path", "/ready", "-o", "json"));
    all.addAll(Arrays.asList(more));
    return CommandRun.of(all.toArray(String[]::new)).ended(ExitCode.OK);
  }

  private String probe(String client, String... more) throws IOException {
    List<String> all = new ArrayList<>(List.of("--client-ip", client));
    all.addAll(Arrays.asList(more));
    return explain(8080, all.toArray(String[]::new)).json().path("verdict").asText();
  }

  @Test
  void whatIsNotSaidIsAsPolicyAndDiscoveryHaveIt() {
    PolicyConfig defaults =
        PolicyConfig.defaults(NAMES.controlPlaneNamespace(), NAMES.trustDomain());
    PolicyConfig policy = settings().policy();
    assertThat(policy.probeNetworks()).isEqualTo(defaults.probeNetworks());
    assertThat(policy.defaultOpaquePorts()).isEqualTo(defaults.defaultOpaquePorts());
    assertThat(settings().discovery().defaultOpaquePorts())
        .isEqualTo(
            DiscoveryConfig.defaults(NAMES.controlPlaneNamespace(), NAMES.trustDomain())
                .defaultOpaquePorts());
  }

  @Test
  void opaquePortsAreThoseOfPolicyAndOfDiscovery() {
    ClusterSettings some = settings("--default-opaque-ports", "25, 9000-9002");
    assertThat(some.policy().defaultOpaquePorts()).isEqualTo(PortSet.of(25, 9000, 9001, 9002));
    assertThat(some.discovery().defaultOpaquePorts().contains(9001)).isTrue();
    assertThat(some.discovery().defaultOpaquePorts().contains(3306)).isFalse();
    ClusterSettings none = settings("--default-opaque-ports=");
    assertThat(none.policy().defaultOpaquePorts()).isEqualTo(PortSet.EMPTY);
    assertThat(none.discovery().defaultOpaquePorts().contains(3306)).isFalse();
  }

  @Test
  void probesAreLetInFromTheirNetworksOnly() throws IOException {
    assertThat(probe("192.0.2.1")).isEqualTo("allow");
    assertThat(probe("192.0.2.1", "--probe-networks", "10.1.0.0/16, fd01::/16")).isEqualTo("deny");
    assertThat(probe("10.1.2.3", "--probe-networks", "10.1.0.0/16, fd01::/16")).isEqualTo("allow");
    assertThat(probe("fd01::1", "--probe-networks", "10.1.0.0/16, fd01::/16")).isEqualTo("allow");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " "})
  void withoutProbeNetworksProbesNeedAGrant(String none) throws IOException {
    assertThat(probe("192.0.2.1", "--probe-networks", none)).isEqualTo("deny");
    assertThat(probe("192.0.2.1", "--probe-networks=" + none)).isEqualTo("deny");
    assertThat(
            probe("192.0.2.1", "--probe-networks", none, "--default-policy", "all-unauthenticated"))
        .isEqualTo("allow");
  }

  @Test
  void anOpaquePortIsDecidedByConnection() throws IOException {
    String all = "all-unauthenticated";
    assertThat(explain(9999, "--default-policy", all).json().path("routes")).isNotEmpty();
    assertThat(
            explain(9999, "--default-policy", all, "--default-opaque-ports", "9999")
                .json()
                .path("routes"))
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"up", "policy", "discovery"})
  void serversNameTheValueThatIsWrong(String server) {
    assertRefused(List.of(server, "--manifests", directory.resolve("none").toString()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"validate", "explain", "test", "matrix"})
  void questionsAboutManifestsNameTheValueThatIsWrong(String question) {
    assertRefused(List.of("policy", question, "-f", directory.toString()));
  }

  private static void assertRefused(List<String> command) {
    refused(
        command, "--probe-networks", "10.0.0.0/8,10.0.0.0/40", "\"10.0.0.0/40\" is not a network");
    refused(command, "--probe-networks", "10.0.0.0/8,", "\"\" is not a network");
    refused(command, "--default-opaque-ports", "25,mysql", "'mysql' is no port");
    refused(command, "--default-opaque-ports", "70000,9-1,25", "'70000', '9-1' are no ports");
  }

  private static void refused(List<String> command, String option, String value, String message) {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of(option, value));
    CommandRun run = CommandRun.of(all.toArray(String[]::new)).ended(ExitCode.USAGE);
    assertThat(run.err()).contains(option, message);
  }
}
