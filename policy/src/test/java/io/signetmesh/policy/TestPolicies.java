package io.signetmesh.policy;

import com.google.protobuf.ByteString;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.fetch.DocumentMemory;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.LabelSelection;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.WorkloadModel;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoAuthentication;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** Short ways to write objects in tests; all live in namespace {@code shop}. */
public final class TestPolicies {
  /** A module that imports its memory and has nothing else (WebAssembly 1.0, section 5.5). */
  private static final byte[] MODULE =
      HexFormat.of()
          .parseHex("0061736d01000000" + "020f" + "01" + "03656e76" + "066d656d6f7279" + "020002");

  public static final String NS = "shop";
  public static final Instant START = Instant.parse("2026-11-01T00:00:00Z");
  public static final PolicyConfig CONFIG = PolicyConfig.defaults("signet", "cluster.local");
  public static final ObjectRef WEB = ObjectRef.pod(NS, "web");

  private TestPolicies() {}

  public static PolicyIndex index(PolicyConfig config, PolicyObject... objects) {
    PolicyIndex index = new PolicyIndex(config, InstantSource.fixed(START));
    index.apply(List.of(objects), List.of());
    return index;
  }

  public static WorkloadModel pod(String name, Map<String, String> labels) {
    return pod(name, labels, PolicyAnnotations.NONE);
  }

  public static WorkloadModel pod(
      String name, Map<String, String> labels, PolicyAnnotations annotations) {
    return new WorkloadModel(
        ObjectRef.pod(NS, name),
        "",
        labels,
        annotations,
        CONFIG.identity(name, NS),
        "",
        List.of(
            new WorkloadModel.NamedPort("http", 8080), new WorkloadModel.NamedPort("admin", 9990)),
        List.of());
  }

  public static WorkloadModel probed(WorkloadModel pod, WorkloadModel.HttpProbe... probes) {
    return new WorkloadModel(
        pod.ref(),
        pod.origin(),
        pod.labels(),
        pod.annotations(),
        pod.identity(),
        pod.node(),
        pod.ports(),
        List.of(probes));
  }

  public static WorkloadModel external(String name, Map<String, String> labels, String identity) {
    return new WorkloadModel(
        ObjectRef.externalWorkload(NS, name),
        "",
        labels,
        PolicyAnnotations.NONE,
        identity,
        "",
        List.of(new WorkloadModel.NamedPort("http", 8080)),
        List.of());
  }

  public static NamespaceModel namespace(PolicyAnnotations annotations) {
    return new NamespaceModel(ObjectRef.namespace(NS), "", annotations);
  }

  public static ServerModel server(String name, int port, Map<String, String> selector) {
    return server(name, new ServerModel.Port.ByNumber(port), selector, START, AccessPolicy.DENY);
  }

  public static ServerModel server(
      String name,
      ServerModel.Port port,
      Map<String, String> selector,
      @Nullable Instant created,
      AccessPolicy accessPolicy) {
    return new ServerModel(
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

  public static ServerModel speaking(ServerModel server, ProxyProtocol protocol) {
    return new ServerModel(
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

  public static AuthorizationPolicyModel policy(
      String name, Reference target, Reference... authentications) {
    return new AuthorizationPolicyModel(
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

  public static MeshTlsModel identities(String name, String... identities) {
    return new MeshTlsModel(
        new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, name),
        "",
        Arrays.stream(identities).map(IdentityMatch::parse).toList(),
        List.of());
  }

  public static NetworkModel networks(String name, String... networks) {
    return new NetworkModel(
        new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, name),
        "",
        Arrays.stream(networks).map(Cidr::parse).map(NetworkMatch::of).toList());
  }

  public static Reference jwt(String name) {
    return new Reference("policy.signetmesh.io", "JWTAuthentication", null, name);
  }

  /** A JWTAuthentication with one key in it. */
  public static JwtModel.Authentication tokens(String name) {
    return tokens(name, new KeySource.Inline(keys(name)));
  }

  public static JwtModel.Authentication tokens(String name, KeySource keys) {
    return new JwtModel.Authentication(
        new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, NS, name),
        "",
        JwtAuthentication.newBuilder()
            .setName(NS + "/" + name)
            .setIssuer("https://id.example")
            .addAudiences("shop")
            .build(),
        keys);
  }

  /** Keys that tell their origin. */
  public static KnownKeys keys(String name) {
    return new KnownKeys("{\"keys\":[\"" + name + "\"]}", 1, List.of(), "");
  }

  public static DocumentLocation location(String name) {
    return DocumentLocation.keySet("https://id.example/" + name, "");
  }

  public static JwtModel.Authentication fetched(String name, String from) {
    return tokens(
        name, new KeySource.Fetched(location(from), Duration.ofMinutes(5), Duration.ofHours(24)));
  }

  /** What was fetched for a JWTAuthentication. */
  public static JwtModel.FetchedKeys fetchedKeys(String name, String from, KnownKeys keys) {
    return new JwtModel.FetchedKeys(
        new ObjectRef(ObjectRef.Kind.KEY_SET, NS, name),
        location(from),
        keys,
        START.plusSeconds(86_400),
        null);
  }

  /** A ConfigMap whose entry {@code jwks.json} has these keys. */
  public static JwtModel.Holder configMap(String name, KnownKeys keys) {
    return new JwtModel.Holder(
        new ObjectRef(ObjectRef.Kind.CONFIG_MAP, NS, name), "", Map.of("jwks.json", keys));
  }

  /** A reference to a RegoAuthentication. */
  public static Reference rego(String name) {
    return new Reference("policy.signetmesh.io", "RegoAuthentication", null, name);
  }

  /** A RegoAuthentication whose bundle is in the entry {@code b} of a ConfigMap. */
  public static RegoModel.Authentication rules(String name, String configMap) {
    return rules(name, new BundleSource.Held(configMap, "b"));
  }

  public static RegoModel.Authentication rules(String name, BundleSource bundle) {
    return new RegoModel.Authentication(
        new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, NS, name),
        "",
        RegoAuthentication.newBuilder()
            .setName(NS + "/" + name)
            .setEntrypoint("mesh/allow")
            .build(),
        bundle);
  }

  /** A bundle that differs from those of other numbers. */
  public static KnownBundle bundle(int number) {
    return KnownBundle.of(packed(Map.of("policy.wasm", MODULE, "data.json", json(number))));
  }

  /** A bundle of nearly the greatest size, which differs from those of other numbers. */
  public static ByteString largeBundle(int number) {
    byte[] noise = new byte[KnownBundle.MAX_BYTES - 4_096];
    new Random(number).nextBytes(noise);
    return packed(Map.of("policy.wasm", MODULE, "noise.rego", noise));
  }

  private static byte[] json(int number) {
    return ("{\"number\":" + number + "}").getBytes(StandardCharsets.UTF_8);
  }

  /** A gzipped tar (POSIX.1-1988, ustar). */
  public static ByteString packed(Map<String, byte[]> files) {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    new TreeMap<>(files)
        .forEach(
            (name, content) -> {
              byte[] header = new byte[512];
              put(header, 0, name);
              put(header, 100, "0000644");
              put(header, 124, "%011o".formatted(content.length));
              put(header, 148, "        0");
              put(header, 257, "ustar");
              put(header, 263, "00");
              int sum = 0;
              for (byte octet : header) {
                sum += octet & 0xff;
              }
              put(header, 148, "%06o\0 ".formatted(sum));
              tar.writeBytes(header);
              tar.writeBytes(content);
              tar.writeBytes(new byte[-content.length & 511]);
            });
    tar.writeBytes(new byte[1_024]);
    return packed(tar.toByteArray());
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }

  /** Some bytes, compressed. */
  public static ByteString packed(byte[] content) {
    ByteString.Output bytes = ByteString.newOutput();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteString();
  }

  /** A bundle of so many bytes, which nobody unpacks. */
  public static KnownBundle bundle(int number, int size) {
    byte[] bytes = new byte[size];
    bytes[0] = (byte) number;
    return new KnownBundle(ByteString.copyFrom(bytes), "");
  }

  /** A ConfigMap whose entry {@code b} has this bundle. */
  public static JwtModel.Holder configMap(String name, KnownBundle bundle) {
    return new JwtModel.Holder(
        new ObjectRef(ObjectRef.Kind.CONFIG_MAP, NS, name),
        "",
        Map.of("b", KnownKeys.none("no JSON")),
        Map.of("b", bundle));
  }

  /** Documents that are not fetched. */
  public static Documents documents() {
    return new Documents(
        location -> {
          throw new IllegalStateException("nothing is fetched here");
        },
        DocumentMemory.none(),
        task -> {},
        InstantSource.fixed(START),
        new Random(1));
  }

  public static ServerAuthorizationModel serverAuthorization(
      String name,
      String server,
      boolean unauthenticated,
      ServerAuthorizationModel.@Nullable MeshTls tls) {
    return new ServerAuthorizationModel(
        new ObjectRef(ObjectRef.Kind.SERVER_AUTHORIZATION, NS, name),
        "",
        server,
        null,
        List.of(),
        unauthenticated,
        tls,
        EnforcementMode.ENFORCE);
  }

  public static AuthorizationPolicyModel audited(AuthorizationPolicyModel policy) {
    return new AuthorizationPolicyModel(
        policy.ref(),
        policy.origin(),
        policy.target(),
        policy.authentications(),
        EnforcementMode.AUDIT);
  }

  public static DenyPolicyModel audited(DenyPolicyModel policy) {
    return new DenyPolicyModel(
        policy.ref(),
        policy.origin(),
        policy.target(),
        policy.authentications(),
        EnforcementMode.AUDIT);
  }

  public static ServerModel audited(ServerModel server) {
    return new ServerModel(
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

  public static DenyPolicyModel deny(String name, Reference target, Reference... authentications) {
    return new DenyPolicyModel(
        new ObjectRef(ObjectRef.Kind.DENY_POLICY, NS, name),
        "",
        target,
        List.of(authentications),
        EnforcementMode.ENFORCE);
  }

  public static RouteModel route(String name, String... servers) {
    return new RouteModel(
        new ObjectRef(ObjectRef.Kind.HTTP_ROUTE, NS, name),
        "",
        START,
        List.of(servers),
        List.of(),
        List.of(),
        new RouteModel.Rules.Http(List.of()),
        List.of());
  }

  public static RateLimitModel rateLimit(
      String name, String server, long total, @Nullable Instant created) {
    return new RateLimitModel(
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
