package io.signetmesh.discovery.caller;

/** Tells who makes the current gRPC call. */
@FunctionalInterface
public interface CallerSource {
  /**
   * The caller; to be asked on the thread on which gRPC calls the service method.
   *
   * @throws io.grpc.StatusRuntimeException UNAUTHENTICATED when the call carries no identity
   */
  Caller current();
}
