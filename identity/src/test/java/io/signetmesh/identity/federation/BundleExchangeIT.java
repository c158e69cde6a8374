package io.signetmesh.identity.federation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.federation.ForeignDomain.Profile;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Bundle endpoint and fetch over real sockets, in both profiles. */
@Timeout(60)
class BundleExchangeIT {
  private static final String B = "b.example";
  private static final String SERVER = "spiffe://b.example/ns/signet/sa/identity";
  private static final TestPki OWN = TestPki.create("own");
  private static final TestPki FOREIGN = TestPki.create("b");
  private static final TestPki NEXT = TestPki.create("b next");

  @TempDir Path directory;
  private final List<AutoCloseable> parts = new ArrayList<>();
  private final BundleFetch fetch =
      new BundleFetch(OWN.trust(), Clock.systemUTC(), Duration.ofSeconds(5));
  private final AtomicReference<TrustBundle> served = new AtomicReference<>(bundle(3, FOREIGN));

  private static TrustBundle bundle(long version, TestPki pki) {
    return new TrustBundle(version, B, List.of(pki.anchor().getCertificate()));
  }

  private static Credentials credentials(TestPki pki, String... uris) throws Exception {
    CertificateBuilder leaf = TestPki.leaf("identity.signet.b.example");
    for (String uri : uris) {
      leaf.addSanUriName(uri);
    }
    X509Bundle issued = TestPki.issued(leaf, pki.issuer());
    return new Credentials(
        new WorkloadCertificate(issued.getKeyPair().getPrivate(), pki.chain(issued)),
        new TrustBundle(1, B, List.of(pki.anchor().getCertificate())));
  }

  private InetSocketAddress serve(Credentials credentials, BundleEndpoint.@Nullable WebFiles web)
      throws Exception {
    BundleEndpoint endpoint =
        BundleEndpoint.start(
            new BundleEndpoint.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), web),
            () -> credentials,
            served::get,
            new SimpleMeterRegistry(),
            Clock.systemUTC());
    parts.add(endpoint);
    return endpoint.address();
  }

  private static ForeignDomain domain(InetSocketAddress address, Profile profile) {
    return new ForeignDomain(
        B,
        URI.create("https://127.0.0.1:" + address.getPort() + "/"),
        profile,
        Duration.ofSeconds(1),
        Duration.ofSeconds(1));
  }

  private static Profile spiffe() {
    return new Profile.Spiffe(
        SERVER, Path.of("b.json"), SpiffeBundle.of(bundle(1, FOREIGN), Duration.ZERO), "");
  }

  private BundleEndpoint.WebFiles web(X509Bundle certificate) throws IOException {
    Path chain = directory.resolve("web.pem");
    Path key = directory.resolve("web.key");
    StateFiles.writeSecret(key, PrivateKeys.toPem(certificate.getKeyPair().getPrivate()));
    StateFiles.writePublic(chain, Certificates.toPem(List.of(certificate.getCertificate())));
    return new BundleEndpoint.WebFiles(chain, key);
  }

  private X509Bundle webCa() {
    return TestPki.selfSigned(TestPki.ca("CN=web CA", 0));
  }

  private Profile webProfile(X509Bundle ca) throws IOException {
    return new Profile.Web(
        Files.writeString(
            directory.resolve("ca.pem"), Certificates.toPem(List.of(ca.getCertificate()))));
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable part : parts) {
      part.close();
    }
  }

  @Test
  void aHostThatHoldsItsConnectionsDoesNotKeepOthersOut() throws Exception {
    InetSocketAddress address = serve(credentials(FOREIGN, SERVER), null);
    for (int i = 0; i < BundleEndpoint.MAX_CONNECTIONS; i++) {
      Socket held = new Socket();
      parts.add(held);
      held.bind(new InetSocketAddress("127.0.0.2", 0));
      held.connect(address);
    }

    assertThat(fetch.fetch(domain(address, spiffe()), bundle(1, FOREIGN)).sequence()).isEqualTo(3);
  }

  @Test
  void spiffeEndpointIsFetchedWithTheDomainsOwnBundle() throws Exception {
    ForeignDomain domain = domain(serve(credentials(FOREIGN, SERVER), null), spiffe());

    SpiffeBundle fetched = fetch.fetch(domain, bundle(1, FOREIGN));

    assertThat(fetched).isEqualTo(SpiffeBundle.of(bundle(3, FOREIGN), BundleEndpoint.REFRESH_HINT));
    served.set(bundle(4, NEXT));
    assertThat(fetch.fetch(domain, bundle(1, FOREIGN)).sequence()).isEqualTo(4);
  }

  @Test
  void spiffeEndpointOfAnotherNameOrCaIsRefused() throws Exception {
    ForeignDomain other =
        domain(serve(credentials(FOREIGN, "spiffe://b.example/other"), null), spiffe());
    ForeignDomain foreignCa = domain(serve(credentials(OWN, SERVER), null), spiffe());
    ForeignDomain nameless = domain(serve(credentials(FOREIGN), null), spiffe());

    assertThatThrownBy(() -> fetch.fetch(other, bundle(1, FOREIGN)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("expected endpointSpiffeId " + SERVER);
    assertThatThrownBy(() -> fetch.fetch(foreignCa, bundle(1, FOREIGN)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("trust anchors of " + B);
    assertThatThrownBy(() -> fetch.fetch(nameless, bundle(1, FOREIGN)))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> fetch.fetch(other, null))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("expected another initialBundle");
  }

  @Test
  void webEndpointIsAuthenticatedByItsHostName() throws Exception {
    X509Bundle ca = webCa();
    X509Bundle good = TestPki.issued(TestPki.leaf().addSanIpAddress("127.0.0.1"), ca);
    X509Bundle wrong = TestPki.issued(TestPki.leaf("other.example"), ca);
    Credentials none = credentials(FOREIGN, SERVER);

    assertThat(fetch.fetch(domain(serve(none, web(good)), webProfile(ca)), null).sequence())
        .isEqualTo(3);
    ForeignDomain misnamed = domain(serve(none, web(wrong)), webProfile(ca));
    assertThatThrownBy(() -> fetch.fetch(misnamed, null))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("127.0.0.1");
    ForeignDomain unknown = domain(serve(none, web(good)), webProfile(webCa()));
    assertThatThrownBy(() -> fetch.fetch(unknown, null)).isInstanceOf(IOException.class);
    ForeignDomain publicCas = domain(serve(none, web(good)), new Profile.Web(null));
    assertThatThrownBy(() -> fetch.fetch(publicCas, null)).isInstanceOf(IOException.class);
  }

  @Test
  void webCertificateWithAnotherKeyIsNotServed() throws Exception {
    X509Bundle ca = webCa();
    BundleEndpoint.WebFiles files = web(TestPki.issued(TestPki.leaf("a.example"), ca));
    StateFiles.writeSecret(files.key(), PrivateKeys.toPem(ca.getKeyPair().getPrivate()));

    assertThatThrownBy(() -> serve(credentials(FOREIGN, SERVER), files))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("is not the key of");
  }

  @Test
  void redirectsErrorsFloodsAndSilenceAreRefused() throws Exception {
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    parts.add(() -> server.stop(0));
    X509Bundle ca = webCa();
    X509Bundle leaf = TestPki.issued(TestPki.leaf().addSanIpAddress("127.0.0.1"), ca);
    var keys = javax.net.ssl.KeyManagerFactory.getInstance("PKIX");
    keys.init(leaf.toKeyStore("x".toCharArray()), "x".toCharArray());
    var context = javax.net.ssl.SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    server.setHttpsConfigurator(new HttpsConfigurator(context));
    server.createContext(
        "/redirect",
        exchange -> {
          exchange.getResponseHeaders().add("Location", "/good");
          exchange.sendResponseHeaders(302, -1);
          exchange.close();
        });
    server.createContext(
        "/missing",
        exchange -> {
          exchange.sendResponseHeaders(404, -1);
          exchange.close();
        });
    server.createContext(
        "/flood",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          try (var out = exchange.getResponseBody()) {
            for (int i = 0; i < 64; i++) {
              out.write(new byte[64 * 1024]);
            }
          }
        });
    server.createContext("/silence", exchange -> {});
    server.start();
    BundleFetch hasty = new BundleFetch(OWN.trust(), Clock.systemUTC(), Duration.ofSeconds(2));

    assertThatThrownBy(() -> hasty.fetch(at(server, "/redirect", ca), null))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("redirects are not followed");
    assertThatThrownBy(() -> hasty.fetch(at(server, "/missing", ca), null))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("status 404");
    assertThatThrownBy(() -> hasty.fetch(at(server, "/flood", ca), null))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> hasty.fetch(at(server, "/silence", ca), null))
        .isInstanceOf(IOException.class);
  }

  private ForeignDomain at(HttpsServer server, String path, X509Bundle ca) throws IOException {
    return new ForeignDomain(
        B,
        URI.create("https://127.0.0.1:" + server.getAddress().getPort() + path),
        webProfile(ca),
        Duration.ofSeconds(1),
        Duration.ofSeconds(1));
  }
}
