package io.signetmesh.policy.index;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.IdentityMatch;
import io.signetmesh.policy.facts.LabelSelection;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.NetworkMatch;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.Reference;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.WorkloadFact;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Short ways to write facts in tests; all live in namespace {@code shop}. */
public final class Facts {
  public static final String NS = "shop";
  public static final Instant START = Instant.parse("2026-11-01T00:00:00Z");
  public static final PolicyConfig CONFIG = PolicyConfig.defaults("signet", "cluster.local");
  public static final ObjectRef WEB = ObjectRef.pod(NS, "web");

  private Facts() {}

  public static PolicyIndex index(PolicyConfig config, Fact... facts) {
    PolicyIndex index = new PolicyIndex(config, InstantSource.fixed(START));
    index.apply(List.of(facts), List.of());
    return index;
  }

  public static WorkloadFact pod(String name, Map<String, String> labels) {
    return pod(name, labels, PolicyAnnotations.NONE);
  }

  public static WorkloadFact pod(
      String name, Map<String, String> labels, PolicyAnnotations annotations) {
    return new WorkloadFact(
        ObjectRef.pod(NS, name),
        "",
        labels,
        annotations,
        CONFIG.identity(name, NS),
        List.of(
            new WorkloadFact.NamedPort("http", 8080), new WorkloadFact.NamedPort("admin", 9990)),
        List.of());
  }

  public static WorkloadFact probed(WorkloadFact pod, WorkloadFact.HttpProbe... probes) {
    return new WorkloadFact(
        pod.ref(),
        pod.origin(),
        pod.labels(),
        pod.annotations(),
        pod.identity(),
        pod.ports(),
        List.of(probes));
  }

  public static WorkloadFact external(String name, Map<String, String> labels, String identity) {
    return new WorkloadFact(
        ObjectRef.externalWorkload(NS, name),
        "",
        labels,
        PolicyAnnotations.NONE,
        identity,
        List.of(new WorkloadFact.NamedPort("http", 8080)),
        List.of());
  }

  public static NamespaceFact namespace(PolicyAnnotations annotations) {
    return new NamespaceFact(ObjectRef.namespace(NS), "", annotations);
  }

  public static ServerFact server(String name, int port, Map<String, String> selector) {
    return server(name, new ServerFact.Port.ByNumber(port), selector, START, AccessPolicy.DENY);
  }

  public static ServerFact server(
      String name,
      ServerFact.Port port,
      Map<String, String> selector,
      @Nullable Instant created,
      AccessPolicy accessPolicy) {
    return new ServerFact(
        new ObjectRef(ObjectRef.Kind.SERVER, NS, name),
        "",
        created,
        Map.of("server", name),
        ObjectRef.Kind.POD,
        LabelSelection.of(selector),
        port,
        ProxyProtocol.UNKNOWN,
        accessPolicy,
        EnforcementMode.ENFORCE,
        null);
  }

  public static ServerFact speaking(ServerFact server, ProxyProtocol protocol) {
    return new ServerFact(
        server.ref(),
        server.origin(),
        server.created(),
        server.labels(),
        server.workloads(),
        server.selector(),
        server.port(),
        protocol,
        server.accessPolicy(),
        EnforcementMode.ENFORCE,
        server.flaw());
  }

  public static AuthorizationPolicyFact policy(
      String name, Reference target, Reference... authentications) {
    return new AuthorizationPolicyFact(
        new ObjectRef(ObjectRef.Kind.AUTHORIZATION_POLICY, NS, name),
        "",
        target,
        List.of(authentications),
        EnforcementMode.ENFORCE);
  }

  public static Reference toServer(String name) {
    return new Reference("policy.linkerd.io", "Server", null, name);
  }

  public static Reference toNamespace(String name) {
    return new Reference("", "Namespace", null, name);
  }

  public static Reference meshTls(String name) {
    return new Reference("policy.linkerd.io", "MeshTLSAuthentication", null, name);
  }

  public static Reference network(String name) {
    return new Reference("policy.linkerd.io", "NetworkAuthentication", null, name);
  }

  public static Reference serviceAccount(String name) {
    return new Reference("", "ServiceAccount", null, name);
  }

  public static MeshTlsFact identities(String name, String... identities) {
    return new MeshTlsFact(
        new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, name),
        "",
        Arrays.stream(identities).map(IdentityMatch::parse).toList(),
        List.of());
  }

  public static NetworkFact networks(String name, String... networks) {
    return new NetworkFact(
        new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, name),
        "",
        Arrays.stream(networks).map(Cidr::parse).map(NetworkMatch::of).toList());
  }

  public static ServerAuthorizationFact serverAuthorization(
      String name,
      String server,
      boolean unauthenticated,
      ServerAuthorizationFact.@Nullable MeshTls tls) {
    return new ServerAuthorizationFact(
        new ObjectRef(ObjectRef.Kind.SERVER_AUTHORIZATION, NS, name),
        "",
        server,
        null,
        List.of(),
        unauthenticated,
        tls,
        EnforcementMode.ENFORCE);
  }

  public static AuthorizationPolicyFact audited(AuthorizationPolicyFact policy) {
    return new AuthorizationPolicyFact(
        policy.ref(),
        policy.origin(),
        policy.target(),
        policy.authentications(),
        EnforcementMode.AUDIT);
  }

  public static DenyPolicyFact audited(DenyPolicyFact policy) {
    return new DenyPolicyFact(
        policy.ref(),
        policy.origin(),
        policy.target(),
        policy.authentications(),
        EnforcementMode.AUDIT);
  }

  public static ServerFact audited(ServerFact server) {
    return new ServerFact(
        server.ref(),
        server.origin(),
        server.created(),
        server.labels(),
        server.workloads(),
        server.selector(),
        server.port(),
        server.protocol(),
        server.accessPolicy(),
        EnforcementMode.AUDIT,
        server.flaw());
  }

  public static DenyPolicyFact deny(String name, Reference target, Reference... authentications) {
    return new DenyPolicyFact(
        new ObjectRef(ObjectRef.Kind.DENY_POLICY, NS, name),
        "",
        target,
        List.of(authentications),
        EnforcementMode.ENFORCE);
  }

  public static RouteFact route(String name, String... servers) {
    return new RouteFact(
        new ObjectRef(ObjectRef.Kind.HTTP_ROUTE, NS, name),
        "",
        START,
        List.of(servers),
        List.of(),
        List.of(),
        new RouteFact.Rules.Http(List.of()),
        List.of());
  }

  public static RateLimitFact rateLimit(
      String name, String server, long total, @Nullable Instant created) {
    return new RateLimitFact(
        new ObjectRef(ObjectRef.Kind.RATE_LIMIT_POLICY, NS, name),
        "",
        created,
        toServer(server),
        total,
        null,
        List.of());
  }

  public static Reference toRoute(String name) {
    return new Reference("policy.linkerd.io", "HTTPRoute", null, name);
  }
}
