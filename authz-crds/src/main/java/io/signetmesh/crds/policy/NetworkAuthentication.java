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

/** A set of client networks. */
@Group("policy.linkerd.io")
@Version("v1alpha1")
@Kind("NetworkAuthentication")
@Plural("networkauthentications")
@ShortNames({"netauthn", "networkauthn"})
public final class NetworkAuthentication extends MeshResource<NetworkAuthenticationSpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public NetworkAuthentication(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") NetworkAuthenticationSpec spec) {
    super(metadata, spec, null);
  }
}
