package io.signetmesh.bench.rotation;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.OutboundListener;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.testkit.NetworkCut;
import io.signetmesh.testkit.RestartLoop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A mesh of proxies in processes of their own, each with one event loop. Healthy ones call each
 * other in a ring: each is a client and a server. The others call the first one.
 */
final class RingMesh implements AutoCloseable {
  static final int MAX_PROXIES = 90;
  private static final String NAMESPACE = "ring";
  private static final int CONTROL_PLANE = 2;
  private static final int FIRST_WORKLOAD = 10;
  private static final int FIRST_SERVICE = 110;
  private static final int FIRST_LISTENER = 15_001;
  private static final int TO_STRAGGLER = 15_011;
  private static final int RELAY = 18_443;

  /** Proxies that start at the same time. */
  private static final int BATCH = 4;

  /** What each workload serves. */
  enum Port {
    HTTP1(80, "HTTP/1"),
    HTTP2(81, "HTTP/2"),
    GRPC(83, "gRPC"),
    TCP(70, "opaque");

    private final int service;
    private final String proxyProtocol;

    Port(int service, String proxyProtocol) {
      this.service = service;
      this.proxyProtocol = proxyProtocol;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final LoopbackNet net;
  private final MeshProcesses mesh;
  private final Map<Port, Integer> backends;
  private final List<Trouble> victims;
  private final List<HostWorkload> workloads = new ArrayList<>();
  private final List<SignetProcess> proxies = new ArrayList<>();
  private @Nullable SignetProcess controlPlane;
  private @Nullable NetworkCut network;

  private RingMesh(
      LoopbackNet net, MeshProcesses mesh, Map<Port, Integer> backends, List<Trouble> victims) {
    this.net = net;
    this.mesh = mesh;
    this.backends = backends;
    this.victims = victims;
  }

  /**
   * Starts a mesh and waits until all proxies are ready.
   *
   * @param proxies in all, those in trouble included
   * @param victims troubles that have a proxy of their own
   * @param backends ports of the applications at 127.0.0.1
   */
  static RingMesh start(
      int proxies, List<Trouble> victims, Map<Port, Integer> backends, Path directory)
      throws IOException, InterruptedException {
    LoopbackNet net = LoopbackNet.reserve();
    RingMesh ring = null;
    try {
      MeshProcesses mesh =
          MeshProcesses.prepare(
              directory,
              MeshNames.DEFAULT,
              ControlPlane.at(net.address(CONTROL_PLANE)),
              Clock.systemUTC());
      ring = new RingMesh(net, mesh, backends, List.copyOf(victims));
      ring.launch(proxies);
      return ring;
    } catch (PkiException | TimeoutException e) {
      close(ring, net);
      throw new IOException("the mesh did not start: " + e.getMessage(), e);
    } catch (IOException | InterruptedException | RuntimeException e) {
      close(ring, net);
      throw e;
    }
  }

  private static void close(@Nullable RingMesh ring, LoopbackNet net) throws IOException {
    if (ring == null) {
      net.close();
    } else {
      ring.close();
    }
  }

  private void launch(int count) throws IOException, TimeoutException, InterruptedException {
    int healthy = count - victims.size();
    for (int i = 0; i < count; i++) {
      workloads.add(workload(i, healthy));
    }
    StateFiles.writePublic(mesh.manifests().resolve("ring.yaml"), manifests());
    if (victims.contains(Trouble.CUT_OFF)) {
      InetSocketAddress relay =
          new InetSocketAddress(workloads.get(index(Trouble.CUT_OFF)).address(), RELAY);
      network = NetworkCut.relay(relay, mesh.controlPlane().identity());
    }
    startServer();
    for (int from = 0; from < count; from += BATCH) {
      int to = Math.min(count, from + BATCH);
      for (HostWorkload workload : workloads.subList(from, to)) {
        proxies.add(mesh.startProxy(workload, overrides(workload)));
      }
      for (int i = from; i < to; i++) {
        mesh.awaitProxy(proxies.get(i), workloads.get(i));
      }
    }
  }

  private HostWorkload workload(int number, int healthy) {
    int called = number < healthy ? (number + 1) % healthy : 0;
    List<OutboundListener> outbound = new ArrayList<>();
    for (Port port : Port.values()) {
      outbound.add(
          new OutboundListener(
              net.address(FIRST_WORKLOAD + number, FIRST_LISTENER + port.ordinal()),
              authority(called, port)));
    }
    if (number == 0 && victims.contains(Trouble.CUT_OFF)) {
      outbound.add(
          new OutboundListener(
              net.address(FIRST_WORKLOAD, TO_STRAGGLER),
              authority(healthy + victims.indexOf(Trouble.CUT_OFF), Port.HTTP1)));
    }
    return new HostWorkload(
        NAMESPACE,
        name(number),
        name(number),
        net.address(FIRST_WORKLOAD + number),
        List.copyOf(backends.values()),
        outbound,
        List.of());
  }

  private static String name(int number) {
    return "app-%02d".formatted(number);
  }

  private static String authority(int number, Port port) {
    return name(number) + "." + NAMESPACE + ".svc.cluster.local:" + port.service;
  }

  private Map<String, String> overrides(HostWorkload workload) {
    Map<String, String> overrides = new HashMap<>();
    overrides.put("SIGNET_PROXY_APP_ADDR", "127.0.0.1");
    overrides.put("LINKERD2_PROXY_CORES", "1");
    // What a busy host does to a connect is not the question.
    overrides.put("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "8s");
    overrides.put("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");
    if (victims.contains(Trouble.CUT_OFF) && workload.name().equals(name(index(Trouble.CUT_OFF)))) {
      overrides.put(
          "LINKERD2_PROXY_IDENTITY_SVC_ADDR",
          ListenAddress.text(new InetSocketAddress(workload.address(), RELAY)));
    }
    return overrides;
  }

  // ---- parts

  MeshProcesses processes() {
    return mesh;
  }

  /** Proxies of the ring: those that are in no trouble. */
  int healthy() {
    return workloads.size() - victims.size();
  }

  private int index(Trouble victim) {
    return workloads.size() - victims.size() + victims.indexOf(victim);
  }

  /** DNS name of the proxy that is in a trouble. */
  String identity(Trouble victim) {
    return mesh.names().identity(NAMESPACE, name(index(victim))).dnsName();
  }

  /** Where a proxy of the ring takes calls to the next one. */
  InetSocketAddress entry(int number, Port port) {
    return net.address(FIRST_WORKLOAD + number, FIRST_LISTENER + port.ordinal());
  }

  /** Where the proxy that is cut off takes calls to the first one of the ring. */
  InetSocketAddress fromCutOff() {
    return entry(index(Trouble.CUT_OFF), Port.HTTP1);
  }

  /** Where the first proxy of the ring takes calls to the one that is cut off. */
  InetSocketAddress toCutOff() {
    return net.address(FIRST_WORKLOAD, TO_STRAGGLER);
  }

  /** Processes of the ring that have ended. */
  int ended() {
    return (int) proxies.subList(0, healthy()).stream().filter(proxy -> !proxy.isAlive()).count();
  }

  SignetProcess server() {
    SignetProcess now = controlPlane;
    if (now == null) {
      throw new IllegalStateException("the control plane does not run");
    }
    return now;
  }

  /** Starts the control plane, and waits until it serves. */
  void startServer() throws IOException, TimeoutException, InterruptedException {
    SignetProcess started = mesh.startControlPlane();
    controlPlane = started;
    mesh.awaitControlPlane(started);
  }

  // ---- troubles

  void cut() {
    if (network != null) {
      network.cut();
    }
  }

  /** Sends a signal to the proxy that is to be frozen. */
  void signal(String name) throws IOException, InterruptedException {
    long pid = proxies.get(index(Trouble.FROZEN)).pid();
    int code =
        new ProcessBuilder("kill", "-" + name, Long.toString(pid)).inheritIO().start().waitFor();
    if (code != 0) {
      throw new IOException("kill -" + name + " " + pid + " ended with " + code);
    }
  }

  RestartLoop restartLoop() {
    int number = index(Trouble.RESTARTING);
    HostWorkload workload = workloads.get(number);
    return RestartLoop.of(mesh, workload, proxies.get(number), overrides(workload));
  }

  @Override
  public void close() throws IOException {
    mesh.close();
    if (network != null) {
      network.close();
    }
    net.close();
  }

  // ---- manifests

  private String manifests() {
    StringBuilder text = new StringBuilder();
    text.append("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + NAMESPACE + "}\n");
    StringBuilder accounts = new StringBuilder();
    for (int i = 0; i < workloads.size(); i++) {
      accounts.append("  - {kind: ServiceAccount, name: ").append(name(i)).append("}\n");
      text.append(workloadManifest(i));
    }
    text.append(
        """
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: ring, namespace: %s}
        spec:
          identityRefs:
        %s"""
            .formatted(NAMESPACE, accounts));
    for (Port port : Port.values()) {
      text.append(
          """
          ---
          apiVersion: policy.linkerd.io/v1beta3
          kind: Server
          metadata: {name: %1$s, namespace: %2$s}
          spec:
            podSelector: {matchLabels: {part-of: ring}}
            port: %1$s
            proxyProtocol: %3$s
          ---
          apiVersion: policy.linkerd.io/v1alpha1
          kind: AuthorizationPolicy
          metadata: {name: %1$s, namespace: %2$s}
          spec:
            targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s}
            requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: ring}
          """
              .formatted(port.label(), NAMESPACE, port.proxyProtocol));
    }
    return text.toString();
  }

  private String workloadManifest(int number) {
    StringBuilder containerPorts = new StringBuilder();
    StringBuilder servicePorts = new StringBuilder();
    for (Port port : Port.values()) {
      containerPorts.append(
          "    - {name: %s, containerPort: %d}\n".formatted(port.label(), backends.get(port)));
      servicePorts.append(
          "  - {name: %1$s, port: %2$d, targetPort: %1$s}\n".formatted(port.label(), port.service));
    }
    return """
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: %1$s, namespace: %2$s}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: %1$s
          namespace: %2$s
          labels: {app: %1$s, part-of: ring, linkerd.io/control-plane-ns: linkerd}
          annotations: {config.linkerd.io/opaque-ports: "%3$d"}
        spec:
          serviceAccountName: %1$s
          containers:
          - name: app
            image: app
            ports:
        %4$sstatus:
          phase: Running
          podIP: %5$s
          conditions:
          - {type: Ready, status: "True"}
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: %1$s
          namespace: %2$s
          annotations: {config.linkerd.io/opaque-ports: "%6$d"}
        spec:
          clusterIP: %7$s
          selector: {app: %1$s}
          ports:
        %8$s"""
        .formatted(
            name(number),
            NAMESPACE,
            backends.get(Port.TCP),
            containerPorts,
            net.address(FIRST_WORKLOAD + number).getHostAddress(),
            Port.TCP.service,
            net.address(FIRST_SERVICE + number).getHostAddress(),
            servicePorts);
  }
}
