package io.signetmesh.proxy.handover;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.UnixChannel;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits for a successor and hands it the listeners, see {@link HandoverSocket}. Serves one
 * successor at a time. This proxy keeps its listeners until the successor serves.
 */
public final class HandoverServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HandoverServer.class);

  /** A successor that has not begun to serve by then makes room for another. */
  private static final Duration PREPARATION = Duration.ofMinutes(10);

  private static final int MAX_CONNECTIONS = 4;

  private final Owner owner;
  private final Path path;
  private final EventLoopGroup group;
  private final Limits limits;
  private final ChannelGroup successors =
      new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
  private final int user;
  private @Nullable Channel listener;
  private @Nullable Object fileKey;

  // Confined to the event loop.
  private @Nullable Successor current;
  private int connections;
  private volatile boolean handedOver;

  /**
   * The proxy whose listeners are handed over. Its methods are called on the server's loop, and
   * must not block.
   */
  public interface Owner {
    /** What listens now. */
    List<HandedOver> listeners();

    /**
     * Takes no more connections; they wait in the kernel.
     *
     * @return completes when none is taken any more
     */
    CompletableFuture<Void> pause();

    /** Takes connections again: the successor is gone. */
    void resume();

    /** The successor serves: close the listeners, and drain. */
    void succeeded();
  }

  /**
   * How long a successor may take.
   *
   * @param answer for each of its messages but one
   * @param preparation from the descriptors to the message that it can serve
   */
  record Limits(Duration answer, Duration preparation) {
    static final Limits DEFAULT = new Limits(HandoverSocket.ANSWER, PREPARATION);
  }

  private HandoverServer(EventLoopGroup group, Path path, Owner owner, Limits limits, int user) {
    this.group = group;
    this.path = path;
    this.owner = owner;
    this.limits = limits;
    this.user = user;
  }

  /**
   * Why no handover is possible with this transport and this socket; null when it is possible.
   *
   * @param transport transport of the listeners
   */
  public static @Nullable String obstacle(IoTransport transport, Path socket) {
    return HandoverSocket.obstacle(transport, socket);
  }

  /**
   * Waits for successors at a socket of mode 0600. Replaces a socket that exists: check first that
   * no proxy answers there, see {@link Predecessor#isThere}.
   *
   * @param group a loop of epoll, which is not closed with the server
   * @throws IOException when the socket cannot be created, or the loop does not answer
   */
  public static HandoverServer listen(EventLoopGroup group, Path socket, Owner owner)
      throws IOException {
    return listen(group, socket, owner, Limits.DEFAULT, HandoverSocket.ownUser());
  }

  /**
   * @param user the user that successors must be of
   */
  static HandoverServer listen(
      EventLoopGroup group, Path socket, Owner owner, Limits limits, int user) throws IOException {
    HandoverServer server = new HandoverServer(group, socket.toAbsolutePath(), owner, limits, user);
    try {
      server.bind();
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
    return server;
  }

  private void bind() throws IOException {
    // Under another name until its mode is right, and a name of its own: when the listener is
    // closed,
    // Netty deletes what has the name that it was bound to, which must not be a successor's socket.
    Path begun = UnixListener.nameToBegin(path);
    var bound =
        new ServerBootstrap()
            .group(group)
            .channel(EpollServerDomainSocketChannel.class)
            .childHandler(
                new ChannelInitializer<EpollDomainSocketChannel>() {
                  @Override
                  protected void initChannel(EpollDomainSocketChannel channel) {
                    channel
                        .pipeline()
                        .addLast(
                            new LineBasedFrameDecoder(HandoverSocket.MAX_LINE), new Successor());
                  }
                })
            .bind(new DomainSocketAddress(begun.toString()));
    if (!bound.awaitUninterruptibly(limits.answer().toMillis())) {
      bound.cancel(false);
      bound.channel().close();
      throw new IOException(
          "handover socket "
              + path
              + " cannot be made: the admin loop has not bound it within "
              + limits.answer());
    }
    if (!bound.isSuccess()) {
      throw new IOException(
          "handover socket " + path + " cannot be made: " + bound.cause().getMessage(),
          bound.cause());
    }
    listener = bound.channel();
    Files.setPosixFilePermissions(begun, PosixFilePermissions.fromString("rw-------"));
    fileKey = Files.readAttributes(begun, BasicFileAttributes.class).fileKey();
    Files.move(begun, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Accepts no more successors. Deletes the socket's file, unless a successor has replaced it. */
  @Override
  public void close() {
    Channel bound = listener;
    if (bound != null) {
      bound.close();
    }
    successors.close();
    try {
      if (!handedOver
          && fileKey != null
          && fileKey.equals(Files.readAttributes(path, BasicFileAttributes.class).fileKey())) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException e) {
      // It is gone already.
    } catch (IOException e) {
      log.debug("handover socket {} is left behind", path, e);
    }
  }

  private enum Step {
    GREETING,
    LISTED,
    SENT,
    PAUSING,
    PAUSED,
    OVER
  }

  /** A process that wants to succeed this one. */
  private final class Successor extends SimpleChannelInboundHandler<ByteBuf> {
    private Step step = Step.GREETING;
    private long process;
    private final List<FileDescriptor> descriptors = new ArrayList<>();
    private @Nullable ScheduledFuture<?> deadline;

    @Override
    public void channelActive(ChannelHandlerContext ctx) throws Exception {
      connections++;
      successors.add(ctx.channel());
      if (connections > MAX_CONNECTIONS) {
        ctx.close();
        return;
      }
      process = HandoverSocket.checkPeer((EpollDomainSocketChannel) ctx.channel(), user);
      limit(ctx, limits.answer());
    }

    private void limit(ChannelHandlerContext ctx, Duration time) {
      ScheduledFuture<?> before = deadline;
      if (before != null) {
        before.cancel(false);
      }
      deadline =
          ctx.executor()
              .schedule(
                  () -> {
                    log.warn(
                        "process {} wanted to take over and did not go on within {}: this proxy"
                            + " goes on",
                        process,
                        time);
                    ctx.close();
                  },
                  time.toMillis(),
                  TimeUnit.MILLISECONDS);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf line) {
      String text = line.toString(StandardCharsets.US_ASCII);
      switch (step) {
        case GREETING -> greeted(ctx, text);
        case LISTED -> {
          expect(text, HandoverSocket.SEND);
          if (!descriptors.stream().allMatch(FileDescriptor::isOpen)) {
            // Its number may be another's by now.
            throw new IllegalStateException("a listener was closed");
          }
          step = Step.SENT;
          limit(ctx, limits.preparation());
          descriptors.forEach(ctx::write);
          ctx.flush();
        }
        case SENT -> {
          expect(text, HandoverSocket.TAKE);
          pause(ctx);
        }
        case PAUSING, PAUSED -> {
          // It does not wait for ever for the answer to the pause: then it serves all the same.
          expect(text, HandoverSocket.SERVING);
          step = Step.OVER;
          handedOver = true;
          log.info("process {} serves: this proxy drains", process);
          ctx.close();
          owner.succeeded();
        }
        default -> throw new IllegalStateException("'" + text + "' after the end");
      }
    }

    private void expect(String text, String expected) {
      if (!text.equals(expected)) {
        throw new IllegalStateException("'" + text + "': expected '" + expected + "'");
      }
    }

    private void greeted(ChannelHandlerContext ctx, String text) {
      int loops = loops(text);
      if (loops == 0) {
        refuse(ctx, "'" + text + "': expected '" + HandoverSocket.GREETING + "PROCESS LOOPS'");
        return;
      }
      Successor other = current;
      if (other != null || handedOver) {
        refuse(
            ctx,
            other == null
                ? "this proxy has been succeeded"
                : "process " + other.process + " is about to take over");
        return;
      }
      StringBuilder answer =
          new StringBuilder(HandoverSocket.LISTENERS).append(ProcessHandle.current().pid());
      for (HandedOver listener : owner.listeners()) {
        List<Channel> channels = listener.channels();
        // As many as the successor has loops, so that each has one, but none is left out.
        int count = Math.max(loops, channels.size());
        for (int i = 0; i < count; i++) {
          descriptors.add(((UnixChannel) channels.get(i % channels.size())).fd());
        }
        answer
            .append(' ')
            .append(HandoverSocket.name(listener.address()))
            .append('*')
            .append(count);
      }
      if (descriptors.size() > HandoverSocket.MAX_DESCRIPTORS
          || answer.length() >= HandoverSocket.MAX_LINE) {
        refuse(
            ctx,
            descriptors.size()
                + " descriptors of listeners: expected at most "
                + HandoverSocket.MAX_DESCRIPTORS);
        return;
      }
      current = this;
      step = Step.LISTED;
      limit(ctx, limits.answer());
      log.info("process {} is about to take over", process);
      send(ctx, answer.toString());
    }

    /** Event loops of the successor; 0 when it is no greeting. */
    private int loops(String text) {
      String[] words =
          text.startsWith(HandoverSocket.GREETING)
              ? text.substring(HandoverSocket.GREETING.length()).split(" ", -1)
              : new String[0];
      try {
        int loops = words.length == 2 ? Integer.parseInt(words[1]) : 0;
        return loops > HandoverSocket.MAX_LOOPS ? 0 : Math.max(0, loops);
      } catch (NumberFormatException e) {
        return 0;
      }
    }

    private void pause(ChannelHandlerContext ctx) {
      step = Step.PAUSING;
      // The successor has waited for the answer to its end before this proxy goes on.
      limit(ctx, limits.answer().multipliedBy(2));
      owner
          .pause()
          .whenComplete(
              (done, failure) ->
                  ctx.executor()
                      .execute(
                          () -> {
                            if (step == Step.PAUSING) {
                              step = Step.PAUSED;
                              limit(ctx, limits.answer());
                              send(ctx, HandoverSocket.PAUSED);
                            }
                          }));
    }

    private void refuse(ChannelHandlerContext ctx, String reason) {
      step = Step.OVER;
      log.warn("process {} cannot take over: {}", process, reason);
      send(ctx, HandoverSocket.REFUSAL + reason).addListener(ChannelFutureListener.CLOSE);
    }

    private ChannelFuture send(ChannelHandlerContext ctx, String line) {
      return ctx.writeAndFlush(ByteBufUtil.writeAscii(ctx.alloc(), line + "\n"));
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      connections--;
      ScheduledFuture<?> running = deadline;
      if (running != null) {
        running.cancel(false);
      }
      if (current == this) {
        current = null;
      }
      Step last = step;
      step = Step.OVER;
      if (last == Step.PAUSING || last == Step.PAUSED) {
        log.warn("process {} is gone before it served: this proxy goes on", process);
        owner.resume();
      } else if (last == Step.LISTED || last == Step.SENT) {
        log.info("process {} does not take over: this proxy goes on", process);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      log.warn("handover to process {} ends: {}", process, cause.getMessage());
      ctx.close();
    }
  }
}
