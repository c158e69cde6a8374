package io.signetmesh.crds.route;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;
import org.jspecify.annotations.Nullable;

/** HTTPRoute of the Gateway API, group {@code gateway.networking.k8s.io}. */
@Group("gateway.networking.k8s.io")
@Version("v1")
@Kind("HTTPRoute")
@Plural("httproutes")
public final class GatewayHttpRoute extends MeshResource<HttpRouteSpec, RouteStatus> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public GatewayHttpRoute(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") HttpRouteSpec spec,
      @JsonProperty("status") @Nullable RouteStatus status) {
    super(metadata, spec, status);
  }

  /** Creates an object without a status. */
  public GatewayHttpRoute(ObjectMeta metadata, HttpRouteSpec spec) {
    this(metadata, spec, null);
  }
}
