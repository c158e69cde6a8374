package io.signetmesh.crds.token;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.ResourceKey;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A ConfigMap or Secret that a {@link JWTAuthentication} refers to, reduced to the entries that may
 * be JWK sets. Of the others only the names are kept, and the contents are never in a text for
 * people.
 */
public final class KeyHolder extends MeshResource<KeyHolder.Entries, Void> {
  /** Kind of the one. */
  public static final String CONFIG_MAP = "ConfigMap";

  /** Kind of the other. */
  public static final String SECRET = "Secret";

  /** Longest entry that is kept, in characters; as long as a key set may be. */
  private static final int MAX_ENTRY = 262_144;

  private final String kind;

  /**
   * Creates an object.
   *
   * @param key of kind ConfigMap or Secret of the core group
   * @param entries contents by name; those that cannot be JWK sets are dropped
   * @throws IllegalArgumentException when the key is one of another kind
   */
  public KeyHolder(ResourceKey key, Map<String, String> entries) {
    super(MeshResource.named(key.namespace(), key.name()), new Entries(entries), null);
    if (!isHolder(key)) {
      throw new IllegalArgumentException(key + ": expected a ConfigMap or a Secret");
    }
    this.kind = key.kind();
  }

  /** Whether the key is that of a ConfigMap or Secret. */
  public static boolean isHolder(ResourceKey key) {
    return key.group().isEmpty() && (key.kind().equals(CONFIG_MAP) || key.kind().equals(SECRET));
  }

  /** The ConfigMaps and Secrets that the JWTAuthentications among some objects refer to. */
  public static Set<ResourceKey> referredBy(Collection<? extends HasMetadata> objects) {
    Set<ResourceKey> keys = new LinkedHashSet<>();
    for (HasMetadata object : objects) {
      if (object instanceof JWTAuthentication authentication) {
        TokenKeys.EntryRef configMap = authentication.spec().keys().configMapRef();
        TokenKeys.EntryRef secret = authentication.spec().keys().secretRef();
        if (configMap != null) {
          keys.add(new ResourceKey("", CONFIG_MAP, authentication.namespace(), configMap.name()));
        }
        if (secret != null) {
          keys.add(new ResourceKey("", SECRET, authentication.namespace(), secret.name()));
        }
      }
    }
    return keys;
  }

  @Override
  public String getApiVersion() {
    return "v1";
  }

  @Override
  public String getKind() {
    return kind;
  }

  /**
   * Entries of a ConfigMap or Secret.
   *
   * @param byName contents by name; empty for what cannot be a JWK set
   */
  public record Entries(Map<String, String> byName) {
    /** Copies the map, without contents that cannot be JWK sets. */
    public Entries {
      Map<String, String> kept = new TreeMap<>();
      byName.forEach((name, text) -> kept.put(name, mayBeKeySet(text) ? text : ""));
      byName = Collections.unmodifiableMap(kept);
    }

    private static boolean mayBeKeySet(String text) {
      return text.length() <= MAX_ENTRY && text.contains("\"keys\"");
    }

    /** The names alone. */
    @Override
    public String toString() {
      return "entries " + byName.keySet();
    }
  }
}
