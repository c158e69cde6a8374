package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Live connections of a server end with the trust in their callers. */
@Timeout(60)
class ServedPeerIT {
  private static final String SERVER = "policy.signet.serviceaccount.identity.signet.cluster.local";
  private static final String CALLER = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String OTHER = "cart.shop.serviceaccount.identity.signet.cluster.local";

  private final TestPki pki = TestPki.create("mesh");
  private final InstantSource clock = InstantSource.system();
  private final List<AuditEvent> audit = new CopyOnWriteArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final ControlLoops clients = ControlLoops.start(1);
  private final ControlLoops loops = ControlLoops.start(1, audit::add, clock);
  private final AtomicReference<Credentials> server =
      new AtomicReference<>(pki.credentials(SERVER));
  private ControlServer running;

  @BeforeEach
  void start() throws Exception {
    running =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.MutualTls(server::get, clock, Set.of())),
            loops,
            List.of(new Certifying(), new Watching()));
  }

  @AfterEach
  void stop() throws Exception {
    for (ManagedChannel channel : channels) {
      channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
    running.close();
    loops.close();
    clients.close();
  }

  private static final class Certifying extends IdentityGrpc.IdentityImplBase {
    @Override
    public void certify(CertifyRequest request, StreamObserver<CertifyResponse> answers) {
      answers.onNext(CertifyResponse.getDefaultInstance());
      answers.onCompleted();
    }
  }

  /** Answers at once, and never ends. */
  private static final class Watching extends TrustBundlesGrpc.TrustBundlesImplBase {
    @Override
    public StreamObserver<TrustReport> watch(StreamObserver<TrustBundle> answers) {
      answers.onNext(TrustBundle.getDefaultInstance());
      return new Ignoring<>();
    }
  }

  private static final class Ignoring<T> implements StreamObserver<T> {
    @Override
    public void onNext(T message) {}

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }

  /** What became of a stream; ends are in order. */
  private static final class Watch implements StreamObserver<TrustBundle> {
    private final BlockingQueue<Status> ends;
    private final BlockingQueue<TrustBundle> answers = new LinkedBlockingQueue<>();

    Watch(BlockingQueue<Status> ends) {
      this.ends = ends;
    }

    @Override
    public void onNext(TrustBundle answer) {
      answers.add(answer);
    }

    @Override
    public void onError(Throwable error) {
      ends.add(Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
      ends.add(Status.OK);
    }
  }

  private ManagedChannel channel(java.util.function.Supplier<Credentials> credentials) {
    return channel(credentials, clock);
  }

  private ManagedChannel channel(
      java.util.function.Supplier<Credentials> credentials, InstantSource clientClock) {
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", running.address().getPort()),
            SERVER,
            credentials,
            clientClock,
            clients);
    channels.add(channel);
    return channel;
  }

  private static Watch watch(ManagedChannel channel, BlockingQueue<Status> ends)
      throws InterruptedException {
    Watch watch = new Watch(ends);
    TrustBundlesGrpc.newStub(channel).withWaitForReady().watch(watch);
    assertThat(watch.answers.poll(10, TimeUnit.SECONDS)).isNotNull();
    return watch;
  }

  private static void certify(ManagedChannel channel) {
    assertThat(
            IdentityGrpc.newBlockingStub(channel)
                .withWaitForReady()
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .certify(CertifyRequest.getDefaultInstance()))
        .isNotNull();
  }

  /** A leaf that ends after a time from now. */
  private Credentials leaf(String name, Duration life) {
    Instant now = Instant.now();
    return new Credentials(
        pki.certificate(
            name, builder -> builder.notBefore(now.minusSeconds(1)).notAfter(now.plus(life))),
        pki.trust());
  }

  private List<AdministrativeEvent> cuts() {
    return audit.stream()
        .filter(AdministrativeEvent.class::isInstance)
        .map(AdministrativeEvent.class::cast)
        .filter(event -> event.act().equals("connection-cut"))
        .toList();
  }

  @Test
  void revokedCallerIsCutAndOthersStay() throws Exception {
    BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
    BlockingQueue<Status> others = new LinkedBlockingQueue<>();
    Credentials caller = pki.credentials(CALLER);
    Credentials other = pki.credentials(OTHER);
    watch(channel(() -> caller), ends);
    ManagedChannel stays = channel(() -> other);
    watch(stays, others);
    server.updateAndGet(
        held ->
            held.withPeers(
                held.peers().withRevoked(RevocationList.of(1, List.of(), List.of(CALLER)))));
    Status end = ends.poll(20, TimeUnit.SECONDS);
    assertThat(end).isNotNull();
    assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(cuts()).hasSize(1);
    AdministrativeEvent cut = cuts().getFirst();
    assertThat(cut.subject()).isEqualTo(CALLER);
    assertThat(cut.attributes())
        .containsEntry("reason", "peer-revoked")
        .containsEntry("detail", "identity \"" + CALLER + "\" is revoked");
    assertThat(loops.load().cutConnections()).containsEntry("peer-revoked", 1L);
    certify(stays);
    assertThat(others).isEmpty();
  }

  @Test
  void revokedServerIsLeftByItsClients() throws Exception {
    BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
    AtomicReference<Credentials> caller = new AtomicReference<>(pki.credentials(CALLER));
    watch(channel(caller::get), ends);
    caller.updateAndGet(
        held ->
            held.withPeers(
                held.peers().withRevoked(RevocationList.of(1, List.of(), List.of(SERVER)))));
    Status end = ends.poll(20, TimeUnit.SECONDS);
    assertThat(end).isNotNull();
    assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  /**
   * As a proxy's channel: its leaf is renewed at 70 % of its life, and calls go on all the time.
   */
  @Test
  void callsGoOnOverSeveralLivesOfTheLeafAndNothingIsCut() throws Exception {
    Duration life = Duration.ofSeconds(8);
    AtomicReference<Credentials> caller = new AtomicReference<>(leaf(CALLER, life));
    BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
    ManagedChannel channel = channel(caller::get);
    watch(channel, ends);
    long begun = System.nanoTime();
    long renewed = begun;
    int streams = 1;
    while (streams < 3) {
      assertThat(System.nanoTime() - begun).isLessThan(TimeUnit.SECONDS.toNanos(60));
      certify(channel);
      if (System.nanoTime() - renewed > life.toNanos() * 7 / 10) {
        renewed = System.nanoTime();
        caller.set(leaf(CALLER, life));
      }
      Status end = ends.poll();
      if (end != null) {
        assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        watch(channel, ends);
        streams++;
      }
      LockSupport.parkNanos(2_000_000);
    }
    assertThat(System.nanoTime() - begun)
        .as("the stream begins again for each leaf, and not more often")
        .isGreaterThan(life.toNanos());
    assertThat(cuts()).isEmpty();
  }

  /** A client whose clock stands still does not leave by itself. */
  @Test
  void clientThatStaysIsToldAndItsCallsEndBeforeItsLeafDoes() throws Exception {
    Credentials caller = leaf(CALLER, Duration.ofSeconds(10));
    BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
    ManagedChannel channel = channel(() -> caller, InstantSource.fixed(Instant.now()));
    watch(channel, ends);
    Status status = ends.poll(30, TimeUnit.SECONDS);
    assertThat(status).isNotNull();
    assertThat(status.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(status.getDescription()).contains("the client certificate of the connection ends");
    // At its end the leaf would have been the reason to cut.
    assertThat(cuts()).as("the connection has ended in order").isEmpty();
  }
}
