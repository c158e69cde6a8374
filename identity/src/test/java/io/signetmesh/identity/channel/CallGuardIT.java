package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.channel.RawHttp2.Frame;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What calls of real connections may have a server hold. */
@Timeout(90)
class CallGuardIT {
  private static final String SERVER = "policy.signet.serviceaccount.identity.signet.cluster.local";
  private static final String CERTIFY = IdentityGrpc.getCertifyMethod().getFullMethodName();
  private static final String WATCH = TrustBundlesGrpc.getWatchMethod().getFullMethodName();

  /**
   * Bytes for calls with a certificate; those without have 256 KiB, an address half of it alone.
   */
  private static final int BYTES = 2 * 1024 * 1024;

  private final TestPki pki = TestPki.create("mesh");
  private final InstantSource clock = InstantSource.system();
  private final List<AutoCloseable> open = new ArrayList<>();
  private final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();
  private final ControlLoops clients = ControlLoops.start(1);
  private final ControlLoops loops =
      ControlLoops.start(1, new ConnectionBudget(4_096), new CallBudget(BYTES), audit::add, clock);
  private final AtomicInteger watches = new AtomicInteger();
  private final AtomicInteger cancelled = new AtomicInteger();
  private ControlServer server;

  /** Answers a request for a certificate at once, and a watch with what it is asked for. */
  private final class Trust extends TrustBundlesGrpc.TrustBundlesImplBase {
    @Override
    public StreamObserver<TrustReport> watch(
        StreamObserver<io.signetmesh.v1.TrustBundle> response) {
      watches.incrementAndGet();
      ((ServerCallStreamObserver<?>) response).setOnCancelHandler(cancelled::incrementAndGet);
      return new StreamObserver<>() {
        @Override
        public void onNext(TrustReport report) {
          // As many KiB as the version says.
          response.onNext(
              io.signetmesh.v1.TrustBundle.newBuilder()
                  .addAnchors(
                      ByteString.copyFrom(new byte[1024 * (int) report.getTrustedVersion()]))
                  .build());
        }

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {
          response.onCompleted();
        }
      };
    }
  }

  private static final class Certify extends IdentityGrpc.IdentityImplBase {
    @Override
    public void certify(CertifyRequest request, StreamObserver<CertifyResponse> response) {
      response.onNext(CertifyResponse.getDefaultInstance());
      response.onCompleted();
    }
  }

  @BeforeEach
  void start() throws Exception {
    server = start(Duration.ofSeconds(10), Set.of(CERTIFY));
  }

  private ControlServer start(Duration toComplete, Set<String> openMethods) throws Exception {
    return start(toComplete, openMethods, Map.of());
  }

  private ControlServer start(
      Duration toComplete, Set<String> openMethods, Map<String, Integer> maxCallsOf)
      throws Exception {
    return start(
        new CallLimits.Times(toComplete, CallLimits.Times.DEFAULT.toTake()),
        openMethods,
        maxCallsOf);
  }

  private ControlServer start(
      CallLimits.Times times, Set<String> openMethods, Map<String, Integer> maxCallsOf)
      throws Exception {
    Credentials credentials = pki.credentials(SERVER);
    ControlServer started =
        ControlServer.start(
            new ControlServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.MutualTls(() -> credentials, clock, openMethods),
                2,
                64 * 1024,
                10_000,
                maxCallsOf),
            loops,
            List.of(new Certify(), new Trust()),
            UncertifiedAge.DEFAULT,
            times);
    open.add(started);
    return started;
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
    clients.close();
  }

  private RawHttp2 anonymous(String from) throws Exception {
    return connect(from, MeshSslContexts.anonymousClient(pki.trust(), List.of(), clock));
  }

  private RawHttp2 identified(String identity) throws Exception {
    return connect(
        "127.0.0.1", MeshSslContexts.client(pki.credentials(identity), List.of(), clock));
  }

  private RawHttp2 connect(String from, SslContext tls) throws Exception {
    try {
      RawHttp2 client = RawHttp2.connect(server.address(), from, tls, clients);
      open.add(client);
      return client;
    } finally {
      ReferenceCountUtil.release(tls);
    }
  }

  private static void eventually(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(5_000_000);
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }

  private static int certifies(RawHttp2 client, int stream) throws Exception {
    client.headers(stream, CERTIFY);
    client.frame(RawHttp2.DATA, 1, stream, new byte[5]);
    Frame end = client.endOf(stream);
    return end.type() == RawHttp2.HEADERS ? end.grpcStatus() : -1;
  }

  @Test
  void unfinishedRequestsOfAllConnectionsWithoutCertificateAreBoundedTogether() throws Exception {
    int most = 0;
    for (int i = 0; i < 20; i++) {
      RawHttp2 attacker = anonymous("127.0.0.1");
      for (int stream = 1; stream < 200; stream += 2) {
        attacker.headers(stream, CERTIFY);
        attacker.message(stream, 15_000, 14_000);
      }
      // The third is above what such a connection may have open.
      if (i == 0) {
        assertThat(attacker.endOf(5).code()).isEqualTo(Http2Error.REFUSED_STREAM.code());
      }
      assertThat(attacker.next(frame -> frame.type() == RawHttp2.GOAWAY)).isNotNull();
      most = (int) Math.max(most, loops.load().anonymousBytes());
    }
    // Half of what clients without certificate have, and not more by any number of connections.
    assertThat(most).isBetween(100_000, BYTES / 8 / 2);

    // From another address it is as if nothing was, and with a certificate too.
    assertThat(certifies(anonymous("127.0.0.2"), 1)).isZero();
    assertThat(certifies(identified("web.shop.example"), 1)).isZero();
    assertThat(loops.load().refusedCalls().get("calls")).isPositive();
    assertThat(loops.load().refusedCalls().get("memory")).isPositive();

    for (AutoCloseable closeable : open) {
      if (closeable instanceof RawHttp2 client) {
        client.close();
      }
    }
    eventually(() -> loops.load().anonymousBytes() == 0 && loops.load().identifiedBytes() == 0);
    assertThat(certifies(anonymous("127.0.0.1"), 1)).isZero();
  }

  @Test
  void smallFramesAreChargedForWhatTheyTakeAndNotForWhatTheyCarry() throws Exception {
    RawHttp2 attacker = anonymous("127.0.0.1");
    attacker.headers(1, CERTIFY);
    attacker.message(1, 15_000, 0);
    for (int i = 0; i < 2_000; i++) {
      attacker.frame(RawHttp2.DATA, 0, 1, new byte[1]);
    }
    Frame end = attacker.endOf(1);
    assertThat(end.grpcStatus()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
  }

  @Test
  void requestThatDoesNotComeWholeIsEndedInTime() throws Exception {
    // Long enough for the calls that come whole.
    server = start(Duration.ofSeconds(2), Set.of(CERTIFY));
    RawHttp2 without = anonymous("127.0.0.1");
    without.headers(1, CERTIFY);
    without.message(1, 15_000, 14_000);
    without.headers(3, CERTIFY);
    RawHttp2 with = identified("web.shop.example");
    with.headers(1, WATCH);
    with.message(1, 30_000, 20_000);
    for (Frame end : List.of(without.endOf(1), without.endOf(3), with.endOf(1))) {
      assertThat(end.grpcStatus()).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
    }
    eventually(() -> loops.load().anonymousBytes() == 0 && loops.load().identifiedBytes() == 0);
    // The connections serve on.
    assertThat(certifies(without, 5)).isZero();
    assertThat(certifies(with, 5)).isZero();
  }

  @Test
  void streamOfMessagesIsNotEndedForWhatIsBetweenThem() throws Exception {
    server = start(Duration.ofMillis(200), Set.of(CERTIFY));
    RawHttp2 client = identified("web.shop.example");
    client.headers(1, WATCH);
    eventually(() -> watches.get() == 1);
    // Longer than a message may take, by a call on another connection that does take too long.
    RawHttp2 slow = identified("cart.shop.example");
    slow.headers(1, WATCH);
    slow.message(1, 100, 1);
    assertThat(slow.endOf(1).grpcStatus()).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
    client.message(1, 0, 0);
    client.end(1);
    assertThat(client.endOf(1).grpcStatus()).isZero();
  }

  @Test
  void requestsWithoutCertificateAreSmallAndOneForACall() throws Exception {
    RawHttp2 client = anonymous("127.0.0.1");
    client.headers(1, CERTIFY);
    client.message(1, 16 * 1024 + 1, 0);
    Frame large = client.endOf(1);
    assertThat(large.grpcStatus()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
    assertThat(large.headers().get("grpc-message").toString())
        .isEqualTo("message of 16385 bytes: expected at most 16384");
    client.headers(3, CERTIFY);
    client.message(3, -1, 0);
    assertThat(client.endOf(3).headers().get("grpc-message").toString())
        .startsWith("message of 4294967295 bytes");
    client.headers(5, CERTIFY);
    client.frame(RawHttp2.DATA, 0, 5, new byte[10]);
    assertThat(client.endOf(5).headers().get("grpc-message").toString())
        .isEqualTo("a second message: expected one");
  }

  @Test
  void connectionWithoutCertificateIsGoodForSomeCallsOnly() throws Exception {
    RawHttp2 client = anonymous("127.0.0.1");
    int stream = 1;
    while (stream < 400) {
      client.headers(stream, CERTIFY);
      client.frame(RawHttp2.DATA, 1, stream, new byte[5]);
      Frame end = client.endOf(stream);
      if (end == null || end.type() == RawHttp2.RST_STREAM) {
        break;
      }
      stream += 2;
    }
    assertThat(stream).isEqualTo(2 * 64 + 1);
    assertThat(client.next(frame -> frame.type() == RawHttp2.GOAWAY)).isNotNull();
    assertThat(client.next(frame -> frame.type() == RawHttp2.CLOSED)).isNotNull();
  }

  @Test
  void connectionWithoutCertificateEndsWhenItHasHadItsCall() throws Exception {
    RawHttp2 client = anonymous("127.0.0.1");
    assertThat(certifies(client, 1)).isZero();
    assertThat(client.next(frame -> frame.type() == RawHttp2.GOAWAY).code())
        .isEqualTo(Http2Error.NO_ERROR.code());
    assertThat(client.next(frame -> frame.type() == RawHttp2.CLOSED)).isNotNull();
  }

  @Test
  void callThatNeedsACertificateGetsItsStatusAndTheConnectionEnds() throws Exception {
    RawHttp2 client = anonymous("127.0.0.1");
    client.headers(1, WATCH);
    client.message(1, 0, 0);
    client.headers(3, WATCH);
    client.end(3);
    for (int stream : List.of(1, 3)) {
      Frame end = client.endOf(stream);
      assertThat(end.grpcStatus()).isEqualTo(Status.Code.UNAUTHENTICATED.value());
      assertThat(end.headers().get("grpc-message").toString())
          .isEqualTo(WATCH + " needs a client certificate; the connection has none");
    }
    assertThat(client.next(frame -> frame.type() == RawHttp2.GOAWAY).code())
        .isEqualTo(Http2Error.NO_ERROR.code());
    assertThat(client.next(frame -> frame.type() == RawHttp2.CLOSED)).isNotNull();
    assertThat(watches.get()).isZero();
    assertThat(loops.load().refusedCalls().get("certificate")).isEqualTo(2);
  }

  /** As Linkerd's proxy does: one channel from the start, whose first connection has nothing. */
  @Test
  void channelThatConnectedBeforeItHadACertificateIsServedByItsNextConnection() throws Exception {
    Credentials credentials = pki.credentials("web.shop.example");
    AtomicBoolean certified = new AtomicBoolean();
    LiveSslContext<Object> tls =
        new LiveSslContext<>(
            () -> certified.get() ? credentials : credentials.trust(),
            snapshot ->
                snapshot instanceof Credentials all
                    ? MeshSslContexts.client(all, List.of(), clock)
                    : MeshSslContexts.anonymousClient((TrustBundle) snapshot, List.of(), clock));
    ManagedChannel channel =
        ControlChannel.tls(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
            SERVER,
            tls,
            new TrustWatch(credentials::peers, clock, clients.group()),
            clients);
    open.add(() -> channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS));
    IdentityGrpc.IdentityBlockingStub open =
        IdentityGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
    assertThat(open.certify(CertifyRequest.getDefaultInstance())).isNotNull();
    certified.set(true);
    assertThat(watch(channel)).isEqualTo(Status.Code.UNAUTHENTICATED);

    // The connection without certificate would be good for a minute otherwise.
    long start = System.nanoTime();
    Status.Code code;
    do {
      // A call that meets the end of the first connection is unavailable, and made anew by clients.
      code = watch(channel);
    } while ((code == Status.Code.UNAUTHENTICATED || code == Status.Code.UNAVAILABLE)
        && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(20));
    assertThat(code).isEqualTo(Status.Code.OK);
  }

  private static Status.Code watch(ManagedChannel channel) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    Status.Code[] code = {Status.Code.OK};
    StreamObserver<TrustReport> reports =
        TrustBundlesGrpc.newStub(channel)
            .withDeadlineAfter(20, TimeUnit.SECONDS)
            .watch(
                new StreamObserver<>() {
                  @Override
                  public void onNext(io.signetmesh.v1.TrustBundle bundle) {}

                  @Override
                  public void onError(Throwable error) {
                    code[0] = Status.fromThrowable(error).getCode();
                    ended.countDown();
                  }

                  @Override
                  public void onCompleted() {
                    ended.countDown();
                  }
                });
    reports.onCompleted();
    assertThat(ended.await(30, TimeUnit.SECONDS)).isTrue();
    return code[0];
  }

  @Test
  void callsOfOneIdentityAreBoundedOverAllItsConnections() throws Exception {
    int calls = BYTES / 2 / CallGuard.CALL_BYTES;
    Frame refused = null;
    for (int connection = 0; connection < 4; connection++) {
      RawHttp2 client = identified("batch.shop.example");
      for (int i = 0; i < calls / 2 + 10; i++) {
        client.headers(2 * i + 1, WATCH);
      }
      if (connection > 0) {
        refused = client.endOf(2 * (calls / 2 + 9) + 1);
        assertThat(refused.grpcStatus()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
      } else {
        // The server may read connections in any order.
        eventually(() -> watches.get() == calls / 2 + 10);
      }
    }
    assertThat(Objects.requireNonNull(refused).headers().get("grpc-message").toString())
        .startsWith("batch.shop.example has its share of the memory for calls");
    eventually(() -> watches.get() == calls);
    assertThat(loops.load().identifiedBytes()).isLessThanOrEqualTo(BYTES / 2);

    // Others are served, and the flood is on record in a sentence.
    assertThat(certifies(identified("web.shop.example"), 1)).isZero();
    assertThat(loops.load().refusedCalls().get("memory")).isGreaterThan(calls / 2);
    AdministrativeEvent record = (AdministrativeEvent) audit.poll(20, TimeUnit.SECONDS);
    assertThat(record.act()).isEqualTo("calls-refused");
    assertThat(record.subject()).isEqualTo("batch.shop.example");
    assertThat(record.attributes()).containsEntry("bound", "memory").containsEntry("calls", "1");
    assertThat(audit.size()).isLessThan(3);
  }

  @Test
  void callsOfAMethodWithALimitAreCountedForEachConnection() throws Exception {
    server = start(Duration.ofSeconds(10), Set.of(CERTIFY), Map.of(WATCH, 2));
    RawHttp2 client = identified("web.shop.example");
    client.headers(1, WATCH);
    client.headers(3, WATCH);
    client.headers(5, WATCH);
    Frame refused = client.endOf(5);
    assertThat(refused.grpcStatus()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
    assertThat(refused.headers().get("grpc-message").toString())
        .isEqualTo("a connection has at most 2 calls of " + WATCH + " open");
    assertThat(loops.load().refusedCalls()).containsEntry("calls", 1L);

    // Neither other methods, nor other connections, nor calls after one has ended.
    assertThat(certifies(client, 7)).isZero();
    RawHttp2 other = identified("web.shop.example");
    other.headers(1, WATCH);
    eventually(() -> watches.get() == 3);
    client.end(1);
    assertThat(client.endOf(1).grpcStatus()).isZero();
    client.headers(9, WATCH);
    eventually(() -> watches.get() == 4);
  }

  @Test
  void callsThatEndMakeRoom() throws Exception {
    RawHttp2 client = identified("web.shop.example");
    for (int i = 0; i < 300; i++) {
      assertThat(certifies(client, 2 * i + 1)).isZero();
    }
    eventually(() -> loops.load().identifiedBytes() == 0);
  }

  @Test
  void answersThatAreNotReadAreChargedAndEndTheCall() throws Exception {
    RawHttp2 client = identified("batch.shop.example");
    client.headers(1, WATCH);
    // 65,535 bytes go out, what the client has not allowed for waits.
    for (int i = 0; i < 30; i++) {
      byte[] message = TrustReport.newBuilder().setTrustedVersion(60).build().toByteArray();
      client.message(1, message.length, 0);
      client.frame(RawHttp2.DATA, 0, 1, message);
    }
    assertThat(client.next(frame -> frame.stream() == 1 && frame.type() == RawHttp2.DATA))
        .isNotNull();
    eventually(() -> cancelled.get() == 1);
    assertThat(loops.load().refusedCalls().get("memory")).isEqualTo(1);
    assertThat(certifies(identified("web.shop.example"), 1)).isZero();
    client.close();
    eventually(() -> loops.load().identifiedBytes() == 0);
  }

  @Test
  void answerThatIsNotTakenInTimeEndsItsCallAndNoOther() throws Exception {
    server =
        start(
            new CallLimits.Times(Duration.ofSeconds(10), Duration.ofMillis(500)),
            Set.of(CERTIFY),
            Map.of());
    RawHttp2 client = identified("batch.shop.example");
    byte[] large = TrustReport.newBuilder().setTrustedVersion(70).build().toByteArray();
    byte[] small = TrustReport.newBuilder().setTrustedVersion(1).build().toByteArray();
    for (int stream = 1; stream <= 3; stream += 2) {
      client.headers(stream, WATCH);
      byte[] message = stream == 1 ? small : large;
      client.message(stream, message.length, 0);
      client.frame(RawHttp2.DATA, 0, stream, message);
      assertThat(client.next(isData(stream))).isNotNull();
    }
    // 70 KiB do not fit the window of the connection; what was sent before has been taken.
    Frame end = client.endOf(3);
    assertThat(end.type()).isEqualTo(RawHttp2.RST_STREAM);
    assertThat(loops.load().refusedCalls().get("time")).isEqualTo(1);
    eventually(() -> cancelled.get() == 1);
    eventually(() -> loops.load().identifiedBytes() == CallGuard.CALL_BYTES);
  }

  private static Predicate<Frame> isData(int stream) {
    return frame -> frame.stream() == stream && frame.type() == RawHttp2.DATA;
  }

  @Test
  void answeredCallWhoseClientSendsOnIsEnded() throws Exception {
    RawHttp2 client = identified("web.shop.example");
    client.headers(1, "io.signetmesh.v1.None/Such");
    Frame answer = client.endOf(1);
    assertThat(answer.grpcStatus()).isEqualTo(Status.Code.UNIMPLEMENTED.value());
    Frame end = client.endOf(1);
    assertThat(end.type()).isEqualTo(RawHttp2.RST_STREAM);
    assertThat(end.code()).isEqualTo(Http2Error.NO_ERROR.code());
    eventually(() -> loops.load().identifiedBytes() == 0);
  }
}
