package io.signetmesh.cli.host;

import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterListener;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.PodTemplates;
import java.util.List;
import java.util.function.Consumer;

/** Logs which pod templates are among the manifests, if the mesh makes no Pods from templates. */
public final class TemplateNotice implements ClusterListener {
  private static final int NAMED = 10;

  private final Consumer<String> log;
  private List<String> known = List.of();

  /**
   * Creates a listener.
   *
   * @param log receives one line whenever the set of templates changes
   */
  public TemplateNotice(Consumer<String> log) {
    this.log = log;
  }

  @Override
  public void changed(ClusterView view, ClusterChange change) {
    List<String> owners = PodTemplates.owners(view);
    if (!owners.isEmpty() && !owners.equals(known)) {
      int more = owners.size() - NAMED;
      log.accept(
          "pod templates run nowhere: "
              + String.join(", ", owners.subList(0, Math.min(NAMED, owners.size())))
              + (more > 0 ? " and " + more + " more" : "")
              + "; no pods are made from them here, and without an address they have no proxy:"
              + " give Pods with status.podIP");
    }
    known = owners;
  }
}
