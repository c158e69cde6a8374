package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.WorkloadModel;

/** Finds out which workload a call is about, and whether the caller may speak for it. */
final class WorkloadCalls {
  private static final int MAX_INSTANCE = 64;

  private WorkloadCalls() {}

  /**
   * The workload of that name.
   *
   * @param wire as written in {@code PortSpec.workload}
   * @throws StatusRuntimeException INVALID_ARGUMENT when the name cannot be read, NOT_FOUND when
   *     there is no such workload, PERMISSION_DENIED when the caller is not its proxy
   */
  static ObjectRef require(PolicyIndex index, String wire, Caller caller) {
    ObjectRef ref = parse(wire);
    require(index, ref, caller);
    return ref;
  }

  /**
   * The workload that a text names, whether there is one or not.
   *
   * @param wire as written in {@code PortSpec.workload}
   * @throws StatusRuntimeException INVALID_ARGUMENT when it cannot be read
   */
  static ObjectRef parse(String wire) {
    try {
      return PolicyModel.refOf(WorkloadRef.parse(wire));
    } catch (IllegalArgumentException e) {
      throw Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asRuntimeException();
    }
  }

  /**
   * Refuses a workload that is not there or that the caller may not speak for.
   *
   * @throws StatusRuntimeException NOT_FOUND when there is no such workload, PERMISSION_DENIED when
   *     the caller is not its proxy
   */
  static void require(PolicyIndex index, ObjectRef ref, Caller caller) {
    WorkloadModel workload = index.workload(ref).orElse(null);
    if (workload == null) {
      throw notFound(ref);
    }
    String identity = workload.identity();
    if (identity != null) {
      caller.require(identity);
    } else if (!(caller instanceof Caller.TrustedLocal)) {
      throw Status.PERMISSION_DENIED
          .withDescription(ref + " has no identity, so no caller can be its proxy")
          .asRuntimeException();
    }
  }

  /**
   * A port as it comes over the wire.
   *
   * @throws StatusRuntimeException INVALID_ARGUMENT when it is not 1 to 65535
   */
  static int requirePort(int port) {
    if (port < 1 || port > 65_535) {
      throw Status.INVALID_ARGUMENT
          .withDescription("port " + Integer.toUnsignedString(port) + ": expected 1 to 65535")
          .asRuntimeException();
    }
    return port;
  }

  /**
   * A run of a proxy as it comes over the wire.
   *
   * @throws StatusRuntimeException INVALID_ARGUMENT when it has more than 64 characters
   */
  static String requireInstance(String instance) {
    if (instance.length() > MAX_INSTANCE) {
      throw Status.INVALID_ARGUMENT
          .withDescription(
              "an instance of "
                  + instance.length()
                  + " characters: expected at most "
                  + MAX_INSTANCE)
          .asRuntimeException();
    }
    return instance;
  }

  static StatusRuntimeException notFound(ObjectRef ref) {
    return Status.NOT_FOUND
        .withDescription("there is no " + ref + " with a proxy")
        .asRuntimeException();
  }
}
