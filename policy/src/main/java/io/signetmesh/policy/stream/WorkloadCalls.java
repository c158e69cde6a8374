package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.node.WorkloadAuthorizer;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds out which workload a call is about, and whether the caller may speak for it. */
final class WorkloadCalls {
  private static final int MAX_INSTANCE = 64;

  private final PolicyIndex index;
  private final WorkloadAuthorizer authorizer;

  WorkloadCalls(PolicyIndex index) {
    this.index = index;
    this.authorizer =
        new WorkloadAuthorizer(
            index.config().controlPlaneNamespace(), index.config().trustDomain());
  }

  /** Whether the caller is a node: it speaks for its workloads, and is no operator. */
  boolean isNode(Caller caller) {
    return authorizer.isNode(caller);
  }

  /**
   * The workload of that name.
   *
   * @param wire as written in {@code PortSpec.workload}
   * @throws StatusRuntimeException INVALID_ARGUMENT when the name cannot be read, NOT_FOUND when
   *     there is no such workload, PERMISSION_DENIED when the caller is neither its proxy nor its
   *     node
   */
  ObjectRef require(String wire, Caller caller) {
    ObjectRef ref = parse(wire);
    require(ref, caller);
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
   *     the caller is neither its proxy nor its node
   */
  void require(ObjectRef ref, Caller caller) {
    require(index.workload(ref).orElseThrow(() -> notFound(ref)), caller);
  }

  /**
   * Refuses a workload that the caller may not speak for.
   *
   * @throws StatusRuntimeException PERMISSION_DENIED
   */
  void require(WorkloadModel workload, Caller caller) {
    authorizer.require(caller, subject(workload));
  }

  /** Why the caller may not speak for a workload; null when it may. */
  @Nullable Status refusal(WorkloadModel workload, Caller caller) {
    return authorizer.refusal(caller, subject(workload));
  }

  private static WorkloadAuthorizer.Subject subject(WorkloadModel workload) {
    String identity = workload.identity();
    return new WorkloadAuthorizer.Subject(
        workload.ref().toString(),
        identity == null ? List.of() : List.of(identity),
        workload.ref().kind() == ObjectRef.Kind.POD ? workload.node() : "");
  }

  /** Whose calls a call is counted with. */
  static String account(Caller caller) {
    return caller instanceof Caller.Identified identified ? identified.identity().name() : "";
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
