package io.signetmesh.crds.rego;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ContentUser;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.ResourceKey;
import java.util.Set;

/**
 * A policy in Rego, compiled to WebAssembly by Open Policy Agent, that a request must pass to be
 * authenticated.
 */
@Group("policy.signetmesh.io")
@Version("v1alpha1")
@Kind("RegoAuthentication")
@Plural("regoauthentications")
@ShortNames({"regoauthn"})
public final class RegoAuthentication extends MeshResource<RegoAuthenticationSpec, Void>
    implements ContentUser {
  /** API group of the kind. */
  public static final String GROUP = "policy.signetmesh.io";

  /** Name of the kind. */
  public static final String KIND = "RegoAuthentication";

  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public RegoAuthentication(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") RegoAuthenticationSpec spec) {
    super(metadata, spec, null);
  }

  @Override
  public Set<ResourceKey> holders() {
    PolicyBundle.EntryRef configMap = spec().bundle().configMapRef();
    return configMap == null
        ? Set.of()
        : Set.of(new ResourceKey("", ContentHolder.CONFIG_MAP, namespace(), configMap.name()));
  }
}
