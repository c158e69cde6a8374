package io.signetmesh.crds.workload;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;
import org.jspecify.annotations.Nullable;

/** A workload outside of Kubernetes. */
@Group("workload.linkerd.io")
@Version("v1beta1")
@Kind("ExternalWorkload")
@Plural("externalworkloads")
public final class ExternalWorkload
    extends MeshResource<ExternalWorkloadSpec, ExternalWorkloadStatus> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public ExternalWorkload(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") ExternalWorkloadSpec spec,
      @JsonProperty("status") @Nullable ExternalWorkloadStatus status) {
    super(metadata, spec, status);
  }

  /** Creates an object without a status. */
  public ExternalWorkload(ObjectMeta metadata, ExternalWorkloadSpec spec) {
    this(metadata, spec, null);
  }
}
