package io.signetmesh.bench.fleet;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.InternalConfigurator;
import io.grpc.InternalConfiguratorRegistry;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.v1.TrustBundlesGrpc;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts the calls and messages of all gRPC channels that this process opens, and times Certify. A
 * call takes from its start to its end: the wait for the connection and the TLS handshake are part
 * of it. Thread-safe.
 */
final class CallCounts implements ClientInterceptor {
  private static final String CERTIFY = IdentityGrpc.getCertifyMethod().getFullMethodName();
  private static final String WATCH = TrustBundlesGrpc.getWatchMethod().getFullMethodName();

  private final LongAdder bundles = new LongAdder();
  private final LongAdder reports = new LongAdder();
  private final LongAdder certifies = new LongAdder();
  private final LongAdder answers = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final Map<String, LongAdder> failures = new ConcurrentSkipListMap<>();

  // Guarded by this.
  private long[] micros = new long[1024];
  private int answered;

  /** Has the channels that this process opens from now on counted. Call it before the first. */
  void install() {
    InternalConfiguratorRegistry.setConfigurators(
        List.of(
            new InternalConfigurator() {
              @Override
              public void configureChannelBuilder(ManagedChannelBuilder<?> builder) {
                builder.intercept(CallCounts.this);
              }
            }));
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    ClientCall<Q, A> call = next.newCall(method, options);
    String name = method.getFullMethodName();
    if (name.equals(CERTIFY)) {
      return new Counted<>(call, "Certify", certifies, answers);
    }
    return name.equals(WATCH) ? new Counted<>(call, "Watch", reports, bundles) : call;
  }

  /** Trust bundle messages received. */
  long bundles() {
    return bundles.sum();
  }

  /** Reports sent. */
  long reports() {
    return reports.sum();
  }

  /** Certify requests sent. */
  long certifies() {
    return certifies.sum();
  }

  /** Certify calls that failed, and trust bundle streams that ended. */
  long failed() {
    return failed.sum();
  }

  /** The same by call and status, as in {@code Certify=UNAVAILABLE}. */
  Map<String, LongAdder> failures() {
    return failures;
  }

  /** What the answered Certify calls took, in microseconds, in the order of their ends. */
  synchronized long[] micros() {
    return Arrays.copyOf(micros, answered);
  }

  /** Counts from zero again. Calls under way then count with their end. */
  synchronized void reset() {
    bundles.reset();
    reports.reset();
    certifies.reset();
    answers.reset();
    failed.reset();
    failures.clear();
    answered = 0;
  }

  private synchronized void add(long took) {
    if (answered == micros.length) {
      micros = Arrays.copyOf(micros, 2 * answered);
    }
    micros[answered++] = took;
  }

  private void onEnd(String call, long began, Status status) {
    if (call.equals("Certify") && status.isOk()) {
      add((System.nanoTime() - began) / 1_000);
      return;
    }
    failed.increment();
    failures.computeIfAbsent(call + '=' + status.getCode(), _ -> new LongAdder()).increment();
  }

  /** One call. */
  private final class Counted<Q, A> extends SimpleForwardingClientCall<Q, A> {
    private final String name;
    private final LongAdder sent;
    private final LongAdder received;

    Counted(ClientCall<Q, A> call, String name, LongAdder sent, LongAdder received) {
      super(call);
      this.name = name;
      this.sent = sent;
      this.received = received;
    }

    @Override
    public void start(Listener<A> listener, Metadata headers) {
      long began = System.nanoTime();
      super.start(
          new SimpleForwardingClientCallListener<A>(listener) {
            @Override
            public void onMessage(A message) {
              received.increment();
              super.onMessage(message);
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
              onEnd(name, began, status);
              super.onClose(status, trailers);
            }
          },
          headers);
    }

    @Override
    public void sendMessage(Q message) {
      sent.increment();
      super.sendMessage(message);
    }
  }
}
