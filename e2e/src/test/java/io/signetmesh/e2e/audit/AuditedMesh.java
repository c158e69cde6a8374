package io.signetmesh.e2e.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.JournalId;
import io.signetmesh.audit.RecordSequence;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A control plane, two servers with their proxies, a client with its proxy, and an audit collector:
 * each a process, which can be killed and started again.
 */
final class AuditedMesh implements AutoCloseable {
  static final int CART = 9081;
  static final int WEB = 9080;
  private static final int PORT = 8080;
  private static final int COLLECTOR_PORT = 8092;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Path directory;
  private final Path audit;
  private final Mesh mesh;
  private final MeshWorkload web;
  private final MeshWorkload cart;
  private final MeshWorkload client;
  private final InetSocketAddress collectorAddress;
  private final String[] collectorOptions;
  private final Map<String, SignetProcess> others = new HashMap<>();
  private int started;

  /**
   * Describes the mesh; nothing runs yet.
   *
   * @param audit directory of the collector
   */
  AuditedMesh(Path directory, Path audit, String... collectorOptions) throws Exception {
    this.directory = directory;
    this.audit = audit;
    this.collectorOptions = collectorOptions;
    this.mesh = Mesh.create(directory);
    this.collectorAddress = new InetSocketAddress(mesh.outsider(), COLLECTOR_PORT);
    this.web = server("web");
    this.cart = server("cart");
    this.client =
        mesh.workload("client")
            .upstream(WEB, "web.shop.svc.cluster.local:80")
            .upstream(CART, "cart.shop.svc.cluster.local:80");
  }

  private MeshWorkload server(String name) throws IOException {
    MeshWorkload workload = mesh.workload(name).port("http", PORT);
    workload.environment(
        "SIGNET_PROXY_AUDIT_SVC_ADDR",
        collectorAddress.getAddress().getHostAddress() + ":" + COLLECTOR_PORT);
    workload.environment(
        "SIGNET_PROXY_AUDIT_SVC_NAME", mesh.processes().names().auditCollector().dnsName());
    mesh.service(name, workload, 80, "http");
    mesh.server(name, workload, "http", "HTTP/1");
    mesh.allowIdentities(name, name, "client");
    return workload;
  }

  /** Sets a variable of the proxies of both servers. */
  void environment(String variable, String value) {
    web.environment(variable, value);
    cart.environment(variable, value);
  }

  /** Starts everything, and waits until it serves. */
  void start() throws Exception {
    startWithoutCollector();
    startCollector();
  }

  void startWithoutCollector() throws Exception {
    mesh.start();
    startApplication("web");
    startApplication("cart");
  }

  Mesh mesh() {
    return mesh;
  }

  MeshWorkload client() {
    return client;
  }

  List<MeshWorkload> servers() {
    return List.of(web, cart);
  }

  // ---- processes

  void startApplication(String name) throws Exception {
    MeshWorkload of = name.equals("web") ? web : cart;
    others.put(name, mesh.application(of, DemoServices.Kind.HTTP, PORT));
  }

  /** Starts the collector, and waits until it listens. */
  void startCollector() throws Exception {
    SignetProcess process = launchCollector();
    Readiness.awaitListening(process, collectorAddress, LIMIT);
  }

  SignetProcess launchCollector() throws Exception {
    SignetProcess process =
        mesh.run(
            "collector." + ++started,
            collectorEnvironment(),
            collectorArguments().toArray(String[]::new));
    others.put("collector", process);
    return process;
  }

  Map<String, String> collectorEnvironment() {
    return Map.of("JAVA_TOOL_OPTIONS", "-Xmx128m");
  }

  List<String> collectorArguments() {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "audit",
                "collector",
                "--state",
                mesh.processes().state().toString(),
                "--directory",
                audit.toString(),
                "--manifests",
                mesh.processes().manifests().toString(),
                "--audit-file",
                directory.resolve("collector.jsonl").toString(),
                "--identity-addr",
                mesh.addresses().identity().getAddress().getHostAddress()
                    + ":"
                    + mesh.addresses().identity().getPort(),
                "--listen",
                collectorAddress.getAddress().getHostAddress() + ":" + COLLECTOR_PORT));
    arguments.addAll(List.of(collectorOptions));
    return arguments;
  }

  void killCollector() {
    kill(Objects.requireNonNull(others.remove("collector")));
  }

  void killProxy(MeshWorkload of) {
    kill(of.proxy());
  }

  void killControlPlane() {
    kill(mesh.controlPlane());
  }

  void killApplication(String name) {
    kill(Objects.requireNonNull(others.remove(name)));
  }

  private void kill(SignetProcess process) {
    process.kill();
    mesh.processes().stop(process);
  }

  /** Kills all processes, one right after the other. */
  void killAll() {
    List<SignetProcess> all = mesh.processes().processes();
    all.forEach(SignetProcess::kill);
    all.forEach(mesh.processes()::stop);
    others.clear();
  }

  void startAll() throws Exception {
    mesh.startControlPlane();
    for (MeshWorkload each : List.of(web, cart, client)) {
      mesh.launchProxy(each);
    }
    for (String each : List.of("web", "cart")) {
      startApplication(each);
    }
    startCollector();
    for (MeshWorkload each : List.of(web, cart, client)) {
      mesh.awaitReady(each);
    }
  }

  // ---- what is known of the log

  Path log() {
    return audit.resolve("log");
  }

  private static NoteKey key(Path log) throws IOException {
    return NoteKey.parse(Files.readString(log.resolveSibling("log.vkey")).strip());
  }

  /** Entries of the newest checkpoint; 0 when there is none. */
  static long size(Path log) throws IOException {
    byte[] note = FileTileStore.toRead(log).get(TileStore.CHECKPOINT);
    return note == null ? 0 : Checkpoint.open(note, key(log)).size();
  }

  void awaitSize(Path log, long size) {
    Await.until(size + " entries", Duration.ofSeconds(120), () -> size(log) >= size);
  }

  /** Keeps the newest checkpoint that somebody may have seen by now. */
  Path keepCheckpoint(String name) throws IOException {
    Path kept = directory.resolve("checkpoint." + name);
    return Files.copy(
        log().resolve(TileStore.CHECKPOINT), kept, StandardCopyOption.REPLACE_EXISTING);
  }

  /** All entries, in their order. */
  static List<LogEntry> entries(Path log) throws IOException {
    long size = size(log);
    LogReader reader = new LogReader(FileTileStore.toRead(log), size);
    List<LogEntry> entries = new ArrayList<>();
    for (long bundle = 0; bundle * TilePath.WIDTH < size; bundle++) {
      for (byte[] entry : reader.bundle(bundle)) {
        entries.add(LogEntry.parse(entry));
      }
    }
    return entries;
  }

  /** Runs {@code signet audit verify}. */
  void verify(Path log, @Nullable Path since) throws Exception {
    verify(mesh, log, since);
  }

  /** Runs {@code signet audit verify}. */
  static void verify(Mesh mesh, Path log, @Nullable Path since) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of("audit", "verify", "--log", log.toString(), "--key", key(log).toString()));
    if (since != null) {
      arguments.addAll(List.of("--since-checkpoint", since.toString()));
    }
    Mesh.Command command = mesh.command(arguments.toArray(String[]::new));
    assertThat(command.exitCode()).as(command.output()).isZero();
  }

  /** The lines of a journal by their numbers: those of all its files. */
  static SortedMap<Long, String> lines(Path journal) throws IOException {
    SortedMap<Long, String> lines = new TreeMap<>();
    for (int i = 0; i < 8; i++) {
      Path file = i == 0 ? journal : journal.resolveSibling(journal.getFileName() + "." + i);
      if (!Files.exists(file)) {
        continue;
      }
      String text = Files.readString(file);
      // A torn line is none.
      String[] whole = text.substring(0, text.lastIndexOf('\n') + 1).split("\n", 0);
      for (String line : whole) {
        byte[] bytes = line.getBytes(UTF_8);
        if (bytes.length > 0) {
          String before = lines.put(RecordSequence.of(bytes, 0, bytes.length), line);
          assertThat(before).as("number of %s given twice", line).isIn(null, line);
        }
      }
    }
    return lines;
  }

  /** Waits until the log has the last record of a journal. */
  void awaitDelivered(Path log, Path journal) {
    Await.until(
        "the log has all of " + journal,
        Duration.ofSeconds(120),
        () -> {
          String id = Objects.requireNonNull(JournalId.read(journal)).id();
          long reached = 0;
          for (LogEntry entry : entries(log)) {
            if (entry.journal().equals(id) && entry.content() instanceof LogEntry.Line line) {
              reached = Math.max(reached, line.sequence());
            }
          }
          if (reached == lines(journal).lastKey()) {
            return true;
          }
          Thread.sleep(500);
          return false;
        });
  }

  /**
   * Compares what the log has of a journal with its files: each line once, in their order, and
   * nothing else.
   *
   * @return the lines by their numbers
   */
  SortedMap<Long, String> requireWhole(Path log, Path journal, MeshWorkload of) throws IOException {
    SortedMap<Long, String> lines = lines(journal);
    String id = Objects.requireNonNull(JournalId.read(journal)).id();
    String writer = mesh.identity(of).dnsName();
    long next = 1;
    for (LogEntry entry : entries(log)) {
      if (!entry.journal().equals(id)) {
        continue;
      }
      assertThat(entry.writer()).isEqualTo(writer);
      assertThat(entry.foreign()).as("record %s of %s", next, of.name()).isFalse();
      assertThat(entry.content())
          .as("record %s of %s", next, of.name())
          .isInstanceOf(LogEntry.Line.class);
      LogEntry.Line line = (LogEntry.Line) entry.content();
      assertThat(line.sequence()).as("record of %s", of.name()).isEqualTo(next);
      assertThat(line.text()).isEqualTo(lines.get(next));
      next++;
    }
    assertThat(next - 1).as("records of %s", of.name()).isEqualTo(lines.size());
    assertThat(lines.lastKey()).isEqualTo(next - 1);
    return lines;
  }

  @Override
  public void close() throws Exception {
    mesh.close();
  }
}
