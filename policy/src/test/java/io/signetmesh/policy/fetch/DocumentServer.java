package io.signetmesh.policy.fetch;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An HTTPS server of an issuer, for {@code keys.example}, which a test makes misbehave. */
public final class DocumentServer implements AutoCloseable {
  private final X509Bundle anchor;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, HttpHandler> paths = new ConcurrentHashMap<>();
  private final AtomicInteger requests = new AtomicInteger();
  private final boolean tls;

  private DocumentServer(X509Bundle anchor, HttpServer server, boolean tls) {
    this.anchor = anchor;
    this.server = server;
    this.tls = tls;
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** A server over TLS at a free port of the loopback address. */
  public static DocumentServer start() throws Exception {
    X509Bundle anchor =
        new CertificateBuilder()
            .subject("CN=issuer anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    X509Bundle leaf =
        new CertificateBuilder()
            .subject("CN=keys")
            .addSanDnsName("keys.example")
            .addSanIpAddress(InetAddress.getLoopbackAddress().getHostAddress())
            .buildIssuedBy(anchor);
    KeyManagerFactory keys = leaf.toKeyManagerFactory();
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    HttpsServer server = HttpsServer.create(free(), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context));
    return new DocumentServer(anchor, server, true);
  }

  /** A server in cleartext. */
  public static DocumentServer startPlain() throws Exception {
    return new DocumentServer(
        new CertificateBuilder()
            .subject("CN=none")
            .setIsCertificateAuthority(true)
            .buildSelfSigned(),
        HttpServer.create(free(), 0),
        false);
  }

  private static InetSocketAddress free() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  /** The trust anchor, PEM. */
  public String caBundle() {
    return anchor.getCertificatePEM();
  }

  /** A URL of this server by its name. */
  public String url(String path) {
    return (tls ? "https" : "http") + "://keys.example:" + port() + path;
  }

  /** A URL of this server by its address. */
  public String urlByAddress(String path) {
    return (tls ? "https" : "http") + "://127.0.0.1:" + port() + path;
  }

  public int port() {
    return server.getAddress().getPort();
  }

  /** Requests so far. */
  public int requests() {
    return requests.get();
  }

  /** Answers with a text. */
  public void serve(String path, String text) {
    serve(path, 200, text);
  }

  public void serve(String path, int status, String text) {
    handle(
        path,
        exchange -> {
          byte[] body = text.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
          exchange.getResponseBody().write(body);
        });
  }

  public void handle(String path, HttpHandler handler) {
    paths.put(path, handler);
  }

  private void handle(HttpExchange exchange) throws IOException {
    requests.incrementAndGet();
    try (exchange) {
      HttpHandler handler = paths.get(exchange.getRequestURI().getPath());
      if (handler == null) {
        exchange.sendResponseHeaders(404, -1);
      } else {
        handler.handle(exchange);
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
