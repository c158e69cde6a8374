package io.signetmesh.crds.policy;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import io.signetmesh.crds.MeshResource;
import org.jspecify.annotations.Nullable;

/** Limits the request rate of a Server. Each proxy counts on its own. */
@Group("policy.linkerd.io")
@Version("v1alpha1")
@Kind("HTTPLocalRateLimitPolicy")
@Plural("httplocalratelimitpolicies")
public final class HTTPLocalRateLimitPolicy
    extends MeshResource<HTTPLocalRateLimitPolicySpec, HTTPLocalRateLimitPolicyStatus> {
  /** Creates an object; Jackson calls this, too. */
  @JsonCreator
  public HTTPLocalRateLimitPolicy(
      @JsonProperty("metadata") ObjectMeta metadata,
      @JsonProperty("spec") HTTPLocalRateLimitPolicySpec spec,
      @JsonProperty("status") @Nullable HTTPLocalRateLimitPolicyStatus status) {
    super(metadata, spec, status);
  }

  /** Creates an object without a status. */
  public HTTPLocalRateLimitPolicy(ObjectMeta metadata, HTTPLocalRateLimitPolicySpec spec) {
    this(metadata, spec, null);
  }
}
