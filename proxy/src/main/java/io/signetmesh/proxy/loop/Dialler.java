package io.signetmesh.proxy.loop;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.ConnectTimeoutException;
import io.netty.channel.EventLoop;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.netns.SocketStock;
import java.net.Inet6Address;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Dials for one proxy, from the network that its sockets are made in. No loop waits. */
final class Dialler {
  private final IoTransport transport;
  private final ChannelFactory<? extends Channel> sockets;
  private final @Nullable SocketStock stock;

  /**
   * @param stock sockets of the proxy's namespace; null: the transport makes them
   */
  Dialler(
      IoTransport transport,
      ChannelFactory<? extends Channel> sockets,
      @Nullable SocketStock stock) {
    this.transport = transport;
    this.sockets = sockets;
    this.stock = stock;
  }

  /**
   * Connects.
   *
   * @param client has the options of all connections of the loop
   */
  Future<Channel> dial(ProxyLoop loop, Bootstrap client, Dial dial) {
    Promise<Channel> result = loop.eventLoop().newPromise();
    if (stock == null) {
      client.channelFactory(() -> loop.dialled(sockets.newChannel()));
      connect(client, dial, dial.limit().toMillis(), result);
      return result;
    }
    CompletableFuture<FileDescriptor> socket =
        stock.take(dial.target().getAddress() instanceof Inet6Address);
    if (socket.isDone() && !socket.isCompletedExceptionally()) {
      connectWith(socket.join(), loop, client, dial, dial.limit().toMillis(), result);
    } else {
      await(socket, loop, client, dial, result);
    }
    return result;
  }

  private void await(
      CompletableFuture<FileDescriptor> socket,
      ProxyLoop loop,
      Bootstrap client,
      Dial dial,
      Promise<Channel> result) {
    EventLoop eventLoop = loop.eventLoop();
    long end = System.nanoTime() + dial.limit().toNanos();
    ScheduledFuture<?> timer =
        eventLoop.schedule(
            () ->
                socket.completeExceptionally(
                    new ConnectTimeoutException(
                        "no socket for "
                            + dial.target()
                            + " within "
                            + dial.limit()
                            + " in "
                            + name())),
            dial.limit().toMillis(),
            TimeUnit.MILLISECONDS);
    socket.whenComplete(
        (descriptor, failure) -> {
          try {
            eventLoop.execute(
                () -> {
                  timer.cancel(false);
                  if (failure != null) {
                    result.setFailure(failure);
                    return;
                  }
                  long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
                  connectWith(descriptor, loop, client, dial, left, result);
                });
          } catch (RejectedExecutionException e) {
            // The loop has ended, and who waits there with it.
            if (descriptor != null) {
              ListeningSockets.close(List.of(descriptor));
            }
          }
        });
  }

  private String name() {
    return stock == null ? "" : stock.name();
  }

  private void connectWith(
      FileDescriptor socket,
      ProxyLoop loop,
      Bootstrap client,
      Dial dial,
      long millis,
      Promise<Channel> result) {
    client.channelFactory(() -> loop.dialled(transport.client(socket)));
    connect(client, dial, millis, result);
  }

  private void connect(Bootstrap client, Dial dial, long millis, Promise<Channel> result) {
    client
        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) Math.max(1, millis))
        .handler(dial.handler());
    ChannelFuture connecting;
    if (dial.source() == null) {
      connecting = client.connect(dial.target());
    } else {
      transport.bindWithoutPort(client);
      connecting = client.connect(dial.target(), dial.source());
    }
    connecting.addListener(
        done -> {
          if (done.isSuccess()) {
            result.setSuccess(connecting.channel());
          } else {
            result.setFailure(done.cause());
          }
        });
  }
}
