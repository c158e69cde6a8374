package io.signetmesh.crds.multicluster;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;
import org.jspecify.annotations.Nullable;

/** A link to another cluster, whose services are mirrored here. */
@Group("multicluster.linkerd.io")
@Version("v1alpha3")
@Kind("Link")
@Plural("links")
public final class Link extends MeshResource<LinkSpec, LinkStatus> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public Link(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") LinkSpec spec,
      @JsonProperty("status") @Nullable LinkStatus status) {
    super(metadata, spec, status);
  }

  /** Creates an object without a status. */
  public Link(ObjectMeta metadata, LinkSpec spec) {
    this(metadata, spec, null);
  }
}
