package io.signetmesh.policy.effective;

import io.signetmesh.crds.network.PortSet;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The settings of the ports of a workload that have no Server.
 *
 * @param defaultPolicy policy before identities are asked for
 * @param opaquePorts ports whose bytes are not looked at
 * @param identityPorts ports on which the policy asks for an identity
 * @param identityEverywhere whether it does so on all ports, because the list cannot be read
 * @param problems annotations that cannot be read, one sentence each
 */
public record WorkloadSettings(
    AccessPolicy defaultPolicy,
    PortSet opaquePorts,
    PortSet identityPorts,
    boolean identityEverywhere,
    List<String> problems) {
  /** RFC 6335, section 5.1: letters, digits and hyphens, at least one letter. */
  private static final Pattern PORT_NAME = Pattern.compile("(?=.*[a-z])[a-z0-9-]{1,15}");

  /**
   * Reads the annotations of a workload and, where it has none, those of its namespace. A default
   * policy that cannot be read denies; a list of identity ports that cannot be read covers all
   * ports. So a typo never opens a port.
   */
  public static WorkloadSettings of(
      WorkloadModel workload, PolicyAnnotations namespace, PolicyConfig config) {
    PolicyAnnotations annotations = workload.annotations().orElse(namespace);
    List<String> problems = new ArrayList<>();

    AccessPolicy policy = config.defaultPolicy();
    String policyText = annotations.defaultInboundPolicy();
    if (policyText != null) {
      Optional<AccessPolicy> parsed = AccessPolicy.parse(policyText.strip());
      policy = parsed.orElse(AccessPolicy.DENY);
      if (parsed.isEmpty()) {
        problems.add(
            PolicyAnnotations.DEFAULT_INBOUND_POLICY
                + " is \""
                + policyText
                + "\": expected one of all-unauthenticated, all-authenticated,"
                + " cluster-unauthenticated, cluster-authenticated, deny, audit; deny holds");
      }
    }

    PortSet opaque = config.defaultOpaquePorts();
    String opaqueText = annotations.opaquePorts();
    if (opaqueText != null) {
      opaque = PortSet.parse(opaqueText).resolve(workload::portsNamed);
      List<String> malformed = malformed(opaque, workload.annotations().opaquePorts() == null);
      if (!malformed.isEmpty()) {
        problems.add(
            problem(PolicyAnnotations.OPAQUE_PORTS, malformed) + "; the other entries hold");
      }
    }

    PortSet identity = PortSet.EMPTY;
    boolean everywhere = false;
    String identityText = annotations.requireIdentityPorts();
    if (identityText != null) {
      identity = PortSet.parse(identityText).resolve(workload::portsNamed);
      List<String> malformed =
          malformed(identity, workload.annotations().requireIdentityPorts() == null);
      everywhere = !malformed.isEmpty();
      if (everywhere) {
        problems.add(
            problem(PolicyAnnotations.REQUIRE_IDENTITY_PORTS, malformed)
                + "; an identity is asked for on all ports");
      }
    }
    return new WorkloadSettings(policy, opaque, identity, everywhere, List.copyOf(problems));
  }

  /**
   * The default policy of a port. The port of the proxy's admin server has Linkerd's default:
   * annotations for the application's ports do not close metrics, a Server does.
   */
  public AccessPolicy policyOf(int port) {
    if (port == WorkloadModel.ADMIN_PORT) {
      return identityPorts.contains(port)
          ? AccessPolicy.ALL_AUTHENTICATED
          : AccessPolicy.ALL_UNAUTHENTICATED;
    }
    return identityEverywhere || identityPorts.contains(port)
        ? authenticated(defaultPolicy)
        : defaultPolicy;
  }

  private static AccessPolicy authenticated(AccessPolicy policy) {
    return switch (policy) {
      case ALL_UNAUTHENTICATED, ALL_AUTHENTICATED -> AccessPolicy.ALL_AUTHENTICATED;
      case CLUSTER_UNAUTHENTICATED, CLUSTER_AUTHENTICATED -> AccessPolicy.CLUSTER_AUTHENTICATED;
      case DENY -> AccessPolicy.DENY;
      case AUDIT -> AccessPolicy.AUDIT;
    };
  }

  /**
   * Entries that mean nothing. A port name that a namespace lists need not be declared by each of
   * its workloads.
   */
  private static List<String> malformed(PortSet ports, boolean inherited) {
    return ports.others().stream()
        .filter(entry -> !inherited || !PORT_NAME.matcher(entry).matches())
        .toList();
  }

  private static String problem(String annotation, List<String> malformed) {
    return annotation
        + " has \""
        + String.join("\", \"", malformed)
        + "\": expected ports, ranges or names of declared ports";
  }
}
