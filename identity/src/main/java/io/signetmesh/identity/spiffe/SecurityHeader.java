package io.signetmesh.identity.spiffe;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;

/**
 * Requires the metadata {@code workload.spiffe.io: true}, which something that was tricked into
 * sending a request for somebody else does not send (SPIFFE Workload Endpoint section 6.1).
 */
final class SecurityHeader implements ServerInterceptor {
  private static final Metadata.Key<String> KEY =
      Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER);

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    if ("true".equals(headers.get(KEY))) {
      return next.startCall(call, headers);
    }
    call.close(
        Status.INVALID_ARGUMENT.withDescription(
            "security header missing from request: expected metadata workload.spiffe.io: true"),
        new Metadata());
    return new ServerCall.Listener<>() {};
  }
}
