package io.signetmesh.bench.restart;

import io.signetmesh.bench.Backend;
import io.signetmesh.bench.Protocol;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.InboundListener;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The proxy of one workload as users run it, with one event loop, policy by network, metrics and
 * audit on. Its control plane runs all the time.
 */
final class SignetSubject implements Subject {
  static final Make MAKE =
      new Make() {
        @Override
        public String name() {
          return "signet";
        }

        @Override
        public Subject prepare(Backend backend, Path directory)
            throws IOException, InterruptedException {
          return SignetSubject.prepare(backend, directory);
        }
      };

  private static final int CONTROL_PLANE_ADDRESS = 1;
  private static final int SERVER_ADDRESS = 10;
  private static final int PORT = 18_081;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final LoopbackNet net;
  private final MeshProcesses mesh;
  private final HostWorkload server;
  private @Nullable SignetProcess running;
  private @Nullable SignetProcess replaced;

  private SignetSubject(LoopbackNet net, MeshProcesses mesh, HostWorkload server) {
    this.net = net;
    this.mesh = mesh;
    this.server = server;
  }

  private static Subject prepare(Backend backend, Path directory)
      throws IOException, InterruptedException {
    LoopbackNet net = LoopbackNet.reserve();
    MeshProcesses mesh = null;
    try {
      mesh =
          MeshProcesses.prepare(
              directory,
              MeshNames.DEFAULT,
              ControlPlane.at(net.address(CONTROL_PLANE_ADDRESS)),
              Clock.systemUTC());
      int port = backend.port(Protocol.HTTP1);
      StateFiles.writePublic(mesh.manifests().resolve("restart.yaml"), manifests(port, net));
      mesh.awaitControlPlane(mesh.startControlPlane());
      return new SignetSubject(
          net,
          mesh,
          new HostWorkload(
              "bench",
              "server",
              "server",
              net.address(SERVER_ADDRESS),
              List.of(port),
              List.of(),
              List.of(new InboundListener(PORT, port))));
    } catch (PkiException | TimeoutException e) {
      close(net, mesh);
      throw new IOException("Signet did not start: " + e.getMessage(), e);
    } catch (IOException | InterruptedException | RuntimeException e) {
      close(net, mesh);
      throw e;
    }
  }

  private static String manifests(int port, LoopbackNet net) {
    return """
        apiVersion: v1
        kind: Namespace
        metadata: {name: bench}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: server, namespace: bench}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: server
          namespace: bench
          labels: {app: server, linkerd.io/control-plane-ns: linkerd}
        spec:
          serviceAccountName: server
          containers:
          - name: nginx
            image: nginx
            ports:
            - {name: http, containerPort: %d}
        status:
          phase: Running
          podIP: %s
          conditions:
          - {type: Ready, status: "True"}
        ---
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: http, namespace: bench}
        spec:
          podSelector: {matchLabels: {app: server}}
          port: http
          proxyProtocol: HTTP/1
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: NetworkAuthentication
        metadata: {name: loopback, namespace: bench}
        spec:
          networks: [{cidr: 127.0.0.0/8}]
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: http, namespace: bench}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: http}
          requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: NetworkAuthentication, name: loopback}
        """
        .formatted(port, net.address(SERVER_ADDRESS).getHostAddress());
  }

  @Override
  public InetSocketAddress address() {
    return net.address(SERVER_ADDRESS, PORT);
  }

  @Override
  public void start() throws IOException {
    launch(List.of("proxy"));
  }

  private void launch(List<String> arguments) throws IOException {
    Map<String, String> environment = new HashMap<>(mesh.proxyEnvironment(server));
    environment.put("SIGNET_PROXY_APP_ADDR", "127.0.0.1");
    environment.put("LINKERD2_PROXY_CORES", "1");
    running = mesh.start("proxy", environment, arguments);
  }

  @Override
  public void stop() throws IOException, InterruptedException {
    SignetProcess ending = process();
    ending.terminate();
    awaitExit(ending);
    running = null;
  }

  private static void awaitExit(SignetProcess process) throws IOException, InterruptedException {
    if (!process.awaitExit(LIMIT)) {
      throw new IOException(process.name() + " does not end");
    }
  }

  @Override
  public void replace() throws IOException {
    replaced = process();
    launch(new ArrayList<>(List.of("proxy", "--replace")));
  }

  @Override
  public void awaitReplaced() throws IOException, InterruptedException {
    SignetProcess before = replaced;
    if (before != null) {
      awaitExit(before);
    }
  }

  private SignetProcess process() {
    SignetProcess now = running;
    if (now == null) {
      throw new IllegalStateException("the proxy does not run");
    }
    return now;
  }

  @Override
  public void expectAlive() throws IOException {
    SignetProcess now = process();
    if (!now.isAlive()) {
      throw new IOException(
          "the proxy ended with "
              + now.exitCode()
              + "; end of its log:\n"
              + String.join("\n", now.lastLines(15)));
    }
  }

  private static void close(LoopbackNet net, @Nullable MeshProcesses mesh) throws IOException {
    if (mesh != null) {
      mesh.close();
    }
    net.close();
  }

  @Override
  public void close() {
    try {
      close(net, mesh);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
