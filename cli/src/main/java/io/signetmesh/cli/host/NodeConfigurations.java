package io.signetmesh.cli.host;

import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.node.socket.ProxyConfigurations;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Configurations of the proxies of a node. What the environment of the node has for all proxies
 * ({@code LINKERD2_PROXY_*}, {@code SIGNET_PROXY_*}) comes first, then what a workload has for
 * itself, then what must not be said by either: who it is, its files, its control plane.
 */
public final class NodeConfigurations implements ProxyConfigurations {
  private static final String L5D = "LINKERD2_PROXY_";
  private static final String SIGNET = "SIGNET_PROXY_";

  /** Variables of a workload that are the node's to set, with the start of their names. */
  private static final List<String> OF_THE_NODE =
      List.of(
          L5D + "IDENTITY_",
          L5D + "POLICY_",
          L5D + "DESTINATION_",
          L5D + "INBOUND_IPS",
          L5D + "INBOUND_LISTEN_ADDR",
          L5D + "OUTBOUND_LISTEN_ADDR",
          L5D + "ADMIN_LISTEN_ADDR",
          L5D + "SHUTDOWN_",
          L5D + "CORES",
          SIGNET + "INBOUND_LISTENERS",
          SIGNET + "OUTBOUND_LISTENERS",
          SIGNET + "APP_ADDR",
          SIGNET + "AUDIT_",
          SIGNET + "HANDOVER",
          SIGNET + "REDIRECT",
          SIGNET + "CONTROL_CLEARTEXT",
          SIGNET + "TRANSPORT");

  private final Map<String, String> base;
  private final Path state;
  private final Ports ports;
  private final MeshNames names;
  private final KeptTokens tokens;

  /**
   * Ports of each workload's proxy, 1 to 65535.
   *
   * @param inbound inbound listener, to which connections from outside are redirected
   * @param outbound outbound listener, to which connections of the application are redirected
   * @param admin admin server
   */
  public record Ports(int inbound, int outbound, int admin) {
    /** As in Linkerd: 4143, 4140 and 4191. */
    public static final Ports DEFAULT =
        new Ports(HostWorkload.INBOUND_PORT, 4140, HostWorkload.ADMIN_PORT);
  }

  private NodeConfigurations(Map<String, String> base, Path state, Ports ports, MeshNames names) {
    this.base = base;
    this.state = state;
    this.ports = ports;
    this.names = names;
    this.tokens = new KeptTokens(state.resolve("tokens"));
  }

  /**
   * Reads what all proxies of the node have in common.
   *
   * @param environment environment of the node's process
   * @param state directory of the node: tokens, journals, sockets
   * @throws InvalidConfigException when a variable that each proxy needs is missing
   * @throws IOException when the directory cannot be made
   */
  public static NodeConfigurations of(Map<String, String> environment, Path state, Ports ports)
      throws InvalidConfigException, IOException {
    Map<String, String> base = new LinkedHashMap<>();
    environment.forEach(
        (name, value) -> {
          if (name.startsWith(L5D) || name.startsWith(SIGNET)) {
            base.put(name, value);
          }
        });
    List<String> faults = new ArrayList<>();
    for (String name :
        List.of(
            "IDENTITY_TRUST_ANCHORS",
            "IDENTITY_SVC_ADDR",
            "IDENTITY_SVC_NAME",
            "DESTINATION_SVC_ADDR",
            "DESTINATION_SVC_NAME",
            "POLICY_SVC_ADDR",
            "POLICY_SVC_NAME")) {
      if (base.getOrDefault(L5D + name, "").isBlank()) {
        faults.add(L5D + name + " is not set");
      }
    }
    MeshNames names = MeshNames.DEFAULT;
    String server = base.getOrDefault(L5D + "IDENTITY_SVC_NAME", "");
    if (faults.isEmpty()) {
      try {
        WorkloadIdentity identity = WorkloadIdentity.parseDnsName(server);
        names = new MeshNames(identity.namespace(), identity.trustDomain());
      } catch (IllegalArgumentException e) {
        faults.add(
            L5D
                + "IDENTITY_SVC_NAME '"
                + server
                + "': expected <account>.<namespace>.serviceaccount.identity.<control-plane"
                + " namespace>.<trust domain>");
      }
    }
    if (!faults.isEmpty()) {
      throw new InvalidConfigException(faults);
    }
    for (String each : List.of("tokens", "audit", "handover")) {
      StateFiles.createDirectory(state.resolve(each));
    }
    return new NodeConfigurations(base, state.toAbsolutePath(), ports, names);
  }

  @Override
  public ProxyConfig of(WorkloadAnnouncement announced) throws InvalidConfigException {
    Map<String, String> environment = new LinkedHashMap<>(base);
    List<String> faults = new ArrayList<>();
    announced
        .getEnvironmentMap()
        .forEach(
            (name, value) -> {
              if (!name.startsWith(L5D) && !name.startsWith(SIGNET)) {
                faults.add(name + ": expected " + L5D + "* or " + SIGNET + "*");
              } else if (OF_THE_NODE.stream().anyMatch(name::startsWith)) {
                faults.add(name + ": expected it not to be set, the node sets it");
              } else {
                environment.put(name, value);
              }
            });
    String workload =
        "{\"ns\":\"%s\",\"pod\":\"%s\"}".formatted(announced.getNamespace(), announced.getName());
    environment.put(
        L5D + "IDENTITY_LOCAL_NAME",
        names.identity(announced.getNamespace(), announced.getServiceAccount()).dnsName());
    environment.put(
        L5D + "IDENTITY_TOKEN_FILE",
        announced.hasToken() ? tokenFile(name(announced)).toString() : announced.getTokenFile());
    environment.put(L5D + "POLICY_WORKLOAD", workload);
    environment.put(L5D + "DESTINATION_CONTEXT", workload);
    environment.put(L5D + "INBOUND_IPS", String.join(",", announced.getAddressesList()));
    if (announced.getPortsCount() > 0) {
      environment.put(
          L5D + "INBOUND_PORTS",
          announced.getPortsList().stream().map(String::valueOf).collect(Collectors.joining(",")));
    }
    if (announced.getNetworkNamespace()) {
      redirected(announced, environment);
    } else {
      atItsAddress(announced, environment);
    }
    listeners(announced, environment, faults);
    try {
      environment.putAll(AuditAnnotations.variables(announced.getAnnotationsMap(), environment));
    } catch (IllegalArgumentException e) {
      faults.add(String.valueOf(e.getMessage()));
    }
    environment.put(
        SIGNET + "AUDIT_FILE", state.resolve("audit").resolve(journal(announced)).toString());
    environment.put(
        SIGNET + "HANDOVER",
        state.resolve("handover").resolve(shortName(name(announced))).toString());
    if (!faults.isEmpty()) {
      throw new InvalidConfigException(faults);
    }
    return ProxyConfig.from(environment);
  }

  /** Listeners in the namespace of the workload, to which its packets are redirected. */
  private void redirected(WorkloadAnnouncement announced, Map<String, String> environment) {
    List<InetAddress> addresses =
        announced.getAddressesList().stream().map(InetAddress::ofLiteral).toList();
    boolean ipv4 = addresses.stream().anyMatch(Inet4Address.class::isInstance);
    boolean ipv6 = addresses.stream().anyMatch(Inet6Address.class::isInstance);
    String any = ipv6 ? "[::]:" : "0.0.0.0:";
    environment.put(SIGNET + "REDIRECT", "true");
    environment.put(L5D + "INBOUND_LISTEN_ADDR", any + ports.inbound());
    environment.put(
        L5D + "OUTBOUND_LISTEN_ADDR", (ipv4 ? "127.0.0.1:" : "[::1]:") + ports.outbound());
    environment.put(L5D + "ADMIN_LISTEN_ADDR", any + ports.admin());
  }

  /** Listeners at the address of the workload, in the network of the process. */
  private void atItsAddress(WorkloadAnnouncement announced, Map<String, String> environment) {
    InetAddress address = InetAddress.ofLiteral(announced.getAddresses(0));
    environment.put(
        L5D + "INBOUND_LISTEN_ADDR",
        ListenAddress.text(new InetSocketAddress(address, ports.inbound())));
    environment.put(
        L5D + "ADMIN_LISTEN_ADDR",
        ListenAddress.text(new InetSocketAddress(address, ports.admin())));
    environment.put(SIGNET + "APP_ADDR", address.getHostAddress());
  }

  private static void listeners(
      WorkloadAnnouncement announced, Map<String, String> environment, List<String> faults) {
    Map<String, String> annotations = announced.getAnnotationsMap();
    String inbound = annotations.get(InboundListener.ANNOTATION);
    String outbound = annotations.get(OutboundListener.ANNOTATION);
    String annotation = InboundListener.ANNOTATION;
    try {
      if (inbound != null) {
        String address =
            ListenAddress.text(
                new InetSocketAddress(InetAddress.ofLiteral(announced.getAddresses(0)), 1));
        String host = address.substring(0, address.lastIndexOf(':'));
        environment.put(
            SIGNET + "INBOUND_LISTENERS",
            InboundListener.parse(inbound).stream()
                .map(listener -> host + ":" + listener.listenPort() + "=" + listener.port())
                .collect(Collectors.joining(",")));
      }
      annotation = OutboundListener.ANNOTATION;
      if (outbound != null) {
        environment.put(
            SIGNET + "OUTBOUND_LISTENERS",
            OutboundListener.parse(outbound).stream()
                .map(OutboundListener::toString)
                .collect(Collectors.joining(",")));
      }
    } catch (IllegalArgumentException e) {
      faults.add("annotation " + annotation + ": " + e.getMessage());
    }
  }

  @Override
  public void keepToken(WorkloadAnnouncement announced) throws IOException {
    if (announced.hasToken()) {
      tokens.keep(shortName(name(announced)), announced.getToken());
    }
  }

  @Override
  public void forget(String name) {
    tokens.forget(shortName(name));
  }

  @Override
  public void forgetOthers() {
    tokens.forgetOthers();
  }

  /** Deletes all tokens that this process has kept: it ends. */
  public void forgetAll() {
    tokens.forgetAll();
  }

  private static String name(WorkloadAnnouncement announced) {
    return announced.getNamespace() + "/" + announced.getName();
  }

  private Path tokenFile(String name) {
    return state.resolve("tokens").resolve(shortName(name));
  }

  private static String journal(WorkloadAnnouncement announced) {
    String whole = announced.getNamespace() + "." + announced.getName();
    // The longest name of a file has 255 bytes, and rotation appends to it.
    return (whole.length() > 200 ? shortName(name(announced)) : whole) + ".jsonl";
  }

  /** A file name that is short enough for a Unix socket, whatever a workload is called. */
  private static String shortName(String name) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
