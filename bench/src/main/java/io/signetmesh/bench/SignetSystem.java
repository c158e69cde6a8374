package io.signetmesh.bench;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.OutboundListener;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Signet as its users run it: a control plane in a process of its own, and two proxies with one
 * event loop each, started by {@code ./signet proxy}. Each port of the server has a policy that
 * grants the client's identity and nobody else; metrics are on; each decision is on record.
 */
public final class SignetSystem implements ProxySystem {
  /** A make without settings of its own. */
  public SignetSystem() {}

  private static final String NAMESPACE = "bench";
  private static final String CLIENT = "client";
  private static final String SERVER = "server";

  /** Last numbers of the addresses within the benchmark's own loopback network. */
  private static final int CONTROL_PLANE_ADDRESS = 1;

  private static final int SERVER_ADDRESS = 10;
  private static final int CLIENT_ADDRESS = 20;
  private static final int SERVICE_ADDRESS = 110;

  /** The client proxy listens here for the first protocol, one higher for each that follows. */
  private static final int OUTBOUND_PORT = 18_000;

  /** Left alone when the environment has them, so that other settings can be measured. */
  private static final Map<String, String> SETTINGS = Map.of("LINKERD2_PROXY_CORES", "1");

  @Override
  public String name() {
    return "signet";
  }

  @Override
  public List<Tool> tools() {
    return List.of();
  }

  @Override
  public String description() {
    return "policy by identity, metrics and audit on, one event loop, JDK "
        + Runtime.version().feature();
  }

  @Override
  public ProxyPair start(Backend backend, Path directory) throws IOException, InterruptedException {
    LoopbackNet net = LoopbackNet.reserve();
    MeshProcesses mesh = null;
    try {
      mesh =
          MeshProcesses.prepare(
              directory,
              MeshNames.DEFAULT,
              ControlPlane.at(net.address(CONTROL_PLANE_ADDRESS)),
              Clock.systemUTC());
      StateFiles.writePublic(mesh.manifests().resolve("bench.yaml"), manifests(backend, net));
      mesh.awaitControlPlane(mesh.startControlPlane());
      ProxyPair.MutualTls mutualTls = mutualTls(mesh, net, directory);
      HostWorkload server = server(backend, net);
      HostWorkload client = client(net);
      long started = System.nanoTime();
      SignetProcess serverProxy =
          mesh.startProxy(server, settings(Map.of("SIGNET_PROXY_APP_ADDR", "127.0.0.1")));
      SignetProcess clientProxy = mesh.startProxy(client, settings(Map.of()));
      return new Pair(net, mesh, clientProxy, serverProxy, client, mutualTls, started);
    } catch (PkiException | TimeoutException e) {
      close(net, mesh);
      throw new IOException("Signet did not start: " + e.getMessage(), e);
    } catch (IOException | InterruptedException | RuntimeException e) {
      close(net, mesh);
      throw e;
    }
  }

  private static void close(LoopbackNet net, @Nullable MeshProcesses mesh) throws IOException {
    if (mesh != null) {
      mesh.close();
    }
    net.close();
  }

  private static Map<String, String> settings(Map<String, String> own) {
    Map<String, String> settings = new HashMap<>(SETTINGS);
    settings.keySet().removeIf(name -> System.getenv(name) != null);
    settings.putAll(own);
    return settings;
  }

  private static HostWorkload server(Backend backend, LoopbackNet net) {
    List<Integer> ports = new ArrayList<>();
    for (Protocol protocol : Protocol.values()) {
      ports.add(backend.port(protocol));
    }
    return new HostWorkload(
        NAMESPACE, SERVER, SERVER, net.address(SERVER_ADDRESS), ports, List.of(), List.of());
  }

  private static HostWorkload client(LoopbackNet net) {
    List<OutboundListener> outbound = new ArrayList<>();
    for (Protocol protocol : Protocol.values()) {
      outbound.add(new OutboundListener(entry(net, protocol), authority(protocol)));
    }
    return new HostWorkload(
        NAMESPACE, CLIENT, CLIENT, net.address(CLIENT_ADDRESS), List.of(), outbound, List.of());
  }

  private static InetSocketAddress entry(LoopbackNet net, Protocol protocol) {
    return net.address(CLIENT_ADDRESS, OUTBOUND_PORT + protocol.ordinal());
  }

  private static String authority(Protocol protocol) {
    return protocol.label() + "." + NAMESPACE + ".svc.cluster.local:80";
  }

  // ---- manifests

  private static String manifests(Backend backend, LoopbackNet net) {
    StringBuilder containerPorts = new StringBuilder();
    StringBuilder services = new StringBuilder();
    for (Protocol protocol : Protocol.values()) {
      int port = backend.port(protocol);
      containerPorts.append(
          "        - {name: %s, containerPort: %d}\n".formatted(protocol.label(), port));
      services.append(service(protocol, net));
    }
    return """
        apiVersion: v1
        kind: Namespace
        metadata:
          name: %1$s
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: %2$s, namespace: %1$s}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: %3$s, namespace: %1$s}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: %2$s
          namespace: %1$s
          labels: {app: %2$s, linkerd.io/control-plane-ns: linkerd}
          annotations: {config.linkerd.io/opaque-ports: "%8$d"}
        spec:
          serviceAccountName: %2$s
          containers:
          - name: nginx
            image: nginx
            ports:
        %6$sstatus:
          phase: Running
          podIP: %4$s
          conditions:
          - {type: Ready, status: "True"}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: %3$s
          namespace: %1$s
          labels: {app: %3$s, linkerd.io/control-plane-ns: linkerd}
        spec:
          serviceAccountName: %3$s
          containers:
          - {name: load, image: load}
        status:
          phase: Running
          podIP: %5$s
          conditions:
          - {type: Ready, status: "True"}
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: %3$s, namespace: %1$s}
        spec:
          identityRefs:
          - {kind: ServiceAccount, name: %3$s}
        %7$s"""
        .formatted(
            NAMESPACE,
            SERVER,
            CLIENT,
            net.address(SERVER_ADDRESS).getHostAddress(),
            net.address(CLIENT_ADDRESS).getHostAddress(),
            containerPorts,
            services,
            backend.port(Protocol.TCP));
  }

  private static String service(Protocol protocol, LoopbackNet net) {
    return """
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: %1$s
          namespace: %2$s
        %6$sspec:
          clusterIP: %4$s
          selector: {app: %3$s}
          ports:
          - {name: main, port: 80, targetPort: %1$s}
        ---
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: %1$s, namespace: %2$s}
        spec:
          podSelector:
            matchLabels: {app: %3$s}
          port: %1$s
          proxyProtocol: %5$s
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: %1$s, namespace: %2$s}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s}
          requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %7$s}
        %8$s"""
        .formatted(
            protocol.label(),
            NAMESPACE,
            SERVER,
            net.address(SERVICE_ADDRESS + protocol.ordinal()).getHostAddress(),
            switch (protocol) {
              case TCP -> "opaque";
              case HTTP1, JWT -> "HTTP/1";
              case HTTP2 -> "HTTP/2";
            },
            protocol == Protocol.TCP
                ? "  annotations: {config.linkerd.io/opaque-ports: \"80\"}\n"
                : "",
            CLIENT,
            protocol == Protocol.JWT ? authentication() : "");
  }

  /** A reference to a JWTAuthentication, and the authentication. */
  private static String authentication() {
    return """
          - {group: policy.signetmesh.io, kind: JWTAuthentication, name: customers}
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: customers, namespace: %s}
        spec:
          issuer: %s
          audiences: [%s]
          algorithms: [ES256]
          keys:
            jwks: '%s'
        """
        .formatted(NAMESPACE, LoadTokens.ISSUER, LoadTokens.AUDIENCE, LoadTokens.shared().keySet());
  }

  // ---- certificate of the handshakes' client

  private static ProxyPair.MutualTls mutualTls(MeshProcesses mesh, LoopbackNet net, Path directory)
      throws IOException, PkiException {
    MeshNames names = mesh.names();
    EmbeddedAuthority authority =
        EmbeddedAuthority.open(
            mesh.state(), names.controlPlaneNamespace(), names.trustDomain(), Clock.systemUTC());
    TrustBundle bundle = new TrustBundle(1, names.trustDomain(), List.of(authority.anchor()));
    WorkloadIdentity identity = names.identity(NAMESPACE, CLIENT);
    KeyPair keys = PrivateKeys.generate();
    List<X509Certificate> chain;
    try {
      chain =
          new CertificateAuthority(
                  authority, () -> bundle, IssuancePolicy.DEFAULT, Clock.systemUTC())
              .issue(
                  identity, SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys)));
    } catch (RequestRefusedException e) {
      throw new PkiException("own request refused: " + e.getMessage(), e);
    }
    Path chainFile = directory.resolve("client.crt");
    Path keyFile = directory.resolve("client.key");
    Files.writeString(chainFile, Certificates.toPem(chain), StandardCharsets.US_ASCII);
    StateFiles.writeSecret(keyFile, PrivateKeys.toPem(keys.getPrivate()));
    return new ProxyPair.MutualTls(
        net.address(SERVER_ADDRESS, HostWorkload.INBOUND_PORT),
        names.identity(NAMESPACE, SERVER).dnsName(),
        chainFile,
        keyFile);
  }

  private static final class Pair implements ProxyPair {
    private final LoopbackNet net;
    private final MeshProcesses mesh;
    private final SignetProcess client;
    private final SignetProcess server;
    private final Map<Protocol, Endpoint> entries = new EnumMap<>(Protocol.class);
    private final MutualTls mutualTls;
    private final long startedNanos;

    Pair(
        LoopbackNet net,
        MeshProcesses mesh,
        SignetProcess client,
        SignetProcess server,
        HostWorkload clientWorkload,
        MutualTls mutualTls,
        long startedNanos) {
      this.net = net;
      this.mesh = mesh;
      this.client = client;
      this.server = server;
      this.mutualTls = mutualTls;
      this.startedNanos = startedNanos;
      for (Protocol protocol : Protocol.values()) {
        OutboundListener listener = clientWorkload.outbound().get(protocol.ordinal());
        entries.put(
            protocol,
            new Endpoint(
                listener.listen().getAddress().getHostAddress(),
                listener.listen().getPort(),
                listener.authority()));
      }
    }

    @Override
    public Endpoint entry(Protocol protocol) {
      return Objects.requireNonNull(entries.get(protocol));
    }

    @Override
    public MutualTls mutualTls() {
      return mutualTls;
    }

    @Override
    public List<Long> pids() {
      return List.of(client.pid(), server.pid());
    }

    @Override
    public long startedNanos() {
      return startedNanos;
    }

    @Override
    public void expectAlive() throws IOException {
      for (SignetProcess process : mesh.processes()) {
        if (!process.isAlive()) {
          throw new IOException(
              process.name()
                  + " ended with "
                  + process.exitCode()
                  + "; end of its log:\n"
                  + String.join("\n", process.lastLines(15)));
        }
      }
    }

    @Override
    public void close() {
      mesh.close();
      try {
        net.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
