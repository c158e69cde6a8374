package io.signetmesh.proxy.admin;

import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers admin requests. */
final class AdminRequests implements AdminAnswers {
  private static final Logger log = LoggerFactory.getLogger(AdminRequests.class);
  private static final String REDACTED = "<redacted>";
  private static final List<String> SECRET_NAMES =
      List.of("TOKEN", "KEY", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL");

  private final AdminSurface surface;
  private final MetricsPages pages;
  private final @Nullable LogLevels logLevels;
  private final AtomicBoolean shutdownAsked = new AtomicBoolean();

  /**
   * @param logLevels what the process logs; null: that is not to be changed here
   */
  AdminRequests(AdminSurface surface, MetricsPages pages, @Nullable LogLevels logLevels) {
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
    return path.equals("/metrics")
        ? AdminResponses.metrics(request, pages, "", surface.metrics()::write)
        : CompletableFuture.completedFuture(answer(peer, request, uri, path));
  }

  private FullHttpResponse answer(
      @Nullable InetSocketAddress peer, FullHttpRequest request, String uri, String path) {
    try {
      return switch (path) {
        case "/live" -> AdminResponses.get(request, () -> AdminResponses.live(surface.faults()));
        case "/ready" ->
            AdminResponses.get(
                request,
                () -> AdminResponses.ready(surface.obstacles(), surface.ready(), surface.faults()));
        case "/env.json" ->
            AdminResponses.local(
                peer, request, () -> AdminResponses.get(request, () -> environment(uri)));
        case "/policy.json" ->
            AdminResponses.local(
                peer,
                request,
                () ->
                    AdminResponses.get(request, () -> AdminResponses.policies(surface.policies())));
        case "/proxy-log-level" ->
            logLevels == null
                ? AdminResponses.notFound()
                : AdminResponses.local(
                    peer, request, () -> AdminResponses.logLevel(request, logLevels));
        case "/shutdown" ->
            surface.shutdownEnabled()
                ? AdminResponses.local(peer, request, () -> shutdown(request))
                : AdminResponses.notFound();
        default -> AdminResponses.notFound();
      };
    } catch (RuntimeException | IOException e) {
      log.warn("admin request {} {} failed", request.method(), path, e);
      return AdminResponses.text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "internal error");
    }
  }

  /** Environment by name; {@code ?A&B} selects. */
  private FullHttpResponse environment(String uri) throws IOException {
    Map<String, @Nullable String> shown = new TreeMap<>();
    int query = uri.indexOf('?');
    if (query < 0) {
      surface.environment().forEach((name, value) -> shown.put(name, redact(name, value)));
    } else {
      for (String encoded : uri.substring(query + 1).split("&", -1)) {
        if (encoded.contains("=")) {
          return AdminResponses.text(
              HttpResponseStatus.BAD_REQUEST,
              "query has a value: expected names of variables joined by &");
        }
        if (!encoded.isEmpty()) {
          String name;
          try {
            name = QueryStringDecoder.decodeComponent(encoded);
          } catch (IllegalArgumentException e) {
            return AdminResponses.text(
                HttpResponseStatus.BAD_REQUEST, "query has a broken percent escape");
          }
          String value = surface.environment().get(name);
          shown.put(name, value == null ? null : redact(name, value));
        }
      }
    }
    return AdminResponses.json(shown);
  }

  private static String redact(String name, String value) {
    String upper = name.toUpperCase(Locale.ROOT);
    for (String secret : SECRET_NAMES) {
      if (upper.contains(secret)) {
        return REDACTED;
      }
    }
    // A key may also have been put into a variable of another name.
    return value.contains("PRIVATE KEY-----") ? REDACTED : value;
  }

  private FullHttpResponse shutdown(FullHttpRequest request) {
    if (!request.method().equals(HttpMethod.POST)) {
      return AdminResponses.methodNotAllowed("POST");
    }
    if (shutdownAsked.compareAndSet(false, true)) {
      log.info("shutdown was asked for on the admin port");
      Thread.ofPlatform().daemon().name("admin-shutdown").start(surface.shutdown());
    }
    return AdminResponses.text(HttpResponseStatus.OK, "shutdown");
  }
}
