package io.signetmesh.proxy.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.memory.Pace;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Configuration of a proxy. Variables of Linkerd's proxy keep their names ({@code
 * LINKERD2_PROXY_*}); what is new is called {@code SIGNET_PROXY_*}.
 *
 * @param workload workload as sent to the controllers, {@code namespace:pod} or JSON ({@code
 *     POLICY_WORKLOAD})
 * @param identity own DNS identity ({@code IDENTITY_LOCAL_NAME})
 * @param anchors trust anchors until the first trust bundle arrives ({@code
 *     IDENTITY_TRUST_ANCHORS}), version 0
 * @param tokenFile file with the workload's token, read at each renewal
 * @param minRefresh shortest time between renewals
 * @param maxRefresh longest time between renewals
 * @param identityService identity server (CA)
 * @param destinationService discovery
 * @param policyService policy controller
 * @param auditService audit collector; null: records stay on this host
 * @param destinationContext context token for discovery
 * @param controlCleartext whether the control plane is reached in cleartext; loopback only
 * @param inboundListen inbound listener
 * @param outboundListen outbound listener for redirected connections; null when there is none
 * @param adminListen admin listener
 * @param redirected whether the nat table redirects connections to the listeners
 * @param inboundListeners further inbound listeners, each for one application port
 * @param outboundListeners outbound listeners, each for one upstream
 * @param application address at which the application listens; null: the original destination
 * @param inboundPorts ports whose policy is watched from the start
 * @param inboundAddresses addresses of the workload; empty: any
 * @param policyWait longest wait of a connection for a port's first policy; then it is refused
 * @param policyIdle how long a port that is watched on demand stays watched after its last use
 * @param expiredPeerGrace time that opaque connections and streams may outlive the certificates
 *     that they were made with, 0 to 24 h
 * @param inboundDetectTimeout limit for the detection of TLS and of the transport header
 * @param outboundDetectTimeout limit for protocol detection outbound
 * @param inboundConnectTimeout limit for connecting to the application
 * @param outboundConnectTimeout limit for connecting to a peer, TCP and TLS together
 * @param poolIdleTimeout idle HTTP/1 connections to upstreams are closed after this
 * @param keepAlive how dead peers are detected
 * @param pace slowest rate at which peers may send bodies and read responses
 * @param maxHeadBytes largest head of a request or response, in bytes, in both directions
 * @param loops number of event loops, 1 or more
 * @param transport label of an I/O transport; null: the best that works here
 * @param auditFile file of the audit journal
 * @param auditQueue audit records that may wait to be written; more are lost and counted
 * @param audit what is recorded, and what happens when it cannot be
 * @param handover Unix socket at which a successor receives the listeners; null: no handover
 * @param metricsRetain how long a metric series is exposed after its last change
 * @param shutdownEndpoint whether {@code POST /shutdown} of the admin server works
 * @param shutdownGrace longest time of a drain; then open connections are cut
 * @param ignored variables that are set and have no effect: one sentence each, with the name
 * @param environment the environment that this was read from
 */
public record ProxyConfig(
    String workload,
    String identity,
    TrustBundle anchors,
    Path tokenFile,
    Duration minRefresh,
    Duration maxRefresh,
    ControlAddress identityService,
    ControlAddress destinationService,
    ControlAddress policyService,
    @Nullable ControlAddress auditService,
    String destinationContext,
    boolean controlCleartext,
    InetSocketAddress inboundListen,
    @Nullable InetSocketAddress outboundListen,
    InetSocketAddress adminListen,
    boolean redirected,
    List<InboundListener> inboundListeners,
    List<OutboundListener> outboundListeners,
    @Nullable InetAddress application,
    Set<Integer> inboundPorts,
    Set<InetAddress> inboundAddresses,
    Duration policyWait,
    Duration policyIdle,
    Duration expiredPeerGrace,
    Duration inboundDetectTimeout,
    Duration outboundDetectTimeout,
    Duration inboundConnectTimeout,
    Duration outboundConnectTimeout,
    Duration poolIdleTimeout,
    KeepAlive keepAlive,
    Pace pace,
    int maxHeadBytes,
    int loops,
    @Nullable String transport,
    Path auditFile,
    int auditQueue,
    AuditSettings audit,
    @Nullable Path handover,
    Duration metricsRetain,
    boolean shutdownEndpoint,
    Duration shutdownGrace,
    List<String> ignored,
    Map<String, String> environment) {

  private static final String L5D = "LINKERD2_PROXY_";
  private static final String SIGNET = "SIGNET_PROXY_";
  private static final Duration MAX_EXPIRED_PEER_GRACE = Duration.ofHours(24);

  /** Variables that are read by the command that runs the proxy. */
  private static final Set<String> OF_THE_COMMAND = Set.of(L5D + "LOG_FORMAT");

  /**
   * How dead peers are detected.
   *
   * @param inboundAccept inbound connections that are accepted
   * @param inboundConnect connections to the application
   * @param outboundAccept connections that the application opens
   * @param outboundConnect connections to peers
   * @param inboundHttp2 inbound HTTP/2 connections that are accepted
   * @param outboundHttp2 HTTP/2 connections that the application opens
   * @param peerHttp2 HTTP/2 connections to the proxies of peers; null: as discovery states for each
   */
  public record KeepAlive(
      TcpKeepAlive inboundAccept,
      TcpKeepAlive inboundConnect,
      TcpKeepAlive outboundAccept,
      TcpKeepAlive outboundConnect,
      Http2KeepAlive inboundHttp2,
      Http2KeepAlive outboundHttp2,
      @Nullable Http2KeepAlive peerHttp2) {}

  /**
   * An inbound listener that stands for one port of the application.
   *
   * @param listen address to listen on
   * @param port port of the application
   */
  public record InboundListener(InetSocketAddress listen, int port) {}

  /**
   * An outbound listener that stands for one upstream.
   *
   * @param listen address to listen on
   * @param authority upstream, {@code name:port}
   */
  public record OutboundListener(InetSocketAddress listen, String authority) {}

  /**
   * Reads a configuration from an environment.
   *
   * @throws InvalidConfigException when a variable is missing or invalid; the exception has all
   *     faults
   */
  public static ProxyConfig from(Map<String, String> environment) throws InvalidConfigException {
    ConfigValues values = new ConfigValues(environment);
    boolean cleartext = values.flag(SIGNET + "CONTROL_CLEARTEXT", false);
    boolean redirected = values.flag(SIGNET + "REDIRECT", false);
    InetSocketAddress inbound =
        values.socket(L5D + "INBOUND_LISTEN_ADDR", new InetSocketAddress(anyAddress(), 4143));
    InetSocketAddress outbound = null;
    String single = values.text(L5D + "OUTBOUND_LISTEN_ADDR");
    String outboundList = values.text(L5D + "OUTBOUND_LISTEN_ADDRS");
    if (outboundList != null) {
      String first = outboundList.split(",", 2)[0].strip();
      outbound = ConfigValues.socketAddress(first);
      if (outbound == null) {
        values.fault(L5D + "OUTBOUND_LISTEN_ADDRS", outboundList, "IP:port[,IP:port]");
      }
    } else if (redirected || single != null) {
      outbound =
          values.socket(
              L5D + "OUTBOUND_LISTEN_ADDR",
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 4140));
    }
    ControlAddress identityService = control(values, "IDENTITY_SVC", cleartext);
    ControlAddress destinationService = control(values, "DESTINATION_SVC", cleartext);
    ControlAddress policyService = control(values, "POLICY_SVC", cleartext);
    int loops = values.number(L5D + "CORES", 1, 1, 256);
    loops = values.number(L5D + "CORES_MIN", loops, 1, 256);
    int max = values.number(L5D + "CORES_MAX", loops, 1, 256);
    loops = Math.min(Runtime.getRuntime().availableProcessors(), Math.max(loops, max));
    Duration minRefresh = minRefresh(values);
    Duration maxRefresh = maxRefresh(values);
    if (minRefresh.compareTo(maxRefresh) > 0) {
      values
          .faults()
          .add(
              L5D
                  + "IDENTITY_MIN_REFRESH "
                  + minRefresh
                  + ": expected at most "
                  + maxRefresh
                  + ", the maximum");
    }
    if (values.text(L5D + "IDENTITY_DISABLED") != null) {
      values.fault(
          L5D + "IDENTITY_DISABLED",
          values.text(L5D + "IDENTITY_DISABLED", ""),
          "it not to be set: a proxy without identity is not supported");
    }
    String identity = values.required(L5D + "IDENTITY_LOCAL_NAME");
    ProxyConfig config =
        new ProxyConfig(
            values.required(L5D + "POLICY_WORKLOAD"),
            identity,
            anchors(values, L5D + "IDENTITY_LOCAL_NAME", identity),
            Path.of(values.required(L5D + "IDENTITY_TOKEN_FILE")),
            minRefresh,
            maxRefresh,
            identityService,
            destinationService,
            policyService,
            auditService(values, cleartext),
            values.text(L5D + "DESTINATION_CONTEXT", ""),
            cleartext,
            inbound,
            outbound,
            values.socket(
                L5D + "ADMIN_LISTEN_ADDR",
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 4191)),
            redirected,
            inboundListeners(values),
            outboundListeners(values),
            values.address(SIGNET + "APP_ADDR"),
            values.ports(L5D + "INBOUND_PORTS"),
            values.addresses(L5D + "INBOUND_IPS"),
            values.duration(SIGNET + "POLICY_WAIT", Duration.ofSeconds(3)),
            values.duration(L5D + "INBOUND_DISCOVERY_IDLE_TIMEOUT", Duration.ofSeconds(90)),
            expiredPeerGrace(values),
            values.duration(L5D + "INBOUND_DETECT_TIMEOUT", Duration.ofSeconds(10)),
            values.duration(L5D + "OUTBOUND_DETECT_TIMEOUT", Duration.ofSeconds(10)),
            values.duration(L5D + "INBOUND_CONNECT_TIMEOUT", Duration.ofMillis(300)),
            values.duration(L5D + "OUTBOUND_CONNECT_TIMEOUT", Duration.ofSeconds(1)),
            values.duration(
                L5D + "INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT", Duration.ofSeconds(3)),
            new KeepAlive(
                values.tcpKeepAlive(L5D + "INBOUND_ACCEPT"),
                values.tcpKeepAlive(L5D + "INBOUND_CONNECT"),
                values.tcpKeepAlive(L5D + "OUTBOUND_ACCEPT"),
                values.tcpKeepAlive(L5D + "OUTBOUND_CONNECT"),
                values.http2KeepAlive(L5D + "INBOUND_SERVER_HTTP2"),
                values.http2KeepAlive(L5D + "OUTBOUND_SERVER_HTTP2"),
                values.http2KeepAliveIfSet(SIGNET + "OUTBOUND_CLIENT_HTTP2")),
            new Pace(
                seconds(values, SIGNET + "BODY_TIMEOUT", Pace.DEFAULT.bodyTime()),
                seconds(values, SIGNET + "ANSWER_TIMEOUT", Pace.DEFAULT.answerTime()),
                values.number(SIGNET + "LEAST_RATE", Pace.DEFAULT.bytesPerSecond(), 0, 1_000_000)),
            values.number(SIGNET + "MAX_HEAD_BYTES", 64 * 1024, 8 * 1024, 1024 * 1024),
            loops,
            values.text(SIGNET + "TRANSPORT"),
            auditFile(values),
            values.number(SIGNET + "AUDIT_QUEUE", 16_384, 4, 1 << 22),
            AuditSettings.of(values),
            handover(values),
            values.duration(L5D + "METRICS_RETAIN_IDLE", Duration.ofMinutes(10)),
            values.flag(L5D + "SHUTDOWN_ENDPOINT_ENABLED", false),
            values.duration(L5D + "SHUTDOWN_GRACE_PERIOD", Duration.ofMinutes(2)),
            values.ignored(OF_THE_COMMAND),
            Map.copyOf(environment));
    if (!values.faults().isEmpty()) {
      throw new InvalidConfigException(values.faults());
    }
    return config;
  }

  static Duration minRefresh(ConfigValues values) {
    return values.duration(L5D + "IDENTITY_MIN_REFRESH", Duration.ofSeconds(10));
  }

  static Duration maxRefresh(ConfigValues values) {
    return values.duration(L5D + "IDENTITY_MAX_REFRESH", Duration.ofHours(24));
  }

  private static Path auditFile(ConfigValues values) {
    return Path.of(values.text(SIGNET + "AUDIT_FILE", "signet-audit.jsonl"));
  }

  /** Beside the audit journal, which belongs to one proxy as well, unless said otherwise. */
  private static @Nullable Path handover(ConfigValues values) {
    String named = values.text(SIGNET + "HANDOVER");
    if (named == null) {
      Path audit = auditFile(values);
      return audit.resolveSibling(audit.getFileName() + ".handover");
    }
    return named.equals("off") ? null : Path.of(named);
  }

  /** How long connections may outlive certificates: a day at most, so that an end stays one. */
  private static Duration expiredPeerGrace(ConfigValues values) {
    String name = SIGNET + "EXPIRED_PEER_GRACE";
    Duration found = values.duration(name, Duration.ZERO);
    if (found.compareTo(MAX_EXPIRED_PEER_GRACE) > 0) {
      values.fault(name, found.toSeconds() + "s", "0 to 24h");
      return Duration.ZERO;
    }
    return found;
  }

  /** A time of at least a second. */
  private static Duration seconds(ConfigValues values, String name, Duration otherwise) {
    Duration found = values.duration(name, otherwise);
    if (found.toSeconds() < 1) {
      values.fault(name, found.toMillis() + "ms", "1s or more");
      return otherwise;
    }
    return found;
  }

  /** The anchors; when they cannot be read, a fault is noted and nothing is ever started. */
  @SuppressWarnings("NullAway") // Null only together with a fault, which ends the reading.
  static TrustBundle anchors(ConfigValues values, String variable, String identity) {
    String domain = null;
    if (!identity.isEmpty()) {
      try {
        domain = WorkloadIdentity.parseDnsName(identity).trustDomain();
      } catch (IllegalArgumentException e) {
        values.fault(
            variable,
            identity,
            "<account>.<namespace>.serviceaccount.identity.<control-plane namespace>.<trust"
                + " domain>");
      }
    }
    String name = L5D + "IDENTITY_TRUST_ANCHORS";
    String pem = values.required(name);
    try {
      if (domain != null && !pem.isEmpty()) {
        return new TrustBundle(0, domain, Certificates.parsePem(name, pem));
      }
    } catch (PkiException | IllegalArgumentException e) {
      values.faults().add(String.valueOf(e.getMessage()));
    }
    return null;
  }

  /**
   * The workload as records and logs name it: {@code namespace/name}. Made from {@code
   * namespace:name}, or from JSON with {@code ns} and {@code pod} or {@code external_workload}. Any
   * other text is returned unchanged.
   */
  public String workloadName() {
    if (!workload.startsWith("{")) {
      return workload.replaceFirst("^([^:]+):([^:]+)$", "$1/$2");
    }
    try {
      JsonNode json = new ObjectMapper().readTree(workload);
      String namespace = json.path("ns").asText();
      String name = json.path("pod").asText(json.path("external_workload").asText());
      return namespace.isEmpty() || name.isEmpty() ? workload : namespace + "/" + name;
    } catch (JsonProcessingException e) {
      return workload;
    }
  }

  private static InetAddress anyAddress() {
    return new InetSocketAddress(0).getAddress();
  }

  static ControlAddress control(ConfigValues values, String base, boolean cleartext) {
    return service(values, L5D + base, cleartext);
  }

  /** The audit collector, if there is one. */
  static @Nullable ControlAddress auditService(ConfigValues values, boolean cleartext) {
    String base = SIGNET + "AUDIT_SVC";
    boolean named = values.text(base + "_ADDR") != null | values.text(base + "_NAME") != null;
    return named ? service(values, base, cleartext) : null;
  }

  private static ControlAddress service(ConfigValues values, String base, boolean cleartext) {
    String address = values.required(base + "_ADDR");
    int colon = address.lastIndexOf(':');
    String host = colon < 1 ? "" : address.substring(0, colon);
    Integer port = colon < 1 ? null : ConfigValues.port(address.substring(colon + 1));
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    if (host.endsWith(".")) {
      host = host.substring(0, host.length() - 1);
    }
    if (!address.isEmpty() && (host.isEmpty() || port == null || port == 0)) {
      values.fault(base + "_ADDR", address, "host:port");
    }
    InetAddress literal = ConfigValues.literal(host);
    boolean loopback = host.equals("localhost") || (literal != null && literal.isLoopbackAddress());
    if (cleartext && !loopback && !host.isEmpty()) {
      values.fault(base + "_ADDR", address, "a loopback address, since cleartext was asked for");
    }
    String name = cleartext ? values.text(base + "_NAME", "") : values.required(base + "_NAME");
    return new ControlAddress(host, port == null ? 0 : port, name);
  }

  private static List<InboundListener> inboundListeners(ConfigValues values) {
    String name = SIGNET + "INBOUND_LISTENERS";
    List<InboundListener> listeners = new ArrayList<>();
    for (String part : parts(values, name)) {
      int equals = part.indexOf('=');
      InetSocketAddress listen =
          equals < 0 ? null : ConfigValues.socketAddress(part.substring(0, equals).strip());
      Integer port = equals < 0 ? null : ConfigValues.port(part.substring(equals + 1).strip());
      if (listen == null || port == null || port == 0) {
        values.fault(name, part, "IP:port=applicationPort");
      } else {
        listeners.add(new InboundListener(listen, port));
      }
    }
    return List.copyOf(listeners);
  }

  private static List<OutboundListener> outboundListeners(ConfigValues values) {
    String name = SIGNET + "OUTBOUND_LISTENERS";
    List<OutboundListener> listeners = new ArrayList<>();
    for (String part : parts(values, name)) {
      int equals = part.indexOf('=');
      InetSocketAddress listen =
          equals < 0 ? null : ConfigValues.socketAddress(part.substring(0, equals).strip());
      String authority = equals < 0 ? "" : part.substring(equals + 1).strip();
      int colon = authority.lastIndexOf(':');
      Integer port = colon < 1 ? null : ConfigValues.port(authority.substring(colon + 1));
      if (listen == null || port == null || port == 0) {
        values.fault(name, part, "IP:port=name:port");
      } else {
        listeners.add(new OutboundListener(listen, authority));
      }
    }
    return List.copyOf(listeners);
  }

  private static List<String> parts(ConfigValues values, String name) {
    String value = values.text(name);
    List<String> parts = new ArrayList<>();
    if (value != null) {
      for (String part : value.split(",", -1)) {
        if (!part.isBlank()) {
          parts.add(part.strip());
        }
      }
    }
    return parts;
  }
}
