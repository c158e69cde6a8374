package io.signetmesh.proxy.handover;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running proxy as its successor sees it, see {@link HandoverSocket}. It serves until {@link
 * #serving} tells it that the successor does.
 */
public final class Predecessor implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Predecessor.class);

  private final Path path;
  private final Duration limit;
  private final int user;
  private final EventLoopGroup group;
  private final Answers answers = new Answers();
  private final Map<String, List<FileDescriptor>> descriptors = new LinkedHashMap<>();
  private @Nullable EpollDomainSocketChannel channel;
  private long process;

  private Predecessor(EventLoopGroup group, Path path, Duration limit, int user) {
    this.group = group;
    this.path = path;
    this.limit = limit;
    this.user = user;
  }

  /**
   * Asks the proxy at a socket for its listeners. Blocks.
   *
   * @param group a loop of epoll, which is not closed with the connection
   * @param loops event loops of this process
   * @return null when no proxy listens at the socket
   * @throws IOException when a proxy listens there and does not hand over its listeners
   */
  public static @Nullable Predecessor ask(EventLoopGroup group, Path socket, int loops)
      throws IOException {
    return ask(group, socket, loops, HandoverSocket.ANSWER, HandoverSocket.ownUser());
  }

  /**
   * @param limit for each answer
   * @param user the user that the running proxy must be of
   */
  static @Nullable Predecessor ask(
      EventLoopGroup group, Path socket, int loops, Duration limit, int user) throws IOException {
    Predecessor found = new Predecessor(group, socket.toAbsolutePath(), limit, user);
    boolean done = false;
    try {
      if (!found.connect()) {
        return null;
      }
      found.receive(loops);
      done = true;
      return found;
    } finally {
      if (!done) {
        found.close();
      }
    }
  }

  /** Whether a proxy waits for a successor at a socket. */
  public static boolean isThere(EventLoopGroup group, Path socket) throws IOException {
    try (Predecessor found =
        new Predecessor(
            group, socket.toAbsolutePath(), HandoverSocket.ANSWER, HandoverSocket.ownUser())) {
      return found.connect();
    }
  }

  private boolean connect() throws IOException {
    if (!Files.exists(path)) {
      return false;
    }
    ChannelFuture connected =
        new Bootstrap()
            .group(group)
            .channel(EpollDomainSocketChannel.class)
            .handler(answers)
            .connect(new DomainSocketAddress(path.toString()));
    if (!connected.awaitUninterruptibly(limit.toMillis())) {
      connected.channel().close();
      throw new IOException(
          "handover socket " + path + ": the admin loop has not connected within " + limit);
    }
    if (!connected.isSuccess()) {
      if (connected.cause() instanceof ConnectException) {
        // What a process has left behind that was killed.
        return false;
      }
      throw new IOException(
          "handover socket " + path + ": " + connected.cause().getMessage(), connected.cause());
    }
    channel = (EpollDomainSocketChannel) connected.channel();
    try {
      process = HandoverSocket.checkPeer(channel, user);
    } catch (ClosedChannelException e) {
      throw new IOException("the running proxy at " + path + " has closed the connection", e);
    }
    return true;
  }

  private void receive(int loops) throws IOException {
    CompletableFuture<String> line = answers.line();
    send(HandoverSocket.GREETING + ProcessHandle.current().pid() + " " + loops);
    String listeners = await(line, "its listeners");
    if (listeners.startsWith(HandoverSocket.REFUSAL)) {
      throw failure("refuses: " + listeners.substring(HandoverSocket.REFUSAL.length()));
    }
    Map<String, Integer> counts = counts(listeners);
    int total = counts.values().stream().mapToInt(Integer::intValue).sum();
    if (total > HandoverSocket.MAX_DESCRIPTORS) {
      throw failure(
          "announces "
              + total
              + " descriptors: expected at most "
              + HandoverSocket.MAX_DESCRIPTORS);
    }
    List<FileDescriptor> received = List.of();
    if (total > 0) {
      CompletableFuture<List<FileDescriptor>> all = answers.descriptors(total);
      // Nothing comes before this is sent, so that no byte with a descriptor is read as text.
      open().config().setReadMode(DomainSocketReadMode.FILE_DESCRIPTORS);
      send(HandoverSocket.SEND);
      received = await(all, total + " descriptors");
      open().config().setReadMode(DomainSocketReadMode.BYTES);
    } else {
      send(HandoverSocket.SEND);
    }
    int next = 0;
    for (Map.Entry<String, Integer> entry : counts.entrySet()) {
      int end = next + entry.getValue();
      descriptors.put(entry.getKey(), new ArrayList<>(received.subList(next, end)));
      next = end;
    }
  }

  private Map<String, Integer> counts(String line) throws IOException {
    Map<String, Integer> counts = new LinkedHashMap<>();
    String[] words = line.split(" ", -1);
    boolean good = line.startsWith(HandoverSocket.LISTENERS) && words.length >= 2;
    for (int i = 2; good && i < words.length; i++) {
      int star = words[i].lastIndexOf('*');
      try {
        int count = star < 1 ? 0 : Integer.parseInt(words[i].substring(star + 1));
        good =
            count > 0
                && count <= HandoverSocket.MAX_DESCRIPTORS
                && counts.put(words[i].substring(0, star), count) == null;
      } catch (NumberFormatException e) {
        good = false;
      }
    }
    if (!good) {
      throw failure("answers '" + line + "': expected 'listeners PROCESS ADDRESS*COUNT ...'");
    }
    return counts;
  }

  /** Whether the running proxy has ended or has given up the handover. */
  public boolean isGone() {
    return !open().isActive();
  }

  /**
   * Whether the running proxy has ended this handover, goes on serving and waits for another
   * successor. Blocks.
   */
  public boolean goesOn() {
    try {
      return isGone() && isThere(group, path);
    } catch (IOException e) {
      log.warn("cannot find out whether process {} goes on: {}", process, e.getMessage());
      return false;
    }
  }

  /** Process id of the running proxy. */
  public long process() {
    return process;
  }

  /**
   * The descriptors of the sockets that listen on an address. The caller owns them from now on.
   *
   * @return at least as many as this process has event loops; empty when no socket listens there
   */
  public synchronized List<FileDescriptor> take(InetSocketAddress address) {
    List<FileDescriptor> found = descriptors.remove(HandoverSocket.name(address));
    return found == null ? List.of() : found;
  }

  /**
   * Asks the running proxy to accept no more connections.
   *
   * @return completes with true when the proxy has stopped accepting, and with false when it has
   *     ended or did not answer in time
   */
  public CompletableFuture<Boolean> pause() {
    CompletableFuture<String> line = answers.line();
    send(HandoverSocket.TAKE);
    return line.orTimeout(limit.toMillis(), TimeUnit.MILLISECONDS)
        .handle(
            (answer, failure) -> {
              if (failure != null || !answer.equals(HandoverSocket.PAUSED)) {
                log.warn(
                    "process {} does not hand over in order: {}",
                    process,
                    failure == null
                        ? "it says '" + answer + "'"
                        : failure instanceof TimeoutException
                            ? "no answer within " + limit.toMillis() + " ms"
                            : failure.getMessage());
                return false;
              }
              return true;
            });
  }

  /** Tells the running proxy that this one serves. The running proxy then drains and ends. */
  public void serving() {
    send(HandoverSocket.SERVING);
  }

  private EpollDomainSocketChannel open() {
    EpollDomainSocketChannel connected = channel;
    if (connected == null) {
      throw new IllegalStateException("not connected");
    }
    return connected;
  }

  private void send(String line) {
    EpollDomainSocketChannel connected = open();
    connected.writeAndFlush(ByteBufUtil.writeAscii(connected.alloc(), line + "\n"));
  }

  private <T> T await(CompletableFuture<T> answer, String what) throws IOException {
    try {
      return answer.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw failure("has not sent " + what + " within " + limit.toMillis() + " ms", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw failure("has not sent " + what + ": " + cause.getMessage(), cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failure("was waited for, which was interrupted", e);
    }
  }

  private IOException failure(String what) {
    return new IOException("the running proxy, process " + process + ", " + what);
  }

  private IOException failure(String what, Throwable cause) {
    return new IOException("the running proxy, process " + process + ", " + what, cause);
  }

  /** Closes the connection, and the descriptors that were not taken. */
  @Override
  public synchronized void close() {
    Channel connected = channel;
    if (connected != null) {
      // What was sent goes out first.
      connected.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
    }
    descriptors.values().forEach(Answers::close);
    descriptors.clear();
    answers.end(new IOException("the handover is closed"));
  }

  /** Collects what the running proxy sends. */
  private static final class Answers extends ChannelInboundHandlerAdapter {
    private final StringBuilder text = new StringBuilder();
    private List<FileDescriptor> descriptors = new ArrayList<>();
    private int expected;
    private @Nullable CompletableFuture<String> line;
    private @Nullable CompletableFuture<List<FileDescriptor>> all;
    private @Nullable IOException end;

    /** The next line. */
    synchronized CompletableFuture<String> line() {
      CompletableFuture<String> next = new CompletableFuture<>();
      if (end != null) {
        next.completeExceptionally(end);
      }
      line = next;
      return next;
    }

    /** The next so many descriptors. */
    synchronized CompletableFuture<List<FileDescriptor>> descriptors(int count) {
      CompletableFuture<List<FileDescriptor>> next = new CompletableFuture<>();
      if (end != null) {
        next.completeExceptionally(end);
      }
      expected = count;
      all = next;
      return next;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (message instanceof FileDescriptor descriptor) {
        received(ctx, descriptor);
      } else if (message instanceof ByteBuf bytes) {
        received(ctx, bytes.toString(StandardCharsets.US_ASCII));
        bytes.release();
      }
    }

    private synchronized void received(ChannelHandlerContext ctx, FileDescriptor descriptor) {
      CompletableFuture<List<FileDescriptor>> waiting = all;
      if (waiting == null || descriptors.size() >= expected) {
        close(List.of(descriptor));
        end(new IOException("a descriptor that was not announced"));
        ctx.close();
        return;
      }
      descriptors.add(descriptor);
      if (descriptors.size() == expected) {
        all = null;
        List<FileDescriptor> complete = descriptors;
        descriptors = new ArrayList<>();
        if (!waiting.complete(complete)) {
          close(complete);
        }
      }
    }

    private synchronized void received(ChannelHandlerContext ctx, String bytes) {
      text.append(bytes);
      int newline = text.indexOf("\n");
      CompletableFuture<String> waiting = line;
      if (newline >= 0 && waiting != null) {
        String complete = text.substring(0, newline);
        text.delete(0, newline + 1);
        line = null;
        waiting.complete(complete);
      } else if (text.length() > HandoverSocket.MAX_LINE) {
        end(new IOException("a line of more than " + HandoverSocket.MAX_LINE + " bytes"));
        ctx.close();
      }
    }

    synchronized void end(IOException cause) {
      if (end == null) {
        end = cause;
      }
      CompletableFuture<String> waitingLine = line;
      if (waitingLine != null) {
        waitingLine.completeExceptionally(cause);
      }
      CompletableFuture<List<FileDescriptor>> waitingAll = all;
      if (waitingAll != null) {
        waitingAll.completeExceptionally(cause);
      }
      close(descriptors);
      descriptors.clear();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      end(new IOException("it has closed the connection"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      end(new IOException(String.valueOf(cause.getMessage()), cause));
      ctx.close();
    }

    private static void close(List<FileDescriptor> unused) {
      for (FileDescriptor descriptor : unused) {
        try {
          descriptor.close();
        } catch (IOException e) {
          log.debug("a descriptor of a listener cannot be closed", e);
        }
      }
    }
  }
}
