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
import org.jspecify.annotations.Nullable;

/** One state of the cluster, indexed for the questions that proxies ask. Immutable. */
public final class Topology {
  /** Nothing is known. */
  public static final Topology EMPTY = new Topology(List.of(), List.of(), Map.of());

  private final Map<ObjectKey, Service> services = new HashMap<>();
  private final Map<InetAddress, List<Service>> servicesByIp = new HashMap<>();
  private final Map<ObjectKey, Workload> pods = new HashMap<>();
  private final Map<ObjectKey, Workload> externalWorkloads = new HashMap<>();
  private final Map<InetAddress, List<Workload>> workloadsByIp = new HashMap<>();
  private final Map<InetSocketAddress, List<Workload>> workloadsByHostPort = new HashMap<>();
  private final Map<String, List<Workload>> externalByIdentity = new HashMap<>();
  private final Map<String, String> zoneByNode;

  /**
   * @param services services, unique by key
   * @param workloads workloads, unique by kind and key
   * @param zoneByNode zones of the nodes that have one
   */
  public Topology(
      Collection<Service> services,
      Collection<Workload> workloads,
      Map<String, String> zoneByNode) {
    this.zoneByNode = Map.copyOf(zoneByNode);
    services.stream()
        .sorted(Comparator.comparing(Service::key))
        .forEach(
            service -> {
              this.services.put(service.key(), service);
              for (InetAddress ip : service.clusterIps()) {
                servicesByIp.computeIfAbsent(ip, none -> new ArrayList<>(1)).add(service);
              }
            });
    workloads.stream().sorted(Comparator.comparing(Workload::key)).forEach(this::index);
  }

  private void index(Workload workload) {
    if (workload.kind() == WorkloadRef.Kind.POD) {
      pods.put(workload.key(), workload);
    } else {
      externalWorkloads.put(workload.key(), workload);
      Workload.Mesh mesh = workload.mesh();
      if (mesh != null && mesh.external() != null) {
        externalByIdentity
            .computeIfAbsent(mesh.external().uri(), none -> new ArrayList<>(1))
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
    for (Workload.HostPort hostPort : workload.hostPorts()) {
      workloadsByHostPort
          .computeIfAbsent(
              new InetSocketAddress(hostPort.address(), hostPort.port()),
              none -> new ArrayList<>(1))
          .add(workload);
    }
  }

  /** A service, or null. */
  public @Nullable Service service(ObjectKey key) {
    return services.get(key);
  }

  /** Services with a cluster address, by key; more than one is an error of the cluster. */
  public List<Service> servicesWithIp(InetAddress ip) {
    return servicesByIp.getOrDefault(ip, List.of());
  }

  /** A pod, or null. */
  public @Nullable Workload pod(ObjectKey key) {
    return pods.get(key);
  }

  /** An external workload, or null. */
  public @Nullable Workload externalWorkload(ObjectKey key) {
    return externalWorkloads.get(key);
  }

  /** External workloads that carry a SPIFFE id. */
  public List<Workload> externalWorkloadsWithIdentity(String uri) {
    return externalByIdentity.getOrDefault(uri, List.of());
  }

  /** Running workloads that own an address for themselves. */
  public List<Workload> workloadsWithIp(InetAddress ip) {
    return workloadsByIp.getOrDefault(ip, List.of());
  }

  /** Running workloads behind a port of a node. */
  public List<Workload> workloadsWithHostPort(InetSocketAddress address) {
    return workloadsByHostPort.getOrDefault(address, List.of());
  }

  /** Zone of a node; empty when it is not known. */
  public String zoneOf(String node) {
    return zoneByNode.getOrDefault(node, "");
  }
}
