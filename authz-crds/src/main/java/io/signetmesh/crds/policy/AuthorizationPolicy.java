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

/** Grants access to a target to clients that meet all the authentications it names. */
@Group("policy.linkerd.io")
@Version("v1alpha1")
@Kind("AuthorizationPolicy")
@Plural("authorizationpolicies")
@ShortNames({"authzpolicy"})
public final class AuthorizationPolicy extends MeshResource<AuthorizationPolicySpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public AuthorizationPolicy(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") AuthorizationPolicySpec spec) {
    super(metadata, spec, null);
  }
}
