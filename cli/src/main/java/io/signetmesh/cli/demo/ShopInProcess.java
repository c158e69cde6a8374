package io.signetmesh.cli.demo;

import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.controlplane.LocalMesh;
import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.demo.service.DemoIssuer;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.LocalProxies;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.policy.fetch.FetchSettings;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The shop with everything in this process, for a training run of the virtual machine. */
final class ShopInProcess implements ShopMesh {
  private static final Duration READY_LIMIT = Duration.ofSeconds(60);

  private final Shop shop;
  private final Path directory;
  private final Closing parts = new Closing();
  private final OperatorView operator;
  private final DemoIssuer issuer;
  private @Nullable ControlPlaneServers controlPlane;

  private ShopInProcess(Shop shop, Path directory, Clock clock) throws IOException {
    this.shop = shop;
    this.directory = directory;
    this.operator =
        parts.add(new OperatorView(shop.controlPlane().policy(), MeshNames.DEFAULT, clock));
    this.issuer = parts.add(DemoIssuer.start(shop.issuer(), clock));
  }

  /** Starts everything, and returns when all of it is ready. */
  static ShopInProcess start(Path examples, Path directory, Clock clock) throws Exception {
    LoopbackNet net = LoopbackNet.reserve();
    ShopInProcess mesh = new ShopInProcess(new Shop(net), directory, clock);
    mesh.parts.add(net);
    try {
      mesh.start(examples, clock);
      return mesh;
    } catch (Exception e) {
      mesh.close();
      throw e;
    }
  }

  private void start(Path examples, Clock clock) throws Exception {
    StateFiles.createDirectory(manifests());
    shop.install(examples, manifests());
    ControlPlaneServers.Config config =
        new ControlPlaneServers.Config(
            directory.resolve("state"),
            manifests(),
            null,
            shop.controlPlane(),
            new ClusterSettings(
                MeshNames.DEFAULT, List.of(Cidr.parse("127.0.0.0/8")), AccessPolicy.DENY),
            IssuancePolicy.DEFAULT,
            FederationConfig.NONE,
            new FetchSettings(List.of(Shop.keySetNetworks()), null, null),
            // As 'signet up' has it, for whose start this is the training.
            new AdminServer.Listen(
                new InetSocketAddress(shop.controlPlane().policy().getAddress(), 0), true),
            null,
            null);
    for (Shop.Service service : Shop.Service.values()) {
      parts.add(DemoServices.start(service.kind(), shop.application(service)));
    }
    ControlPlaneServers servers = parts.add(ControlPlaneServers.start(config, clock));
    LocalProxies proxies = parts.add(LocalMesh.proxies(config, servers, clock));
    parts.add(servers.source().subscribe(proxies));
    controlPlane = servers;
    operator.join(membership(OperatorView.identity(MeshNames.DEFAULT)), READY_LIMIT);
    proxies.ready().get(READY_LIMIT.toSeconds(), TimeUnit.SECONDS);
    for (HostWorkload workload : proxies.workloads()) {
      long end = System.nanoTime() + READY_LIMIT.toNanos();
      while (!Readiness.answersOk(workload.admin(), "/ready")) {
        if (System.nanoTime() - end > 0) {
          throw new IOException("proxy of " + workload.qualifiedName() + " is not ready");
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }
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
    return directory.resolve("manifests");
  }

  @Override
  public Path state() {
    return directory.resolve("state");
  }

  @Override
  public Membership membership(WorkloadIdentity who) throws IOException {
    ControlPlaneServers servers = controlPlane;
    if (servers == null) {
      throw new IllegalStateException("the control plane has not started");
    }
    return new Membership(
        MeshNames.DEFAULT,
        servers.trustAnchors(),
        servers.tokens().issue(who.serviceAccount(), who.namespace(), who.serviceAccount()),
        servers.addresses().identity());
  }

  @Override
  public Set<Long> running() {
    return Set.of(ProcessHandle.current().pid());
  }

  @Override
  public Path journal(Shop.Service service) {
    return directory
        .resolve("state")
        .resolve("audit")
        .resolve(Shop.NAMESPACE + "." + service.pod() + ".jsonl");
  }

  @Override
  public Enforced awaitEnforcement(long after, Duration limit)
      throws IOException, TimeoutException, InterruptedException {
    return operator.awaitEnforcement(after, Shop.Service.values().length, limit);
  }

  @Override
  public void close() throws Exception {
    parts.close();
  }
}
