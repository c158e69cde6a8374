package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The indexed objects of one namespace. Views that find it unchanged share it. */
final class NamespaceObjects {
  static final NamespaceObjects NONE = new NamespaceObjects();

  private final Map<Class<?>, TreeMap<String, HasMetadata>> byKind = new HashMap<>();
  private final TreeMap<WorkloadRef, Workload> workloads = new TreeMap<>();
  private final Map<String, List<EndpointSlice>> slices = new HashMap<>();
  private final List<Workload> sorted;

  private NamespaceObjects() {
    this.sorted = List.of();
  }

  /**
   * @param objects the objects of the namespace
   * @param former gives workloads for the very objects that they were made from
   */
  NamespaceObjects(Map<ResourceKey, HasMetadata> objects, NamespaceObjects former) {
    objects.forEach((key, object) -> index(key, object, former));
    this.sorted = List.copyOf(workloads.values());
  }

  private void index(ResourceKey key, HasMetadata object, NamespaceObjects former) {
    byKind.computeIfAbsent(object.getClass(), _ -> new TreeMap<>()).put(key.name(), object);
    switch (object) {
      case Pod pod -> {
        WorkloadRef ref = WorkloadRef.pod(key.namespace(), key.name());
        workloads.put(ref, workload(former.workloads.get(ref), pod, () -> Workload.of(pod)));
      }
      case ExternalWorkload external -> {
        WorkloadRef ref = WorkloadRef.externalWorkload(key.namespace(), key.name());
        workloads.put(
            ref, workload(former.workloads.get(ref), external, () -> Workload.of(external)));
      }
      case EndpointSlice slice -> {
        Map<String, String> labels = slice.getMetadata().getLabels();
        String service = labels == null ? null : labels.get(ServiceEndpoints.SERVICE_NAME_LABEL);
        if (service != null) {
          slices.computeIfAbsent(service, _ -> new ArrayList<>()).add(slice);
        }
      }
      default -> {}
    }
  }

  private static Workload workload(
      @Nullable Workload former, HasMetadata object, Supplier<Workload> make) {
    return former != null && former.object() == object ? former : make.get();
  }

  /** Objects of a kind by name. */
  Map<String, HasMetadata> ofKind(Class<?> kind) {
    TreeMap<String, HasMetadata> found = byKind.get(kind);
    return found == null ? Map.of() : found;
  }

  @Nullable Workload workload(WorkloadRef ref) {
    return workloads.get(ref);
  }

  /** In the order of their names. */
  List<Workload> workloads() {
    return sorted;
  }

  List<EndpointSlice> slicesOf(String service) {
    return slices.getOrDefault(service, List.of());
  }
}
