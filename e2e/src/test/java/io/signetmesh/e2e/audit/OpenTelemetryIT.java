package io.signetmesh.e2e.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The audit log at a collector of OpenTelemetry, made of the modules of the OpenTelemetry project:
 * {@code e2e/otel-collector}.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class OpenTelemetryIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path PROGRAM = Path.of("target", "otel-collector").toAbsolutePath();
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final int RECORDS = 3_000;

  @TempDir Path directory;

  private final int grpc = freePort();
  private final int http = freePort();
  private final int grpcs = freePort();
  private final int https = freePort();
  private int exports;
  private Process collector;

  OpenTelemetryIT() throws IOException {}

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      return socket.getLocalPort();
    }
  }

  @BeforeAll
  static void build() throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
                "go", "build", "-trimpath", "-buildvcs=false", "-o", PROGRAM.toString(), ".")
            .directory(Path.of("otel-collector").toFile())
            .redirectErrorStream(true);
    // An older Go brings the version that go.mod wants.
    builder.environment().put("GOTOOLCHAIN", "auto");
    builder.environment().put("GOFLAGS", "-mod=readonly");
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
  }

  @BeforeEach
  void start() throws Exception {
    WrittenLog.write(directory.resolve("audit"), 1, RECORDS);
    serve("IP:127.0.0.1");
  }

  /** Starts the collector with a certificate that has a name. */
  private void serve(String name) throws Exception {
    Tool.Result made =
        Tool.run(
            ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
                    + " -subj /CN=collector -addext subjectAltName="
                    + name
                    + " -keyout "
                    + directory.resolve("key.pem")
                    + " -out "
                    + directory.resolve("ca.pem"))
                .split(" "));
    assertThat(made.exitCode()).as(made.output()).isZero();
    Path config = directory.resolve("config.yaml");
    Files.writeString(
        config,
        """
        receivers:
          otlp/clear:
            protocols:
              grpc: {endpoint: "127.0.0.1:%1$d", include_metadata: true}
              http: {endpoint: "127.0.0.1:%2$d", include_metadata: true}
          otlp/tls:
            protocols:
              grpc:
                endpoint: "127.0.0.1:%3$d"
                include_metadata: true
                tls: {cert_file: "%5$s/ca.pem", key_file: "%5$s/key.pem"}
              http:
                endpoint: "127.0.0.1:%4$d"
                include_metadata: true
                tls: {cert_file: "%5$s/ca.pem", key_file: "%5$s/key.pem"}
        exporters:
          lines: {path: "%5$s/received.jsonl"}
        service:
          pipelines:
            logs: {receivers: [otlp/clear, otlp/tls], exporters: [lines]}
        """
            .formatted(grpc, http, grpcs, https, directory));
    collector =
        new ProcessBuilder(PROGRAM.toString(), "--config", "file:" + config)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("collector.log").toFile())
            .start();
    for (int port : List.of(grpc, http, grpcs, https)) {
      Await.until(
          "the collector listens",
          LIMIT,
          () -> {
            if (!collector.isAlive()) {
              throw new AssertionError(Files.readString(directory.resolve("collector.log")));
            }
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
              return socket.isConnected();
            }
          });
    }
  }

  @AfterEach
  void stop() throws InterruptedException {
    collector.destroyForcibly().waitFor();
  }

  private SignetProcess export(String endpoint, String... more) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "audit",
                "export",
                "--log",
                directory.resolve("audit").resolve(CollectorLog.TILES).toString(),
                "--format",
                "otlp",
                "--endpoint",
                endpoint));
    all.addAll(List.of(more));
    SignetProcess process =
        SignetProcess.start(
            "export", directory.resolve("export-" + exports++ + ".log"), Map.of(), all);
    try (process) {
      assertThat(process.awaitExit(LIMIT)).isTrue();
    }
    return process;
  }

  private List<JsonNode> received() throws IOException {
    List<JsonNode> all = new ArrayList<>();
    for (String line : Files.readAllLines(directory.resolve("received.jsonl"))) {
      all.add(JSON.readTree(line));
    }
    return all;
  }

  private Path secret(String text) throws IOException {
    Path file = directory.resolve("headers");
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    return Files.writeString(file, text);
  }

  @ParameterizedTest
  @CsvSource({"grpc", "http", "grpcs", "https"})
  void aCollectorOfOpenTelemetryHasEachRecord(String scheme) throws Exception {
    String endpoint =
        switch (scheme) {
          case "grpc" -> "grpc://127.0.0.1:" + grpc;
          case "http" -> "http://127.0.0.1:" + http + "/v1/logs";
          case "grpcs" -> "grpcs://127.0.0.1:" + grpcs;
          default -> "https://127.0.0.1:" + https + "/v1/logs";
        };
    String headers = secret("X-Tenant: shop-4711\n").toString();
    String cursor = directory.resolve("cursor").toString();
    List<String> more = new ArrayList<>(List.of("--headers-file", headers, "--cursor", cursor));
    if (scheme.endsWith("s")) {
      more.addAll(List.of("--ca-file", directory.resolve("ca.pem").toString()));
    }

    SignetProcess done = export(endpoint, more.toArray(String[]::new));

    assertThat(done.exitCode()).as(() -> done.lastLines(20).toString()).isZero();
    assertThat(done.lastLines(1)).containsExactly("3,000 records exported");
    List<JsonNode> records = received();
    assertThat(records)
        .extracting(record -> record.path("attributes").path("log.record.uid").asText())
        .containsExactlyElementsOf(
            IntStream.range(0, RECORDS).mapToObj(i -> WrittenLog.ORIGIN + "#" + i).toList());
    JsonNode one = records.get(1_234);
    assertThat(one.path("tenant").path(0).asText()).isEqualTo("shop-4711");
    assertThat(one.path("severity").asText()).isEqualTo("INFO");
    assertThat(one.path("event").asText()).isEqualTo("signet.audit.decision");
    assertThat(one.path("attributes").path("url.path").asText()).isEqualTo("/\u00fc/1235");
    assertThat(one.path("attributes").path("signet.workload").asText()).isEqualTo("shop/web-0");
    assertThat(one.path("resource").path("signet.audit.log").asText()).isEqualTo(WrittenLog.ORIGIN);
    assertThat(one.path("time").asLong()).isEqualTo(1_796_032_800_000L);

    WrittenLog.write(directory.resolve("audit"), RECORDS + 1, 7);
    assertThat(export(endpoint, more.toArray(String[]::new)).exitCode()).isZero();
    assertThat(received()).hasSize(RECORDS + 7);
  }

  @Test
  void recordsAndSecretsGoToAReceiverOnlyThatIsVerified() throws Exception {
    String headers = secret("Authorization: Bearer s3cret-4711\n").toString();
    String trusted = directory.resolve("ca.pem").toString();
    List<String> endpoints =
        List.of("grpcs://127.0.0.1:" + grpcs, "https://127.0.0.1:" + https + "/v1/logs");
    for (String endpoint : endpoints) {
      requireRefused(export(endpoint, "--headers-file", headers));
    }
    assertThat(received()).isEmpty();

    stop();
    serve("DNS:collector.example");
    for (String endpoint : endpoints) {
      requireRefused(export(endpoint, "--headers-file", headers, "--ca-file", trusted));
    }
    assertThat(received()).isEmpty();
  }

  private static void requireRefused(SignetProcess export) {
    String said = String.join("\n", export.lastLines(50));
    assertThat(export.exitCode()).as(said).isEqualTo(69);
    assertThat(said).contains("its TLS is not good").doesNotContain("s3cret");
  }
}
