package io.signetmesh.crds.multicluster;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Status of a {@link Link}; served from v1alpha2 on.
 *
 * @param mirrorServices state of mirrored services
 * @param federatedServices state of federated services
 */
public record LinkStatus(
    List<ServiceStatus> mirrorServices, List<ServiceStatus> federatedServices) {
  /** Copies the lists; null becomes an empty list. */
  public LinkStatus {
    mirrorServices = mirrorServices == null ? List.of() : List.copyOf(mirrorServices);
    federatedServices = federatedServices == null ? List.of() : List.copyOf(federatedServices);
  }

  /**
   * State of one service.
   *
   * @param controllerName controller that wrote this status
   * @param remoteRef the service in the other cluster
   * @param conditions conditions of the service
   */
  public record ServiceStatus(
      @Required String controllerName,
      @Required ObjectRef remoteRef,
      List<MirrorCondition> conditions) {
    /** Copies the conditions; null becomes an empty list. */
    public ServiceStatus {
      conditions = conditions == null ? List.of() : List.copyOf(conditions);
    }
  }

  /**
   * Reference to an object of either cluster.
   *
   * @param group API group
   * @param kind kind
   * @param name name
   * @param namespace namespace
   */
  public record ObjectRef(
      @Default("core") String group,
      @Default("Service") String kind,
      @Required String name,
      @Required String namespace) {}

  /**
   * A condition of a mirrored service.
   *
   * @param type type of the condition
   * @param status {@code True}, {@code False} or {@code Unknown}
   * @param reason machine-readable reason, in CamelCase
   * @param message explanation for people
   * @param lastTransitionTime time of the last change of {@code status}, RFC 3339
   * @param localRef the local object that the condition describes
   */
  public record MirrorCondition(
      @Required String type,
      @Required String status,
      @Required String reason,
      @Required String message,
      @Required String lastTransitionTime,
      @Nullable ObjectRef localRef) {}
}
