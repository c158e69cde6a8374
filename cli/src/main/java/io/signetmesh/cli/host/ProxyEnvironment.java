package io.signetmesh.cli.host;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Environment of a workload's proxy on this host. In Kubernetes, the injector writes it into the
 * Pod.
 */
public final class ProxyEnvironment {
  private static final String L5D = "LINKERD2_PROXY_";
  private static final String SIGNET = "SIGNET_PROXY_";

  private ProxyEnvironment() {}

  /**
   * The environment variables of a proxy.
   *
   * @param trustAnchors trust anchors at the start, as PEM
   * @param tokenFile file with the workload's token
   * @param auditFile file of the proxy's audit journal
   */
  public static Map<String, String> of(
      HostWorkload workload,
      MeshNames mesh,
      ControlPlane controlPlane,
      String trustAnchors,
      Path tokenFile,
      Path auditFile) {
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put(
        L5D + "IDENTITY_LOCAL_NAME",
        mesh.identity(workload.namespace(), workload.serviceAccount()).dnsName());
    environment.put(L5D + "IDENTITY_TRUST_ANCHORS", trustAnchors);
    environment.put(L5D + "IDENTITY_TOKEN_FILE", tokenFile.toString());
    environment.put(L5D + "IDENTITY_SVC_ADDR", ListenAddress.text(controlPlane.identity()));
    environment.put(L5D + "IDENTITY_SVC_NAME", mesh.identityServer().dnsName());
    environment.put(L5D + "DESTINATION_SVC_ADDR", ListenAddress.text(controlPlane.discovery()));
    environment.put(L5D + "DESTINATION_SVC_NAME", mesh.discoveryServer().dnsName());
    environment.put(
        L5D + "DESTINATION_CONTEXT",
        "{\"ns\":\"%s\",\"pod\":\"%s\"}".formatted(workload.namespace(), workload.name()));
    environment.put(L5D + "POLICY_SVC_ADDR", ListenAddress.text(controlPlane.policy()));
    environment.put(L5D + "POLICY_SVC_NAME", mesh.policyServer().dnsName());
    environment.put(
        L5D + "POLICY_WORKLOAD",
        "{\"ns\":\"%s\",\"pod\":\"%s\"}".formatted(workload.namespace(), workload.name()));
    environment.put(L5D + "INBOUND_LISTEN_ADDR", ListenAddress.text(workload.direct()));
    environment.put(L5D + "ADMIN_LISTEN_ADDR", ListenAddress.text(workload.admin()));
    environment.put(L5D + "INBOUND_IPS", workload.address().getHostAddress());
    if (!workload.ports().isEmpty()) {
      environment.put(
          L5D + "INBOUND_PORTS",
          workload.ports().stream().map(String::valueOf).collect(Collectors.joining(",")));
    }
    String ip = ListenAddress.text(workload.direct());
    String host = ip.substring(0, ip.lastIndexOf(':'));
    environment.put(
        SIGNET + "INBOUND_LISTENERS",
        workload.inbound().stream()
            .map(listener -> host + ":" + listener.listenPort() + "=" + listener.port())
            .collect(Collectors.joining(",")));
    environment.put(
        SIGNET + "OUTBOUND_LISTENERS",
        workload.outbound().stream()
            .map(OutboundListener::toString)
            .collect(Collectors.joining(",")));
    environment.put(SIGNET + "APP_ADDR", workload.address().getHostAddress());
    environment.put(L5D + "SHUTDOWN_GRACE_PERIOD", "5s");
    environment.put(SIGNET + "AUDIT_FILE", auditFile.toString());
    environment.putAll(workload.audit());
    return environment;
  }

  /** Has a proxy deliver its audit records to a collector. */
  public static void deliver(
      Map<String, String> environment, InetSocketAddress collector, MeshNames mesh) {
    environment.put(SIGNET + "AUDIT_SVC_ADDR", ListenAddress.text(collector));
    environment.put(SIGNET + "AUDIT_SVC_NAME", mesh.auditCollector().dnsName());
  }
}
