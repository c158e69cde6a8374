package io.signetmesh.identity.workload;

import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Calls of an {@link IdentityClient} to the identity server, with their limits. */
final class IdentityCalls {
  /**
   * For a certificate, the connection included. All workloads of a mesh may ask at the same time;
   * whoever gives up early asks again, which costs the server another handshake.
   */
  private static final Duration CERTIFY_TIMEOUT = Duration.ofSeconds(20);

  /**
   * Largest trust message taken, in bytes: a revocation list of {@link
   * io.signetmesh.identity.pki.crl.Crl#MAX_BYTES}, federated bundles of 4 MiB and the own. It is
   * held twice while it is read. Only the authenticated identity server can send it.
   */
  private static final int MAX_TRUST_MESSAGE = 32 << 20;

  /** Largest answer to Certify taken, in bytes: the longest chain is below. */
  private static final int MAX_CERTIFY_ANSWER = 1 << 20;

  private IdentityCalls() {}

  /**
   * On a connection that is closed after the answer. The server has few places for clients that
   * show no certificate, and all proxies of a mesh may ask at the same time.
   */
  static CompletableFuture<CertifyResponse> askAndLeave(
      ManagedChannel channel, CertifyRequest request) {
    CompletableFuture<CertifyResponse> answer = certify(channel, request);
    answer.whenComplete((response, failure) -> channel.enterIdle());
    return answer;
  }

  static CompletableFuture<CertifyResponse> certify(
      ManagedChannel channel, CertifyRequest request) {
    CompletableFuture<CertifyResponse> answer = new CompletableFuture<>();
    IdentityGrpc.newStub(channel)
        .withMaxInboundMessageSize(MAX_CERTIFY_ANSWER)
        .withDeadlineAfter(CERTIFY_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .certify(request, new CallAnswer<>(answer, "Certify"));
    return answer;
  }

  static StreamObserver<TrustReport> openWatch(
      ManagedChannel channel, StreamObserver<io.signetmesh.v1.TrustBundle> answers) {
    return TrustBundlesGrpc.newStub(channel)
        .withMaxInboundMessageSize(MAX_TRUST_MESSAGE)
        .watch(answers);
  }
}
