package io.signetmesh.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;

/**
 * Makes full TLS 1.3 handshakes with a client certificate, some at a time, none resumed. One counts
 * when the server has taken the client's certificate and closed in good order: in TLS 1.3 the
 * client is done before the server has looked. Signet's TLS library on this side, whatever the
 * other is; the certificate of the server is not checked, since a load generator is not what is
 * measured.
 */
final class Handshakes {
  private static final int CONCURRENT = 8;
  private static final int TIMEOUT_SECONDS = 5;

  private final ProxyPair.MutualTls target;
  private final SslContext tls;
  private final Bootstrap bootstrap;
  private final long end;
  private final CountDownLatch running = new CountDownLatch(CONCURRENT);

  // Confined to the one event loop.
  private long[] nanos = new long[1 << 14];
  private int done;
  private long failed;

  private Handshakes(
      ProxyPair.MutualTls target, SslContext tls, EventLoopGroup loop, Duration length) {
    this.target = target;
    this.tls = tls;
    this.end = System.nanoTime() + length.toNanos();
    this.bootstrap =
        new Bootstrap()
            .group(loop)
            .channel(NioSocketChannel.class)
            .option(ChannelOption.TCP_NODELAY, true)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channel
                        .pipeline()
                        .addLast(new ReadTimeoutHandler(TIMEOUT_SECONDS), handler(channel))
                        .addLast(new Attempt());
                  }
                });
  }

  static Load run(ProxyPair.MutualTls target, Duration length)
      throws IOException, InterruptedException {
    SslContext tls =
        SslContextBuilder.forClient()
            .sslProvider(SslProvider.OPENSSL)
            .protocols("TLSv1.3")
            .trustManager(InsecureTrustManagerFactory.INSTANCE)
            .keyManager(target.chain().toFile(), target.key().toFile())
            .build();
    EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    try {
      Handshakes run = new Handshakes(target, tls, loop, length);
      long begun = System.nanoTime();
      for (int i = 0; i < CONCURRENT; i++) {
        loop.execute(run::next);
      }
      if (!run.running.await(length.toSeconds() + 30, TimeUnit.SECONDS)) {
        throw new IOException("handshakes with " + target.address() + " do not end");
      }
      return loop.submit(() -> run.result((System.nanoTime() - begun) / 1e9)).sync().getNow();
    } finally {
      loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(5, TimeUnit.SECONDS);
    }
  }

  private Load result(double seconds) {
    long[] sorted = Arrays.copyOf(nanos, done);
    Arrays.sort(sorted);
    return new Load(
        done,
        failed,
        seconds,
        done == 0 ? 0 : sorted[done / 2] / 1e3,
        done == 0 ? 0 : sorted[(int) (done * 0.99)] / 1e3);
  }

  private SslHandler handler(Channel channel) {
    SslHandler handler = tls.newHandler(channel.alloc());
    SSLParameters parameters = handler.engine().getSSLParameters();
    parameters.setServerNames(List.of(new SNIHostName(target.serverName())));
    handler.engine().setSSLParameters(parameters);
    return handler;
  }

  private void next() {
    if (System.nanoTime() - end >= 0) {
      running.countDown();
      return;
    }
    bootstrap
        .connect(target.address())
        .addListener(
            connected -> {
              if (!connected.isSuccess()) {
                failed++;
                next();
              }
            });
  }

  private final class Attempt extends ChannelInboundHandlerAdapter {
    private final long begun = System.nanoTime();
    private long established;
    private boolean broken;

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof SslHandshakeCompletionEvent completion) {
        if (completion.isSuccess()) {
          established = System.nanoTime();
          ctx.pipeline().get(SslHandler.class).closeOutbound();
        } else {
          broken = true;
          ctx.close();
        }
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      broken = true;
      ctx.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (broken || established == 0) {
        failed++;
      } else {
        if (done == nanos.length) {
          nanos = Arrays.copyOf(nanos, 2 * done);
        }
        nanos[done++] = established - begun;
      }
      next();
    }
  }
}
