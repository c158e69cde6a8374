package io.signetmesh.proxy.metrics;

/** Classifies responses as success or failure of the service. */
public final class ResponseClass {
  /** Stands for "not a gRPC response". */
  public static final int NO_GRPC_STATUS = -1;

  private static final String[] GRPC_STATUS = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED"
  };

  private ResponseClass() {}

  /**
   * Whether a response is a success: gRPC by its status (UNKNOWN, DEADLINE_EXCEEDED,
   * PERMISSION_DENIED, INTERNAL, UNAVAILABLE and DATA_LOSS are failures of the service, the other
   * ones are answers to the client), HTTP below 500.
   *
   * @param status HTTP status, 100 to 999
   * @param grpcStatus gRPC status code, or {@link #NO_GRPC_STATUS}
   */
  public static boolean isSuccess(int status, int grpcStatus) {
    if (grpcStatus == NO_GRPC_STATUS) {
      return status < 500;
    }
    return switch (grpcStatus) {
      case 2, 4, 7, 13, 14, 15 -> false;
      default -> grpcStatus < GRPC_STATUS.length;
    };
  }

  /**
   * The gRPC status code that a {@code grpc-status} header or trailer states.
   *
   * @param value the header value
   * @return 0 to 16; UNKNOWN (2) for anything else
   */
  public static int parseGrpcStatus(CharSequence value) {
    int length = value.length();
    if (length == 0 || length > 2) {
      return 2;
    }
    int code = 0;
    for (int i = 0; i < length; i++) {
      int digit = value.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        return 2;
      }
      code = 10 * code + digit;
    }
    return code < GRPC_STATUS.length ? code : 2;
  }

  static String grpcStatusLabel(int grpcStatus) {
    if (grpcStatus == NO_GRPC_STATUS) {
      return "";
    }
    return grpcStatus >= 0 && grpcStatus < GRPC_STATUS.length ? GRPC_STATUS[grpcStatus] : "UNKNOWN";
  }
}
