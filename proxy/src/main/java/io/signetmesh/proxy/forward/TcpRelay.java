package io.signetmesh.proxy.forward;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;

/**
 * Copies bytes between two connections of one loop, in both directions. A side is not read while
 * the other is not writable. Each direction ends on its own: when one side will send no more, the
 * other is told so after what was sent, and its answer still flows back.
 *
 * <p>The end of a direction is a TCP FIN, also where TLS is spoken: BoringSSL's engine closes both
 * directions on close_notify, so that half-close between two Signet proxies is a FIN without it. A
 * close_notify ends both directions.
 */
public final class TcpRelay {
  private final ProxyLoop loop;
  private final Side client;
  private final Side server;
  private final Runnable closed;
  private int open = 2;

  private TcpRelay(ProxyLoop loop, Channel client, Channel server, Runnable closed) {
    this.loop = loop;
    this.closed = closed;
    this.client = new Side(client, server, true);
    this.server = new Side(server, client, false);
  }

  /**
   * Joins two connections. Both have auto-read off; it is turned on here. Bytes that the caller has
   * read from the client already are fired through its pipeline by the caller afterwards.
   *
   * @param closed runs once when both connections are closed
   */
  public static TcpRelay join(ProxyLoop loop, Channel client, Channel server, Runnable closed) {
    TcpRelay relay = new TcpRelay(loop, client, server, closed);
    ConnectionMemory account = ConnectionMemory.of(client);
    if (account != null) {
      account.dialled(server);
    }
    server.pipeline().addLast("relay", relay.server);
    client.pipeline().addLast("relay", relay.client);
    // Not by an event in the pipeline, which may have passed already.
    server.closeFuture().addListener(done -> relay.server.gone());
    client.closeFuture().addListener(done -> relay.client.gone());
    if (!client.isActive() || !server.isActive()) {
      relay.cut();
    }
    server.config().setAutoRead(true);
    client.config().setAutoRead(true);
    return relay;
  }

  /** Closes both connections at once. */
  public void cut() {
    client.channel.close();
    server.channel.close();
  }

  private final class Side extends ChannelInboundHandlerAdapter {
    private final Channel channel;
    private final Channel peer;
    private final boolean isClient;
    private boolean ended;

    Side(Channel channel, Channel peer, boolean isClient) {
      this.channel = channel;
      this.peer = peer;
      this.isClient = isClient;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (!(message instanceof ByteBuf bytes)) {
        ReferenceCountUtil.release(message);
        return;
      }
      peer.write(bytes, peer.voidPromise());
      loop.markDirty(peer);
      if (!peer.isWritable()) {
        channel.config().setAutoRead(false);
      }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
      loop.flushDirty();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
      if (channel.isWritable()) {
        peer.config().setAutoRead(true);
      }
      ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event == ChannelInputShutdownEvent.INSTANCE
          || event == ChannelInputShutdownReadComplete.INSTANCE) {
        end();
      }
      ctx.fireUserEventTriggered(event);
    }

    private void end() {
      if (ended) {
        return;
      }
      ended = true;
      Side other = isClient ? server : client;
      if (other.ended) {
        // Both directions are done: close once what is queued has been written.
        closeAfterWrites(channel);
        closeAfterWrites(peer);
        return;
      }
      peer.writeAndFlush(Unpooled.EMPTY_BUFFER)
          .addListener(
              written -> {
                if (peer instanceof DuplexChannel duplex && peer.isActive()) {
                  duplex.shutdownOutput();
                }
              });
    }

    private void gone() {
      closeAfterWrites(peer);
      if (--open == 0) {
        closed.run();
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      channel.close();
    }
  }

  private static void closeAfterWrites(Channel channel) {
    if (channel.isActive()) {
      channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
    }
  }
}
