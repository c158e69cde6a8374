package io.signetmesh.policy.model;

import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Server: a port of the workloads that it selects.
 *
 * @param ref the object
 * @param origin where it is written
 * @param created creation time; null sorts first
 * @param labels its labels, which ServerAuthorizations select by
 * @param workloads kind of the workloads selected: pods or ExternalWorkloads
 * @param selector selects among the workloads of its namespace
 * @param port the port, by number or by name
 * @param protocol what is spoken there
 * @param accessPolicy what holds when no authorization does
 * @param mode whether it is in force
 * @param flaw why the object is not understood; such a Server still takes its ports and grants
 *     nothing there. Null when it is understood
 */
public record ServerModel(
    ObjectRef ref,
    String origin,
    @Nullable Instant created,
    Map<String, String> labels,
    ObjectRef.Kind workloads,
    LabelSelection selector,
    Port port,
    ProxyProtocol protocol,
    AccessPolicy accessPolicy,
    EnforcementMode mode,
    @Nullable String flaw)
    implements PolicyObject, Comparable<ServerModel> {
  /** Copies its arguments. */
  public ServerModel {
    if (!workloads.isWorkload()) {
      throw new IllegalArgumentException(workloads + ": expected a kind of workload");
    }
    labels = Map.copyOf(labels);
  }

  /** Whether the Server selects the workload. */
  public boolean selects(WorkloadModel workload) {
    return workload.ref().kind() == workloads
        && workload.ref().namespace().equals(ref.namespace())
        && selector.matches(workload.labels());
  }

  /** Older first, a missing creation time before all, then by name: the first one gets a port. */
  @Override
  public int compareTo(ServerModel other) {
    return ObjectRef.compareByAge(created, ref.name(), other.created, other.ref.name());
  }

  /** A port of a Server. */
  public sealed interface Port {
    /**
     * By number, declared or not.
     *
     * @param number 1 to 65535
     */
    record ByNumber(int number) implements Port {}

    /**
     * All declared ports of that name.
     *
     * @param name port name
     */
    record ByName(String name) implements Port {}
  }
}
