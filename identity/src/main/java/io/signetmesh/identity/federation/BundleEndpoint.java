package io.signetmesh.identity.federation;

import io.micrometer.core.instrument.MeterRegistry;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.identity.admin.OneRequestServer;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * The bundle endpoint of the own trust domain (SPIFFE Federation section 5.2). It answers GET with
 * the trust bundle in force, over HTTPS, without authentication of the client. The bundle is
 * public, and the endpoint changes nothing. A connection carries one request, which must arrive
 * within {@link #REQUEST_TIME} from the start of TLS; all its sizes are limited.
 */
public final class BundleEndpoint implements AutoCloseable {
  /** For the handshake and a whole request to arrive, and again for the answer to be taken. */
  static final Duration REQUEST_TIME = Duration.ofSeconds(10);

  /** Connections at the same time; further ones are closed at once. */
  static final int MAX_CONNECTIONS = 64;

  /** Connections of one host at the same time, so that it does not keep others out. */
  static final int MAX_CONNECTIONS_OF_HOST = 8;

  /** {@code spiffe_refresh_hint} for consumers. A rotation must wait for a multiple of it. */
  public static final Duration REFRESH_HINT = Duration.ofMinutes(5);

  private static final OneRequestServer.Limits LIMITS =
      new OneRequestServer.Limits(
          1_024, 4_096, 1_024, MAX_CONNECTIONS, MAX_CONNECTIONS_OF_HOST, REQUEST_TIME);

  private final OneRequestServer server;
  private final LiveSslContext<?> tls;

  private BundleEndpoint(OneRequestServer server, LiveSslContext<?> tls) {
    this.server = server;
    this.tls = tls;
  }

  /**
   * Address and authentication profile of an endpoint.
   *
   * @param address address to bind; port 0 selects a free port
   * @param web certificate for profile {@code https_web}; null for profile {@code https_spiffe},
   *     with the identity server's own certificate
   */
  public record Config(InetSocketAddress address, @Nullable WebFiles web) {}

  /**
   * A certificate of the Web PKI.
   *
   * @param certificates PEM: the server's certificate, then intermediates
   * @param key PEM: its private key, mode 0600
   */
  public record WebFiles(Path certificates, Path key) {}

  /**
   * Binds and serves.
   *
   * @param own the identity server's credentials, for profile {@code https_spiffe}
   * @param bundles the bundle in force
   * @throws IOException when the address cannot be bound
   * @throws PkiException when the certificate files are not valid
   */
  public static BundleEndpoint start(
      Config config,
      Supplier<Credentials> own,
      Supplier<TrustBundle> bundles,
      MeterRegistry registry,
      InstantSource clock)
      throws IOException, PkiException {
    WebFiles files = config.web();
    LiveSslContext<?> tls =
        files == null
            ? new LiveSslContext<>(
                own,
                credentials ->
                    MeshSslContexts.server(
                        credentials, ClientCertificate.NONE, List.of("http/1.1"), clock))
            : WebCertificate.open(files, clock).context();
    tls.refresh();
    try {
      return new BundleEndpoint(
          OneRequestServer.start(
              "bundle endpoint",
              config.address(),
              LIMITS,
              channel -> List.of(handler(tls, channel)),
              new Requests(bundles, registry)),
          tls);
    } catch (IOException e) {
      tls.close();
      throw e;
    }
  }

  private static SslHandler handler(LiveSslContext<?> tls, SocketChannel channel)
      throws SSLException {
    SslHandler handler = tls.newHandler(channel.alloc());
    handler.setHandshakeTimeoutMillis(REQUEST_TIME.toMillis());
    return handler;
  }

  /** Address that the endpoint listens on. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** Stops at once; open connections are closed. */
  @Override
  public void close() {
    server.close();
    tls.close();
  }

  private static final class Requests implements OneRequestServer.Requests {
    private final Supplier<TrustBundle> bundles;
    private final MeterRegistry registry;

    Requests(Supplier<TrustBundle> bundles, MeterRegistry registry) {
      this.bundles = bundles;
      this.registry = registry;
    }

    @Override
    public void answer(ChannelHandlerContext context, FullHttpRequest request) {
      FullHttpResponse response = answer(request);
      registry
          .counter(
              "signet.federation.endpoint.requests",
              "status",
              Integer.toString(response.status().code()))
          .increment();
      OneRequestServer.send(context, response, false);
    }

    private FullHttpResponse answer(FullHttpRequest request) {
      if (!request.method().equals(HttpMethod.GET)) {
        return OneRequestServer.notAllowed("GET", "GET");
      }
      String path = OneRequestServer.path(request);
      if (!path.equals("/") && !path.equals("/bundle.json")) {
        return OneRequestServer.text(HttpResponseStatus.NOT_FOUND, "expected / or /bundle.json\n");
      }
      TrustBundle bundle = bundles.get();
      String tag =
          "\"" + bundle.version() + "-" + HexFormat.of().formatHex(bundle.digest(), 0, 8) + "\"";
      FullHttpResponse response =
          request.headers().contains(HttpHeaderNames.IF_NONE_MATCH, tag, false)
              ? response(HttpResponseStatus.NOT_MODIFIED, new byte[0])
              : response(HttpResponseStatus.OK, SpiffeBundle.of(bundle, REFRESH_HINT).toJson());
      response
          .headers()
          .set(HttpHeaderNames.ETAG, tag)
          // A cache that keeps a bundle would keep a rotation from arriving.
          .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_CACHE);
      return response;
    }

    private static FullHttpResponse response(HttpResponseStatus status, byte[] body) {
      return OneRequestServer.response(status, "application/json", Unpooled.wrappedBuffer(body));
    }
  }
}
