package io.signetmesh.identity.workload;

import io.grpc.Metadata;

/** gRPC trailers that an identity server adds to the status when it refuses a certificate. */
public final class RefusalTrailers {
  /** Reason as in the metrics, such as {@code token_expired}. */
  public static final Metadata.Key<String> REASON =
      Metadata.Key.of("signet-refusal", Metadata.ASCII_STRING_MARSHALLER);

  /** Milliseconds to wait before the next attempt (gRFC A6); clients add jitter. */
  public static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  private RefusalTrailers() {}
}
