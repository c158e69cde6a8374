package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.Status;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a valid leaf: asks with a fresh key, checks the answer, asks again in time. One attempt at
 * a time; all state belongs to the timer's thread.
 */
final class LeafRenewal {
  private static final Logger log = LoggerFactory.getLogger(LeafRenewal.class);
  private static final Duration WARNING_PERIOD = Duration.ofSeconds(15);
  private static final int MAX_TOKEN = 64 * 1024;

  /** Ten thousand workloads within it are what a server signs for in that time. */
  private static final Duration SPREAD = Duration.ofSeconds(2);

  /** Between two renewals for which different requests are the reason. */
  private static final Duration REQUEST_PAUSE = Duration.ofSeconds(10);

  /** Longest wait for a server to come back, or to have room, while it asks for a renewal. */
  private static final Duration LONGEST_RETRY = Duration.ofMinutes(1);

  /**
   * Longest wait for the issuer that is asked for, while the server still signs with another: each
   * attempt costs a leaf.
   */
  private static final Duration LONGEST_REPEAT = Duration.ofMinutes(5);

  private static final int MAX_REQUESTS = 64;

  /** What the server says of a token that will not be taken any more. */
  private static final Set<String> SPENT =
      Set.of("token_expired", "join_token_used", "join_token_revoked", "join_token_unknown");

  /** A server that says to come back later than that is not believed. */
  private static final Duration LONGEST_PUSHBACK = Duration.ofMinutes(5);

  private final String localName;
  private final Path tokenFile;
  private final Supplier<TrustBundle> trust;
  private final CertifyCall call;
  private final @Nullable CertifyCall callByLeaf;
  private final Consumer<CertifyAnswer> onCertificate;
  private final RefreshSchedule schedule;
  private final AbandonedKeys abandoned;
  private final Timer timer;
  private final InstantSource clock;

  private Timer.@Nullable Scheduled next;
  private @Nullable Instant validUntil;
  private String serial = "";

  /** The token that was refused because its time or its use is over. */
  private ByteString spentToken = ByteString.EMPTY;

  private String lastFailure = "no answer yet";
  private int failuresInRow;
  private boolean inFlight;

  /** The certificate held is of no use at peers any more, although its time is not over. */
  private boolean urgent;

  /** What the control plane asks for. */
  private @Nullable RenewalRequest asked;

  /** Ids of requests that a wait has begun for, the oldest first. */
  private final Set<String> begun = new LinkedHashSet<>();

  /** Until the moment of {@link #asked} comes, or comes again. */
  private Timer.@Nullable Scheduled moment;

  /** The moment of {@link #asked} has come, and no leaf of the right issuer since. */
  private boolean pressed;

  /** Leaves of another issuer than {@link #asked} since its moment came. */
  private int others;

  private @Nullable Instant pressedAt;

  /** SHA-256 of the key that signed the leaf held. */
  private String issuerKey = "";

  private volatile long refreshes;
  private volatile long failures;

  /** Asks the identity server. */
  @FunctionalInterface
  interface CertifyCall {
    CompletionStage<CertifyResponse> certify(CertifyRequest request);
  }

  LeafRenewal(
      String localName,
      Path tokenFile,
      Supplier<TrustBundle> trust,
      CertifyCall call,
      @Nullable CertifyCall callByLeaf,
      Consumer<CertifyAnswer> onCertificate,
      RefreshSchedule schedule,
      AbandonedKeys abandoned,
      Timer timer,
      InstantSource clock) {
    this.localName = localName;
    this.tokenFile = tokenFile;
    this.trust = trust;
    this.call = call;
    this.callByLeaf = callByLeaf;
    this.onCertificate = onCertificate;
    this.schedule = schedule;
    this.abandoned = abandoned;
    this.timer = timer;
    this.clock = clock;
  }

  void start() {
    timer.execute(this::attempt);
    timer.schedule(WARNING_PERIOD, this::warnWhileUncertified);
  }

  /**
   * Asks within {@link #SPREAD}, whatever the schedule says, and then as often as without
   * certificate. All workloads of a mesh may have the reason at the same moment.
   */
  void renewNow() {
    timer.execute(
        () -> {
          urgent = true;
          failuresInRow = 0;
          if (!inFlight) {
            next(schedule.within(SPREAD));
          }
        });
  }

  /**
   * Comes to the issuer that the control plane asks for. If another key has signed the leaf, it is
   * renewed at a random moment of the window, or before it by the schedule. The window of an id is
   * begun once, however often it is asked for. While the request is in force, attempts that fail
   * and leaves of yet another issuer are followed by further attempts, with growing waits. However
   * many ids come, renewals for different ones are {@link #REQUEST_PAUSE} apart.
   *
   * @param request null when nothing is asked for any more
   */
  void follow(@Nullable RenewalRequest request) {
    timer.execute(
        () -> {
          RenewalRequest before = asked;
          asked = request;
          if (request == null || before == null || !request.id().equals(before.id())) {
            if (before != null && moment != null && !pressed) {
              // Its moment has not come: a server that starts again may ask for the same.
              begun.remove(before.id());
            }
            forgetMoment();
          }
          heed();
        });
  }

  private void heed() {
    RenewalRequest request = asked;
    if (request == null || validUntil == null || request.issuerKey().equals(issuerKey)) {
      forgetMoment();
      return;
    }
    if (!begun.add(request.id())) {
      return;
    }
    if (begun.size() > MAX_REQUESTS) {
      begun.remove(begun.iterator().next());
    }
    Duration window = request.window().isZero() ? SPREAD : request.window();
    Duration wait = schedule.within(window);
    Duration pause = untilNextRequest();
    wait = wait.compareTo(pause) < 0 ? pause : wait;
    log.info(
        "asked to renew by another issuer ({}): in {}",
        WorkloadIdentity.printable(request.id()),
        wait);
    moment = timer.schedule(wait, this::onMoment);
  }

  /** Whatever happens to the clock, it is at most {@link #REQUEST_PAUSE}. */
  private Duration untilNextRequest() {
    if (pressedAt == null) {
      return Duration.ZERO;
    }
    Duration since = Duration.between(pressedAt, clock.instant());
    return since.isNegative() ? REQUEST_PAUSE : REQUEST_PAUSE.minus(since);
  }

  private void onMoment() {
    moment = null;
    pressed = true;
    pressedAt = clock.instant();
    attempt();
  }

  private void forgetMoment() {
    if (moment != null) {
      moment.cancel();
      moment = null;
    }
    pressed = false;
    others = 0;
  }

  /** A leaf has come; if it is not of the issuer that is asked for, another may be. */
  private void heedAfterLeaf() {
    heed();
    if (pressed && moment == null) {
      others++;
      Duration wait = schedule.untilRepeat(others, LONGEST_REPEAT);
      log.info("the leaf is of another issuer than the one asked for: again in {}", wait);
      moment = timer.schedule(wait, this::onMoment);
    }
  }

  long refreshes() {
    return refreshes;
  }

  long failures() {
    return failures;
  }

  private void attempt() {
    if (inFlight) {
      return;
    }
    if (next != null) {
      next.cancel();
      next = null;
    }
    ByteString token;
    try {
      token = readToken();
    } catch (IOException | PkiException e) {
      if (mayRenewByLeaf()) {
        ask(ByteString.EMPTY);
      } else {
        onFailure(e);
      }
      return;
    }
    // A token is newer proof than the leaf; one that is spent proves nothing.
    ask(token.equals(spentToken) && mayRenewByLeaf() ? ByteString.EMPTY : token);
  }

  private boolean mayRenewByLeaf() {
    return callByLeaf != null && holdsLeaf();
  }

  private boolean holdsLeaf() {
    return validUntil != null && clock.instant().isBefore(validUntil);
  }

  /**
   * @param token empty to renew by the leaf
   */
  private void ask(ByteString token) {
    KeyPair keys = PrivateKeys.generate();
    CertifyCall by = token.isEmpty() && callByLeaf != null ? callByLeaf : call;
    CompletionStage<CertifyResponse> answer;
    try {
      CertifyRequest request =
          CertifyRequest.newBuilder()
              .setIdentity(localName)
              .setToken(token)
              .setCertificateSigningRequest(
                  ByteString.copyFrom(SigningRequest.create(localName, keys)))
              .setSignetCurrentSerial(holdsLeaf() ? serial : "")
              .build();
      answer = by.certify(request);
    } catch (RuntimeException e) {
      onFailure(e);
      return;
    }
    inFlight = true;
    answer.whenComplete(
        (response, failure) ->
            timer.execute(
                () -> {
                  inFlight = false;
                  if (failure != null) {
                    abandoned.add(keys.getPublic(), failure);
                  }
                  if (failure == null) {
                    onResponse(response, keys);
                  } else if (!token.isEmpty() && isSpent(failure) && mayRenewByLeaf()) {
                    spentToken = token;
                    log.info("the token of {} is spent: renewing by the certificate", localName);
                    ask(ByteString.EMPTY);
                  } else {
                    onFailure(failure);
                  }
                }));
  }

  private static boolean isSpent(Throwable failure) {
    Metadata trailers = Status.trailersFromThrowable(failure);
    String reason = trailers == null ? null : trailers.get(RefusalTrailers.REASON);
    return reason != null && SPENT.contains(reason);
  }

  /** How long the server wants us to wait; null when it says nothing. */
  private static @Nullable Duration pushback(Throwable failure) {
    Metadata trailers = Status.trailersFromThrowable(failure);
    String millis = trailers == null ? null : trailers.get(RefusalTrailers.PUSHBACK);
    if (millis == null) {
      return null;
    }
    try {
      Duration wait = Duration.ofMillis(Long.parseLong(millis));
      return wait.isNegative() || wait.compareTo(LONGEST_PUSHBACK) > 0 ? null : wait;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private void next(Duration wait) {
    if (next != null) {
      next.cancel();
    }
    next = timer.schedule(wait, this::attempt);
  }

  private void onResponse(CertifyResponse response, KeyPair keys) {
    CertifyAnswer answer;
    try {
      answer = CertifyAnswer.check(response, localName, keys, trust.get(), clock);
    } catch (PkiException | RuntimeException e) {
      abandoned.add(keys.getPublic());
      onFailure(e);
      return;
    }
    validUntil = answer.validUntil();
    serial = Certificates.serial(answer.certificate().leaf());
    failuresInRow = 0;
    urgent = false;
    refreshes++;
    Duration wait = schedule.untilRefresh(clock.instant(), answer.validUntil());
    log.info(
        "certificate {} until {}, next in {}",
        Certificates.describe(answer.certificate().leaf()),
        answer.validUntil(),
        wait);
    next(wait);
    issuerKey =
        HexFormat.of()
            .formatHex(
                Certificates.sha256(
                    new Credentials(answer.certificate(), trust.get()).issuer().getPublicKey()));
    heedAfterLeaf();
    onCertificate.accept(answer);
  }

  private void onFailure(Throwable failure) {
    failures++;
    failuresInRow++;
    lastFailure = String.valueOf(failure.getMessage());
    Instant now = clock.instant();
    Instant until = validUntil;
    Duration wait;
    if (urgent || until == null || !now.isBefore(until)) {
      wait = schedule.untilRetry(failuresInRow);
    } else {
      wait = schedule.untilRefresh(now, until);
      Duration repeat = schedule.untilRepeat(failuresInRow, LONGEST_RETRY);
      wait = pressed && repeat.compareTo(wait) < 0 ? repeat : wait;
    }
    Duration pushback = pushback(failure);
    if (pushback != null) {
      Duration told = schedule.after(pushback);
      // Not before the server wants us; a leaf that lives for long does not wait for its schedule.
      wait = until == null || urgent || pressed || told.compareTo(wait) < 0 ? told : wait;
    }
    log.info("no certificate for {}: {}; again in {}", localName, lastFailure, wait);
    next(wait);
  }

  private void warnWhileUncertified() {
    if (validUntil == null || !clock.instant().isBefore(validUntil)) {
      log.warn("{} has no valid certificate: {}", localName, lastFailure);
    }
    timer.schedule(WARNING_PERIOD, this::warnWhileUncertified);
  }

  private ByteString readToken() throws IOException, PkiException {
    byte[] token;
    try {
      token = Files.readAllBytes(tokenFile);
    } catch (NoSuchFileException e) {
      throw new PkiException("token file " + tokenFile + " does not exist", e);
    }
    if (token.length == 0 || token.length > MAX_TOKEN) {
      throw new PkiException(
          "token file "
              + tokenFile
              + " has "
              + token.length
              + " bytes: expected 1 to "
              + MAX_TOKEN);
    }
    return ByteString.copyFrom(token);
  }
}
