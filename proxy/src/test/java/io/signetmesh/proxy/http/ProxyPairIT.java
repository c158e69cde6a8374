package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.netty.channel.Channel;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP and TCP through a client-side and a server-side proxy with mutual TLS between. */
@Timeout(60)
class ProxyPairIT {
  private HttpServer application;
  private MeshPair pair;

  @BeforeEach
  void start() throws Exception {
    application = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
    application.setExecutor(Executors.newCachedThreadPool());
    application.createContext(
        "/",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          String answer =
              exchange.getRequestMethod()
                  + " "
                  + exchange.getRequestURI()
                  + " "
                  + exchange.getRequestHeaders().getFirst("l5d-client-id")
                  + " "
                  + exchange.getRequestHeaders().getFirst("l5d-orig-proto")
                  + " "
                  + sha256(body);
          byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
          if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("content-length", "5");
            exchange.sendResponseHeaders(200, -1);
          } else {
            exchange.sendResponseHeaders(
                200, exchange.getRequestURI().getPath().equals("/chunked") ? 0 : bytes.length);
            exchange.getResponseBody().write(bytes);
          }
          exchange.close();
        });
    application.start();
    pair = new MeshPair(IoTransport.select(null), application.getAddress());
    pair.allow(MeshPair.detect(), MeshPair.CLIENT);
  }

  @AfterEach
  void stop() {
    pair.close();
    application.stop(0);
  }

  private URI uri(String path) {
    return URI.create("http://127.0.0.1:" + pair.outbound().getPort() + path);
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void http1RequestsReachTheApplicationWithTheClientsVerifiedIdentity() throws Exception {
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      for (int i = 0; i < 20; i++) {
        HttpResponse<String> response =
            client.send(
                HttpRequest.newBuilder(uri("/a?n=" + i)).header("l5d-client-id", "forged").build(),
                BodyHandlers.ofString());
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body())
            .isEqualTo("GET /a?n=" + i + " " + MeshPair.CLIENT + " null " + sha256(new byte[0]));
        assertThat(response.headers().firstValue("l5d-orig-proto")).isEmpty();
      }
    }
    DecisionEvent decision = pair.decisions().getFirst();
    assertThat(decision.verdict()).isEqualTo(Verdict.ALLOW);
    assertThat(decision.path()).isEqualTo("/a");
    assertThat(decision.connection().clientIdentity()).isEqualTo(MeshPair.CLIENT);
    assertThat(decision.connection().tlsGroup()).isEqualTo("X25519MLKEM768");
    assertThat(decision.policyGeneration()).isEqualTo(1);
  }

  @Test
  void largeBodiesAreStreamedBothWaysUnchanged() throws Exception {
    byte[] body = new byte[5_000_000];
    new java.util.Random(7).nextBytes(body);
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      HttpResponse<String> known =
          client.send(
              HttpRequest.newBuilder(uri("/known")).POST(BodyPublishers.ofByteArray(body)).build(),
              BodyHandlers.ofString());
      assertThat(known.body()).endsWith(sha256(body));
      HttpResponse<String> chunked =
          client.send(
              HttpRequest.newBuilder(uri("/chunked"))
                  .POST(BodyPublishers.ofInputStream(() -> new java.io.ByteArrayInputStream(body)))
                  .build(),
              BodyHandlers.ofString());
      assertThat(chunked.body()).endsWith(sha256(body));
    }
  }

  @Test
  void headHasNoBodyAndTheConnectionGoesOn() throws Exception {
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      HttpRequest head =
          HttpRequest.newBuilder(uri("/")).method("HEAD", BodyPublishers.noBody()).build();
      assertThat(client.send(head, BodyHandlers.ofString()).body()).isEmpty();
      assertThat(
              client
                  .send(HttpRequest.newBuilder(uri("/next")).build(), BodyHandlers.ofString())
                  .statusCode())
          .isEqualTo(200);
    }
  }

  @Test
  void clientThatPolicyDoesNotNameGets403WithTheNearestAuthorizationOnRecord() throws Exception {
    pair.allow(MeshPair.detect(), "other.shop.serviceaccount.identity.signet.cluster.local");
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      HttpResponse<String> response =
          client.send(HttpRequest.newBuilder(uri("/")).build(), BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(403);
    }
    DecisionEvent decision = pair.decisions().getLast();
    assertThat(decision.reason()).isEqualTo("identity-mismatch");
    assertThat(decision.authorization()).isEqualTo("default/web-clients");
    assertThat(decision.failedAttribute()).isEqualTo("identity");
    assertThat(decision.detail()).contains("other.shop");
  }

  @Test
  void plaintextToTheApplicationsPortGets403WhereMeshTlsIsWanted() throws Exception {
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      HttpResponse<String> response =
          client.send(
              HttpRequest.newBuilder(
                      URI.create("http://127.0.0.1:" + pair.declared().getPort() + "/"))
                  .build(),
              BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(403);
    }
    assertThat(pair.decisions().getLast().reason()).isEqualTo("tls-required");
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws Exception {
    try (Socket socket = new Socket(pair.outbound().getAddress(), pair.outbound().getPort())) {
      StringBuilder requests = new StringBuilder();
      for (int i = 0; i < 10; i++) {
        requests.append("GET /p").append(i).append(" HTTP/1.1\r\nHost: web\r\n");
        requests.append(i == 9 ? "Connection: close\r\n\r\n" : "\r\n");
      }
      socket.getOutputStream().write(requests.toString().getBytes(StandardCharsets.US_ASCII));
      String all = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      int at = 0;
      for (int i = 0; i < 10; i++) {
        int next = all.indexOf("GET /p" + i + " ", at);
        assertThat(next).as("answer %d in %s", i, all).isGreaterThan(at);
        at = next;
      }
    }
  }

  @Test
  void smuggledOrMalformedRequestsAreRefused() throws Exception {
    String[] requests = {
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    };
    for (String request : requests) {
      try (Socket socket = new Socket(pair.outbound().getAddress(), pair.outbound().getPort())) {
        socket.setSoTimeout(5000);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        socket.shutdownOutput();
        String answer =
            new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        assertThat(answer).as(request).startsWith("HTTP/1.1 400");
      }
    }
    assertThat(pair.decisions()).isEmpty();
  }

  @Test
  void tcpIsRelayedWithHalfClose() throws Exception {
    pair.close();
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      pair =
          new MeshPair(
              IoTransport.select(null),
              new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getLocalPort()));
      pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
      Thread answering =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (Socket accepted = server.accept()) {
                      byte[] all = accepted.getInputStream().readAllBytes();
                      accepted
                          .getOutputStream()
                          .write(("got " + all.length).getBytes(StandardCharsets.US_ASCII));
                    } catch (java.io.IOException e) {
                      throw new java.io.UncheckedIOException(e);
                    }
                  });
      try (Socket socket = new Socket(pair.outbound().getAddress(), pair.outbound().getPort())) {
        OutputStream out = socket.getOutputStream();
        byte[] block = new byte[300_000];
        block[0] = (byte) 0xff;
        out.write(block);
        out.flush();
        socket.shutdownOutput();
        InputStream in = socket.getInputStream();
        assertThat(new String(in.readAllBytes(), StandardCharsets.US_ASCII))
            .isEqualTo("got 300000");
      }
      answering.join(Duration.ofSeconds(10));
      assertThat(pair.decisions().getLast().protocol()).isEqualTo("tcp");
    }
  }

  /** Discovery says whom to expect; a certificate of the mesh for another name is none of it. */
  @Test
  void aServerOfAnotherIdentityThanExpectedGetsNothing() throws Exception {
    Endpoint endpoint =
        new Endpoint(
            application.getAddress(),
            new TlsTarget(MeshPair.SERVER, "other.shop.serviceaccount.identity.cluster.local"),
            Endpoint.Hint.HTTP2,
            pair.inboundPort(),
            null,
            Map.of());
    InetSocketAddress listener = pair.outboundTo(endpoint);
    try (Socket socket = new Socket(listener.getAddress(), listener.getPort())) {
      socket.setSoTimeout(20_000);
      socket
          .getOutputStream()
          .write(
              "GET /secret HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
          .startsWith("HTTP/1.1 502");
    }
    assertThat(pair.decisions()).noneMatch(decision -> "/secret".equals(decision.path()));
  }

  @Test
  void liveConnectionIsCutWhenItLosesItsRight() throws Exception {
    pair.close();
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      pair =
          new MeshPair(
              IoTransport.select(null),
              new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getLocalPort()));
      pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
      try (Socket socket = new Socket(pair.outbound().getAddress(), pair.outbound().getPort())) {
        socket.getOutputStream().write(new byte[] {1, 2, 3});
        try (Socket accepted = server.accept()) {
          assertThat(accepted.getInputStream().readNBytes(3)).containsExactly(1, 2, 3);
          pair.allow(MeshPair.opaque(), "other");
          assertThatThrownBy(() -> accepted.getInputStream().read())
              .isInstanceOf(SocketException.class);
        }
        assertThatThrownBy(() -> socket.getInputStream().read())
            .isInstanceOf(SocketException.class);
      }
      assertThat(pair.decisions().getLast().verdict()).isEqualTo(Verdict.DENY);
    }
  }

  /** In bytes there are no requests that could be decided on. */
  @Test
  void liveConnectionIsCutWhenItsPortBecomesHttp() throws Exception {
    pair.close();
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      pair =
          new MeshPair(
              IoTransport.select(null),
              new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getLocalPort()));
      pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
      try (Socket socket = new Socket(pair.outbound().getAddress(), pair.outbound().getPort())) {
        socket.getOutputStream().write(new byte[] {1, 2, 3});
        try (Socket accepted = server.accept()) {
          assertThat(accepted.getInputStream().readNBytes(3)).containsExactly(1, 2, 3);
          pair.allow(
              ProxyProtocol.newBuilder().setHttp1(ProxyProtocol.Http1.getDefaultInstance()).build(),
              MeshPair.CLIENT);
          assertThatThrownBy(() -> accepted.getInputStream().read())
              .isInstanceOf(SocketException.class);
        }
        assertThatThrownBy(() -> socket.getInputStream().read())
            .isInstanceOf(SocketException.class);
      }
      assertThat(pair.decisions().getLast().verdict()).isEqualTo(Verdict.DENY);
      assertThat(pair.decisions().getLast().reason()).isEqualTo("protocol-error");
    }
  }

  @Test
  void nobodyIsForwardedToAListenerOfTheProxyItself() throws Exception {
    Channel channel = pair.direct(pair.outbound().getPort());

    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (pair.decisions().isEmpty() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(1_000_000);
    }
    channel.close();
    DecisionEvent decision = pair.decisions().getLast();
    assertThat(decision.reason()).isEqualTo("foreign-address");
    assertThat(decision.connection().clientIdentity()).isEqualTo(MeshPair.CLIENT);
  }

  @Test
  void tlsOfAnotherIsNotPassedOnWherePolicySaysHttp() throws Exception {
    pair.allow(
        ProxyProtocol.newBuilder().setHttp1(ProxyProtocol.Http1.getDefaultInstance()).build(),
        MeshPair.CLIENT);
    SSLContext trusting = SSLContext.getDefault();
    try (Socket plain = new Socket(pair.declared().getAddress(), pair.declared().getPort());
        SSLSocket socket =
            (SSLSocket)
                trusting.getSocketFactory().createSocket(plain, "other.example", 443, true)) {
      socket.setSoTimeout(10_000);
      assertThatThrownBy(socket::startHandshake).isInstanceOf(IOException.class);
    }
    assertThat(pair.decisions().getLast().reason()).isEqualTo("protocol-error");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "batch.shop.serviceaccount.identity.other.example",
        "spiffe://other.example/batch"
      })
  void deniedNameDoesNotHideBehindTheFirstNameOfACertificate(String denied) throws Exception {
    pair.allowAndDeny(MeshPair.detect(), MeshPair.CLIENT, denied);

    assertThat(overTls("/one", MeshPair.CLIENT, "else.example")).startsWith("HTTP/1.1 200");
    assertThat(overTls("/two", MeshPair.CLIENT, "else.example", denied)).startsWith("HTTP/1.1 403");

    DecisionEvent decision = pair.decisions().getLast();
    assertThat(decision.reason()).isEqualTo("denied-by-policy");
    assertThat(decision.connection().clientIdentity()).isEqualTo(MeshPair.CLIENT);
    assertThat(decision.detail()).contains(denied);
  }

  @Test
  void grantIsForTheFirstNameOfACertificateOnly() throws Exception {
    assertThat(overTls("/", "else.example", MeshPair.CLIENT)).startsWith("HTTP/1.1 403");
    assertThat(pair.decisions().getLast().reason()).isEqualTo("identity-mismatch");
  }

  /** What the server's proxy answers to a client with these names in its certificate. */
  private String overTls(String path, String name, String... more) throws Exception {
    WorkloadCertificate certificate = pair.credentials(name, more).certificate();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null);
    keys.setKeyEntry(
        "leaf",
        certificate.privateKey(),
        new char[0],
        certificate.chain().toArray(X509Certificate[]::new));
    KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
    managers.init(keys, new char[0]);
    SSLContext tls = SSLContext.getInstance("TLSv1.3");
    tls.init(
        managers.getKeyManagers(), InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
    try (Socket plain = new Socket(pair.declared().getAddress(), pair.declared().getPort());
        SSLSocket socket =
            (SSLSocket) tls.getSocketFactory().createSocket(plain, MeshPair.SERVER, 443, true)) {
      socket.setSoTimeout(10_000);
      socket
          .getOutputStream()
          .write(
              ("GET " + path + " HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  @Test
  void handshakeThatBreaksOffIsOnRecordAndAnEmptyConnectionIsNot() throws Exception {
    try (Socket socket = new Socket(pair.declared().getAddress(), pair.declared().getPort())) {
      socket.shutdownOutput();
      socket.setSoTimeout(10_000);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
    assertThat(pair.decisions()).isEmpty();
    try (Socket socket = new Socket(pair.declared().getAddress(), pair.declared().getPort())) {
      socket.getOutputStream().write(new byte[] {22, 3, 1, 1, 0, 1});
      socket.shutdownOutput();
      socket.setSoTimeout(10_000);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
    DecisionEvent decision = pair.decisions().getLast();
    assertThat(decision.verdict()).isEqualTo(Verdict.DENY);
    assertThat(decision.reason()).isEqualTo("protocol-error");
    assertThat(decision.detail()).contains("ClientHello");
  }

  @Test
  void clientWithTooManyNamesFailsTheHandshakeAndTheRecordSaysWhy() throws Exception {
    String[] more = new String[16];
    Arrays.setAll(more, i -> "n" + i + ".example");

    assertThatThrownBy(() -> overTls("/", MeshPair.CLIENT, more)).isInstanceOf(IOException.class);

    DecisionEvent decision = pair.decisions().getLast();
    assertThat(decision.reason()).isEqualTo("tls-handshake-failed");
    assertThat(decision.detail()).contains("17 names");
  }

  @Test
  void connectionWithoutPolicyWaitsAndIsRefused() throws Exception {
    pair.close();
    pair = new MeshPair(IoTransport.select(null), application.getAddress());
    try (Socket socket = new Socket(pair.declared().getAddress(), pair.declared().getPort())) {
      socket.setSoTimeout(5000);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
    assertThat(pair.decisions().getLast().reason()).isEqualTo("no-policy");
  }
}
