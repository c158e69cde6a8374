package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** {@code signet demo --json} as a process. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class DemoIT {
  private static final int LIMIT_SECONDS = 180;

  private int exitCode;
  private String progress = "";
  private JsonNode report = new ObjectMapper().createObjectNode();

  @BeforeAll
  void run(@TempDir Path directory) throws IOException, InterruptedException {
    Path out = directory.resolve("out");
    Path err = directory.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(SignetProcess.launcher().toString(), "demo", "--json");
    builder.environment().put("SIGNET_NO_BUILD", "1");
    builder.redirectOutput(out.toFile());
    builder.redirectError(err.toFile());
    Process process = builder.start();
    try {
      assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).as("demo ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    exitCode = process.exitValue();
    progress = Files.readString(err);
    report = new ObjectMapper().readTree(Files.readString(out));
  }

  private List<JsonNode> verdicts(String phase, String client) {
    return StreamSupport.stream(report.path("verdicts").spliterator(), false)
        .filter(verdict -> verdict.path("phase").asText().equals(phase))
        .filter(verdict -> verdict.path("client").asText().equals(client))
        .filter(verdict -> !verdict.path("service").asText().equals("account"))
        .toList();
  }

  @Test
  void endsWithZeroBecauseEveryVerdictWasTheExpectedOne() {
    assertThat(exitCode).as(progress + report.toPrettyString()).isZero();
    assertThat(report.path("as_expected").asBoolean()).isTrue();
  }

  @Test
  void allowsTheFrontendByItsIdentityOverPostQuantumMutualTls() {
    assertThat(verdicts("as_written", "frontend"))
        .hasSize(4)
        .allSatisfy(
            verdict -> {
              assertThat(verdict.path("verdict").asText()).isEqualTo("allow");
              JsonNode record = verdict.path("record");
              assertThat(record.path("reason").asText()).isEqualTo("authorized");
              assertThat(record.path("authorization").asText()).endsWith("-from-storefront");
              assertThat(record.path("client_identity").asText())
                  .isEqualTo("frontend.shop.serviceaccount.identity.linkerd.cluster.local");
              assertThat(record.path("tls_version").asText()).isEqualTo("TLSv1.3");
              assertThat(record.path("tls_group").asText()).isEqualTo("X25519MLKEM768");
            })
        .extracting(verdict -> verdict.path("protocol").asText())
        .containsExactly("HTTP/1.1", "gRPC", "gRPC", "TCP");
  }

  @Test
  void deniesTheIntruderInEachProtocolWithTheReasonOnRecord() {
    assertThat(verdicts("as_written", "intruder"))
        .extracting(
            verdict -> verdict.path("service").asText(),
            verdict -> verdict.path("answer").asText(),
            verdict -> verdict.path("record").path("reason").asText(),
            verdict -> verdict.path("record").path("failed_attribute").asText())
        .containsExactly(
            tuple("web", "403 Forbidden", "identity-mismatch", "identity"),
            tuple("greeter", "PERMISSION_DENIED", "identity-mismatch", "identity"),
            tuple("ledger", "connection closed", "network-mismatch", "network"));
  }

  @Test
  void deniesClientsOutsideTheMeshUnlessTheirNetworkIsAllowed() {
    assertThat(verdicts("as_written", "stranger"))
        .hasSize(3)
        .allSatisfy(
            verdict -> {
              assertThat(verdict.path("verdict").asText()).isEqualTo("deny");
              assertThat(verdict.path("record").path("client_identity").isNull()).isTrue();
            })
        .extracting(verdict -> verdict.path("record").path("reason").asText())
        .containsExactly("tls-required", "tls-required", "network-mismatch");
    assertThat(verdicts("as_written", "accounting"))
        .singleElement()
        .satisfies(verdict -> assertThat(verdict.path("verdict").asText()).isEqualTo("allow"));
  }

  @Test
  void asksForACustomersTokenBesideTheIdentity() {
    assertThat(report.path("verdicts"))
        .filteredOn(verdict -> verdict.path("service").asText().equals("account"))
        .extracting(
            verdict -> verdict.path("client").asText(),
            verdict -> verdict.path("request").asText(),
            verdict -> verdict.path("answer").asText(),
            verdict -> verdict.path("record").path("reason").asText())
        .containsExactly(
            tuple("frontend", "GET /orders, a customer's token", "200 OK", "authorized"),
            tuple("frontend", "GET /orders, no token", "401 Unauthorized", "token-required"),
            tuple("frontend", "GET /orders, wrong audience", "401 Unauthorized", "token-invalid"),
            tuple("frontend", "GET /orders, wrong claim", "403 Forbidden", "claim-mismatch"),
            tuple("frontend", "GET /orders, expired", "401 Unauthorized", "token-invalid"),
            tuple(
                "intruder",
                "GET /orders, a customer's token",
                "403 Forbidden",
                "identity-mismatch"));
  }

  @Test
  void putsAnEditInForceOnLiveTraffic() {
    assertThat(verdicts("edited", "frontend"))
        .hasSize(3)
        .allSatisfy(
            verdict -> {
              assertThat(verdict.path("verdict").asText()).isEqualTo("deny");
              assertThat(verdict.path("as_expected").asBoolean()).isTrue();
            });
    assertThat(verdicts("restored", "frontend"))
        .hasSize(3)
        .allSatisfy(verdict -> assertThat(verdict.path("verdict").asText()).isEqualTo("allow"));
    assertThat(verdicts("restored", "accounting"))
        .as("the connection that kept its right")
        .singleElement()
        .satisfies(verdict -> assertThat(verdict.path("note").asText()).endsWith(" 0 errors"));
    // Four ports of applications, and the admin port of each of the six proxies.
    assertThat(report.path("policy_edit").path("acknowledged_ports").asInt()).isEqualTo(10);
  }
}
