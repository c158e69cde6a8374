package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodIP;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.discovery.v1.Endpoint;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointPort;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.crds.workload.ExternalWorkloadSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Workloads, services and endpoints, as far as the mesh reads them: what a wrong value would make
 * it overlook in silence.
 */
final class WorkloadRules {
  private static final String SERVICE_NAME = "kubernetes.io/service-name";
  private static final int MAX_PORT = 65_535;

  private WorkloadRules() {}

  static void check(Pod pod, ObjectFindings findings) {
    if (pod.getSpec() != null) {
      containers(pod.getSpec().getInitContainers(), "spec.initContainers", findings);
      containers(pod.getSpec().getContainers(), "spec.containers", findings);
    }
    if (pod.getStatus() != null) {
      address(pod.getStatus().getPodIP(), "status.podIP", findings);
      address(pod.getStatus().getHostIP(), "status.hostIP", findings);
      List<PodIP> addresses = orEmpty(pod.getStatus().getPodIPs());
      for (int i = 0; i < addresses.size(); i++) {
        address(addresses.get(i).getIp(), "status.podIPs[" + i + "].ip", findings);
      }
    }
    AnnotationRules.checkInbound(pod, findings);
  }

  static void check(Service service, ObjectFindings findings) {
    AnnotationRules.checkParent(service, findings);
    if (service.getSpec() == null) {
      findings.error("", List.of("spec"), "required field \"spec\" missing");
      return;
    }
    List<ServicePort> ports = orEmpty(service.getSpec().getPorts());
    Map<String, Integer> names = new HashMap<>();
    Map<String, Integer> numbers = new HashMap<>();
    for (int i = 0; i < ports.size(); i++) {
      ServicePort port = ports.get(i);
      String at = "spec.ports[" + i + "]";
      port(port.getPort(), at, "port", findings);
      String name = Objects.requireNonNullElse(port.getName(), "");
      Integer named = names.putIfAbsent(name, i);
      if (named != null) {
        findings.error(
            at,
            List.of(at + ".name", "spec.ports[" + named + "].name"),
            name.isEmpty()
                ? "of several ports each needs a name"
                : "a port named " + quoted(name) + " is there already");
      }
      String number = port.getPort() + "/" + Objects.requireNonNullElse(port.getProtocol(), "TCP");
      Integer numbered = numbers.putIfAbsent(number, i);
      if (numbered != null) {
        String other = "spec.ports[" + numbered + "]";
        findings.error(
            at + ".port",
            List.of(at + ".port", at + ".protocol", other + ".port", other + ".protocol"),
            "port " + number + " is there already");
      }
    }
    clusterIp(service.getSpec().getClusterIP(), "spec.clusterIP", findings);
    List<String> addresses = orEmpty(service.getSpec().getClusterIPs());
    for (int i = 0; i < addresses.size(); i++) {
      clusterIp(addresses.get(i), "spec.clusterIPs[" + i + "]", findings);
    }
  }

  static void check(EndpointSlice slice, ObjectFindings findings) {
    Map<String, String> labels = slice.getMetadata().getLabels();
    if (labels == null || !labels.containsKey(SERVICE_NAME)) {
      findings.warning(
          "metadata.labels", "without the label " + SERVICE_NAME + " it belongs to no service");
    }
    String family = slice.getAddressType();
    boolean ip = "IPv4".equals(family) || "IPv6".equals(family);
    if (!ip && !"FQDN".equals(family)) {
      findings.error(
          "addressType",
          quoted(Objects.requireNonNullElse(family, "")) + " is not one of IPv4, IPv6, FQDN");
    }
    List<Endpoint> endpoints = orEmpty(slice.getEndpoints());
    for (int i = 0; i < endpoints.size(); i++) {
      List<String> addresses = orEmpty(endpoints.get(i).getAddresses());
      if (addresses.isEmpty()) {
        findings.error(
            "endpoints[" + i + "]",
            List.of("endpoints[" + i + "].addresses"),
            "at least one address is required");
      }
      for (int j = 0; ip && j < addresses.size(); j++) {
        byte[] address = IpLiteral.parse(addresses.get(j));
        if (address == null || address.length != ("IPv4".equals(family) ? 4 : 16)) {
          findings.error(
              "endpoints[" + i + "].addresses[" + j + "]",
              quoted(addresses.get(j)) + " is not an " + family + " address");
        }
      }
    }
    List<EndpointPort> ports = orEmpty(slice.getPorts());
    for (int i = 0; i < ports.size(); i++) {
      if (ports.get(i).getPort() != null) {
        port(ports.get(i).getPort(), "ports[" + i + "]", "port", findings);
      }
    }
  }

  static void check(ExternalWorkloadSpec spec, ObjectFindings findings) {
    IdentityRules.problem(spec.meshTLS().identity())
        .ifPresent(
            problem ->
                findings.warning(
                    "spec.meshTLS.identity",
                    quoted(spec.meshTLS().identity()) + " is no identity: " + problem));
    Set<String> names = new HashSet<>();
    for (int i = 0; i < spec.ports().size(); i++) {
      String name = spec.ports().get(i).name();
      if (name != null && !name.isEmpty() && !names.add(name)) {
        findings.error(
            "spec.ports[" + i + "].name", "a port named " + quoted(name) + " is there already");
      }
    }
    Map<Boolean, Integer> families = new HashMap<>();
    for (int i = 0; i < spec.workloadIPs().size(); i++) {
      Integer first = families.putIfAbsent(spec.workloadIPs().get(i).ip().indexOf(':') >= 0, i);
      if (first != null) {
        String at = "spec.workloadIPs[" + i + "].ip";
        findings.error(
            at,
            List.of(at, "spec.workloadIPs[" + first + "].ip"),
            "only one address of each family can be given");
      }
    }
  }

  private static void containers(
      @Nullable List<Container> containers, String field, ObjectFindings findings) {
    List<Container> given = orEmpty(containers);
    Set<String> names = new HashSet<>();
    for (int i = 0; i < given.size(); i++) {
      Container container = given.get(i);
      String at = field + "[" + i + "]";
      if (container.getName() == null || container.getName().isEmpty()) {
        findings.error(at, List.of(at + ".name"), "required field \"name\" missing");
      } else if (!names.add(container.getName())) {
        findings.error(
            at + ".name", "a container named " + quoted(container.getName()) + " is there already");
      }
      List<ContainerPort> ports = orEmpty(container.getPorts());
      List<String> portNames = new ArrayList<>();
      for (int j = 0; j < ports.size(); j++) {
        ContainerPort port = ports.get(j);
        String place = at + ".ports[" + j + "]";
        port(port.getContainerPort(), place, "containerPort", findings);
        String name = port.getName();
        if (name != null && portNames.contains(name)) {
          findings.error(place + ".name", "a port named " + quoted(name) + " is there already");
        } else if (name != null) {
          portNames.add(name);
        }
        String protocol = port.getProtocol();
        if (protocol != null && !Set.of("TCP", "UDP", "SCTP").contains(protocol)) {
          findings.error(place + ".protocol", quoted(protocol) + " is not one of TCP, UDP, SCTP");
        }
      }
    }
  }

  private static void port(
      @Nullable Integer number, String at, String field, ObjectFindings findings) {
    if (number == null) {
      findings.error(at, List.of(at + "." + field), "required field \"" + field + "\" missing");
    } else if (number < 1 || number > MAX_PORT) {
      findings.error(at + "." + field, number + " is not a port number from 1 to " + MAX_PORT);
    }
  }

  private static void clusterIp(@Nullable String text, String field, ObjectFindings findings) {
    if (!"None".equals(text)) {
      address(text, field, findings);
    }
  }

  private static void address(@Nullable String text, String field, ObjectFindings findings) {
    if (text != null && !text.isEmpty() && !IpLiteral.isValid(text)) {
      findings.error(field, quoted(text) + " is not an IP address");
    }
  }

  private static <T> List<T> orEmpty(@Nullable List<T> list) {
    return list == null ? List.of() : list;
  }
}
