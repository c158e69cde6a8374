package io.signetmesh.proxy.config;

import java.util.Set;
import java.util.TreeSet;

/**
 * The variables that Linkerd's proxy reads (linkerd2-proxy, August 2026), and those that its chart
 * sets for earlier versions, without their common beginning {@code LINKERD2_PROXY_}.
 */
final class LinkerdVariables {
  static final String PREFIX = "LINKERD2_PROXY_";

  private static final Set<String> NAMES = names();

  private LinkerdVariables() {}

  /** Whether Linkerd's proxy knows a variable by its whole name. */
  static boolean contains(String name) {
    return name.startsWith(PREFIX) && NAMES.contains(name.substring(PREFIX.length()));
  }

  private static Set<String> names() {
    Set<String> names = new TreeSet<>();
    add(
        names,
        """
        ACCESS_LOG ADMIN_LISTEN_ADDR CONTROL_LISTEN_ADDR CORES CORES_MAX CORES_MAX_RATIO CORES_MIN
        CONTROL_STREAM_IDLE_TIMEOUT CONTROL_STREAM_INITIAL_TIMEOUT CONTROL_STREAM_LIFETIME
        DESTINATION_CONTEXT DESTINATION_PROFILE_INITIAL_TIMEOUT DESTINATION_PROFILE_NETWORKS
        DESTINATION_PROFILE_SUFFIXES DNS_MAX_TTL DNS_MIN_TTL
        HTTP2_INITIAL_CONNECTION_WINDOW_SIZE HTTP2_INITIAL_STREAM_WINDOW_SIZE
        IDENTITY_DIR IDENTITY_DISABLED IDENTITY_LOCAL_NAME IDENTITY_MAX_REFRESH
        IDENTITY_MIN_REFRESH IDENTITY_SERVER_ID IDENTITY_SERVER_NAME IDENTITY_SPIRE_SOCKET
        IDENTITY_SPIRE_WORKLOAD_API_ADDRESS IDENTITY_TOKEN_FILE IDENTITY_TRUST_ANCHORS
        INBOUND_DEFAULT_POLICY INBOUND_GATEWAY_SUFFIXES INBOUND_IPS INBOUND_LISTEN_ADDR
        INBOUND_METRICS_AUTHORITY_LABELS INBOUND_PORTS INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION
        INBOUND_PORTS_REQUIRE_IDENTITY INBOUND_PORTS_REQUIRE_TLS INGRESS_MODE LOG LOG_FORMAT
        MAX_IDLE_CONNS_PER_ENDPOINT METRICS_RETAIN_IDLE OUTBOUND_DISABLE_INFORMATIONAL_HEADERS
        OUTBOUND_LISTEN_ADDR OUTBOUND_LISTEN_ADDRS OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT
        OUTBOUND_METRICS_HOSTNAME_LABELS OUTBOUND_TCP_FAILFAST_TIMEOUT OUTBOUND_TCP_QUEUE_CAPACITY
        POLICY_CLUSTER_NETWORKS POLICY_WORKLOAD SHUTDOWN_ENDPOINT_ENABLED SHUTDOWN_GRACE_PERIOD
        TAP_SVC_NAME TRACE_ANNOTATIONS_PATH TRACE_ATTRIBUTES_PATH TRACE_EXTRA_ATTRIBUTES
        TRACE_PROTOCOL TRACE_SERVICE_NAME
        """,
        "");
    for (String service : new String[] {"IDENTITY", "DESTINATION", "POLICY", "TRACE_COLLECTOR"}) {
      add(names, "ADDR NAME", service + "_SVC_");
    }
    for (String direction : new String[] {"INBOUND_", "OUTBOUND_"}) {
      add(
          names,
          """
          ACCEPT_KEEPALIVE ACCEPT_USER_TIMEOUT CONNECT_KEEPALIVE CONNECT_TIMEOUT
          CONNECT_USER_TIMEOUT DETECT_TIMEOUT DISCOVERY_IDLE_TIMEOUT
          HTTP1_CONNECTION_POOL_IDLE_TIMEOUT HTTP_FAILFAST_TIMEOUT HTTP_QUEUE_CAPACITY
          MAX_IN_FLIGHT TCP_LISTEN_BACKLOG
          """,
          direction);
      add(
          names,
          """
          ADAPTIVE_FLOW_CONTROL INITIAL_CONNECTION_WINDOW_SIZE INITIAL_STREAM_WINDOW_SIZE
          KEEP_ALIVE_INTERVAL KEEP_ALIVE_TIMEOUT MAX_CONCURRENT_STREAMS MAX_FRAME_SIZE
          MAX_HEADER_LIST_SIZE MAX_PENDING_ACCEPT_RESET_STREAMS MAX_SEND_BUF_SIZE
          """,
          direction + "SERVER_HTTP2_");
    }
    add(names, "MIN MAX JITTER", "INBOUND_CONNECT_EXP_BACKOFF_");
    add(names, "MIN MAX JITTER", "OUTBOUND_CONNECT_EXP_BACKOFF_");
    // Linkerd's proxy puts the prefix before this one twice.
    add(names, "MIN MAX JITTER", PREFIX + "IDENTITY_SPIRE_EXP_BACKOFF_");
    return Set.copyOf(names);
  }

  private static void add(Set<String> names, String list, String beginning) {
    for (String name : list.strip().split("\\s+", -1)) {
      names.add(beginning + name);
    }
  }
}
