package io.signetmesh.proxy.policy;

import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.proxy.authorize.PolicyBundles;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stream of one port's policy. It is opened again whenever it ends, for as long as the port is
 * watched.
 */
final class PortWatch {
  private static final Logger log = LoggerFactory.getLogger(PortWatch.class);
  private static final long BACKOFF_MIN_MILLIS = 100;
  private static final long BACKOFF_MAX_MILLIS = 10_000;
  private static final long BACKOFF_MAX_PINNED_MILLIS = 2_000;
  private static final long DEFER_MILLIS = 100;
  private static final int MAX_DEFERRALS = 10;

  private final Source source;
  private final int number;
  private final Port port;
  private final Compilations compilations;
  private final Object calling = new Object();
  private volatile boolean live;
  private volatile @Nullable String refusal;
  private @Nullable ClientCallStreamObserver<PortSpec> call;
  private int failures;

  /**
   * Where policies come from.
   *
   * @param channel to the policy controller
   * @param workload workload text as the controller wants it
   * @param instance tells this proxy from others of the workload
   * @param scheduler runs retries; never blocked
   * @param compiler compiles messages
   * @param bundles compiles policy bundles
   */
  record Source(
      Channel channel,
      String workload,
      String instance,
      ScheduledExecutorService scheduler,
      PolicyCompiler compiler,
      Executor bundles) {
    /** With a thread for bundles. */
    Source(
        Channel channel,
        String workload,
        String instance,
        ScheduledExecutorService scheduler,
        PolicyCompiler compiler) {
      this(channel, workload, instance, scheduler, compiler, Compilations.thread());
    }
  }

  /** The port that a stream is for. */
  interface Port {
    /** Whether the port is watched for the life of the proxy. */
    boolean isPinned();

    /** Whether the stream may be opened now; it is opened a while later in any case. */
    boolean mayOpen();

    /** Whether the port is watched no more. */
    boolean isOver();

    /** The policy in force; null before the first. */
    @Nullable ServerPolicy current();

    /** A policy has come, or has changed because a bundle is ready. */
    void received(ServerPolicy policy);
  }

  /**
   * @param number of the port
   */
  PortWatch(Source source, int number, Port port) {
    this.source = source;
    this.number = number;
    this.port = port;
    this.compilations =
        new Compilations(
            source.bundles(), source.scheduler(), new Compiled(source.compiler(), port));
  }

  private record Compiled(PolicyCompiler compiler, Port port) implements Compilations.Port {
    @Override
    public PolicyBundles bundles(Server message) {
      return compiler.bundles(message);
    }

    @Override
    public void install(Server message, PolicyBundles bundles) {
      port.received(compiler.compile(message, port.current(), bundles));
    }

    @Override
    public void refuse(Server message, Throwable why) {
      port.received(compiler.refusing(message, port.current(), String.valueOf(why)));
    }
  }

  /** Whether a policy has come on the stream and it has not ended since. */
  boolean isLive() {
    return live;
  }

  /**
   * Why the controller does not let this proxy have the policy of its workload; null when it does,
   * or nothing was heard of it. Stays while the controller is away.
   */
  @Nullable String refusal() {
    return refusal;
  }

  /** Opens the stream. */
  void open() {
    open(0);
  }

  /**
   * Opens the stream, those of pinned ports first: what strangers knock at must not stand before
   * them in the queue of a controller that has just come back. Nobody waits for them for more than
   * a second.
   */
  private void open(int deferred) {
    if (deferred < MAX_DEFERRALS && !port.mayOpen()) {
      source.scheduler().schedule(() -> open(deferred + 1), DEFER_MILLIS, TimeUnit.MILLISECONDS);
      return;
    }
    // Under the lock that ends it: a call cannot be cancelled before it is begun.
    synchronized (calling) {
      if (!port.isOver()) {
        call();
      }
    }
  }

  private void call() {
    InboundServerPoliciesGrpc.newStub(source.channel())
        // While the controller is away the call waits for the connection, which is tried every
        // few seconds for all; attempts of each port by itself would come back after 15 s.
        .withWaitForReady()
        .watchPort(
            PortSpec.newBuilder()
                .setWorkload(source.workload())
                .setPort(number)
                .addAllSignetFeatures(ServerPolicy.features())
                .setSignetInstance(source.instance())
                .build(),
            new ClientResponseObserver<PortSpec, Server>() {
              @Override
              public void beforeStart(ClientCallStreamObserver<PortSpec> started) {
                call = started;
              }

              @Override
              public void onNext(Server message) {
                failures = 0;
                live = true;
                refusal = null;
                compilations.received(message);
              }

              @Override
              public void onError(Throwable error) {
                ended(error);
              }

              @Override
              public void onCompleted() {
                ended(null);
              }
            });
  }

  private void ended(@Nullable Throwable error) {
    live = false;
    if (port.isOver()) {
      return;
    }
    if (error instanceof StatusRuntimeException denied
        && denied.getStatus().getCode() == Status.Code.PERMISSION_DENIED) {
      refusal = String.valueOf(denied.getStatus().getDescription());
    }
    if (error instanceof StatusRuntimeException status
        && status.getStatus().getCode() != Status.Code.UNAVAILABLE) {
      log.warn("policy of port {}: {}", number, status.getStatus());
    } else if (error != null) {
      log.debug("policy of port {}: {}", number, error.toString());
    }
    // Whatever the reason, the policy in force stays and the watch is opened again: a controller
    // that refuses today may have learnt of the workload tomorrow.
    long most = port.isPinned() ? BACKOFF_MAX_PINNED_MILLIS : BACKOFF_MAX_MILLIS;
    long backoff = Math.min(most, BACKOFF_MIN_MILLIS << Math.min(failures, 10));
    failures++;
    long jittered = backoff + ThreadLocalRandom.current().nextLong(backoff / 2 + 1);
    source.scheduler().schedule(() -> open(), jittered, TimeUnit.MILLISECONDS);
  }

  /** Ends the stream. The port is over before. */
  void close() {
    compilations.close();
    synchronized (calling) {
      ClientCallStreamObserver<PortSpec> open = call;
      if (open != null) {
        open.cancel("the port is no longer watched", null);
      }
    }
  }
}
