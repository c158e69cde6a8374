package io.signetmesh.crds;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A resource of the mesh, in the storage version of its kind. Readers accept every served version
 * and convert it to this one. Treat it as immutable once it is shared: {@code spec} and {@code
 * status} are records, and metadata has setters only because the Kubernetes model requires them.
 *
 * @param <S> type of the spec
 * @param <T> type of the status; {@link Void} for kinds without one
 */
@JsonDeserialize(using = JsonDeserializer.None.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonPropertyOrder({"apiVersion", "kind", "metadata", "spec", "status"})
public abstract class MeshResource<S, T> implements HasMetadata, Namespaced {
  private ObjectMeta metadata;
  private final S spec;
  private final @Nullable T status;

  /**
   * Creates a resource.
   *
   * @throws NullPointerException when the spec is null
   */
  protected MeshResource(ObjectMeta metadata, S spec, @Nullable T status) {
    this.metadata = Objects.requireNonNullElseGet(metadata, ObjectMeta::new);
    this.spec = Objects.requireNonNull(spec, "spec");
    this.status = status;
  }

  /** Metadata with this namespace and name, without labels and annotations. */
  public static ObjectMeta named(String namespace, String name) {
    return named(namespace, name, Map.of());
  }

  /** Metadata with this namespace, name and labels, without annotations. */
  public static ObjectMeta named(String namespace, String name, Map<String, String> labels) {
    ObjectMeta metadata = new ObjectMeta();
    metadata.setNamespace(namespace);
    metadata.setName(name);
    metadata.setLabels(labels);
    return metadata;
  }

  @Override
  public final ObjectMeta getMetadata() {
    return metadata;
  }

  @Override
  public final void setMetadata(ObjectMeta metadata) {
    this.metadata = Objects.requireNonNull(metadata, "metadata");
  }

  /** The desired state. */
  @JsonProperty("spec")
  public final S spec() {
    return spec;
  }

  /**
   * The observed state, as a controller wrote it; null for kinds without a status and where none is
   * written.
   */
  @JsonProperty("status")
  public final @Nullable T status() {
    return status;
  }

  /** Namespace; empty when the metadata has none. */
  public final String namespace() {
    return metadata.getNamespace() == null ? "" : metadata.getNamespace();
  }

  /** Name; empty when the metadata has none. */
  public final String name() {
    return metadata.getName() == null ? "" : metadata.getName();
  }

  /** Key of this object. */
  public final ResourceKey key() {
    return ResourceKey.of(this);
  }

  /** Ignored: an object always has the storage version of its kind. */
  @Override
  public final void setApiVersion(String version) {}

  @Override
  public final boolean equals(Object other) {
    return other == this
        || other instanceof MeshResource<?, ?> that
            && that.getClass() == getClass()
            && metadata.equals(that.metadata)
            && spec.equals(that.spec)
            && Objects.equals(status, that.status);
  }

  @Override
  public final int hashCode() {
    return Objects.hash(metadata, spec, status);
  }

  @Override
  public final String toString() {
    return key() + " " + spec;
  }
}
