package io.signetmesh.bench.node;

import com.sun.net.httpserver.HttpServer;
import io.signetmesh.bench.Child;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.OutboundListener;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.proxy.config.NodeConfig;
import io.signetmesh.proxy.node.socket.NodeClient;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.WorkloadAnnouncement;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadQuery;
import io.signetmesh.v1.WorkloadState;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A control plane, and {@code signet node} with the proxies of many workloads. Each has a Server
 * and an AuthorizationPolicy of its own, and calls the next one.
 */
final class NodeMesh implements AutoCloseable {
  /** Most workloads. */
  static final int MOST = 101;

  private static final String NAMESPACE = "node";
  private static final String NODE = "n1";
  private static final Duration ANSWER = Duration.ofSeconds(60);

  private static final List<String> COMMON =
      List.of(
          "_IDENTITY_TRUST_ANCHORS",
          "_IDENTITY_SVC_ADDR",
          "_IDENTITY_SVC_NAME",
          "_DESTINATION_SVC_ADDR",
          "_DESTINATION_SVC_NAME",
          "_POLICY_SVC_ADDR",
          "_POLICY_SVC_NAME");

  private static final int CONTROL_PLANE = 2;
  private static final int FIRST_WORKLOAD = 10;
  private static final int FIRST_SERVICE = 130;
  private static final int LISTENER = 15_001;
  private static final int SINK_LISTENER = 15_002;
  private static final long START_SECONDS = 240;

  private final LoopbackNet net = LoopbackNet.reserve();
  private final HttpServer application = application();
  private final ServerSocket sink = new ServerSocket(0, 1024, InetAddress.ofLiteral("0.0.0.0"));
  private final List<Socket> clients = new CopyOnWriteArrayList<>();
  private final int count;
  private final MeshProcesses mesh;
  private final Child node;
  private final NodeClient client;
  private final @Nullable WorkloadAnnouncement[] announcements =
      new @Nullable WorkloadAnnouncement[MOST];

  /**
   * @param count workloads, at most 100
   * @param started workloads that the process has from the beginning; the others are left to {@link
   *     #join}
   */
  NodeMesh(int count, int started, Path directory) throws Exception {
    this.count = count;
    application.setExecutor(Executors.newFixedThreadPool(4));
    application.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, 2);
          exchange.getResponseBody().write("ok".getBytes(StandardCharsets.US_ASCII));
          exchange.close();
        });
    application.start();
    Thread.ofPlatform().daemon().name("sink").start(this::sink);
    this.mesh =
        MeshProcesses.prepare(
            directory.resolve("mesh"),
            MeshNames.DEFAULT,
            ControlPlane.at(net.address(CONTROL_PLANE)),
            Clock.systemUTC());
    StateFiles.writePublic(mesh.manifests().resolve("node.yaml"), manifests());
    mesh.awaitControlPlane(mesh.startControlPlane());
    Path socket = directory.resolve("node.sock");
    this.node =
        Child.start(
            "node",
            List.of(
                SignetProcess.launcher().toString(),
                "node",
                "--state",
                directory.resolve("state").toString(),
                "--socket",
                socket.toString(),
                "--mark",
                "0"),
            environment(),
            directory.resolve("node.log"));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    this.client = connect(socket, end);
    for (int i = 0; i < started; i++) {
      client.call(NodeRequest.newBuilder().setAdd(announcement(i)), -1);
    }
    awaitReady(started, end);
  }

  private NodeClient connect(Path socket, long end) throws IOException, InterruptedException {
    while (true) {
      try {
        return NodeClient.connect(socket, NodeRole.NODE_ROLE_OPERATOR, ANSWER);
      } catch (IOException e) {
        node.expectAlive();
        if (System.nanoTime() - end > 0) {
          throw e;
        }
        Thread.sleep(50);
      }
    }
  }

  private void awaitReady(int workloads, long end) throws IOException, InterruptedException {
    while (true) {
      NodeResponse list =
          client.call(NodeRequest.newBuilder().setList(WorkloadQuery.getDefaultInstance()), -1);
      long ready =
          list.getStates().getStatesList().stream()
              .filter(each -> each.getCondition() == WorkloadCondition.WORKLOAD_CONDITION_READY)
              .count();
      if (ready == workloads) {
        return;
      }
      if (System.nanoTime() - end > 0) {
        throw new IOException("not ready within " + START_SECONDS + " s: " + list.getStates());
      }
      Thread.sleep(100);
    }
  }

  /** What all proxies of the process have in common, with an identity of the node. */
  private Map<String, String> environment() throws IOException {
    Map<String, String> environment = new HashMap<>(mesh.proxyEnvironment(workload(0)));
    environment.keySet().removeIf(name -> COMMON.stream().noneMatch(name::endsWith));
    WorkloadIdentity identity =
        NodeIdentity.of(
            NODE, MeshNames.DEFAULT.controlPlaneNamespace(), MeshNames.DEFAULT.trustDomain());
    environment.put(NodeConfig.IDENTITY_NAME, identity.dnsName());
    environment.put(NodeConfig.TOKEN_FILE, mesh.issueToken(identity).toString());
    return environment;
  }

  /**
   * Adds a workload to the process that runs, and waits until it is ready. Clients that called it
   * before would wait for their own proxy to try again.
   *
   * @return when its listeners were bound, by {@link System#nanoTime}
   */
  long join(int number) throws IOException, InterruptedException {
    WorkloadState state =
        client.call(NodeRequest.newBuilder().setAdd(announcement(number)), -1).getState();
    final long bound = System.nanoTime();
    while (state.getCondition() != WorkloadCondition.WORKLOAD_CONDITION_READY) {
      if (state.getCondition() == WorkloadCondition.WORKLOAD_CONDITION_FAILED) {
        throw new IOException("workload " + number + " has failed: " + state.getReason());
      }
      Thread.sleep(1);
      String name = state.getName();
      state =
          client
              .call(NodeRequest.newBuilder().setList(WorkloadQuery.getDefaultInstance()), -1)
              .getStates()
              .getStatesList()
              .stream()
              .filter(each -> each.getName().equals(name))
              .findAny()
              .orElseThrow();
    }
    return bound;
  }

  /** Has the token of a workload made, so that {@link #join} does not measure that. */
  WorkloadAnnouncement announcement(int number) throws IOException {
    WorkloadAnnouncement made = announcements[number];
    if (made == null) {
      HostWorkload workload = workload(number);
      made =
          WorkloadAnnouncement.newBuilder()
              .setNamespace(NAMESPACE)
              .setName(workload.name())
              .setServiceAccount(workload.serviceAccount())
              .addAddresses(workload.address().getHostAddress())
              .addAllPorts(workload.ports())
              .setTokenFile(
                  mesh.proxyEnvironment(workload).get("LINKERD2_PROXY_IDENTITY_TOKEN_FILE"))
              .putAnnotations(
                  OutboundListener.ANNOTATION,
                  workload.outbound().stream()
                      .map(OutboundListener::toString)
                      .collect(Collectors.joining(",")))
              .build();
      announcements[number] = made;
    }
    return made;
  }

  private static HttpServer application() throws IOException {
    // Head and body of an answer are written separately: the second one must not wait for an ACK.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    return HttpServer.create(new InetSocketAddress("0.0.0.0", 0), 1024);
  }

  /** An application that takes connections and reads nothing. */
  private void sink() {
    try {
      while (true) {
        clients.add(sink.accept());
      }
    } catch (IOException e) {
      // It is closed.
    }
  }

  private HostWorkload workload(int number) {
    return new HostWorkload(
        NAMESPACE,
        name(number),
        name(number),
        net.address(FIRST_WORKLOAD + number),
        List.of(application.getAddress().getPort(), sink.getLocalPort()),
        List.of(
            new OutboundListener(entry(number), authority(number, 80)),
            new OutboundListener(toSink(number), authority(number, 81))),
        List.of());
  }

  private static String name(int number) {
    return "app-%03d".formatted(number);
  }

  /** What a workload calls: the next one. */
  private String authority(int number, int port) {
    return name((number + 1) % count) + "." + NAMESPACE + ".svc.cluster.local:" + port;
  }

  /** Where the proxy of a workload takes its calls to an application that reads nothing. */
  InetSocketAddress toSink(int number) {
    return net.address(FIRST_WORKLOAD + number, SINK_LISTENER);
  }

  /** The admin port of a workload's proxy. */
  InetSocketAddress admin(int number) {
    return net.address(FIRST_WORKLOAD + number, HostWorkload.ADMIN_PORT);
  }

  /** Fails when the process has ended. */
  void expectAlive() throws IOException {
    node.expectAlive();
  }

  /** Where the proxy of a workload takes its calls. */
  InetSocketAddress entry(int number) {
    return net.address(FIRST_WORKLOAD + number, LISTENER);
  }

  long pid() {
    return node.pid();
  }

  /** Opens connections to the proxy of each workload, and has a request answered on each. */
  void connect(int each) throws IOException {
    for (int i = 0; i < count; i++) {
      for (int c = 0; c < each; c++) {
        Socket client = new Socket();
        clients.add(client);
        client.connect(entry(i), 10_000);
        client.setSoTimeout(20_000);
        client
            .getOutputStream()
            .write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        String answer = answer(client.getInputStream());
        if (!answer.startsWith("HTTP/1.1 200")) {
          throw new IOException("workload " + i + " answers " + answer);
        }
      }
    }
  }

  static String answer(InputStream in) throws IOException {
    StringBuilder read = new StringBuilder();
    while (read.indexOf("\r\n\r\nok") < 0 && read.length() < 4096) {
      int next = in.read();
      if (next < 0) {
        break;
      }
      read.append((char) next);
    }
    return read.toString();
  }

  @Override
  public void close() throws Exception {
    for (Socket client : clients) {
      client.close();
    }
    sink.close();
    client.close();
    node.close();
    mesh.close();
    application.stop(0);
    net.close();
  }

  private String manifests() {
    StringBuilder text =
        new StringBuilder("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + NAMESPACE + "}\n");
    for (int i = 0; i < count; i++) {
      text.append(
          """
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
            labels: {app: %1$s, linkerd.io/control-plane-ns: linkerd}
          spec:
            serviceAccountName: %1$s
            nodeName: n1
            containers:
            - name: app
              image: app
              ports:
              - {name: http, containerPort: %3$d}
              - {name: sink, containerPort: %7$d}
          status:
            phase: Running
            podIP: %4$s
            conditions:
            - {type: Ready, status: "True"}
          ---
          apiVersion: v1
          kind: Service
          metadata: {name: %1$s, namespace: %2$s}
          spec:
            clusterIP: %5$s
            selector: {app: %1$s}
            ports:
            - {name: http, port: 80, targetPort: http}
            - {name: sink, port: 81, targetPort: sink}
          ---
          apiVersion: policy.linkerd.io/v1beta3
          kind: Server
          metadata: {name: %1$s, namespace: %2$s}
          spec:
            podSelector: {matchLabels: {app: %1$s}}
            port: http
            proxyProtocol: HTTP/1
          ---
          apiVersion: policy.linkerd.io/v1beta3
          kind: Server
          metadata: {name: %1$s-sink, namespace: %2$s}
          spec:
            podSelector: {matchLabels: {app: %1$s}}
            port: sink
            proxyProtocol: HTTP/1
          ---
          apiVersion: policy.linkerd.io/v1alpha1
          kind: AuthorizationPolicy
          metadata: {name: %1$s-sink, namespace: %2$s}
          spec:
            targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s-sink}
            requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %1$s}
          ---
          apiVersion: policy.linkerd.io/v1alpha1
          kind: MeshTLSAuthentication
          metadata: {name: %1$s, namespace: %2$s}
          spec:
            identityRefs:
            - {kind: ServiceAccount, name: %6$s}
          ---
          apiVersion: policy.linkerd.io/v1alpha1
          kind: AuthorizationPolicy
          metadata: {name: %1$s, namespace: %2$s}
          spec:
            targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s}
            requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %1$s}
          """
              .formatted(
                  name(i),
                  NAMESPACE,
                  application.getAddress().getPort(),
                  net.address(FIRST_WORKLOAD + i).getHostAddress(),
                  net.address(FIRST_SERVICE + i).getHostAddress(),
                  name((i + count - 1) % count),
                  sink.getLocalPort()));
    }
    return text.toString();
  }
}
