package io.signetmesh.cli.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AuditReportCommandTest {
  private static final String TLS = ",\"tls_version\":\"TLSv1.3\"";
  private static final String AUTHORIZED =
      ",\"authorization\":\"policy.linkerd.io/authorizationpolicy/web-clients\"";
  private static final String BY_DEFAULT = ",\"authorization\":\"default/all-unauthenticated\"";

  @TempDir private Path temporary;
  private AuditLogs log = new AuditLogs(Path.of(""));

  @BeforeEach
  void makeLog() throws IOException {
    log = new AuditLogs(temporary.resolve("log"));
    String meshed = AuditLogs.meshed(AuditLogs.FRONTEND);
    log.record(AuditLogs.decision(meshed, "allow", "authorized", AUTHORIZED + TLS));
    log.record(AuditLogs.decision("", "allow", "authorized", BY_DEFAULT));
    log.record(AuditLogs.decision("", "allow", "authorized", BY_DEFAULT));
    log.record(AuditLogs.decision("", "deny", "tls-required", AUTHORIZED));
    log.record(AuditLogs.decision("", "allow", "loopback", ""));
    log.record(
        AuditLogs.decision(meshed, "allow", "authorized", BY_DEFAULT + TLS)
            .replace("server/web", "server/metrics"));
    log.foreign(AuditLogs.decision("", "allow", "authorized", BY_DEFAULT));
    log.record("\"gap\":{\"lost\":128,\"workload\":\"shop/web-1\"}");
    log.write();
  }

  private CommandRun report(String kind, String... more) {
    String[] all = {"audit", "report", kind, "--log", log.directory().toString()};
    String[] arguments = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, arguments, all.length, more.length);
    return CommandRun.of(arguments);
  }

  private static List<String> rows(JsonNode report, String... fields) {
    return report.path("rows").findParents("client").stream()
        .map(row -> String.join(" ", Arrays.stream(fields).map(f -> row.path(f).asText()).toList()))
        .toList();
  }

  @Test
  void strictNamesThoseThatBreakAndNobodyElse() throws Exception {
    JsonNode both = report("strict", "-o", "json").ended(ExitCode.OK).json();
    assertThat(rows(both, "client", "lacks", "count"))
        .containsExactly(
            "10.1.0.4 mesh TLS, authorization 2", AuditLogs.FRONTEND + " authorization 1");
    assertThat(both.path("foreign").asLong()).isEqualTo(1);
    assertThat(both.path("lost").asLong()).isEqualTo(128);

    assertThat(rows(report("strict", "--require", "tls", "-o", "json").json(), "client", "lacks"))
        .containsExactly("10.1.0.4 mesh TLS");
    assertThat(
            rows(
                report("strict", "--require", "authorization", "-o", "json").json(),
                "client",
                "lacks"))
        .containsExactly("10.1.0.4 authorization", AuditLogs.FRONTEND + " authorization");
    assertThat(rows(report("strict", "--server", "metrics", "-o", "json").json(), "client"))
        .containsExactly(AuditLogs.FRONTEND);
    assertThat(rows(report("strict", "-n", "other", "-o", "json").json(), "client")).isEmpty();
    assertThat(
            rows(report("strict", "--until", "2026-11-30T10:00:01Z", "-o", "json").json(), "count"))
        .containsExactly("2");
  }

  @Test
  void aTableSaysWhatItDoesNotKnow() {
    assertThat(report("strict").ended(ExitCode.OK).out())
        .startsWith("Clients that would break if mesh TLS and an authorization were required\n")
        .contains("Log signet.example/audit, 6 decisions\n")
        .contains("note: 1 foreign records are left out")
        .contains("note: 128 records are not in the log")
        .containsPattern(
            "10.1.0.4 +shop/web-1 +policy.linkerd.io/server/web +mesh TLS, authorization +2 ");
    assertThat(report("strict", "-n", "other").out()).endsWith("none\n");
  }

  @Test
  void accessTellsWhatAClientCalledAndWhatCameOfIt() throws Exception {
    JsonNode access = report("access", "--identity", "10.1.0.0/16", "-o", "json").json();
    assertThat(rows(access, "client", "server", "verdict", "reason", "count"))
        .containsExactlyInAnyOrder(
            "10.1.0.4 policy.linkerd.io/server/web allow authorized 2",
            "10.1.0.4 policy.linkerd.io/server/web deny tls-required 1",
            "10.1.0.4 policy.linkerd.io/server/web allow loopback 1",
            AuditLogs.FRONTEND + " policy.linkerd.io/server/web allow authorized 1",
            AuditLogs.FRONTEND + " policy.linkerd.io/server/metrics allow authorized 1");
    report("access").ended(ExitCode.USAGE);
    report("access", "--identity", "10.1.0.0/77").ended(ExitCode.USAGE);
  }

  @Test
  void unusedNamesTheAuthorizationsThatNothingUsed() throws Exception {
    Path manifests =
        Files.writeString(
            temporary.resolve("shop.yaml"),
            ShopManifests.YAML
                + """
                ---
                apiVersion: policy.linkerd.io/v1alpha1
                kind: AuthorizationPolicy
                metadata: {name: old-clients, namespace: shop}
                spec:
                  targetRef: {group: policy.linkerd.io, kind: Server, name: web}
                  requiredAuthenticationRefs:
                    - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: frontend}
                """);

    JsonNode unused = report("unused", "-f", manifests.toString(), "-o", "json").json();

    assertThat(unused.path("rows")).hasSize(1);
    assertThat(unused.path("rows").path(0).path("policy").asText())
        .isEqualTo("policy.linkerd.io/authorizationpolicy/old-clients");
    assertThat(unused.path("rows").path(0).path("source").asText()).contains("shop.yaml");
    assertThat(
            report(
                    "unused",
                    "-f",
                    manifests.toString(),
                    "--since",
                    "2026-11-30T11:00:00Z",
                    "-o",
                    "json")
                .json()
                .path("rows"))
        .hasSize(2);
    report("unused", "-f", temporary.resolve("none").toString()).ended(ExitCode.CONFIGURATION);
  }

  @Test
  void whatIsProposedIsValidAndNamesThoseThatWereSeen() throws Exception {
    String proposed = report("propose").ended(ExitCode.OK).out();
    assertThat(proposed)
        .contains("kind: NetworkAuthentication", "- cidr: \"10.1.0.4/32\"")
        .contains("kind: MeshTLSAuthentication", "- \"" + AuditLogs.FRONTEND + "\"")
        .contains("{group: policy.linkerd.io, kind: Server, name: \"metrics\"}")
        .contains("# 128 records are not in the log");
    // The same identities call both Servers: one authentication is enough.
    assertThat(proposed.split("kind: MeshTLSAuthentication\n", -1)).hasSize(2);

    Path shop = Files.writeString(temporary.resolve("shop.yaml"), ShopManifests.YAML);
    Path file = Files.writeString(temporary.resolve("proposed.yaml"), proposed);
    CommandRun run =
        CommandRun.of("policy", "validate", "-f", shop.toString(), "-f", file.toString());
    assertThat(run.ended(ExitCode.OK).out()).contains("0 errors");
  }

  /** Who writes a record must not be able to have a policy proposed that lets everybody in. */
  @Test
  void whatAWriterMakesUpIsNotProposed() throws Exception {
    log = new AuditLogs(temporary.resolve("hostile"));
    for (String identity :
        List.of("*", "*.identity.linkerd.cluster.local", "a\\n    - \\\"*", "spiffe://*", "a b")) {
      log.record(AuditLogs.decision(AuditLogs.meshed(identity), "allow", "authorized", AUTHORIZED));
    }
    log.record(
        AuditLogs.decision("", "allow", "authorized", BY_DEFAULT)
            .replace("server/web", "server/web\\n---\\nkind: x"));
    log.record(
        AuditLogs.decision("", "allow", "authorized", BY_DEFAULT).replace("10.1.0.4", "0.0.0.0/0"));
    log.write();

    String proposed = report("propose").ended(ExitCode.OK).out();

    assertThat(proposed.lines()).allMatch(line -> line.startsWith("#"));
    assertThat(proposed)
        .contains("# Left out: identity * is none that a policy can name.")
        .contains("# Left out: identity a\\u000a    - \"* is none");
  }

  @Test
  void thePageLoadsNothingAndShowsWhatAClientChoseAsText() throws Exception {
    log = new AuditLogs(temporary.resolve("hostile"));
    log.record(
            AuditLogs.decision(
                AuditLogs.meshed("<script>alert('x')</script>&\\\"\\u001b"),
                "allow",
                "authorized",
                BY_DEFAULT))
        .write();

    String page = report("strict", "-o", "html").ended(ExitCode.OK).out();

    assertThat(page)
        .startsWith("<!DOCTYPE html>\n")
        .contains("content=\"default-src 'none'; style-src 'sha256-")
        .contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u001b")
        .contains("<figure role=\"group\" aria-label=\"Highest counts\">")
        .doesNotContain("<script", "http://", "https://", "src=", "href=", "url(", "\u001b")
        .endsWith("</html>\n");
    assertThat(page.split("<rect ", -1)).hasSize(2);
  }
}
