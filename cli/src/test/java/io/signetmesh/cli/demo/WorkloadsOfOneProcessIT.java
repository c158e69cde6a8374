package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.controlplane.CollectorSettings;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.controlplane.LocalMesh;
import io.signetmesh.cli.demo.Shop.Client;
import io.signetmesh.cli.demo.Shop.Service;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.LocalProxies;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.policy.fetch.FetchSettings;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The shop's proxies and its control plane in this process, as {@code signet up} has them. */
@Timeout(120)
final class WorkloadsOfOneProcessIT {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final Closing parts = new Closing();
  private Shop shop;
  private LocalProxies proxies;
  private Path manifests;

  @TempDir private Path directory;

  @BeforeEach
  void start() throws Exception {
    LoopbackNet net = parts.add(LoopbackNet.reserve());
    shop = new Shop(net);
    manifests = Files.createDirectory(directory.resolve("manifests"));
    shop.install(SignetProcess.launcher().resolveSibling("examples/quickstart"), manifests);
    parts.add(DemoServices.start(Service.WEB.kind(), shop.application(Service.WEB)));
    ControlPlaneServers.Config config =
        new ControlPlaneServers.Config(
            Files.createDirectory(directory.resolve("state")),
            manifests,
            null,
            shop.controlPlane(),
            new ClusterSettings(
                MeshNames.DEFAULT, List.of(Cidr.parse("127.0.0.0/8")), AccessPolicy.DENY),
            IssuancePolicy.DEFAULT,
            FederationConfig.NONE,
            new FetchSettings(List.of(), null, null),
            null,
            null,
            new ControlPlaneServers.Collector(
                new InetSocketAddress(shop.controlPlane().policy().getAddress(), 0),
                new CollectorSettings(
                    directory.resolve("collector"),
                    "shop/log",
                    FsyncPolicy.BATCH,
                    Retention.ALL,
                    64L << 20,
                    null,
                    null,
                    true)));
    ControlPlaneServers servers = parts.add(ControlPlaneServers.start(config, Clock.systemUTC()));
    proxies = parts.add(LocalMesh.proxies(config, servers, Clock.systemUTC()));
    parts.add(servers.source().subscribe(proxies));
    // The source tells of its view on a thread of its own.
    long end = System.nanoTime() + LIMIT.toNanos();
    while (proxies.workloads().size() < 6 && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    assertThat(proxies.workloads()).hasSize(6);
    proxies.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    parts.close();
  }

  @Test
  void recordsOfAllProxiesAreInTheLogOfTheCollectorOnceEach() throws Exception {
    try (Caller frontend = new Caller(Client.FRONTEND);
        Caller intruder = new Caller(Client.INTRUDER)) {
      for (int i = 0; i < 20; i++) {
        assertThat(frontend.get("/catalog")).isEqualTo(200);
        assertThat(intruder.get("/catalog")).isEqualTo(403);
      }
    }

    String web = MeshNames.DEFAULT.identity(Shop.NAMESPACE, "web").dnsName();
    List<LogEntry> entries = List.of();
    long end = System.nanoTime() + LIMIT.toNanos();
    while (entries.size() < 40 && System.nanoTime() - end < 0) {
      Thread.sleep(50);
      entries = collected().stream().filter(entry -> entry.writer().equals(web)).toList();
    }
    assertThat(entries).hasSize(40).noneMatch(LogEntry::foreign);
    assertThat(entries.stream().map(entry -> ((LogEntry.Line) entry.content()).sequence()))
        .doesNotHaveDuplicates();
    assertThat(entries.stream().map(entry -> entry.content().toString()))
        .filteredOn(line -> line.contains("\"verdict\":\"deny\""))
        .hasSize(20)
        .allMatch(line -> line.contains("\"reason\":\"identity-mismatch\""));
  }

  private List<LogEntry> collected() throws IOException {
    Path collector = directory.resolve("collector");
    NoteKey key = NoteKey.parse(Files.readString(collector.resolve("log.vkey")).strip());
    TileStore store = FileTileStore.toRead(collector.resolve("log"));
    byte[] note = store.get(TileStore.CHECKPOINT);
    if (note == null) {
      return List.of();
    }
    long size = Checkpoint.open(note, key).size();
    LogReader reader = new LogReader(store, size);
    List<LogEntry> entries = new ArrayList<>();
    for (long bundle = 0; bundle * TilePath.WIDTH < size; bundle++) {
      for (byte[] entry : reader.bundle(bundle)) {
        entries.add(LogEntry.parse(entry));
      }
    }
    return entries;
  }

  /** A keep-alive connection of an application to its proxy, for the web service. */
  private final class Caller implements AutoCloseable {
    private final Socket socket;

    Caller(Client client) throws IOException {
      InetSocketAddress proxy = shop.from(client, Service.WEB);
      socket = new Socket(proxy.getAddress(), proxy.getPort());
      socket.setSoTimeout((int) LIMIT.toMillis());
    }

    /** The status of the answer to a request. */
    int get(String path) throws IOException {
      send("GET " + path + " HTTP/1.1\r\nHost: web.shop\r\n\r\n");
      return status();
    }

    void send(String text) throws IOException {
      socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** The status of the next answer. */
    int status() throws IOException {
      InputStream in = socket.getInputStream();
      String head = "";
      while (!head.endsWith("\r\n\r\n")) {
        int next = in.read();
        if (next < 0) {
          throw new IOException("the connection has ended");
        }
        head += (char) next;
      }
      for (String line : head.lines().toList()) {
        if (line.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
          in.skipNBytes(Long.parseLong(line.substring(15).strip()));
        }
      }
      return Integer.parseInt(head.split(" ", 3)[1]);
    }

    boolean hasEnded() throws IOException {
      try {
        return socket.getInputStream().read() < 0;
      } catch (SocketException reset) {
        return true;
      }
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void workloadsThatDialTheSamePeerHaveAConnectionEachUnderTheirOwnIdentity() throws Exception {
    int rounds = 10;
    try (Caller frontend = new Caller(Client.FRONTEND);
        Caller intruder = new Caller(Client.INTRUDER)) {
      for (int i = 0; i < rounds; i++) {
        assertThat(frontend.get("/frontend")).isEqualTo(200);
        assertThat(intruder.get("/intruder")).isEqualTo(403);
      }
    }
    JournalTail journal =
        JournalTail.fromStart(
            directory.resolve("state").resolve("audit").resolve(Shop.NAMESPACE + ".web.jsonl"));
    List<DecisionRecord> records = new ArrayList<>();
    long end = System.nanoTime() + LIMIT.toNanos();
    while (records.size() < 2 * rounds && System.nanoTime() - end < 0) {
      records.addAll(journal.decisions());
    }
    Map<String, Set<String>> connections = new TreeMap<>();
    for (DecisionRecord record : records) {
      String identity = String.valueOf(record.clientIdentity());
      assertThat(identity).startsWith(String.valueOf(record.path()).substring(1) + ".");
      connections.computeIfAbsent(identity, _ -> new TreeSet<>()).add(record.clientAddress());
    }
    assertThat(records).hasSize(2 * rounds);
    // Each has one connection, and they share none.
    assertThat(connections).hasSize(2);
    assertThat(connections.values()).allSatisfy(each -> assertThat(each).hasSize(1));
    assertThat(connections.values().stream().flatMap(Set::stream)).doesNotHaveDuplicates();
  }

  @Test
  void aWorkloadThatEndsTakesItsConnectionsAndNoOthers() throws Exception {
    try (Caller frontend = new Caller(Client.FRONTEND);
        Caller intruder = new Caller(Client.INTRUDER)) {
      assertThat(frontend.get("/")).isEqualTo(200);
      assertThat(intruder.get("/")).isEqualTo(403);
      edit("clients.yaml", text -> text.substring(0, text.indexOf("\n---\n") + 1));
      assertThat(intruder.hasEnded()).isTrue();
      for (int i = 0; i < 5; i++) {
        assertThat(frontend.get("/")).isEqualTo(200);
      }
      assertThat(proxies.workloads())
          .extracting(workload -> workload.name())
          .containsExactlyInAnyOrder("web", "greeter", "ledger", "account", "frontend");
    }
  }

  /** The successor is on the loops of its predecessor. */
  @Test
  void aPodThatChangesIsServedWithoutInterruptionOnTheSameLoops() throws Exception {
    try (Caller frontend = new Caller(Client.FRONTEND)) {
      assertThat(frontend.get("/")).isEqualTo(200);
      edit("clients.yaml", text -> text.replaceFirst(":19090=greeter", ":19191=greeter"));
      InetSocketAddress fresh = new InetSocketAddress(shop.net().address(20), 19_191);
      long end = System.nanoTime() + LIMIT.toNanos();
      int answered = 0;
      boolean changed = false;
      while (!changed && System.nanoTime() - end < 0) {
        try (Caller next = new Caller(Client.FRONTEND)) {
          assertThat(next.get("/")).isEqualTo(200);
          answered++;
        }
        try (Socket socket = new Socket(fresh.getAddress(), fresh.getPort())) {
          changed = socket.isConnected();
        } catch (IOException e) {
          // Not yet.
        }
      }
      assertThat(changed).as("the successor serves, after %s requests", answered).isTrue();
      proxies.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      try (Caller next = new Caller(Client.FRONTEND)) {
        assertThat(next.get("/")).isEqualTo(200);
      }
    }
  }

  /** Their successors have nothing to wait for. */
  @Test
  void theEndWaitsForProxiesThatWereReplacedAndStillDrain() throws Exception {
    try (Caller frontend = new Caller(Client.FRONTEND)) {
      assertThat(frontend.get("/")).isEqualTo(200);
      frontend.send("POST / HTTP/1.1\r\nHost: web.shop\r\nContent-Length: 2\r\n\r\na");
      edit("clients.yaml", text -> text.replaceFirst(":19090=greeter", ":19191=greeter"));
      edit("web.yaml", text -> text.replaceFirst("\"18080=8080\"", "\"18080=8080,18181=8080\""));
      for (InetSocketAddress fresh :
          List.of(
              new InetSocketAddress(shop.net().address(20), 19_191),
              new InetSocketAddress(shop.application(Service.WEB).getAddress(), 18_181))) {
        awaitListening(fresh);
      }
      proxies.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      CompletableFuture<Void> closing = CompletableFuture.runAsync(proxies::close);
      // A successor has closed its listeners.
      long end = System.nanoTime() + LIMIT.toNanos();
      while (listens(new InetSocketAddress(shop.net().address(20), 19_191))
          && System.nanoTime() - end < 0) {
        Thread.onSpinWait();
      }
      frontend.send("b");
      assertThat(frontend.status()).isLessThan(500);
      closing.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      assertThat(frontend.hasEnded()).isTrue();
    }
  }

  private static boolean listens(InetSocketAddress address) {
    try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  private static void awaitListening(InetSocketAddress address) {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!listens(address)) {
      assertThat(System.nanoTime() - end).as("%s listens", address).isNegative();
      Thread.onSpinWait();
    }
  }

  private void edit(String name, UnaryOperator<String> change) throws IOException {
    Path file = manifests.resolve(name);
    Path fresh = file.resolveSibling("." + name + ".new");
    Files.writeString(fresh, change.apply(Files.readString(file)));
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
