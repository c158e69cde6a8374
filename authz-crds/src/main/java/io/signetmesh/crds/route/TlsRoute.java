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

/** TLSRoute of the Gateway API. */
@Group("gateway.networking.k8s.io")
@Version("v1alpha2")
@Kind("TLSRoute")
@Plural("tlsroutes")
public final class TlsRoute extends MeshResource<TlsRouteSpec, RouteStatus> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public TlsRoute(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") TlsRouteSpec spec,
      @JsonProperty("status") @Nullable RouteStatus status) {
    super(metadata, spec, status);
  }

  /** Creates an object without a status. */
  public TlsRoute(ObjectMeta metadata, TlsRouteSpec spec) {
    this(metadata, spec, null);
  }
}
