package io.signetmesh.crds.token;

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
import java.util.LinkedHashSet;
import java.util.Set;

/** What a JSON Web Token (RFC 7519) must be for a request that carries it to be authenticated. */
@Group("policy.signetmesh.io")
@Version("v1alpha1")
@Kind("JWTAuthentication")
@Plural("jwtauthentications")
@ShortNames({"jwtauthn"})
public final class JWTAuthentication extends MeshResource<JWTAuthenticationSpec, Void>
    implements ContentUser {
  /** API group of the kind. */
  public static final String GROUP = "policy.signetmesh.io";

  /** Name of the kind. */
  public static final String KIND = "JWTAuthentication";

  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public JWTAuthentication(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") JWTAuthenticationSpec spec) {
    super(metadata, spec, null);
  }

  @Override
  public Set<ResourceKey> holders() {
    Set<ResourceKey> keys = new LinkedHashSet<>();
    TokenKeys.EntryRef configMap = spec().keys().configMapRef();
    TokenKeys.EntryRef secret = spec().keys().secretRef();
    if (configMap != null) {
      keys.add(new ResourceKey("", ContentHolder.CONFIG_MAP, namespace(), configMap.name()));
    }
    if (secret != null) {
      keys.add(new ResourceKey("", ContentHolder.SECRET, namespace(), secret.name()));
    }
    return keys;
  }
}
