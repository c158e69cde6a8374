package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NodeConfigurationsTest {
  private final Map<String, String> environment = new HashMap<>();

  @TempDir private Path directory;

  @BeforeEach
  void describe() throws Exception {
    environment.put(
        "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS",
        new CertificateBuilder()
            .ecp256()
            .subject("CN=anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned()
            .getCertificatePathPEM());
    for (String service : List.of("IDENTITY", "DESTINATION", "POLICY")) {
      environment.put("LINKERD2_PROXY_" + service + "_SVC_ADDR", "10.0.0.1:8080");
      environment.put(
          "LINKERD2_PROXY_" + service + "_SVC_NAME",
          service.toLowerCase(Locale.ROOT) + ".mesh.serviceaccount.identity.mesh.example.com");
    }
    environment.put("PATH", "/bin");
  }

  private NodeConfigurations configurations() throws Exception {
    return NodeConfigurations.of(
        environment, directory.resolve("state"), NodeConfigurations.Ports.DEFAULT);
  }

  private static WorkloadAnnouncement.Builder web() {
    return WorkloadAnnouncement.newBuilder()
        .setNamespace("shop")
        .setName("web")
        .setServiceAccount("storefront")
        .addAddresses("10.1.0.7")
        .addPorts(8080)
        .setNetworkNamespace(true)
        .setTokenFile("/run/tokens/web");
  }

  @Test
  void aWorkloadInItsNamespaceIsRedirectedToListenersThere() throws Exception {
    ProxyConfig config = configurations().of(web().build());
    assertThat(config.identity())
        .isEqualTo("storefront.shop.serviceaccount.identity.mesh.example.com");
    assertThat(config.workloadName()).isEqualTo("shop/web");
    assertThat(config.redirected()).isTrue();
    assertThat(config.application()).isNull();
    assertThat(config.inboundListen()).hasToString("/0.0.0.0:4143");
    assertThat(config.outboundListen()).hasToString("/127.0.0.1:4140");
    assertThat(config.adminListen()).hasToString("/0.0.0.0:4191");
    assertThat(config.tokenFile()).isEqualTo(Path.of("/run/tokens/web"));
    assertThat(config.inboundPorts()).containsExactly(8080);
    assertThat(config.ignored()).isEmpty();
  }

  @Test
  void aWorkloadInTheNetworkOfTheProcessHasItsListenersAtItsAddress() throws Exception {
    ProxyConfig config =
        configurations()
            .of(
                web()
                    .setNetworkNamespace(false)
                    .putAnnotations(InboundListener.ANNOTATION, "18080=8080")
                    .putAnnotations(OutboundListener.ANNOTATION, "127.0.1.1:80=ledger.shop:70")
                    .putAnnotations("example.com/other", "anything")
                    .build());
    assertThat(config.redirected()).isFalse();
    assertThat(config.inboundListen()).hasToString("/10.1.0.7:4143");
    assertThat(config.inboundListeners().getFirst().listen()).hasToString("/10.1.0.7:18080");
    assertThat(config.outboundListeners().getFirst().authority()).isEqualTo("ledger.shop:70");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
        "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS",
        "LINKERD2_PROXY_IDENTITY_TOKEN_FILE",
        "LINKERD2_PROXY_IDENTITY_SVC_ADDR",
        "LINKERD2_PROXY_POLICY_WORKLOAD",
        "LINKERD2_PROXY_POLICY_SVC_NAME",
        "LINKERD2_PROXY_DESTINATION_CONTEXT",
        "LINKERD2_PROXY_INBOUND_IPS",
        "LINKERD2_PROXY_ADMIN_LISTEN_ADDR",
        "LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS",
        "SIGNET_PROXY_AUDIT_FILE",
        "LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD",
        "SIGNET_PROXY_INBOUND_LISTENERS",
        "SIGNET_PROXY_OUTBOUND_LISTENERS",
        "SIGNET_PROXY_APP_ADDR",
        "SIGNET_PROXY_HANDOVER",
        "SIGNET_PROXY_REDIRECT",
        "SIGNET_PROXY_CONTROL_CLEARTEXT"
      })
  void aWorkloadDoesNotSayWhatTheNodeSays(String variable) throws Exception {
    NodeConfigurations configurations = configurations();
    assertThatThrownBy(() -> configurations.of(web().putEnvironment(variable, "anything").build()))
        .hasMessage(variable + ": expected it not to be set, the node sets it");
  }

  @Test
  void aWorkloadSetsVariablesOfItsProxyAndNoOthers() throws Exception {
    NodeConfigurations configurations = configurations();
    environment.put("SIGNET_PROXY_POLICY_WAIT", "2s");
    assertThat(
            configurations
                .of(web().putEnvironment("SIGNET_PROXY_POLICY_WAIT", "1s").build())
                .policyWait())
        .hasSeconds(1);
    assertThatThrownBy(
            () -> configurations.of(web().putEnvironment("LD_PRELOAD", "/tmp/a.so").build()))
        .hasMessage("LD_PRELOAD: expected LINKERD2_PROXY_* or SIGNET_PROXY_*");
  }

  @Test
  void aTokenIsKeptForTheProxyOnlyAndForgotten() throws Exception {
    NodeConfigurations configurations = configurations();
    WorkloadAnnouncement announced = web().setToken("secret").build();
    configurations.keepToken(announced);
    Path file = configurations.of(announced).tokenFile();
    assertThat(file).hasContent("secret").startsWith(directory);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    configurations.forget("shop/web");
    assertThat(file).doesNotExist();
  }

  @Test
  void theLongestNameOfAWorkloadLeavesRoomForItsSocket() throws Exception {
    Path handover =
        configurations()
            .of(web().setNamespace("n".repeat(63)).setName("p".repeat(180)).build())
            .handover();
    assertThat(handover).isNotNull();
    assertThat(handover.getFileName().toString()).hasSizeLessThan(30);
  }
}
