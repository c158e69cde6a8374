package io.signetmesh.discovery;

import io.signetmesh.cluster.Addresses;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.topology.LiveTopology;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.ResolvedService;
import io.signetmesh.discovery.topology.Topology;
import java.net.InetAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A small cluster that tests change as they go. */
public final class ClusterFixture {
  /** Control plane {@code signet} of trust domain {@code cluster.local}. */
  public static final DiscoveryConfig CONFIG = DiscoveryConfig.defaults("signet", "cluster.local");

  private final Map<ObjectKey, ResolvedService> services = new LinkedHashMap<>();
  private final Map<WorkloadRef, PeerWorkload> workloads = new LinkedHashMap<>();
  private final LiveTopology live = new LiveTopology(Topology.EMPTY);

  /** The cluster as discovery sees it. */
  public LiveTopology live() {
    return live;
  }

  /** Tells discovery about the changes so far. */
  public void publish() {
    live.replace(
        new Topology(
            services.values(), workloads.values(), Map.of("node-a", "zone-a", "node-b", "zone-b")));
  }

  /** Puts a service in place of the one of the same name. */
  public ClusterFixture with(ResolvedService service) {
    services.put(service.key(), service);
    return this;
  }

  /** Puts a workload in place of the one of the same name. */
  public ClusterFixture with(PeerWorkload workload) {
    workloads.put(workload.ref(), workload);
    return this;
  }

  /** Takes a service away. */
  public ClusterFixture withoutService(String namespace, String name) {
    services.remove(new ObjectKey(namespace, name));
    return this;
  }

  /** A literal address. */
  public static InetAddress ip(String literal) {
    return Addresses.parse(literal).orElseThrow();
  }

  /** A pod of this mesh on node-a with service account {@code <name>-sa}. */
  public static PeerWorkload pod(String namespace, String name, String ip) {
    return pod(namespace, name, ip, mesh("signet"), null, Set.of());
  }

  /** A pod on node-a with service account {@code <name>-sa}. */
  public static PeerWorkload pod(
      String namespace,
      String name,
      String ip,
      PeerWorkload.@Nullable Mesh mesh,
      @Nullable PortSet opaquePorts,
      Set<Integer> serverOpaquePorts) {
    return new PeerWorkload(
        WorkloadRef.pod(namespace, name),
        List.of(ip(ip)),
        false,
        List.of(new PeerWorkload.HostPort(ip("10.255.0.1"), 30_000, 8080)),
        name + "-sa",
        "node-a",
        new PeerWorkload.Owner("deployment", name + "-app"),
        mesh,
        "5d4f",
        Set.of(8080),
        Map.of("web", 8080),
        opaquePorts,
        serverOpaquePorts,
        true);
  }

  /** A proxy of a control plane with the usual ports; port 4567 is skipped. */
  public static PeerWorkload.Mesh mesh(String controlPlane) {
    return new PeerWorkload.Mesh(controlPlane, PortSet.of(4567), 4143, 4191, 4190, null);
  }

  /** An external workload with a SPIFFE id. */
  public static PeerWorkload external(String namespace, String name, String ip, String spiffeId) {
    return new PeerWorkload(
        WorkloadRef.externalWorkload(namespace, name),
        List.of(ip(ip)),
        false,
        List.of(),
        "",
        "",
        null,
        new PeerWorkload.Mesh(
            "signet",
            PortSet.EMPTY,
            4143,
            4191,
            4190,
            new Workload.MeshIdentity(spiffeId, name + ".example.com")),
        "",
        Set.of(),
        Map.of(),
        null,
        Set.of(),
        true);
  }

  /** A service with port 80, named http, that leads to 8080 of the workloads. */
  public static ResolvedService service(
      String namespace, String name, String clusterIp, PeerWorkload... workloads) {
    return new ResolvedService(
        new ObjectKey(namespace, name),
        List.of(ip(clusterIp)),
        List.of(new ResolvedService.Port("http", 80, null)),
        null,
        false,
        false,
        null,
        List.of(workloads).stream().map(workload -> endpoint(workload, true)).toList());
  }

  /** The endpoint that a workload is, on node-a. */
  public static ResolvedService.ResolvedEndpoint endpoint(PeerWorkload workload, boolean ready) {
    return new ResolvedService.ResolvedEndpoint(
        workload.addresses().getFirst(),
        Map.of("http", 8080),
        workload.ref().name(),
        "node-a",
        "zone-a",
        List.of(),
        ready,
        workload);
  }
}
