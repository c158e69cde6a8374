package io.signetmesh.identity.node;

import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * Names of the identities of nodes. The identity of a node is that of the ServiceAccount {@code
 * node-<node name>} in the namespace of the control plane. A name that does not fit into a DNS
 * label with this prefix, because it has dots or more than 58 characters, is represented by its
 * digest: {@code node--<56 hexadecimal digits of its SHA-256>}. No node name starts with a hyphen,
 * so two nodes never share an identity.
 *
 * <p>All ServiceAccounts in that namespace that start with {@code node-} are reserved: a workload
 * cannot have one.
 */
public final class NodeIdentity {
  /** First characters of the ServiceAccount of a node. */
  public static final String PREFIX = "node-";

  /** A DNS subdomain as Kubernetes has it: it does not bound the length of a label. */
  private static final Pattern NODE_NAME =
      Pattern.compile(
          "(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");

  private static final int MAX_LABEL = 63;

  /** 224 bits of the digest: with the prefix they fit into a label. */
  private static final int DIGEST_BYTES = 28;

  private NodeIdentity() {}

  /**
   * The ServiceAccount of a node, a DNS label.
   *
   * @param nodeName name of the node, a DNS subdomain (RFC 1123) of 1 to 253 characters
   * @throws IllegalArgumentException when it is not such a name
   */
  public static String serviceAccount(String nodeName) {
    if (!NODE_NAME.matcher(nodeName).matches()) {
      throw new IllegalArgumentException(
          "node name "
              + WorkloadIdentity.printable(nodeName)
              + ": expected a DNS subdomain of 1 to 253 characters");
    }
    if (WorkloadIdentity.isLabel(nodeName) && PREFIX.length() + nodeName.length() <= MAX_LABEL) {
      return PREFIX + nodeName;
    }
    return PREFIX + "-" + HexFormat.of().formatHex(sha256(nodeName), 0, DIGEST_BYTES);
  }

  /**
   * The identity of a node.
   *
   * @param nodeName name of the node, a DNS subdomain (RFC 1123) of 1 to 253 characters
   * @throws IllegalArgumentException when it is not such a name, or the identity is longer than a
   *     DNS name may be
   */
  public static WorkloadIdentity of(
      String nodeName, String controlPlaneNamespace, String trustDomain) {
    return new WorkloadIdentity(
        serviceAccount(nodeName), controlPlaneNamespace, controlPlaneNamespace, trustDomain);
  }

  /** Whether an identity is reserved for nodes. */
  public static boolean isReserved(WorkloadIdentity identity) {
    return identity.namespace().equals(identity.controlPlaneNamespace())
        && identity.serviceAccount().startsWith(PREFIX);
  }

  /**
   * Whether a name is reserved for nodes of this mesh.
   *
   * @param name any DNS name or URI
   */
  public static boolean isReserved(String name, String controlPlaneNamespace, String trustDomain) {
    WorkloadIdentity identity;
    try {
      identity =
          name.startsWith("spiffe:")
              ? WorkloadIdentity.parseSpiffeId(name, controlPlaneNamespace)
              : WorkloadIdentity.parseDnsName(name);
    } catch (IllegalArgumentException notOfAServiceAccount) {
      return false;
    }
    return identity.controlPlaneNamespace().equals(controlPlaneNamespace)
        && identity.trustDomain().equals(trustDomain)
        && isReserved(identity);
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
