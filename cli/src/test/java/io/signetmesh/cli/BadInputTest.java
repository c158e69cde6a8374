package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What commands say, and how they end, when they cannot do what they were asked for. */
final class BadInputTest {
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;

  private int run(String... arguments) {
    return Signet.commandLine()
        .setOut(new PrintWriter(new StringWriter()))
        .setErr(new PrintWriter(err))
        .execute(arguments);
  }

  private String state() {
    return directory.resolve("state").toString();
  }

  private String manifests(String yaml) throws IOException {
    Path manifests = Files.createDirectories(directory.resolve("manifests"));
    Files.writeString(manifests.resolve("shop.yaml"), yaml);
    return manifests.toString();
  }

  private int up(String manifests, String... more) {
    String[] first = {
      "up",
      "--manifests",
      manifests,
      "--state",
      state(),
      "--identity-listen",
      "127.0.0.1:1",
      "--discovery-listen",
      "127.0.0.1:1",
      "--policy-listen",
      "127.0.0.1:1"
    };
    String[] all = Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return run(all);
  }

  @Test
  void namesEveryFaultOfTheManifestsWithItsPlace() throws Exception {
    String yaml =
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: web, namespace: shop}
        spec:
          podSelector: {}
          port: http
          proxyProtocoll: HTTP/1
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: NetworkAuthentication
        metadata: {name: office, namespace: shop}
        spec:
          networks:
            - cidr: 10.0.0.0/33
        """;
    assertThat(run("discovery", "--manifests", manifests(yaml), "--cleartext"))
        .as(err.toString())
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("shop.yaml:7:")
        .contains("proxyProtocoll")
        .contains("shop.yaml:14:")
        .contains("10.0.0.0/33")
        .doesNotContain("\tat ");
  }

  @Test
  void refusesManifestsThatAreNotThere() {
    assertThat(run("discovery", "--manifests", "/nonexistent", "--cleartext"))
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains("/nonexistent");
  }

  @Test
  void saysThatAnAddressIsTaken() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + taken.getLocalPort();
      assertThat(run("identity", "--state", state(), "--listen", address))
          .as(err.toString())
          .isEqualTo(ExitCode.UNAVAILABLE);
      assertThat(err.toString()).contains(address);
    }
  }

  @Test
  void refusesCleartextOnAnAddressThatOthersCanUse() {
    assertThat(run("identity", "--state", state(), "--listen", "0.0.0.0:18080", "--cleartext"))
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains("cleartext is served on a loopback address only");
  }

  @Test
  void refusesALeafLifetimeOutOfRange() {
    assertThat(run("identity", "--state", state(), "--leaf-lifetime", "31d"))
        .isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("expected 1 second to 30 days");
  }

  @Test
  void refusesAnUnknownDefaultPolicyAndListsTheKnownOnes() {
    assertThat(up("/nonexistent", "--default-policy", "allow")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("'allow' is no default policy", "all-authenticated");
  }

  @Test
  void refusesABadNetwork() {
    assertThat(up("/nonexistent", "--cluster-networks", "10.0.0.0/8,10.0.0.0/40"))
        .isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("10.0.0.0/40");
  }

  @Test
  void aProxyWithoutEnvironmentNamesEveryVariableThatIsMissing() {
    assertThat(run("proxy", "--verbose")).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("LINKERD2_PROXY_IDENTITY_LOCAL_NAME")
        .contains("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS")
        .contains("LINKERD2_PROXY_POLICY_SVC_ADDR");
  }

  @Test
  void thePolicyControllerWantsManifests() {
    assertThat(run("policy")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("--manifests");
  }

  @Test
  void statusSaysWhichDirectoryItWants() throws Exception {
    try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + listening.getLocalPort();
      assertThat(
              run(
                  "policy",
                  "status",
                  "--state",
                  directory.toString(),
                  "--identity-addr",
                  address,
                  "--policy-addr",
                  address))
          .isEqualTo(ExitCode.CONFIGURATION);
      assertThat(err.toString()).contains("is no state directory of a mesh");
    }
  }

  @Test
  void noOtherMeshIsAskedWhenTheStateDirectoryIsMisspelt() {
    assertThat(run("policy", "status", "--state", state())).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains("--state " + state() + ": there is no such directory");
  }

  @Test
  void statusOfAMeshThatDoesNotRunIsAnsweredAtOnce() throws Exception {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    Files.createDirectories(directory.resolve("state"));
    assertThat(run("policy", "status", "--state", state(), "--identity-addr", "127.0.0.1:" + free))
        .isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString()).contains("no identity server at 127.0.0.1:" + free);
  }

  @Test
  void aMemberWithoutStateDirectoryNeedsAnchorsAndToken() throws Exception {
    assertThat(
            run(
                "discovery",
                "--audit-file",
                directory.resolve("audit.jsonl").toString(),
                "--manifests",
                manifests("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")))
        .isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("--trust-anchors", "--token-file");
    assertThat(directory.resolve("audit.jsonl")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"policy", "discovery"})
  void optionsAreCheckedBeforeAJournalIsOpened(String server) throws Exception {
    assertThat(
            run(
                server,
                "--audit-file",
                directory.resolve("audit.jsonl").toString(),
                "--manifests",
                manifests("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
                "--listen",
                "0.0.0.0:18080",
                "--cleartext"))
        .as(err.toString())
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains("cleartext is served on a loopback address only");
    assertThat(directory.resolve("audit.jsonl")).doesNotExist();
  }

  @Test
  void refusesAnOtlpEndpointThatIsNoUrl() {
    assertThat(run("identity", "--state", state(), "--otlp-metrics", "collector:4318"))
        .isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("'collector:4318' is no URL: expected http://");
  }
}
