package io.signetmesh.discovery.destination;

import com.google.protobuf.Duration;
import io.linkerd.proxy.destination.Http2ClientParams;
import io.linkerd.proxy.destination.ProtocolHint;
import io.linkerd.proxy.destination.TlsIdentity;
import io.linkerd.proxy.destination.WeightedAddr;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.ResolvedService;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses the endpoints of a service port and describes each as a proxy has to know it. */
final class EndpointTranslator {
  private static final Logger log = LoggerFactory.getLogger(EndpointTranslator.class);

  /** Weight of an endpoint that is as good as any other. */
  static final int WEIGHT = 10_000;

  /** Highest port that peers accept as an inbound port. */
  private static final int MAX_INBOUND_PORT = 65_534;

  private static final Http2ClientParams HTTP2 =
      Http2ClientParams.newBuilder()
          .setKeepAlive(
              Http2ClientParams.KeepAlive.newBuilder()
                  .setInterval(Duration.newBuilder().setSeconds(10))
                  .setTimeout(Duration.newBuilder().setSeconds(3))
                  .setWhileIdle(true))
          .build();

  private final DiscoveryConfig config;

  EndpointTranslator(DiscoveryConfig config) {
    this.config = config;
  }

  /**
   * The endpoints of a service port.
   *
   * @param service service
   * @param port port that the client wants; when the service does not define it, the same port of
   *     every endpoint
   * @param instance host name of the one endpoint wanted; empty for all
   * @param node node of the client; empty when not known
   * @param zone zone of the client; empty when not known
   */
  EndpointSet endpoints(
      ResolvedService service, int port, String instance, String node, String zone) {
    List<ResolvedService.ResolvedEndpoint> chosen = choose(service, instance, node, zone);
    ResolvedService.Port defined = service.port(port);
    Map<InetSocketAddress, WeightedAddr> addresses = new LinkedHashMap<>();
    chosen.stream()
        .sorted(Comparator.comparing(endpoint -> endpoint.address().getHostAddress()))
        .forEach(
            endpoint -> {
              Integer target =
                  defined == null ? Integer.valueOf(port) : endpoint.ports().get(defined.name());
              if (target == null) {
                return;
              }
              addresses.put(
                  new InetSocketAddress(endpoint.address(), target),
                  describe(
                      endpoint.address(),
                      target,
                      target,
                      endpoint.workload(),
                      locality(zone, endpoint.zone()),
                      endpoint.zone()));
            });
    return new EndpointSet(
        service,
        Map.of("service", service.key().name(), "namespace", service.key().namespace()),
        addresses);
  }

  private List<ResolvedService.ResolvedEndpoint> choose(
      ResolvedService service, String instance, String node, String zone) {
    List<ResolvedService.ResolvedEndpoint> chosen = new ArrayList<>(service.endpoints());
    if (!instance.isEmpty()) {
      chosen.removeIf(endpoint -> !endpoint.hostname().equals(instance));
    }
    if (service.localTrafficOnly()) {
      chosen.removeIf(
          endpoint ->
              endpoint.workload() == null
                  || endpoint.workload().ref().kind() != WorkloadRef.Kind.POD
                  || node.isEmpty()
                  || !endpoint.node().equals(node));
    }
    if (!zone.isEmpty()
        && !chosen.isEmpty()
        && chosen.stream().noneMatch(endpoint -> endpoint.forZones().isEmpty())) {
      List<ResolvedService.ResolvedEndpoint> hinted =
          chosen.stream().filter(endpoint -> endpoint.forZones().contains(zone)).toList();
      if (!hinted.isEmpty()) {
        chosen = new ArrayList<>(hinted);
      }
    }
    if (config.ipv6()) {
      Set<Object> withIpv6 = new HashSet<>();
      for (ResolvedService.ResolvedEndpoint endpoint : chosen) {
        if (endpoint.address() instanceof Inet6Address && endpoint.workload() != null) {
          withIpv6.add(endpoint.workload());
        }
      }
      chosen.removeIf(
          endpoint ->
              !(endpoint.address() instanceof Inet6Address)
                  && endpoint.workload() != null
                  && withIpv6.contains(endpoint.workload()));
    } else {
      chosen.removeIf(endpoint -> endpoint.address() instanceof Inet6Address);
    }
    chosen.removeIf(endpoint -> !endpoint.ready() || unreachable(endpoint.workload()));
    return chosen;
  }

  private static boolean unreachable(@Nullable PeerWorkload workload) {
    return workload != null
        && workload.mesh() != null
        && workload.mesh().inboundPort() == PeerWorkload.Mesh.UNREADABLE_PORT;
  }

  /**
   * Describes one endpoint.
   *
   * @param address address
   * @param port port to dial
   * @param workloadPort port of the workload that this leads to; another than {@code port} behind a
   *     port of the node
   * @param workload what runs there; null when nothing is known of it
   * @param locality {@code local}, {@code remote} or {@code unknown}
   * @param zone zone of the endpoint; may be empty
   */
  WeightedAddr describe(
      InetAddress address,
      int port,
      int workloadPort,
      @Nullable PeerWorkload workload,
      String locality,
      String zone) {
    WeightedAddr.Builder out =
        WeightedAddr.newBuilder().setAddr(IpAddresses.toWire(address, port)).setWeight(WEIGHT);
    out.putMetricLabels("zone_locality", locality);
    if (workload == null) {
      return out.build();
    }
    out.putMetricLabels("zone", zone);
    label(out, workload);
    PeerWorkload.Mesh mesh = workload.mesh();
    if (mesh != null && !mesh.skippedPorts().contains(workloadPort)) {
      mesh(out, workloadPort, workload, mesh);
    }
    return out.build();
  }

  private static void label(WeightedAddr.Builder out, PeerWorkload workload) {
    boolean pod = workload.ref().kind() == WorkloadRef.Kind.POD;
    out.putMetricLabels(pod ? "pod" : "external_workload", workload.ref().name());
    PeerWorkload.Owner owner = workload.owner();
    if (owner != null) {
      // "job" is what Prometheus calls the scrape job.
      out.putMetricLabels(owner.kind().equals("job") ? "k8s_job" : owner.kind(), owner.name());
    }
    if (pod) {
      out.putMetricLabels("serviceaccount", workload.serviceAccount());
      if (!workload.podTemplateHash().isEmpty()) {
        out.putMetricLabels("pod_template_hash", workload.podTemplateHash());
      }
      PeerWorkload.Mesh mesh = workload.mesh();
      if (mesh != null) {
        out.putMetricLabels("control_plane_ns", mesh.controlPlaneNamespace());
      }
    }
  }

  private void mesh(
      WeightedAddr.Builder out, int port, PeerWorkload workload, PeerWorkload.Mesh mesh) {
    TlsIdentity identity = identity(workload, mesh);
    boolean external = mesh.external() != null;
    boolean opaque = workload.opaque(port, config.defaultOpaquePorts());
    ProtocolHint.Builder hint = ProtocolHint.newBuilder();
    if (opaque) {
      hint.setOpaque(ProtocolHint.Opaque.getDefaultInstance());
    } else if ((config.http2Upgrade() || external) && port != mesh.adminPort()) {
      // The admin server of a Signet proxy speaks HTTP/1.1 alone.
      hint.setH2(ProtocolHint.H2.getDefaultInstance());
    }
    if ((config.transportHeader() || opaque)
        && port != mesh.adminPort()
        && port != mesh.controlPort()
        && mesh.inboundPort() != PeerWorkload.Mesh.UNREADABLE_PORT
        && mesh.inboundPort() <= MAX_INBOUND_PORT) {
      hint.setOpaqueTransport(
          ProtocolHint.OpaqueTransport.newBuilder().setInboundPort(mesh.inboundPort()));
    }
    // Hints describe what a proxy takes; without an identity there is no proxy to reach safely.
    if (identity != null) {
      out.setTlsIdentity(identity).setProtocolHint(hint).setHttp2(HTTP2);
    }
  }

  private @Nullable TlsIdentity identity(PeerWorkload workload, PeerWorkload.Mesh mesh) {
    Workload.MeshIdentity external = mesh.external();
    if (external != null) {
      return TlsIdentity.newBuilder()
          .setUriLikeIdentity(TlsIdentity.UriLikeIdentity.newBuilder().setUri(external.identity()))
          .setServerName(TlsIdentity.DnsLikeIdentity.newBuilder().setName(external.serverName()))
          .build();
    }
    if (!mesh.controlPlaneNamespace().equals(config.controlPlaneNamespace())) {
      return null;
    }
    try {
      TlsIdentity.DnsLikeIdentity name =
          TlsIdentity.DnsLikeIdentity.newBuilder()
              .setName(
                  new WorkloadIdentity(
                          workload.serviceAccount(),
                          workload.ref().namespace(),
                          config.controlPlaneNamespace(),
                          config.trustDomain())
                      .dnsName())
              .build();
      return TlsIdentity.newBuilder().setDnsLikeIdentity(name).setServerName(name).build();
    } catch (IllegalArgumentException e) {
      log.warn("pod {} is announced without identity: {}", workload.ref(), e.getMessage());
      return null;
    }
  }

  /** Whether two zones are the same, as far as they are known. */
  static String locality(String clientZone, String zone) {
    if (clientZone.isEmpty() || zone.isEmpty()) {
      return "unknown";
    }
    return clientZone.equals(zone) ? "local" : "remote";
  }
}
