package io.signetmesh.cli.controlplane;

import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.collector.ingest.NamespaceRights;
import io.signetmesh.collector.ingest.WriterRights;
import io.signetmesh.discovery.caller.CallerCheck;
import io.signetmesh.discovery.caller.CallerClaim;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.discovery.topology.TopologySource;
import io.signetmesh.identity.channel.Caller;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whom a writer of audit records may speak for, by the cluster: a workload for itself, a node for
 * what is placed on it. What was right stays so for a quarter of an hour after the change, because
 * the last records of a workload come after its end. So what has changed is kept for that time,
 * whoever asks: at most {@value #MOST_PAST} workloads, of which the oldest go first. Of a workload
 * that the cluster does not know, its namespace decides.
 */
public final class ClusterRights implements WriterRights {
  private static final Duration KEPT = Duration.ofMinutes(15);

  /** Workloads that have changed or ended, in all. */
  static final int MOST_PAST = 65_536;

  /** A namespace and a name as Kubernetes has them, at most. */
  private static final int MAX_NAME = 63 + 1 + 253;

  /** Answers of the current view that are remembered; they can be found again. */
  private static final int MOST_ANSWERS = 16_384;

  private final CallerCheck check;
  private final NamespaceRights namespaces;
  private final TopologySource topology;
  private final InstantSource clock;

  // Guarded by this.
  private Topology view;
  private final Map<Question, Boolean> answers = new HashMap<>();

  /** Workloads as they were, the oldest first. */
  private final Deque<Past> past = new ArrayDeque<>();

  private final Map<ObjectKey, List<Past>> pastByKey = new HashMap<>();

  private record Question(String writer, String workload) {}

  /** A workload as it was before it changed or ended. */
  private record Past(ObjectKey key, PeerWorkload workload, long untilMillis) {
    boolean isPod() {
      return workload.ref().kind() == WorkloadRef.Kind.POD;
    }

    /** A view that has nothing else. */
    Topology alone() {
      return new Topology(List.of(), List.of(workload), Map.of());
    }
  }

  /** Follows a topology, as long as that lives. */
  @SuppressWarnings("this-escape") // complete by then
  public ClusterRights(MeshNames names, TopologySource topology, InstantSource clock) {
    this.check = new CallerCheck(names.controlPlaneNamespace(), names.trustDomain());
    this.namespaces = new NamespaceRights(names.controlPlaneNamespace(), names.trustDomain());
    this.topology = topology;
    this.clock = clock;
    this.view = topology.current();
    topology.onChange(this::look);
  }

  @Override
  public boolean isControlPlane(Caller writer) {
    return namespaces.isControlPlane(writer);
  }

  @Override
  public synchronized boolean speaksFor(Caller writer, String workload) {
    if (workload.length() > MAX_NAME) {
      return false;
    }
    // The listener may be late.
    look();
    if (answers.size() >= MOST_ANSWERS) {
      answers.clear();
    }
    return answers.computeIfAbsent(
            new Question(writer.toString(), workload), _ -> decide(writer, workload))
        || spokeFor(writer, workload);
  }

  /** Keeps what the newest view has changed. */
  private synchronized void look() {
    Topology now = topology.current();
    long millis = clock.millis();
    while (!past.isEmpty()
        && (past.size() > MOST_PAST || past.getFirst().untilMillis() <= millis)) {
      forget(past.removeFirst());
    }
    if (now == view) {
      return;
    }
    Topology before = view;
    view = now;
    answers.clear();
    before
        .workloads()
        .forEach(
            workload -> {
              ObjectKey key = ObjectKey.of(workload.ref());
              boolean isPod = workload.ref().kind() == WorkloadRef.Kind.POD;
              if (hasOtherWriters(workload, isPod ? now.pod(key) : now.externalWorkload(key))) {
                keep(new Past(key, workload, millis + KEPT.toMillis()));
              }
            });
  }

  private static boolean hasOtherWriters(PeerWorkload before, @Nullable PeerWorkload now) {
    return now == null
        || !before.serviceAccount().equals(now.serviceAccount())
        || !before.node().equals(now.node())
        || !identity(before).equals(identity(now));
  }

  private static String identity(PeerWorkload workload) {
    PeerWorkload.Mesh mesh = workload.mesh();
    return mesh == null || mesh.external() == null ? "" : mesh.external().identity();
  }

  private void keep(Past one) {
    past.addLast(one);
    pastByKey.computeIfAbsent(one.key(), _ -> new ArrayList<>(1)).add(one);
    if (past.size() > MOST_PAST) {
      forget(past.removeFirst());
    }
  }

  private void forget(Past one) {
    pastByKey.computeIfPresent(
        one.key(),
        (_, all) -> {
          all.remove(one);
          return all.isEmpty() ? null : all;
        });
  }

  private boolean decide(Caller writer, String workload) {
    ObjectKey key = key(workload);
    if (key == null) {
      return writer instanceof Caller.TrustedLocal;
    }
    if (view.pod(key) != null) {
      return isTrue(writer, key, true, view);
    }
    if (view.externalWorkload(key) != null) {
      return isTrue(writer, key, false, view);
    }
    return namespaces.speaksFor(writer, workload);
  }

  private boolean spokeFor(Caller writer, String workload) {
    ObjectKey key = key(workload);
    return key != null
        && pastByKey.getOrDefault(key, List.of()).stream()
            .anyMatch(one -> isTrue(writer, key, one.isPod(), one.alone()));
  }

  private static @Nullable ObjectKey key(String workload) {
    int slash = workload.indexOf('/');
    return slash <= 0
        ? null
        : new ObjectKey(workload.substring(0, slash), workload.substring(slash + 1));
  }

  private boolean isTrue(Caller writer, ObjectKey key, boolean isPod, Topology in) {
    CallerClaim claim =
        isPod
            ? new CallerClaim(key.namespace(), key.name(), null, "")
            : new CallerClaim(key.namespace(), null, key.name(), "");
    try {
      check.verify(writer, claim, in);
      return true;
    } catch (StatusRuntimeException refused) {
      return false;
    }
  }
}
