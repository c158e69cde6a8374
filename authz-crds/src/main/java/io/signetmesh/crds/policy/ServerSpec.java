package io.signetmesh.crds.policy;

import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.ServedIn;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a {@link Server}. Exactly one of the selectors is set.
 *
 * @param port number of the port, 1 to 65535, or name of a container port
 * @param podSelector Pods of the namespace
 * @param externalWorkloadSelector ExternalWorkloads of the namespace
 * @param proxyProtocol protocol of the port
 * @param accessPolicy default policy where no authorization allows a client; null, in versions
 *     without the field, denies
 */
@ExactlyOneOf({"podSelector", "externalWorkloadSelector"})
public record ServerSpec(
    @Required IntOrString port,
    @Nullable LabelSelector podSelector,
    @ServedIn({"v1beta2", "v1beta3"}) @Nullable LabelSelector externalWorkloadSelector,
    @Default("unknown") ProxyProtocol proxyProtocol,
    @ServedIn("v1beta3") @Default("deny") @Nullable AccessPolicy accessPolicy) {
  /** A protocol that is null becomes {@link ProxyProtocol#UNKNOWN}. */
  public ServerSpec {
    proxyProtocol = proxyProtocol == null ? ProxyProtocol.UNKNOWN : proxyProtocol;
  }
}
