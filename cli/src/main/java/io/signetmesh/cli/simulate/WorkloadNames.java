package io.signetmesh.cli.simulate;

import io.fabric8.kubernetes.api.model.OwnerReference;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.text.NearestName;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Finds the workload that an operator names. {@code shop/web-0} is a Pod or an ExternalWorkload.
 * {@code shop/deploy/web} is the first Pod of that Deployment or of its template. {@code
 * deploy/web} is enough when only one namespace has such a Deployment.
 */
public final class WorkloadNames {
  private static final Map<String, String> OWNERS =
      Map.ofEntries(
          Map.entry("deploy", "Deployment"),
          Map.entry("deployment", "Deployment"),
          Map.entry("rs", "ReplicaSet"),
          Map.entry("replicaset", "ReplicaSet"),
          Map.entry("sts", "StatefulSet"),
          Map.entry("statefulset", "StatefulSet"),
          Map.entry("ds", "DaemonSet"),
          Map.entry("daemonset", "DaemonSet"),
          Map.entry("job", "Job"),
          Map.entry("cj", "CronJob"),
          Map.entry("cronjob", "CronJob"));
  private static final Set<String> POD = Set.of("po", "pod");
  private static final Set<String> EXTERNAL = Set.of("ew", "externalworkload");
  private static final Set<String> ACCOUNT = Set.of("sa", "serviceaccount");

  private final ClusterView view;

  /** Indexes the workloads of a view. */
  public WorkloadNames(ClusterView view) {
    this.view = view;
  }

  /**
   * Finds the workload of this name.
   *
   * @throws IllegalArgumentException when there is none, it has no proxy, or several namespaces
   *     have one; the message lists what there is
   */
  public Workload find(String name) {
    String[] parts = name.split("/", -1);
    List<Workload> found =
        switch (parts.length) {
          case 2 -> {
            List<Workload> plain =
                view.workloads(parts[0]).stream().filter(named(parts[1])).toList();
            yield plain.isEmpty() && isKind(parts[0]) ? anywhere(name, parts[0], parts[1]) : plain;
          }
          case 3 ->
              isKind(parts[1])
                  ? view.workloads(parts[0]).stream().filter(of(parts[1], parts[2])).toList()
                  : List.of();
          default ->
              throw new IllegalArgumentException(
                  "'"
                      + name
                      + "' names no workload: expected NAMESPACE/POD, NAMESPACE/ew/NAME or"
                      + " NAMESPACE/deploy/NAME");
        };
    if (found.isEmpty()) {
      throw new IllegalArgumentException("there is no workload '" + name + "'" + hint(parts));
    }
    return found.stream()
        .filter(WorkloadNames::hasProxy)
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    found.getFirst().ref()
                        + " has no proxy, so no policy holds for it: the label "
                        + Workload.CONTROL_PLANE_NAMESPACE_LABEL
                        + " is missing, or a pod template is not injected"));
  }

  /**
   * Parses the full name of a workload, without looking it up: {@code namespace/pod} or {@code
   * namespace/ew/name}.
   *
   * @throws IllegalArgumentException when the name has another form
   */
  public static WorkloadRef exact(String name) {
    String[] parts = name.split("/", -1);
    if (parts.length == 2) {
      return WorkloadRef.pod(parts[0], parts[1]);
    }
    if (parts.length == 3 && POD.contains(parts[1])) {
      return WorkloadRef.pod(parts[0], parts[2]);
    }
    if (parts.length == 3 && EXTERNAL.contains(parts[1])) {
      return WorkloadRef.externalWorkload(parts[0], parts[2]);
    }
    throw new IllegalArgumentException(
        "'"
            + name
            + "' names no workload that a controller can be asked about: expected NAMESPACE/POD or"
            + " NAMESPACE/ew/NAME");
  }

  /** Whether the workload has a proxy. */
  public static boolean hasProxy(Workload workload) {
    return workload.ref().kind() == WorkloadRef.Kind.EXTERNAL_WORKLOAD
        || workload.controlPlaneNamespace().isPresent();
  }

  private List<Workload> anywhere(String text, String kind, String name) {
    List<Workload> found = view.workloads().stream().filter(of(kind, name)).toList();
    Set<String> namespaces = new TreeSet<>();
    found.forEach(workload -> namespaces.add(workload.ref().namespace()));
    if (namespaces.size() > 1) {
      throw new IllegalArgumentException(
          "'"
              + text
              + "' is in the namespaces "
              + String.join(", ", namespaces)
              + ": expected NAMESPACE/"
              + text);
    }
    return found;
  }

  private String hint(String[] parts) {
    List<String> known =
        Stream.concat(
                view.workloads().stream()
                    .map(workload -> workload.ref().namespace() + "/" + workload.ref().name()),
                view.workloads().stream()
                    .flatMap(
                        workload ->
                            workload.owners().stream()
                                .map(
                                    owner ->
                                        workload.ref().namespace()
                                            + "/"
                                            + parts[parts.length - 2]
                                            + "/"
                                            + deployment(owner))))
            .distinct()
            .toList();
    return known.isEmpty()
        ? ": there are no workloads (Pod, pod template, ExternalWorkload) at all"
        : NearestName.hint(String.join("/", parts), known);
  }

  private static boolean isKind(String text) {
    return OWNERS.containsKey(text)
        || POD.contains(text)
        || EXTERNAL.contains(text)
        || ACCOUNT.contains(text);
  }

  private static Predicate<Workload> named(String name) {
    return workload -> workload.ref().name().equals(name);
  }

  private static Predicate<Workload> of(String kind, String name) {
    if (POD.contains(kind)) {
      return named(name).and(workload -> workload.ref().kind() == WorkloadRef.Kind.POD);
    }
    if (EXTERNAL.contains(kind)) {
      return named(name)
          .and(workload -> workload.ref().kind() == WorkloadRef.Kind.EXTERNAL_WORKLOAD);
    }
    if (ACCOUNT.contains(kind)) {
      return workload -> workload.serviceAccount().equals(name);
    }
    String owner = OWNERS.getOrDefault(kind, "");
    return workload ->
        workload.owners().stream()
            .anyMatch(
                reference ->
                    reference.getKind().equals(owner) && reference.getName().equals(name)
                        || owner.equals("Deployment")
                            && reference.getKind().equals("ReplicaSet")
                            && deployment(reference).equals(name));
  }

  /** A Deployment's ReplicaSets are named after it, with a hash. */
  private static String deployment(OwnerReference owner) {
    int dash = owner.getName().lastIndexOf('-');
    return owner.getKind().equals("ReplicaSet") && dash > 0
        ? owner.getName().substring(0, dash)
        : owner.getName();
  }
}
