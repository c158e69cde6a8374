package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketChannel;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PeerProcessTest {
  @TempDir Path directory;

  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final BlockingQueue<EpollDomainSocketChannel> accepted = new LinkedBlockingQueue<>();
  private Path socket;

  @BeforeEach
  void listen() {
    socket = directory.resolve("s");
    new ServerBootstrap()
        .group(group)
        .channel(EpollServerDomainSocketChannel.class)
        .childHandler(
            new ChannelInitializer<DomainSocketChannel>() {
              @Override
              protected void initChannel(DomainSocketChannel channel) {
                accepted.add((EpollDomainSocketChannel) channel);
              }
            })
        .bind(new DomainSocketAddress(socket.toString()))
        .syncUninterruptibly();
  }

  @AfterEach
  void stop() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @Test
  void aProcessIsAliveUntilItEnds() throws Exception {
    Process process = connector();
    EpollDomainSocketChannel channel = accept();
    PeerProcess peer = PeerProcess.of(channel.fd().intValue(), channel.peerCredentials().pid());
    assertThat(peer.isAlive()).isTrue();

    process.destroyForcibly();
    process.waitFor();

    assertThat(peer.isAlive()).isFalse();
    assertThatThrownBy(() -> PeerProcess.of(channel.fd().intValue(), (int) process.pid()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("is gone");
  }

  @Test
  void aProcessThatIsGivenBackCountsAsGone() throws Exception {
    try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      client.connect(UnixDomainSocketAddress.of(socket));
      EpollDomainSocketChannel channel = accept();
      PeerProcess own = PeerProcess.of(channel.fd().intValue(), channel.peerCredentials().pid());
      assertThat(own.isAlive()).isTrue();

      own.close();
      assertThat(own.isAlive()).isFalse();
    }
  }

  @Test
  void aProcessThatCannotBeSeenIsRefused() {
    assertThatThrownBy(() -> PeerProcess.of(0, 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another process namespace");
  }

  private EpollDomainSocketChannel accept() throws InterruptedException {
    EpollDomainSocketChannel channel = accepted.poll(20, TimeUnit.SECONDS);
    assertThat(channel).isNotNull();
    return channel;
  }

  /** A process that connects and waits. */
  private Process connector() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            "io.signetmesh.identity.spiffe.RawWorkloadCall",
            socket.toString())
        .redirectErrorStream(true)
        .start();
  }
}
