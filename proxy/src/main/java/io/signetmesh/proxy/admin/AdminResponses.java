package io.signetmesh.proxy.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.registry.Exposition;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The answers that admin servers have alike, and who gets them. */
final class AdminResponses {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private AdminResponses() {}

  /** Makes an answer. */
  @FunctionalInterface
  interface Answer {
    FullHttpResponse make() throws IOException;
  }

  static FullHttpResponse live(Supplier<? extends Collection<String>> faults) {
    Collection<String> found = faults.get();
    return found.isEmpty()
        ? text(HttpResponseStatus.OK, "live")
        : text(HttpResponseStatus.SERVICE_UNAVAILABLE, String.join("\n", found));
  }

  static FullHttpResponse ready(
      Supplier<? extends Collection<String>> obstacles,
      BooleanSupplier ready,
      Supplier<? extends Collection<String>> faults) {
    Collection<String> known = obstacles.get();
    if (!known.isEmpty()) {
      return text(HttpResponseStatus.SERVICE_UNAVAILABLE, "not ready: " + String.join("\n", known));
    }
    return ready.getAsBoolean() && faults.get().isEmpty()
        ? text(HttpResponseStatus.OK, "ready")
        : text(HttpResponseStatus.SERVICE_UNAVAILABLE, "not ready");
  }

  /**
   * A page of metrics, in the format and the coding that are asked for.
   *
   * @param name names the page among those of the server
   */
  static CompletableFuture<FullHttpResponse> metrics(
      FullHttpRequest request, MetricsPages pages, String name, MetricsPages.Page page) {
    boolean head = request.method().equals(HttpMethod.HEAD);
    if (!head && !request.method().equals(HttpMethod.GET)) {
      return CompletableFuture.completedFuture(methodNotAllowed("GET, HEAD"));
    }
    String accept = request.headers().get(HttpHeaderNames.ACCEPT, "");
    Exposition.Format format =
        accept.toLowerCase(Locale.ROOT).contains("application/openmetrics-text")
            ? Exposition.Format.OPENMETRICS
            : Exposition.Format.PROMETHEUS_TEXT;
    MetricsPages.Key key = new MetricsPages.Key(name, format, acceptsGzip(request.headers()));
    return pages
        .get(key, page)
        .handle((bytes, failure) -> failure == null ? page(key, bytes, head) : noPage(failure));
  }

  private static FullHttpResponse page(MetricsPages.Key key, byte[] bytes, boolean head) {
    FullHttpResponse response =
        response(HttpResponseStatus.OK, key.format().contentType(), Unpooled.wrappedBuffer(bytes));
    response.headers().set(HttpHeaderNames.VARY, "accept, accept-encoding");
    if (key.gzip()) {
      response.headers().set(HttpHeaderNames.CONTENT_ENCODING, "gzip");
    }
    if (head) {
      response.content().clear();
    }
    return response;
  }

  private static FullHttpResponse noPage(Throwable failure) {
    FullHttpResponse response =
        text(HttpResponseStatus.SERVICE_UNAVAILABLE, "no metrics: " + failure.getMessage());
    response.headers().set(HttpHeaderNames.RETRY_AFTER, MetricsPages.KEPT.toSeconds());
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

  static FullHttpResponse policies(Supplier<? extends Collection<PolicyInForce>> policies)
      throws IOException {
    List<Map<String, @Nullable Object>> ports =
        policies.get().stream().map(AdminResponses::describe).toList();
    return json(Map.of("ports", ports));
  }

  private static Map<String, @Nullable Object> describe(PolicyInForce policy) {
    Map<String, @Nullable Object> port = new LinkedHashMap<>();
    port.put("port", policy.port());
    port.put("server", policy.server());
    port.put("generation", policy.generation());
    return port;
  }

  static FullHttpResponse logLevel(FullHttpRequest request, LogLevels levels) {
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

  static FullHttpResponse get(FullHttpRequest request, Answer answer) throws IOException {
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
  static FullHttpResponse local(
      @Nullable InetSocketAddress peer, FullHttpRequest request, Answer answer) throws IOException {
    return isLocal(peer, request) ? answer.make() : notLocal();
  }

  /** Whether a client is one on this host, see {@link #local}. */
  static boolean isLocal(@Nullable InetSocketAddress peer, FullHttpRequest request) {
    HttpHeaders headers = request.headers();
    return peer != null
        && peer.getAddress() != null
        && peer.getAddress().isLoopbackAddress()
        && !headers.contains(HttpHeaderNames.ORIGIN)
        && !headers.contains("l5d-client-id")
        && !headers.contains("forwarded")
        && !headers.contains("x-forwarded-for")
        && isLoopbackName(headers.get(HttpHeaderNames.HOST, ""));
  }

  static FullHttpResponse notLocal() {
    return text(HttpResponseStatus.FORBIDDEN, "only for clients on this host");
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

  static FullHttpResponse methodNotAllowed(String allowed) {
    FullHttpResponse response =
        text(HttpResponseStatus.METHOD_NOT_ALLOWED, "method not allowed: expected " + allowed);
    response.headers().set(HttpHeaderNames.ALLOW, allowed);
    return response;
  }

  static FullHttpResponse notFound() {
    return text(HttpResponseStatus.NOT_FOUND, "not found");
  }

  static FullHttpResponse json(Object value) throws JsonProcessingException {
    return response(
        HttpResponseStatus.OK,
        "application/json",
        Unpooled.wrappedBuffer(JSON.writeValueAsBytes(value)));
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
