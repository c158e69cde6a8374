package io.signetmesh.policy.model;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The annotations of a workload or a namespace for ports without a Server.
 *
 * @param defaultInboundPolicy {@value #DEFAULT_INBOUND_POLICY}
 * @param opaquePorts {@value #OPAQUE_PORTS}
 * @param requireIdentityPorts {@value #REQUIRE_IDENTITY_PORTS}
 */
public record PolicyAnnotations(
    @Nullable String defaultInboundPolicy,
    @Nullable String opaquePorts,
    @Nullable String requireIdentityPorts) {
  /** Default policy of ports without a Server. */
  public static final String DEFAULT_INBOUND_POLICY = "config.linkerd.io/default-inbound-policy";

  /** Ports whose bytes are not looked at. */
  public static final String OPAQUE_PORTS = "config.linkerd.io/opaque-ports";

  /** Ports on which the default policy asks for an identity. */
  public static final String REQUIRE_IDENTITY_PORTS =
      "config.linkerd.io/proxy-require-identity-inbound-ports";

  /** No annotation. */
  public static final PolicyAnnotations NONE = new PolicyAnnotations(null, null, null);

  /** Picks the annotations out of all. */
  public static PolicyAnnotations of(@Nullable Map<String, String> annotations) {
    if (annotations == null) {
      return NONE;
    }
    return new PolicyAnnotations(
        annotations.get(DEFAULT_INBOUND_POLICY),
        annotations.get(OPAQUE_PORTS),
        annotations.get(REQUIRE_IDENTITY_PORTS));
  }

  /** Each annotation from here, or from the fallback where it is absent here. */
  public PolicyAnnotations orElse(PolicyAnnotations fallback) {
    return new PolicyAnnotations(
        defaultInboundPolicy != null ? defaultInboundPolicy : fallback.defaultInboundPolicy,
        opaquePorts != null ? opaquePorts : fallback.opaquePorts,
        requireIdentityPorts != null ? requireIdentityPorts : fallback.requireIdentityPorts);
  }
}
