package io.signetmesh.e2e.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The acts of control-plane servers, each a process, reach an audit collector. */
@Timeout(300)
final class ServerJournalsIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int COLLECTOR_PORT = 8092;

  private static String text(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  @Test
  void theirActsAreInTheLogUnderTheirOwnIdentities(@TempDir Path directory) throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshNames names = mesh.processes().names();
      ControlPlane at = mesh.addresses();
      InetSocketAddress collector = new InetSocketAddress(mesh.outsider(), COLLECTOR_PORT);
      String state = mesh.processes().state().toString();
      String manifests = mesh.processes().manifests().toString();
      Path audit = directory.resolve("log");

      start(mesh, "identity", at.identity(), collector, List.of("--state", state));
      List<String> member =
          List.of(
              "--state", state, "--identity-addr", text(at.identity()), "--manifests", manifests);
      start(mesh, "policy", at.policy(), collector, member);
      start(mesh, "discovery", at.discovery(), collector, member);
      SignetProcess collecting =
          mesh.run(
              "collector",
              Map.of(),
              "audit",
              "collector",
              "--state",
              state,
              "--identity-addr",
              text(at.identity()),
              "--listen",
              text(collector),
              "--directory",
              audit.toString(),
              "--audit-file",
              directory.resolve("collector.jsonl").toString());
      Readiness.awaitListening(collecting, collector, LIMIT);
      mesh.manifest(
          "server",
          """
          apiVersion: policy.linkerd.io/v1beta3
          kind: Server
          metadata: {name: web, namespace: shop}
          spec:
            podSelector: {}
            port: 8080
            proxyProtocol: HTTP/1
          """);

      Set<String> expected =
          Set.of(names.identityServer().dnsName(), names.policyServer().dnsName());
      List<LogEntry> seen = new ArrayList<>();
      Await.until(
          "acts of " + expected,
          LIMIT,
          () -> {
            seen.clear();
            seen.addAll(AuditedMesh.entries(audit.resolve("log")));
            Set<String> writers = new HashSet<>();
            seen.forEach(entry -> writers.add(entry.writer()));
            return writers.containsAll(expected)
                && has(seen, names.policyServer().dnsName(), "policy-applied")
                && has(seen, names.identityServer().dnsName(), "certificate-issued");
          });
      assertThat(seen).noneMatch(LogEntry::foreign);
      AuditedMesh.verify(mesh, audit.resolve("log"), null);
    }
  }

  private static boolean has(List<LogEntry> entries, String writer, String act) {
    return entries.stream()
        .filter(entry -> entry.writer().equals(writer))
        .anyMatch(
            entry ->
                entry.content() instanceof LogEntry.Line line
                    && line.text().contains("\"act\":\"" + act + "\""));
  }

  private static void start(
      Mesh mesh, String server, InetSocketAddress at, InetSocketAddress to, List<String> more)
      throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of(server, "--listen", text(at), "--audit-collector", text(to)));
    arguments.addAll(more);
    SignetProcess process = mesh.run(server, Map.of(), arguments.toArray(String[]::new));
    Readiness.awaitListening(process, at, LIMIT);
  }
}
