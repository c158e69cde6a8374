package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
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

  private final String localName;
  private final Path tokenFile;
  private final Supplier<TrustBundle> trust;
  private final CertifyCall call;
  private final Consumer<CertifyAnswer> onCertificate;
  private final RefreshSchedule schedule;
  private final Timer timer;
  private final InstantSource clock;

  private Timer.@Nullable Scheduled next;
  private @Nullable Instant validUntil;
  private String lastFailure = "no answer yet";
  private int failuresInRow;
  private boolean inFlight;

  /** The certificate held is of no use at peers any more, although its time is not over. */
  private boolean urgent;

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
      Consumer<CertifyAnswer> onCertificate,
      RefreshSchedule schedule,
      Timer timer,
      InstantSource clock) {
    this.localName = localName;
    this.tokenFile = tokenFile;
    this.trust = trust;
    this.call = call;
    this.onCertificate = onCertificate;
    this.schedule = schedule;
    this.timer = timer;
    this.clock = clock;
  }

  void start() {
    timer.execute(this::attempt);
    timer.schedule(WARNING_PERIOD, this::warnWhileUncertified);
  }

  /** Asks now, whatever the schedule says, and then as often as without certificate. */
  void renewNow() {
    timer.execute(
        () -> {
          urgent = true;
          failuresInRow = 0;
          attempt();
        });
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
    KeyPair keys = PrivateKeys.generate();
    CompletionStage<CertifyResponse> answer;
    try {
      CertifyRequest request =
          CertifyRequest.newBuilder()
              .setIdentity(localName)
              .setToken(readToken())
              .setCertificateSigningRequest(
                  ByteString.copyFrom(SigningRequest.create(localName, keys)))
              .build();
      answer = call.certify(request);
    } catch (IOException | PkiException | RuntimeException e) {
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
                    onFailure(failure);
                  } else {
                    onResponse(response, keys);
                  }
                }));
  }

  private void onResponse(CertifyResponse response, KeyPair keys) {
    CertifyAnswer answer;
    try {
      answer = CertifyAnswer.check(response, localName, keys, trust.get(), clock);
    } catch (PkiException | RuntimeException e) {
      onFailure(e);
      return;
    }
    validUntil = answer.validUntil();
    failuresInRow = 0;
    urgent = false;
    refreshes++;
    Duration wait = schedule.untilRefresh(clock.instant(), answer.validUntil());
    log.info(
        "certificate {} until {}, next in {}",
        Certificates.describe(answer.certificate().leaf()),
        answer.validUntil(),
        wait);
    next = timer.schedule(wait, this::attempt);
    onCertificate.accept(answer);
  }

  private void onFailure(Throwable failure) {
    failures++;
    failuresInRow++;
    lastFailure = String.valueOf(failure.getMessage());
    Instant now = clock.instant();
    Instant until = validUntil;
    Duration wait =
        !urgent && until != null && now.isBefore(until)
            ? schedule.untilRefresh(now, until)
            : schedule.untilRetry(failuresInRow);
    log.info("no certificate for {}: {}; again in {}", localName, lastFailure, wait);
    next = timer.schedule(wait, this::attempt);
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
