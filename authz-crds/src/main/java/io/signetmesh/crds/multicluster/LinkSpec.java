package io.signetmesh.crds.multicluster;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ServedIn;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a {@link Link}. Numbers are strings, as in Linkerd's custom resource definition.
 *
 * @param targetClusterName name of the other cluster
 * @param targetClusterDomain DNS domain of the other cluster
 * @param targetClusterLinkerdNamespace namespace of the other cluster's control plane
 * @param clusterCredentialsSecret Secret with the credentials for the other cluster's API
 * @param gatewayAddress addresses of the other cluster's gateway, separated by commas; empty
 *     without a gateway
 * @param gatewayPort port of the gateway
 * @param gatewayIdentity mesh identity of the gateway
 * @param probeSpec how the gateway is probed
 * @param selector services that are mirrored through the gateway
 * @param remoteDiscoverySelector services that are mirrored in remote-discovery mode
 * @param federatedServiceSelector services that join a federated service
 * @param excludedAnnotations annotations that are not copied to mirrored services
 * @param excludedLabels labels that are not copied to mirrored services
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
  /** Copies the lists; null becomes an empty list. */
  public LinkSpec {
    excludedAnnotations =
        excludedAnnotations == null ? List.of() : List.copyOf(excludedAnnotations);
    excludedLabels = excludedLabels == null ? List.of() : List.copyOf(excludedLabels);
  }

  /**
   * How the gateway is probed. Durations are in Go's format, such as {@code 30s}.
   *
   * @param path HTTP path
   * @param port port
   * @param period time between probes
   * @param timeout time within which the gateway must answer; null means 30 s
   * @param failureThreshold consecutive failures after which the gateway is unavailable; null means
   *     3
   */
  public record ProbeSpec(
      @Nullable String path,
      @Nullable String port,
      @Nullable String period,
      @Default("30s") @Nullable String timeout,
      @Default("\"3\"") @Nullable String failureThreshold) {}
}
