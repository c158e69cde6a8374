package io.signetmesh.discovery.topology;

import io.signetmesh.cluster.WorkloadRef;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One state of the cluster, indexed for the queries of proxies. Immutable. */
public final class Topology {
  /** The state without objects. */
  public static final Topology EMPTY = new Topology(List.of(), List.of(), Map.of());

  private final Map<ObjectKey, ResolvedService> services = new HashMap<>();
  private final Map<InetAddress, List<ResolvedService>> servicesByIp = new HashMap<>();
  private final Map<ObjectKey, PeerWorkload> pods = new HashMap<>();
  private final Map<ObjectKey, PeerWorkload> externalWorkloads = new HashMap<>();
  private final Map<InetAddress, List<PeerWorkload>> workloadsByIp = new HashMap<>();
  private final Map<InetSocketAddress, List<PeerWorkload>> workloadsByHostPort = new HashMap<>();
  private final Map<String, List<PeerWorkload>> externalByIdentity = new HashMap<>();
  private final Map<String, String> zoneByNode;

  /**
   * Indexes the objects.
   *
   * @param services services, unique by key
   * @param workloads workloads, unique by kind, namespace and name
   * @param zoneByNode zone of each node that has one
   */
  public Topology(
      Collection<ResolvedService> services,
      Collection<PeerWorkload> workloads,
      Map<String, String> zoneByNode) {
    this.zoneByNode = Map.copyOf(zoneByNode);
    services.stream()
        .sorted(Comparator.comparing(ResolvedService::key))
        .forEach(
            service -> {
              this.services.put(service.key(), service);
              for (InetAddress ip : service.clusterIps()) {
                servicesByIp.computeIfAbsent(ip, none -> new ArrayList<>(1)).add(service);
              }
            });
    workloads.stream().sorted(Comparator.comparing(PeerWorkload::ref)).forEach(this::index);
  }

  private void index(PeerWorkload workload) {
    if (workload.ref().kind() == WorkloadRef.Kind.POD) {
      pods.put(ObjectKey.of(workload.ref()), workload);
    } else {
      externalWorkloads.put(ObjectKey.of(workload.ref()), workload);
      PeerWorkload.Mesh mesh = workload.mesh();
      if (mesh != null && mesh.external() != null) {
        externalByIdentity
            .computeIfAbsent(mesh.external().identity(), none -> new ArrayList<>(1))
            .add(workload);
      }
    }
    // A pod that has ended gave its address back, and another may have it.
    if (!workload.running()) {
      return;
    }
    if (!workload.hostNetwork()) {
      for (InetAddress ip : workload.addresses()) {
        workloadsByIp.computeIfAbsent(ip, none -> new ArrayList<>(1)).add(workload);
      }
    }
    for (PeerWorkload.HostPort hostPort : workload.hostPorts()) {
      workloadsByHostPort
          .computeIfAbsent(
              new InetSocketAddress(hostPort.address(), hostPort.port()),
              none -> new ArrayList<>(1))
          .add(workload);
    }
  }

  /** The Service with this key; null when there is none. */
  public @Nullable ResolvedService service(ObjectKey key) {
    return services.get(key);
  }

  /** Services with this cluster IP, sorted by key. More than one is an error in the cluster. */
  public List<ResolvedService> servicesWithIp(InetAddress ip) {
    return servicesByIp.getOrDefault(ip, List.of());
  }

  /** The Pod with this key; null when there is none. */
  public @Nullable PeerWorkload pod(ObjectKey key) {
    return pods.get(key);
  }

  /** The ExternalWorkload with this key; null when there is none. */
  public @Nullable PeerWorkload externalWorkload(ObjectKey key) {
    return externalWorkloads.get(key);
  }

  /** ExternalWorkloads with this SPIFFE ID. */
  public List<PeerWorkload> externalWorkloadsWithIdentity(String uri) {
    return externalByIdentity.getOrDefault(uri, List.of());
  }

  /** Running workloads with this address. Pods on the host network are left out. */
  public List<PeerWorkload> workloadsWithIp(InetAddress ip) {
    return workloadsByIp.getOrDefault(ip, List.of());
  }

  /** Running workloads behind a port of a node. */
  public List<PeerWorkload> workloadsWithHostPort(InetSocketAddress address) {
    return workloadsByHostPort.getOrDefault(address, List.of());
  }

  /** All workloads, of all kinds, in no order. */
  public Stream<PeerWorkload> workloads() {
    return Stream.concat(pods.values().stream(), externalWorkloads.values().stream());
  }

  /** Zone of a node; empty when unknown. */
  public String zoneOf(String node) {
    return zoneByNode.getOrDefault(node, "");
  }
}
