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

/**
 * Denies a target to clients that meet all named authentications, even if another policy allows
 * them.
 */
@Group("policy.signetmesh.io")
@Version("v1alpha1")
@Kind("DenyPolicy")
@Plural("denypolicies")
@ShortNames({"denypolicy"})
public final class DenyPolicy extends MeshResource<DenyPolicySpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public DenyPolicy(
      @JsonProperty("metadata") ObjectMeta metadata, @JsonProperty("spec") DenyPolicySpec spec) {
    super(metadata, spec, null);
  }
}
