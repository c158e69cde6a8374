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
 * Allows clients to use the selected Servers. The older kind; {@link AuthorizationPolicy} is the
 * newer.
 */
@Group("policy.linkerd.io")
@Version("v1beta1")
@Kind("ServerAuthorization")
@Plural("serverauthorizations")
@ShortNames({"saz", "serverauthz", "srvauthz"})
public final class ServerAuthorization extends MeshResource<ServerAuthorizationSpec, Void> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public ServerAuthorization(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") ServerAuthorizationSpec spec) {
    super(metadata, spec, null);
  }
}
