package io.signetmesh.cli.demo;

import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.demo.service.DemoIssuer;
import io.signetmesh.cli.demo.service.DemoIssuer.Claims;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.InboundListener;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.OutboundListener;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Drives one {@code signet proxy}, in a process of its own, through what a sidecar does: it is the
 * client's proxy and the server's proxy of the same connections, for TCP, HTTP/1.1 and HTTP/2, with
 * and without tokens, allowed and refused. The ahead-of-time cache that is made from such a process
 * has the classes of a proxy, and no others.
 */
public final class ProxyTraining implements AutoCloseable {
  /** Environment variable that names the file in which the launcher has the JVM record its run. */
  public static final String RECORD = "SIGNET_AOT_RECORD";

  private static final String NAMESPACE = "training";
  private static final String NAME = "sidecar";
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final long PAUSE_MILLIS = 50;
  private static final int CALLS = 20;

  /** Last octets of the addresses in the training's own loopback network. */
  private static final int CONTROL_PLANE = 2;

  private static final int ISSUER = 3;
  private static final int SIDECAR = 10;
  private static final int FIRST_SERVICE = 110;
  private static final int ISSUER_PORT = 18_100;

  /** What the workload of the sidecar serves, and calls. */
  private enum Service {
    WEB("web", DemoServices.Kind.HTTP, 8080, "HTTP/1"),
    ACCOUNT("account", DemoServices.Kind.HTTP, 8081, "HTTP/1"),
    GREETER("greeter", DemoServices.Kind.GRPC, 9090, "HTTP/2"),
    LEDGER("ledger", DemoServices.Kind.TCP, 7070, "opaque");

    private final String label;
    private final DemoServices.Kind kind;
    private final int port;
    private final String protocol;

    Service(String label, DemoServices.Kind kind, int port, String protocol) {
      this.label = label;
      this.kind = kind;
      this.port = port;
      this.protocol = protocol;
    }

    /** Port of the proxy's listener for calls of the workload. */
    int outboundPort() {
      return port + 10_000;
    }

    /** Port of the proxy's listener for clients without proxy. */
    int inboundPort() {
      return port + 20_000;
    }
  }

  private final Closing parts = new Closing();
  private final LoopbackNet net;
  private final DemoIssuer issuer;
  private final SignetProcess proxy;

  private ProxyTraining(Path directory, Map<String, String> environment, Clock clock)
      throws Exception {
    net = parts.add(LoopbackNet.reserve());
    try {
      issuer = parts.add(DemoIssuer.start(net.address(ISSUER, ISSUER_PORT), clock));
      for (Service service : Service.values()) {
        parts.add(DemoServices.start(service.kind, net.address(SIDECAR, service.port)));
      }
      MeshProcesses mesh =
          parts.add(
              MeshProcesses.prepare(
                  directory,
                  MeshNames.DEFAULT,
                  ControlPlane.at(net.address(CONTROL_PLANE)),
                  clock));
      StateFiles.writePublic(mesh.manifests().resolve("training.yaml"), manifests());
      mesh.awaitControlPlane(
          mesh.startControlPlane("--key-set-networks", Shop.keySetNetworks().toString()));
      HostWorkload workload = workload();
      proxy = mesh.startProxy(workload, environment);
      mesh.awaitProxy(proxy, workload);
    } catch (Exception e) {
      close();
      throw e;
    }
  }

  /**
   * Starts the proxy.
   *
   * @param directory where logs, manifests, keys and records are kept
   * @param environment additional environment variables of the proxy
   */
  public static ProxyTraining start(Path directory, Map<String, String> environment, Clock clock)
      throws Exception {
    return new ProxyTraining(directory, environment, clock);
  }

  /**
   * Sends requests of every kind for some time.
   *
   * @throws IOException when what is allowed is refused, or the other way round
   */
  public void run(Duration length) throws IOException, InterruptedException {
    awaitKeys();
    long end = System.nanoTime() + length.toNanos();
    do {
      callWeb();
      callAccount();
      callGreeter();
      callLedger();
      if (!Readiness.answersOk(at(HostWorkload.ADMIN_PORT), "/metrics")) {
        throw new IOException("the proxy has no metrics");
      }
    } while (System.nanoTime() - end < 0);
  }

  /**
   * Ends the proxy, and waits until it has written what it records.
   *
   * @throws IOException when it does not end
   */
  public void finish() throws IOException, InterruptedException {
    proxy.terminate();
    if (!proxy.awaitExit(LIMIT)) {
      throw new IOException("the proxy has not ended after " + LIMIT.toSeconds() + " s");
    }
  }

  // ---- calls

  /** Waits until the controller has fetched the issuer's keys, and the proxy has them. */
  private void awaitKeys() throws IOException, InterruptedException {
    long end = System.nanoTime() + LIMIT.toNanos();
    String token = issuer.token(Claims.CUSTOMER);
    try (WebClient account = client(Service.ACCOUNT.outboundPort())) {
      Answer answer = account.get("/", token);
      while (!answer.served()) {
        if (System.nanoTime() - end > 0) {
          throw new IOException("no token is taken: " + answer.text());
        }
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        answer = account.get("/", token);
      }
    }
  }

  private void callWeb() throws IOException {
    try (WebClient meshed = client(Service.WEB.outboundPort());
        WebClient unmeshed = client(Service.WEB.inboundPort())) {
      for (int i = 0; i < CALLS; i++) {
        expect(true, "GET /open/" + i, meshed.get("/open/" + i));
        expect(false, "GET /closed", meshed.get("/closed"));
        expect(false, "GET /open without identity", unmeshed.get("/open"));
      }
    }
  }

  private void callAccount() throws IOException {
    try (WebClient account = client(Service.ACCOUNT.outboundPort())) {
      for (int i = 0; i < CALLS; i++) {
        String token =
            issuer.token(
                new Claims(
                    "customer-" + i,
                    Claims.CUSTOMER.audience(),
                    Claims.CUSTOMER.role(),
                    Claims.CUSTOMER.life()));
        expect(true, "GET / with a token", account.get("/", token));
        expect(true, "GET / with a token again", account.get("/", token));
        expect(false, "GET / without a token", account.get("/"));
      }
    }
  }

  private void callGreeter() throws IOException, InterruptedException {
    try (GreeterClient greeter = new GreeterClient(at(Service.GREETER.outboundPort()), TIMEOUT);
        GreeterClient unmeshed = new GreeterClient(at(Service.GREETER.inboundPort()), TIMEOUT)) {
      for (int i = 0; i < CALLS; i++) {
        expect(true, "Greet", greeter.greet("training"));
      }
      expect(true, "Chat", greeter.chat(CALLS));
      expect(false, "Greet without identity", unmeshed.greet("training"));
    }
  }

  private void callLedger() throws IOException {
    try (LedgerClient ledger =
        LedgerClient.connect(null, at(Service.LEDGER.outboundPort()), TIMEOUT)) {
      for (int i = 0; i < CALLS; i++) {
        expect(true, "BALANCE", ledger.balance("training"));
      }
    }
    expect(
        false,
        "BALANCE without identity",
        LedgerClient.ask(null, at(Service.LEDGER.inboundPort()), "training", TIMEOUT));
  }

  private WebClient client(int port) {
    return new WebClient(null, at(port), TIMEOUT);
  }

  private InetSocketAddress at(int port) {
    return net.address(SIDECAR, port);
  }

  private static void expect(boolean allowed, String what, Answer answer) throws IOException {
    if (answer.served() != allowed) {
      throw new IOException(
          what + " was " + (allowed ? "refused: " : "not refused: ") + answer.text());
    }
  }

  // ---- the workload

  private HostWorkload workload() {
    List<OutboundListener> outbound = new ArrayList<>();
    List<InboundListener> inbound = new ArrayList<>();
    List<Integer> ports = new ArrayList<>();
    for (Service service : Service.values()) {
      outbound.add(
          new OutboundListener(
              at(service.outboundPort()),
              service.label + "." + NAMESPACE + ".svc.cluster.local:80"));
      inbound.add(new InboundListener(service.inboundPort(), service.port));
      ports.add(service.port);
    }
    return new HostWorkload(NAMESPACE, NAME, NAME, net.address(SIDECAR), ports, outbound, inbound);
  }

  private String manifests() {
    StringBuilder ports = new StringBuilder();
    StringBuilder services = new StringBuilder();
    for (Service service : Service.values()) {
      ports.append(
          "        - {name: %s, containerPort: %d}\n".formatted(service.label, service.port));
      services.append(manifests(service));
    }
    return """
        apiVersion: v1
        kind: Namespace
        metadata: {name: training}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: sidecar, namespace: training}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: sidecar
          namespace: training
          labels: {app: sidecar, linkerd.io/control-plane-ns: linkerd}
          annotations: {config.linkerd.io/opaque-ports: "%1$d"}
        spec:
          serviceAccountName: sidecar
          containers:
          - name: sidecar
            image: sidecar
            ports:
        %2$sstatus:
          phase: Running
          podIP: %3$s
          conditions:
          - {type: Ready, status: "True"}
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: sidecar, namespace: training}
        spec:
          identityRefs:
          - {kind: ServiceAccount, name: sidecar}
        ---
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: customers, namespace: training}
        spec:
          issuer: http://%4$s:%5$d
          audiences: [shop]
          algorithms: [ES256]
          keys:
            jwksUri: http://%4$s:%5$d/keys
          claims:
          - {path: [role], equals: customer}
          forward:
            claims:
            - {path: [sub], header: x-customer}
        ---
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: open, namespace: training}
        spec:
          parentRefs:
          - {group: policy.linkerd.io, kind: Server, name: web}
          rules:
          - matches:
            - path: {type: PathPrefix, value: /open}
              method: GET
        %6$s"""
        .formatted(
            Service.LEDGER.port,
            ports,
            net.address(SIDECAR).getHostAddress(),
            net.address(ISSUER).getHostAddress(),
            ISSUER_PORT,
            services);
  }

  private String manifests(Service service) {
    return """
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: %1$s
          namespace: training
        %2$sspec:
          clusterIP: %3$s
          selector: {app: sidecar}
          ports:
          - {name: main, port: 80, targetPort: %1$s}
        ---
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: %1$s, namespace: training}
        spec:
          podSelector:
            matchLabels: {app: sidecar}
          port: %1$s
          proxyProtocol: %4$s
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: %1$s, namespace: training}
        spec:
          targetRef: {group: policy.linkerd.io, kind: %5$s, name: %6$s}
          requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: sidecar}
        %7$s"""
        .formatted(
            service.label,
            service == Service.LEDGER
                ? "  annotations: {config.linkerd.io/opaque-ports: \"80\"}\n"
                : "",
            net.address(FIRST_SERVICE + service.ordinal()).getHostAddress(),
            service.protocol,
            service == Service.WEB ? "HTTPRoute" : "Server",
            service == Service.WEB ? "open" : service.label,
            service == Service.ACCOUNT
                ? "  - {group: policy.signetmesh.io, kind: JWTAuthentication, name: customers}\n"
                : "");
  }

  @Override
  public void close() throws Exception {
    parts.close();
  }
}
