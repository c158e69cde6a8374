package io.signetmesh.proxy.forward;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;

/**
 * Copies bytes between two connections of one loop, in both directions. A side is not read while
 * the other is not writable. Each direction ends on its own: the end of one side's input is passed
 * on after its bytes, and the other direction goes on.
 *
 * <p>An end is a FIN, with TLS preceded by a close_notify (RFC 8446 6.1). Anything else that ends a
 * connection is a cut: a RST, an error, an end of TLS without close_notify. A cut is passed on as a
 * RST, after the bytes that arrived before it.
 */
public final class TcpRelay {
  /**
   * How often it is looked whether what the kernel holds of a connection that has failed is still
   * being read; where it is not, the wait is over.
   */
  private static final long DRAIN_MILLIS = 500;

  /** Looks at a connection that has failed, at most. */
  private static final int DRAIN_LOOKS = 60;

  private final ProxyLoop loop;
  private final Side client;
  private final Side server;
  private final Listener listener;
  private int open = 2;
  private boolean serverFailed;

  /** Gets the outcome of the connection to the server. */
  public interface Listener {
    /** The first bytes have come from the server. */
    default void answered() {}

    /**
     * Both connections are closed; called once.
     *
     * @param serverFailed whether the server was the one to cut, and had not sent a byte
     */
    void closed(boolean serverFailed);
  }

  private TcpRelay(ProxyLoop loop, Channel client, Channel server, Listener listener) {
    this.loop = loop;
    this.listener = listener;
    this.client = new Side(client, server, true);
    this.server = new Side(server, client, false);
  }

  /**
   * Joins two connections. Both have auto-read off; it is turned on here. Afterwards the caller
   * fires the bytes that it has already read from the client through the client's pipeline.
   *
   * @param closed runs once when both connections are closed
   */
  public static TcpRelay join(ProxyLoop loop, Channel client, Channel server, Runnable closed) {
    return joinBalanced(loop, client, server, serverFailed -> closed.run());
  }

  /** As {@link #join}, and reports the outcome of the endpoint that was picked. */
  public static TcpRelay joinBalanced(
      ProxyLoop loop, Channel client, Channel server, Listener listener) {
    TcpRelay relay = new TcpRelay(loop, client, server, listener);
    ConnectionMemory account = ConnectionMemory.of(client);
    if (account != null) {
      account.dialled(server);
    }
    server.pipeline().addLast("relay", relay.server);
    client.pipeline().addLast("relay", relay.client);
    // Not by an event in the pipeline, which may have passed already.
    server.closeFuture().addListener(done -> relay.server.gone());
    client.closeFuture().addListener(done -> relay.client.gone());
    relay.server.read();
    relay.client.read();
    return relay;
  }

  /** Cuts both connections at once. Undelivered bytes are lost. */
  public void cut() {
    Endings.reset(client.channel);
    Endings.reset(server.channel);
  }

  private final class Side extends ChannelInboundHandlerAdapter {
    private final Channel channel;
    private final Channel peer;
    private final boolean isClient;
    private boolean brought;
    private boolean ended;
    private boolean cut;
    private boolean passedOn;
    private boolean readSince;
    private int looks;

    Side(Channel channel, Channel peer, boolean isClient) {
      this.channel = channel;
      this.peer = peer;
      this.isClient = isClient;
    }

    private Side other() {
      return isClient ? server : client;
    }

    private void read() {
      if (channel.isOpen()) {
        // A write that fails must not close what has still to be read.
        channel.config().setAutoClose(false);
        channel.config().setAutoRead(true);
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (!(message instanceof ByteBuf bytes) || passedOn || other().cut) {
        ReferenceCountUtil.release(message);
        return;
      }
      readSince = true;
      if (!brought && bytes.isReadable()) {
        brought = true;
        if (!isClient) {
          listener.answered();
        }
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
      if (channel.isWritable() && !cut) {
        peer.config().setAutoRead(true);
      }
      ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event == ChannelInputShutdownEvent.INSTANCE
          || event == ChannelInputShutdownReadComplete.INSTANCE) {
        if (cut) {
          passOn();
        } else {
          end();
        }
      }
      ctx.fireUserEventTriggered(event);
    }

    private void end() {
      if (ended) {
        return;
      }
      ended = true;
      if (other().ended) {
        // Both directions are done: close once what is queued has been written.
        Endings.end(channel);
        Endings.end(peer);
      } else if (peer.isActive()) {
        Endings.endOutput(peer);
      }
    }

    private void gone() {
      if (!(ended && other().ended)) {
        isCut();
        // Behind the bytes that the caller of join has still to hand over.
        loop.eventLoop().execute(this::passOn);
      }
      if (--open == 0) {
        listener.closed(serverFailed);
      }
    }

    /** This side is the one that is cut, unless the other was before. */
    private void isCut() {
      serverFailed |= !isClient && !cut && !other().cut && !brought;
      cut = true;
    }

    /**
     * The connection failed. The error may be one of writing: bytes that came before the cut are
     * still read.
     */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      if (cut) {
        return;
      }
      isCut();
      peer.config().setAutoRead(false);
      if (ended || cause instanceof SSLException || !channel.isActive()) {
        passOn();
      } else {
        drain();
      }
    }

    /** Reads what the kernel still holds, to the error or end behind it. */
    private void drain() {
      if (passedOn) {
        return;
      }
      if (looks == 0 && peer.isWritable()) {
        channel.config().setAutoRead(true);
      }
      if (looks > DRAIN_LOOKS || (looks > 0 && !readSince && peer.isWritable())) {
        passOn();
        return;
      }
      looks++;
      readSince = false;
      loop.eventLoop().schedule(this::drain, DRAIN_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Cuts the other connection, behind what this one brought. */
    private void passOn() {
      if (passedOn) {
        return;
      }
      passedOn = true;
      Endings.reset(channel);
      if (peer.isOpen()) {
        other().cut = true;
        other().passedOn = true;
        Endings.cut(peer);
      }
    }
  }
}
