package io.signetmesh.collector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.micrometer.core.instrument.Gauge;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.ingest.CollectorService;
import io.signetmesh.collector.ingest.NamespaceRights;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Logs;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.collector.witness.WitnessClient;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A collector behind mutual TLS, with its log on a disk. */
@Timeout(120)
class CollectorServerIT {
  private static final WorkloadIdentity SERVER = identity("signet-audit", "linkerd");
  private static final InstantSource CLOCK = InstantSource.system();

  @TempDir Path state;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private EmbeddedAuthority embedded;
  private CertificateAuthority authority;
  private TrustBundleStore bundles;
  private CollectorServer server;

  @BeforeEach
  void start() throws Exception {
    embedded = EmbeddedAuthority.open(state, "linkerd", "cluster.local", CLOCK);
    bundles = TrustBundleStore.open(state, "cluster.local", List.of(embedded.anchor()));
    authority = new CertificateAuthority(embedded, bundles, IssuancePolicy.DEFAULT, CLOCK);
    server = serve(FsyncPolicy.BATCH);
  }

  private CollectorServer serve(FsyncPolicy fsync) throws Exception {
    Credentials own = credentials(SERVER);
    return CollectorServer.start(
        new CollectorServer.Config(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            new Security.MutualTls(() -> own, CLOCK, Set.of()),
            audit(),
            "cluster.local/signet-audit",
            fsync,
            Retention.ALL,
            CollectorService.WRITER_RATE,
            null,
            null,
            true,
            new NamespaceRights("linkerd", "cluster.local"),
            ServerMeters.none()),
        loops,
        CLOCK);
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    server.close();
    loops.close();
  }

  @Test
  void aStartThatFailsLateLeavesNothingListening() throws Exception {
    int port = server.address().getPort();
    server.close();
    ServerMeters taken = ServerMeters.none();
    Gauge.builder("signet.audit.collector.cosignatures", () -> 1).register(taken.registry());
    Credentials own = credentials(SERVER);
    CollectorServer.Config config =
        new CollectorServer.Config(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
            new Security.MutualTls(() -> own, CLOCK, Set.of()),
            audit(),
            "cluster.local/signet-audit",
            FsyncPolicy.BATCH,
            Retention.ALL,
            CollectorService.WRITER_RATE,
            new WitnessClient.Config(
                URI.create("http://127.0.0.1:1/"), SampleLog.WITNESS.key(), true),
            null,
            true,
            new NamespaceRights("linkerd", "cluster.local"),
            taken);

    assertThatThrownBy(() -> CollectorServer.start(config, loops, CLOCK))
        .isInstanceOf(IllegalArgumentException.class);

    new ServerSocket(port, 1, InetAddress.getLoopbackAddress()).close();
    server = serve(FsyncPolicy.BATCH);
  }

  private Path audit() {
    return state.resolve("audit");
  }

  private static WorkloadIdentity identity(String serviceAccount, String namespace) {
    return new WorkloadIdentity(serviceAccount, namespace, "linkerd", "cluster.local");
  }

  private Credentials credentials(WorkloadIdentity identity) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    return new Credentials(
        new WorkloadCertificate(keys.getPrivate(), authority.issue(identity, request)),
        bundles.get());
  }

  private ManagedChannel channel(WorkloadIdentity identity) throws Exception {
    Credentials own = credentials(identity);
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER.dnsName(),
            () -> own,
            CLOCK,
            loops);
    open.add(channel::shutdownNow);
    return channel;
  }

  private List<LogEntry> entries() throws Exception {
    return Logs.entries(
        FileTileStore.toRead(audit().resolve(CollectorLog.TILES)), server.log().key());
  }

  @Test
  void recordsAreOfTheIdentityThatDeliversThem() throws Exception {
    assertThat(new ModelWriter(Logs.id(1), 5_000, 900).deliver(channel(identity("web", "shop"))))
        .isEqualTo(Status.OK);
    assertThat(new ModelWriter(Logs.id(1), 3, 2).deliver(channel(identity("thief", "bank"))))
        .isEqualTo(Status.OK);

    List<LogEntry> entries = entries();
    assertThat(entries).hasSize(5_003);
    assertThat(entries.subList(0, 5_000))
        .allMatch(entry -> entry.writer().startsWith("web.shop.") && !entry.foreign());
    assertThat(entries.subList(5_000, 5_003))
        .allMatch(entry -> entry.writer().startsWith("thief.bank.") && entry.foreign());
  }

  @Test
  void aMessageThatIsTooLargeEndsItsStreamAndNoOther() throws Exception {
    ManagedChannel channel = channel(identity("web", "shop"));
    ModelWriter tooMuch = new ModelWriter(Logs.id(1), 100_000, 20_000);

    assertThat(tooMuch.deliver(channel).getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(new ModelWriter(Logs.id(1), 10_000, 4_096).deliver(channel)).isEqualTo(Status.OK);
  }

  @Test
  void aLogThatCannotBeWrittenIsGoneOnWithWhenItCanAgain() throws Exception {
    ManagedChannel channel = channel(identity("web", "shop"));
    assertThat(new ModelWriter(Logs.id(1), 300, 100).deliver(channel)).isEqualTo(Status.OK);
    Path tiles = audit().resolve(CollectorLog.TILES).resolve("tile");
    Path away = audit().resolve("away");
    Files.move(tiles, away);
    Files.createFile(tiles);

    ModelWriter writer = new ModelWriter(Logs.id(1), 900, 100);
    assertThat(writer.deliver(channel).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(writer.acknowledged).isEqualTo(300);

    Files.delete(tiles);
    Files.move(away, tiles);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    Status status = writer.deliver(channel);
    while (!status.isOk()) {
      assertThat(status.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(System.nanoTime()).isLessThan(end);
      Thread.sleep(50);
      status = writer.deliver(channel);
    }
    assertThat(entries().stream().map(entry -> ((LogEntry.Line) entry.content()).sequence()))
        .hasSize(900)
        .doesNotHaveDuplicates();
    assertThat(server.isReady()).isTrue();
  }

  @Test
  void withOneSyncASecondReceiptsComeAllTheSame() throws Exception {
    server.close();
    server = serve(FsyncPolicy.SECOND);
    ManagedChannel channel = channel(identity("web", "shop"));

    assertThat(new ModelWriter(Logs.id(1), 3, 2).deliver(channel)).isEqualTo(Status.OK);
    assertThat(new ModelWriter(Logs.id(2), 50_000, 4_096).deliver(channel)).isEqualTo(Status.OK);
    assertThat(entries()).hasSize(50_003);
  }
}
