package io.signetmesh.cluster;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.ReplicaSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.batch.v1.CronJob;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobTemplateSpec;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.Position;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The pod templates of a view: those of Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs
 * and CronJobs. A template does not count if its Pods are in the view, or if its owner has an owner
 * in the view.
 */
public final class PodTemplates {
  private static final String INJECT = "linkerd.io/inject";
  private static final String DISABLED = "disabled";

  private PodTemplates() {}

  /**
   * A pod template.
   *
   * @param owner the object that makes pods from it
   * @param template labels, annotations and spec of those pods
   */
  private record Template(HasMetadata owner, PodTemplateSpec template) {
    String namespace() {
      return orEmpty(owner.getMetadata().getNamespace());
    }

    String name() {
      return owner.getMetadata().getName();
    }
  }

  /** Owners of the templates, as {@code Deployment shop/web}. */
  public static List<String> owners(ClusterView view) {
    return of(view).stream()
        .map(one -> one.owner.getKind() + " " + one.namespace() + "/" + one.name())
        .toList();
  }

  /**
   * Returns the view with one Pod per template, named like the template's owner and without an
   * address. The Pod is in the mesh if Linkerd's injector would put it there: unless {@code
   * linkerd.io/inject} disables that on the template or the namespace, or the Pod is on the host
   * network.
   *
   * @param controlPlaneNamespace namespace of the control plane that the Pods' proxies belong to
   */
  public static ClusterView asPods(ClusterView view, String controlPlaneNamespace) {
    List<Template> templates = of(view);
    if (templates.isEmpty()) {
      return view;
    }
    List<HasMetadata> objects = new ArrayList<>(view.objects().values());
    Map<ResourceKey, Position> positions = new HashMap<>();
    view.objects()
        .keySet()
        .forEach(key -> view.positionOf(key).ifPresent(place -> positions.put(key, place)));
    Set<ResourceKey> taken = new HashSet<>(view.objects().keySet());
    for (Template template : templates) {
      Pod pod = pod(view, template, template.name(), controlPlaneNamespace);
      if (!taken.add(ResourceKey.of(pod))) {
        pod =
            pod(
                view,
                template,
                template.name() + "-" + template.owner.getKind().toLowerCase(Locale.ROOT),
                controlPlaneNamespace);
        if (!taken.add(ResourceKey.of(pod))) {
          continue;
        }
      }
      objects.add(pod);
      Position place = view.positionOf(template.owner).orElse(null);
      if (place != null) {
        positions.put(ResourceKey.of(pod), place);
      }
    }
    return ClusterView.of(view.revision(), objects, positions);
  }

  private static Pod pod(
      ClusterView view, Template template, String name, String controlPlaneNamespace) {
    ObjectMeta metadata = template.template.getMetadata();
    Map<String, String> annotations =
        metadata == null ? Map.of() : orEmpty(metadata.getAnnotations());
    Map<String, String> labels =
        new LinkedHashMap<>(metadata == null ? Map.of() : orEmpty(metadata.getLabels()));
    if (isInMesh(view, template, annotations)) {
      labels.putIfAbsent(Workload.CONTROL_PLANE_NAMESPACE_LABEL, controlPlaneNamespace);
      labels.putIfAbsent("linkerd.io/workload-ns", template.namespace());
      labels.putIfAbsent(
          "linkerd.io/proxy-" + template.owner.getKind().toLowerCase(Locale.ROOT), template.name());
    }
    PodSpec spec = template.template.getSpec();
    return new PodBuilder()
        .withNewMetadata()
        .withNamespace(template.namespace())
        .withName(name)
        .withLabels(labels)
        .withAnnotations(annotations)
        .withOwnerReferences(
            new OwnerReferenceBuilder()
                .withApiVersion(template.owner.getApiVersion())
                .withKind(template.owner.getKind())
                .withName(template.name())
                .withController(true)
                .build())
        .endMetadata()
        .withSpec(spec == null ? new PodSpec() : spec)
        .build();
  }

  private static boolean isInMesh(
      ClusterView view, Template template, Map<String, String> annotations) {
    PodSpec spec = template.template.getSpec();
    if (spec != null && Boolean.TRUE.equals(spec.getHostNetwork())) {
      return false;
    }
    String own = annotations.get(INJECT);
    String ofNamespace =
        view.namespace(template.namespace())
            .map(Namespace::getMetadata)
            .map(metadata -> orEmpty(metadata.getAnnotations()).get(INJECT))
            .orElse(null);
    return !DISABLED.equals(own == null ? ofNamespace : own);
  }

  private static List<Template> of(ClusterView view) {
    List<Template> templates = new ArrayList<>();
    view.objects()
        .values()
        .forEach(
            object -> {
              PodTemplateSpec template = template(object);
              if (template != null) {
                templates.add(new Template(object, template));
              }
            });
    if (templates.isEmpty()) {
      return templates;
    }
    Set<String> owners = new HashSet<>();
    for (Template template : templates) {
      owners.add(key(template.namespace(), template.owner.getKind(), template.name()));
    }
    Set<String> withPods = withPods(view);
    templates.removeIf(
        template ->
            withPods.contains(key(template.namespace(), template.owner.getKind(), template.name()))
                || template.owner.getMetadata().getOwnerReferences().stream()
                    .anyMatch(
                        owner ->
                            owners.contains(
                                key(template.namespace(), owner.getKind(), owner.getName()))));
    return templates;
  }

  /** Owners of the pods that are there, and the owners of those. */
  private static Set<String> withPods(ClusterView view) {
    Set<String> owners = new HashSet<>();
    for (Pod pod : view.all(Pod.class)) {
      String namespace = orEmpty(pod.getMetadata().getNamespace());
      for (OwnerReference owner : pod.getMetadata().getOwnerReferences()) {
        owners.add(key(namespace, owner.getKind(), owner.getName()));
        int dash = orEmpty(owner.getName()).lastIndexOf('-');
        if (dash > 0 && "ReplicaSet".equals(owner.getKind())) {
          owners.add(key(namespace, "Deployment", owner.getName().substring(0, dash)));
        } else if (dash > 0 && "Job".equals(owner.getKind())) {
          owners.add(key(namespace, "CronJob", owner.getName().substring(0, dash)));
        }
      }
    }
    return owners;
  }

  private static @Nullable PodTemplateSpec template(HasMetadata object) {
    return switch (object) {
      case Deployment one -> one.getSpec() == null ? null : one.getSpec().getTemplate();
      case StatefulSet one -> one.getSpec() == null ? null : one.getSpec().getTemplate();
      case DaemonSet one -> one.getSpec() == null ? null : one.getSpec().getTemplate();
      case ReplicaSet one -> one.getSpec() == null ? null : one.getSpec().getTemplate();
      case Job one -> one.getSpec() == null ? null : one.getSpec().getTemplate();
      case CronJob one -> {
        JobTemplateSpec job = one.getSpec() == null ? null : one.getSpec().getJobTemplate();
        yield job == null || job.getSpec() == null ? null : job.getSpec().getTemplate();
      }
      default -> null;
    };
  }

  private static String key(
      @Nullable String namespace, @Nullable String kind, @Nullable String name) {
    return namespace + "/" + kind + "/" + name;
  }

  private static String orEmpty(@Nullable String text) {
    return text == null ? "" : text;
  }

  private static Map<String, String> orEmpty(@Nullable Map<String, String> map) {
    return map == null ? Map.of() : map;
  }
}
