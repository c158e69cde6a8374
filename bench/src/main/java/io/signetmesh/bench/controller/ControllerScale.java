package io.signetmesh.bench.controller;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.signetmesh.bench.controller.ScaleMesh.Edit;
import io.signetmesh.cli.controlplane.EnforcementClient;
import io.signetmesh.cli.controlplane.EnforcementTable;
import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.PortStatus;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run controller}. */
@Command(
    name = "controller",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures one control plane process ('signet up --control-plane-only', reading a directory of"
          + " manifests) under the connections of many proxies: live heap for a watched port, and the"
          + " time from an edit of a file to the last acknowledgement. Each edit must lead to one"
          + " message on exactly the streams that it touches.",
      "All proxies are simulated by this process: one mutual TLS connection a pod, a policy stream"
          + " for each of its ports, acknowledgements as proxies send them."
    },
    footer = {
      "",
      "Exit codes: 0 measured; 1 an edit touched other streams than it must; 2 usage; 70 something"
          + " broke.",
      "",
      "Example:",
      "  bench/run controller --repetitions 50 --json controller.json"
    })
public final class ControllerScale implements Callable<Integer> {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  /** Time in which a message too many would show. */
  private static final Duration SETTLE = Duration.ofMillis(150);

  private static final double MEGABYTE = 1 << 20;
  private static final int SHOWN_CLASSES = 40;

  @Option(
      names = "--namespaces",
      paramLabel = "N",
      description = "Namespaces, 1 to 99. Default: ${DEFAULT-VALUE}.")
  private int namespaces = 20;

  @Option(
      names = "--pods",
      paramLabel = "N",
      description = "Pods of each namespace, 10 to 1000. Default: ${DEFAULT-VALUE}.")
  private int pods = 100;

  @Option(
      names = "--repetitions",
      paramLabel = "N",
      description =
          "Measured edits of each kind, 1 to 10000, after a tenth as many that do not count."
              + " Default: ${DEFAULT-VALUE}.")
  private int repetitions = 50;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result to FILE as well.")
  private @Nullable Path json;

  @Option(
      names = "--classes",
      description = "Print the classes with most bytes on the controller's heap as well.")
  private boolean classes;

  @Option(
      names = "--log",
      paramLabel = "FILE",
      description = "Keep the control plane's log in FILE.")
  private @Nullable Path log;

  private final PrintStream progress = System.err;

  @Override
  public Integer call() throws Exception {
    if (namespaces < 1
        || namespaces > 99
        || pods < ScaleMesh.APPLICATIONS
        || pods > 1_000
        || repetitions < 1
        || repetitions > 10_000) {
      progress.println("bench: an option is out of range, see --help");
      return 2;
    }
    Path directory = Files.createTempDirectory("signet-controller");
    Map<String, Object> result = new LinkedHashMap<>();
    boolean exact;
    try (LoopbackNet net = LoopbackNet.reserve()) {
      MeshProcesses processes =
          MeshProcesses.prepare(
              directory, MeshNames.DEFAULT, ControlPlane.at(net.address(2)), Clock.systemUTC());
      try {
        exact = measure(processes, result);
      } finally {
        processes.close();
        if (log != null) {
          Files.copy(
              directory.resolve("logs").resolve("control-plane.log"),
              log,
              StandardCopyOption.REPLACE_EXISTING);
        }
        processes.deleteDirectory();
      }
    }
    if (json != null) {
      Files.writeString(
          json,
          new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(result)
              + "\n");
    }
    return exact ? 0 : 1;
  }

  private boolean measure(MeshProcesses processes, Map<String, Object> result) throws Exception {
    ScaleMesh mesh = new ScaleMesh(processes.manifests(), namespaces, pods);
    mesh.write();
    System.out.printf(
        "%,d ports of %,d pods in %d namespaces, %,d Servers, %,d AuthorizationPolicies; %d CPUs%n",
        mesh.ports(),
        mesh.pods(),
        namespaces,
        mesh.servers(),
        mesh.authorizations(),
        Runtime.getRuntime().availableProcessors());
    result.put("watched_ports", mesh.ports());
    result.put("pods", mesh.pods());
    result.put("authorization_policies", mesh.authorizations());
    result.put("servers", mesh.servers());
    SignetProcess controller = processes.startControlPlane();
    processes.awaitControlPlane(controller);
    List<String> top = new ArrayList<>();
    long idle = LiveHeap.bytes(controller.pid(), top);
    result.put("heap_idle_bytes", idle);
    System.out.printf("live heap: %.1f MB with all manifests read%n", idle / MEGABYTE);

    Map<String, IdentityClient> members = new LinkedHashMap<>();
    try (Fleet fleet = new Fleet()) {
      IdentityClient operator =
          join(processes, EnforcementClient.OPERATOR, processes.names(), fleet);
      members.put("", operator);
      for (int i = 0; i < namespaces; i++) {
        members.put(
            ScaleMesh.namespace(i), joinNamespace(processes, ScaleMesh.namespace(i), fleet));
      }
      String serverName = processes.names().policyServer().dnsName();
      long start = System.nanoTime();
      fleet.open(mesh, processes.controlPlane().policy(), serverName, members);
      System.out.printf(
          "all streams open and in force after %.1f s%n", (System.nanoTime() - start) / 1e9);
      long watched = LiveHeap.bytes(controller.pid(), top);
      long perPort = (watched - idle) / mesh.ports();
      result.put("heap_watched_bytes", watched);
      result.put("heap_bytes_per_watched_port", perPort);
      System.out.printf(
          "live heap: %.1f MB with all ports watched: %,d bytes a port, its share of the connection"
              + " included%n%n",
          watched / MEGABYTE, perPort);
      if (classes) {
        top.subList(0, Math.min(top.size(), SHOWN_CLASSES)).forEach(System.out::println);
      }
      boolean exact;
      try (EnforcementClient status =
          EnforcementClient.open(
              processes.controlPlane().policy(),
              serverName,
              operator,
              fleet.loops(),
              Clock.systemUTC())) {
        exact = edits(mesh, fleet, status, result);
      }
      long after = LiveHeap.bytes(controller.pid(), top);
      result.put("heap_after_edits_bytes", after);
      System.out.printf("%nlive heap: %.1f MB after all edits%n", after / MEGABYTE);
      return exact;
    } finally {
      members.values().forEach(IdentityClient::close);
    }
  }

  private boolean edits(
      ScaleMesh mesh, Fleet fleet, EnforcementClient status, Map<String, Object> result)
      throws IOException, InterruptedException {
    boolean exact = true;
    System.out.printf(
        "%-15s %9s %12s %9s %9s %9s %12s%n",
        "edit", "messages", "of others", "p50 ms", "p99 ms", "max ms", "1st p50 ms");
    int round = 0;
    for (Edit edit : Edit.values()) {
      List<Double> last = new ArrayList<>();
      List<Double> first = new ArrayList<>();
      int others = 0;
      int warm = Math.max(1, repetitions / 10);
      for (int i = 0; i < warm + repetitions; i++) {
        Measured measured = measure(mesh, edit, ++round, fleet, status);
        others += measured.others();
        if (i >= warm) {
          last.add(measured.lastMillis());
          first.add(measured.firstMillis());
        }
      }
      exact &= others == 0;
      double[] sorted = last.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      double[] firsts = first.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      System.out.printf(
          "%-15s %,9d %12d %9.0f %9.0f %9.0f %12.0f%n",
          edit.label(),
          mesh.messages(edit),
          others,
          percentile(sorted, 50),
          percentile(sorted, 99),
          sorted[sorted.length - 1],
          percentile(firsts, 50));
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("messages", mesh.messages(edit));
      row.put("messages_on_other_streams", others);
      row.put("repetitions", repetitions);
      row.put("last_acknowledgement_p50_ms", percentile(sorted, 50));
      row.put("last_acknowledgement_p99_ms", percentile(sorted, 99));
      row.put("last_acknowledgement_max_ms", sorted[sorted.length - 1]);
      row.put("first_acknowledgement_p50_ms", percentile(firsts, 50));
      result.put(edit.label().replace(' ', '_'), row);
    }
    return exact;
  }

  /**
   * One edit.
   *
   * @param firstMillis from the edit to the first acknowledgement that the controller took
   * @param lastMillis to the last one
   * @param others messages too many, or on streams that the edit does not touch
   */
  private record Measured(double firstMillis, double lastMillis, int others) {}

  private static Measured measure(
      ScaleMesh mesh, Edit edit, int round, Fleet fleet, EnforcementClient status)
      throws IOException, InterruptedException {
    fleet.reset();
    Instant start = Clock.systemUTC().instant();
    String namespace = mesh.apply(edit, round);
    int wanted = mesh.messages(edit);
    fleet.await(wanted, LIMIT);
    EnforcementStatus answer =
        status.await(namespace, EnforcementTable::inForce, Duration.ZERO, LIMIT);
    if (!EnforcementTable.inForce(answer)) {
      throw new IOException("not in force everywhere within " + LIMIT.toSeconds() + " s");
    }
    long first = Long.MAX_VALUE;
    long last = Long.MIN_VALUE;
    for (PortStatus port : answer.getPortsList()) {
      long micros =
          Duration.between(
                      start,
                      Instant.ofEpochSecond(
                          port.getAcknowledgedAt().getSeconds(),
                          port.getAcknowledgedAt().getNanos()))
                  .toNanos()
              / 1_000;
      if (micros >= 0) {
        first = Math.min(first, micros);
        last = Math.max(last, micros);
      }
    }
    Thread.sleep(SETTLE);
    int received = fleet.received();
    int strays =
        namespace.isEmpty()
            ? received - wanted
            : received - wanted + (received - fleet.received(namespace));
    return new Measured(first / 1e3, last / 1e3, strays);
  }

  private static IdentityClient joinNamespace(
      MeshProcesses processes, String namespace, Fleet fleet) throws Exception {
    WorkloadIdentity identity = processes.names().identity(namespace, ScaleMesh.SERVICE_ACCOUNT);
    return join(processes, identity, fleet);
  }

  private static IdentityClient join(
      MeshProcesses processes, String serviceAccount, MeshNames names, Fleet fleet)
      throws Exception {
    return join(processes, names.identity(names.controlPlaneNamespace(), serviceAccount), fleet);
  }

  private static IdentityClient join(
      MeshProcesses processes, WorkloadIdentity identity, Fleet fleet) throws Exception {
    return new Membership(
            processes.names(),
            processes.trustAnchors(),
            processes.issueToken(identity),
            processes.controlPlane().identity())
        .join(identity, fleet.loops(), Clock.systemUTC(), LIMIT);
  }

  private static double percentile(double[] sorted, int percent) {
    int index = (int) Math.ceil(sorted.length * percent / 100.0) - 1;
    return sorted[Math.max(0, Math.min(sorted.length - 1, index))];
  }
}
