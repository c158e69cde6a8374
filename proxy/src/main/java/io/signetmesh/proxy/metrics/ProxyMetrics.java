package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.metrics.registry.Buckets;
import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Histogram;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.upstream.Endpoint;
import java.net.InetSocketAddress;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Counts what the data plane does, under the names and labels of Linkerd's proxy. Some methods
 * return handles, which connections keep and which count without lookup. Safe from any thread.
 */
public final class ProxyMetrics {
  private final MetricsRegistry registry;
  private final HttpFamilies http;
  private final InternedBundles<InboundRequestKey, RequestMetrics> inboundRequests;
  private final InternedBundles<OutboundRequestKey, RequestMetrics> outboundRequests;
  private final InternedBundles<TcpKey, TcpSeries> tcp;

  private final Family<Counter> inboundHttpAllow;
  private final Family<Counter> inboundHttpDeny;
  private final Family<Counter> inboundHttpRateLimited;
  private final Family<Counter> inboundHttpRouteNotFound;
  private final Family<Counter> inboundHttpUnsafePath;
  private final Family<Counter> inboundHttpTunnels;
  private final Family<Counter> inboundTrials;
  private final Family<Counter> inboundTcpAllow;
  private final Family<Counter> inboundTcpDeny;
  private final Family<Counter> inboundTcpTerminate;
  private final Family<Counter> inboundHttpErrors;
  private final Family<Counter> inboundHttpExhausted;
  private final Family<Counter> peersLost;
  private final Family<Counter> inboundTcpErrors;
  private final Family<Counter> outboundHttpErrors;
  private final Family<Counter> outboundTcpErrors;
  private final Family<Counter> inboundDetections;
  private final Family<Histogram> inboundDetectionTime;
  private final Family<Counter> transportHeaders;
  private final BalancerMetrics.Families httpBalancers;
  private final BalancerMetrics.Families tcpBalancers;
  private volatile IntPredicate ownPorts = port -> true;

  /** Registers all families of a proxy. */
  public ProxyMetrics(MetricsRegistry registry) {
    this.registry = registry;
    http =
        new HttpFamilies(
            registry.counter("request_total", "HTTP requests."),
            registry.counter("response_total", "HTTP responses that have ended."),
            registry.histogram(
                "response_latency_ms",
                "Time from a request to the first byte of its response body, in milliseconds.",
                Buckets.LATENCY_MS));
    TcpSeries.Families connections =
        new TcpSeries.Families(
            registry.counter("tcp_open_total", "Connections opened."),
            registry.gauge("tcp_open_connections", "Connections that are open."),
            registry.counter("tcp_read_bytes_total", "Bytes read from peers."),
            registry.counter("tcp_write_bytes_total", "Bytes written to peers."),
            registry.counter("tcp_close_total", "Connections closed."));
    inboundHttpAllow =
        registry.counter("inbound_http_authz_allow_total", "HTTP requests that were authorized.");
    inboundHttpDeny =
        registry.counter("inbound_http_authz_deny_total", "HTTP requests that were denied.");
    inboundHttpRateLimited =
        registry.counter(
            "inbound_http_local_ratelimit_total", "HTTP requests that a rate limit refused.");
    inboundHttpRouteNotFound =
        registry.counter(
            "inbound_http_route_not_found_total", "HTTP requests that no route matched.");
    inboundHttpUnsafePath =
        registry.counter(
            "signet_inbound_http_unsafe_path_total",
            "HTTP requests refused because their path can be read in more than one way.");
    inboundHttpTunnels =
        registry.counter(
            "signet_inbound_http_tunnels_total",
            "Connections that left HTTP after CONNECT or Upgrade and go on as bytes.");
    inboundTrials =
        registry.counter(
            "signet_inbound_trial_verdict_total",
            "What decisions would be if everything in audit mode were in force.");
    inboundTcpAllow =
        registry.counter("inbound_tcp_authz_allow_total", "Connections that were authorized.");
    inboundTcpDeny =
        registry.counter("inbound_tcp_authz_deny_total", "Connections that were denied.");
    inboundTcpTerminate =
        registry.counter(
            "inbound_tcp_authz_terminate_total",
            "Connections cut because policy changed under them.");
    inboundHttpErrors =
        registry.counter("inbound_http_errors_total", "Inbound requests that the proxy failed.");
    inboundHttpExhausted =
        registry.counter(
            "signet_inbound_http_exhausted_total",
            "HTTP connections ended because their clients made too much work without use.");
    peersLost =
        registry.counter(
            "signet_peer_connections_cut_total",
            "Connections cut because the trust in the peer's certificate ended.");
    inboundTcpErrors =
        registry.counter("inbound_tcp_errors_total", "Inbound connections that the proxy failed.");
    outboundHttpErrors =
        registry.counter("outbound_http_errors_total", "Outbound requests that the proxy failed.");
    outboundTcpErrors =
        registry.counter(
            "outbound_tcp_errors_total", "Outbound connections that the proxy failed.");
    inboundDetections =
        registry.counter(
            "inbound_tcp_detect_http_results_total", "Looks for HTTP on connections, by outcome.");
    inboundDetectionTime =
        registry.histogram(
            "inbound_tcp_detect_http_duration_seconds",
            "Time that the look for HTTP took.",
            Buckets.seconds(0.001, 0.1));
    transportHeaders =
        registry.counter(
            "inbound_tcp_transport_header_connections_total",
            "Direct connections with a transport header.");
    httpBalancers = BalancerMetrics.Families.of(registry, "outbound_http_balancer");
    tcpBalancers = BalancerMetrics.Families.of(registry, "outbound_tcp_balancer");
    tcp = new InternedBundles<>(key -> new TcpSeries(connections, key.labels()));
    inboundRequests = new InternedBundles<>(key -> new RequestMetrics(http, key.labels()));
    outboundRequests = new InternedBundles<>(key -> new RequestMetrics(http, key.labels()));
  }

  /** Where the metrics are kept. */
  public MetricsRegistry registry() {
    return registry;
  }

  /**
   * Sets which ports labels may show. A client can try all 65,535 ports, and must not push denials
   * of the workload's own ports into the {@code overflow} series.
   */
  public void nameOnly(IntPredicate own) {
    ownPorts = own;
  }

  private Target inbound(InetSocketAddress target) {
    return new Target(target, ownPorts.test(target.getPort()));
  }

  // Connections.

  /**
   * Counts an inbound connection that was accepted, once its TLS is known.
   *
   * @param target original destination
   * @param policy policy of the target port
   */
  public TcpConnectionMetrics inboundAccepted(
      InetSocketAddress target, TlsStatus tls, ServerPolicy policy) {
    Target shown = inbound(target);
    return open(
        new TcpKey("inbound", "src", shown, tls, policy.server(), shown.port(), Labels.none()));
  }

  /** Counts a connection to the local application that was established. */
  public TcpConnectionMetrics inboundConnected(InetSocketAddress application) {
    return open(
        new TcpKey(
            "inbound",
            "dst",
            new Target(application),
            TlsStatus.NoIdentity.LOOPBACK,
            null,
            "",
            Labels.none()));
  }

  /** Counts a connection of the local application that was accepted. */
  public TcpConnectionMetrics outboundAccepted(InetSocketAddress target) {
    return open(
        new TcpKey(
            "outbound",
            "src",
            new Target(target),
            TlsStatus.NoIdentity.LOOPBACK,
            null,
            "",
            Labels.none()));
  }

  /** Counts a connection to an endpoint that was established. */
  public TcpConnectionMetrics outboundConnected(Endpoint endpoint) {
    return open(
        new TcpKey(
            "outbound",
            "dst",
            new Target(endpoint.address()),
            MetricLabels.tlsOf(endpoint),
            null,
            "",
            MetricLabels.destinationLabels(endpoint)));
  }

  private TcpConnectionMetrics open(TcpKey key) {
    return new TcpConnectionMetrics(tcp.get(key));
  }

  /** Counts that a connection was authorized. */
  public void inboundTcpAllowed(
      InetSocketAddress target, TlsStatus tls, ServerPolicy policy, Decision decision) {
    inboundTcpAllow
        .with(
            MetricLabels.policyLabels(inbound(target), tls, policy)
                .add(MetricLabels.authorization(decision))
                .build())
        .increment();
  }

  /** Counts that a connection was denied. */
  public void inboundTcpDenied(InetSocketAddress target, TlsStatus tls, ServerPolicy policy) {
    inboundTcpDeny
        .with(MetricLabels.policyLabels(inbound(target), tls, policy).build())
        .increment();
  }

  /**
   * Counts that a live connection was cut because policy no longer allows it.
   *
   * @param decision the decision that allowed it
   */
  public void inboundTcpTerminated(
      InetSocketAddress target, TlsStatus tls, ServerPolicy policy, Decision decision) {
    inboundTcpTerminate
        .with(
            MetricLabels.policyLabels(inbound(target), tls, policy)
                .add(MetricLabels.authorization(decision))
                .build())
        .increment();
  }

  /**
   * Counts the dry-run verdict on a connection.
   *
   * @param allowed the enforced verdict
   */
  public void inboundTcpTried(
      InetSocketAddress target, ServerPolicy policy, boolean allowed, Decision trial) {
    inboundTried("tcp", inbound(target), policy, allowed, trial).increment();
  }

  /** Counts an inbound connection that the proxy failed. */
  public void inboundTcpFailed(InetSocketAddress target, ProxyError error) {
    inboundTcpErrors.with(MetricLabels.errorLabels(error, inbound(target))).increment();
  }

  /**
   * Counts a connection that was cut because the trust in its peer ended.
   *
   * @param direction {@code inbound}, {@code outbound} or {@code admin}
   */
  public void peerLost(String direction, Reason reason) {
    peersLost.with(Labels.of("direction", direction, "reason", reason.code())).increment();
  }

  /** Counts an inbound connection to an address that is not the workload's. */
  public void inboundTcpForeign() {
    inboundTcpErrors
        .with(MetricLabels.errorLabels(ProxyError.UNEXPECTED, Target.UNNAMED))
        .increment();
  }

  /** Counts an outbound connection that the proxy failed. */
  public void outboundTcpFailed(InetSocketAddress target, ProxyError error) {
    outboundTcpErrors.with(MetricLabels.errorLabels(error, new Target(target))).increment();
  }

  /**
   * Counts a protocol detection.
   *
   * @param port target port
   * @param nanos duration in nanoseconds
   */
  public void inboundDetected(ServerPolicy policy, int port, HttpDetection result, long nanos) {
    Labels server =
        MetricLabels.server(policy.server(), ownPorts.test(port) ? Integer.toString(port) : "");
    inboundDetections.with(server.and("result", result.label())).increment();
    inboundDetectionTime.with(server).observe(nanos);
  }

  /**
   * Counts a direct connection with a transport header.
   *
   * @param sessionProtocol {@code http/1}, {@code http/2} or empty for bytes
   * @param targetPort port that the header names
   * @param clientId identity of the client, or null
   */
  public void inboundTransportHeader(
      String sessionProtocol, int targetPort, @Nullable String clientId) {
    transportHeaders
        .with(
            Labels.of(
                "session_protocol",
                sessionProtocol,
                "target_port",
                ownPorts.test(targetPort) ? Integer.toString(targetPort) : "",
                "target_name",
                "",
                "client_id",
                clientId == null ? "" : clientId))
        .increment();
  }

  // HTTP.

  /** A counter of the requests of one inbound connection. Keep it with the connection. */
  public InboundHttpMetrics inboundHttp(InetSocketAddress target, TlsStatus tls) {
    return new InboundHttpMetrics(this, inbound(target), tls);
  }

  /**
   * A counter of the requests to one destination, {@code name:port}; see {@link
   * OutboundHttpMetrics}.
   */
  public OutboundHttpMetrics outboundHttp(String authority) {
    return new OutboundHttpMetrics(this, authority);
  }

  Counter inboundHttpAllowed(
      Target target, TlsStatus tls, ServerPolicy policy, Route route, Decision decision) {
    return inboundHttpAllow.with(
        MetricLabels.policyLabels(target, tls, policy)
            .add(MetricLabels.resource("route", route.ref()))
            .add(MetricLabels.authorization(decision))
            .build());
  }

  RequestMetrics inboundRequests(
      Target target, TlsStatus tls, ServerPolicy policy, Route route, Decision decision) {
    return inboundRequests.get(
        new InboundRequestKey(
            target, tls, policy.server(), route.ref(), MetricLabels.authorizationOf(decision)));
  }

  RequestMetrics outboundRequests(String authority, Endpoint endpoint) {
    return outboundRequests.get(
        new OutboundRequestKey(
            authority,
            new Target(endpoint.address()),
            MetricLabels.tlsOf(endpoint),
            MetricLabels.destinationLabels(endpoint)));
  }

  void inboundHttpDenied(Target target, TlsStatus tls, ServerPolicy policy, ResourceRef route) {
    inboundHttpDeny
        .with(
            MetricLabels.policyLabels(target, tls, policy)
                .add(MetricLabels.resource("route", route))
                .build())
        .increment();
  }

  void inboundHttpRateLimited(
      Target target, TlsStatus tls, ServerPolicy policy, Decision decision) {
    ResourceRef limit = decision.authorization();
    Labels.Builder labels = MetricLabels.policyLabels(target, tls, policy);
    if (limit != null) {
      labels.add(MetricLabels.resource("ratelimit", limit));
    }
    inboundHttpRateLimited
        .with(
            labels
                .add(
                    "ratelimit_scope",
                    "total-rate".equals(decision.failedAttribute()) ? "total" : "identity")
                .build())
        .increment();
  }

  void inboundHttpRouteNotFound(Target target, TlsStatus tls, ServerPolicy policy) {
    inboundHttpRouteNotFound
        .with(MetricLabels.policyLabels(target, tls, policy).build())
        .increment();
  }

  void inboundHttpUnsafePath(Target target, TlsStatus tls, ServerPolicy policy) {
    inboundHttpUnsafePath.with(MetricLabels.policyLabels(target, tls, policy).build()).increment();
  }

  void inboundHttpTunnel(Target target, TlsStatus tls, ServerPolicy policy) {
    inboundHttpTunnels.with(MetricLabels.policyLabels(target, tls, policy).build()).increment();
  }

  Counter inboundTried(
      String kind, Target target, ServerPolicy policy, boolean allowed, Decision trial) {
    return inboundTrials.with(
        Labels.builder()
            .add("kind", kind)
            .add(MetricLabels.server(policy.server(), target.port()))
            .add("outcome", allowed ? "allow" : "deny")
            .add("verdict", trial.allowed() ? "allow" : "deny")
            .add("reason", trial.reason().code())
            .add(MetricLabels.authorization(trial.authorization()))
            .build());
  }

  void inboundHttpError(Target target, @Nullable ServerPolicy policy, ProxyError error) {
    Labels.Builder labels = Labels.builder().add("error", error.label()).add(target.labels());
    if (policy != null) {
      labels.add(MetricLabels.server(policy.server(), target.port()));
    }
    inboundHttpErrors.with(labels.build()).increment();
  }

  void inboundHttpExhausted() {
    inboundHttpExhausted.with(Labels.none()).increment();
  }

  void outboundHttpError(ProxyError error) {
    outboundHttpErrors.with(Labels.of("error", error.label())).increment();
  }

  // Balancers.

  /** Metrics of a balancer of requests. */
  public BalancerMetrics httpBalancer(PolicyResource parent, PolicyResource backend) {
    return new BalancerMetrics(
        httpBalancers,
        Labels.builder().add(parent.labels("parent")).add(backend.labels("backend")).build());
  }

  /**
   * Metrics of a balancer of connections.
   *
   * @param logical authority of the service
   * @param concrete authority whose endpoints these are
   */
  public BalancerMetrics tcpBalancer(
      PolicyResource parent, PolicyResource backend, String logical, String concrete) {
    return new BalancerMetrics(
        tcpBalancers,
        Labels.builder()
            .add(parent.labels("parent"))
            .add(backend.labels("backend"))
            .add("logical", logical)
            .add("concrete", concrete)
            .build());
  }
}
