package io.signetmesh.identity.server;

import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.attest.JoinTokens;
import io.signetmesh.identity.channel.LocalPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.CreateJoinTokenRequest;
import io.signetmesh.v1.CreateJoinTokenResponse;
import io.signetmesh.v1.GetRevocationAdoptionRequest;
import io.signetmesh.v1.GetRevocationAdoptionResponse;
import io.signetmesh.v1.GetRevocationListRequest;
import io.signetmesh.v1.GetRevocationListResponse;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.JoinToken;
import io.signetmesh.v1.LiftRevocationRequest;
import io.signetmesh.v1.LiftRevocationResponse;
import io.signetmesh.v1.ListJoinTokensRequest;
import io.signetmesh.v1.ListJoinTokensResponse;
import io.signetmesh.v1.ListRevocationsRequest;
import io.signetmesh.v1.ListRevocationsResponse;
import io.signetmesh.v1.NewJoinToken;
import io.signetmesh.v1.RevokeJoinTokenRequest;
import io.signetmesh.v1.RevokeJoinTokenResponse;
import io.signetmesh.v1.RevokeRequest;
import io.signetmesh.v1.RevokeResponse;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code io.signetmesh.v1.IdentityAdmin}: what operators of the host may have the identity server
 * do. Who may open the socket may do everything; each call that changes something goes on record
 * with the user that made it.
 */
final class IdentityAdminService extends IdentityAdminGrpc.IdentityAdminImplBase {
  private final JoinTokens joins;
  private final AuditLog audit;
  private final InstantSource clock;
  private final Revocations revocations;

  IdentityAdminService(
      JoinTokens joins, AuditLog audit, InstantSource clock, Revocations revocations) {
    this.joins = joins;
    this.audit = audit;
    this.clock = clock;
    this.revocations = revocations;
  }

  @Override
  public void revoke(RevokeRequest request, StreamObserver<RevokeResponse> response) {
    revocations.admin().revoke(request, this::record, response);
  }

  @Override
  public void liftRevocation(
      LiftRevocationRequest request, StreamObserver<LiftRevocationResponse> response) {
    revocations.admin().lift(request, this::record, response);
  }

  @Override
  public void listRevocations(
      ListRevocationsRequest request, StreamObserver<ListRevocationsResponse> response) {
    revocations.admin().list(response);
  }

  @Override
  public void getRevocationList(
      GetRevocationListRequest request, StreamObserver<GetRevocationListResponse> response) {
    revocations.admin().crl(response);
  }

  @Override
  public void getRevocationAdoption(
      GetRevocationAdoptionRequest request,
      StreamObserver<GetRevocationAdoptionResponse> response) {
    revocations.admin().adoption(request, response);
  }

  @Override
  public void createJoinToken(
      CreateJoinTokenRequest request, StreamObserver<CreateJoinTokenResponse> response) {
    CreateJoinTokenResponse.Builder answer = CreateJoinTokenResponse.newBuilder();
    try {
      List<JoinTokens.Created> created =
          joins.create(
              request.getIdentity(),
              Duration.ofSeconds(request.getTtl().getSeconds(), request.getTtl().getNanos()),
              request.getCount() == 0 ? 1 : request.getCount());
      for (JoinTokens.Created one : created) {
        answer.addTokens(
            NewJoinToken.newBuilder().setToken(message(one.token())).setSecret(one.secret()));
        record(
            "join-token-created",
            one.token().identity(),
            Map.of("id", one.token().id(), "expires_at", one.token().expiresAt().toString()));
      }
    } catch (IllegalArgumentException | ArithmeticException e) {
      response.onError(refused(Status.INVALID_ARGUMENT, e));
      return;
    } catch (IOException e) {
      response.onError(refused(Status.RESOURCE_EXHAUSTED, e));
      return;
    }
    response.onNext(answer.build());
    response.onCompleted();
  }

  @Override
  public void listJoinTokens(
      ListJoinTokensRequest request, StreamObserver<ListJoinTokensResponse> response) {
    ListJoinTokensResponse.Builder answer = ListJoinTokensResponse.newBuilder();
    for (JoinTokens.Token token : joins.list()) {
      if (request.getIdentity().isEmpty() || request.getIdentity().equals(token.identity())) {
        answer.addTokens(message(token));
      }
    }
    response.onNext(answer.build());
    response.onCompleted();
  }

  @Override
  public void revokeJoinToken(
      RevokeJoinTokenRequest request, StreamObserver<RevokeJoinTokenResponse> response) {
    String id = request.getId();
    String identity = request.getIdentity();
    if (id.isEmpty() && identity.isEmpty()) {
      response.onError(
          Status.INVALID_ARGUMENT
              .withDescription("nothing to revoke: expected an id or an identity")
              .asRuntimeException());
      return;
    }
    List<JoinTokens.Token> revoked;
    try {
      revoked =
          joins.revoke(
              token -> id.isEmpty() ? token.identity().equals(identity) : token.id().equals(id));
    } catch (IOException e) {
      response.onError(refused(Status.UNAVAILABLE, e));
      return;
    }
    if (revoked.isEmpty()) {
      response.onError(
          Status.NOT_FOUND
              .withDescription(
                  "no unused join token "
                      + WorkloadIdentity.printable(id.isEmpty() ? "of " + identity : id))
              .asRuntimeException());
      return;
    }
    RevokeJoinTokenResponse.Builder answer = RevokeJoinTokenResponse.newBuilder();
    for (JoinTokens.Token token : revoked) {
      record("join-token-revoked", token.identity(), Map.of("id", token.id()));
      answer.addTokens(message(token));
    }
    response.onNext(answer.build());
    response.onCompleted();
  }

  private static JoinToken message(JoinTokens.Token token) {
    JoinToken.Builder message =
        JoinToken.newBuilder()
            .setId(token.id())
            .setIdentity(token.identity())
            .setCreatedAt(timestamp(token.createdAt()))
            .setExpiresAt(timestamp(token.expiresAt()))
            .setState(
                switch (token.state()) {
                  case UNUSED -> JoinToken.State.UNUSED;
                  case USED -> JoinToken.State.USED;
                  case REVOKED -> JoinToken.State.REVOKED;
                  case EXPIRED -> JoinToken.State.EXPIRED;
                });
    Instant ended = token.endedAt();
    return ended == null ? message.build() : message.setEndedAt(timestamp(ended)).build();
  }

  private static Timestamp timestamp(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).build();
  }

  private static StatusRuntimeException refused(Status code, Exception why) {
    return code.withDescription(why.getMessage()).asRuntimeException();
  }

  /**
   * Puts an act of the current call's operator on record.
   *
   * @param act what was done, such as {@code join-token-created}
   * @param subject what it was done to
   */
  void record(String act, String subject, Map<String, String> attributes) {
    LocalPeer peer = LocalPeer.current();
    Map<String, String> all = new LinkedHashMap<>(attributes);
    all.put("process", Integer.toString(peer.pid()));
    audit.record(
        new AdministrativeEvent(clock.millis(), act, "operator uid " + peer.uid(), subject, all));
  }
}
