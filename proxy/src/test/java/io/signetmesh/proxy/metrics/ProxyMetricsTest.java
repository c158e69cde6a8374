package io.signetmesh.proxy.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.workload.IdentityMetrics;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.metrics.registry.Exposition;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class ProxyMetricsTest {
  private static final InetSocketAddress TARGET = new InetSocketAddress("10.0.0.7", 8080);
  private static final String TARGET_LABELS =
      "target_addr=\"10.0.0.7:8080\",target_ip=\"10.0.0.7\",target_port=\"8080\"";
  private static final String SRV_LABELS =
      "srv_group=\"policy.linkerd.io\",srv_kind=\"server\",srv_name=\"web\",srv_port=\"8080\"";
  private static final String ROUTE_LABELS =
      "route_group=\"\",route_kind=\"default\",route_name=\"default\"";
  private static final String AUTHZ_LABELS =
      "authz_group=\"policy.linkerd.io\",authz_kind=\"authorizationpolicy\",authz_name=\"web-clients\"";
  private static final TlsStatus CLIENT =
      new TlsStatus.FromClient("client.default.serviceaccount.identity.linkerd.cluster.local");
  private static final String TLS_LABELS =
      "tls=\"true\",client_id=\"client.default.serviceaccount.identity.linkerd.cluster.local\"";
  private static final Decision ALLOWED =
      new Decision(
          true,
          Reason.AUTHORIZED,
          new ResourceRef("policy.linkerd.io", "authorizationpolicy", "web-clients"),
          null,
          null);
  private static final Decision DENIED =
      new Decision(false, Reason.IDENTITY_MISMATCH, null, "identity", "someone else");

  private final MetricsRegistry registry = new MetricsRegistry(Duration.ofMinutes(10));
  private final ProxyMetrics metrics = new ProxyMetrics(registry);
  private final FixedPolicy policy = new FixedPolicy();
  private final FixedRoute route = new FixedRoute();

  @Test
  void portsThatStrangersKnockAtAreNoLabelsAndDoNotHideDenialsOfOwnPorts() throws Exception {
    metrics.nameOnly(port -> port == 8080);
    for (int port = 10_000; port < 13_000; port++) {
      InetSocketAddress knocked = new InetSocketAddress("10.0.0.7", port);
      metrics.inboundTcpDenied(knocked, TlsStatus.Opaque.OPAQUE, policy);
      metrics.inboundTcpFailed(knocked, ProxyError.IO);
      metrics
          .inboundAccepted(knocked, TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE, policy)
          .closed(null);
      metrics.inboundDetected(policy, port, HttpDetection.NOT_HTTP, 1);
      metrics.inboundTransportHeader("", port, "c");
      metrics.inboundTcpForeign();
      InboundHttpMetrics connection =
          metrics.inboundHttp(knocked, TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE);
      connection.denied(policy, route, DENIED);
      connection.failed(policy, ProxyError.IO);
    }
    metrics.inboundTcpDenied(TARGET, CLIENT, policy);

    assertThat(text())
        .doesNotContain("overflow\"")
        .doesNotContain("1000")
        .contains("signet_metrics_overflow_total 0")
        .contains(
            "inbound_tcp_authz_deny_total{"
                + TARGET_LABELS
                + ","
                + TLS_LABELS
                + ","
                + SRV_LABELS
                + "} 1\n")
        .containsPattern("inbound_tcp_authz_deny_total\\{target_addr=\"\"[^}]*} 3000\n");
  }

  @Test
  void inboundRequestIsCountedUnderServerRouteAndAuthorization() throws Exception {
    InboundHttpMetrics connection = metrics.inboundHttp(TARGET, CLIENT);
    RequestMetrics request = connection.authorized(policy, route, ALLOWED);
    request.requestStarted();
    request.responded(200, ResponseClass.NO_GRPC_STATUS, 3_500_000);
    String endpoint =
        "direction=\"inbound\","
            + TARGET_LABELS
            + ","
            + TLS_LABELS
            + ","
            + SRV_LABELS
            + ","
            + ROUTE_LABELS
            + ","
            + AUTHZ_LABELS;
    assertThat(text())
        .contains(
            "inbound_http_authz_allow_total{"
                + TARGET_LABELS
                + ","
                + TLS_LABELS
                + ","
                + SRV_LABELS
                + ","
                + ROUTE_LABELS
                + ","
                + AUTHZ_LABELS
                + "} 1\n",
            "request_total{" + endpoint + "} 1\n",
            "response_total{"
                + endpoint
                + ",status_code=\"200\",classification=\"success\",grpc_status=\"\",error=\"\"} 1\n",
            "response_latency_ms_bucket{" + endpoint + ",status_code=\"200\",le=\"3\"} 0\n",
            "response_latency_ms_bucket{" + endpoint + ",status_code=\"200\",le=\"4\"} 1\n",
            "response_latency_ms_sum{" + endpoint + ",status_code=\"200\"} 3.5\n");
  }

  @Test
  void requestsOfConnectionsWithEqualLabelsShareTheirCells() {
    RequestMetrics one = metrics.inboundHttp(TARGET, CLIENT).authorized(policy, route, ALLOWED);
    InboundHttpMetrics other = metrics.inboundHttp(TARGET, CLIENT);
    assertThat(other.authorized(policy, route, ALLOWED)).isSameAs(one);
    assertThat(other.authorized(policy, route, ALLOWED)).isSameAs(one);
  }

  @Test
  void policyChangesDoNotMixWhatAConnectionKeeps() throws Exception {
    InboundHttpMetrics connection = metrics.inboundHttp(TARGET, CLIENT);
    for (int i = 0; i < 20; i++) {
      Decision decision =
          new Decision(
              true,
              Reason.AUTHORIZED,
              new ResourceRef("policy.linkerd.io", "authorizationpolicy", "p" + i),
              null,
              null);
      for (int n = 0; n <= i; n++) {
        connection.authorized(policy, route, decision).requestStarted();
      }
    }
    String text = text();
    for (int i = 0; i < 20; i++) {
      assertThat(text)
          .containsPattern("request_total\\{[^}]*authz_name=\"p" + i + "\"} " + (i + 1) + "\n");
    }
  }

  @Test
  void denialsUnknownRoutesAndFailuresAreCountedWithoutARequest() throws Exception {
    InboundHttpMetrics connection =
        metrics.inboundHttp(TARGET, TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE);
    connection.denied(policy, route, DENIED);
    connection.routeNotFound(policy);
    connection.failed(policy, ProxyError.IO);
    connection.failed(null, ProxyError.UNEXPECTED);
    String tls = "tls=\"no_identity\",no_tls_reason=\"no_tls_from_remote\"";
    assertThat(text())
        .contains(
            "inbound_http_authz_deny_total{"
                + TARGET_LABELS
                + ","
                + tls
                + ","
                + SRV_LABELS
                + ","
                + ROUTE_LABELS
                + "} 1\n",
            "inbound_http_route_not_found_total{"
                + TARGET_LABELS
                + ","
                + tls
                + ","
                + SRV_LABELS
                + "} 1\n",
            "inbound_http_errors_total{error=\"i/o\"," + TARGET_LABELS + "," + SRV_LABELS + "} 1\n",
            "inbound_http_errors_total{error=\"unexpected\"," + TARGET_LABELS + "} 1\n")
        .doesNotContain("\nrequest_total");
  }

  @Test
  void grpcStatusDecidesTheClassOfAGrpcResponse() throws Exception {
    RequestMetrics request = metrics.inboundHttp(TARGET, CLIENT).authorized(policy, route, ALLOWED);
    request.responseEnded(200, ResponseClass.parseGrpcStatus("14"));
    request.responseEnded(200, ResponseClass.parseGrpcStatus("5"));
    request.responseEnded(200, ResponseClass.parseGrpcStatus("bogus"));
    request.responseEnded(503, ResponseClass.NO_GRPC_STATUS);
    request.failed(0, ProxyError.IO);
    assertThat(text())
        .contains(
            "status_code=\"200\",classification=\"failure\",grpc_status=\"UNAVAILABLE\",error=\"\"} 1\n",
            "status_code=\"200\",classification=\"success\",grpc_status=\"NOT_FOUND\",error=\"\"} 1\n",
            "status_code=\"200\",classification=\"failure\",grpc_status=\"UNKNOWN\",error=\"\"} 1\n",
            "status_code=\"503\",classification=\"failure\",grpc_status=\"\",error=\"\"} 1\n",
            AUTHZ_LABELS + ",classification=\"failure\",grpc_status=\"\",error=\"i/o\"} 1\n");
  }

  @Test
  void everyStatusOfManyIsCounted() throws Exception {
    RequestMetrics request = metrics.inboundHttp(TARGET, CLIENT).authorized(policy, route, ALLOWED);
    for (int status = 200; status < 300; status++) {
      request.responded(status, ResponseClass.NO_GRPC_STATUS, 1);
      request.responded(status, ResponseClass.NO_GRPC_STATUS, 1);
    }
    String text = text();
    for (int status = 200; status < 300; status++) {
      assertThat(text)
          .containsPattern("response_total\\{[^}]*status_code=\"" + status + "\"[^}]*} 2\n")
          .containsPattern("response_latency_ms_count\\{[^}]*status_code=\"" + status + "\"} 2\n");
    }
  }

  @Test
  void outboundRequestCarriesDestinationLabels() throws Exception {
    Endpoint endpoint =
        new Endpoint(
            new InetSocketAddress("fd00:0:0:0:0:0:0:1", 80),
            new TlsTarget("sni", "web.default.serviceaccount.identity.linkerd.cluster.local"),
            Endpoint.Hint.HTTP2,
            4143,
            null,
            Map.of("pod-template.hash", "x\"y"));
    OutboundHttpMetrics outbound = metrics.outboundHttp("web.default.svc.cluster.local:80");
    outbound.to(endpoint).requestStarted();
    outbound.to(endpoint).requestStarted();
    outbound.failed(ProxyError.FAILFAST);
    assertThat(text())
        .contains(
            "request_total{direction=\"outbound\",authority=\"web.default.svc.cluster.local:80\","
                + "target_addr=\"[fd00:0:0:0:0:0:0:1]:80\",target_ip=\"fd00:0:0:0:0:0:0:1\",target_port=\"80\","
                + "tls=\"true\",server_id=\"web.default.serviceaccount.identity.linkerd.cluster.local\","
                + "dst_pod_template_hash=\"x\\\"y\"} 2\n",
            "outbound_http_errors_total{error=\"failfast\"} 1\n");
  }

  @Test
  void connectionsAreCountedFromOpenToClose() throws Exception {
    TcpConnectionMetrics source = metrics.inboundAccepted(TARGET, CLIENT, policy);
    TcpConnectionMetrics application = metrics.inboundConnected(TARGET);
    source.read(10);
    source.written(20);
    source.read(1);
    String src =
        "direction=\"inbound\",peer=\"src\"," + TARGET_LABELS + "," + TLS_LABELS + "," + SRV_LABELS;
    assertThat(text())
        .contains(
            "tcp_open_total{" + src + "} 1\n",
            "tcp_open_connections{" + src + "} 1\n",
            "tcp_read_bytes_total{" + src + "} 11\n",
            "tcp_write_bytes_total{" + src + "} 20\n",
            "tcp_open_connections{direction=\"inbound\",peer=\"dst\",tls=\"no_identity\",no_tls_reason=\"loopback\"} 1\n");
    source.closed(new SocketException("Connection reset"));
    source.closed(null);
    application.closed(null);
    assertThat(text())
        .contains(
            "tcp_open_connections{" + src + "} 0\n",
            "tcp_close_total{" + src + ",errno=\"ECONNRESET\"} 1\n",
            "tcp_close_total{direction=\"inbound\",peer=\"dst\",tls=\"no_identity\",no_tls_reason=\"loopback\",errno=\"\"} 1\n")
        .doesNotContain("tcp_close_total{" + src + ",errno=\"\"}");
  }

  @Test
  void connectionDecisionsAndDetectionAreCounted() throws Exception {
    metrics.inboundTcpAllowed(TARGET, CLIENT, policy, ALLOWED);
    metrics.inboundTcpDenied(TARGET, CLIENT, policy);
    metrics.inboundTcpTerminated(TARGET, CLIENT, policy, ALLOWED);
    metrics.inboundTcpFailed(TARGET, ProxyError.TLS_DETECTION_TIMEOUT);
    metrics.outboundTcpFailed(TARGET, ProxyError.IO);
    metrics.inboundDetected(policy, 8080, HttpDetection.NOT_HTTP, 50_000);
    metrics.inboundTransportHeader("http/2", 8080, "c");
    String labels = TARGET_LABELS + "," + TLS_LABELS + "," + SRV_LABELS;
    assertThat(text())
        .contains(
            "inbound_tcp_authz_allow_total{" + labels + "," + AUTHZ_LABELS + "} 1\n",
            "inbound_tcp_authz_deny_total{" + labels + "} 1\n",
            "inbound_tcp_authz_terminate_total{" + labels + "," + AUTHZ_LABELS + "} 1\n",
            "inbound_tcp_errors_total{error=\"tls detection timeout\"," + TARGET_LABELS + "} 1\n",
            "outbound_tcp_errors_total{error=\"i/o\"," + TARGET_LABELS + "} 1\n",
            "inbound_tcp_detect_http_results_total{" + SRV_LABELS + ",result=\"not_http\"} 1\n",
            "inbound_tcp_detect_http_duration_seconds_bucket{" + SRV_LABELS + ",le=\"0.001\"} 1\n",
            "inbound_tcp_transport_header_connections_total{session_protocol=\"http/2\",target_port=\"8080\",target_name=\"\",client_id=\"c\"} 1\n");
  }

  @Test
  void balancerShowsItsEndpointsUntilItIsDropped() throws Exception {
    PolicyResource service = new PolicyResource("core", "Service", "default", "web", 80, "");
    BalancerMetrics balancer = metrics.httpBalancer(service, service);
    balancer.added(3);
    balancer.removed(1);
    balancer.endpoints(1, 1);
    assertThat(text())
        .containsPattern("outbound_http_balancer_endpoints\\{[^}]*endpoint_state=\"ready\"} 1\n")
        .containsPattern("outbound_http_balancer_p2c_endpoints\\{[^}]*} 2\n")
        .containsPattern("outbound_http_balancer_p2c_updates_total\\{[^}]*op=\"Add\"} 3\n");
    balancer.dropped();
    assertThat(text())
        .containsPattern("outbound_http_balancer_endpoints\\{[^}]*endpoint_state=\"ready\"} 0\n");
  }

  @Test
  void runtimeIdentityAndPolicyAreExposed() throws Exception {
    RuntimeMetrics.exposeIdentity(
        registry,
        () ->
            new IdentityMetrics(
                Instant.ofEpochMilli(87_400_500), Instant.ofEpochSecond(1000), 3, 2, 0, 0));
    RuntimeMetrics.exposePolicies(
        registry,
        () ->
            List.of(
                new PolicyInForce(8080, "policy.linkerd.io/server/web", 42),
                new PolicyInForce(9090, null, 0)));
    RuntimeMetrics.exposeTransport(registry, "epoll", 2);
    RuntimeMetrics.exposeProcess(registry, new BuildInfo("", "", "release", "signetmesh", "0.1.0"));
    String text = text();
    assertThat(text)
        .contains(
            "control_identity_cert_expiration_timestamp_seconds 87400.5\n",
            "control_identity_cert_refresh_timestamp_seconds 1000\n",
            "control_identity_cert_refreshes_total{result=\"ok\"} 3\n",
            "control_identity_cert_refreshes_total{result=\"error\"} 2\n",
            "signet_policy_generation{port=\"8080\",server=\"policy.linkerd.io/server/web\"} 42\n",
            "signet_policy_generation{port=\"9090\",server=\"\"} 0\n",
            "signet_io_transport_info{transport=\"epoll\"} 1\n",
            "signet_event_loops 2\n",
            "proxy_build_info{date=\"\",git_sha=\"\",profile=\"release\",vendor=\"signetmesh\",version=\"0.1.0\"} 1\n");
    for (String positive :
        List.of(
            "process_start_time_seconds",
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_threads")) {
      assertThat(text).containsPattern("\n" + positive + " [0-9.E+Inf]*[1-9I]");
    }
  }

  private String text() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    registry.write(out, Exposition.Format.PROMETHEUS_TEXT);
    return out.toString(StandardCharsets.UTF_8);
  }

  private static final class FixedRoute implements Route {
    @Override
    public ResourceRef ref() {
      return new ResourceRef("", "default", "default");
    }

    @Override
    public List<Filter> filters() {
      return List.of();
    }
  }

  private final class FixedPolicy implements ServerPolicy {
    @Override
    public ResourceRef server() {
      return new ResourceRef("policy.linkerd.io", "server", "web");
    }

    @Override
    public long generation() {
      return 1;
    }

    @Override
    public Protocol protocol() {
      return Protocol.HTTP1;
    }

    @Override
    public Duration detectTimeout() {
      return Duration.ofSeconds(10);
    }

    @Override
    public Decision decideConnection(Client client) {
      return ALLOWED;
    }

    @Override
    public @Nullable Route route(RequestAttributes request) {
      return route;
    }

    @Override
    public Decision decideRequest(Client client, Route taken) {
      return ALLOWED;
    }
  }
}
