package io.signetmesh.discovery.destination;

import com.google.protobuf.Duration;
import io.grpc.Status;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.RetryBudget;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.stream.Answer;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.ResolvedService;
import io.signetmesh.discovery.topology.Topology;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;

/** Says what a name or an address is: a service, one workload, or an address nobody knows. */
final class ProfileTranslator {
  private static final RetryBudget RETRY_BUDGET =
      RetryBudget.newBuilder()
          .setRetryRatio(0.2f)
          .setMinRetriesPerSecond(10)
          .setTtl(Duration.newBuilder().setSeconds(10))
          .build();

  private final DiscoveryConfig config;
  private final EndpointTranslator endpoints;

  ProfileTranslator(DiscoveryConfig config, EndpointTranslator endpoints) {
    this.config = config;
    this.endpoints = endpoints;
  }

  Answer<DestinationProfile> profile(Topology topology, Authority target, String clientZone) {
    return switch (target) {
      case Authority.Address address -> ofAddress(topology, address.address(), clientZone);
      case Authority.Name name -> ofName(topology, name, clientZone);
    };
  }

  private Answer<DestinationProfile> ofName(
      Topology topology, Authority.Name name, String clientZone) {
    ResolvedService service = topology.service(name.service());
    if (service == null) {
      return new Answer.End<>(
          Status.Code.NOT_FOUND, "service " + name.service() + " does not exist");
    }
    if (service.externalName()) {
      return externalName(service);
    }
    if (name.instance().isEmpty()) {
      return ofService(service, name.port());
    }
    for (ResolvedService.ResolvedEndpoint endpoint : service.endpoints()) {
      PeerWorkload workload = endpoint.workload();
      if (endpoint.hostname().equals(name.instance()) && workload != null && workload.running()) {
        return ofWorkload(topology, endpoint.address(), name.port(), workload, clientZone);
      }
    }
    return new Answer.End<>(
        Status.Code.NOT_FOUND,
        "service "
            + name.service()
            + " has no running endpoint with host name \""
            + name.instance()
            + "\"");
  }

  private Answer<DestinationProfile> ofAddress(
      Topology topology, InetSocketAddress address, String clientZone) {
    InetAddress ip = address.getAddress();
    int port = address.getPort();
    List<ResolvedService> services = topology.servicesWithIp(ip);
    if (services.size() > 1) {
      return ambiguous(
          "address " + ip.getHostAddress(), services.stream().map(ResolvedService::key).toList());
    }
    if (!services.isEmpty()) {
      ResolvedService service = services.getFirst();
      if (service.externalName()) {
        return externalName(service);
      }
      // An empty profile has the client go by its outbound policy, which refuses the port.
      return service.port(port) == null
          ? new Answer.State<>(DestinationProfile.getDefaultInstance())
          : ofService(service, port);
    }
    List<PeerWorkload> workloads = topology.workloadsWithIp(ip);
    int workloadPort = port;
    if (workloads.isEmpty()) {
      workloads = topology.workloadsWithHostPort(address);
      if (workloads.size() == 1) {
        workloadPort = hostPort(workloads.getFirst(), address);
      }
    }
    if (workloads.size() > 1) {
      // Workloads of one host may share its address: the port tells them apart.
      List<PeerWorkload> declaring =
          workloads.stream().filter(workload -> workload.tcpPorts().contains(port)).toList();
      workloads = declaring.size() == 1 ? declaring : workloads;
    }
    if (workloads.size() > 1) {
      return ambiguous(
          "address " + ip.getHostAddress() + " port " + port,
          workloads.stream().map(workload -> ObjectKey.of(workload.ref())).toList());
    }
    if (workloads.isEmpty()) {
      return new Answer.State<>(
          DestinationProfile.newBuilder()
              .setRetryBudget(RETRY_BUDGET)
              .setEndpoint(endpoints.describe(ip, port, port, null, "unknown", ""))
              .setOpaqueProtocol(config.defaultOpaquePorts().contains(port))
              .build());
    }
    PeerWorkload workload = workloads.getFirst();
    return ofWorkload(topology, ip, port, workloadPort, workload, clientZone);
  }

  private static int hostPort(PeerWorkload workload, InetSocketAddress address) {
    for (PeerWorkload.HostPort hostPort : workload.hostPorts()) {
      if (hostPort.port() == address.getPort() && hostPort.address().equals(address.getAddress())) {
        return hostPort.workloadPort();
      }
    }
    return address.getPort();
  }

  private Answer<DestinationProfile> ofService(ResolvedService service, int port) {
    ObjectKey key = service.key();
    return new Answer.State<>(
        DestinationProfile.newBuilder()
            .setFullyQualifiedName(
                key.name() + "." + key.namespace() + ".svc." + config.clusterDomain())
            .setRetryBudget(RETRY_BUDGET)
            .setOpaqueProtocol(service.opaque(port, config.defaultOpaquePorts()))
            .setParentRef(
                Metadata.newBuilder()
                    .setResource(
                        Resource.newBuilder()
                            .setGroup("core")
                            .setKind("Service")
                            .setName(key.name())
                            .setNamespace(key.namespace())
                            .setPort(port)))
            .build());
  }

  private Answer<DestinationProfile> ofWorkload(
      Topology topology, InetAddress address, int port, PeerWorkload workload, String clientZone) {
    return ofWorkload(topology, address, port, port, workload, clientZone);
  }

  private Answer<DestinationProfile> ofWorkload(
      Topology topology,
      InetAddress address,
      int port,
      int workloadPort,
      PeerWorkload workload,
      String clientZone) {
    String zone = topology.zoneOf(workload.node());
    WeightedAddr endpoint =
        endpoints.describe(
            address,
            port,
            workloadPort,
            workload,
            EndpointTranslator.locality(clientZone, zone),
            zone);
    return new Answer.State<>(
        DestinationProfile.newBuilder()
            .setRetryBudget(RETRY_BUDGET)
            .setEndpoint(
                endpoint.toBuilder().putMetricLabels("namespace", workload.ref().namespace()))
            .setOpaqueProtocol(workload.opaque(workloadPort, config.defaultOpaquePorts()))
            .build());
  }

  private static Answer<DestinationProfile> externalName(ResolvedService service) {
    return new Answer.End<>(
        Status.Code.INVALID_ARGUMENT,
        "service " + service.key() + " is of type ExternalName: expected one with endpoints");
  }

  private static Answer<DestinationProfile> ambiguous(String what, List<ObjectKey> owners) {
    return new Answer.End<>(
        Status.Code.FAILED_PRECONDITION, what + " belongs to " + owners + ": expected one owner");
  }
}
