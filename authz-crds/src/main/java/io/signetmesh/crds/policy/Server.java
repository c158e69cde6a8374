package io.signetmesh.crds.policy;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;

/** A port of the selected workloads, with its protocol and its default policy. */
@Group("policy.linkerd.io")
@Version("v1beta3")
@Kind("Server")
@Plural("servers")
@ShortNames({"srv"})
public final class Server extends MeshResource<ServerSpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public Server(
      @JsonProperty("metadata") ObjectMeta metadata, @JsonProperty("spec") ServerSpec spec) {
    super(metadata, spec, null);
  }
}
