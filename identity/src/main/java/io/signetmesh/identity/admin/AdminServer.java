package io.signetmesh.identity.admin;

import static io.signetmesh.identity.admin.OneRequestServer.response;
import static io.signetmesh.identity.admin.OneRequestServer.send;
import static io.signetmesh.identity.admin.OneRequestServer.text;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufOutputStream;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DateFormatter;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves {@code /metrics}, {@code /ready}, {@code /live} and public documents over HTTP/1.1. One
 * thread handles connections and another one scrapes, so that a slow scrape does not delay a probe.
 * A connection carries one request, which must arrive within {@link #REQUEST_TIME}; all its sizes
 * are limited.
 *
 * <p>The server reveals no secrets and changes nothing, but it shows names of workloads and
 * policies: bind it to a loopback address, or to one that only the monitoring system can connect
 * to.
 */
public final class AdminServer implements AutoCloseable {
  /** For a whole request to arrive, and again for its answer to be taken. */
  static final Duration REQUEST_TIME = Duration.ofSeconds(15);

  /** Connections at the same time; further ones are closed at once. */
  static final int MAX_CONNECTIONS = 64;

  private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);
  private static final OneRequestServer.Limits LIMITS =
      new OneRequestServer.Limits(
          2_048, 8_192, 1_024, MAX_CONNECTIONS, MAX_CONNECTIONS, REQUEST_TIME);
  private static final String METRICS = "text/plain; version=0.0.4; charset=utf-8";

  private final OneRequestServer server;
  private final ExecutorService scrapes;

  private AdminServer(OneRequestServer server, ExecutorService scrapes) {
    this.server = server;
    this.scrapes = scrapes;
  }

  /** Writes the metrics. */
  @FunctionalInterface
  interface Exposition {
    void write(OutputStream out) throws IOException;
  }

  /**
   * A public document, such as a CRL.
   *
   * @param content the body; must not be changed
   * @param type media type
   * @param version identifies this content among all contents of its path: letters, digits and
   *     hyphens
   * @param modified when the content was made
   */
  public record Document(byte[] content, String type, String version, Instant modified) {}

  /** Provides the newest content of a document. */
  @FunctionalInterface
  public interface DocumentSource {
    /** The newest content; may take a while. */
    Document newest() throws IOException, GeneralSecurityException;
  }

  /**
   * Address of an admin server.
   *
   * @param address address to bind; port 0 selects a free port
   * @param required whether a failure to bind is an error; otherwise it is logged and the process
   *     runs without the admin server
   */
  public record Listen(InetSocketAddress address, boolean required) {}

  /**
   * Binds and serves.
   *
   * @param meters served at {@code /metrics}
   * @param ready answer of {@code /ready}
   * @return empty when the address cannot be bound and is not required
   * @throws IOException when the address cannot be bound and is required
   */
  public static Optional<AdminServer> start(
      Listen listen, ServerMeters meters, BooleanSupplier ready) throws IOException {
    return start(listen, meters, ready, Map.of());
  }

  /**
   * Binds and serves, with public documents.
   *
   * @param meters served at {@code /metrics}
   * @param ready answer of {@code /ready}
   * @param documents by absolute path, starting with {@code /}
   * @return empty when the address cannot be bound and is not required
   * @throws IOException when the address cannot be bound and is required
   */
  public static Optional<AdminServer> start(
      Listen listen,
      ServerMeters meters,
      BooleanSupplier ready,
      Map<String, DocumentSource> documents)
      throws IOException {
    try {
      return Optional.of(start(listen.address(), meters::write, ready, documents));
    } catch (IOException e) {
      if (listen.required()) {
        throw e;
      }
      LOG.warn("no metrics are served: {}", e.getMessage());
      return Optional.empty();
    }
  }

  static AdminServer start(InetSocketAddress listen, Exposition exposition, BooleanSupplier ready)
      throws IOException {
    return start(listen, exposition, ready, Map.of());
  }

  private static AdminServer start(
      InetSocketAddress listen,
      Exposition exposition,
      BooleanSupplier ready,
      Map<String, DocumentSource> documents)
      throws IOException {
    ExecutorService scrapes =
        Executors.newSingleThreadExecutor(new DefaultThreadFactory("admin-scrapes", true));
    try {
      return new AdminServer(
          OneRequestServer.start(
              "admin address",
              listen,
              LIMITS,
              channel -> List.of(),
              new Requests(exposition, ready, documents, scrapes)),
          scrapes);
    } catch (IOException e) {
      scrapes.shutdownNow();
      throw e;
    }
  }

  /** Address that the server listens on. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** Stops at once; open connections are closed. */
  @Override
  public void close() {
    scrapes.shutdownNow();
    server.close();
  }

  private static final class Requests implements OneRequestServer.Requests {
    private final Exposition exposition;
    private final BooleanSupplier ready;
    private final Map<String, DocumentSource> documents;
    private final Executor scrapes;

    Requests(
        Exposition exposition,
        BooleanSupplier ready,
        Map<String, DocumentSource> documents,
        Executor scrapes) {
      this.exposition = exposition;
      this.ready = ready;
      this.documents = documents;
      this.scrapes = scrapes;
    }

    @Override
    public void answer(ChannelHandlerContext context, FullHttpRequest request) {
      boolean head = request.method().equals(HttpMethod.HEAD);
      String path = OneRequestServer.path(request);
      DocumentSource document = documents.get(path);
      if (!head && !request.method().equals(HttpMethod.GET)) {
        send(context, OneRequestServer.notAllowed("GET or HEAD", "GET, HEAD"), false);
      } else if (path.equals("/metrics")) {
        answerLater(context, head, this::metrics);
      } else if (document != null) {
        String known = request.headers().get(HttpHeaderNames.IF_NONE_MATCH);
        answerLater(context, head, () -> document(document, known));
      } else {
        send(context, answer(path), head);
      }
    }

    private void answerLater(
        ChannelHandlerContext context, boolean head, Supplier<FullHttpResponse> answer) {
      try {
        scrapes.execute(
            () -> {
              // Nobody waits any more for what came after scrapes that took too long.
              if (context.channel().isActive()) {
                FullHttpResponse made = answer.get();
                context.executor().execute(() -> send(context, made, head));
              }
            });
      } catch (RejectedExecutionException e) {
        context.close();
      }
    }

    private FullHttpResponse answer(String path) {
      return switch (path) {
        case "/live" -> text(HttpResponseStatus.OK, "live\n");
        case "/ready" ->
            ready.getAsBoolean()
                ? text(HttpResponseStatus.OK, "ready\n")
                : text(HttpResponseStatus.SERVICE_UNAVAILABLE, "not ready\n");
        default -> text(HttpResponseStatus.NOT_FOUND, "expected " + paths() + "\n");
      };
    }

    private String paths() {
      return documents.isEmpty()
          ? "/metrics, /ready or /live"
          : "/metrics, /ready, /live or " + String.join(", ", documents.keySet());
    }

    private static FullHttpResponse document(DocumentSource source, @Nullable String known) {
      Document document;
      try {
        document = source.newest();
      } catch (IOException | GeneralSecurityException | RuntimeException e) {
        LOG.error("a document cannot be made", e);
        return text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "see the log\n");
      }
      String tag = '"' + document.version() + '"';
      FullHttpResponse response =
          tag.equals(known)
              ? response(HttpResponseStatus.NOT_MODIFIED, document.type(), Unpooled.buffer(0))
              : response(
                  HttpResponseStatus.OK,
                  document.type(),
                  Unpooled.wrappedBuffer(document.content()));
      response
          .headers()
          .set(HttpHeaderNames.ETAG, tag)
          .set(HttpHeaderNames.LAST_MODIFIED, DateFormatter.format(Date.from(document.modified())));
      return response;
    }

    private FullHttpResponse metrics() {
      ByteBuf body = Unpooled.buffer();
      try (ByteBufOutputStream out = new ByteBufOutputStream(body)) {
        exposition.write(out);
      } catch (IOException | RuntimeException e) {
        LOG.error("metrics cannot be written", e);
        return text(HttpResponseStatus.INTERNAL_SERVER_ERROR, "see the log\n");
      }
      return response(HttpResponseStatus.OK, METRICS, body);
    }
  }
}
