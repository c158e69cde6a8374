package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.controlplane.LocalMesh;
import io.signetmesh.cli.demo.Shop.Client;
import io.signetmesh.cli.demo.Shop.Service;
import io.signetmesh.cli.host.LocalProxies;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.federation.FederationConfig;
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
            null,
            null);
    ControlPlaneServers servers = parts.add(ControlPlaneServers.start(config, Clock.systemUTC()));
    proxies = parts.add(LocalMesh.proxies(config, servers, Clock.systemUTC()));
    parts.add(servers.source().subscribe(proxies));
    // The source tells of its view on a thread of its own.
    long end = System.nanoTime() + LIMIT.toNanos();
    while (proxies.workloads().size() < 5 && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    assertThat(proxies.workloads()).hasSize(5);
    proxies.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    parts.close();
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
      socket
          .getOutputStream()
          .write(
              ("GET " + path + " HTTP/1.1\r\nHost: web.shop\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
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
          .containsExactlyInAnyOrder("web", "greeter", "ledger", "frontend");
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

  private void edit(String name, UnaryOperator<String> change) throws IOException {
    Path file = manifests.resolve(name);
    Path fresh = file.resolveSibling("." + name + ".new");
    Files.writeString(fresh, change.apply(Files.readString(file)));
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
