package io.signetmesh.cli.demo;

import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.demo.service.DemoIssuer;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/** The shop with every part in a process of its own. */
final class ShopProcesses implements ShopMesh {
  /** The demo is over before the optimizing compiler would pay. */
  private static final Map<String, String> SHORT_LIVED =
      Map.of("SIGNET_JAVA_OPTS", "-XX:TieredStopAtLevel=1");

  private static final Duration READY_LIMIT = Duration.ofSeconds(60);

  private final Shop shop;
  private final MeshProcesses mesh;
  private final Map<HostWorkload, SignetProcess> proxies = new HashMap<>();
  private final Closing parts = new Closing();
  private final OperatorView operator;
  private final DemoIssuer issuer;

  private ShopProcesses(Shop shop, MeshProcesses mesh, Clock clock) throws IOException {
    this.shop = shop;
    this.mesh = mesh;
    this.operator = parts.add(new OperatorView(mesh.controlPlane().policy(), mesh.names(), clock));
    this.issuer = parts.add(DemoIssuer.start(shop.issuer(), clock));
  }

  /**
   * Starts everything at once, and returns when all of it is ready.
   *
   * @param examples {@code examples/quickstart}
   * @param directory where logs, manifests, keys and records are kept
   */
  static ShopProcesses start(Path examples, Path directory, Clock clock) throws Exception {
    LoopbackNet net = LoopbackNet.reserve();
    Shop shop = new Shop(net);
    MeshProcesses mesh =
        MeshProcesses.prepare(directory, MeshNames.DEFAULT, shop.controlPlane(), clock);
    ShopProcesses processes = new ShopProcesses(shop, mesh, clock);
    processes.parts.add(net);
    processes.parts.add(mesh);
    try {
      processes.start(examples);
      return processes;
    } catch (Exception e) {
      processes.close();
      throw e;
    }
  }

  private void start(Path examples) throws Exception {
    shop.install(examples, mesh.manifests());
    SignetProcess controlPlane =
        mesh.startControlPlane(SHORT_LIVED, "--key-set-networks", Shop.keySetNetworks().toString());
    Map<Shop.Service, SignetProcess> services = new EnumMap<>(Shop.Service.class);
    for (Shop.Service service : Shop.Service.values()) {
      services.put(
          service,
          mesh.start(
              "service." + service.pod(),
              SHORT_LIVED,
              List.of(
                  "demo-service",
                  service.kind().name().toLowerCase(Locale.ROOT),
                  "--listen",
                  ListenAddress.text(shop.application(service)))));
    }
    for (HostWorkload workload : workloads(mesh.manifests())) {
      proxies.put(workload, mesh.startProxy(workload, SHORT_LIVED));
    }
    mesh.awaitControlPlane(controlPlane);
    operator.join(membership(OperatorView.identity(mesh.names())), READY_LIMIT);
    for (Map.Entry<HostWorkload, SignetProcess> proxy : proxies.entrySet()) {
      mesh.awaitProxy(proxy.getValue(), proxy.getKey());
    }
    for (Map.Entry<Shop.Service, SignetProcess> service : services.entrySet()) {
      Readiness.awaitListening(service.getValue(), shop.application(service.getKey()), READY_LIMIT);
    }
  }

  /** The control plane judges the manifests; here only the workloads matter. */
  private static List<HostWorkload> workloads(Path manifests) throws InvalidManifestsException {
    Manifests read =
        new ManifestReader((object, unread) -> List.of())
            .readPath(manifests)
            .orThrow(manifests.toString());
    return ClusterView.of(read.objects().values()).workloads().stream()
        .flatMap(
            workload ->
                HostWorkload.of(workload, MeshNames.DEFAULT.controlPlaneNamespace()).stream())
        .toList();
  }

  @Override
  public Shop shop() {
    return shop;
  }

  @Override
  public DemoIssuer issuer() {
    return issuer;
  }

  @Override
  public Path manifests() {
    return mesh.manifests();
  }

  @Override
  public Path state() {
    return mesh.state();
  }

  @Override
  public Membership membership(WorkloadIdentity who) throws IOException {
    return new Membership(
        mesh.names(), mesh.trustAnchors(), mesh.issueToken(who), mesh.controlPlane().identity());
  }

  @Override
  public Set<Long> running() {
    return mesh.processes().stream()
        .filter(SignetProcess::isAlive)
        .map(SignetProcess::pid)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Override
  public Path journal(Shop.Service service) {
    return proxies.keySet().stream()
        .filter(workload -> workload.name().equals(service.pod()))
        .findFirst()
        .map(mesh::journal)
        .orElseThrow();
  }

  @Override
  public Enforced awaitEnforcement(long after, Duration limit)
      throws IOException, TimeoutException, InterruptedException {
    return operator.awaitEnforcement(after, proxiesWithServer(), limit);
  }

  private static int proxiesWithServer() {
    return Shop.Service.values().length;
  }

  /** How many processes there are, this one included. */
  int processes() {
    return mesh.processes().size() + 1;
  }

  /** How many proxies there are. */
  int proxies() {
    return proxies.size();
  }

  @Override
  public void close() throws Exception {
    parts.close();
  }
}
