package io.signetmesh.identity.pki;

import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * The name of a workload: a Kubernetes service account under one control plane. It is written as a
 * DNS name (what Linkerd's proxies know) and as a SPIFFE id, and a certificate carries both.
 *
 * @param serviceAccount service account, a DNS label (RFC 1123)
 * @param namespace namespace of the service account, a DNS label
 * @param controlPlaneNamespace namespace of the control plane that vouches for the name, a DNS
 *     label
 * @param trustDomain identity trust domain, a lower-case DNS name
 */
public record WorkloadIdentity(
    String serviceAccount, String namespace, String controlPlaneNamespace, String trustDomain) {
  private static final Pattern LABEL = Pattern.compile("[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?");
  private static final String KIND = "serviceaccount";
  private static final int MAX_DNS_NAME = 253;
  private static final int MAX_SPIFFE_ID = 2048;

  private static final Pattern SEGMENT = Pattern.compile("[a-zA-Z0-9._-]+");

  /** Refuses parts that are not DNS labels, and names longer than 253 characters. */
  public WorkloadIdentity {
    requireLabel("service account", serviceAccount);
    requireLabel("namespace", namespace);
    requireLabel("control plane namespace", controlPlaneNamespace);
    requireDnsName("trust domain", trustDomain);
    int length = dnsName(serviceAccount, namespace, controlPlaneNamespace, trustDomain).length();
    if (length > MAX_DNS_NAME) {
      throw new IllegalArgumentException(
          "identity of service account "
              + serviceAccount
              + " in namespace "
              + namespace
              + " has "
              + length
              + " characters as a DNS name: expected at most "
              + MAX_DNS_NAME);
    }
  }

  /** {@code <sa>.<ns>.serviceaccount.identity.<control plane namespace>.<trust domain>}. */
  public String dnsName() {
    return dnsName(serviceAccount, namespace, controlPlaneNamespace, trustDomain);
  }

  /** {@code spiffe://<trust domain>/ns/<ns>/sa/<sa>}. */
  public String spiffeId() {
    return "spiffe://" + trustDomain + "/ns/" + namespace + "/sa/" + serviceAccount;
  }

  /** {@code system:serviceaccount:<ns>:<sa>}, as Kubernetes names the user behind a token. */
  public String kubernetesUser() {
    return "system:serviceaccount:" + namespace + ":" + serviceAccount;
  }

  /**
   * Reads the form of {@link #dnsName()}.
   *
   * @throws IllegalArgumentException when the name does not have exactly that form
   */
  public static WorkloadIdentity parseDnsName(String name) {
    String[] labels = name.split("\\.", -1);
    if (labels.length < 6 || !labels[2].equals(KIND) || !labels[3].equals("identity")) {
      throw new IllegalArgumentException(
          "identity "
              + printable(name)
              + ": expected <service account>.<namespace>."
              + KIND
              + ".identity.<control plane namespace>.<trust domain>");
    }
    int domainStart =
        labels[0].length()
            + labels[1].length()
            + labels[2].length()
            + labels[3].length()
            + labels[4].length()
            + 5;
    return new WorkloadIdentity(labels[0], labels[1], labels[4], name.substring(domainStart));
  }

  /**
   * Reads the form of {@link #spiffeId()}.
   *
   * @param controlPlaneNamespace the part of the name that a SPIFFE id does not carry
   * @throws IllegalArgumentException when the id does not have exactly that form
   */
  public static WorkloadIdentity parseSpiffeId(String id, String controlPlaneNamespace) {
    String scheme = "spiffe://";
    if (id.startsWith(scheme)) {
      String[] parts = id.substring(scheme.length()).split("/", -1);
      if (parts.length == 5 && parts[1].equals("ns") && parts[3].equals("sa")) {
        return new WorkloadIdentity(parts[4], parts[2], controlPlaneNamespace, parts[0]);
      }
    }
    throw new IllegalArgumentException(
        "SPIFFE id "
            + printable(id)
            + ": expected spiffe://<trust domain>/ns/<namespace>/sa/<service account>");
  }

  /**
   * Checks that a text is the SPIFFE id of a workload (SPIFFE-ID section 2), with any path:
   * lower-case trust domain, at least one segment of {@code [a-zA-Z0-9._-]}, no dot segment, at
   * most 2048 bytes.
   *
   * @param what named in the error
   * @param trustDomain trust domain that the id must have
   * @return the id
   * @throws IllegalArgumentException when the text is not such an id
   */
  public static String requireSpiffeId(String what, String id, String trustDomain) {
    String root = "spiffe://" + trustDomain + "/";
    if (id.length() > MAX_SPIFFE_ID
        || !id.startsWith(root)
        || !Arrays.stream(id.substring(root.length()).split("/", -1))
            .allMatch(WorkloadIdentity::isSegment)) {
      throw new IllegalArgumentException(
          what
              + " has SPIFFE id "
              + printable(id)
              + ": expected spiffe://"
              + trustDomain
              + "/PATH with segments of [a-zA-Z0-9._-], none of them empty, '.' or '..', and at most "
              + MAX_SPIFFE_ID
              + " bytes");
    }
    return id;
  }

  private static boolean isSegment(String text) {
    return SEGMENT.matcher(text).matches() && !text.equals(".") && !text.equals("..");
  }

  /** Whether the text is a lower-case DNS label of RFC 1123, 1 to 63 characters. */
  public static boolean isLabel(String text) {
    return LABEL.matcher(text).matches();
  }

  /**
   * Checks that a text is a lower-case DNS name of RFC 1123 without a trailing dot.
   *
   * @param what named in the error
   * @return the name
   * @throws IllegalArgumentException when the text is not such a name
   */
  public static String requireDnsName(String what, String text) {
    if (text.length() > MAX_DNS_NAME) {
      throw new IllegalArgumentException(
          what + " has " + text.length() + " characters: expected at most " + MAX_DNS_NAME);
    }
    for (String label : text.split("\\.", -1)) {
      if (!isLabel(label)) {
        throw new IllegalArgumentException(
            what + " " + printable(text) + ": expected DNS labels ([a-z0-9-], 1 to 63 characters)");
      }
    }
    return text;
  }

  @Override
  public String toString() {
    return dnsName();
  }

  private static String dnsName(String sa, String ns, String controlPlane, String domain) {
    return sa + "." + ns + "." + KIND + ".identity." + controlPlane + "." + domain;
  }

  private static void requireLabel(String what, String text) {
    if (!isLabel(text)) {
      throw new IllegalArgumentException(
          what + " " + printable(text) + ": expected a DNS label ([a-z0-9-], 1 to 63 characters)");
    }
  }

  /**
   * Quotes and shortens untrusted text for a log. Each control character, invisible character and
   * character that changes the text direction becomes a question mark.
   */
  public static String printable(String text) {
    String cut = text.length() > 256 ? text.substring(0, 256) + "…" : text;
    StringBuilder out = new StringBuilder(cut.length() + 2).append('"');
    cut.codePoints().forEach(c -> out.appendCodePoint(c == '"' || !isShown(c) ? '?' : c));
    return out.append('"').toString();
  }

  private static boolean isShown(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          false;
      default -> true;
    };
  }
}
