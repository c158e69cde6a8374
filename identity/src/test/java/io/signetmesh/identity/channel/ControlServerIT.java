package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URISyntaxException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Connections of real clients to a server that takes 40. */
@Timeout(60)
class ControlServerIT {
  private static final int TOTAL = 40;
  private static final String SERVER = "policy.signet.serviceaccount.identity.signet.cluster.local";

  private final TestPki pki = TestPki.create("mesh");
  private final InstantSource clock = InstantSource.system();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final ControlLoops clients = ControlLoops.start(1);
  private final ControlLoops loops = ControlLoops.start(1, new ConnectionBudget(TOTAL));
  private ControlServer server;

  @BeforeEach
  void start() throws Exception {
    Credentials credentials = pki.credentials(SERVER);
    server =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.MutualTls(() -> credentials, clock, Set.of())),
            loops,
            List.of(new IdentityGrpc.IdentityImplBase() {}));
  }

  @AfterEach
  void stop() throws Exception {
    for (ManagedChannel channel : channels) {
      channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
    server.close();
    loops.close();
    clients.close();
  }

  private ManagedChannel channel(Credentials credentials) {
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER,
            () -> credentials,
            clock,
            clients);
    channels.add(channel);
    return channel;
  }

  /** Whether a call gets as far as the service, which knows no method. */
  private static boolean isServed(ManagedChannel channel) {
    StatusRuntimeException answer =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                IdentityGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(20, TimeUnit.SECONDS)
                    .certify(CertifyRequest.getDefaultInstance()));
    Status.Code code = answer.getStatus().getCode();
    assertThat(code).isIn(Status.Code.UNIMPLEMENTED, Status.Code.UNAVAILABLE, Status.Code.UNKNOWN);
    return code == Status.Code.UNIMPLEMENTED;
  }

  @Test
  void channelsOfAWorkloadComeFromItsAddress() throws Exception {
    AtomicReference<String> seen = new AtomicReference<>();
    Credentials own = pki.credentials(SERVER);
    server.close();
    server =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.MutualTls(() -> own, clock, Set.of())),
            loops,
            List.of(
                new IdentityGrpc.IdentityImplBase() {
                  @Override
                  public void certify(
                      CertifyRequest request, StreamObserver<CertifyResponse> response) {
                    seen.set(Caller.currentAddress());
                    response.onNext(CertifyResponse.getDefaultInstance());
                    response.onCompleted();
                  }
                }));
    Credentials client = pki.credentials("web.shop.example");
    ManagedChannel channel =
        ControlChannel.open(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER,
            () -> client,
            clock,
            clients.from(InetAddress.ofLiteral("127.0.0.77")));
    channels.add(channel);
    assertThat(
            IdentityGrpc.newBlockingStub(channel)
                .withDeadlineAfter(20, TimeUnit.SECONDS)
                .certify(CertifyRequest.getDefaultInstance()))
        .isNotNull();
    assertThat(seen.get()).startsWith("127.0.0.77:");
  }

  @Test
  void clientOfAFederatedTrustDomainIsTurnedAway() throws Exception {
    TestPki foreign = TestPki.create("other");
    Credentials own = pki.credentials(SERVER);
    TrustBundle other =
        new TrustBundle(1, "other.example", List.of(foreign.anchor().getCertificate()));
    Credentials federated = own.withPeers(own.peers().withFederated(List.of(other)));
    server.close();
    server =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.MutualTls(
                    () -> federated, clock, Set.of("io.linkerd.proxy.identity.Identity/Certify"))),
            loops,
            List.of(new IdentityGrpc.IdentityImplBase() {}));
    Credentials stranger =
        new Credentials(
            foreign.certificate(
                "web.shop.example", leaf -> addUri(leaf, "spiffe://other.example/ns/a/sa/b")),
            pki.trust());

    assertThat(isServed(channel(pki.credentials("web.shop.example")))).isTrue();
    assertThat(isServed(channel(stranger))).isFalse();
  }

  private static CertificateBuilder addUri(CertificateBuilder leaf, String uri) {
    try {
      return leaf.addSanUriName(uri);
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void oneCertificateDoesNotTakeTheConnectionsOfOthers() throws Exception {
    Credentials stolen = pki.credentials("batch.shop.example");
    int served = 0;
    while (served <= TOTAL && isServed(channel(stolen))) {
      served++;
    }
    assertThat(served).isEqualTo(TOTAL / 2);
    assertThat(isServed(channel(pki.credentials("cart.shop.example")))).isTrue();

    // With more than half taken an address is held to its share as well: 16. Others are not.
    ManagedChannel next = channel(pki.credentials("web.shop.example"));
    assertThat(isServed(next)).isFalse();
    InetSocketAddress target = server.address();
    try (Socket elsewhere = new Socket()) {
      elsewhere.bind(new InetSocketAddress("127.0.0.2", 0));
      elsewhere.connect(target);
      elsewhere.setSoTimeout(200);
      assertThat(isOpen(elsewhere)).isTrue();
    }

    // What was refused is served as soon as there is room.
    for (ManagedChannel channel : channels.subList(0, 10)) {
      channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!isServed(next) && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(10_000_000);
    }
    assertThat(isServed(next)).isTrue();
  }

  @Test
  void handshakesAreFewForEachAddress() throws Exception {
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 30; i++) {
        Socket socket = new Socket(server.address().getAddress(), server.address().getPort());
        socket.setSoTimeout(200);
        sockets.add(socket);
      }
      int open = 0;
      for (Socket socket : sockets) {
        open += isOpen(socket) ? 1 : 0;
      }
      assertThat(open).isEqualTo(TOTAL / 4);
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  @Test
  void connectionsWithoutCertificateEndAndThoseWithOneStay() throws Exception {
    Credentials credentials = pki.credentials(SERVER);
    CountDownLatch called = new CountDownLatch(1);
    ConnectionBudget budget = new ConnectionBudget(TOTAL);
    try (ControlLoops own = ControlLoops.start(1, budget);
        ControlServer brief =
            ControlServer.start(
                ControlServer.Config.of(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    new ControlServer.Security.MutualTls(
                        () -> credentials,
                        clock,
                        Set.of(IdentityGrpc.getCertifyMethod().getFullMethodName()))),
                own,
                List.of(
                    new IdentityGrpc.IdentityImplBase() {
                      @Override
                      public void certify(
                          CertifyRequest request, StreamObserver<CertifyResponse> answer) {
                        if (Caller.current() instanceof Caller.Identified) {
                          answer.onNext(CertifyResponse.getDefaultInstance());
                          answer.onCompleted();
                        } else {
                          called.countDown();
                        }
                      }
                    }),
                new UncertifiedAge(Duration.ofSeconds(1), Duration.ofMillis(300)),
                CallLimits.Times.DEFAULT)) {
      ControlChannel.Address target =
          new ControlChannel.Address("127.0.0.1", brief.address().getPort());
      ManagedChannel identified =
          ControlChannel.open(
              target, SERVER, () -> pki.credentials("cart.shop.example"), clock, clients);
      channels.add(identified);
      IdentityGrpc.IdentityBlockingStub member =
          IdentityGrpc.newBlockingStub(identified).withDeadlineAfter(20, TimeUnit.SECONDS);
      assertThat(member.certify(CertifyRequest.getDefaultInstance())).isNotNull();
      CountDownLatch lost = new CountDownLatch(1);
      identified.notifyWhenStateChanged(ConnectivityState.READY, lost::countDown);

      // A call that is never answered holds the connection up, and is cut with it.
      ManagedChannel anonymous =
          ControlChannel.openAnonymous(target, SERVER, credentials::trust, clock, clients);
      channels.add(anonymous);
      StatusRuntimeException end =
          catchThrowableOfType(
              StatusRuntimeException.class,
              () ->
                  IdentityGrpc.newBlockingStub(anonymous)
                      .withDeadlineAfter(20, TimeUnit.SECONDS)
                      .certify(CertifyRequest.getDefaultInstance()));
      assertThat(end.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(called.getCount()).isZero();

      // A connection without calls is ended as well: the client finds itself idle again.
      CountDownLatch idle = new CountDownLatch(1);
      ManagedChannel silent =
          ControlChannel.openAnonymous(target, SERVER, credentials::trust, clock, clients);
      channels.add(silent);
      watchForIdle(silent, ConnectivityState.IDLE, false, idle);
      silent.getState(true);
      assertThat(idle.await(20, TimeUnit.SECONDS)).isTrue();

      assertThat(lost.getCount()).isEqualTo(1);
      assertThat(member.certify(CertifyRequest.getDefaultInstance())).isNotNull();
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (budget.taken() != 1 && System.nanoTime() - deadline < 0) {
        LockSupport.parkNanos(10_000_000);
      }
      assertThat(budget.taken()).isEqualTo(1);
      identified.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
  }

  private static void watchForIdle(
      ManagedChannel channel, ConnectivityState seen, boolean wasReady, CountDownLatch idle) {
    channel.notifyWhenStateChanged(
        seen,
        () -> {
          ConnectivityState state = channel.getState(false);
          if (wasReady && state == ConnectivityState.IDLE) {
            idle.countDown();
          } else {
            watchForIdle(channel, state, wasReady || state == ConnectivityState.READY, idle);
          }
        });
  }

  /** Whether the server has not closed the connection; it says nothing before the client does. */
  private static boolean isOpen(Socket socket) throws Exception {
    try {
      return socket.getInputStream().read() >= 0;
    } catch (java.net.SocketTimeoutException e) {
      return true;
    } catch (java.net.SocketException e) {
      return false;
    }
  }
}
