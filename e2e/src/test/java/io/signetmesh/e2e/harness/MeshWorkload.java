package io.signetmesh.e2e.harness;

import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.InboundListener;
import io.signetmesh.cli.host.OutboundListener;
import io.signetmesh.cli.process.SignetProcess;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A workload of the namespace {@value Mesh#NAMESPACE} with a proxy of its own: first described,
 * then running. Its service account has its name. Not thread-safe while it is described.
 */
public final class MeshWorkload {
  private final String name;
  private final InetAddress address;
  private final Map<String, Integer> ports = new LinkedHashMap<>();
  private final List<InboundListener> inbound = new ArrayList<>();
  private final List<OutboundListener> outbound = new ArrayList<>();
  private final Map<String, String> annotations = new LinkedHashMap<>();
  private final Map<String, String> environment = new HashMap<>();
  private String serviceAccount;
  private @Nullable SignetProcess proxy;

  MeshWorkload(String name, InetAddress address) {
    this.name = name;
    this.serviceAccount = name;
    this.address = address;
  }

  /** Runs as another service account than the one of its name. */
  public MeshWorkload serviceAccount(String account) {
    serviceAccount = account;
    return this;
  }

  /** The application listens on this port of the workload's address. */
  public MeshWorkload port(String portName, int port) {
    ports.put(portName, port);
    return this;
  }

  /** What connects to {@code listenPort} is treated as if it had connected to {@code port}. */
  public MeshWorkload redirect(int listenPort, int port) {
    inbound.add(new InboundListener(listenPort, port));
    return this;
  }

  /** The workload reaches {@code name:port} at this port of its own address. */
  public MeshWorkload upstream(int listenPort, String authority) {
    outbound.add(new OutboundListener(new InetSocketAddress(address, listenPort), authority));
    return this;
  }

  /** Adds an annotation to the pod. */
  public MeshWorkload annotation(String key, String value) {
    annotations.put(key, value);
    return this;
  }

  /** Sets a variable of the proxy's environment. */
  public MeshWorkload environment(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  /** Name of pod and application. */
  public String name() {
    return name;
  }

  /** Name of the service account. */
  public String serviceAccount() {
    return serviceAccount;
  }

  /** The workload's own address. */
  public InetAddress address() {
    return address;
  }

  /** A port at the workload's own address: of the application, or of a listener of the proxy. */
  public InetSocketAddress at(int port) {
    return new InetSocketAddress(address, port);
  }

  /** The proxy that runs now. */
  public SignetProcess proxy() {
    SignetProcess running = proxy;
    if (running == null) {
      throw new IllegalStateException("the proxy of " + name + " has not been started");
    }
    return running;
  }

  void proxy(SignetProcess started) {
    proxy = started;
  }

  Map<String, String> environment() {
    return Map.copyOf(environment);
  }

  HostWorkload host() {
    return new HostWorkload(
        Mesh.NAMESPACE,
        name,
        serviceAccount,
        address,
        List.copyOf(ports.values()),
        List.copyOf(outbound),
        List.copyOf(inbound));
  }

  String manifest() {
    Map<String, String> all = new LinkedHashMap<>(annotations);
    if (!inbound.isEmpty()) {
      all.put(InboundListener.ANNOTATION, joined(inbound));
    }
    if (!outbound.isEmpty()) {
      all.put(OutboundListener.ANNOTATION, joined(outbound));
    }
    StringBuilder pod = new StringBuilder();
    pod.append(
        """
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: %s, namespace: %s}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: %s
          namespace: %s
          labels: {app: %s, linkerd.io/control-plane-ns: linkerd}
        """
            .formatted(serviceAccount, Mesh.NAMESPACE, name, Mesh.NAMESPACE, name));
    if (!all.isEmpty()) {
      pod.append("  annotations:\n");
      all.forEach(
          (key, value) ->
              pod.append("    ").append(key).append(": \"").append(value).append("\"\n"));
    }
    pod.append("spec:\n  serviceAccountName: ").append(serviceAccount);
    pod.append("\n  containers:\n    - name: app\n      image: test/app\n");
    if (!ports.isEmpty()) {
      pod.append("      ports:\n");
      ports.forEach(
          (portName, port) ->
              pod.append("        - {name: ")
                  .append(portName)
                  .append(", containerPort: ")
                  .append(port)
                  .append("}\n"));
    }
    pod.append("status:\n  phase: Running\n  podIP: ")
        .append(address.getHostAddress())
        .append("\n  conditions:\n    - {type: Ready, status: \"True\"}\n");
    return pod.toString();
  }

  private static String joined(List<?> entries) {
    return entries.stream().map(Object::toString).collect(Collectors.joining(","));
  }
}
