package io.signetmesh.identity.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.signetmesh.identity.channel.ControlLoops.Load;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The meters that every server of the control plane has. */
final class ServerMetersTest {
  private final ServerMeters meters =
      ServerMeters.start(
          "signet-test",
          () ->
              new Load(
                  5,
                  2,
                  8_192,
                  4_096,
                  Map.of("memory", 7L, "certificate", 3L),
                  Map.of("peer-revoked", 2L)),
          null);

  @AfterEach
  void close() {
    meters.close();
  }

  private List<String> lines() {
    return meters.text().lines().toList();
  }

  @Test
  void jvmAndProcessAreTold() {
    assertThat(lines())
        .anyMatch(line -> line.startsWith("jvm_memory_used_bytes{"))
        .anyMatch(line -> line.startsWith("jvm_threads_live_threads "))
        .anyMatch(line -> line.startsWith("jvm_info{"))
        .anyMatch(line -> line.startsWith("process_cpu_seconds_total "))
        .anyMatch(line -> line.startsWith("process_files_open_files "))
        .anyMatch(line -> line.startsWith("process_uptime_seconds "))
        .noneMatch(line -> line.contains("process_cpu_time_ns"));
  }

  @Test
  void loadOfTheServersIsTold() {
    System.gc();
    assertThat(lines())
        .contains(
            "signet_control_connections 5.0",
            "signet_control_refused_connections_total 2.0",
            "signet_control_call_bytes{client=\"identified\"} 8192.0",
            "signet_control_call_bytes{client=\"anonymous\"} 4096.0",
            "signet_control_refused_calls_total{bound=\"memory\"} 7.0",
            "signet_control_refused_calls_total{bound=\"certificate\"} 3.0",
            "signet_control_cut_connections_total{reason=\"peer-revoked\"} 2.0");
  }

  @Test
  void seriesThatComeAndGoAreThoseOfTheScrape() {
    meters.collect(
        () ->
            MetricSnapshots.of(
                GaugeSnapshot.builder()
                    .name("signet_test_objects")
                    .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder().value(3).build())
                    .build()));
    assertThat(lines()).contains("signet_test_objects 3.0");
  }

  @Test
  void certificatesExpireInSecondsFromNow() {
    Credentials credentials = TestPki.create("mesh").credentials("web.shop.example");
    Instant end = credentials.certificate().notAfter();
    Instant now = end.minusSeconds(90);
    meters.certificates(
        "policy", new Security.MutualTls(() -> credentials, InstantSource.fixed(now), Set.of()));
    double anchor =
        Duration.between(now, credentials.trust().anchors().getFirst().getNotAfter().toInstant())
                .toMillis()
            / 1e3;
    assertThat(lines())
        .contains(
            "signet_certificate_expiry_seconds{certificate=\"leaf\",server=\"policy\"} 90.0",
            "signet_certificate_expiry_seconds{certificate=\"trust_anchor\",server=\"policy\"} "
                + anchor);
  }

  @Test
  void anExpiredCertificateCountsBelowZero() {
    CertificateMeters.bind(
        meters.registry(),
        "identity",
        "issuer",
        () -> Instant.ofEpochSecond(100),
        InstantSource.fixed(Instant.ofEpochSecond(130)));
    assertThat(lines())
        .contains(
            "signet_certificate_expiry_seconds{certificate=\"issuer\",server=\"identity\"} -30.0");
  }

  @Test
  void cleartextHasNoCertificates() {
    meters.certificates("policy", new Security.Cleartext());
    assertThat(lines()).noneMatch(line -> line.startsWith("signet_certificate_expiry_seconds"));
  }

  @Test
  void metersThatCountNothingTellNothing() {
    ServerMeters none = ServerMeters.none();
    none.registry().counter("signet.test").increment();
    none.collect(MetricSnapshots::of);
    assertThat(none.text()).isEmpty();
  }

  @Test
  void otlpGetsTheMetersAtTheLatestAtTheEnd() throws Exception {
    BlockingQueue<String> pushed = new LinkedBlockingQueue<>();
    HttpServer collector =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    collector.createContext(
        "/v1/metrics",
        exchange -> {
          pushed.add(
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    collector.start();
    try {
      ServerMeters pushing =
          ServerMeters.start(
              "signet-test",
              () -> new Load(1, 0, 0, 0, Map.of(), Map.of()),
              URI.create("http://127.0.0.1:" + collector.getAddress().getPort() + "/v1/metrics"));
      pushing.close();
      assertThat(pushed.poll(20, TimeUnit.SECONDS))
          .contains("signet-test")
          .contains("signet.control.connections")
          .contains("jvm.memory.used");
    } finally {
      collector.stop(0);
    }
  }
}
