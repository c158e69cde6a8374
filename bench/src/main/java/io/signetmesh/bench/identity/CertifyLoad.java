package io.signetmesh.bench.identity;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.bench.fleet.CaProcess;
import io.signetmesh.bench.fleet.Fleet;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Workloads that ask a server for certificates, each with an identity and an address of its own.
 * Requests were signed before the load begins, each with another key.
 */
final class CertifyLoad implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CertifyLoad.class);

  /** How workloads ask. */
  enum Way {
    /** A connection that stays; the token attests. */
    TOKEN("token, connections kept"),
    /** A connection that stays; its client certificate attests. */
    LEAF("leaf, connections kept"),
    /** A connection without certificate for each request, as at a proxy's start. */
    TOKEN_CONNECT("token, a connection each"),
    /** A connection with the leaf for each request, as a proxy renews without a token. */
    LEAF_CONNECT("leaf, a connection each");

    private final String label;

    Way(String label) {
      this.label = label;
    }

    String label() {
      return label;
    }

    boolean kept() {
      return this == TOKEN || this == LEAF;
    }

    boolean token() {
      return this == TOKEN || this == TOKEN_CONNECT;
    }
  }

  /**
   * Outcome of a run.
   *
   * @param certificates answers with a certificate
   * @param failures other answers
   * @param cpuMicros CPU time of the server for one certificate
   * @param p50Micros median of the latency; of an open loop from when the request was due
   * @param p99Micros 99th percentile of it
   */
  record Result(
      long certificates,
      long failures,
      double perSecond,
      double cpuMicros,
      double p50Micros,
      double p99Micros) {}

  private static final int WORKLOADS = 16;
  private static final int REQUESTS = 400;
  private static final int CALL_SECONDS = 20;

  private static final Executor AFTER_FAILURE =
      CompletableFuture.delayedExecutor(10, TimeUnit.MILLISECONDS);

  private final CaProcess server;
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<Workload> workloads = new ArrayList<>();

  /** What asks, with its requests; one at a time. */
  private final class Workload {
    private final String name;
    private final ByteString token;
    private final ByteString[] requests = new ByteString[REQUESTS];
    private final InetAddress source;
    private final ManagedChannel anonymous;
    private @Nullable ManagedChannel mutual;
    private int next;

    Workload(int number, Path directory) throws IOException, PkiException {
      name = Fleet.identity(number).dnsName();
      Path file = directory.resolve("token-" + number);
      server.files().issueToken(file, Fleet.identity(number));
      token = ByteString.copyFrom(Files.readAllBytes(file));
      for (int i = 0; i < REQUESTS; i++) {
        requests[i] = ByteString.copyFrom(SigningRequest.create(name, PrivateKeys.generate()));
      }
      source = InetAddress.ofLiteral("127.15.0." + (number + 1));
      TrustBundle anchors = server.files().trust();
      anonymous =
          ControlChannel.openAnonymous(
              address(), server.serverName(), () -> anchors, Clock.systemUTC(), loops.from(source));
    }

    private ControlChannel.Address address() {
      InetSocketAddress at = server.address();
      return new ControlChannel.Address(at.getAddress().getHostAddress(), at.getPort());
    }

    /** Gets the leaf that it shows from then on. */
    void join() throws Exception {
      KeyPair keys = PrivateKeys.generate();
      CertifyResponse answer =
          call(
                  anonymous,
                  CertifyRequest.newBuilder()
                      .setIdentity(name)
                      .setToken(token)
                      .setCertificateSigningRequest(
                          ByteString.copyFrom(SigningRequest.create(name, keys)))
                      .build())
              .get(CALL_SECONDS, TimeUnit.SECONDS);
      anonymous.enterIdle();
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(Certificates.parseDer("leaf", answer.getLeafCertificate().toByteArray()));
      for (ByteString der : answer.getIntermediateCertificatesList()) {
        chain.add(Certificates.parseDer("intermediate", der.toByteArray()));
      }
      Credentials own =
          new Credentials(
              new WorkloadCertificate(keys.getPrivate(), chain), server.files().trust());
      mutual =
          ControlChannel.open(
              address(), server.serverName(), () -> own, Clock.systemUTC(), loops.from(source));
    }

    CompletableFuture<CertifyResponse> ask(Way way) {
      ManagedChannel channel = way == Way.TOKEN_CONNECT ? anonymous : mutual;
      if (channel == null) {
        throw new IllegalStateException(name + " has not joined");
      }
      CertifyRequest.Builder request =
          CertifyRequest.newBuilder()
              .setIdentity(name)
              .setCertificateSigningRequest(requests[next++ % REQUESTS]);
      if (way.token()) {
        request.setToken(token);
      }
      CompletableFuture<CertifyResponse> answer = call(channel, request.build());
      return way.kept() ? answer : answer.whenComplete((response, failure) -> channel.enterIdle());
    }

    private CompletableFuture<CertifyResponse> call(
        ManagedChannel channel, CertifyRequest request) {
      CompletableFuture<CertifyResponse> answer = new CompletableFuture<>();
      IdentityGrpc.newStub(channel)
          .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
          .certify(
              request,
              new StreamObserver<>() {
                @Override
                public void onNext(CertifyResponse response) {
                  answer.complete(response);
                }

                @Override
                public void onError(Throwable error) {
                  answer.completeExceptionally(error);
                }

                @Override
                public void onCompleted() {
                  answer.completeExceptionally(new IllegalStateException("no answer"));
                }
              });
      return answer;
    }
  }

  private CertifyLoad(CaProcess server) {
    this.server = server;
  }

  static CertifyLoad open(CaProcess server, Path directory) throws IOException, PkiException {
    CertifyLoad load = new CertifyLoad(server);
    for (int i = 0; i < WORKLOADS; i++) {
      load.workloads.add(load.new Workload(i, directory));
    }
    return load;
  }

  /** Has each workload get its own leaf; these are the first calls of a server. */
  void join() throws Exception {
    for (Workload workload : workloads) {
      workload.join();
    }
  }

  /** All workloads ask again as soon as they are answered. */
  Result closed(Way way, Duration length) throws Exception {
    Run run = new Run(length);
    for (Workload workload : workloads) {
      run.again(workload, way);
    }
    return run.result();
  }

  /** Workloads ask in turn, at a rate that does not depend on the answers. */
  Result open(Way way, double perSecond, Duration length) throws Exception {
    Run run = new Run(length);
    double gap = 1e9 / perSecond;
    for (long i = 0; i * gap < length.toNanos(); i++) {
      long due = run.begun + (long) (i * gap);
      long wait = due - System.nanoTime();
      if (wait > 0) {
        TimeUnit.NANOSECONDS.sleep(wait);
      }
      run.once(workloads.get((int) (i % WORKLOADS)), way, due);
    }
    return run.result();
  }

  @Override
  public void close() {
    for (Workload workload : workloads) {
      workload.anonymous.shutdownNow();
      if (workload.mutual != null) {
        workload.mutual.shutdownNow();
      }
    }
    loops.close();
  }

  /** One run. */
  private final class Run {
    private final long begun = System.nanoTime();
    private final long end;
    private final long cpu;
    private final AtomicLong failures = new AtomicLong();

    /** How often a call failed, by its status. */
    private final Map<String, Long> reasons = new ConcurrentHashMap<>();

    private final AtomicInteger open = new AtomicInteger(1);
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private long[] nanos = new long[1 << 14];
    private int answered;

    Run(Duration length) throws IOException {
      end = begun + length.toNanos();
      cpu = server.cpuMicros();
    }

    void again(Workload workload, Way way) {
      if (System.nanoTime() - end < 0) {
        once(workload, way, System.nanoTime())
            .whenComplete(
                (response, failure) -> {
                  if (failure == null) {
                    again(workload, way);
                  } else {
                    AFTER_FAILURE.execute(() -> again(workload, way));
                  }
                });
      }
    }

    CompletableFuture<CertifyResponse> once(Workload workload, Way way, long since) {
      open.incrementAndGet();
      return workload
          .ask(way)
          .whenComplete(
              (response, failure) -> {
                if (failure == null) {
                  answered(System.nanoTime() - since);
                } else {
                  failures.incrementAndGet();
                  reasons.merge(String.valueOf(Status.fromThrowable(failure)), 1L, Long::sum);
                }
                left();
              });
    }

    private synchronized void answered(long took) {
      if (answered == nanos.length) {
        nanos = Arrays.copyOf(nanos, 2 * answered);
      }
      nanos[answered++] = took;
    }

    private void left() {
      if (open.decrementAndGet() == 0) {
        done.complete(null);
      }
    }

    Result result() throws Exception {
      TimeUnit.NANOSECONDS.sleep(Math.max(0, end - System.nanoTime()));
      left();
      try {
        done.get(2 * CALL_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw new IOException("calls do not end", e);
      }
      reasons.forEach((reason, times) -> log.warn("{} times {}", times, reason));
      double seconds = (System.nanoTime() - begun) / 1e9;
      long spent = server.cpuMicros() - cpu;
      synchronized (this) {
        long[] sorted = Arrays.copyOf(nanos, answered);
        Arrays.sort(sorted);
        return new Result(
            answered,
            failures.get(),
            answered / seconds,
            answered == 0 ? Double.NaN : (double) spent / answered,
            percentile(sorted, 0.5),
            percentile(sorted, 0.99));
      }
    }
  }

  private static double percentile(long[] sorted, double share) {
    return sorted.length == 0
        ? Double.NaN
        : sorted[Math.max(0, (int) Math.ceil(sorted.length * share) - 1)] / 1e3;
  }
}
