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
  /** Lists that are not given are empty. */
  public LinkStatus {
    mirrorServices = mirrorServices == null ? List.of() : List.copyOf(mirrorServices);
    federatedServices = federatedServices == null ? List.of() : List.copyOf(federatedServices);
  }

  /**
   * State of one service.
   *
   * @param controllerName who wrote it
   * @param remoteRef the service in the other cluster
   * @param conditions conditions
   */
  public record ServiceStatus(
      @Required String controllerName,
      @Required ObjectRef remoteRef,
      List<MirrorCondition> conditions) {
    /** Conditions that are not given are none. */
    public ServiceStatus {
      conditions = conditions == null ? List.of() : List.copyOf(conditions);
    }
  }

  /**
   * An object.
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
   * @param type what it is about
   * @param status {@code True}, {@code False} or {@code Unknown}
   * @param reason why, in one word
   * @param message why, for people
   * @param lastTransitionTime when it last changed, RFC 3339
   * @param localRef the local object that it is about
   */
  public record MirrorCondition(
      @Required String type,
      @Required String status,
      @Required String reason,
      @Required String message,
      @Required String lastTransitionTime,
      @Nullable ObjectRef localRef) {}
}
