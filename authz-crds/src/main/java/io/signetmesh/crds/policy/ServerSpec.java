package io.signetmesh.crds.policy;

import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.ServedIn;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Server} says.
 *
 * @param port port number, or name of a container port
 * @param podSelector pods of the namespace that it applies to; excludes the other selector
 * @param externalWorkloadSelector external workloads of the namespace that it applies to
 * @param proxyProtocol protocol of the port
 * @param accessPolicy what is granted without an authorization; null, as older versions leave it,
 *     grants nothing
 */
@ExactlyOneOf({"podSelector", "externalWorkloadSelector"})
public record ServerSpec(
    @Required IntOrString port,
    @Nullable LabelSelector podSelector,
    @ServedIn({"v1beta2", "v1beta3"}) @Nullable LabelSelector externalWorkloadSelector,
    @Default("unknown") ProxyProtocol proxyProtocol,
    @ServedIn("v1beta3") @Default("deny") @Nullable AccessPolicy accessPolicy) {
  /** A protocol that is not given is {@link ProxyProtocol#UNKNOWN}. */
  public ServerSpec {
    proxyProtocol = proxyProtocol == null ? ProxyProtocol.UNKNOWN : proxyProtocol;
  }
}
