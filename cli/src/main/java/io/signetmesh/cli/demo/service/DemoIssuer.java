package io.signetmesh.cli.demo.service;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The issuer of the demo's tokens, with a key that it makes when it starts. {@code GET /keys} is
 * its key set (RFC 7517). {@code GET /token} hands a customer's token to whoever asks; the
 * parameters {@code sub}, {@code aud}, {@code role} and {@code seconds} (of life; negative: it has
 * ended) make another one. It serves on loopback only.
 */
public final class DemoIssuer implements AutoCloseable {
  private static final String KEY_ID = "demo";
  private static final Duration LIFE = Duration.ofMinutes(10);

  private final HttpServer server;
  private final ExecutorService workers;
  private final ECKey key;
  private final String issuer;
  private final Clock clock;

  private DemoIssuer(
      HttpServer server, ExecutorService workers, ECKey key, String issuer, Clock clock) {
    this.server = server;
    this.workers = workers;
    this.key = key;
    this.issuer = issuer;
    this.clock = clock;
  }

  /**
   * What a token says.
   *
   * @param subject {@code sub}
   * @param audience {@code aud}
   * @param role {@code role}
   * @param life from now to {@code exp}; may be negative
   */
  public record Claims(String subject, String audience, String role, Duration life) {
    /** Of a customer of the shop. */
    public static final Claims CUSTOMER = new Claims("alice", "shop", "customer", LIFE);
  }

  /**
   * Starts an issuer whose name is {@code http://} and its address.
   *
   * @throws IOException when the address is not a loopback address or cannot be bound
   */
  public static DemoIssuer start(InetSocketAddress listen, Clock clock) throws IOException {
    if (!listen.getAddress().isLoopbackAddress()) {
      throw new IOException(
          "the issuer of the demo hands out tokens to everybody: expected a loopback address, not "
              + listen.getAddress().getHostAddress());
    }
    ECKey key;
    try {
      key = new ECKeyGenerator(Curve.P_256).keyID(KEY_ID).generate();
    } catch (JOSEException e) {
      throw new IOException("no key can be made: " + e.getMessage(), e);
    }
    HttpServer server = HttpServer.create(listen, 16);
    ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor();
    DemoIssuer issuer =
        new DemoIssuer(
            server,
            workers,
            key,
            "http://" + listen.getAddress().getHostAddress() + ":" + listen.getPort(),
            clock);
    server.setExecutor(workers);
    String keys = new JWKSet(key.toPublicJWK()).toString();
    server.createContext(
        "/keys", exchange -> answer(exchange, 200, "application/jwk-set+json", keys));
    server.createContext("/token", issuer::handOut);
    server.start();
    return issuer;
  }

  /** A token, signed with ES256. */
  public String token(Claims claims) {
    Instant now = clock.instant();
    SignedJWT token =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(KEY_ID).build(),
            new JWTClaimsSet.Builder()
                .issuer(issuer)
                .subject(claims.subject())
                .audience(claims.audience())
                .claim("role", claims.role())
                .issueTime(Date.from(now.plus(claims.life()).minus(LIFE)))
                .expirationTime(Date.from(now.plus(claims.life())))
                .build());
    try {
      token.sign(new ECDSASigner(key));
    } catch (JOSEException e) {
      throw new IllegalStateException("ES256 signs with a P-256 key", e);
    }
    return token.serialize();
  }

  private void handOut(HttpExchange exchange) throws IOException {
    Map<String, String> wanted = new HashMap<>();
    String query = exchange.getRequestURI().getQuery();
    for (String parameter : query == null ? new String[0] : query.split("&")) {
      int equals = parameter.indexOf('=');
      if (equals > 0) {
        wanted.put(parameter.substring(0, equals), parameter.substring(equals + 1));
      }
    }
    String seconds = wanted.get("seconds");
    Duration life;
    try {
      life = seconds == null ? LIFE : Duration.ofSeconds(Integer.parseInt(seconds));
    } catch (NumberFormatException e) {
      String problem =
          "seconds is '" + seconds + "': expected a whole number, such as 600 or -300\n";
      answer(exchange, 400, "text/plain", problem);
      return;
    }
    Claims usual = Claims.CUSTOMER;
    answer(
        exchange,
        200,
        "application/jwt",
        token(
            new Claims(
                wanted.getOrDefault("sub", usual.subject()),
                wanted.getOrDefault("aud", usual.audience()),
                wanted.getOrDefault("role", usual.role()),
                life)));
  }

  private static void answer(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    try (exchange) {
      byte[] body = text.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", type);
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    workers.shutdownNow();
  }
}
