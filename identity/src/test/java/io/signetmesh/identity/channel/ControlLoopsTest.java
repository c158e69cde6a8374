package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ControlLoopsTest {
  /** A loop that is within a task has looked already whether it is to end. */
  @Test
  void connectionsEndWithTheLoopsAlsoWhenTheseAreBusy() throws Exception {
    ControlLoops loops = ControlLoops.start(1);
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      new Bootstrap()
          .group(loops.group())
          .channel(NioSocketChannel.class)
          .handler(new ChannelInboundHandlerAdapter())
          .connect(listener.getLocalSocketAddress())
          .sync();
      try (Socket peer = listener.accept()) {
        peer.setSoTimeout(20_000);
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch closing = new CountDownLatch(1);
        loops
            .group()
            .execute(
                () -> {
                  busy.countDown();
                  try {
                    closing.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
        busy.await();
        loops.close();
        closing.countDown();

        assertThat(peer.getInputStream().read()).isEqualTo(-1);
      }
    }
  }
}
