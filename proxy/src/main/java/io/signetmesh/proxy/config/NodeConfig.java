package io.signetmesh.proxy.config;

import io.signetmesh.identity.pki.TrustBundle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Configuration of the identity of a node, with which its proxies share connections to the control
 * plane. The control plane is that of the proxies, and is spoken to over mutual TLS.
 *
 * @param identity name in the node's certificate ({@code SIGNET_NODE_IDENTITY_NAME})
 * @param anchors trust anchors until the first trust bundle arrives
 * @param tokenFile file with the node's token, read at each renewal ({@code
 *     SIGNET_NODE_IDENTITY_TOKEN_FILE})
 * @param minRefresh shortest time between renewals
 * @param maxRefresh longest time between renewals
 * @param identityService identity server (CA)
 * @param destinationService discovery
 * @param policyService policy controller
 * @param auditService audit collector; null: records stay on this host
 */
public record NodeConfig(
    String identity,
    TrustBundle anchors,
    Path tokenFile,
    Duration minRefresh,
    Duration maxRefresh,
    ControlAddress identityService,
    ControlAddress destinationService,
    ControlAddress policyService,
    @Nullable ControlAddress auditService) {
  /** Variable with the name of the node's identity. */
  public static final String IDENTITY_NAME = "SIGNET_NODE_IDENTITY_NAME";

  /** Variable with the file of the node's token. */
  public static final String TOKEN_FILE = "SIGNET_NODE_IDENTITY_TOKEN_FILE";

  /**
   * Reads a configuration from an environment: the two variables of the node, and those of proxies
   * for the anchors, the times of renewals and the addresses of the control plane.
   *
   * @throws InvalidConfigException when a variable is missing or invalid; the exception has all
   *     faults
   */
  public static NodeConfig from(Map<String, String> environment) throws InvalidConfigException {
    ConfigValues values = new ConfigValues(environment);
    String identity = values.required(IDENTITY_NAME);
    NodeConfig config =
        new NodeConfig(
            identity,
            ProxyConfig.anchors(values, IDENTITY_NAME, identity),
            Path.of(values.required(TOKEN_FILE)),
            ProxyConfig.minRefresh(values),
            ProxyConfig.maxRefresh(values),
            ProxyConfig.control(values, "IDENTITY_SVC", false),
            ProxyConfig.control(values, "DESTINATION_SVC", false),
            ProxyConfig.control(values, "POLICY_SVC", false),
            ProxyConfig.auditService(values, false));
    if (!values.faults().isEmpty()) {
      throw new InvalidConfigException(values.faults());
    }
    return config;
  }
}
