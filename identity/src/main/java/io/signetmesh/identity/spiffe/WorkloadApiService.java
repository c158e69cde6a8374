package io.signetmesh.identity.spiffe;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.channel.LocalPeer;
import io.signetmesh.identity.channel.PeerProcess;
import io.signetmesh.identity.jwt.InvalidJwtSvidException;
import io.signetmesh.identity.jwt.JwtSvid;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.spiffe.AgentIdentities.Held;
import io.signetmesh.spiffe.workload.JWTBundlesRequest;
import io.signetmesh.spiffe.workload.JWTBundlesResponse;
import io.signetmesh.spiffe.workload.JWTSVID;
import io.signetmesh.spiffe.workload.JWTSVIDRequest;
import io.signetmesh.spiffe.workload.JWTSVIDResponse;
import io.signetmesh.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.signetmesh.spiffe.workload.ValidateJWTSVIDRequest;
import io.signetmesh.spiffe.workload.ValidateJWTSVIDResponse;
import io.signetmesh.spiffe.workload.X509BundlesRequest;
import io.signetmesh.spiffe.workload.X509BundlesResponse;
import io.signetmesh.spiffe.workload.X509SVIDRequest;
import io.signetmesh.spiffe.workload.X509SVIDResponse;
import io.signetmesh.v1.MintJwtSvidResponse;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code SpiffeWorkloadAPI} (SPIFFE Workload API specification). Who calls is found out for each
 * call, and again for each message of a stream.
 */
final class WorkloadApiService extends SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIImplBase {
  private static final Logger log = LoggerFactory.getLogger(WorkloadApiService.class);
  private static final int MAX_AUDIENCES = 16;

  private final AgentIdentities identities;
  private final CallerAttestor attestor;
  private final StreamBudget streams;
  private final JwtSvidCache tokens;
  private final Executor executor;
  private final InstantSource clock;

  /**
   * Makes the service.
   *
   * @param executor where callers are looked at, which may wait for files to be read
   */
  WorkloadApiService(
      AgentIdentities identities,
      CallerAttestor attestor,
      StreamBudget streams,
      Executor executor,
      InstantSource clock) {
    this.identities = identities;
    this.attestor = attestor;
    this.streams = streams;
    this.tokens = new JwtSvidCache(clock);
    this.executor = executor;
    this.clock = clock;
  }

  @Override
  public void fetchX509SVID(X509SVIDRequest request, StreamObserver<X509SVIDResponse> response) {
    stream(response, held -> WorkloadMessages.x509Svids(held, identities.crl()));
  }

  @Override
  public void fetchX509Bundles(
      X509BundlesRequest request, StreamObserver<X509BundlesResponse> response) {
    stream(response, held -> WorkloadMessages.x509Bundles(held, identities.crl()));
  }

  @Override
  public void fetchJWTBundles(
      JWTBundlesRequest request, StreamObserver<JWTBundlesResponse> response) {
    stream(response, WorkloadMessages::jwtBundles);
  }

  @Override
  public void fetchJWTSVID(JWTSVIDRequest request, StreamObserver<JWTSVIDResponse> response) {
    answer(response, (peer, process) -> fetch(request, peer, process, response));
  }

  private void fetch(
      JWTSVIDRequest request,
      LocalPeer peer,
      PeerProcess process,
      StreamObserver<JWTSVIDResponse> response) {
    List<String> audience = request.getAudienceList();
    if (audience.isEmpty()
        || audience.size() > MAX_AUDIENCES
        || audience.stream().anyMatch(String::isBlank)) {
      throw Status.INVALID_ARGUMENT
          .withDescription(
              audience.size()
                  + " audiences: expected 1 to "
                  + MAX_AUDIENCES
                  + ", none of them blank")
          .asRuntimeException();
    }
    List<Held> entitled = attestor.entitled(peer, process);
    if (!request.getSpiffeId().isEmpty()) {
      entitled =
          entitled.stream()
              .filter(held -> held.entry().identity().spiffeId().equals(request.getSpiffeId()))
              .toList();
      if (entitled.isEmpty()) {
        throw Status.PERMISSION_DENIED
            .withDescription(
                "no identity issued: the process does not have "
                    + WorkloadIdentity.printable(request.getSpiffeId()))
            .asRuntimeException();
      }
    }
    mint(entitled, audience)
        .whenComplete(
            (answer, failure) -> {
              if (answer == null) {
                response.onError(refusal(failure).asRuntimeException());
              } else {
                response.onNext(answer);
                response.onCompleted();
              }
            });
  }

  @Override
  public void validateJWTSVID(
      ValidateJWTSVIDRequest request, StreamObserver<ValidateJWTSVIDResponse> response) {
    answer(
        response,
        (peer, process) -> {
          response.onNext(validate(request, peer, process));
          response.onCompleted();
        });
  }

  private ValidateJWTSVIDResponse validate(
      ValidateJWTSVIDRequest request, LocalPeer peer, PeerProcess process) {
    if (request.getAudience().isEmpty() || request.getSvid().isEmpty()) {
      throw Status.INVALID_ARGUMENT
          .withDescription("expected an audience and a token")
          .asRuntimeException();
    }
    Map<String, TrustBundle> bundles = WorkloadMessages.bundles(attestor.entitled(peer, process));
    if (bundles.isEmpty()) {
      throw Status.UNAVAILABLE.withDescription("there is no trust bundle yet").asRuntimeException();
    }
    JwtSvid svid;
    try {
      svid =
          JwtSvid.verify(
              request.getSvid(),
              request.getAudience(),
              domain -> Optional.ofNullable(bundles.get(domain)),
              clock);
    } catch (InvalidJwtSvidException e) {
      throw Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asRuntimeException();
    }
    String subject = svid.subject().toString();
    if (isRevoked(subject)) {
      throw Status.INVALID_ARGUMENT
          .withDescription("identity " + WorkloadIdentity.printable(subject) + " is revoked")
          .asRuntimeException();
    }
    return ValidateJWTSVIDResponse.newBuilder()
        .setSpiffeId(subject)
        .setClaims(WorkloadMessages.claims(svid.claims()))
        .build();
  }

  /** One call, on a thread that may wait. */
  @FunctionalInterface
  private interface Answer {
    void give(LocalPeer peer, PeerProcess process);
  }

  private void answer(StreamObserver<?> response, Answer answer) {
    LocalPeer peer = LocalPeer.current();
    PeerProcess process = PeerProcess.current();
    try {
      executor.execute(
          () -> {
            try {
              answer.give(peer, process);
            } catch (StatusRuntimeException e) {
              response.onError(e);
            } catch (RuntimeException e) {
              log.error("a call of the Workload API failed", e);
              response.onError(
                  Status.INTERNAL.withDescription("a fault of the agent").asRuntimeException());
            }
          });
    } catch (RejectedExecutionException e) {
      response.onError(Status.UNAVAILABLE.withDescription("the agent ends").asRuntimeException());
    }
  }

  private CompletableFuture<JWTSVIDResponse> mint(List<Held> entitled, List<String> audience) {
    List<CompletableFuture<MintJwtSvidResponse>> minted = new ArrayList<>();
    entitled.forEach(held -> minted.add(token(held, audience)));
    return CompletableFuture.allOf(minted.toArray(CompletableFuture[]::new))
        .thenApply(
            done -> {
              JWTSVIDResponse.Builder response = JWTSVIDResponse.newBuilder();
              for (int i = 0; i < entitled.size(); i++) {
                MintJwtSvidResponse token = minted.get(i).join();
                response.addSvids(
                    JWTSVID
                        .newBuilder()
                        .setSpiffeId(token.getSpiffeId())
                        .setSvid(token.getToken())
                        .setHint(entitled.get(i).entry().hint()));
              }
              return response.build();
            });
  }

  private CompletableFuture<MintJwtSvidResponse> token(Held held, List<String> audience) {
    String id = held.entry().identity().spiffeId();
    return isRevoked(id)
        ? CompletableFuture.failedFuture(
            Status.PERMISSION_DENIED
                .withDescription("identity " + id + " is revoked")
                .asRuntimeException())
        : tokens.get(held.client(), audience);
  }

  /** The clients of all entries are asked: that of a revoked identity may hear of it last. */
  private boolean isRevoked(String spiffeId) {
    return WorkloadMessages.revoked(identities.matching(entry -> true), spiffeId);
  }

  /** What the workload is told when the identity server signs nothing. */
  private static Status refusal(@Nullable Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    Status status = cause == null ? Status.UNKNOWN : Status.fromThrowable(cause);
    return switch (status.getCode()) {
      case INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION ->
          Status.fromCode(status.getCode()).withDescription(status.getDescription());
      default ->
          Status.UNAVAILABLE.withDescription(
              "the identity server signs no token now: " + status.getCode());
    };
  }

  private <T> void stream(StreamObserver<T> response, Function<List<Held>, @Nullable T> message) {
    LocalPeer peer = LocalPeer.current();
    PeerProcess process = PeerProcess.current();
    Optional<Runnable> taken = streams.take(peer.uid());
    if (taken.isEmpty()) {
      response.onError(
          Status.RESOURCE_EXHAUSTED
              .withDescription("too many streams are open")
              .asRuntimeException());
      return;
    }
    StateStream<T> stream =
        new StateStream<>(
            (ServerCallStreamObserver<T>) response,
            () -> message.apply(attestor.entitled(peer, process)),
            executor);
    Runnable registration = identities.onChange(stream::changed);
    stream.start(
        () -> {
          registration.run();
          taken.get().run();
        });
  }
}
