package io.signetmesh.identity.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpServer;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Date;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OidcTokensTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final String ISSUER = "https://kubernetes.default.svc";
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  private static RSAKey rsa;
  private static ECKey ec;
  private static RSAKey short1024;

  private Instant now = START;
  private final InstantSource clock = () -> now;
  private final Deque<Runnable> fetches = new ArrayDeque<>();
  private @Nullable String served;
  private int fetched;
  private OidcTokens tokens;

  @BeforeAll
  static void keys() throws Exception {
    rsa = new RSAKeyGenerator(2048).keyID("rsa-1").generate();
    ec = new ECKeyGenerator(Curve.P_256).keyID("ec-1").generate();
    short1024 = new RSAKeyGenerator(1024, true).keyID("short").generate();
  }

  @BeforeEach
  void open() throws Exception {
    served = new JWKSet(List.<JWK>of(rsa, ec, short1024)).toString(true);
    tokens = open(List.of(), Set.of("RS256", "ES256"));
    // The first token finds no keys, and has them fetched.
    refused(token(rsa, c -> c), Reason.UNAVAILABLE, "are not known");
    runFetches();
  }

  @Test
  void aServiceAccountTokenIsVerifiedByTheIssuersKeysWithoutAskingAnybody() throws Exception {
    for (JWK key : List.<JWK>of(rsa, ec)) {
      assertThat(attest(token(key, c -> c)).identity()).isEqualTo(WEB);
    }
    assertThat(fetched).isEqualTo(1);
  }

  @Test
  void eachThingThatIsWrongHasItsOwnReason() throws Exception {
    refused(token(rsa, c -> c.issuer("https://other")), Reason.ISSUER, "https://other");
    refused(token(rsa, c -> c.audience("vault")), Reason.AUDIENCE, "\"vault\"");
    refused(
        token(rsa, c -> c.expirationTime(Date.from(START.minusSeconds(3_600)))),
        Reason.EXPIRED,
        "3600 s too late");
    refused(
        token(rsa, c -> c.issueTime(Date.from(START.plusSeconds(3_600)))),
        Reason.CLOCK,
        "3600 s ahead; the clock of this host or of the issuer's is off");
    refused(
        token(rsa, c -> c.notBeforeTime(Date.from(START.plusSeconds(3_600)))),
        Reason.CLOCK,
        "not valid before");
    refused(token(rsa, c -> c.expirationTime(null)), Reason.NOT_AUTHENTICATED, "without exp");
    refused(token(rsa, c -> c.subject("somebody")), Reason.MALFORMED, "has subject");
  }

  /** Every pod of that namespace could have such a token. */
  @Test
  void aServiceAccountTokenNeverStandsForANode() throws Exception {
    refused(
        token(rsa, c -> c.subject("system:serviceaccount:signet:node-n1")),
        Reason.CLAIMS,
        "signet/node-n1, which is reserved for nodes");
    assertThat(
            attest(token(rsa, c -> c.subject("system:serviceaccount:shop:node-n1")))
                .identity()
                .serviceAccount())
        .isEqualTo("node-n1");
  }

  @Test
  void aTokenOfAnotherKeyIsRefusedAlsoUnderTheIdOfAKnownOne() throws Exception {
    RSAKey other = new RSAKeyGenerator(2048).keyID("rsa-1").generate();

    refused(token(other, c -> c), Reason.NOT_AUTHENTICATED, "not signed by a key of its issuer");
  }

  @Test
  void algorithmsThatAreNotAllowedAreRefusedWhateverTheKey() throws Exception {
    SignedJWT mac = new SignedJWT(new JWSHeader(JWSAlgorithm.HS256), claims().build());
    mac.sign(new MACSigner(rsa.toRSAPublicKey().getEncoded()));
    refused(mac.serialize(), Reason.NOT_AUTHENTICATED, "\"HS256\": expected one of");
    refused(
        sign(rsa, JWSAlgorithm.RS512, claims().build()),
        Reason.NOT_AUTHENTICATED,
        "\"RS512\": expected one of");
    assertThatThrownBy(() -> open(List.of(), Set.of("HS256")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected some of");
    assertThatThrownBy(() -> open(List.of(), Set.of("none")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aShortKeyOfTheSetIsNotUsed() throws Exception {
    now = START.plusSeconds(1);
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("short").build(), claims().build());
    jwt.sign(new RSASSASigner(short1024.toRSAPrivateKey(), true));

    refused(jwt.serialize(), Reason.NOT_AUTHENTICATED, "which issuer " + ISSUER + " does not have");
  }

  @Test
  void anUnknownKeyIsFetchedAtMostOnceIn30SecondsAndNobodyWaits() throws Exception {
    RSAKey next = new RSAKeyGenerator(2048).keyID("rsa-2").generate();
    String token = token(next, c -> c);
    served = new JWKSet(List.<JWK>of(next)).toString(true);
    for (int i = 0; i < 100; i++) {
      refused(token, Reason.NOT_AUTHENTICATED, "\"rsa-2\"");
    }
    assertThat(fetches).isEmpty();

    now = START.plusSeconds(30);
    refused(token, Reason.UNAVAILABLE, "are being fetched");
    refused(token, Reason.UNAVAILABLE, "are being fetched");
    runFetches();

    assertThat(attest(token).identity()).isEqualTo(WEB);
    assertThat(fetched).isEqualTo(2);
  }

  @Test
  void lastGoodKeysStayUntilTheyAreTooOld() throws Exception {
    served = null;
    UnaryOperator<JWTClaimsSet.Builder> lasting =
        c -> c.expirationTime(Date.from(START.plus(Duration.ofDays(3))));
    now = START.plus(Duration.ofHours(23));
    attest(token(rsa, lasting));
    runFetches();
    attest(token(rsa, lasting));

    now = START.plus(Duration.ofHours(25));
    refused(token(rsa, lasting), Reason.UNAVAILABLE, "too old");
  }

  @Test
  void keySetsThatAreNoneLeaveTheEarlierKeys() throws Exception {
    for (String bad : List.of("", "{", "{\"keys\":[]}", "x".repeat(300_000))) {
      now = now.plusSeconds(400);
      served = bad;
      UnaryOperator<JWTClaimsSet.Builder> lasting =
          c -> c.expirationTime(Date.from(START.plus(Duration.ofDays(3))));
      attest(token(rsa, lasting));
      runFetches();
      attest(token(rsa, lasting));
    }
    assertThat(fetched).isEqualTo(5);
  }

  @Test
  void rulesNameAWorkloadByClaimsThatMustAllBeEqual() throws Exception {
    tokens =
        open(
            List.of(
                new OidcTokens.Rule(
                    Map.of("repository", "acme/shop", "ref", "refs/heads/main"), WEB)),
            Set.of("RS256"));
    refused(token(rsa, c -> c), Reason.UNAVAILABLE, "");
    runFetches();
    UnaryOperator<JWTClaimsSet.Builder> both =
        c -> c.claim("repository", "acme/shop").claim("ref", "refs/heads/main");

    assertThat(attest(token(rsa, both)).identity()).isEqualTo(WEB);
    refused(
        token(rsa, c -> both.apply(c).claim("ref", "refs/heads/fork")),
        Reason.CLAIMS,
        "fits none of the 1 rules");
    refused(token(rsa, c -> c.claim("repository", "acme/shop")), Reason.CLAIMS, "fits none");
    refused(
        token(rsa, c -> both.apply(c).claim("repository", List.of("acme/shop"))),
        Reason.CLAIMS,
        "fits none");
    assertThatThrownBy(() -> new OidcTokens.Rule(Map.of(), WEB))
        .hasMessageContaining("rule without claims");
  }

  @Test
  void keysOverHttpAreDiscoveredAndBounded() throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    String base = "http://127.0.0.1:" + server.getAddress().getPort();
    serve(
        server,
        "/.well-known/openid-configuration",
        "{\"issuer\":\"" + base + "\",\"jwks_uri\":\"" + base + "/keys\"}");
    serve(server, "/keys", new JWKSet(List.<JWK>of(rsa)).toString(true));
    serve(server, "/large", " ".repeat(300_000));
    serve(
        server,
        "/foreign/.well-known/openid-configuration",
        "{\"issuer\":\"https://other\",\"jwks_uri\":\"" + base + "/keys\"}");
    server.createContext(
        "/moved",
        exchange -> {
          exchange.getResponseHeaders().add("Location", base + "/keys");
          exchange.sendResponseHeaders(302, -1);
          exchange.close();
        });
    server.start();
    try (HttpKeys good = HttpKeys.discovered(base, null);
        HttpKeys foreign = HttpKeys.discovered(base + "/foreign", null);
        HttpKeys large = HttpKeys.at(URI.create(base + "/large"), null);
        HttpKeys moved = HttpKeys.at(URI.create(base + "/moved"), null)) {
      assertThat(good.fetch()).contains("rsa-1");
      assertThatThrownBy(foreign::fetch)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is of issuer \"https://other\"");
      assertThatThrownBy(large::fetch).isInstanceOf(IOException.class);
      assertThatThrownBy(moved::fetch).hasMessageContaining("answers 302");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void anIssuerElsewhereDoesNotSendTheServerToItsOwnLoopback() {
    for (String bad : List.of("http://127.0.0.1:8080/keys", "http://[::1]/keys")) {
      assertThatThrownBy(() -> HttpKeys.keysUrl("https://issuer.example.com", bad))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected an https URL");
    }
    URI keys = URI.create("https://keys.example.com/jwks");
    assertThat(HttpKeys.keysUrl("https://issuer.example.com", keys.toString())).isEqualTo(keys);
    URI local = URI.create("http://127.0.0.1:8080/keys");
    assertThat(HttpKeys.keysUrl("http://127.0.0.1:8080", local.toString())).isEqualTo(local);
  }

  @Test
  void onlyHttpsIsSpokenToOtherHosts() {
    for (String bad :
        List.of(
            "http://keys.example.com/jwks",
            "file:///etc/passwd",
            "https://user:secret@keys.example.com/",
            "http://localhost.example.com/",
            "https:relative")) {
      assertThatThrownBy(() -> HttpKeys.requireSecure(URI.create(bad)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected an https URL");
    }
    HttpKeys.requireSecure(URI.create("https://keys.example.com/jwks"));
  }

  @Test
  void theIssuerOfATokenSaysWhoIsAskedAndNobodyElseIs() throws Exception {
    Attestor chain =
        new Attestation(List.of(tokens), Duration.ofDays(1))
            .attestor(
                evidence -> {
                  throw new AssertionError("join tokens were asked");
                },
                evidence -> {
                  throw new AssertionError("the leaf was asked");
                });

    assertThat(chain.attest(Evidence.of(bytes(token(rsa, c -> c)))).identity()).isEqualTo(WEB);
    AttestationException unknown =
        catchThrowableOfType(
            AttestationException.class,
            () -> chain.attest(Evidence.of(bytes(token(rsa, c -> c.issuer("https://evil"))))));
    assertThat(unknown.reason()).isEqualTo(Reason.ISSUER);
    assertThat(unknown).hasMessageContaining("expected one of [" + ISSUER + "]");
    AttestationException nothing =
        catchThrowableOfType(
            AttestationException.class, () -> chain.attest(Evidence.of(new byte[0])));
    assertThat(nothing.reason()).isEqualTo(Reason.MISSING);
    assertThatThrownBy(() -> Attestation.of(tokens, tokens))
        .hasMessageContaining("is configured twice");
  }

  private OidcTokens open(List<OidcTokens.Rule> rules, Set<String> algorithms) {
    return OidcTokens.of(
        new OidcTokens.Issuer(
            ISSUER,
            new OidcTokens.Keys.Discovered(),
            null,
            "identity.l5d.io",
            algorithms,
            Duration.ofSeconds(10),
            Duration.ofMinutes(5),
            Duration.ofHours(24),
            rules),
        () -> {
          fetched++;
          if (served == null) {
            throw new IOException("nobody answers");
          }
          return served;
        },
        fetches::add,
        "signet",
        "cluster.local",
        clock);
  }

  private void runFetches() {
    while (!fetches.isEmpty()) {
      fetches.remove().run();
    }
  }

  private Attested attest(String token) throws AttestationException {
    return tokens.attest(Evidence.of(bytes(token)));
  }

  private void refused(String token, Reason reason, String why) {
    AttestationException refused =
        catchThrowableOfType(AttestationException.class, () -> attest(token));
    assertThat(refused).as("not refused: %s", why).isNotNull();
    assertThat(refused.reason()).as(refused.getMessage()).isEqualTo(reason);
    assertThat(refused).hasMessageContaining(why).message().doesNotContain(token);
  }

  private static String token(JWK key, UnaryOperator<JWTClaimsSet.Builder> change)
      throws Exception {
    return sign(
        key,
        key instanceof ECKey ? JWSAlgorithm.ES256 : JWSAlgorithm.RS256,
        change.apply(claims()).build());
  }

  private static String sign(JWK key, JWSAlgorithm algorithm, JWTClaimsSet claims)
      throws Exception {
    SignedJWT jwt =
        new SignedJWT(new JWSHeader.Builder(algorithm).keyID(key.getKeyID()).build(), claims);
    JWSSigner signer =
        key instanceof ECKey curve ? new ECDSASigner(curve) : new RSASSASigner((RSAKey) key);
    jwt.sign(signer);
    return jwt.serialize();
  }

  private static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .issuer(ISSUER)
        .subject("system:serviceaccount:shop:web")
        .audience("identity.l5d.io")
        .issueTime(Date.from(START))
        .expirationTime(Date.from(START.plusSeconds(600)));
  }

  private static void serve(HttpServer server, String path, String body) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    server.createContext(
        path,
        exchange -> {
          exchange.sendResponseHeaders(200, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  private static byte[] bytes(String token) {
    return token.getBytes(StandardCharsets.ISO_8859_1);
  }
}
