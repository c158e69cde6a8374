package io.signetmesh.e2e.harness;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.testkit.RestartLoop;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A mesh of processes on a loopback network of its own, so that tests of one host do not meet:
 * control plane at address 2, workloads from address 10 up, services from address 110 up. All names
 * are in namespace {@value #NAMESPACE}.
 *
 * <p>Describe workloads and policy, {@link #start}, and add or change manifests at any time. The
 * processes end with {@link #close}, and by themselves when the test's JVM is gone.
 */
public final class Mesh implements AutoCloseable {
  /** Namespace of all workloads and policies. */
  public static final String NAMESPACE = "shop";

  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int CONTROL_PLANE = 2;
  private static final int FIRST_WORKLOAD = 10;
  private static final int FIRST_SERVICE = 110;

  private final Path directory;
  private final LoopbackNet net;
  private final MeshProcesses processes;
  private final WorkloadTokens tokens;
  private final List<MeshWorkload> workloads = new ArrayList<>();
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();
  private final AtomicInteger names = new AtomicInteger();
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();
  private int services;
  private @Nullable SignetProcess controlPlane;

  private Mesh(Path directory, LoopbackNet net, MeshProcesses processes, WorkloadTokens tokens) {
    this.directory = directory;
    this.net = net;
    this.processes = processes;
    this.tokens = tokens;
  }

  /**
   * Makes the CA and an empty set of manifests; nothing runs yet.
   *
   * @param directory for everything that the mesh keeps, also logs
   */
  public static Mesh create(Path directory) throws Exception {
    return create(directory, MeshNames.DEFAULT);
  }

  /**
   * Makes the CA of a trust domain and an empty set of manifests; nothing runs yet.
   *
   * @param directory for everything that the mesh keeps, also logs
   */
  public static Mesh create(Path directory, MeshNames names) throws Exception {
    LoopbackNet net = LoopbackNet.reserve();
    InstantSource clock = Clock.systemUTC();
    MeshProcesses processes =
        MeshProcesses.prepare(directory, names, ControlPlane.at(net.address(CONTROL_PLANE)), clock);
    Mesh mesh =
        new Mesh(
            directory,
            net,
            processes,
            WorkloadTokens.open(
                processes.state(), names.controlPlaneNamespace(), names.trustDomain(), clock));
    mesh.manifest(
        "namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + NAMESPACE + "}\n");
    return mesh;
  }

  // ---- description

  /** Describes a workload; it becomes part of the mesh with {@link #start}. */
  public MeshWorkload workload(String name) {
    MeshWorkload workload = new MeshWorkload(name, net.address(FIRST_WORKLOAD + workloads.size()));
    workloads.add(workload);
    return workload;
  }

  /**
   * A service of a workload.
   *
   * @param name name of the service
   * @param port port of the service
   * @param targetPort name of the workload's port
   */
  public void service(String name, MeshWorkload workload, int port, String targetPort)
      throws IOException {
    manifest(
        "service-" + name,
        """
        apiVersion: v1
        kind: Service
        metadata: {name: %s, namespace: %s}
        spec:
          clusterIP: %s
          selector: {app: %s}
          ports:
            - {name: %s, port: %d, targetPort: %s}
        """
            .formatted(
                name,
                NAMESPACE,
                net.address(FIRST_SERVICE + services++).getHostAddress(),
                workload.name(),
                targetPort,
                port,
                targetPort));
  }

  /**
   * A Server on a port of a workload: from now on only what is authorized gets through.
   *
   * @param proxyProtocol as the resource has it, e.g. {@code HTTP/1}, {@code opaque}
   */
  public void server(String name, MeshWorkload workload, String port, String proxyProtocol)
      throws IOException {
    manifest(
        "server-" + name,
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: %s, namespace: %s}
        spec:
          podSelector:
            matchLabels: {app: %s}
          port: %s
          proxyProtocol: %s
        """
            .formatted(name, NAMESPACE, workload.name(), port, proxyProtocol));
  }

  /** Allows service accounts on a Server; what was allowed before by this name is replaced. */
  public void allowIdentities(String name, String server, String... serviceAccounts)
      throws IOException {
    StringBuilder refs = new StringBuilder();
    for (String account : serviceAccounts) {
      refs.append("    - {kind: ServiceAccount, name: ").append(account).append("}\n");
    }
    manifest(
        "allow-" + name,
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: %s, namespace: %s}
        spec:
          identityRefs:
        %s---
        %s"""
            .formatted(
                name, NAMESPACE, refs, authorization(name, server, "MeshTLSAuthentication")));
  }

  /** Allows networks on a Server, with or without identity. */
  public void allowNetworks(String name, String server, String... cidrs) throws IOException {
    StringBuilder networks = new StringBuilder();
    for (String cidr : cidrs) {
      networks.append("    - {cidr: ").append(cidr).append("}\n");
    }
    manifest(
        "allow-" + name,
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: NetworkAuthentication
        metadata: {name: %s, namespace: %s}
        spec:
          networks:
        %s---
        %s"""
            .formatted(
                name, NAMESPACE, networks, authorization(name, server, "NetworkAuthentication")));
  }

  private static String authorization(String name, String server, String authenticationKind) {
    return """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: %s, namespace: %s}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: %s}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: %s, name: %s}
        """
        .formatted(name, NAMESPACE, server, authenticationKind, name);
  }

  /** Writes or replaces a manifest in one step. */
  public Path manifest(String name, String yaml) throws IOException {
    Path file = processes.manifests().resolve(name + ".yaml");
    Path temporary = directory.resolve("." + name + "." + names.incrementAndGet());
    Files.writeString(temporary, yaml);
    return Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Removes a manifest. */
  public void removeManifest(String name) throws IOException {
    Files.delete(processes.manifests().resolve(name + ".yaml"));
  }

  // ---- processes

  /**
   * Starts the control plane and all proxies, and waits until they serve.
   *
   * @param options of the control plane
   */
  public void start(String... options) throws Exception {
    start(Map.of(), options);
  }

  /**
   * Starts the control plane and all proxies, and waits until they serve.
   *
   * @param environment additional environment variables of the control plane
   * @param options of the control plane
   */
  public void start(Map<String, String> environment, String... options) throws Exception {
    for (MeshWorkload workload : workloads) {
      manifest("workload-" + workload.name(), workload.manifest());
    }
    startControlPlane(environment, options);
    for (MeshWorkload workload : workloads) {
      startProxy(workload);
    }
    for (MeshWorkload workload : workloads) {
      awaitReady(workload);
    }
  }

  /** Starts the control plane, again if it has been stopped, and waits until it serves. */
  public SignetProcess startControlPlane(String... options) throws Exception {
    return startControlPlane(Map.of(), options);
  }

  private SignetProcess startControlPlane(Map<String, String> environment, String... options)
      throws Exception {
    SignetProcess started = processes.startControlPlane(environment, options);
    controlPlane = started;
    processes.awaitControlPlane(started);
    return started;
  }

  /** The control plane that runs now. */
  public SignetProcess controlPlane() {
    SignetProcess running = controlPlane;
    if (running == null) {
      throw new IllegalStateException("the control plane has not been started");
    }
    return running;
  }

  /**
   * Starts a workload's proxy, again if it has been stopped, without waiting. A workload that was
   * described after {@link #start} becomes part of the mesh with it.
   */
  public SignetProcess launchProxy(MeshWorkload workload) throws IOException {
    manifest("workload-" + workload.name(), workload.manifest());
    return startProxy(workload);
  }

  /** The environment of a workload's proxy, for what starts one in a way of its own. */
  public Map<String, String> proxyEnvironment(MeshWorkload workload) throws IOException {
    Map<String, String> environment = new HashMap<>(processes.proxyEnvironment(workload.host()));
    environment.putAll(workload.environment());
    return environment;
  }

  private SignetProcess startProxy(MeshWorkload workload) throws IOException {
    SignetProcess proxy = processes.startProxy(workload.host(), workload.environment());
    workload.proxy(proxy);
    return proxy;
  }

  /**
   * Starts a second proxy of a workload beside the one that runs, without waiting.
   *
   * @param overrides variables that differ from those of the first
   * @param options of {@code signet proxy}
   */
  public SignetProcess launchSecondProxy(
      MeshWorkload workload, Map<String, String> overrides, String... options) throws IOException {
    Map<String, String> environment = new HashMap<>(proxyEnvironment(workload));
    environment.putAll(overrides);
    List<String> arguments = new ArrayList<>(List.of("proxy"));
    arguments.addAll(List.of(options));
    return processes.start(
        "proxy." + workload.name() + "." + names.incrementAndGet(), environment, arguments);
  }

  /** Kills a workload's proxy and starts it again, until the result is closed. */
  public RestartLoop restartLoop(MeshWorkload workload) {
    return RestartLoop.of(processes, workload.host(), workload.proxy(), workload.environment());
  }

  /** Waits until a workload's proxy has its certificate. */
  public void awaitReady(MeshWorkload workload) throws Exception {
    processes.awaitProxy(workload.proxy(), workload.host());
  }

  /** Starts one of the demo's services as a process, at a port of the workload's address. */
  public SignetProcess application(MeshWorkload workload, DemoServices.Kind kind, int port)
      throws Exception {
    InetSocketAddress listen = workload.at(port);
    SignetProcess application =
        processes.start(
            "app." + workload.name() + "." + port,
            Map.of(),
            List.of(
                "demo-service",
                kind.name(),
                "--listen",
                listen.getAddress().getHostAddress() + ":" + port));
    Readiness.awaitListening(application, listen, LIMIT);
    return application;
  }

  /** Any other {@code signet} command as a process that ends with the mesh. */
  public SignetProcess run(String name, Map<String, String> environment, String... arguments)
      throws IOException {
    return processes.start(name, environment, List.of(arguments));
  }

  /**
   * Runs a {@code signet} command to its end.
   *
   * @throws AssertionError when it does not end within 30 s
   */
  public Command command(String... arguments) throws IOException, InterruptedException {
    long begun = System.nanoTime();
    SignetProcess process = run("command." + names.incrementAndGet(), Map.of(), arguments);
    if (!process.awaitExit(LIMIT)) {
      throw new AssertionError(String.join(" ", arguments) + " does not end: " + output(process));
    }
    return new Command(process.exitCode(), output(process), begun, System.nanoTime());
  }

  /**
   * A command that has ended.
   *
   * @param exitCode its exit code
   * @param output all that it has printed
   * @param begun {@link System#nanoTime} before it was started
   * @param ended {@link System#nanoTime} when it was seen to have ended
   */
  public record Command(int exitCode, String output, long begun, long ended) {}

  /** The processes below, for what this class has no method for. */
  public MeshProcesses processes() {
    return processes;
  }

  /** Closes something of the test together with the mesh. */
  public <T extends AutoCloseable> T closeWithMesh(T resource) {
    resources.push(resource);
    return resource;
  }

  // ---- names, addresses and secrets

  /** An address of the mesh's network that no workload has: for clients outside the mesh. */
  public InetAddress outsider() {
    return net.address(200);
  }

  /** Where the control plane listens. */
  public ControlPlane addresses() {
    return processes.controlPlane();
  }

  /** Identity of a service account. */
  public WorkloadIdentity identity(String serviceAccount) {
    return processes.names().identity(NAMESPACE, serviceAccount);
  }

  /** Identity of a workload. */
  public WorkloadIdentity identity(MeshWorkload workload) {
    return identity(workload.serviceAccount());
  }

  /** Signs tokens with the mesh's key. */
  public WorkloadTokens tokens() {
    return tokens;
  }

  /** What the mesh trusts. */
  public TrustBundle trust() throws Exception {
    return new TrustBundle(
        0,
        processes.names().trustDomain(),
        Certificates.parsePem("trust anchors", processes.trustAnchors()));
  }

  /** A leaf of the mesh's CA, good for an hour. */
  public Leaf leaf(String serviceAccount) throws Exception {
    return Leaf.sign(
        processes.state(),
        identity(serviceAccount),
        Clock.systemUTC(),
        Duration.ofHours(1),
        scratch("leaf"));
  }

  /** A leaf of the mesh's CA that expired more than a minute ago. */
  public Leaf expiredLeaf(String serviceAccount) throws Exception {
    // Not before the CA was made, which is some minutes before it says it was.
    InstantSource earlier = InstantSource.offset(Clock.systemUTC(), Duration.ofMinutes(-2));
    return Leaf.sign(
        processes.state(),
        identity(serviceAccount),
        earlier,
        Duration.ofSeconds(30),
        scratch("expired"));
  }

  /** A leaf with a name of the mesh by a CA of the same name that the mesh does not trust. */
  public Leaf foreignLeaf(String serviceAccount) throws Exception {
    return Leaf.sign(
        scratch("foreign-ca"),
        identity(serviceAccount),
        Clock.systemUTC(),
        Duration.ofHours(1),
        scratch("foreign"));
  }

  /** A new directory of the mesh. */
  public Path scratch(String purpose) throws IOException {
    return Files.createDirectories(
        directory.resolve("scratch").resolve(purpose + "." + names.incrementAndGet()));
  }

  // ---- observation

  /** The audit records of a workload's proxy from now on. */
  public JournalTail journal(MeshWorkload workload) throws IOException {
    return JournalTail.fromEnd(processes.journal(workload.host()));
  }

  /** The audit journal of a workload's proxy. */
  public Path journalFile(MeshWorkload workload) {
    return processes.journal(workload.host());
  }

  /** The audit journal of the control plane. */
  public Path controlJournal() {
    return processes.state().resolve("audit").resolve("control-plane.jsonl");
  }

  /** A page of a proxy's admin server; the status is the answer's, whatever it is. */
  public Answer admin(MeshWorkload workload, String path) throws Exception {
    try {
      return get(workload.host().admin(), path);
    } catch (ConnectException e) {
      // On a host that is kept busy the client gives up an attempt before it has begun.
      return get(workload.host().admin(), path);
    }
  }

  /** A GET over HTTP/1.1. */
  public Answer get(InetSocketAddress address, String path) throws Exception {
    var response =
        http.send(
            HttpRequest.newBuilder(
                    URI.create(
                        "http://"
                            + address.getAddress().getHostAddress()
                            + ":"
                            + address.getPort()
                            + path))
                .timeout(Duration.ofSeconds(20))
                .build(),
            BodyHandlers.ofString());
    return new Answer(response.statusCode(), response.body());
  }

  /**
   * An answer over HTTP.
   *
   * @param status its status
   * @param body its body
   */
  public record Answer(int status, String body) {}

  /** Everything that a process has printed. */
  public static String output(SignetProcess process) throws IOException {
    return Files.readString(process.log());
  }

  @Override
  @SuppressWarnings("try") // Tests let interruptions through.
  public void close() throws Exception {
    while (!resources.isEmpty()) {
      resources.pop().close();
    }
    http.close();
    processes.close();
    net.close();
  }
}
