package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A peer that is revoked while it is connected, in each state that a connection may be in. */
@Timeout(60)
class LivePeerIT {
  private static final String GET = "GET / HTTP/1.1\r\nhost: web\r\n\r\n";

  /** Nothing on the way waits for a time, so this is for a busy machine only. */
  private static final Duration SOON = Duration.ofSeconds(20);

  private ServerSocket application;
  private MeshPair pair;

  @BeforeEach
  void start() throws Exception {
    application = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    application.setSoTimeout(10_000);
    pair =
        new MeshPair(
            IoTransport.select(null),
            new InetSocketAddress(InetAddress.getLoopbackAddress(), application.getLocalPort()));
    pair.allow(MeshPair.detect(), MeshPair.CLIENT);
  }

  @AfterEach
  void stop() throws IOException {
    pair.close();
    application.close();
  }

  private Socket client() throws IOException {
    Socket socket = new Socket(pair.outbound().getAddress(), pair.outbound().getPort());
    socket.setSoTimeout(10_000);
    return socket;
  }

  private Socket accept() throws IOException {
    Socket socket = application.accept();
    socket.setSoTimeout(10_000);
    return socket;
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void readHead(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      assertThat(next).as("head: %s", head).isNotNegative();
      head.append((char) next);
    }
  }

  private static void until(BooleanSupplier condition) {
    long deadline = System.nanoTime() + SOON.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("within %s", SOON).isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** The record comes before the cut. */
  private DecisionEvent cut(String workload) {
    until(() -> !pair.decisions("peer-revoked").isEmpty());
    DecisionEvent record = pair.decisions("peer-revoked").getFirst();
    assertThat(record.verdict()).isEqualTo(Verdict.DENY);
    assertThat(record.connection().workload()).isEqualTo(workload);
    return record;
  }

  private static void assertCut(Socket socket) throws IOException {
    assertThatThrownBy(() -> socket.getInputStream().readAllBytes())
        .isInstanceOf(SocketException.class);
  }

  @Test
  void requestInFlightOfARevokedClientEndsAsACut() throws Exception {
    try (Socket client = client()) {
      send(client, GET);
      try (Socket served = accept()) {
        readHead(served);
        pair.revokeAtServer(MeshPair.CLIENT);
        DecisionEvent record = cut("shop/web");
        assertThat(record.protocol()).isEqualTo("http/2");
        assertThat(record.server()).isEqualTo("policy.linkerd.io/server/web");
        assertThat(record.policyGeneration()).isEqualTo(1);
        assertThat(record.connection().clientIdentity()).isEqualTo(MeshPair.CLIENT);
        assertThat(record.detail()).isEqualTo("identity \"" + MeshPair.CLIENT + "\" is revoked");
        // The application is told that nobody waits for its answer.
        assertThat(ends(served)).isTrue();
      }
      byte[] answer = new byte[12];
      assertThat(client.getInputStream().readNBytes(answer, 0, 12)).isEqualTo(12);
      assertThat(new String(answer, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 502");
    }
  }

  private static boolean ends(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketException e) {
      return true;
    }
  }

  @Test
  void allStreamsOfARevokedClientEnd() throws Exception {
    List<Socket> clients = new ArrayList<>();
    List<Socket> served = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Socket client = client();
      send(client, GET);
      clients.add(client);
      Socket accepted = accept();
      readHead(accepted);
      served.add(accepted);
    }
    pair.revokeAtServer(MeshPair.CLIENT);
    var cut = cut("shop/web").connection();
    for (Socket socket : served) {
      assertThat(ends(socket)).isTrue();
      socket.close();
    }
    for (Socket client : clients) {
      client.close();
    }
    // The client's proxy may try idempotent requests once more, over a connection that is refused.
    assertThat(pair.decisions("peer-revoked"))
        .filteredOn(record -> record.connection().client().equals(cut.client()))
        .as("one for the connection")
        .hasSize(1);
  }

  @Test
  void relayOfARevokedClientIsCutOnBothSides() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        pair.revokeAtServer(MeshPair.CLIENT);
        assertThat(cut("shop/web").protocol()).isEqualTo("tcp");
        assertCut(served);
      }
      assertCut(client);
    }
  }

  /** The peer has said all that it will say, and only reads. */
  @Test
  void halfClosedRelayIsCutToo() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      client.shutdownOutput();
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readAllBytes()).hasSize(3);
        pair.revokeAtServer(MeshPair.CLIENT);
        cut("shop/web");
        assertWriteFails(served);
      }
    }
  }

  private static void assertWriteFails(Socket served) {
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 1_000; i++) {
                served.getOutputStream().write(new byte[1_000]);
                LockSupport.parkNanos(1_000_000);
              }
            })
        .isInstanceOf(SocketException.class);
  }

  /** Nothing waits for a revoked peer to take what has been written to it. */
  @Test
  void peerThatTakesNothingIsCutWithoutWaiting() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        AtomicLong written = new AtomicLong();
        Thread filling =
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        while (true) {
                          served.getOutputStream().write(new byte[64 * 1024]);
                          written.incrementAndGet();
                        }
                      } catch (IOException e) {
                        // Cut.
                      }
                    });
        StoppedWriter.await(filling, written, pair.loops());
        pair.revokeAtServer(MeshPair.CLIENT);
        cut("shop/web");
        assertThat(filling.join(SOON)).as("the application's writes fail").isTrue();
      }
    }
  }

  @Test
  void upgradedConnectionIsCut() throws Exception {
    pair.allow(MeshPair.detect(), MeshPair.CLIENT);
    try (Socket client = client()) {
      send(
          client,
          "GET /chat HTTP/1.1\r\nhost: web\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
      try (Socket served = accept()) {
        readHead(served);
        send(
            served,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
        readHead(client);
        send(client, "hello");
        assertThat(served.getInputStream().readNBytes(5)).hasSize(5);
        pair.revokeAtServer(MeshPair.CLIENT);
        cut("shop/web");
        assertCut(served);
      }
      assertCut(client);
    }
  }

  @Test
  void connectionThatWaitsForPolicyIsCut() throws Exception {
    stop();
    application = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    pair =
        new MeshPair(
            IoTransport.select(null),
            new InetSocketAddress(InetAddress.getLoopbackAddress(), application.getLocalPort()));
    pair.awaitPolicyFor(Duration.ofSeconds(30));
    Channel direct = pair.direct(application.getLocalPort());
    CompletableFuture<Boolean> ended = new CompletableFuture<>();
    direct
        .pipeline()
        .addLast(
            new ChannelInboundHandlerAdapter() {
              @Override
              public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                ended.complete(true);
              }
            });
    direct.writeAndFlush(Unpooled.copiedBuffer("bytes", StandardCharsets.US_ASCII));
    direct.config().setAutoRead(true);
    until(pair::isPolicyAwaited);
    pair.revokeAtServer(MeshPair.CLIENT);
    DecisionEvent record = cut("shop/web");
    assertThat(record.server()).isEqualTo("none");
    assertThat(ended.get(10, TimeUnit.SECONDS)).isTrue();
  }

  /** The handshake was begun under the list before: registration asks the newest. */
  @Test
  void listThatArrivesDuringTheHandshakeIsNotMissedByTheServer() throws Exception {
    pair.listAtServer(MeshPair.CLIENT);
    try (Socket client = client()) {
      send(client, GET);
      readHead(client);
      cut("shop/web");
      assertThat(pair.decisions("authorized")).isEmpty();
    }
  }

  @Test
  void listThatArrivesDuringTheHandshakeIsNotMissedByTheClient() throws Exception {
    pair.listAtClient(MeshPair.SERVER);
    assertThatThrownBy(() -> pair.direct(application.getLocalPort()))
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("not trusted any more");
    assertThat(cut("shop/client").detail())
        .isEqualTo(
            "connection to "
                + MeshPair.SERVER
                + ": identity \""
                + MeshPair.SERVER
                + "\" is revoked");
  }

  @Test
  void pooledConnectionToARevokedServerIsCutAndNotUsedAgain() throws Exception {
    try (Socket client = client()) {
      send(client, GET);
      try (Socket served = accept()) {
        readHead(served);
        send(served, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        readHead(client);
        pair.revokeAtClient(MeshPair.SERVER);
        cut("shop/client");
        send(client, GET);
        byte[] answer = new byte[12];
        assertThat(client.getInputStream().readNBytes(answer, 0, 12)).isEqualTo(12);
        assertThat(new String(answer, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 502");
      }
    }
    assertThat(pair.decisions("authorized")).hasSize(1);
  }

  @Test
  void relayToARevokedServerIsCut() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        pair.revokeAtClient(MeshPair.SERVER);
        cut("shop/client");
        assertCut(client);
        assertCut(served);
      }
    }
  }

  @Test
  void relayIsCutThoughItsEndCannotBePutOnRecord() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        pair.failRecords();
        pair.revokeAtServer(MeshPair.CLIENT);
        assertCut(served);
      }
      assertCut(client);
    }
  }

  @Test
  void relayToARevokedServerIsCutThoughItsEndCannotBePutOnRecord() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        pair.failRecords();
        pair.revokeAtClient(MeshPair.SERVER);
        assertCut(client);
        assertCut(served);
      }
    }
  }

  @Test
  void relayThatAPolicyDeniesIsCutThoughThatCannotBePutOnRecord() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        pair.failRecords();
        pair.allow(MeshPair.opaque(), MeshPair.SERVER);
        assertCut(served);
      }
      assertCut(client);
    }
  }

  @Test
  void requestThatAPolicyDeniesEndsThoughThatCannotBePutOnRecord() throws Exception {
    try (Socket client = client()) {
      send(client, GET);
      try (Socket served = accept()) {
        readHead(served);
        pair.failRecords();
        pair.allow(MeshPair.detect(), MeshPair.SERVER);
        assertThat(ends(served)).isTrue();
      }
    }
  }

  @Test
  void otherClientsAreNotTouched() throws Exception {
    pair.allow(MeshPair.opaque(), MeshPair.CLIENT);
    try (Socket client = client()) {
      client.getOutputStream().write(new byte[] {1, 2, 3});
      try (Socket served = accept()) {
        assertThat(served.getInputStream().readNBytes(3)).hasSize(3);
        pair.revokeAtServer("other.shop.serviceaccount.identity.signet.cluster.local");
        send(client, "more");
        assertThat(served.getInputStream().readNBytes(4)).hasSize(4);
      }
    }
    assertThat(pair.decisions("peer-revoked")).isEmpty();
  }
}
