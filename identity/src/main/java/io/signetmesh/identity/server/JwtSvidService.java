package io.signetmesh.identity.server;

import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.jwt.JwtSvidIssuer;
import io.signetmesh.identity.jwt.JwtSvidIssuer.Minted;
import io.signetmesh.identity.jwt.SpiffeId;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.JwtSvidMeters.Reason;
import io.signetmesh.v1.JwtSvidsGrpc;
import io.signetmesh.v1.MintJwtSvidRequest;
import io.signetmesh.v1.MintJwtSvidResponse;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code io.signetmesh.v1.JwtSvids}: gives a workload a JWT-SVID of the SPIFFE id that its own
 * certificate names, never for longer than that certificate. Every token goes on record with its
 * audiences, id and end, and every refusal, floods of them summed up.
 */
final class JwtSvidService extends JwtSvidsGrpc.JwtSvidsImplBase {
  private static final Logger log = LoggerFactory.getLogger(JwtSvidService.class);
  private static final String ACTOR = "identity";
  static final int MAX_AUDIENCES = 16;
  static final int MAX_AUDIENCE = 256;

  private final WorkloadIdentity own;
  private final JwtSvidIssuer issuer;
  private final Supplier<RevocationList> revoked;
  private final AuditLog audit;
  private final JwtSvidMeters meters;
  private final InstantSource clock;
  private final RefusalRecords refusals;
  private final CallerRates rates;

  /**
   * Makes the service.
   *
   * @param own name of the server, which has the trust domain and control plane of the mesh
   */
  JwtSvidService(
      WorkloadIdentity own,
      JwtSvidIssuer issuer,
      Supplier<RevocationList> revoked,
      AuditLog audit,
      JwtSvidMeters meters,
      InstantSource clock) {
    this.own = own;
    this.issuer = issuer;
    this.revoked = revoked;
    this.audit = audit;
    this.meters = meters;
    this.clock = clock;
    this.refusals = new RefusalRecords(clock);
    this.rates = new CallerRates(clock);
  }

  @Override
  public void mint(MintJwtSvidRequest request, StreamObserver<MintJwtSvidResponse> response) {
    VerifiedPeer peer = Caller.currentPeer();
    SpiffeId subject;
    Minted minted;
    try {
      if (peer == null) {
        throw new Refusal(
            Reason.UNAUTHENTICATED, Status.UNAUTHENTICATED, "the caller has no certificate");
      }
      subject = subject(peer);
      minted = mint(peer, subject, request);
    } catch (Refusal refusal) {
      meters.refused(refusal.reason);
      recordRefusal(peer, refusal);
      response.onError(refusal.status.asRuntimeException());
      return;
    }
    meters.issued();
    recordIssuance(peer, request, minted);
    response.onNext(
        MintJwtSvidResponse.newBuilder()
            .setToken(minted.token())
            .setSpiffeId(subject.toString())
            .setIssuedAt(Timestamp.newBuilder().setSeconds(minted.issuedAt().getEpochSecond()))
            .setExpiresAt(Timestamp.newBuilder().setSeconds(minted.expiresAt().getEpochSecond()))
            .build());
    response.onCompleted();
  }

  private Minted mint(VerifiedPeer peer, SpiffeId subject, MintJwtSvidRequest request)
      throws Refusal {
    Optional<String> listed = revoked.get().refusal(peer);
    if (listed.isPresent()) {
      throw new Refusal(Reason.REVOKED, Status.PERMISSION_DENIED, listed.get());
    }
    requireAudiences(request.getAudienceList());
    Instant end = peer.notAfter();
    // Also of a connection that has lived longer than the certificate.
    if (!clock.instant().plusSeconds(1).isBefore(end)) {
      throw new Refusal(
          Reason.UNAUTHENTICATED,
          Status.UNAUTHENTICATED,
          "the caller's certificate expired at " + end + ": connect anew");
    }
    if (!rates.admit(peer.identity().name())) {
      throw new Refusal(
          Reason.RATE,
          Status.RESOURCE_EXHAUSTED,
          "more than " + CallerRates.PER_SECOND + " tokens a second");
    }
    return issuer
        .mint(subject, request.getAudienceList(), end)
        .orElseThrow(
            () ->
                new Refusal(
                    Reason.KEY_UNAVAILABLE,
                    Status.UNAVAILABLE,
                    "no key that peers know can sign tokens"));
  }

  /** The SPIFFE id of a workload of this mesh, by the name that its certificate begins with. */
  private SpiffeId subject(VerifiedPeer peer) throws Refusal {
    PeerIdentity identity = peer.identity();
    try {
      WorkloadIdentity workload = WorkloadIdentity.parseDnsName(identity.name());
      if (!identity.federated()
          && workload.trustDomain().equals(own.trustDomain())
          && workload.controlPlaneNamespace().equals(own.controlPlaneNamespace())
          && identity.names().stream()
              .filter(name -> name.startsWith("spiffe:"))
              .allMatch(workload.spiffeId()::equals)) {
        return SpiffeId.parse(workload.spiffeId());
      }
    } catch (IllegalArgumentException e) {
      // Told below.
    }
    throw new Refusal(
        Reason.FOREIGN,
        Status.PERMISSION_DENIED,
        WorkloadIdentity.printable(identity.name())
            + " is no workload of control plane "
            + own.controlPlaneNamespace()
            + "."
            + own.trustDomain());
  }

  private static void requireAudiences(List<String> audiences) throws Refusal {
    if (audiences.isEmpty() || audiences.size() > MAX_AUDIENCES) {
      throw malformed(audiences.size() + " audiences: expected 1 to " + MAX_AUDIENCES);
    }
    if (new LinkedHashSet<>(audiences).size() < audiences.size()) {
      throw malformed("an audience is given twice");
    }
    for (String audience : audiences) {
      if (audience.isBlank() || audience.length() > MAX_AUDIENCE) {
        throw malformed(
            "audience "
                + WorkloadIdentity.printable(audience)
                + " of "
                + audience.length()
                + " characters: expected 1 to "
                + MAX_AUDIENCE
                + ", not all blank");
      }
    }
  }

  private static Refusal malformed(String why) {
    return new Refusal(Reason.MALFORMED, Status.INVALID_ARGUMENT, why);
  }

  private void recordIssuance(VerifiedPeer peer, MintJwtSvidRequest request, Minted minted) {
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put(
        "audiences",
        request.getAudienceList().stream()
            .map(WorkloadIdentity::printable)
            .collect(Collectors.joining(" ")));
    attributes.put("id", minted.id());
    attributes.put("key", minted.keyId());
    attributes.put("not_after", minted.expiresAt().toString());
    attributes.put("client_address", Caller.currentAddress());
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "jwt-svid-issued", ACTOR, peer.identity().name(), attributes));
  }

  private void recordRefusal(@Nullable VerifiedPeer peer, Refusal refusal) {
    long leftOut = refusals.admit();
    if (leftOut < 0) {
      return;
    }
    String subject = peer == null ? "nobody" : WorkloadIdentity.printable(peer.identity().name());
    log.warn("JWT-SVID refused to {} at {}: {}", subject, Caller.currentAddress(), refusal.status);
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("code", refusal.status.getCode().name());
    attributes.put("reason", String.valueOf(refusal.status.getDescription()));
    attributes.put("client_address", Caller.currentAddress());
    if (leftOut > 0) {
      attributes.put("left_out", Long.toString(leftOut));
    }
    audit.record(
        new AdministrativeEvent(clock.millis(), "jwt-svid-refused", ACTOR, subject, attributes));
  }

  /** A refusal on its way to the caller. */
  private static final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;

    private final Reason reason;
    private final transient Status status;

    Refusal(Reason reason, Status code, String why) {
      super(why, null, false, false);
      this.reason = reason;
      this.status = code.withDescription(why);
    }
  }
}
