package io.signetmesh.proxy.forward;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.proxy.http.MeshPair;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Ends and cuts of opaque connections, through two proxies and through one whose peer behaves as
 * Linkerd's proxy does: close_notify, then FIN, and it goes on reading.
 */
@ParameterizedClass
@MethodSource("transports")
@Timeout(120)
class ConnectionEndingsIT {
  private static final int LARGE = 10 * 1024 * 1024;

  /** Five bytes that cannot begin HTTP: the proxy does not wait for more before it relays them. */
  private static final byte[] NO_HTTP = "hey!\n".getBytes(US_ASCII);

  private final IoTransport transport;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private ServerSocket application;
  private MeshPair pair;

  ConnectionEndingsIT(IoTransport transport) {
    this.transport = transport;
  }

  static Stream<IoTransport> transports() {
    return Stream.of(IoTransport.values())
        .filter(
            transport -> {
              try {
                return IoTransport.select(transport.label()) == transport;
              } catch (IllegalArgumentException e) {
                return false;
              }
            });
  }

  @BeforeEach
  void start() throws Exception {
    application = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    application.setSoTimeout(20_000);
    pair = new MeshPair(transport, (InetSocketAddress) application.getLocalSocketAddress());
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
  }

  @AfterEach
  void stop() throws IOException {
    pair.close();
    application.close();
    threads.shutdownNow();
  }

  /** What a side got of the other's direction. */
  private record Received(byte[] bytes, boolean cut) {
    static Received of(Socket socket) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      try {
        InputStream in = socket.getInputStream();
        byte[] buffer = new byte[64 * 1024];
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          all.write(buffer, 0, n);
        }
        return new Received(all.toByteArray(), false);
      } catch (SocketTimeoutException e) {
        throw new AssertionError("neither end nor cut after " + all.size() + " bytes", e);
      } catch (IOException e) {
        return new Received(all.toByteArray(), true);
      }
    }
  }

  private Future<Received> receiving(Socket socket) {
    return threads.submit(() -> Received.of(socket));
  }

  private static byte[] bytes(int length, int seed) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (i * 31 + seed + (i >> 12));
    }
    return bytes;
  }

  private Socket connect(InetSocketAddress address) throws IOException {
    Socket socket = new Socket(address.getAddress(), address.getPort());
    socket.setSoTimeout(10_000);
    return socket;
  }

  private Socket accept() throws IOException {
    Socket socket = application.accept();
    socket.setSoTimeout(10_000);
    return socket;
  }

  private static void reset(Socket socket) throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  private SSLContext tls(String name) throws Exception {
    WorkloadCertificate certificate = pair.credentials(name).certificate();
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
    return tls;
  }

  /** A peer as Linkerd's proxy is one, on a connection to the server's proxy. */
  private SSLSocket peerClient(Socket plain) throws Exception {
    SSLSocket socket =
        (SSLSocket)
            tls(MeshPair.CLIENT).getSocketFactory().createSocket(plain, MeshPair.SERVER, 443, true);
    socket.startHandshake();
    return socket;
  }

  /** A listener of the client's proxy whose upstream is a TLS server of the test. */
  private InetSocketAddress outboundTo(ServerSocket server) throws IOException {
    return pair.outboundTo(
        new Endpoint(
            (InetSocketAddress) server.getLocalSocketAddress(),
            new TlsTarget(MeshPair.SERVER, MeshPair.SERVER),
            Endpoint.Hint.OPAQUE,
            0,
            null,
            Map.of()));
  }

  private SSLSocket peerServer(Socket accepted) throws Exception {
    accepted.setSoTimeout(20_000);
    SSLSocket socket =
        (SSLSocket) tls(MeshPair.SERVER).getSocketFactory().createSocket(accepted, null, true);
    socket.setUseClientMode(false);
    socket.startHandshake();
    return socket;
  }

  private ServerSocket listen() throws IOException {
    ServerSocket server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    server.setSoTimeout(20_000);
    return server;
  }

  /** One side sends and ends its direction; the other answers only then, and ends its own. */
  private void oneEndsThenTheOther(Socket first, Socket second, int size) throws Exception {
    byte[] question = bytes(size, 1);
    byte[] answer = bytes(size, 2);
    Future<Received> asked = receiving(second);
    first.getOutputStream().write(question);
    first.shutdownOutput();
    Received got = asked.get(30, TimeUnit.SECONDS);
    assertThat(got.cut()).isFalse();
    assertThat(got.bytes()).isEqualTo(question);
    Future<Received> answered = receiving(first);
    second.getOutputStream().write(answer);
    second.shutdownOutput();
    got = answered.get(30, TimeUnit.SECONDS);
    assertThat(got.cut()).isFalse();
    assertThat(got.bytes()).isEqualTo(answer);
  }

  @Test
  void betweenTwoProxiesEachDirectionEndsOnItsOwn() throws Exception {
    for (int size : new int[] {5, LARGE}) {
      try (Socket client = connect(pair.outbound())) {
        client.getOutputStream().write(NO_HTTP);
        try (Socket server = accept()) {
          assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
          oneEndsThenTheOther(client, server, size);
        }
      }
      try (Socket client = connect(pair.outbound())) {
        client.getOutputStream().write(NO_HTTP);
        try (Socket server = accept()) {
          assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
          oneEndsThenTheOther(server, client, size);
        }
      }
    }
  }

  @Test
  void aPeerThatEndsWithCloseNotifyGetsItsAnswer() throws Exception {
    for (int size : new int[] {5, LARGE}) {
      try (Socket plain = connect(pair.declared());
          SSLSocket client = peerClient(plain)) {
        client.getOutputStream().write(NO_HTTP);
        try (Socket server = accept()) {
          assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
          oneEndsThenTheOther(client, server, size);
        }
      }
    }
  }

  @Test
  void aPeerThatIsToldAnEndGoesOnSending() throws Exception {
    for (int size : new int[] {5, LARGE}) {
      try (Socket plain = connect(pair.declared());
          SSLSocket client = peerClient(plain)) {
        client.getOutputStream().write(NO_HTTP);
        try (Socket server = accept()) {
          assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
          oneEndsThenTheOther(server, client, size);
        }
      }
    }
  }

  @Test
  void aPeersServerMayEndFirstOrLast() throws Exception {
    for (int size : new int[] {5, LARGE}) {
      for (boolean clientFirst : new boolean[] {true, false}) {
        try (ServerSocket listener = listen();
            Socket client = connect(outboundTo(listener))) {
          client.getOutputStream().write(NO_HTTP);
          try (SSLSocket server = peerServer(listener.accept())) {
            assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
            if (clientFirst) {
              oneEndsThenTheOther(client, server, size);
            } else {
              oneEndsThenTheOther(server, client, size);
            }
          }
        }
      }
    }
  }

  @Test
  void anEndWithoutCloseNotifyIsACutForTheApplication() throws Exception {
    for (int i = 0; i < 5; i++) {
      try (Socket plain = connect(pair.declared())) {
        SSLSocket client = peerClient(plain);
        byte[] sent = bytes(100_000, i);
        client.getOutputStream().write(sent);
        // As who forges a FIN in the network.
        plain.shutdownOutput();
        try (Socket server = accept()) {
          Received got = Received.of(server);
          assertThat(got.cut()).isTrue();
          assertThat(got.bytes()).isEqualTo(sent);
        }
      }
    }
  }

  @Test
  void anEndWithoutCloseNotifyIsACutForTheClient() throws Exception {
    for (int i = 0; i < 5; i++) {
      try (ServerSocket listener = listen();
          Socket client = connect(outboundTo(listener))) {
        client.getOutputStream().write(NO_HTTP);
        try (Socket plain = listener.accept()) {
          SSLSocket server = peerServer(plain);
          byte[] sent = bytes(100_000, i);
          server.getOutputStream().write(sent);
          plain.shutdownOutput();
          Received got = Received.of(client);
          assertThat(got.cut()).isTrue();
          assertThat(got.bytes()).isEqualTo(sent);
        }
      }
    }
  }

  @Test
  void aResetOfTheApplicationIsAResetForTheClient() throws Exception {
    for (int i = 0; i < 20; i++) {
      try (Socket client = connect(pair.outbound())) {
        client.getOutputStream().write(NO_HTTP);
        try (Socket server = accept()) {
          assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
          byte[] sent = bytes(50_000, i);
          Future<Received> received = receiving(client);
          server.getOutputStream().write(sent);
          awaitDelivery(server);
          reset(server);
          Received got = received.get(20, TimeUnit.SECONDS);
          assertThat(got.cut()).isTrue();
          assertThat(got.bytes()).isEqualTo(sent);
        }
      }
    }
  }

  @Test
  void aResetOfTheClientIsAResetForTheApplication() throws Exception {
    for (int i = 0; i < 20; i++) {
      Socket client = connect(pair.outbound());
      byte[] sent = bytes(50_000, i);
      client.getOutputStream().write(sent);
      try (Socket server = accept()) {
        Future<Received> received = receiving(server);
        awaitDelivery(client);
        reset(client);
        Received got = received.get(20, TimeUnit.SECONDS);
        assertThat(got.cut()).isTrue();
        assertThat(got.bytes()).isEqualTo(sent);
      }
    }
  }

  /** Bytes and a reset at once, before the application is reached. */
  @Test
  void bytesBeforeAResetArriveAndSoDoesTheReset() throws Exception {
    for (int i = 0; i < 20; i++) {
      Socket client = connect(pair.outbound());
      client.getOutputStream().write("hello".getBytes(US_ASCII));
      reset(client);
      try (Socket server = accept()) {
        Received got = Received.of(server);
        assertThat(new String(got.bytes(), US_ASCII)).isEqualTo("hello");
        assertThat(got.cut()).isTrue();
      }
    }
  }

  /** A client that does not read is slow, not gone: what was sent to it before the cut waits. */
  @Test
  void aCutWaitsForASlowReader() throws Exception {
    try (Socket client = connect(pair.outbound())) {
      client.getOutputStream().write(NO_HTTP);
      try (Socket server = accept()) {
        assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
        byte[] sent = bytes(1 << 20, 3);
        server.getOutputStream().write(sent);
        awaitDelivery(server);
        reset(server);
        Thread.sleep(300);
        Received got = Received.of(client);
        assertThat(got.bytes()).isEqualTo(sent);
        assertThat(got.cut()).isTrue();
      }
    }
  }

  @Test
  void aCutByPolicyIsAResetOnBothSides() throws Exception {
    try (Socket client = connect(pair.outbound())) {
      client.getOutputStream().write(NO_HTTP);
      try (Socket server = accept()) {
        assertThat(server.getInputStream().readNBytes(5)).hasSize(5);
        Future<Received> atClient = receiving(client);
        pair.allow(MeshPair.opaque(), "other.shop.serviceaccount.identity.signet.cluster.local");
        assertThat(Received.of(server).cut()).isTrue();
        assertThat(atClient.get(20, TimeUnit.SECONDS).cut()).isTrue();
      }
    }
  }

  /**
   * Waits until the proxy has read what was written. A reset makes the kernel forget what it has
   * not; this test is not about that.
   */
  private static void awaitDelivery(Socket socket) throws IOException {
    socket.getOutputStream().flush();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (queued(socket.getLocalPort(), socket.getPort()) > 0
        || queued(socket.getPort(), socket.getLocalPort()) > 0) {
      assertThat(System.nanoTime() - deadline).as("the proxy does not read").isNegative();
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Bytes that wait at a socket of this host, to be sent or to be read (proc_net_tcp). */
  private static long queued(int localPort, int remotePort) throws IOException {
    String local = ":%04X".formatted(localPort);
    String remote = ":%04X".formatted(remotePort);
    long bytes = 0;
    for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
      for (String line : Files.readAllLines(Path.of(table))) {
        String[] fields = line.strip().split(" +");
        if (fields[1].endsWith(local) && fields[2].endsWith(remote)) {
          int colon = fields[4].indexOf(':');
          bytes += Long.parseLong(fields[4].substring(0, colon), 16);
          bytes += Long.parseLong(fields[4].substring(colon + 1), 16);
        }
      }
    }
    return bytes;
  }
}
