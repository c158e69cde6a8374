package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.attest.AttestationException;
import io.signetmesh.identity.attest.Attestor;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IssuanceMeters.Reason;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code io.linkerd.proxy.identity.Identity}: gives a workload a certificate for its key, if its
 * token says that it is that workload. Every issuance goes on record, and every refusal, floods of
 * them summed up.
 */
final class CertifyService extends IdentityGrpc.IdentityImplBase {
  private static final Logger log = LoggerFactory.getLogger(CertifyService.class);
  private static final String ACTOR = "identity";

  private final CertificateAuthority authority;
  private final Attestor attestor;
  private final AuditLog audit;
  private final IssuanceMeters meters;
  private final InstantSource clock;
  private final RefusalRecords refusals;

  CertifyService(
      CertificateAuthority authority,
      Attestor attestor,
      AuditLog audit,
      IssuanceMeters meters,
      InstantSource clock) {
    this.authority = authority;
    this.attestor = attestor;
    this.audit = audit;
    this.meters = meters;
    this.clock = clock;
    this.refusals = new RefusalRecords(clock);
  }

  @Override
  public void certify(CertifyRequest request, StreamObserver<CertifyResponse> response) {
    List<X509Certificate> chain;
    try {
      chain = certify(request);
    } catch (Refusal refusal) {
      meters.refused(refusal.reason);
      recordRefusal(request, refusal.status);
      response.onError(refusal.status.asRuntimeException());
      return;
    }
    meters.issued();
    X509Certificate leaf = chain.getFirst();
    recordIssuance(request.getIdentity(), leaf);
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

  private List<X509Certificate> certify(CertifyRequest request) throws Refusal {
    requirePresent("identity", request.getIdentity().isEmpty());
    requirePresent("token", request.getToken().isEmpty());
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
    requireHolder(identity, request.getToken());
    try {
      return authority.issue(identity, signingRequest);
    } catch (RequestRefusedException e) {
      throw new Refusal(Reason.SIGNING_REQUEST, Status.FAILED_PRECONDITION, e);
    } catch (IOException | PkiException | RuntimeException e) {
      log.error("cannot issue a certificate to {}", identity, e);
      throw new Refusal(Reason.INTERNAL, Status.INTERNAL, e);
    }
  }

  private void requireHolder(WorkloadIdentity identity, ByteString token) throws Refusal {
    WorkloadIdentity holder;
    try {
      holder = attestor.attest(token.toByteArray());
    } catch (AttestationException e) {
      throw switch (e.reason()) {
        case MALFORMED -> new Refusal(Reason.TOKEN, Status.INVALID_ARGUMENT, e);
        case NOT_AUTHENTICATED -> new Refusal(Reason.TOKEN, Status.FAILED_PRECONDITION, e);
        case UNAVAILABLE -> new Refusal(Reason.ATTESTATION_UNAVAILABLE, Status.INTERNAL, e);
      };
    } catch (RuntimeException e) {
      log.error("attestation of a token for {} failed", identity, e);
      throw new Refusal(
          Reason.ATTESTATION_UNAVAILABLE,
          Status.INTERNAL.withDescription("the token could not be checked"));
    }
    if (!holder.equals(identity)) {
      throw new Refusal(
          Reason.OTHER_WORKLOAD,
          Status.FAILED_PRECONDITION.withDescription(
              "the token is of " + holder + ", the certificate is asked for " + identity));
    }
  }

  private static void requirePresent(String field, boolean missing) throws Refusal {
    if (missing) {
      throw new Refusal(
          Reason.MALFORMED,
          Status.INVALID_ARGUMENT.withDescription("CertifyRequest." + field + " is empty"));
    }
  }

  private void recordIssuance(String identity, X509Certificate leaf) {
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("serial", Certificates.serial(leaf));
    attributes.put("sha256", HexFormat.of().formatHex(Certificates.sha256(leaf)));
    attributes.put("not_before", leaf.getNotBefore().toInstant().toString());
    attributes.put("not_after", leaf.getNotAfter().toInstant().toString());
    attributes.put("client_address", Caller.currentAddress());
    audit.record(
        new AdministrativeEvent(clock.millis(), "certificate-issued", ACTOR, identity, attributes));
  }

  private void recordRefusal(CertifyRequest request, Status status) {
    long leftOut = refusals.admit();
    if (leftOut < 0) {
      return;
    }
    String identity = request.getIdentity();
    String subject = identity.isEmpty() ? "nobody" : WorkloadIdentity.printable(identity);
    log.warn("certificate refused to {} at {}: {}", subject, Caller.currentAddress(), status);
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("code", status.getCode().name());
    attributes.put("reason", String.valueOf(status.getDescription()));
    attributes.put("client_address", Caller.currentAddress());
    if (leftOut > 0) {
      attributes.put("left_out", Long.toString(leftOut));
    }
    audit.record(
        new AdministrativeEvent(clock.millis(), "certificate-refused", ACTOR, subject, attributes));
  }

  /** A refusal on its way to the caller. */
  private static final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;

    private final Reason reason;
    private final transient Status status;

    Refusal(Reason reason, Status status) {
      super(status.getDescription(), null, false, false);
      this.reason = reason;
      this.status = status;
    }

    Refusal(Reason reason, Status code, Throwable cause) {
      this(reason, code.withDescription(cause.getMessage()));
    }
  }
}
