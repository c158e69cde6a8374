package io.signetmesh.policy.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.keys.KeyFetchException.Kind;
import io.signetmesh.policy.token.KeyLocation;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Fetching from a real server, good and hostile. */
final class HttpsKeysIT {
  private static final String SET = "{\"keys\":[]}";
  private static final String ISSUER = "https://id.example";
  private static final KeyNetworks LOOPBACK = new KeyNetworks(List.of(Cidr.parse("127.0.0.0/8")));

  private KeyServer server;
  private HttpsKeys keys;
  private final AtomicInteger resolved = new AtomicInteger();

  @BeforeEach
  void start() throws Exception {
    server = KeyServer.start();
    server.serve("/keys", SET);
    keys = fetcher(LOOPBACK, Duration.ofSeconds(10));
  }

  @AfterEach
  void stop() {
    keys.close();
    server.close();
  }

  private HttpsKeys fetcher(KeyNetworks networks, Duration limit) {
    return new HttpsKeys(
        networks,
        host -> {
          resolved.incrementAndGet();
          return switch (host) {
            case "keys.example" -> new InetAddress[] {InetAddress.getByName("127.0.0.1")};
            case "two.example" ->
                new InetAddress[] {
                  InetAddress.getByName("10.255.255.1"), InetAddress.getByName("127.0.0.1")
                };
            case "127.0.0.1" -> InetAddress.getAllByName(host);
            default -> throw new UnknownHostException(host);
          };
        },
        limit);
  }

  private KeyLocation at(String path) {
    return KeyLocation.keySet(server.url(path), server.caBundle());
  }

  private KeyLocation discovery() {
    return KeyLocation.discovery(server.url("/config"), ISSUER, server.caBundle());
  }

  private void fails(KeyLocation location, Kind kind, String message) {
    KeyFetchException failure = assertThrows(KeyFetchException.class, () -> keys.fetch(location));
    assertThat(failure.kind()).as(failure.text()).isEqualTo(kind);
    assertThat(failure.text()).contains(message);
  }

  @Test
  void aSetIsFetchedAndItsSuccessorToo() throws Exception {
    assertThat(keys.fetch(at("/keys"))).isEqualTo(SET);
    server.serve("/keys", "another");
    assertThat(keys.fetch(at("/keys"))).isEqualTo("another");
    assertThat(resolved).as("looked up once for a fetch").hasValue(2);
  }

  @Test
  void aServerIsAskedAtTheAddressThatWasChecked() throws Exception {
    server.serve("/keys", SET);
    KeyLocation two =
        KeyLocation.keySet("https://two.example:" + server.port() + "/keys", server.caBundle());
    fails(two, Kind.TLS, "no TLS with its server");
    assertThat(resolved).hasValue(1);
    keys.close();
    keys = fetcher(new KeyNetworks(List.of()), Duration.ofSeconds(10));
    fails(two, Kind.ADDRESS, "has no address of the internet");
    assertThat(server.requests()).isZero();
  }

  @Test
  void addressesOfPrivateNetworksAreNotAsked() {
    keys.close();
    keys = fetcher(new KeyNetworks(List.of()), Duration.ofSeconds(10));
    fails(at("/keys"), Kind.ADDRESS, "--key-set-networks");
    fails(
        KeyLocation.keySet(server.urlByAddress("/keys"), server.caBundle()),
        Kind.ADDRESS,
        "has no address of the internet");
    assertThat(server.requests()).isZero();
  }

  @Test
  void errorsShowNeitherTheQueryOfAUrlNorWhatANameResolvesTo() {
    keys.close();
    keys = fetcher(new KeyNetworks(List.of()), Duration.ofSeconds(10));
    KeyLocation location =
        KeyLocation.keySet("https://two.example:" + server.port() + "/keys?key=s3cret", "");
    assertThatThrownBy(() -> keys.fetch(location))
        .hasMessageContaining("https://two.example")
        .hasMessageNotContaining("s3cret")
        .hasMessageNotContaining("10.255.255.1");
    assertThat(location.toString()).doesNotContain("s3cret");
  }

  @Test
  void onlyAServerThatIsTrustedAndNamedSoIsAsked() throws Exception {
    fails(KeyLocation.keySet(server.url("/keys"), ""), Kind.TLS, "no TLS with its server");
    try (KeyServer other = KeyServer.start()) {
      fails(
          KeyLocation.keySet(server.url("/keys"), other.caBundle()),
          Kind.TLS,
          "no TLS with its server");
    }
    assertThat(keys.fetch(KeyLocation.keySet(server.urlByAddress("/keys"), server.caBundle())))
        .isEqualTo(SET);
    assertThat(server.requests()).isEqualTo(1);
  }

  @Test
  void cleartextIsForLoopbackAddressesThatTheOperatorNames() throws Exception {
    try (KeyServer plain = KeyServer.startPlain()) {
      plain.serve("/keys", SET);
      assertThat(keys.fetch(KeyLocation.keySet(plain.urlByAddress("/keys"), ""))).isEqualTo(SET);
    }
  }

  @Test
  void redirectsAreNotFollowed() {
    server.handle(
        "/keys",
        exchange -> {
          exchange.getResponseHeaders().set("Location", server.url("/other"));
          exchange.sendResponseHeaders(302, -1);
        });
    server.serve("/other", SET);
    fails(at("/keys"), Kind.REDIRECT, "answers 302: redirects are not followed");
    assertThat(server.requests()).isEqualTo(1);
  }

  @Test
  void otherAnswersAreNoKeySets() {
    fails(at("/nothing"), Kind.STATUS, "answers 404: expected 200");
    server.serve("/keys", 500, SET);
    fails(at("/keys"), Kind.STATUS, "answers 500");
    server.serve("/keys", 204, "");
    fails(at("/keys"), Kind.STATUS, "answers 204");
    server.handle(
        "/keys",
        exchange -> {
          exchange.sendResponseHeaders(200, 2);
          exchange.getResponseBody().write(new byte[] {(byte) 0xc0, (byte) 0xaf});
        });
    fails(at("/keys"), Kind.CONTENT, "is not UTF-8");
    server.handle(
        "/keys",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Encoding", "gzip");
          exchange.sendResponseHeaders(200, 2);
          exchange.getResponseBody().write(new byte[2]);
        });
    fails(at("/keys"), Kind.CONTENT, "content coding");
  }

  @Test
  void aLongAnswerIsGivenUpOn() {
    byte[] much = new byte[HttpsKeys.MAX_BYTES + 1];
    Arrays.fill(much, (byte) ' ');
    for (long announced : new long[] {much.length, 0}) {
      server.handle(
          "/keys",
          exchange -> {
            exchange.sendResponseHeaders(200, announced);
            exchange.getResponseBody().write(much);
          });
      fails(at("/keys"), Kind.SIZE, "more than 262144 bytes");
    }
    server.serve("/keys", new String(much, 0, HttpsKeys.MAX_BYTES, StandardCharsets.US_ASCII));
    assertThat(assertFetched(at("/keys"))).hasSize(HttpsKeys.MAX_BYTES);
  }

  private String assertFetched(KeyLocation location) {
    try {
      return keys.fetch(location);
    } catch (KeyFetchException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aSlowAnswerIsGivenUpOnInTime() throws Exception {
    keys.close();
    keys = fetcher(LOOPBACK, Duration.ofMillis(700));
    CountDownLatch end = new CountDownLatch(1);
    server.handle(
        "/keys",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          try {
            while (!end.await(20, java.util.concurrent.TimeUnit.MILLISECONDS)) {
              exchange.getResponseBody().write(' ');
              exchange.getResponseBody().flush();
            }
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    long start = System.nanoTime();
    fails(at("/keys"), Kind.TIMEOUT, "has not answered");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    end.countDown();
    // Neither does one that accepts and says nothing.
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      fails(
          KeyLocation.keySet(
              "https://127.0.0.1:" + silent.getLocalPort() + "/keys", server.caBundle()),
          Kind.TIMEOUT,
          "has not answered");
    }
  }

  @Test
  void aServerThatIsAwayOrUnknownIsTold() {
    int port = server.port();
    server.close();
    fails(
        KeyLocation.keySet("https://keys.example:" + port + "/keys", server.caBundle()),
        Kind.CONNECTION,
        "cannot be reached");
    fails(KeyLocation.keySet("https://nowhere.example/keys", ""), Kind.NAME, "host has no address");
  }

  @Test
  void aConfigurationDocumentNamesTheSet() throws Exception {
    server.serve(
        "/config",
        "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\",\"x\":[1]}".formatted(ISSUER, server.url("/keys")));
    assertThat(keys.fetch(discovery())).isEqualTo(SET);
  }

  @Test
  void aConfigurationDocumentIsHeldToItsIssuerAndToTheRulesOfUrls() {
    String good = server.url("/keys");
    record Case(String document, Kind kind, String message) {}
    for (Case one :
        List.of(
            new Case("<html>", Kind.CONTENT, "is not JSON"),
            new Case("{} {}", Kind.CONTENT, "is not JSON"),
            new Case(
                "{\"issuer\":\"https://other.example\",\"jwks_uri\":\"" + good + "\"}",
                Kind.ISSUER,
                "is of issuer \"https://other.example\": expected \"https://id.example\""),
            new Case("{\"jwks_uri\":\"" + good + "\"}", Kind.ISSUER, "is of issuer none"),
            new Case(
                "{\"issuer\":\"x\",\"issuer\":\"" + ISSUER + "\",\"jwks_uri\":\"" + good + "\"}",
                Kind.CONTENT,
                "is not JSON"),
            new Case("{\"issuer\":\"" + ISSUER + "\"}", Kind.CONTENT, "has no jwks_uri"),
            new Case(
                "{\"issuer\":\"" + ISSUER + "\",\"jwks_uri\":\"http://keys.example/keys\"}",
                Kind.CONTENT,
                "expected https://"),
            new Case(
                "{\"issuer\":\"" + ISSUER + "\",\"jwks_uri\":\"http://127.0.0.1/keys\"}",
                Kind.CONTENT,
                "expected https://"),
            new Case(
                "{\"issuer\":\"" + ISSUER + "\",\"jwks_uri\":\"file:///etc/passwd\"}",
                Kind.CONTENT,
                "expected https://"),
            new Case(
                "{\"issuer\":\"" + ISSUER + "\",\"jwks_uri\":\"https://two.example/keys\"}",
                Kind.CONNECTION,
                "cannot be reached"))) {
      server.serve("/config", one.document());
      fails(discovery(), one.kind(), one.message());
    }
  }
}
