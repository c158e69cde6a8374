package io.signetmesh.cli.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.logs.v1.LogRecord;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class AuditExportCommandTest {
  private final ByteArrayOutputStream standardOutput = new ByteArrayOutputStream();

  @TempDir private Path temporary;
  private AuditLogs log = new AuditLogs(Path.of(""));

  @BeforeEach
  void makeLog() throws IOException {
    log = AuditLogs.usual(temporary.resolve("log"));
  }

  private CommandRun export(String... more) {
    String[] all = {"export", "--log", log.directory().toString()};
    String[] arguments = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, arguments, all.length, more.length);
    return CommandRun.of(
        "export", new CommandLine(new AuditExportCommand(standardOutput)), arguments);
  }

  private void grow() throws IOException {
    log.record(AuditLogs.decision("", "deny", "no-route", "")).write();
  }

  private String file(String name) {
    return temporary.resolve(name).toString();
  }

  @Test
  void anExportOfAllRecordsProvesThatItIsComplete() throws Exception {
    CommandRun run = export("--to", file("all.jsonl")).ended(ExitCode.OK);
    assertThat(run.err()).isEqualTo("4 records exported\n");
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(temporary.resolve("all.jsonl"))))
        .isEqualTo("rw-------");

    CommandRun verified =
        CommandRun.of("audit", "verify", file("all.jsonl"), "--key", AuditLogs.key());
    assertThat(verified.ended(ExitCode.OK).out())
        .contains("checkpoint of 4 entries")
        .endsWith("good: complete and unaltered\n");

    export("--from", "1", "--before", "3").ended(ExitCode.OK);
    Path part = Files.write(temporary.resolve("part.jsonl"), standardOutput.toByteArray());
    assertThat(
            CommandRun.of("audit", "verify", part.toString(), "--key", AuditLogs.key())
                .ended(ExitCode.OK)
                .out())
        .contains("entries 1 to 2, checkpoint of 4 entries");
  }

  @Test
  void anExportGoesOnWhereItEnded() throws Exception {
    for (String format : List.of("jsonl", "csv", "cef", "ocsf", "otlp")) {
      String[] options = {"--format", format, "--to", file(format), "--cursor", file(format + "c")};
      export(options).ended(ExitCode.OK);
      byte[] first = Files.readAllBytes(temporary.resolve(format));
      assertThat(export(options).ended(ExitCode.OK).err()).isEqualTo("0 records exported\n");
      assertThat(Files.readAllBytes(temporary.resolve(format))).isEqualTo(first);
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(temporary.resolve(format + "c"))))
          .isEqualTo("rw-------");
    }
    grow();
    for (String format : List.of("jsonl", "csv", "cef", "ocsf", "otlp")) {
      // A run that was cut off has left the beginning of what comes.
      Files.writeString(temporary.resolve(format), "{\"id", StandardOpenOption.APPEND);
      String[] options = {"--format", format, "--to", file(format), "--cursor", file(format + "c")};
      assertThat(export(options).ended(ExitCode.OK).err()).isEqualTo("1 record exported\n");
      List<String> lines = Files.readAllLines(temporary.resolve(format));
      int heads = format.equals("jsonl") ? 2 : format.equals("csv") ? 1 : 0;
      assertThat(lines).as(format).hasSize(5 + heads);
    }
    CommandRun.of("audit", "verify", file("jsonl"), "--key", AuditLogs.key()).ended(ExitCode.OK);
  }

  @Test
  void aCursorIsOfOneExportOfOneHistory() throws Exception {
    export("--cursor", file("c")).ended(ExitCode.OK);
    assertThat(export("--cursor", file("c"), "--format", "cef").ended(64).err())
        .contains("the cursor is of an export as jsonl with filter '': expected cef with ''");
    assertThat(export("--cursor", file("c"), "--verdict", "deny").ended(64).err())
        .contains("expected jsonl with 'verdict deny'");

    log = new AuditLogs(temporary.resolve("other"));
    for (int i = 0; i < 9; i++) {
      log.record("\"gap\":{\"lost\":1}");
    }
    log.write();
    assertThat(export("--cursor", file("c")).ended(64).err())
        .contains("the first 4 entries of the log are not those of when the cursor was written");

    log = AuditLogs.usual(temporary.resolve("same"));
    export("--cursor", file("d"), "--to", file("d.jsonl")).ended(ExitCode.OK);
    Files.writeString(temporary.resolve("d.jsonl"), "");
    assertThat(export("--cursor", file("d"), "--to", file("d.jsonl")).ended(64).err())
        .contains("d.jsonl has 0 bytes: expected the ");
  }

  @Test
  void refusesWhatDoesNotGoTogether() throws Exception {
    export("--endpoint", "http://localhost/").ended(ExitCode.USAGE);
    export("--format", "otlp", "--endpoint", "ftp://localhost/").ended(ExitCode.USAGE);
    export("--cursor", file("c"), "--from", "1").ended(ExitCode.USAGE);
    assertThat(export("--from", "9").ended(ExitCode.USAGE).err()).contains("the log has 4 entries");
    export("--endpoint", "kafka://localhost:9092").ended(ExitCode.USAGE);
    export("--endpoint", "kafka://localhost:9092/t", "--format", "cef").ended(ExitCode.USAGE);
    export("--kafka-properties", file("k")).ended(ExitCode.USAGE);
    for (String url : List.of("grpc://localhost", "grpc://localhost:1/a", "https://u:s3cret@a/")) {
      assertThat(export("--format", "otlp", "--endpoint", url).ended(ExitCode.USAGE).err())
          .contains("the endpoint is none")
          .doesNotContain("s3cret");
    }
    String[] clear = {
      "--format", "otlp", "--endpoint", "grpc://otel.example:4317", "--headers-file", file("h")
    };
    assertThat(export(clear).ended(ExitCode.USAGE).err()).contains("expected https or grpcs");
    Path headers = Files.writeString(temporary.resolve("headers"), "Authorization: Bearer x\n");
    Files.setPosixFilePermissions(headers, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(
            export(
                    "--format",
                    "otlp",
                    "--endpoint",
                    "http://127.0.0.1:1/",
                    "--headers-file",
                    headers.toString())
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("is open to others");
  }

  @Test
  void aReceiverOfOpenTelemetryGetsEachRecordOnce() throws Exception {
    List<LogRecord> received = Collections.synchronizedList(new ArrayList<>());
    List<String> headers = Collections.synchronizedList(new ArrayList<>());
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/logs",
        (HttpExchange exchange) -> {
          headers.add(exchange.getRequestHeaders().getFirst("Authorization"));
          ExportLogsServiceRequest request =
              ExportLogsServiceRequest.parseFrom(exchange.getRequestBody());
          request
              .getResourceLogsList()
              .forEach(
                  resource ->
                      resource
                          .getScopeLogsList()
                          .forEach(scope -> received.addAll(scope.getLogRecordsList())));
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    server.start();
    try {
      Path secret = Files.writeString(temporary.resolve("headers"), "Authorization: Bearer x\n");
      Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/v1/logs";
      String[] options = {
        "--format", "otlp", "--endpoint", url, "--cursor", file("c"), "--headers-file", "x"
      };
      options[options.length - 1] = secret.toString();
      assertThat(export(options).ended(ExitCode.OK).err()).isEqualTo("4 records exported\n");
      grow();
      export(options).ended(ExitCode.OK);

      assertThat(received).hasSize(5);
      assertThat(received)
          .extracting(record -> record.getAttributes(0).getValue().getStringValue())
          .containsExactly(
              "signet.example/audit#0",
              "signet.example/audit#1",
              "signet.example/audit#2",
              "signet.example/audit#3",
              "signet.example/audit#4");
      assertThat(headers).containsOnly("Bearer x");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void recordsThatTheReceiverRefusesAreNotPassedOver() throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        (HttpExchange exchange) -> {
          exchange.sendResponseHeaders(400, -1);
          exchange.close();
        });
    server.start();
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/v1/logs";
      CommandRun run = export("--format", "otlp", "--endpoint", url, "--cursor", file("c"));
      assertThat(run.ended(ExitCode.UNAVAILABLE).err()).contains("it answered 400");
      assertThat(temporary.resolve("c")).doesNotExist();
    } finally {
      server.stop(0);
    }
  }

  @Test
  void aFilteredExportSaysSo() {
    export("--verdict", "deny").ended(ExitCode.OK);
    assertThat(standardOutput.toString(UTF_8).lines().toList())
        .hasSize(2)
        .first()
        .asString()
        .contains("\"filter\":\"verdict deny\"")
        .doesNotContain("\"proof\"");
  }
}
