package io.signetmesh.crds.profile;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;

/** Routes, retry budget and traffic split of a Service. Its name is the DNS name of the Service. */
@Group("linkerd.io")
@Version("v1alpha2")
@Kind("ServiceProfile")
@Plural("serviceprofiles")
@ShortNames({"sp"})
public final class ServiceProfile extends MeshResource<ServiceProfileSpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public ServiceProfile(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") ServiceProfileSpec spec) {
    super(metadata, spec, null);
  }
}
