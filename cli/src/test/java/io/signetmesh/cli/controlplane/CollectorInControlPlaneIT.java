package io.signetmesh.cli.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.ingest.CollectorService;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.policy.fetch.FetchSettings;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The audit collector among the other servers of a process. */
@Timeout(120)
final class CollectorInControlPlaneIT {
  private static final MeshNames NAMES = MeshNames.DEFAULT;
  private static final String JOURNAL = "00112233445566778899aabbccddeeff";

  @TempDir private Path directory;

  @Test
  void aWorkloadDeliversToTheCollectorWithItsOwnCertificate() throws Exception {
    Path manifests = Files.createDirectory(directory.resolve("manifests"));
    Files.writeString(manifests.resolve("shop.yaml"), ShopManifests.YAML);
    Path state = Files.createDirectory(directory.resolve("state"));
    Path audit = state.resolve("audit");
    Closing parts = new Closing();
    try {
      ControlPlaneServers servers = start(manifests, state, null, parts);
      deliver(servers, parts);

      NoteKey key = NoteKey.parse(Files.readString(audit.resolve("log.vkey")).strip());
      TileStore store = FileTileStore.toRead(audit.resolve("log"));
      Checkpoint checkpoint =
          Checkpoint.open(Objects.requireNonNull(store.get(TileStore.CHECKPOINT)), key);
      assertThat(checkpoint.origin()).isEqualTo("shop/log");
      List<LogEntry> all = new ArrayList<>();
      for (byte[] entry : new LogReader(store, checkpoint.size()).bundle(0)) {
        all.add(LogEntry.parse(entry));
      }
      // Among the acts of the control plane itself.
      List<LogEntry> entries =
          all.stream().filter(entry -> entry.journal().equals(JOURNAL)).toList();
      assertThat(entries).hasSize(2);
      LogEntry own = entries.getFirst();
      assertThat(own.writer()).isEqualTo(NAMES.identity("shop", "web").dnsName());
      assertThat(own.foreign()).isFalse();
      // Another workload of the same namespace: the cluster knows that it is not the writer's.
      assertThat(entries.getLast().foreign()).isTrue();
    } finally {
      parts.close();
    }
  }

  @Test
  void theActsOfTheControlPlaneAreInItsOwnLog() throws Exception {
    Path manifests = Files.createDirectory(directory.resolve("manifests"));
    Files.writeString(manifests.resolve("shop.yaml"), ShopManifests.YAML);
    Path state = Files.createDirectory(directory.resolve("state"));
    Path audit = state.resolve("audit");
    Closing parts = new Closing();
    try {
      start(manifests, state, null, parts);
      LogEntry first = null;
      while (first == null) {
        Thread.sleep(50);
        first = first(audit);
      }
      assertThat(first.writer()).isEqualTo(NAMES.policyServer().dnsName());
      assertThat(first.foreign()).isFalse();
      assertThat(((LogEntry.Line) first.content()).text()).contains("\"administrative\":{\"act\":");
    } finally {
      parts.close();
    }
  }

  private static @Nullable LogEntry first(Path audit) throws Exception {
    NoteKey key = NoteKey.parse(Files.readString(audit.resolve("log.vkey")).strip());
    TileStore store = FileTileStore.toRead(audit.resolve("log"));
    Checkpoint checkpoint =
        Checkpoint.open(Objects.requireNonNull(store.get(TileStore.CHECKPOINT)), key);
    return checkpoint.size() == 0
        ? null
        : LogEntry.parse(new LogReader(store, checkpoint.size()).bundle(0).getFirst());
  }

  private static ControlPlaneServers start(
      Path manifests, Path state, AdminServer.@Nullable Listen admin, Closing parts)
      throws Exception {
    LoopbackNet net = parts.add(LoopbackNet.reserve());
    return parts.add(
        ControlPlaneServers.start(
            new ControlPlaneServers.Config(
                state,
                manifests,
                null,
                ControlPlane.at(net.address(2)),
                new ClusterSettings(NAMES, List.of(Cidr.parse("127.0.0.0/8")), AccessPolicy.DENY),
                IssuancePolicy.DEFAULT,
                FederationConfig.NONE,
                new FetchSettings(List.of(), state.resolve("key-sets"), null),
                admin,
                null,
                new ControlPlaneServers.Collector(
                    net.address(2, 0),
                    new CollectorSettings(
                        state.resolve("audit"),
                        "shop/log",
                        FsyncPolicy.BATCH,
                        Retention.ALL,
                        CollectorService.WRITER_RATE,
                        null,
                        null,
                        true))),
            Clock.systemUTC()));
  }

  @Test
  void theOtherServersAreReadyWhileTheLogCannotBeWritten() throws Exception {
    Path manifests = Files.createDirectory(directory.resolve("manifests"));
    Files.writeString(manifests.resolve("shop.yaml"), ShopManifests.YAML);
    Path state = Files.createDirectory(directory.resolve("state"));
    Closing parts = new Closing();
    try {
      InetSocketAddress admin = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      ControlPlaneServers servers =
          start(manifests, state, new AdminServer.Listen(admin, true), parts);
      Path log = state.resolve("audit").resolve("log");
      Files.move(log, state.resolve("away"));
      Files.writeString(log, "no directory");
      assertThatThrownBy(() -> deliver(servers, parts)).isInstanceOf(AssertionError.class);

      String url = "http://127.0.0.1:" + servers.adminAddress().orElseThrow().getPort();
      assertThat(get(url + "/metrics").body()).contains("signet_audit_collector_writable 0.0");
      assertThat(get(url + "/ready").statusCode()).isEqualTo(200);
    } finally {
      parts.close();
    }
  }

  private static HttpResponse<String> get(String url) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
    }
  }

  private static void deliver(ControlPlaneServers servers, Closing parts) throws Exception {
    WorkloadIdentity web = NAMES.identity("shop", "web");
    ControlLoops loops = parts.add(ControlLoops.start(1));
    IdentityClient client =
        parts.add(
            new Membership(
                    NAMES,
                    servers.trustAnchors(),
                    servers.tokens().issue("web", "shop", "web"),
                    servers.addresses().identity())
                .join(web, loops, Clock.systemUTC(), Duration.ofSeconds(20)));
    InetSocketAddress address = servers.collectorAddress().orElseThrow();
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address(address.getAddress().getHostAddress(), address.getPort()),
            NAMES.auditCollector().dnsName(),
            client::credentials,
            Clock.systemUTC(),
            loops);
    parts.add(channel::shutdownNow);
    BlockingQueue<Object> events = new LinkedBlockingQueue<>();
    StreamObserver<AuditBatch> stream =
        AuditCollectorGrpc.newStub(channel)
            .deliver(
                new StreamObserver<>() {
                  @Override
                  public void onNext(AuditReceipt receipt) {
                    events.add(receipt.getDurableSequence());
                  }

                  @Override
                  public void onError(Throwable failure) {
                    events.add(failure);
                  }

                  @Override
                  public void onCompleted() {
                    events.add("end");
                  }
                });
    stream.onNext(AuditBatch.newBuilder().setJournal(JOURNAL).build());
    assertThat(events.poll(30, TimeUnit.SECONDS)).isEqualTo(0L);
    stream.onNext(
        AuditBatch.newBuilder().addLines(line(1, "web")).addLines(line(2, "frontend")).build());
    assertThat(events.poll(30, TimeUnit.SECONDS)).isEqualTo(2L);
    stream.onCompleted();
    assertThat(events.poll(30, TimeUnit.SECONDS)).isEqualTo("end");
  }

  private static ByteString line(long sequence, String workload) {
    return ByteString.copyFromUtf8(
        "{\"sequence\":%d,\"time\":\"2026-11-30T10:00:00Z\",\"decision\":{\"workload\":\"shop/%s\"}}"
            .formatted(sequence, workload));
  }
}
