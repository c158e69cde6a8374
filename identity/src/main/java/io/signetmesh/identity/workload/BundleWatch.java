package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the trust bundle of the control plane and reports what is in force here. All state
 * belongs to the timer's thread.
 */
final class BundleWatch {
  private static final Logger log = LoggerFactory.getLogger(BundleWatch.class);
  private static final Duration FIRST_RETRY = Duration.ofMillis(200);
  private static final Duration LAST_RETRY = Duration.ofSeconds(10);

  /** A control plane that does not know the service may be upgraded one day. */
  private static final Duration UNIMPLEMENTED_RETRY = Duration.ofMinutes(10);

  /** For the first message of a stream, which has the whole revocation list. */
  private static final Duration FIRST_MESSAGE = Duration.ofSeconds(60);

  private static final int MAX_REFUSAL = 1024;

  /** The control plane takes no larger reports: 4 KiB, with room for what may come. */
  private static final int MAX_REPORT = 4000;

  private final Function<StreamObserver<io.signetmesh.v1.TrustBundle>, StreamObserver<TrustReport>>
      open;
  private final Supplier<Credentials> credentials;
  private final Consumer<PeerTrust> onTrust;
  private final Consumer<@Nullable RenewalRequest> onRenewal;
  private final Runnable onSettled;
  private final Runnable onRevoked;
  private final DoubleSupplier random;
  private final Timer timer;
  private final InstantSource clock;
  private final SupersededLeaves superseded = new SupersededLeaves();
  private final AbandonedKeys abandoned;
  private final PeerReports peers;

  private @Nullable Stream stream;
  private boolean started;
  private boolean closed;
  private int failures;
  private boolean unimplementedLogged;
  private volatile long refusals;

  /** Whether what is in force is what the control plane says now. */
  private volatile boolean following;

  private Runnable onLost = () -> {};

  /**
   * Makes a watch.
   *
   * @param open opens the stream
   * @param credentials what is in force; there must be some from {@link #start} on
   * @param onTrust puts it in force before it returns
   * @param onRenewal gets what each message asks for that was taken; null for nothing
   * @param onSettled called after each message that was taken, and when the control plane has no
   *     such stream: what is in force then is what the control plane wants to be in force
   * @param onRevoked called when the control plane turns the leaf in force away as revoked: whoever
   *     was not connected, or was cut before the list came, hears of it in no other way
   * @param abandoned keys that were given up without a leaf, for reports
   * @param clock the time at which signers must be valid
   */
  BundleWatch(
      Function<StreamObserver<io.signetmesh.v1.TrustBundle>, StreamObserver<TrustReport>> open,
      Supplier<Credentials> credentials,
      Consumer<PeerTrust> onTrust,
      Consumer<@Nullable RenewalRequest> onRenewal,
      Runnable onSettled,
      Runnable onRevoked,
      AbandonedKeys abandoned,
      DoubleSupplier random,
      Timer timer,
      InstantSource clock) {
    this.open = open;
    this.credentials = credentials;
    this.onTrust = onTrust;
    this.onRenewal = onRenewal;
    this.onSettled = onSettled;
    this.onRevoked = onRevoked;
    this.abandoned = abandoned;
    this.random = random;
    this.timer = timer;
    this.clock = clock;
    this.peers = new PeerReports(this::anchors, this::reportAgain, timer, clock);
  }

  /** None before there are credentials: there are no verified peers then, either. */
  private List<X509Certificate> anchors() {
    return started ? credentials.get().trust().anchors() : List.of();
  }

  /**
   * Sets what is called, on the timer's thread, when the watch does not follow the control plane
   * any more. Before {@link #start}.
   */
  void onLost(Runnable lost) {
    onLost = lost;
  }

  void start() {
    timer.execute(
        () -> {
          started = true;
          connect();
        });
  }

  /**
   * Tells the control plane that another leaf is served now.
   *
   * @param replaced the leaf that was served before
   */
  void onLeafChanged(X509Certificate replaced) {
    timer.execute(
        () -> {
          superseded.add(replaced);
          reportAgain();
        });
  }

  /** Reports on live connections, too. */
  PeerReports peers() {
    return peers;
  }

  /** What the control plane knows of the newest bundle stays so. */
  private void reportAgain() {
    if (stream != null) {
      stream.report(stream.refusal);
    }
  }

  long refusals() {
    return refusals;
  }

  /**
   * Whether a stream is open whose first message was taken, so that each change of trust comes at
   * once.
   */
  boolean isFollowing() {
    return following;
  }

  /**
   * Tells the control plane that the leaf in force is given up too, and ends. A workload that ends
   * without that may still use its leaf, as far as anybody knows.
   *
   * @return done when the control plane has answered, or there is nobody to tell
   */
  CompletableFuture<Void> giveUp() {
    CompletableFuture<Void> told = new CompletableFuture<>();
    timer.execute(
        () -> {
          Stream last = stream;
          closed = true;
          stream = null;
          following = false;
          if (last == null) {
            told.complete(null);
            return;
          }
          last.told = told;
          last.deadline.cancel();
          superseded.add(credentials.get().certificate().leaf());
          last.report(last.refusal);
          last.requests.onCompleted();
        });
    return told;
  }

  private void connect() {
    if (stream != null || closed) {
      return;
    }
    Stream opened = new Stream();
    stream = opened;
    opened.deadline = timer.schedule(FIRST_MESSAGE, () -> onSilence(opened));
    try {
      opened.requests = open.apply(opened);
      opened.report("");
    } catch (RuntimeException e) {
      onEnd(opened, Status.fromThrowable(e));
    }
  }

  private void onBundle(Stream from, io.signetmesh.v1.TrustBundle message) {
    if (stream != from) {
      return;
    }
    from.deadline.cancel();
    PeerTrust current = credentials.get().peers();
    TrustMessages.Taken taken;
    try {
      taken = TrustMessages.read(message, current, clock);
    } catch (TrustMessages.OtherBaseException e) {
      log.info("{}: asking for the full list", e.getMessage());
      end(from, Status.CANCELLED.withDescription(e.getMessage()));
      return;
    } catch (PkiException | IllegalArgumentException e) {
      refusals++;
      String why = String.valueOf(e.getMessage());
      log.warn("trust bundle {} refused, {} stays: {}", message.getVersion(), current.own(), why);
      following = false;
      from.report(why);
      onLost.run();
      return;
    }
    failures = 0;
    PeerTrust offered = taken.trust();
    if (!offered.equals(current)) {
      onTrust.accept(offered);
      log.info("trusting {}, federated {}, {}", offered.own(), domains(offered), offered.revoked());
    }
    if (!taken.refusal().isEmpty()) {
      refusals++;
      log.warn(
          "parts of trust bundle {} refused, federated {} in force: {}",
          message.getVersion(),
          domains(offered),
          taken.refusal());
    }
    following = taken.refusal().isEmpty();
    from.report(taken.refusal());
    onRenewal.accept(taken.renewal());
    peers.changed();
    onSettled.run();
  }

  private void onSilence(Stream from) {
    end(from, Status.DEADLINE_EXCEEDED.withDescription("no message within " + FIRST_MESSAGE));
  }

  /** Gives a stream up, and opens another one later. */
  private void end(Stream from, Status status) {
    if (stream == from) {
      onEnd(from, status);
      from.requests.onError(status.asRuntimeException());
    }
  }

  private static List<String> domains(PeerTrust trust) {
    return trust.federated().stream().map(TrustBundle::trustDomain).toList();
  }

  private void onEnd(Stream from, Status status) {
    if (stream != from) {
      return;
    }
    stream = null;
    following = false;
    from.deadline.cancel();
    Duration wait;
    if (status.getCode() == Status.Code.UNIMPLEMENTED) {
      if (!unimplementedLogged) {
        unimplementedLogged = true;
        log.info("the control plane has no trust bundle stream: the anchors configured stay");
      }
      wait = UNIMPLEMENTED_RETRY;
      onRenewal.accept(null);
      onSettled.run();
    } else {
      failures++;
      Duration doubled = FIRST_RETRY.multipliedBy(1L << Math.min(failures - 1, 16));
      Duration ceiling = doubled.compareTo(LAST_RETRY) < 0 ? doubled : LAST_RETRY;
      wait = Duration.ofNanos((long) (ceiling.toNanos() * (0.5 + 0.5 * random.getAsDouble())));
      log.debug("trust bundle stream ended: {}; again in {}", status, wait);
      if (isRevoked(status)) {
        log.warn("the control plane refuses the certificate as revoked: asking for another");
        onRevoked.run();
      }
    }
    timer.schedule(wait, this::connect);
    onLost.run();
  }

  /** Whether the server has sent the TLS alert certificate_revoked (RFC 8446, 6.2). */
  static boolean isRevoked(Status status) {
    for (Throwable cause = status.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof SSLException
          && String.valueOf(cause.getMessage())
              .toLowerCase(Locale.ROOT)
              .replace('_', ' ')
              .contains("certificate revoked")) {
        return true;
      }
    }
    return false;
  }

  /** One stream; what comes from it is handled on the timer's thread. */
  private final class Stream implements StreamObserver<io.signetmesh.v1.TrustBundle> {
    private StreamObserver<TrustReport> requests = NONE;
    private Timer.Scheduled deadline = () -> {};

    /** Why the newest bundle offered was refused, or parts of it. */
    private String refusal = "";

    /** Completed with the end of the stream. */
    private volatile CompletableFuture<Void> told = new CompletableFuture<>();

    void report(String why) {
      refusal = why;
      Credentials now = credentials.get();
      X509Certificate leaf = now.certificate().leaf();
      TrustReport.Builder report =
          TrustReport.newBuilder()
              .setTrustedVersion(now.trust().version())
              .setTrustedDigest(ByteString.copyFrom(now.trust().digest()))
              .setLeaf(
                  ServedLeaf.newBuilder()
                      .setSha256(ByteString.copyFrom(Certificates.sha256(leaf)))
                      .setSerial(Certificates.serial(leaf))
                      .setIssuerKeySha256(
                          ByteString.copyFrom(Certificates.sha256(now.issuer().getPublicKey())))
                      .setNotAfter(
                          Timestamp.newBuilder()
                              .setSeconds(leaf.getNotAfter().toInstant().getEpochSecond())))
              .setRevocationNumber(now.peers().revoked().number())
              .setRefusal(shown(why))
              .addAllSupersededSerials(superseded.serials(clock.instant()))
              .addAllAbandonedKeys(abandoned.digests());
      peers.addTo(report, MAX_REPORT);
      try {
        requests.onNext(report.build());
      } catch (IllegalStateException e) {
        // The call has ended; its end is on the way here.
        log.debug("trust report not sent: {}", e.getMessage());
      }
    }

    @Override
    public void onNext(io.signetmesh.v1.TrustBundle bundle) {
      timer.execute(() -> onBundle(this, bundle));
    }

    @Override
    public void onError(Throwable error) {
      told.complete(null);
      timer.execute(() -> onEnd(this, Status.fromThrowable(error)));
    }

    @Override
    public void onCompleted() {
      told.complete(null);
      timer.execute(() -> onEnd(this, Status.OK));
    }
  }

  /** One byte a character, so that it is known what room is left. */
  private static String shown(String why) {
    return why.substring(0, Math.min(why.length(), MAX_REFUSAL)).replaceAll("[^ -~]", "?");
  }

  private static final StreamObserver<TrustReport> NONE =
      new StreamObserver<>() {
        @Override
        public void onNext(TrustReport report) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {}
      };
}
