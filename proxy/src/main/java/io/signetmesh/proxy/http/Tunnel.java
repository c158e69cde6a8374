package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.proxy.loop.ProxyLoop;
import org.jspecify.annotations.Nullable;

/**
 * Relays bytes between two connections after an Upgrade or CONNECT. Reads stop while the other side
 * is not writable; when one side ends, the other is closed after what was written.
 */
final class Tunnel extends ChannelInboundHandlerAdapter {
  private final ProxyLoop loop;
  private final Channel peer;
  private final @Nullable Runnable onClosed;

  private Tunnel(ProxyLoop loop, Channel peer, @Nullable Runnable onClosed) {
    this.loop = loop;
    this.peer = peer;
    this.onClosed = onClosed;
  }

  /**
   * Turns the client's connection into a relay to {@code upstream} and returns the relay for the
   * other direction. The client's switch happens after the 101 or 2xx has been written.
   */
  static ChannelHandler between(
      ProxyLoop loop, Channel client, Channel upstream, Exchange exchange) {
    client
        .eventLoop()
        .execute(
            () -> {
              Http1ServerConnection server = client.pipeline().get(Http1ServerConnection.class);
              if (server == null || !client.isActive()) {
                upstream.close();
                return;
              }
              server.becomeTunnel(new Tunnel(loop, upstream, exchange::tunnelClosed));
            });
    return new Tunnel(loop, client, null);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (!(message instanceof ByteBuf)) {
      // What the decoder had parsed before it was removed.
      ReferenceCountUtil.release(message);
      return;
    }
    peer.write(message, peer.voidPromise());
    loop.markDirty(peer);
    if (!peer.isWritable()) {
      ctx.channel().config().setAutoRead(false);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    loop.flushDirty();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (ctx.channel().isWritable()) {
      peer.config().setAutoRead(true);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      ctx.close();
    }
    ctx.fireUserEventTriggered(event);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (peer.isActive()) {
      peer.writeAndFlush(io.netty.buffer.Unpooled.EMPTY_BUFFER)
          .addListener(io.netty.channel.ChannelFutureListener.CLOSE);
    }
    if (onClosed != null) {
      onClosed.run();
    }
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }
}
