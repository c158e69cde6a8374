package io.signetmesh.proxy.loop;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoRegistration;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandle;
import io.netty.channel.nio.NioIoOps;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.channels.SelectableChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
final class GuardedIoTest {
  private final AtomicBoolean fails = new AtomicBoolean();

  @ParameterizedTest
  @EnumSource(
      value = IoTransport.class,
      names = {"EPOLL", "NIO"})
  void aLoopThatEndsByAnExceptionGivesItsPortsFree(IoTransport transport) throws Exception {
    var group =
        new MultiThreadIoEventLoopGroup(1, GuardedIo.around(failing(transport.handlerFactory())));
    Channel listener =
        new ServerBootstrap()
            .group(group)
            .channel(transport.serverSocketChannel())
            .childHandler(new ChannelInboundHandlerAdapter())
            .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .sync()
            .channel();
    InetSocketAddress address = (InetSocketAddress) listener.localAddress();

    fails.set(true);
    // Wakes the loop.
    group.next().execute(() -> {});
    assertThat(group.terminationFuture().await(30, TimeUnit.SECONDS)).isTrue();

    // The kernel lets go of what a ring was waiting for a little later.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!isFree(address)) {
      assertThat(System.nanoTime()).as("the port is free").isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Test
  void aLoopEndsWhenAnEventOfAListenerFails() throws Exception {
    var group =
        new MultiThreadIoEventLoopGroup(1, GuardedIo.around(IoTransport.NIO.handlerFactory()));
    Pipe pipe = Pipe.open();
    pipe.source().configureBlocking(false);
    IoRegistration registration = group.next().register(new FailingListener(pipe.source())).get();

    registration.submit(NioIoOps.READ);
    pipe.sink().write(ByteBuffer.wrap(new byte[1]));

    assertThat(group.terminationFuture().await(30, TimeUnit.SECONDS)).isTrue();
    pipe.sink().close();
  }

  /** Has no remote address, and fails with what is ready. */
  private record FailingListener(Pipe.SourceChannel source) implements NioIoHandle {
    @Override
    public SelectableChannel selectableChannel() {
      return source;
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
      throw new IllegalStateException("no more connections");
    }

    @Override
    public void close() throws IOException {
      source.close();
    }
  }

  private static boolean isFree(InetSocketAddress address) throws IOException {
    try (ServerSocket next = new ServerSocket()) {
      next.bind(address);
      return true;
    } catch (BindException e) {
      return false;
    }
  }

  private IoHandlerFactory failing(IoHandlerFactory factory) {
    return executor -> new Failing(factory.newHandler(executor));
  }

  /** Fails in a turn of its loop, as the kernel interface can. */
  private final class Failing implements IoHandler {
    private final IoHandler io;

    Failing(IoHandler io) {
      this.io = io;
    }

    @Override
    public int run(IoHandlerContext context) {
      if (fails.get()) {
        throw new IllegalStateException("no more turns");
      }
      return io.run(context);
    }

    @Override
    public void initialize() {
      io.initialize();
    }

    @Override
    public void prepareToDestroy() {
      io.prepareToDestroy();
    }

    @Override
    public void destroy() {
      io.destroy();
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
      return io.register(handle);
    }

    @Override
    public void wakeup() {
      io.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
      return io.isCompatible(handleType);
    }
  }
}
