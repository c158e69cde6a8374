package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.attest.AttestationException;
import io.signetmesh.identity.attest.Attested;
import io.signetmesh.identity.attest.Attestor;
import io.signetmesh.identity.attest.Evidence;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuanceStoppedException;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.live.AddressBlock;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IssuanceMeters.Reason;
import io.signetmesh.identity.server.IssuanceQueue.Overload;
import io.signetmesh.identity.workload.RefusalTrailers;
import java.io.IOException;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code io.linkerd.proxy.identity.Identity}: gives a workload a certificate for its key, if what
 * it shows proves that it is that workload. Every issuance goes on record, and every refusal,
 * floods of them summed up.
 */
final class CertifyService extends IdentityGrpc.IdentityImplBase {
  private static final Logger log = LoggerFactory.getLogger(CertifyService.class);
  private static final String ACTOR = "identity";
  private static final Duration ATTEMPTS_RETRY = Duration.ofSeconds(5);

  private final CertificateAuthority authority;
  private final Attestor attestor;
  private final IssuedCertificates issued;
  private final LeafReports reports;
  private final RevocationStore revocations;
  private final AuditLog audit;
  private final IssuanceMeters meters;
  private final InstantSource clock;
  private final RefusalRecords refusals;
  private final IssuanceQueue queue;

  /** What was issued, and by what proof. */
  private record Issued(List<X509Certificate> chain, Attested attested) {}

  CertifyService(
      CertificateAuthority authority,
      Attestor attestor,
      IssuedCertificates issued,
      LeafReports reports,
      RevocationStore revocations,
      IssuanceQueue queue,
      AuditLog audit,
      IssuanceMeters meters,
      InstantSource clock) {
    this.queue = queue;
    this.authority = authority;
    this.attestor = attestor;
    this.issued = issued;
    this.reports = reports;
    this.revocations = revocations;
    this.audit = audit;
    this.meters = meters;
    this.clock = clock;
    this.refusals = new RefusalRecords(clock);
  }

  @Override
  public void certify(CertifyRequest request, StreamObserver<CertifyResponse> response) {
    Context context = Context.current();
    Evidence evidence =
        new Evidence(
            request.getToken().toByteArray(), Caller.currentPeer(), Caller.currentAddress());
    Delivery delivery = new Delivery();
    ((ServerCallStreamObserver<CertifyResponse>) response).setOnCancelHandler(delivery::lost);
    queue.submit(
        party(),
        leafEnd(request),
        request.getSerializedSize(),
        new IssuanceQueue.Task() {
          @Override
          public boolean isCancelled() {
            return context.isCancelled();
          }

          @Override
          public void run() {
            context.run(() -> answer(request, evidence, delivery, response));
          }

          @Override
          public void refuse(Overload why, Duration retryAfter) {
            // Of a call that failed by an exception, a leaf may be on record already.
            delivery.lost();
            context.run(() -> refused(request, overloaded(why, retryAfter), response));
          }
        });
  }

  /** Who a request counts for: a name only when it was proved, else the host. */
  static Object party() {
    if (Caller.current() instanceof Caller.Identified identified) {
      return identified.identity().name();
    }
    return AddressBlock.ofText(Caller.currentAddress());
  }

  /**
   * The end of the leaf that the caller names; null when it names none. Nobody proves that the
   * serial number is of its own leaf: the end orders requests within a fair turn only.
   */
  private @Nullable Instant leafEnd(CertifyRequest request) {
    Instant end =
        issued
            .find(request.getSignetCurrentSerial())
            .filter(leaf -> leaf.identity().equals(request.getIdentity()))
            .map(IssuedLeaf::notAfter)
            .orElse(null);
    X509Certificate leaf = Caller.currentLeaf();
    if (end == null && leaf != null) {
      end = leaf.getNotAfter().toInstant();
    }
    return end == null || end.isBefore(clock.instant()) ? null : end;
  }

  private void answer(
      CertifyRequest request,
      Evidence evidence,
      Delivery delivery,
      StreamObserver<CertifyResponse> response) {
    Issued result;
    try {
      result = certify(request, evidence, delivery);
    } catch (Refusal refusal) {
      // A leaf may be on record already: nobody gets it.
      delivery.lost();
      refused(request, refusal, response);
      return;
    }
    List<X509Certificate> chain = result.chain;
    meters.issued();
    X509Certificate leaf = chain.getFirst();
    recordIssuance(request.getIdentity(), leaf, result.attested);
    Instant until = leaf.getNotAfter().toInstant();
    CertifyResponse.Builder answer =
        CertifyResponse.newBuilder()
            .setLeafCertificate(ByteString.copyFrom(Certificates.der(leaf)))
            .setValidUntil(Timestamp.newBuilder().setSeconds(until.getEpochSecond()));
    for (X509Certificate intermediate : chain.subList(1, chain.size())) {
      answer.addIntermediateCertificates(ByteString.copyFrom(Certificates.der(intermediate)));
    }
    response.onNext(answer.build());
    response.onCompleted();
  }

  private void refused(
      CertifyRequest request, Refusal refusal, StreamObserver<CertifyResponse> response) {
    meters.refused(refusal.reason);
    recordRefusal(request, refusal);
    Metadata trailers = new Metadata();
    trailers.put(RefusalTrailers.REASON, refusal.reason.label());
    Duration retryAfter = refusal.retryAfter;
    if (retryAfter != null) {
      trailers.put(RefusalTrailers.PUSHBACK, Long.toString(retryAfter.toMillis()));
    }
    response.onError(refusal.status.asRuntimeException(trailers));
  }

  private static Refusal overloaded(Overload why, Duration retryAfter) {
    Reason reason = why == Overload.INTERNAL ? Reason.INTERNAL : Reason.OVERLOAD;
    Status status =
        switch (why) {
          case SHARE ->
              Status.RESOURCE_EXHAUSTED.withDescription(
                  "as many requests of this client wait as may");
          case WAIT -> Status.UNAVAILABLE.withDescription("too many requests wait");
          case CLOSED -> Status.UNAVAILABLE.withDescription("the identity server ends");
          case INTERNAL ->
              Status.INTERNAL.withDescription(
                  "the request could not be served; see the log of the identity server");
        };
    return new Refusal(reason, status, retryAfter);
  }

  private Issued certify(CertifyRequest request, Evidence evidence, Delivery delivery)
      throws Refusal {
    requirePresent("identity", request.getIdentity().isEmpty());
    if (request.getToken().isEmpty() && Caller.currentLeaf() == null) {
      throw new Refusal(
          Reason.NO_EVIDENCE,
          Status.INVALID_ARGUMENT.withDescription(
              "CertifyRequest.token is empty, and the connection has no client certificate"));
    }
    requirePresent("certificate_signing_request", request.getCertificateSigningRequest().isEmpty());
    WorkloadIdentity identity;
    SigningRequest signingRequest;
    try {
      identity = WorkloadIdentity.parseDnsName(request.getIdentity());
      signingRequest = SigningRequest.parse(request.getCertificateSigningRequest().toByteArray());
    } catch (IllegalArgumentException | PkiException e) {
      throw new Refusal(Reason.MALFORMED, Status.INVALID_ARGUMENT, e);
    }
    try {
      authority.requireIssuer();
    } catch (IOException e) {
      throw new Refusal(Reason.ISSUER_UNAVAILABLE, Status.UNAVAILABLE, e);
    } catch (PkiException e) {
      throw new Refusal(Reason.ISSUER_UNAVAILABLE, Status.UNKNOWN, e);
    }
    try {
      signingRequest.requireNames(identity);
    } catch (PkiException e) {
      throw new Refusal(Reason.SIGNING_REQUEST, Status.FAILED_PRECONDITION, e);
    }
    Attested attested = attest(identity, evidence);
    requireNotRevoked(identity);
    try {
      List<X509Certificate> chain = authority.issue(identity, signingRequest);
      IssuedLeaf leaf = record(identity, chain, attested);
      if (!delivery.begins(leaf)) {
        throw new Refusal(
            Reason.CANCELLED,
            Status.CANCELLED.withDescription("the caller does not wait any more"));
      }
      // Again: a revocation in between did not see this leaf, and one after it sees it on record.
      requireNotRevoked(identity);
      // Last, so that what is refused does not use the evidence up.
      attested.use().commit();
      return new Issued(chain, attested);
    } catch (AttestationException e) {
      throw refusal(e);
    } catch (RequestRefusedException e) {
      Reason reason =
          switch (e.reason()) {
            case NAMES -> Reason.SIGNING_REQUEST;
            case CA -> Reason.CA;
            case KEY -> Reason.KEY;
            case POSSESSION -> Reason.POSSESSION;
          };
      throw new Refusal(reason, Status.FAILED_PRECONDITION, e);
    } catch (IssuanceStoppedException e) {
      throw new Refusal(Reason.ISSUER_UNAVAILABLE, Status.UNAVAILABLE, e);
    } catch (IOException | PkiException | RuntimeException e) {
      log.error("cannot issue a certificate to {}", identity, e);
      throw new Refusal(Reason.INTERNAL, Status.INTERNAL, e);
    }
  }

  private IssuedLeaf record(
      WorkloadIdentity identity, List<X509Certificate> chain, Attested attested)
      throws PkiException, Refusal {
    Issuer issuer = authority.issuerInUse();
    if (issuer == null) {
      throw new PkiException("there is no issuer");
    }
    PublicKey issuerKey = (chain.size() > 1 ? chain.get(1) : issuer.certificate()).getPublicKey();
    IssuedLeaf leaf =
        IssuedLeaf.of(
            chain.getFirst(),
            identity.dnsName(),
            issuerKey,
            attested.attestedAt(),
            attested.attestor());
    try {
      issued.record(leaf);
      reports.recorded(leaf);
      return leaf;
    } catch (IOException e) {
      log.error("no certificate for {}: it cannot be put on record", identity, e);
      throw new Refusal(
          Reason.RECORD_UNAVAILABLE,
          Status.UNAVAILABLE.withDescription(
              "the certificate cannot be put on record; see the log of the identity server"));
    }
  }

  private Attested attest(WorkloadIdentity identity, Evidence evidence) throws Refusal {
    Attested attested;
    try {
      attested = attestor.attest(evidence);
    } catch (AttestationException e) {
      throw refusal(e);
    } catch (RuntimeException e) {
      log.error("attestation of a token for {} failed", identity, e);
      throw new Refusal(
          Reason.ATTESTATION_UNAVAILABLE,
          Status.INTERNAL.withDescription("the token could not be checked"));
    }
    if (!attested.identity().equals(identity)) {
      throw new Refusal(
          Reason.OTHER_WORKLOAD,
          Status.FAILED_PRECONDITION.withDescription(
              "the "
                  + (attested.kind().equals("renewal") ? "client certificate" : "token")
                  + " is of "
                  + attested.identity()
                  + ", the certificate is asked for "
                  + identity));
    }
    return attested;
  }

  private static Refusal refusal(AttestationException e) {
    return switch (e.reason()) {
      case MISSING -> new Refusal(Reason.NO_EVIDENCE, Status.INVALID_ARGUMENT, e);
      case MALFORMED -> new Refusal(Reason.TOKEN, Status.INVALID_ARGUMENT, e);
      case NOT_AUTHENTICATED -> new Refusal(Reason.TOKEN, Status.FAILED_PRECONDITION, e);
      case ISSUER -> new Refusal(Reason.TOKEN_ISSUER, Status.FAILED_PRECONDITION, e);
      case AUDIENCE -> new Refusal(Reason.TOKEN_AUDIENCE, Status.FAILED_PRECONDITION, e);
      case EXPIRED -> new Refusal(Reason.TOKEN_EXPIRED, Status.FAILED_PRECONDITION, e);
      case CLOCK -> new Refusal(Reason.CLOCK, Status.FAILED_PRECONDITION, e);
      case CLAIMS -> new Refusal(Reason.TOKEN_CLAIMS, Status.FAILED_PRECONDITION, e);
      case JOIN_UNKNOWN -> new Refusal(Reason.JOIN_TOKEN_UNKNOWN, Status.FAILED_PRECONDITION, e);
      case JOIN_USED -> new Refusal(Reason.JOIN_TOKEN_USED, Status.FAILED_PRECONDITION, e);
      case JOIN_REVOKED -> new Refusal(Reason.JOIN_TOKEN_REVOKED, Status.FAILED_PRECONDITION, e);
      case ATTEMPTS ->
          new Refusal(
              Reason.ATTEMPTS,
              Status.RESOURCE_EXHAUSTED.withDescription(e.getMessage()),
              ATTEMPTS_RETRY);
      case LEAF -> new Refusal(Reason.LEAF, Status.FAILED_PRECONDITION, e);
      case RENEWAL_LIMIT -> new Refusal(Reason.RENEWAL_LIMIT, Status.FAILED_PRECONDITION, e);
      case UNAVAILABLE -> new Refusal(Reason.ATTESTATION_UNAVAILABLE, Status.INTERNAL, e);
    };
  }

  private void requireNotRevoked(WorkloadIdentity identity) throws Refusal {
    if (revocations.isRevoked(identity.dnsName()) || revocations.isRevoked(identity.spiffeId())) {
      throw new Refusal(
          Reason.REVOKED,
          Status.PERMISSION_DENIED.withDescription("identity " + identity + " is revoked"));
    }
  }

  private static void requirePresent(String field, boolean missing) throws Refusal {
    if (missing) {
      throw new Refusal(
          Reason.MALFORMED,
          Status.INVALID_ARGUMENT.withDescription("CertifyRequest." + field + " is empty"));
    }
  }

  private void recordIssuance(String identity, X509Certificate leaf, Attested attested) {
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("serial", Certificates.serial(leaf));
    attributes.put("sha256", HexFormat.of().formatHex(Certificates.sha256(leaf)));
    attributes.put("not_before", leaf.getNotBefore().toInstant().toString());
    attributes.put("not_after", leaf.getNotAfter().toInstant().toString());
    attributes.put("attestation", attested.kind());
    attributes.put("attestor", attested.attestor());
    attributes.put("attested_at", attested.attestedAt().toString());
    attributes.put("client_address", Caller.currentAddress());
    audit.record(
        new AdministrativeEvent(clock.millis(), "certificate-issued", ACTOR, identity, attributes));
  }

  private void recordRefusal(CertifyRequest request, Refusal refusal) {
    Status status = refusal.status;
    long leftOut = refusals.admit();
    if (leftOut < 0) {
      return;
    }
    String identity = request.getIdentity();
    String subject = identity.isEmpty() ? "nobody" : WorkloadIdentity.printable(identity);
    log.warn("certificate refused to {} at {}: {}", subject, Caller.currentAddress(), status);
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("code", status.getCode().name());
    attributes.put("kind", refusal.reason.label());
    attributes.put("reason", String.valueOf(status.getDescription()));
    attributes.put("client_address", Caller.currentAddress());
    if (leftOut > 0) {
      attributes.put("left_out", Long.toString(leftOut));
    }
    audit.record(
        new AdministrativeEvent(clock.millis(), "certificate-refused", ACTOR, subject, attributes));
  }

  /**
   * A leaf on its way to its caller. A leaf that cannot have arrived, because the call was refused
   * after all or ended before its answer had been sent, counts as given up: nobody has to wait for
   * its end. A workload that reports to serve it after all is believed.
   */
  private final class Delivery {
    private @Nullable IssuedLeaf leaf;
    private boolean lost;

    /** The leaf is on record; false: its caller does not wait any more, and gets nothing. */
    synchronized boolean begins(IssuedLeaf issuedLeaf) {
      leaf = issuedLeaf;
      // The call may have ended without the handler having been told yet.
      lost |= Context.current().isCancelled();
      if (lost) {
        giveUp(issuedLeaf);
      }
      return !lost;
    }

    /** The caller gets no leaf: the call is refused, or ended before all had been sent. */
    synchronized void lost() {
      lost = true;
      IssuedLeaf undelivered = leaf;
      if (undelivered != null) {
        giveUp(undelivered);
      }
    }

    private void giveUp(IssuedLeaf undelivered) {
      reports.superseded(undelivered.serial(), undelivered.identity());
    }
  }

  /** A refusal on its way to the caller. */
  private static final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;

    private final Reason reason;
    private final transient Status status;
    private final transient @Nullable Duration retryAfter;

    Refusal(Reason reason, Status status) {
      this(reason, status, (Duration) null);
    }

    Refusal(Reason reason, Status status, @Nullable Duration retryAfter) {
      super(status.getDescription(), null, false, false);
      this.reason = reason;
      this.status = status;
      this.retryAfter = retryAfter;
    }

    Refusal(Reason reason, Status code, Throwable cause) {
      this(reason, code.withDescription(cause.getMessage()));
    }
  }
}
