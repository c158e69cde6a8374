package io.signetmesh.bench.abuse;

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
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/**
 * The proxy of one workload as users run it, with one event loop, metrics and audit on. Two ports
 * grant the loopback network, two grant nobody.
 */
final class SignetSubject implements Subject {
  static final Make MAKE =
      new Make() {
        @Override
        public String name() {
          return "signet";
        }

        @Override
        public Subject start(Application application, Path directory)
            throws IOException, InterruptedException {
          return SignetSubject.start(application, directory);
        }
      };

  private static final int CONTROL_PLANE_ADDRESS = 1;
  private static final int SERVER_ADDRESS = 10;
  private static final int HTTP1 = 18_081;
  private static final int HTTP2 = 18_082;
  private static final int CLOSED_HTTP1 = 18_083;
  private static final int CLOSED_HTTP2 = 18_084;

  private final LoopbackNet net;
  private final MeshProcesses mesh;
  private final SignetProcess proxy;

  private SignetSubject(LoopbackNet net, MeshProcesses mesh, SignetProcess proxy) {
    this.net = net;
    this.mesh = mesh;
    this.proxy = proxy;
  }

  private static Subject start(Application application, Path directory)
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
      StateFiles.writePublic(mesh.manifests().resolve("abuse.yaml"), manifests(application, net));
      mesh.awaitControlPlane(mesh.startControlPlane());
      HostWorkload server =
          new HostWorkload(
              "bench",
              "server",
              "server",
              net.address(SERVER_ADDRESS),
              List.of(
                  application.http1(),
                  application.http2(),
                  application.closedHttp1(),
                  application.closedHttp2()),
              List.of(),
              List.of(
                  new InboundListener(HTTP1, application.http1()),
                  new InboundListener(HTTP2, application.http2()),
                  new InboundListener(CLOSED_HTTP1, application.closedHttp1()),
                  new InboundListener(CLOSED_HTTP2, application.closedHttp2())));
      SignetProcess proxy =
          mesh.startProxy(
              server, Map.of("SIGNET_PROXY_APP_ADDR", "127.0.0.1", "LINKERD2_PROXY_CORES", "1"));
      mesh.awaitProxy(proxy, server);
      return new SignetSubject(net, mesh, proxy);
    } catch (PkiException | TimeoutException e) {
      close(net, mesh);
      throw new IOException("Signet did not start: " + e.getMessage(), e);
    } catch (IOException | InterruptedException | RuntimeException e) {
      close(net, mesh);
      throw e;
    }
  }

  private static void close(LoopbackNet net, @org.jspecify.annotations.Nullable MeshProcesses mesh)
      throws IOException {
    if (mesh != null) {
      mesh.close();
    }
    net.close();
  }

  private static String manifests(Application application, LoopbackNet net) {
    StringBuilder text =
        new StringBuilder(
            """
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
                - {name: http1, containerPort: %d}
                - {name: http2, containerPort: %d}
                - {name: closed1, containerPort: %d}
                - {name: closed2, containerPort: %d}
            status:
              phase: Running
              podIP: %s
              conditions:
              - {type: Ready, status: "True"}
            ---
            apiVersion: policy.linkerd.io/v1alpha1
            kind: NetworkAuthentication
            metadata: {name: loopback, namespace: bench}
            spec:
              networks: [{cidr: 127.0.0.0/8}]
            """
                .formatted(
                    application.http1(),
                    application.http2(),
                    application.closedHttp1(),
                    application.closedHttp2(),
                    net.address(SERVER_ADDRESS).getHostAddress()));
    for (String port : List.of("http1", "http2", "closed1", "closed2")) {
      text.append(
          """
          ---
          apiVersion: policy.linkerd.io/v1beta3
          kind: Server
          metadata: {name: %1$s, namespace: bench}
          spec:
            podSelector: {matchLabels: {app: server}}
            port: %1$s
            proxyProtocol: HTTP/%2$s
          """
              .formatted(port, port.endsWith("2") ? "2" : "1"));
      if (port.startsWith("http")) {
        text.append(
            """
            ---
            apiVersion: policy.linkerd.io/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: %1$s, namespace: bench}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s}
              requiredAuthenticationRefs:
              - {group: policy.linkerd.io, kind: NetworkAuthentication, name: loopback}
            """
                .formatted(port));
      }
    }
    return text.toString();
  }

  @Override
  public InetSocketAddress http1() {
    return net.address(SERVER_ADDRESS, HTTP1);
  }

  @Override
  public InetSocketAddress http2() {
    return net.address(SERVER_ADDRESS, HTTP2);
  }

  @Override
  public InetSocketAddress closedHttp1() {
    return net.address(SERVER_ADDRESS, CLOSED_HTTP1);
  }

  @Override
  public InetSocketAddress closedHttp2() {
    return net.address(SERVER_ADDRESS, CLOSED_HTTP2);
  }

  @Override
  public long pid() {
    return proxy.pid();
  }

  @Override
  public void expectAlive() throws IOException {
    if (!proxy.isAlive()) {
      throw new IOException(
          "the proxy ended with "
              + proxy.exitCode()
              + "; end of its log:\n"
              + String.join("\n", proxy.lastLines(15)));
    }
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
