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

/** A set of mesh identities. */
@Group("policy.linkerd.io")
@Version("v1alpha1")
@Kind("MeshTLSAuthentication")
@Plural("meshtlsauthentications")
@ShortNames({"meshtlsauthn"})
public final class MeshTLSAuthentication extends MeshResource<MeshTLSAuthenticationSpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public MeshTLSAuthentication(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") MeshTLSAuthenticationSpec spec) {
    super(metadata, spec, null);
  }
}
