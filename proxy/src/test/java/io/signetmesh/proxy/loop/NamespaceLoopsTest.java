package io.signetmesh.proxy.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.netns.NamespaceThread;
import io.signetmesh.proxy.netns.NetworkNamespace;
import io.signetmesh.proxy.netns.TestNamespace;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Loops of a proxy whose sockets are in a network namespace. */
@Timeout(60)
final class NamespaceLoopsTest {
  private static final class Says extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      InetSocketAddress client = (InetSocketAddress) ctx.channel().remoteAddress();
      ctx.writeAndFlush(
          ctx.alloc()
              .buffer()
              .writeBytes(client.getHostString().getBytes(StandardCharsets.US_ASCII)));
    }
  }

  private static final class Hears extends ChannelInboundHandlerAdapter {
    private final CompletableFuture<String> text = new CompletableFuture<>();

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      text.complete(bytes.toString(StandardCharsets.US_ASCII));
      bytes.release();
    }
  }

  private static Dial to(InetSocketAddress target, Hears handler) {
    return new Dial(target, null, TcpKeepAlive.DEFAULT, Duration.ofSeconds(10), handler);
  }

  @ParameterizedTest
  @CsvSource({"IO_URING,127.0.0.1", "EPOLL,127.0.0.1", "IO_URING,::1", "EPOLL,::1"})
  void listensAndDialsInside(IoTransport transport, String address) throws Exception {
    try (TestNamespace place = TestNamespace.make();
        NamespaceThread thread = new NamespaceThread();
        NetworkNamespace namespace = NetworkNamespace.open(thread, "a/b", place.file(), 0x539);
        EventLoops shared = new EventLoops(transport, 2);
        ProxyLoops loops = shared.forProxy(2, Pace.DEFAULT, namespace);
        ServerSocket here = new ServerSocket()) {
      here.bind(new InetSocketAddress(address, 0));
      InetSocketAddress same = (InetSocketAddress) here.getLocalSocketAddress();
      List<Channel> listeners = loops.listen(same, loop -> new Says());
      assertThat(listeners).hasSize(2);
      assertThat(listeners.getFirst().localAddress()).isEqualTo(same);
      for (int i = 0; i < 40; i++) {
        Hears heard = new Hears();
        ProxyLoop loop = loops.loops().get(i % 2);
        Channel dialled = loops.dial(loop, to(same, heard)).sync().getNow();
        dialled.config().setAutoRead(true);
        assertThat(heard.text.get(10, TimeUnit.SECONDS)).isEqualTo(same.getHostString());
        assertThat(dialled.remoteAddress()).isEqualTo(same);
        assertThat(((InetSocketAddress) dialled.localAddress()).getPort()).isPositive();
        assertThat(dialled.isActive()).isTrue();
        dialled.close().sync();
      }
      // The others would get a part of the connections.
      assertThatThrownBy(() -> loops.listen(same, loop -> new Says()))
          .hasMessageContaining("cannot listen on ")
          .hasMessageContaining("Address already in use")
          .hasMessageEndingWith(" of a/b");
      InetSocketAddress nowhere = new InetSocketAddress(same.getAddress(), 9);
      assertThat(loops.dial(loops.loops().getFirst(), to(nowhere, new Hears())).await().cause())
          .hasMessageContaining("Connection refused");
      listeners.forEach(listener -> listener.close().syncUninterruptibly());
    }
  }

  @Test
  void aNamespaceThatIsGoneFailsTheDial() throws Exception {
    try (TestNamespace place = TestNamespace.make();
        NamespaceThread thread = new NamespaceThread();
        NetworkNamespace namespace = NetworkNamespace.open(thread, "a/b", place.file(), 0);
        EventLoops shared = new EventLoops(IoTransport.EPOLL, 1);
        ProxyLoops loops = shared.forProxy(1, Pace.DEFAULT, namespace)) {
      namespace.close();
      Throwable failure =
          loops
              .dial(
                  loops.loops().getFirst(), to(new InetSocketAddress("127.0.0.1", 9), new Hears()))
              .await()
              .cause();
      assertThat(failure).hasMessageEndingWith(" of a/b is closed");
    }
  }

  @Test
  void nioHasNoNamespaces() throws Exception {
    try (TestNamespace place = TestNamespace.make();
        NamespaceThread thread = new NamespaceThread();
        NetworkNamespace namespace = NetworkNamespace.open(thread, "a/b", place.file(), 0);
        EventLoops shared = new EventLoops(IoTransport.NIO, 1)) {
      assertThatThrownBy(() -> shared.forProxy(1, Pace.DEFAULT, namespace))
          .hasMessageStartingWith("transport nio: expected io_uring or epoll");
    }
  }
}
