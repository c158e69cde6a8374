package io.signetmesh.proxy.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufOutputStream;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.registry.Exposition;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers admin requests. */
final class AdminRequests {
  private static final Logger log = LoggerFactory.getLogger(AdminRequests.class);
  private static final String REDACTED = "<redacted>";
  private static final List<String> SECRET_NAMES =
      List.of("TOKEN", "KEY", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL");

  private final AdminSurface surface;
  private final @Nullable LogLevels logLevels;
  private final ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private final AtomicBoolean shutdownAsked = new AtomicBoolean();

  AdminRequests(AdminSurface surface, @Nullable LogLevels logLevels) {
    this.surface = surface;
    this.logLevels = logLevels;
  }

  FullHttpResponse answer(@Nullable InetSocketAddress peer, FullHttpRequest request) {
    String uri = request.uri();
    int query = uri.indexOf('?');
    String path = query < 0 ? uri : uri.substring(0, query);
    try {
      return switch (path) {
        case "/live" -> get(request, this::live);
        case "/ready" -> get(request, this::ready);
        case "/metrics" -> get(request, () -> metrics(request.headers()));
        case "/env.json" -> local(peer, request, () -> get(request, () -> environment(uri)));
        case "/policy.json" -> local(peer, request, () -> get(request, this::policies));
        case "/proxy-log-level" ->
            logLevels == null
                ? notFound()
                : local(peer, request, () -> logLevel(request, logLevels));
        case "/shutdown" ->
            surface.shutdownEnabled() ? local(peer, request, () -> shutdown(request)) : notFound();
        default -> notFound();
      };
    } catch (RuntimeException | IOException e) {
      log.warn("admin request {} {} failed", request.method(), path, e);
      return text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "internal error");
    }
  }

  private FullHttpResponse live() {
    Collection<String> faults = surface.faults().get();
    return faults.isEmpty()
        ? text(HttpResponseStatus.OK, "live")
        : text(HttpResponseStatus.SERVICE_UNAVAILABLE, String.join("\n", faults));
  }

  private FullHttpResponse ready() {
    return surface.ready().getAsBoolean() && surface.faults().get().isEmpty()
        ? text(HttpResponseStatus.OK, "ready")
        : text(HttpResponseStatus.SERVICE_UNAVAILABLE, "not ready");
  }

  private FullHttpResponse metrics(HttpHeaders headers) throws IOException {
    String accept = headers.get(HttpHeaderNames.ACCEPT, "");
    Exposition.Format format =
        accept.toLowerCase(Locale.ROOT).contains("application/openmetrics-text")
            ? Exposition.Format.OPENMETRICS
            : Exposition.Format.PROMETHEUS_TEXT;
    boolean gzip = acceptsGzip(headers);
    ByteBuf body = UnpooledByteBufAllocator.DEFAULT.heapBuffer(16 * 1024);
    try {
      OutputStream plain = new ByteBufOutputStream(body);
      try (OutputStream out = gzip ? new GZIPOutputStream(plain, 4096) : plain) {
        surface.metrics().write(out, format);
      }
    } catch (IOException | RuntimeException e) {
      body.release();
      throw e;
    }
    FullHttpResponse response = response(HttpResponseStatus.OK, format.contentType(), body);
    response.headers().set(HttpHeaderNames.VARY, "accept, accept-encoding");
    if (gzip) {
      response.headers().set(HttpHeaderNames.CONTENT_ENCODING, "gzip");
    }
    return response;
  }

  private static boolean acceptsGzip(HttpHeaders headers) {
    for (String value : headers.getAll(HttpHeaderNames.ACCEPT_ENCODING)) {
      for (String coding : value.toLowerCase(Locale.ROOT).split(",", -1)) {
        String[] parts = coding.trim().split("\\s*;\\s*", -1);
        if (parts[0].equals("gzip")) {
          return parts.length < 2 || !parts[1].matches("q=0(\\.0*)?");
        }
      }
    }
    return false;
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
          return text(
              HttpResponseStatus.BAD_REQUEST,
              "query has a value: expected names of variables joined by &");
        }
        if (!encoded.isEmpty()) {
          String name;
          try {
            name = QueryStringDecoder.decodeComponent(encoded);
          } catch (IllegalArgumentException e) {
            return text(HttpResponseStatus.BAD_REQUEST, "query has a broken percent escape");
          }
          String value = surface.environment().get(name);
          shown.put(name, value == null ? null : redact(name, value));
        }
      }
    }
    return json(shown);
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

  private FullHttpResponse policies() throws IOException {
    List<Map<String, @Nullable Object>> ports =
        surface.policies().get().stream().map(AdminRequests::describe).toList();
    return json(Map.of("ports", ports));
  }

  private static Map<String, @Nullable Object> describe(PolicyInForce policy) {
    Map<String, @Nullable Object> port = new LinkedHashMap<>();
    port.put("port", policy.port());
    port.put("server", policy.server());
    port.put("generation", policy.generation());
    return port;
  }

  private static FullHttpResponse logLevel(FullHttpRequest request, LogLevels levels) {
    if (request.method().equals(HttpMethod.GET)) {
      return text(HttpResponseStatus.OK, levels.current());
    }
    if (!request.method().equals(HttpMethod.PUT)) {
      return methodNotAllowed("GET, PUT");
    }
    try {
      levels.set(request.content().toString(StandardCharsets.UTF_8).trim());
    } catch (IllegalArgumentException e) {
      return text(HttpResponseStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
    return text(HttpResponseStatus.NO_CONTENT, "");
  }

  private FullHttpResponse shutdown(FullHttpRequest request) {
    if (!request.method().equals(HttpMethod.POST)) {
      return methodNotAllowed("POST");
    }
    if (shutdownAsked.compareAndSet(false, true)) {
      log.info("shutdown was asked for on the admin port");
      Thread.ofPlatform().daemon().name("admin-shutdown").start(surface.shutdown());
    }
    return text(HttpResponseStatus.OK, "shutdown");
  }

  @FunctionalInterface
  private interface Answer {
    FullHttpResponse make() throws IOException;
  }

  private static FullHttpResponse get(FullHttpRequest request, Answer answer) throws IOException {
    HttpMethod method = request.method();
    if (method.equals(HttpMethod.GET)) {
      return answer.make();
    }
    if (method.equals(HttpMethod.HEAD)) {
      FullHttpResponse response = answer.make();
      response.content().clear();
      return response;
    }
    return methodNotAllowed("GET, HEAD");
  }

  /**
   * Answers clients on this host only. What a browser on this host sends for a foreign page (an
   * {@code Origin}, or a name that was rebound to loopback as {@code Host}) and what a proxy passes
   * on for a client elsewhere is refused as well.
   */
  private static FullHttpResponse local(
      @Nullable InetSocketAddress peer, FullHttpRequest request, Answer answer) throws IOException {
    HttpHeaders headers = request.headers();
    boolean loopback =
        peer != null && peer.getAddress() != null && peer.getAddress().isLoopbackAddress();
    if (!loopback
        || headers.contains(HttpHeaderNames.ORIGIN)
        || headers.contains("l5d-client-id")
        || headers.contains("forwarded")
        || headers.contains("x-forwarded-for")
        || !isLoopbackName(headers.get(HttpHeaderNames.HOST, ""))) {
      return text(HttpResponseStatus.FORBIDDEN, "only for clients on this host");
    }
    return answer.make();
  }

  private static boolean isLoopbackName(String host) {
    String name = host.toLowerCase(Locale.ROOT);
    if (name.startsWith("[")) {
      return name.startsWith("[::1]");
    }
    int colon = name.indexOf(':');
    if (colon >= 0) {
      name = name.substring(0, colon);
    }
    return name.isEmpty()
        || name.equals("localhost")
        || name.matches("127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
  }

  private static FullHttpResponse methodNotAllowed(String allowed) {
    FullHttpResponse response =
        text(HttpResponseStatus.METHOD_NOT_ALLOWED, "method not allowed: expected " + allowed);
    response.headers().set(HttpHeaderNames.ALLOW, allowed);
    return response;
  }

  private static FullHttpResponse notFound() {
    return text(HttpResponseStatus.NOT_FOUND, "not found");
  }

  private FullHttpResponse json(Object value) throws JsonProcessingException {
    return response(
        HttpResponseStatus.OK,
        "application/json",
        Unpooled.wrappedBuffer(json.writeValueAsBytes(value)));
  }

  static FullHttpResponse text(HttpResponseStatus status, String text) {
    ByteBuf body =
        text.isEmpty()
            ? Unpooled.EMPTY_BUFFER
            : Unpooled.copiedBuffer(text + "\n", StandardCharsets.UTF_8);
    return response(status, "text/plain; charset=utf-8", body);
  }

  private static FullHttpResponse response(
      HttpResponseStatus status, String contentType, ByteBuf body) {
    FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
    if (!status.equals(HttpResponseStatus.NO_CONTENT)) {
      HttpUtil.setContentLength(response, body.readableBytes());
    }
    return response;
  }
}
