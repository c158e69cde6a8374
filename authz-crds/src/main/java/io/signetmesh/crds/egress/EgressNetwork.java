package io.signetmesh.crds.egress;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;
import org.jspecify.annotations.Nullable;

/** Networks outside of the cluster, and whether traffic to them is allowed by default. */
@Group("policy.linkerd.io")
@Version("v1alpha1")
@Kind("EgressNetwork")
@Plural("egressnetworks")
public final class EgressNetwork extends MeshResource<EgressNetworkSpec, EgressNetworkStatus> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public EgressNetwork(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") EgressNetworkSpec spec,
      @JsonProperty("status") @Nullable EgressNetworkStatus status) {
    super(metadata, spec, status);
  }

  /** Creates an object without a status. */
  public EgressNetwork(ObjectMeta metadata, EgressNetworkSpec spec) {
    this(metadata, spec, null);
  }
}
