package io.signetmesh.discovery.topology;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.Pod;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.network.PortSet;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads what peers have to know of a pod or an external workload. */
final class PeerWorkloadReader {
  private static final Logger log = LoggerFactory.getLogger(PeerWorkloadReader.class);

  private static final String CONFIG = "config.linkerd.io/";

  /** For workloads whose proxy nobody injected: several may share an address. */
  private static final String HOST_CONFIG = "proxy.signetmesh.io/";

  private static final String PROXY = "linkerd-proxy";
  private static final String ENV = "LINKERD2_PROXY_";
  private static final String TEMPLATE_HASH = "pod-template-hash";

  private PeerWorkloadReader() {}

  static PeerWorkload read(
      Workload workload, Set<Integer> serverOpaquePorts, @Nullable PortSet opaquePorts) {
    Map<String, Integer> named = new HashMap<>();
    Set<Integer> declared = new HashSet<>();
    List<PeerWorkload.HostPort> hostPorts = new ArrayList<>();
    for (Workload.Port port : workload.ports()) {
      if (!port.protocol().equals("TCP")) {
        continue;
      }
      declared.add(port.port());
      if (!port.name().isEmpty()) {
        named.putIfAbsent(port.name(), port.port());
      }
      int hostPort =
          port.hostPort() != 0 ? port.hostPort() : workload.hostNetwork() ? port.port() : 0;
      if (hostPort != 0) {
        for (InetAddress host : hostsOf(workload)) {
          hostPorts.add(new PeerWorkload.HostPort(host, hostPort, port.port()));
        }
      }
    }
    return new PeerWorkload(
        workload.ref(),
        workload.ips(),
        workload.hostNetwork(),
        hostPorts,
        workload.serviceAccount(),
        workload.nodeName().orElse(""),
        owner(workload),
        mesh(workload),
        workload.labels().getOrDefault(TEMPLATE_HASH, ""),
        declared,
        named,
        opaquePorts,
        serverOpaquePorts,
        workload.running());
  }

  private static List<InetAddress> hostsOf(Workload workload) {
    return workload
        .hostIp()
        .map(List::of)
        .orElse(workload.hostNetwork() ? workload.ips() : List.of());
  }

  /** The one owner; that of a ReplicaSet which a Deployment made is the Deployment. */
  private static PeerWorkload.@Nullable Owner owner(Workload workload) {
    if (workload.owners().size() != 1) {
      return null;
    }
    OwnerReference owner = workload.owners().getFirst();
    if (owner.getKind() == null || owner.getName() == null) {
      return null;
    }
    String kind = owner.getKind().toLowerCase(Locale.ROOT);
    String suffix = "-" + workload.labels().getOrDefault(TEMPLATE_HASH, "");
    boolean deployed =
        kind.equals("replicaset")
            && suffix.length() > 1
            && owner.getName().length() > suffix.length()
            && owner.getName().endsWith(suffix);
    return deployed
        ? new PeerWorkload.Owner(
            "deployment", owner.getName().substring(0, owner.getName().length() - suffix.length()))
        : new PeerWorkload.Owner(kind, owner.getName());
  }

  private static PeerWorkload.@Nullable Mesh mesh(Workload workload) {
    String skipped = workload.annotations().get(CONFIG + "skip-inbound-ports");
    PortSet skippedPorts = skipped == null ? PortSet.EMPTY : PortSet.parse(skipped);
    Workload.MeshIdentity external = workload.meshIdentity().orElse(null);
    if (external != null) {
      return new PeerWorkload.Mesh(
          "",
          skippedPorts,
          inboundPort(workload),
          port(workload, "ADMIN", "admin-port", 4191),
          port(workload, "CONTROL", "control-port", 4190),
          external);
    }
    return workload
        .controlPlaneNamespace()
        .map(
            controlPlane ->
                new PeerWorkload.Mesh(
                    controlPlane,
                    skippedPorts,
                    inboundPort(workload),
                    port(workload, "ADMIN", "admin-port", 4191),
                    port(workload, "CONTROL", "control-port", 4190),
                    null))
        .orElse(null);
  }

  private static int inboundPort(Workload workload) {
    int usual = 4143;
    if (workload.ref().kind() == WorkloadRef.Kind.EXTERNAL_WORKLOAD) {
      for (Workload.Port port : workload.ports()) {
        if (port.name().equals(PROXY) && port.protocol().equals("TCP")) {
          usual = port.port();
        }
      }
    }
    return port(workload, "INBOUND", "inbound-port", usual);
  }

  /**
   * A port of the proxy: where the proxy container listens, else what an annotation says.
   *
   * @return {@link PeerWorkload.Mesh#UNREADABLE_PORT} when what is said is no port
   */
  private static int port(Workload workload, String env, String annotation, int usual) {
    String listen = proxyEnvironment(workload, ENV + env + "_LISTEN_ADDR");
    if (listen != null) {
      // One address per family, all with one port.
      String first = listen.split(",", -1)[0];
      return port(
          workload,
          "variable " + ENV + env + "_LISTEN_ADDR",
          listen,
          first.substring(first.lastIndexOf(':') + 1));
    }
    for (String prefix : List.of(HOST_CONFIG, CONFIG)) {
      String text = workload.annotations().get(prefix + annotation);
      if (text != null) {
        return port(workload, "annotation " + prefix + annotation, text, text.strip());
      }
    }
    return usual;
  }

  private static int port(Workload workload, String what, String whole, String text) {
    int port = text.matches("[0-9]{1,5}") ? Integer.parseInt(text) : 0;
    if (port < 1 || port > 65_535) {
      log.warn(
          "{} of {} is \"{}\": expected a port from 1 to 65535; its peers get no endpoint of it",
          what,
          workload.ref(),
          whole.replaceAll("\\p{Cntrl}", "?"));
      return PeerWorkload.Mesh.UNREADABLE_PORT;
    }
    return port;
  }

  private static @Nullable String proxyEnvironment(Workload workload, String name) {
    if (!(workload.object() instanceof Pod pod) || pod.getSpec() == null) {
      return null;
    }
    List<Container> containers =
        Stream.concat(
                pod.getSpec().getContainers().stream(), pod.getSpec().getInitContainers().stream())
            .filter(container -> PROXY.equals(container.getName()))
            .toList();
    for (Container container : containers) {
      for (EnvVar variable : container.getEnv()) {
        if (name.equals(variable.getName()) && variable.getValue() != null) {
          return variable.getValue();
        }
      }
    }
    return null;
  }
}
