package io.signetmesh.identity.workload;

import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Obtains the workload's credentials and keeps them valid: a leaf with a fresh key each time, at
 * about 70 % of the life of the one before, and the trust bundle as the control plane changes it.
 * One thread of its own does the work; {@link #current} is a volatile read.
 */
public final class IdentityClient implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(IdentityClient.class);
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(10);

  private final ScheduledThreadPoolExecutor thread;
  private final InstantSource clock;
  private final TrustBundle configured;
  private final LeafRenewal renewal;
  private final BundleWatch watch;
  private final List<ManagedChannel> channels = new CopyOnWriteArrayList<>();
  private final List<Consumer<Credentials>> listeners = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Credentials> first = new CompletableFuture<>();
  private volatile @Nullable Credentials current;
  private volatile @Nullable Instant validUntil;
  private volatile @Nullable Instant refreshed;

  /**
   * What a client is made from.
   *
   * @param localName DNS name to be certified for
   * @param tokenFile holds the token that proves it; read at each call
   * @param anchors trusted until the control plane sends a bundle; version 0
   * @param address of the identity server
   * @param serverName identity that the server must have; null to speak in the clear, to a loopback
   *     address only
   * @param minRefresh shortest wait before a renewal, unless the leaf would expire
   * @param maxRefresh longest wait before a renewal
   */
  public record Config(
      String localName,
      Path tokenFile,
      TrustBundle anchors,
      ControlChannel.Address address,
      @Nullable String serverName,
      Duration minRefresh,
      Duration maxRefresh) {
    /** Default of the shortest wait. */
    public static final Duration MIN_REFRESH = Duration.ofSeconds(10);

    /** Default of the longest wait. */
    public static final Duration MAX_REFRESH = Duration.ofHours(24);

    /** Refuses a name that is no DNS name, bounds out of order and cleartext to another host. */
    public Config {
      WorkloadIdentity.requireDnsName("identity", localName);
      if (!minRefresh.isPositive() || minRefresh.compareTo(maxRefresh) > 0) {
        throw new IllegalArgumentException(
            "refresh bounds " + minRefresh + " to " + maxRefresh + ": expected 0 < min <= max");
      }
      if (serverName == null && !address.isLoopback()) {
        throw new IllegalArgumentException(
            "identity server " + address + " needs a server name: it is not on a loopback address");
      }
    }

    /** With the default bounds. */
    public static Config of(
        String localName,
        Path tokenFile,
        TrustBundle anchors,
        ControlChannel.Address address,
        @Nullable String serverName) {
      return new Config(
          localName, tokenFile, anchors, address, serverName, MIN_REFRESH, MAX_REFRESH);
    }
  }

  private IdentityClient(Config config, ControlLoops loops, InstantSource clock) {
    this.clock = clock;
    this.configured = config.anchors();
    this.thread =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("identity-client").factory());
    thread.setRemoveOnCancelPolicy(true);
    thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    Timer timer = new ThreadTimer(thread);
    DoubleSupplier random = () -> ThreadLocalRandom.current().nextDouble();
    ManagedChannel certify;
    ManagedChannel bundles;
    String serverName = config.serverName();
    if (serverName == null) {
      certify = ControlChannel.openCleartext(config.address(), loops);
      bundles = certify;
      channels.add(certify);
    } else {
      // Certify goes without certificate: an expired one would keep us from getting the next.
      certify =
          ControlChannel.openAnonymous(config.address(), serverName, this::trust, clock, loops);
      bundles = ControlChannel.open(config.address(), serverName, this::credentials, clock, loops);
      channels.add(certify);
      channels.add(bundles);
    }
    this.renewal =
        new LeafRenewal(
            config.localName(),
            config.tokenFile(),
            this::trust,
            request -> certify(certify, request),
            this::onCertificate,
            new RefreshSchedule(config.minRefresh(), config.maxRefresh(), random),
            timer,
            clock);
    this.watch =
        new BundleWatch(
            answers -> openWatch(bundles, answers),
            this::credentials,
            this::onBundle,
            random,
            timer);
  }

  /** Starts to obtain credentials; {@link #firstCredentials} tells when there are some. */
  public static IdentityClient start(Config config, ControlLoops loops, InstantSource clock) {
    IdentityClient client = new IdentityClient(config, loops, clock);
    client.renewal.start();
    return client;
  }

  /**
   * Completes with the first credentials, on the client's thread. Never fails; see the log
   * meanwhile.
   */
  public CompletableFuture<Credentials> firstCredentials() {
    return first.copy();
  }

  /** The newest credentials; null before the first. */
  public @Nullable Credentials current() {
    return current;
  }

  /**
   * The newest credentials.
   *
   * @throws IllegalStateException before the first
   */
  public Credentials credentials() {
    Credentials seen = current;
    if (seen == null) {
      throw new IllegalStateException("there are no credentials yet");
    }
    return seen;
  }

  /**
   * Calls the listener, on the client's thread, with the newest credentials if there are some, and
   * with all later ones in order. It must not block for long: renewal waits for it.
   */
  public void onChange(Consumer<Credentials> listener) {
    try {
      thread.execute(
          () -> {
            listeners.add(listener);
            Credentials seen = current;
            if (seen != null) {
              notify(listener, seen);
            }
          });
    } catch (RejectedExecutionException e) {
      log.debug("listener after close");
    }
  }

  /** Whether there is a certificate that has not expired. */
  public boolean isCertified() {
    Instant until = validUntil;
    return until != null && clock.instant().isBefore(until);
  }

  /** What has been done so far. */
  public IdentityMetrics metrics() {
    return new IdentityMetrics(
        validUntil,
        refreshed,
        renewal.refreshes(),
        renewal.failures(),
        trust().version(),
        watch.refusals());
  }

  /** Ends renewal and closes the channels; the last credentials stay in {@link #current}. */
  @Override
  public void close() {
    thread.shutdown();
    channels.forEach(ManagedChannel::shutdownNow);
  }

  private TrustBundle trust() {
    Credentials seen = current;
    return seen == null ? configured : seen.trust();
  }

  private void onCertificate(CertifyAnswer answer) {
    boolean isFirst = current == null;
    validUntil = answer.validUntil();
    refreshed = clock.instant();
    publish(new Credentials(answer.certificate(), trust()));
    if (isFirst) {
      first.complete(credentials());
      watch.start();
    } else {
      watch.onLeafChanged();
    }
  }

  private void onBundle(TrustBundle bundle) {
    Credentials changed = credentials().withTrust(bundle);
    publish(changed);
    try {
      ChainVerifier.of(bundle, clock).verify(changed.certificate().chain(), Purpose.SERVER);
    } catch (CertificateException e) {
      log.info("own certificate does not lead to the new anchors: asking for another");
      renewal.renewNow();
    }
  }

  private void publish(Credentials credentials) {
    current = credentials;
    listeners.forEach(listener -> notify(listener, credentials));
  }

  private static void notify(Consumer<Credentials> listener, Credentials credentials) {
    try {
      listener.accept(credentials);
    } catch (RuntimeException e) {
      log.error("a listener for credentials failed", e);
    }
  }

  private static CompletableFuture<CertifyResponse> certify(
      ManagedChannel channel, CertifyRequest request) {
    CompletableFuture<CertifyResponse> answer = new CompletableFuture<>();
    IdentityGrpc.newStub(channel)
        .withDeadlineAfter(CALL_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
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
                answer.completeExceptionally(new IllegalStateException("no answer to Certify"));
              }
            });
    return answer;
  }

  private static StreamObserver<TrustReport> openWatch(
      ManagedChannel channel, StreamObserver<io.signetmesh.v1.TrustBundle> answers) {
    return TrustBundlesGrpc.newStub(channel).watch(answers);
  }

  /** The client's thread as a timer. */
  private record ThreadTimer(ScheduledThreadPoolExecutor thread) implements Timer {
    @Override
    public void execute(Runnable task) {
      try {
        thread.execute(guarded(task));
      } catch (RejectedExecutionException e) {
        log.debug("task after close");
      }
    }

    @Override
    public Scheduled schedule(Duration delay, Runnable task) {
      try {
        ScheduledFuture<?> future =
            thread.schedule(guarded(task), delay.toNanos(), TimeUnit.NANOSECONDS);
        return () -> future.cancel(false);
      } catch (RejectedExecutionException e) {
        return () -> {};
      }
    }

    private static Runnable guarded(Runnable task) {
      return () -> {
        try {
          task.run();
        } catch (RuntimeException e) {
          log.error("identity task failed", e);
        }
      };
    }
  }
}
