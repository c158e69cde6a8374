package io.signetmesh.policy.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.fetch.FetchException.Kind;
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
final class HttpsDocumentsIT {
  private static final String SET = "{\"keys\":[]}";
  private static final String ISSUER = "https://id.example";
  private static final FetchNetworks LOOPBACK =
      new FetchNetworks(List.of(Cidr.parse("127.0.0.0/8")));

  private DocumentServer server;
  private HttpsDocuments keys;
  private final AtomicInteger resolved = new AtomicInteger();

  @BeforeEach
  void start() throws Exception {
    server = DocumentServer.start();
    server.serve("/keys", SET);
    keys = fetcher(LOOPBACK, Duration.ofSeconds(10));
  }

  @AfterEach
  void stop() {
    keys.close();
    server.close();
  }

  private HttpsDocuments fetcher(FetchNetworks networks, Duration limit) {
    return new HttpsDocuments(
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

  private DocumentLocation at(String path) {
    return DocumentLocation.keySet(server.url(path), server.caBundle());
  }

  private DocumentLocation discovery() {
    return DocumentLocation.discovery(server.url("/config"), ISSUER, server.caBundle());
  }

  private String fetched(DocumentLocation location) throws FetchException {
    return keys.fetch(location).toStringUtf8();
  }

  private void fails(DocumentLocation location, Kind kind, String message) {
    FetchException failure = assertThrows(FetchException.class, () -> keys.fetch(location));
    assertThat(failure.kind()).as(failure.text()).isEqualTo(kind);
    assertThat(failure.text()).contains(message);
  }

  @Test
  void aSetIsFetchedAndItsSuccessorToo() throws Exception {
    assertThat(fetched(at("/keys"))).isEqualTo(SET);
    server.serve("/keys", "another");
    assertThat(fetched(at("/keys"))).isEqualTo("another");
    assertThat(resolved).as("looked up once for a fetch").hasValue(2);
  }

  @Test
  void aServerIsAskedAtTheAddressThatWasChecked() throws Exception {
    server.serve("/keys", SET);
    DocumentLocation two =
        DocumentLocation.keySet(
            "https://two.example:" + server.port() + "/keys", server.caBundle());
    fails(two, Kind.TLS, "no TLS with its server");
    assertThat(resolved).hasValue(1);
    keys.close();
    keys = fetcher(new FetchNetworks(List.of()), Duration.ofSeconds(10));
    fails(two, Kind.ADDRESS, "has no address of the internet");
    assertThat(server.requests()).isZero();
  }

  @Test
  void addressesOfPrivateNetworksAreNotAsked() {
    keys.close();
    keys = fetcher(new FetchNetworks(List.of()), Duration.ofSeconds(10));
    fails(at("/keys"), Kind.ADDRESS, "--key-set-networks");
    fails(
        DocumentLocation.keySet(server.urlByAddress("/keys"), server.caBundle()),
        Kind.ADDRESS,
        "has no address of the internet");
    assertThat(server.requests()).isZero();
  }

  @Test
  void errorsShowNeitherTheQueryOfAUrlNorWhatANameResolvesTo() {
    keys.close();
    keys = fetcher(new FetchNetworks(List.of()), Duration.ofSeconds(10));
    DocumentLocation location =
        DocumentLocation.keySet("https://two.example:" + server.port() + "/keys?key=s3cret", "");
    assertThatThrownBy(() -> keys.fetch(location))
        .hasMessageContaining("https://two.example")
        .hasMessageNotContaining("s3cret")
        .hasMessageNotContaining("10.255.255.1");
    assertThat(location.toString()).doesNotContain("s3cret");
  }

  @Test
  void onlyAServerThatIsTrustedAndNamedSoIsAsked() throws Exception {
    fails(DocumentLocation.keySet(server.url("/keys"), ""), Kind.TLS, "no TLS with its server");
    try (DocumentServer other = DocumentServer.start()) {
      fails(
          DocumentLocation.keySet(server.url("/keys"), other.caBundle()),
          Kind.TLS,
          "no TLS with its server");
    }
    assertThat(fetched(DocumentLocation.keySet(server.urlByAddress("/keys"), server.caBundle())))
        .isEqualTo(SET);
    assertThat(server.requests()).isEqualTo(1);
  }

  @Test
  void cleartextIsForLoopbackAddressesThatTheOperatorNames() throws Exception {
    try (DocumentServer plain = DocumentServer.startPlain()) {
      plain.serve("/keys", SET);
      assertThat(fetched(DocumentLocation.keySet(plain.urlByAddress("/keys"), ""))).isEqualTo(SET);
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
    assertThat(
            assertThrows(
                    FetchException.class, () -> DocumentForm.KEY_SET.parse(keys.fetch(at("/keys"))))
                .text())
        .contains("is not UTF-8");
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
    byte[] much = new byte[DocumentForm.KEY_SET.maxBytes() + 1];
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
    server.serve(
        "/keys", new String(much, 0, DocumentForm.KEY_SET.maxBytes(), StandardCharsets.US_ASCII));
    assertThat(assertFetched(at("/keys"))).hasSize(DocumentForm.KEY_SET.maxBytes());
  }

  private String assertFetched(DocumentLocation location) {
    try {
      return fetched(location);
    } catch (FetchException e) {
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
          DocumentLocation.keySet(
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
        DocumentLocation.keySet("https://keys.example:" + port + "/keys", server.caBundle()),
        Kind.CONNECTION,
        "cannot be reached");
    fails(
        DocumentLocation.keySet("https://nowhere.example/keys", ""),
        Kind.NAME,
        "host has no address");
  }

  @Test
  void aConfigurationDocumentNamesTheSet() throws Exception {
    server.serve(
        "/config",
        "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\",\"x\":[1]}".formatted(ISSUER, server.url("/keys")));
    assertThat(fetched(discovery())).isEqualTo(SET);
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

  @Test
  void aBundleIsFetchedAsItIsAndMayBeLarger() throws Exception {
    byte[] bundle = new byte[DocumentForm.BUNDLE.maxBytes()];
    bundle[0] = (byte) 0xff;
    server.handle(
        "/bundle",
        exchange -> {
          assertThat(exchange.getRequestHeaders().getFirst("Accept"))
              .startsWith("application/gzip");
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write(bundle);
        });
    DocumentLocation location = DocumentLocation.bundle(server.url("/bundle"), server.caBundle());
    assertThat(keys.fetch(location).toByteArray()).isEqualTo(bundle);
    server.handle(
        "/bundle",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write(bundle);
          exchange.getResponseBody().write(0);
        });
    fails(location, Kind.SIZE, "more than 1048576 bytes");
    fails(DocumentLocation.bundleFile("shop", "b"), Kind.FILE, "is not fetched from a server");
  }

  @Test
  void aNameThatNobodyAnswersForIsGivenUpOnInTime() {
    CountDownLatch end = new CountDownLatch(1);
    keys.close();
    keys =
        new HttpsDocuments(
            LOOPBACK,
            host -> {
              try {
                end.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              throw new UnknownHostException(host);
            },
            Duration.ofMillis(300));
    long start = System.nanoTime();
    fails(at("/keys"), Kind.TIMEOUT, "no address of its host was found");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    end.countDown();
  }
}
