package io.signetmesh.testkit;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * An OpenID provider over HTTPS, as far as those who verify its tokens see it: the discovery
 * document (OpenID Connect Discovery 1.0 section 4), the JWK set (RFC 7517), and tokens signed with
 * ES256. It can be in trouble in all the ways in which providers are.
 */
public final class IdentityProvider implements AutoCloseable {
  /** How the provider answers. */
  public enum Mode {
    /** As it should. */
    GOOD,
    /** 503. */
    FAILING,
    /** A page of HTML with status 200. */
    HTML,
    /** The beginning of a key set. */
    CUT,
    /** A set without keys. */
    EMPTY,
    /** 4 MiB. */
    HUGE,
    /** A byte every second. */
    SLOW,
    /** A redirect to a place with other keys. */
    REDIRECT
  }

  private final String host;
  private final SSLContext tls;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private volatile Mode mode = Mode.GOOD;
  private volatile List<ECKey> published = List.of();
  private final AtomicInteger fetches = new AtomicInteger();
  private final int port;
  private volatile ECKey signing;
  private @Nullable HttpsServer server;

  /**
   * Starts a provider with one key.
   *
   * @param tls with a certificate for {@code host}
   * @param host host name or literal address of the issuer
   * @param address address to listen at
   * @param port port to listen at, 0 for any
   */
  public IdentityProvider(SSLContext tls, String host, InetAddress address, int port)
      throws IOException {
    this.tls = tls;
    this.host = host;
    HttpsServer started = start(new InetSocketAddress(address, port));
    this.port = started.getAddress().getPort();
    this.server = started;
    this.signing = newKey();
    published = List.of(signing);
  }

  private HttpsServer start(InetSocketAddress address) throws IOException {
    HttpsServer started = HttpsServer.create(address, 64);
    started.setHttpsConfigurator(new HttpsConfigurator(tls));
    started.setExecutor(threads);
    started.createContext("/", this::serve);
    started.start();
    return started;
  }

  private static ECKey newKey() {
    try {
      return new ECKeyGenerator(Curve.P_256).keyID(UUID.randomUUID().toString()).generate();
    } catch (JOSEException e) {
      throw new IllegalStateException("P-256 keys can be made", e);
    }
  }

  /** Value of {@code iss}. */
  public String issuer() {
    return "https://" + host + ":" + port;
  }

  /** Where the key set is. */
  public String jwksUri() {
    return issuer() + "/keys";
  }

  /** Port that it listens at. */
  public int port() {
    return port;
  }

  /** Answers in another way from now on. */
  public void mode(Mode next) {
    mode = next;
  }

  /** Requests for the key set so far. */
  public int fetches() {
    return fetches.get();
  }

  /** Signs with a new key from now on. The old ones stay published. */
  public void rotate() {
    ECKey next = newKey();
    List<ECKey> all = new ArrayList<>(published);
    all.add(next);
    published = List.copyOf(all);
    signing = next;
  }

  /** Takes back all keys but the one that it signs with. */
  public void withdrawOldKeys() {
    published = List.of(signing);
  }

  /** A token of a subject that is valid for five minutes. */
  public String token(String subject, String audience) {
    return token(claims -> claims.subject(subject).audience(audience));
  }

  /** A token with other claims. */
  public String token(UnaryOperator<JWTClaimsSet.Builder> change) {
    ECKey key = signing;
    Instant now = Instant.now();
    JWTClaimsSet claims =
        change
            .apply(
                new JWTClaimsSet.Builder()
                    .issuer(issuer())
                    .issueTime(Date.from(now))
                    .expirationTime(Date.from(now.plus(Duration.ofMinutes(5))))
                    .jwtID(UUID.randomUUID().toString()))
            .build();
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(key.getKeyID()).build(), claims);
    try {
      jwt.sign(new ECDSASigner(key));
    } catch (JOSEException e) {
      throw new IllegalStateException("ES256 can sign", e);
    }
    return jwt.serialize();
  }

  /** Goes away: connections are refused. */
  public synchronized void stop() {
    HttpsServer running = server;
    if (running != null) {
      running.stop(0);
      server = null;
    }
  }

  /** Comes back at the same address. */
  public synchronized void restart(InetAddress address) throws IOException {
    if (server == null) {
      server = start(new InetSocketAddress(address, port));
    }
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (path.equals("/.well-known/openid-configuration")) {
        answer(
            exchange,
            200,
            "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\"}".formatted(issuer(), jwksUri()));
      } else if (path.equals("/keys") || path.equals("/other-keys")) {
        fetches.incrementAndGet();
        keys(exchange, path.equals("/keys"));
      } else {
        answer(exchange, 404, "");
      }
    }
  }

  private void keys(HttpExchange exchange, boolean own) throws IOException {
    List<JWK> keys = new ArrayList<>();
    (own ? published : List.of(newKey())).forEach(key -> keys.add(key.toPublicJWK()));
    String set = new JWKSet(keys).toString();
    switch (own ? mode : Mode.GOOD) {
      case GOOD -> answer(exchange, 200, set);
      case FAILING -> answer(exchange, 503, "");
      case HTML -> answer(exchange, 200, "<html><body>Please log in.</body></html>");
      case CUT -> answer(exchange, 200, set.substring(0, set.length() / 2));
      case EMPTY -> answer(exchange, 200, "{\"keys\":[]}");
      case HUGE -> answer(exchange, 200, " ".repeat(4 << 20) + set);
      case REDIRECT -> {
        exchange.getResponseHeaders().set("Location", issuer() + "/other-keys");
        answer(exchange, 302, "");
      }
      case SLOW -> {
        byte[] bytes = set.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
          for (byte one : bytes) {
            out.write(one);
            out.flush();
            Thread.sleep(1_000);
          }
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  private static void answer(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    if (bytes.length > 0) {
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(bytes);
      }
    }
  }

  @Override
  public void close() {
    stop();
    threads.shutdownNow();
  }
}
