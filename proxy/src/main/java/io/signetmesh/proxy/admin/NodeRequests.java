package io.signetmesh.proxy.admin;

import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.signetmesh.proxy.admin.NodeSurface.NodeWorkload;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers admin requests about a process with several workloads. There is no policy for its port:
 * whether the process lives and is ready is told to everybody, all else to clients on this host
 * only.
 */
final class NodeRequests implements AdminAnswers {
  private static final Logger log = LoggerFactory.getLogger(NodeRequests.class);
  private static final String WORKLOADS = "/workloads";

  private final NodeSurface surface;
  private final MetricsPages pages;
  private final @Nullable LogLevels logLevels;

  NodeRequests(NodeSurface surface, MetricsPages pages, @Nullable LogLevels logLevels) {
    this.surface = surface;
    this.pages = pages;
    this.logLevels = logLevels;
  }

  @Override
  public CompletableFuture<FullHttpResponse> answer(
      @Nullable InetSocketAddress peer, FullHttpRequest request) {
    String uri = request.uri();
    int query = uri.indexOf('?');
    String path = query < 0 ? uri : uri.substring(0, query);
    try {
      return switch (path) {
        case "/live" ->
            done(AdminResponses.get(request, () -> AdminResponses.live(surface.faults())));
        case "/ready" ->
            done(
                AdminResponses.get(
                    request,
                    () -> AdminResponses.ready(List::of, surface.ready(), surface.faults())));
        default ->
            AdminResponses.isLocal(peer, request)
                ? localAnswer(path, query < 0 ? "" : uri, request)
                : done(AdminResponses.notLocal());
      };
    } catch (RuntimeException | IOException e) {
      log.warn("admin request {} {} failed", request.method(), path, e);
      return done(AdminResponses.text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "internal error"));
    }
  }

  private static CompletableFuture<FullHttpResponse> done(FullHttpResponse response) {
    return CompletableFuture.completedFuture(response);
  }

  /**
   * @param queried the whole target; empty when it has no query
   */
  private CompletableFuture<FullHttpResponse> localAnswer(
      String path, String queried, FullHttpRequest request) throws IOException {
    if (path.equals("/metrics")) {
      return metrics(queried, request);
    }
    if (path.equals("/proxy-log-level")) {
      return done(
          logLevels == null
              ? AdminResponses.notFound()
              : AdminResponses.logLevel(request, logLevels));
    }
    if (path.equals(WORKLOADS)) {
      return done(AdminResponses.get(request, this::workloads));
    }
    if (path.startsWith(WORKLOADS + "/")) {
      return ofWorkload(path.substring(WORKLOADS.length() + 1), request);
    }
    return done(AdminResponses.notFound());
  }

  private CompletableFuture<FullHttpResponse> metrics(String queried, FullHttpRequest request) {
    String wanted = null;
    if (!queried.isEmpty()) {
      List<String> names;
      try {
        Map<String, List<String>> parameters = new QueryStringDecoder(queried).parameters();
        names = parameters.size() == 1 ? parameters.getOrDefault("workload", List.of()) : List.of();
      } catch (IllegalArgumentException e) {
        names = List.of();
      }
      if (names.size() != 1) {
        return done(
            AdminResponses.text(
                HttpResponseStatus.BAD_REQUEST, "query: expected workload=NAMESPACE/NAME"));
      }
      wanted = names.getFirst();
    }
    Map<String, MetricsRegistry> registries = new TreeMap<>();
    for (NodeWorkload workload : surface.workloads().get()) {
      AdminSurface proxy = workload.surface();
      if (proxy != null && (wanted == null || wanted.equals(workload.name()))) {
        registries.put(workload.name(), proxy.metrics());
      }
    }
    if (wanted != null && registries.isEmpty()) {
      return done(noWorkload());
    }
    MetricsRegistry process = wanted == null ? surface.metrics() : null;
    return AdminResponses.metrics(
        request,
        pages,
        wanted == null ? "?" : "?" + wanted,
        (out, format) -> MetricsRegistry.writeAll(out, format, process, "workload", registries));
  }

  private FullHttpResponse workloads() throws IOException {
    List<Map<String, Object>> all =
        surface.workloads().get().stream()
            .sorted(Comparator.comparing(NodeWorkload::name))
            .map(NodeRequests::describe)
            .toList();
    return AdminResponses.json(Map.of("workloads", all));
  }

  private static Map<String, Object> describe(NodeWorkload workload) {
    Map<String, Object> described = new LinkedHashMap<>();
    described.put("name", workload.name());
    described.put("state", workload.state());
    described.put("faults", workload.faults());
    return described;
  }

  /** {@code NAMESPACE/NAME} and what follows. */
  private CompletableFuture<FullHttpResponse> ofWorkload(String path, FullHttpRequest request)
      throws IOException {
    String[] parts = path.split("/", -1);
    if (parts.length < 2 || parts.length > 3) {
      return done(AdminResponses.notFound());
    }
    String name = parts[0] + "/" + parts[1];
    NodeWorkload found = null;
    for (NodeWorkload workload : surface.workloads().get()) {
      if (workload.name().equals(name)) {
        found = workload;
      }
    }
    if (found == null) {
      return done(noWorkload());
    }
    NodeWorkload workload = found;
    AdminSurface proxy = workload.surface();
    if (parts.length == 3 && proxy != null && parts[2].equals("metrics")) {
      return AdminResponses.metrics(request, pages, name, proxy.metrics()::write);
    }
    return done(
        AdminResponses.get(
            request,
            () ->
                parts.length == 2
                    ? AdminResponses.json(describe(workload))
                    : ofProxy(workload, parts[2])));
  }

  private static FullHttpResponse ofProxy(NodeWorkload workload, String what) throws IOException {
    AdminSurface proxy = workload.surface();
    if (proxy == null) {
      return AdminResponses.text(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          workload.faults().isEmpty() ? "no proxy" : String.join("\n", workload.faults()));
    }
    return switch (what) {
      case "live" -> AdminResponses.live(proxy.faults());
      case "ready" -> AdminResponses.ready(proxy.obstacles(), proxy.ready(), proxy.faults());
      case "policies" -> AdminResponses.policies(proxy.policies());
      default -> AdminResponses.notFound();
    };
  }

  private static FullHttpResponse noWorkload() {
    return AdminResponses.text(HttpResponseStatus.NOT_FOUND, "no such workload");
  }
}
