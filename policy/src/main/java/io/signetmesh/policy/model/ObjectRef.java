package io.signetmesh.policy.model;

import java.time.Instant;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * Names one object that policy depends on.
 *
 * @param kind what it is
 * @param namespace its namespace; empty for a namespace
 * @param name its name
 */
public record ObjectRef(Kind kind, String namespace, String name) implements Comparable<ObjectRef> {
  private static final Comparator<ObjectRef> ORDER =
      Comparator.comparing(ObjectRef::kind)
          .thenComparing(ObjectRef::namespace)
          .thenComparing(ObjectRef::name);

  /** The kinds of objects: first those that inbound policy depends on, then the others. */
  public enum Kind {
    /** A pod: a workload. */
    POD("core", "Pod"),
    /** A workload outside of the cluster. */
    EXTERNAL_WORKLOAD("workload.linkerd.io", "ExternalWorkload"),
    /** A namespace, for its annotations. */
    NAMESPACE("core", "Namespace"),
    /** A service account: an identity. */
    SERVICE_ACCOUNT("core", "ServiceAccount"),
    /** A set of workload ports. */
    SERVER("policy.linkerd.io", "Server"),
    /** A grant to those who pass all of its authentications. */
    AUTHORIZATION_POLICY("policy.linkerd.io", "AuthorizationPolicy"),
    /** The older form of a grant. */
    SERVER_AUTHORIZATION("policy.linkerd.io", "ServerAuthorization"),
    /** A refusal of those who pass all of its authentications. */
    DENY_POLICY("policy.signetmesh.io", "DenyPolicy"),
    /** A set of client identities. */
    MESH_TLS_AUTHENTICATION("policy.linkerd.io", "MeshTLSAuthentication"),
    /** A set of client networks. */
    NETWORK_AUTHENTICATION("policy.linkerd.io", "NetworkAuthentication"),
    /** What a token must be. */
    JWT_AUTHENTICATION("policy.signetmesh.io", "JWTAuthentication"),
    /** A policy in Rego that a request must pass. */
    REGO_AUTHENTICATION("policy.signetmesh.io", "RegoAuthentication"),
    /** The keys that were fetched for a JWTAuthentication of that name; no manifest has them. */
    KEY_SET("policy.signetmesh.io", "KeySet"),
    /** The bundle that was fetched for a RegoAuthentication of that name; no manifest has it. */
    POLICY_BUNDLE("policy.signetmesh.io", "PolicyBundle"),
    /** Has keys of JWTAuthentications or bundles of RegoAuthentications; others are not known. */
    CONFIG_MAP("core", "ConfigMap"),
    /** Has the keys of JWTAuthentications; others are not known. */
    SECRET("core", "Secret"),
    /** A route in Linkerd's own group. */
    HTTP_ROUTE("policy.linkerd.io", "HTTPRoute"),
    /** A route of the Gateway API. */
    GATEWAY_HTTP_ROUTE("gateway.networking.k8s.io", "HTTPRoute"),
    /** A gRPC route of the Gateway API. */
    GRPC_ROUTE("gateway.networking.k8s.io", "GRPCRoute"),
    /** Limits on the requests that a Server takes. */
    RATE_LIMIT_POLICY("policy.linkerd.io", "HTTPLocalRateLimitPolicy"),
    /** A service: discovery reads it, policy does not. */
    SERVICE("core", "Service"),
    /** Destinations outside of the cluster. */
    EGRESS_NETWORK("policy.linkerd.io", "EgressNetwork"),
    /** Routes and retries of a service, the older form. */
    SERVICE_PROFILE("linkerd.io", "ServiceProfile"),
    /** A route of TLS connections. */
    TLS_ROUTE("gateway.networking.k8s.io", "TLSRoute"),
    /** A route of TCP connections. */
    TCP_ROUTE("gateway.networking.k8s.io", "TCPRoute"),
    /** A connection to another cluster. */
    LINK("multicluster.linkerd.io", "Link");

    private final String group;
    private final String resourceKind;

    Kind(String group, String resourceKind) {
      this.group = group;
      this.resourceKind = resourceKind;
    }

    /** API group; {@code core} for the legacy group. */
    public String group() {
      return group;
    }

    /** Kind as written in a manifest. */
    public String resourceKind() {
      return resourceKind;
    }

    /** Whether objects of this kind have inbound ports. */
    public boolean isWorkload() {
      return this == POD || this == EXTERNAL_WORKLOAD;
    }

    /** Whether inbound policy depends on objects of this kind; the others are only reported. */
    public boolean decides() {
      return compareTo(SERVICE) < 0;
    }

    /** Whether objects of this kind say who passes a policy that requires them. */
    public boolean isAuthentication() {
      return this == MESH_TLS_AUTHENTICATION
          || this == NETWORK_AUTHENTICATION
          || this == JWT_AUTHENTICATION
          || this == REGO_AUTHENTICATION;
    }

    /** Whether objects of this kind are inbound routes. */
    public boolean isRoute() {
      return this == HTTP_ROUTE || this == GATEWAY_HTTP_ROUTE || this == GRPC_ROUTE;
    }
  }

  /** A pod. */
  public static ObjectRef pod(String namespace, String name) {
    return new ObjectRef(Kind.POD, namespace, name);
  }

  /** An ExternalWorkload. */
  public static ObjectRef externalWorkload(String namespace, String name) {
    return new ObjectRef(Kind.EXTERNAL_WORKLOAD, namespace, name);
  }

  /** A namespace. */
  public static ObjectRef namespace(String name) {
    return new ObjectRef(Kind.NAMESPACE, "", name);
  }

  /**
   * The object that a message names.
   *
   * @throws IllegalArgumentException when the text is not {@code namespace/name}
   */
  static ObjectRef qualified(Kind kind, String name) {
    int slash = name.indexOf('/');
    if (slash <= 0 || slash == name.length() - 1) {
      throw new IllegalArgumentException("\"" + name + "\": expected namespace/name");
    }
    return new ObjectRef(kind, name.substring(0, slash), name.substring(slash + 1));
  }

  /** {@code namespace/name}, which messages have for an object whose kind they know. */
  public String qualifiedName() {
    return namespace + "/" + name;
  }

  /** The order by age: older first, a missing time before all, then by name. */
  static int compareByAge(
      @Nullable Instant created, String name, @Nullable Instant otherCreated, String otherName) {
    int byTime =
        created == null || otherCreated == null
            ? Boolean.compare(created != null, otherCreated != null)
            : created.compareTo(otherCreated);
    return byTime != 0 ? byTime : name.compareTo(otherName);
  }

  /** Spreads names that differ in their numbers, which the sums of a record would make alike. */
  @Override
  public int hashCode() {
    int hash = namespace.hashCode() * 0x9E37_79B1;
    hash = (hash ^ hash >>> 15) + name.hashCode();
    hash = (hash ^ hash >>> 16) * 0x85EB_CA6B + kind.ordinal();
    return hash ^ hash >>> 13;
  }

  @Override
  public int compareTo(ObjectRef other) {
    return ORDER.compare(this, other);
  }

  /** {@code Kind namespace/name}, as used in messages. */
  @Override
  public String toString() {
    return kind.resourceKind() + " " + (namespace.isEmpty() ? name : namespace + "/" + name);
  }
}
