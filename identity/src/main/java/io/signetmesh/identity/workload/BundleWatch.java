package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
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

  private static final int MAX_REFUSAL = 1024;

  private final Function<StreamObserver<io.signetmesh.v1.TrustBundle>, StreamObserver<TrustReport>>
      open;
  private final Supplier<Credentials> credentials;
  private final Consumer<TrustBundle> onBundle;
  private final DoubleSupplier random;
  private final Timer timer;

  private @Nullable Stream stream;
  private int failures;
  private boolean unimplementedLogged;
  private volatile long refusals;

  /**
   * Makes a watch.
   *
   * @param open opens the stream
   * @param credentials what is in force; there must be some from {@link #start} on
   * @param onBundle puts a bundle in force before it returns
   */
  BundleWatch(
      Function<StreamObserver<io.signetmesh.v1.TrustBundle>, StreamObserver<TrustReport>> open,
      Supplier<Credentials> credentials,
      Consumer<TrustBundle> onBundle,
      DoubleSupplier random,
      Timer timer) {
    this.open = open;
    this.credentials = credentials;
    this.onBundle = onBundle;
    this.random = random;
    this.timer = timer;
  }

  void start() {
    timer.execute(this::connect);
  }

  /** Tells the control plane that another leaf is served now. */
  void onLeafChanged() {
    timer.execute(
        () -> {
          if (stream != null) {
            stream.report("");
          }
        });
  }

  long refusals() {
    return refusals;
  }

  private void connect() {
    if (stream != null) {
      return;
    }
    Stream opened = new Stream();
    stream = opened;
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
    failures = 0;
    TrustBundle current = credentials.get().trust();
    TrustBundle offered;
    try {
      offered = check(message, current);
    } catch (PkiException | IllegalArgumentException e) {
      refusals++;
      String why = String.valueOf(e.getMessage());
      log.warn("trust bundle {} refused, {} stays: {}", message.getVersion(), current, why);
      from.report(why);
      return;
    }
    if (offered.version() != current.version()) {
      onBundle.accept(offered);
      log.info("trusting {}", offered);
    }
    from.report("");
  }

  private void onEnd(Stream from, Status status) {
    if (stream != from) {
      return;
    }
    stream = null;
    Duration wait;
    if (status.getCode() == Status.Code.UNIMPLEMENTED) {
      if (!unimplementedLogged) {
        unimplementedLogged = true;
        log.info("the control plane has no trust bundle stream: the anchors configured stay");
      }
      wait = UNIMPLEMENTED_RETRY;
    } else {
      failures++;
      Duration doubled = FIRST_RETRY.multipliedBy(1L << Math.min(failures - 1, 16));
      Duration ceiling = doubled.compareTo(LAST_RETRY) < 0 ? doubled : LAST_RETRY;
      wait = Duration.ofNanos((long) (ceiling.toNanos() * (0.5 + 0.5 * random.getAsDouble())));
      log.debug("trust bundle stream ended: {}; again in {}", status, wait);
    }
    timer.schedule(wait, this::connect);
  }

  private static TrustBundle check(io.signetmesh.v1.TrustBundle message, TrustBundle current)
      throws PkiException {
    if (!message.getTrustDomain().equals(current.trustDomain())) {
      throw new PkiException(
          "trust bundle "
              + message.getVersion()
              + " is of another trust domain: expected "
              + current.trustDomain());
    }
    List<X509Certificate> anchors = new ArrayList<>();
    for (ByteString der : message.getAnchorsList()) {
      anchors.add(
          Certificates.parseDer(
              "anchor " + (anchors.size() + 1) + " of trust bundle " + message.getVersion(),
              der.toByteArray()));
    }
    TrustBundle offered = new TrustBundle(message.getVersion(), message.getTrustDomain(), anchors);
    if (offered.version() < 1 || offered.version() < current.version()) {
      throw new PkiException(
          "trust bundle " + offered.version() + " is older than " + current.version());
    }
    if (offered.version() == current.version()
        && !Arrays.equals(offered.digest(), current.digest())) {
      throw new PkiException(
          "trust bundle " + offered.version() + " differs from the one of the same version");
    }
    return offered;
  }

  /** One stream; what comes from it is handled on the timer's thread. */
  private final class Stream implements StreamObserver<io.signetmesh.v1.TrustBundle> {
    private StreamObserver<TrustReport> requests = NONE;

    void report(String refusal) {
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
                          ByteString.copyFrom(Certificates.sha256(issuerOf(now).getPublicKey())))
                      .setNotAfter(
                          Timestamp.newBuilder()
                              .setSeconds(leaf.getNotAfter().toInstant().getEpochSecond())))
              .setRefusal(refusal.substring(0, Math.min(refusal.length(), MAX_REFUSAL)));
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
      timer.execute(() -> onEnd(this, Status.fromThrowable(error)));
    }

    @Override
    public void onCompleted() {
      timer.execute(() -> onEnd(this, Status.OK));
    }
  }

  /** The certificate that signed the leaf: the next in the chain, else the anchor of that name. */
  private static X509Certificate issuerOf(Credentials credentials) {
    List<X509Certificate> chain = credentials.certificate().chain();
    if (chain.size() > 1) {
      return chain.get(1);
    }
    for (X509Certificate anchor : credentials.trust().anchors()) {
      if (anchor.getSubjectX500Principal().equals(chain.getFirst().getIssuerX500Principal())) {
        return anchor;
      }
    }
    return chain.getFirst();
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
