package io.signetmesh.crds.route.grpc;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.route.RouteStatus;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** GRPCRoute of the Gateway API. */
@Group("gateway.networking.k8s.io")
@Version("v1")
@Kind("GRPCRoute")
@Plural("grpcroutes")
public final class GrpcRoute extends MeshResource<GrpcRouteSpec, RouteStatus> {
  /** Creates an object; Jackson calls this, too. A missing spec becomes one without rules. */
  @JsonCreator
  public GrpcRoute(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") @Nullable GrpcRouteSpec spec,
      @JsonProperty("status") @Nullable RouteStatus status) {
    super(
        metadata, spec == null ? new GrpcRouteSpec(List.of(), List.of(), List.of()) : spec, status);
  }

  /** Creates an object without a status. */
  public GrpcRoute(ObjectMeta metadata, GrpcRouteSpec spec) {
    this(metadata, spec, null);
  }
}
