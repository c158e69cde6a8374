package io.signetmesh.proxy.forward;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.loop.Dial;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class TcpRelayTest {
  private static final int MIB = 1024 * 1024;

  private final IoTransport transport;
  private final ProxyLoops loops;
  private final ServerSocket application;
  private final Semaphore closed = new Semaphore(0);
  private int port;

  TcpRelayTest(IoTransport transport) throws IOException {
    this.transport = transport;
    loops = new ProxyLoops(transport, 1);
    application = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    application.setSoTimeout(20_000);
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
  void listen() throws IOException {
    Channel listener =
        loops
            .listen(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                loop ->
                    new ChannelInboundHandlerAdapter() {
                      @Override
                      public void channelActive(ChannelHandlerContext ctx) {
                        HeldReads held = new HeldReads();
                        ctx.pipeline().addLast(held);
                        loops
                            .dial(
                                loop,
                                new Dial(
                                    (InetSocketAddress) application.getLocalSocketAddress(),
                                    null,
                                    TcpKeepAlive.DEFAULT,
                                    Duration.ofSeconds(10),
                                    new ChannelInitializer<Channel>() {
                                      @Override
                                      protected void initChannel(Channel dialed) {}
                                    }))
                            .addListener(
                                (Future<Channel> dialed) -> {
                                  TcpRelay.join(
                                      loop, ctx.channel(), dialed.getNow(), closed::release);
                                  held.release();
                                });
                      }
                    })
            .getFirst();
    port = ((InetSocketAddress) listener.localAddress()).getPort();
  }

  @AfterEach
  void close() throws IOException {
    loops.close();
    application.close();
  }

  private Socket connect() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(20_000);
    return socket;
  }

  private Socket accept() throws IOException {
    Socket socket = application.accept();
    socket.setSoTimeout(20_000);
    return socket;
  }

  /** Writes until the other side stops reading; returns the mebibytes written so far. */
  private static AtomicInteger sending(Socket socket, int mebibytes) {
    AtomicInteger sent = new AtomicInteger();
    Thread.ofVirtual()
        .start(
            () -> {
              try (socket) {
                OutputStream out = socket.getOutputStream();
                while (sent.get() < mebibytes) {
                  out.write(new byte[MIB]);
                  sent.incrementAndGet();
                }
              } catch (IOException e) {
                // The test counts what arrives.
              }
            });
    return sent;
  }

  private static void atRest(AtomicInteger sent) {
    int before;
    do {
      before = sent.get();
      LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    } while (sent.get() != before);
  }

  @Test
  void oneDirectionEndsAndTheOtherGoesOnHoweverSlowly() throws Exception {
    try (Socket client = connect();
        Socket server = accept()) {
      client.getOutputStream().write("request".getBytes(US_ASCII));
      client.shutdownOutput();
      assertThat(server.getInputStream().readAllBytes()).hasSize(7);
      AtomicInteger sent = sending(server, 64);
      atRest(sent);
      assertThat(sent).hasValueLessThan(40);
      assertThat(client.getInputStream().readAllBytes()).hasSize(64 * MIB);
      assertThat(closed.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void theServerMayEndFirst() throws Exception {
    try (Socket client = connect();
        Socket server = accept()) {
      server.getOutputStream().write("greeting".getBytes(US_ASCII));
      server.shutdownOutput();
      assertThat(client.getInputStream().readAllBytes()).hasSize(8);
      AtomicInteger sent = sending(client, 64);
      atRest(sent);
      assertThat(sent).hasValueLessThan(40);
      assertThat(server.getInputStream().readAllBytes()).hasSize(64 * MIB);
      assertThat(closed.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void clientsThatDoNotReadTakeNoThreadsEach() throws Exception {
    assumeThat(Path.of("/proc/self/task")).isDirectory();
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 20; i++) {
        Socket client = connect();
        sockets.add(client);
        client.getOutputStream().write("request".getBytes(US_ASCII));
        client.shutdownOutput();
        Socket server = accept();
        sockets.add(server);
        assertThat(server.getInputStream().readAllBytes()).hasSize(7);
        atRest(sending(server, 64));
      }
      try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
        assertThat(threads.filter(thread -> nameOf(thread).startsWith("iou-wrk")))
            .hasSizeLessThan(10);
      }
      for (int i = 0; i < sockets.size(); i += 2) {
        assertThat(sockets.get(i).getInputStream().readAllBytes()).hasSize(64 * MIB);
      }
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  private static String nameOf(Path thread) {
    try {
      return Files.readString(thread.resolve("comm"));
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void bytesAndEndThatComeBeforeTheApplicationIsReachedAreKept() throws Exception {
    for (int i = 0; i < 20; i++) {
      try (Socket client = connect()) {
        client.getOutputStream().write("early".getBytes(US_ASCII));
        client.shutdownOutput();
        try (Socket server = accept()) {
          assertThat(new String(server.getInputStream().readAllBytes(), US_ASCII))
              .isEqualTo("early");
          server.getOutputStream().write("late".getBytes(US_ASCII));
        }
        assertThat(new String(client.getInputStream().readAllBytes(), US_ASCII)).isEqualTo("late");
      }
    }
    assertThat(closed.tryAcquire(20, 10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aResetEndsBothConnections() throws Exception {
    try (Socket client = connect();
        Socket server = accept()) {
      client.getOutputStream().write(1);
      assertThat(server.getInputStream().read()).isEqualTo(1);
      server.setSoLinger(true, 0);
      server.close();
      assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
      assertThat(closed.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
    }
  }
}
