package io.signetmesh.cli.controlplane;

import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.collector.ingest.NamespaceRights;
import io.signetmesh.collector.ingest.WriterRights;
import io.signetmesh.discovery.caller.CallerCheck;
import io.signetmesh.discovery.caller.CallerClaim;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.discovery.topology.TopologySource;
import io.signetmesh.identity.channel.Caller;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;

/**
 * Whom a writer of audit records may speak for, by the cluster: a workload for itself, a node for
 * what is placed on it. What was right stays so for a quarter of an hour, because the last records
 * of a workload come after its end. Of a workload that the cluster does not know, its namespace
 * decides.
 */
public final class ClusterRights implements WriterRights {
  private static final Duration KEPT = Duration.ofMinutes(15);

  /** A namespace and a name as Kubernetes has them, at most. */
  private static final int MAX_NAME = 63 + 1 + 253;

  private static final int MOST_ANSWERS = 16_384;

  private final CallerCheck check;
  private final NamespaceRights namespaces;
  private final TopologySource topology;
  private final InstantSource clock;

  /** Guarded by itself. */
  private final Map<Question, Answer> answers = new HashMap<>();

  private record Question(String writer, String workload) {}

  /**
   * What a view says.
   *
   * @param untilMillis until when a yes of an earlier view holds
   */
  private record Answer(Topology view, boolean speaks, long untilMillis) {}

  /** Follows a topology. */
  public ClusterRights(MeshNames names, TopologySource topology, InstantSource clock) {
    this.check = new CallerCheck(names.controlPlaneNamespace(), names.trustDomain());
    this.namespaces = new NamespaceRights(names.controlPlaneNamespace(), names.trustDomain());
    this.topology = topology;
    this.clock = clock;
  }

  @Override
  public boolean isControlPlane(Caller writer) {
    return namespaces.isControlPlane(writer);
  }

  @Override
  public boolean speaksFor(Caller writer, String workload) {
    if (workload.length() > MAX_NAME) {
      return false;
    }
    Question question = new Question(writer.toString(), workload);
    Topology view = topology.current();
    long now = clock.millis();
    Answer known;
    synchronized (answers) {
      known = answers.get(question);
    }
    if (known == null || known.view != view) {
      boolean speaks = decide(writer, workload, view);
      long until = known == null ? 0 : known.speaks ? now + KEPT.toMillis() : known.untilMillis;
      known = new Answer(view, speaks, until);
      synchronized (answers) {
        if (answers.size() >= MOST_ANSWERS) {
          answers.clear();
        }
        answers.put(question, known);
      }
    }
    return known.speaks || now < known.untilMillis;
  }

  private boolean decide(Caller writer, String workload, Topology view) {
    int slash = workload.indexOf('/');
    if (slash <= 0) {
      return writer instanceof Caller.TrustedLocal;
    }
    String namespace = workload.substring(0, slash);
    String name = workload.substring(slash + 1);
    ObjectKey key = new ObjectKey(namespace, name);
    if (view.pod(key) != null) {
      return isTrue(writer, new CallerClaim(namespace, name, null, ""), view);
    }
    if (view.externalWorkload(key) != null) {
      return isTrue(writer, new CallerClaim(namespace, null, name, ""), view);
    }
    return namespaces.speaksFor(writer, workload);
  }

  private boolean isTrue(Caller writer, CallerClaim claim, Topology view) {
    try {
      check.verify(writer, claim, view);
      return true;
    } catch (StatusRuntimeException refused) {
      return false;
    }
  }
}
