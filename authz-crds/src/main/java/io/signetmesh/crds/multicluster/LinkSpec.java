package io.signetmesh.crds.multicluster;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ServedIn;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Link} says. Numbers are texts, as the definition has them.
 *
 * @param targetClusterName name of the other cluster
 * @param targetClusterDomain its DNS domain
 * @param targetClusterLinkerdNamespace namespace of its control plane
 * @param clusterCredentialsSecret secret with the credentials for its API
 * @param gatewayAddress addresses of its gateway, with commas between; empty without gateway
 * @param gatewayPort port of its gateway
 * @param gatewayIdentity mesh identity of its gateway
 * @param probeSpec how its gateway is probed
 * @param selector services that are mirrored through the gateway
 * @param remoteDiscoverySelector services that are mirrored in remote-discovery mode
 * @param federatedServiceSelector services that join a federated service
 * @param excludedAnnotations annotations that are not copied
 * @param excludedLabels labels that are not copied
 */
public record LinkSpec(
    @Nullable String targetClusterName,
    @Nullable String targetClusterDomain,
    @Nullable String targetClusterLinkerdNamespace,
    @Nullable String clusterCredentialsSecret,
    @Nullable String gatewayAddress,
    @Nullable String gatewayPort,
    @Nullable String gatewayIdentity,
    @Nullable ProbeSpec probeSpec,
    @Nullable LabelSelector selector,
    @Nullable LabelSelector remoteDiscoverySelector,
    @ServedIn({"v1alpha2", "v1alpha3"}) @Nullable LabelSelector federatedServiceSelector,
    @ServedIn("v1alpha3") List<String> excludedAnnotations,
    @ServedIn("v1alpha3") List<String> excludedLabels) {
  /** Lists that are not given are empty. */
  public LinkSpec {
    excludedAnnotations =
        excludedAnnotations == null ? List.of() : List.copyOf(excludedAnnotations);
    excludedLabels = excludedLabels == null ? List.of() : List.copyOf(excludedLabels);
  }

  /**
   * How a gateway is probed.
   *
   * @param path HTTP path
   * @param port port
   * @param period time between probes, as Go writes durations
   * @param timeout time to answer; null means 30 s
   * @param failureThreshold failures in a row that make it unavailable; null means 3
   */
  public record ProbeSpec(
      @Nullable String path,
      @Nullable String port,
      @Nullable String period,
      @Default("30s") @Nullable String timeout,
      @Default("\"3\"") @Nullable String failureThreshold) {}
}
