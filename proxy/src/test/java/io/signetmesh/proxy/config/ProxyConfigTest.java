package io.signetmesh.proxy.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyConfigTest {
  private static final Map<String, String> GOOD = new HashMap<>();

  @BeforeAll
  static void environment() throws Exception {
    byte[] anchor =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned()
            .getCertificate()
            .getEncoded();
    StringWriter pem = new StringWriter();
    pem.write("-----BEGIN CERTIFICATE-----\n");
    pem.write(Base64.getMimeEncoder().encodeToString(anchor));
    pem.write("\n-----END CERTIFICATE-----\n");
    String name = ".linkerd.serviceaccount.identity.linkerd.cluster.local";
    GOOD.put("LINKERD2_PROXY_POLICY_WORKLOAD", "shop:web");
    GOOD.put(
        "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
        "web.shop.serviceaccount.identity.linkerd.cluster.local");
    GOOD.put("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", pem.toString());
    GOOD.put("LINKERD2_PROXY_IDENTITY_TOKEN_FILE", "/run/token");
    for (String service : new String[] {"IDENTITY", "DESTINATION", "POLICY"}) {
      GOOD.put("LINKERD2_PROXY_" + service + "_SVC_ADDR", "10.0.0.1:8080");
      GOOD.put(
          "LINKERD2_PROXY_" + service + "_SVC_NAME",
          "linkerd-" + service.toLowerCase(java.util.Locale.ROOT) + name);
    }
  }

  @Test
  void theLimitOfHeadsIsANumberWithinBounds() throws Exception {
    Map<String, String> environment = new HashMap<>(GOOD);
    assertThat(ProxyConfig.from(environment).maxHeadBytes()).isEqualTo(65_536);
    environment.put("SIGNET_PROXY_MAX_HEAD_BYTES", "131072");
    assertThat(ProxyConfig.from(environment).maxHeadBytes()).isEqualTo(131_072);
    for (String bad : new String[] {"1000", "64k", "2000000"}) {
      environment.put("SIGNET_PROXY_MAX_HEAD_BYTES", bad);
      assertThatThrownBy(() -> ProxyConfig.from(environment))
          .hasMessageContaining("SIGNET_PROXY_MAX_HEAD_BYTES")
          .hasMessageContaining(bad);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "shop:web | shop/web",
        "{\"ns\":\"shop\",\"pod\":\"web\"} | shop/web",
        "{\"ns\":\"shop\",\"external_workload\":\"vm\"} | shop/vm",
        "a:b:c | a:b:c",
        "{\"ns\":\"shop\"} | {\"ns\":\"shop\"}",
        "{broken | {broken"
      })
  void workloadIsNamedAsRecordsNameIt(String workload, String name) throws Exception {
    assertThat(with("LINKERD2_PROXY_POLICY_WORKLOAD", workload).workloadName()).isEqualTo(name);
  }

  @Test
  void defaultsAreSafe() throws Exception {
    ProxyConfig config = ProxyConfig.from(GOOD);

    assertThat(config.adminListen()).isEqualTo(new InetSocketAddress("127.0.0.1", 4191));
    assertThat(config.shutdownEndpoint()).isFalse();
    assertThat(config.controlCleartext()).isFalse();
    assertThat(config.policyWait()).isEqualTo(Duration.ofSeconds(3));
    assertThat(config.inboundDetectTimeout()).isEqualTo(Duration.ofSeconds(10));
    assertThat(config.anchors().version()).isZero();
    assertThat(config.outboundListen()).isNull();
  }

  @Test
  void allFaultsAreNamedAtOnce() {
    assertThatThrownBy(() -> ProxyConfig.from(Map.of()))
        .isInstanceOfSatisfying(
            InvalidConfigException.class,
            e ->
                assertThat(String.join("\n", e.faults()))
                    .contains(
                        "LINKERD2_PROXY_POLICY_WORKLOAD",
                        "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
                        "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS",
                        "LINKERD2_PROXY_IDENTITY_TOKEN_FILE",
                        "LINKERD2_PROXY_IDENTITY_SVC_ADDR",
                        "LINKERD2_PROXY_DESTINATION_SVC_ADDR",
                        "LINKERD2_PROXY_POLICY_SVC_ADDR"));
  }

  @Test
  void cleartextToAnotherHostIsAFault() {
    assertThatThrownBy(() -> with("SIGNET_PROXY_CONTROL_CLEARTEXT", "true"))
        .isInstanceOfSatisfying(
            InvalidConfigException.class,
            e -> assertThat(e.faults()).hasSize(3).allMatch(f -> f.contains("loopback")));
  }

  @Test
  void theAuditCollectorIsOptionalAndMustProveItsName() throws Exception {
    assertThat(ProxyConfig.from(GOOD).auditService()).isNull();
    Map<String, String> environment = new HashMap<>(GOOD);
    environment.put("SIGNET_PROXY_AUDIT_SVC_ADDR", "[fd00::1]:8092");
    assertThatThrownBy(() -> ProxyConfig.from(environment))
        .hasMessageContaining("SIGNET_PROXY_AUDIT_SVC_NAME");
    environment.put("SIGNET_PROXY_AUDIT_SVC_NAME", "signet-audit.example");
    assertThat(ProxyConfig.from(environment).auditService())
        .isEqualTo(new ControlAddress("fd00::1", 8092, "signet-audit.example"));
    environment.remove("SIGNET_PROXY_AUDIT_SVC_ADDR");
    assertThatThrownBy(() -> ProxyConfig.from(environment))
        .hasMessageContaining("SIGNET_PROXY_AUDIT_SVC_ADDR");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "LINKERD2_PROXY_ADMIN_LISTEN_ADDR | localhost",
        "LINKERD2_PROXY_INBOUND_LISTEN_ADDR | 1.2.3.4:70000",
        "LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT | soon",
        "LINKERD2_PROXY_INBOUND_PORTS | 80,x",
        "LINKERD2_PROXY_INBOUND_IPS | 10.0.0.300",
        "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS | not PEM",
        "LINKERD2_PROXY_IDENTITY_LOCAL_NAME | web.shop",
        "LINKERD2_PROXY_IDENTITY_DISABLED | 1",
        "LINKERD2_PROXY_IDENTITY_MIN_REFRESH | 48h",
        "LINKERD2_PROXY_POLICY_SVC_ADDR | policy",
        "SIGNET_PROXY_INBOUND_LISTENERS | 127.0.0.1:80",
        "SIGNET_PROXY_OUTBOUND_LISTENERS | 127.0.0.1:80=web",
        "SIGNET_PROXY_AUDIT_QUEUE | 1",
        "SIGNET_PROXY_AUDIT_UNAVAILABLE | wait",
        "SIGNET_PROXY_AUDIT_ALLOWS | none",
        "SIGNET_PROXY_AUDIT_FSYNC | true",
        "SIGNET_PROXY_AUDIT_SAMPLE | 1",
        "SIGNET_PROXY_AUDIT_WINDOW | 2h",
        "SIGNET_PROXY_AUDIT_SVC_ADDR | collector"
      })
  void wrongValueIsNamed(String variable, String value) {
    assertThatThrownBy(() -> with(variable, value))
        .isInstanceOfSatisfying(
            InvalidConfigException.class,
            e -> assertThat(String.join("\n", e.faults())).contains(variable));
  }

  @Test
  void vanishedPeersAreNoticedWithinHalfAMinuteByDefault() throws Exception {
    ProxyConfig.KeepAlive found = ProxyConfig.from(GOOD).keepAlive();

    TcpKeepAlive tcp = new TcpKeepAlive(10, 30_000);
    Http2KeepAlive http2 = new Http2KeepAlive(Duration.ofSeconds(10), Duration.ofSeconds(3), true);
    assertThat(found).isEqualTo(new ProxyConfig.KeepAlive(tcp, tcp, tcp, tcp, http2, http2, null));
  }

  @Test
  void keepAliveIsReadFromTheVariablesOfLinkerd() throws Exception {
    Map<String, String> environment = new HashMap<>(GOOD);
    String[] connections = {
      "INBOUND_ACCEPT", "INBOUND_CONNECT", "OUTBOUND_ACCEPT", "OUTBOUND_CONNECT"
    };
    for (int i = 0; i < connections.length; i++) {
      String base = "LINKERD2_PROXY_" + connections[i];
      environment.put(base + "_KEEPALIVE", (i + 1) + "0000ms");
      environment.put(base + "_USER_TIMEOUT", (i + 1) + "m");
    }
    environment.put("LINKERD2_PROXY_INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL", "20s");
    environment.put("LINKERD2_PROXY_INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT", "500ms");
    environment.put("LINKERD2_PROXY_OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL", "0");
    environment.put("SIGNET_PROXY_OUTBOUND_CLIENT_HTTP2_KEEP_ALIVE_TIMEOUT", "5s");

    ProxyConfig config = ProxyConfig.from(environment);

    assertThat(config.keepAlive())
        .isEqualTo(
            new ProxyConfig.KeepAlive(
                new TcpKeepAlive(10, 60_000),
                new TcpKeepAlive(20, 120_000),
                new TcpKeepAlive(30, 180_000),
                new TcpKeepAlive(40, 240_000),
                new Http2KeepAlive(Duration.ofSeconds(20), Duration.ofMillis(500), true),
                Http2KeepAlive.OFF,
                new Http2KeepAlive(Duration.ofSeconds(10), Duration.ofSeconds(5), true)));
    assertThat(config.ignored()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "LINKERD2_PROXY_INBOUND_ACCEPT_KEEPALIVE, 500ms, 1000ms to 32767000ms",
    "LINKERD2_PROXY_OUTBOUND_CONNECT_KEEPALIVE, 1d, 1000ms to 32767000ms",
    "LINKERD2_PROXY_OUTBOUND_ACCEPT_USER_TIMEOUT, 30d, or 0 for none",
    "LINKERD2_PROXY_INBOUND_CONNECT_USER_TIMEOUT, -1s, an integer with unit",
    "LINKERD2_PROXY_INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL, 10, an integer with unit",
    "LINKERD2_PROXY_OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL, 10ms, 1000ms to 86400000ms",
    "LINKERD2_PROXY_INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT, 0, 100ms to 86400000ms",
    "SIGNET_PROXY_OUTBOUND_CLIENT_HTTP2_KEEP_ALIVE_TIMEOUT, 1ms, 100ms to 86400000ms"
  })
  void aTimeThatCannotBeIsNamedWithWhatWasExpected(String variable, String value, String expected) {
    assertThatThrownBy(() -> with(variable, value))
        .isInstanceOfSatisfying(
            InvalidConfigException.class,
            e ->
                assertThat(e.faults())
                    .singleElement()
                    .asString()
                    .contains(variable, "'" + value + "'", expected));
  }

  @Test
  void whatIsSetAndHasNoEffectIsNamedOnce() throws Exception {
    Map<String, String> environment = new HashMap<>(GOOD);
    environment.put("LINKERD2_PROXY_INBOUND_SERVER_HTTP2_MAX_FRAME_SIZE", "20000");
    environment.put("LINKERD2_PROXY_OUTBOUND_CONNECT_EXP_BACKOFF_MIN", "1s");
    environment.put("LINKERD2_PROXY_OUTBOUND_CONECT_TIMEOUT", "1s");
    environment.put("SIGNET_PROXY_AUDIT_FIEL", "x");
    environment.put("LINKERD2_PROXY_CONTROL_STREAM_LIFETIME", "");
    environment.put("LINKERD2_PROXY_LOG_FORMAT", "json");
    environment.put("LINKERD2_PROXY_OUTBOUND_LISTEN_ADDR", "127.0.0.1:4140");
    environment.put("LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS", "127.0.0.1:4140,[::1]:4140");
    environment.put("HOSTNAME", "web-0");

    assertThat(ProxyConfig.from(environment).ignored())
        .containsExactly(
            "LINKERD2_PROXY_INBOUND_SERVER_HTTP2_MAX_FRAME_SIZE is a variable of Linkerd's proxy"
                + " that has no effect on this one",
            "LINKERD2_PROXY_OUTBOUND_CONECT_TIMEOUT is a variable of no proxy: it has no effect",
            "LINKERD2_PROXY_OUTBOUND_CONNECT_EXP_BACKOFF_MIN is a variable of Linkerd's proxy that"
                + " has no effect on this one",
            "SIGNET_PROXY_AUDIT_FIEL is a variable of no proxy: it has no effect");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ACCESS_LOG",
        "INBOUND_DEFAULT_POLICY",
        "OUTBOUND_TCP_QUEUE_CAPACITY",
        "INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL",
        "TRACE_COLLECTOR_SVC_NAME",
        "OUTBOUND_CONNECT_EXP_BACKOFF_JITTER"
      })
  void variablesOfLinkerdAreKnownByName(String name) {
    assertThat(LinkerdVariables.contains("LINKERD2_PROXY_" + name)).isTrue();
    assertThat(LinkerdVariables.contains(name)).isFalse();
  }

  private static ProxyConfig with(String variable, String value) throws InvalidConfigException {
    Map<String, String> environment = new HashMap<>(GOOD);
    environment.put(variable, value);
    return ProxyConfig.from(environment);
  }
}
