package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCounted;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * TLS sessions whose bytes, ends and cuts a test decides on. Whatever happens to them, each gives
 * back its buffers, its engine and its memory in BoringSSL, once.
 */
@Timeout(120)
class DuplexTlsTest {
  private static final String SERVER = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String CLIENT = "cart.shop.serviceaccount.identity.signet.cluster.local";

  private final TestPki pki = TestPki.create("mesh");
  private final InstantSource clock = InstantSource.system();
  private final LiveSslContext<Credentials> servers = server(pki.credentials(SERVER));
  private final LiveSslContext<Credentials> clients = client(pki.credentials(CLIENT));
  private final PooledByteBufAllocator buffers =
      new PooledByteBufAllocator(true, 0, 1, 8192, 4, 0, 0, false);
  private final List<ReferenceCounted> engines = new ArrayList<>();

  private LiveSslContext<Credentials> server(Credentials credentials) {
    return new LiveSslContext<>(
        () -> credentials,
        c -> MeshSslContexts.server(c, ClientCertificate.OPTIONAL, List.of(), clock));
  }

  private LiveSslContext<Credentials> client(Credentials credentials) {
    return new LiveSslContext<>(
        () -> credentials, c -> MeshSslContexts.client(c, List.of(), clock));
  }

  @AfterEach
  void close() {
    servers.close();
    clients.close();
  }

  /** One end of a connection. */
  private final class End extends EmbeddedChannel implements DuplexChannel {
    private final List<String> events = new ArrayList<>();
    private final StringBuilder got = new StringBuilder();
    private @Nullable Throwable refused;
    private boolean outputEnded;
    private boolean told;

    End(LiveSslContext<Credentials> context, boolean client) throws SSLException {
      super(false, false);
      config().setAllocator(buffers);
      SslHandler tls =
          client ? context.newHandler(buffers, SERVER, 443) : context.newHandler(buffers);
      engines.add((ReferenceCounted) tls.engine());
      pipeline().addLast(tls, new Application(this, tls));
    }

    void open() throws Exception {
      register();
      runPendingTasks();
    }

    @Nullable DuplexTls tls() {
      return DuplexTls.of(this);
    }

    @Override
    public boolean isInputShutdown() {
      return told;
    }

    @Override
    public ChannelFuture shutdownInput() {
      return newSucceededFuture();
    }

    @Override
    public ChannelFuture shutdownInput(ChannelPromise promise) {
      return promise.setSuccess();
    }

    @Override
    public boolean isOutputShutdown() {
      return outputEnded;
    }

    @Override
    public ChannelFuture shutdownOutput() {
      outputEnded = true;
      return newSucceededFuture();
    }

    @Override
    public ChannelFuture shutdownOutput(ChannelPromise promise) {
      outputEnded = true;
      return promise.setSuccess();
    }

    @Override
    public boolean isShutdown() {
      return outputEnded && told;
    }

    @Override
    public ChannelFuture shutdown() {
      return close();
    }

    @Override
    public ChannelFuture shutdown(ChannelPromise promise) {
      return close(promise);
    }
  }

  /** Takes the session over as the proxy does, and notes what it is told. */
  private static final class Application extends ChannelDuplexHandler {
    private final End end;
    private final SslHandler tls;

    Application(End end, SslHandler tls) {
      this.end = end;
      this.tls = tls;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof SslHandshakeCompletionEvent done) {
        if (!done.isSuccess()) {
          end.refused = done.cause();
          ctx.close();
          return;
        }
        try {
          DuplexTls.takeOver(ctx.channel(), tls);
        } catch (SSLException e) {
          end.refused = e;
          ctx.close();
        }
      } else if (event == ChannelInputShutdownEvent.INSTANCE) {
        end.events.add("end");
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      end.got.append(bytes.toString(java.nio.charset.StandardCharsets.US_ASCII));
      bytes.release();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      end.events.add(cause instanceof DuplexTls.TruncatedException ? "cut" : "broken");
    }
  }

  /** Two ends and what is under way between them. */
  private final class Pair {
    private final End client = new End(clients, true);
    private final End server = new End(servers, false);
    private long carried;
    private long cutAfter = Long.MAX_VALUE;
    private long breakAt = Long.MAX_VALUE;

    Pair() throws Exception {
      server.open();
      client.open();
    }

    /** Carries all there is, in pieces of at most so many bytes. */
    void exchange(int piece) {
      boolean more = true;
      while (more) {
        more = carry(client, server, piece) | carry(server, client, piece);
      }
    }

    boolean carry(End from, End to, int piece) {
      from.runPendingTasks();
      boolean any = false;
      ByteBuf bytes;
      while ((bytes = from.readOutbound()) != null) {
        any |= bytes.isReadable();
        while (bytes.isReadable()) {
          int length = (int) Math.min(Math.min(piece, bytes.readableBytes()), cutAfter - carried);
          if (length <= 0) {
            cut(from, to);
            bytes.skipBytes(bytes.readableBytes());
            break;
          }
          ByteBuf part = buffers.directBuffer(length);
          part.writeBytes(bytes, length);
          if (breakAt >= carried && breakAt < carried + length) {
            int at = (int) (breakAt - carried);
            part.setByte(at, part.getByte(at) ^ 0x20);
          }
          carried += length;
          if (to.isOpen()) {
            to.pipeline().fireChannelRead(part);
            to.pipeline().fireChannelReadComplete();
            to.runPendingTasks();
          } else {
            part.release();
          }
        }
        bytes.release();
      }
      if (from.outputEnded && !to.told && to.isOpen()) {
        to.told = true;
        to.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        any = true;
      }
      if (!from.isOpen() && to.isOpen()) {
        close(to);
        any = true;
      }
      return any;
    }

    private void cut(End one, End other) {
      close(one);
      close(other);
    }

    /** The socket is gone: nothing is sent on it any more. */
    private void close(End end) {
      if (end.isOpen()) {
        end.unsafe().close(end.unsafe().voidPromise());
        end.runPendingTasks();
      }
    }

    void end() {
      close(client);
      close(server);
      for (End each : List.of(client, server)) {
        each.runPendingTasks();
        each.releaseOutbound();
        each.releaseInbound();
      }
    }
  }

  private static void write(End end, int bytes) {
    if (end.tls() != null && end.isOpen()) {
      end.writeAndFlush(
          end.alloc()
              .directBuffer(bytes)
              .writeBytes("x".repeat(bytes).getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
      end.runPendingTasks();
    }
  }

  private void assertNothingIsHeld() {
    assertThat(engines).allMatch(engine -> engine.refCnt() == 0);
    engines.clear();
    assertThat(buffers.pinnedDirectMemory()).isZero();
  }

  @Test
  void eachDirectionEndsOnItsOwn() throws Exception {
    Pair pair = new Pair();
    pair.exchange(1 << 20);
    write(pair.client, 40_000);
    DuplexTls tls = pair.client.tls();
    assertThat(tls).isNotNull();
    tls.endOutput();
    pair.exchange(1000);
    write(pair.server, 50_000);
    pair.exchange(7);

    assertThat(pair.server.got).hasSize(40_000);
    assertThat(pair.server.events).containsExactly("end");
    assertThat(pair.client.got).hasSize(50_000);
    pair.end();
    assertNothingIsHeld();
  }

  /** The peer's close_notify comes in one read with its Finished. */
  @Test
  void sessionThatThePeerClosesWithItsHandshakeIsNotTakenOver() throws Exception {
    Pair pair = new Pair();
    // The server speaks first after the ClientHello; then the client has its Finished to send.
    pair.client.runPendingTasks();
    pair.carry(pair.client, pair.server, 1 << 20);
    pair.carry(pair.server, pair.client, 1 << 20);
    assertThat(pair.client.tls()).isNotNull();
    pair.client.close();
    pair.client.runPendingTasks();
    ByteBuf all = Unpooled.buffer();
    ByteBuf bytes;
    while ((bytes = pair.client.readOutbound()) != null) {
      all.writeBytes(bytes);
      bytes.release();
    }
    ByteBuf direct = buffers.directBuffer(all.readableBytes()).writeBytes(all);
    pair.server.pipeline().fireChannelRead(direct);
    pair.server.pipeline().fireChannelReadComplete();
    pair.server.runPendingTasks();

    // Either it is over with a reason, or what is there knows of the end.
    if (pair.server.tls() != null) {
      assertThat(pair.server.events).contains("end");
    } else {
      assertThat(pair.server.refused).isNotNull();
      assertThat(pair.server.isOpen()).isFalse();
    }
    write(pair.server, 100);
    pair.end();
    assertNothingIsHeld();
  }

  /** An engine frees its session when it finds it at its end; the pointer to it is of no use. */
  @Test
  void sessionThatItsEngineHasFreedIsNotTakenOver() throws Exception {
    Pair pair = new Pair();
    List<Throwable> refused = new ArrayList<>();
    SslHandler tls = pair.server.pipeline().get(SslHandler.class);
    pair.server
        .pipeline()
        .addAfter(
            pair.server.pipeline().context(tls).name(),
            "closes",
            new ChannelDuplexHandler() {
              @Override
              public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                if (event instanceof SslHandshakeCompletionEvent) {
                  tls.engine().closeOutbound();
                  try {
                    tls.engine().closeInbound();
                  } catch (SSLException e) {
                    // Nothing has come that says so.
                  }
                  try {
                    DuplexTls.takeOver(ctx.channel(), tls);
                  } catch (SSLException e) {
                    refused.add(e);
                  }
                  ctx.close();
                }
              }
            });
    pair.exchange(1 << 20);

    assertThat(refused)
        .singleElement()
        .extracting(Throwable::getMessage)
        .isEqualTo("the peer closed the TLS session with its handshake");
    pair.end();
    assertNothingIsHeld();
  }

  @Test
  void handshakeThatIsCutOrBrokenAtAnyByteGivesEverythingBack() throws Exception {
    Pair whole = new Pair();
    whole.exchange(1 << 20);
    long length = whole.carried;
    whole.end();
    assertNothingIsHeld();
    Random random = new Random(1);
    // Each byte of the short messages in time, and a part of those of the certificates.
    for (long at = 0; at <= length; at += 1 + random.nextInt(24)) {
      Pair cut = new Pair();
      cut.cutAfter = at;
      cut.exchange(1 + random.nextInt(2000));
      cut.end();
      assertNothingIsHeld();
      Pair broken = new Pair();
      broken.breakAt = at;
      broken.exchange(1 + random.nextInt(2000));
      write(broken.server, 10);
      broken.exchange(1 << 20);
      broken.end();
      assertNothingIsHeld();
    }
  }

  /** Ends, cuts, closes and broken records in any order. */
  private void session(Random random) throws Exception {
    Pair pair = new Pair();
    switch (random.nextInt(3)) {
      case 0 -> pair.cutAfter = random.nextInt(200_000);
      case 1 -> pair.breakAt = random.nextInt(200_000);
      default -> {}
    }
    int steps = random.nextInt(12);
    for (int i = 0; i < steps; i++) {
      End end = random.nextBoolean() ? pair.client : pair.server;
      DuplexTls tls = end.tls();
      switch (random.nextInt(9)) {
        case 0, 1, 2 -> write(end, 1 + random.nextInt(70_000));
        case 3, 4 -> pair.exchange(1 + random.nextInt(20_000));
        case 5 -> {
          if (tls != null) {
            tls.endOutput();
          }
        }
        case 6 -> end.close();
        case 7 -> {
          if (tls != null) {
            tls.abort();
          }
        }
        default -> pair.carry(end, end == pair.client ? pair.server : pair.client, 500);
      }
      end.runPendingTasks();
    }
    pair.exchange(1 + random.nextInt(20_000));
    pair.end();
  }

  @Test
  void sessionsThatEndInAnyWayGiveEverythingBack() throws Exception {
    for (int seed = 0; seed < 300; seed++) {
      session(new Random(seed));
      assertNothingIsHeld();
    }
  }

  @Test
  void memoryOfBoringSslReturnsAfterManySessions() throws Exception {
    MallocInfo malloc = MallocInfo.find();
    for (int seed = 0; seed < 300; seed++) {
      session(new Random(seed));
    }
    // The JVM allocates there as well while it compiles, and gives it back.
    long before = malloc.least(0);
    int sessions = 1200;
    for (int seed = 0; seed < sessions; seed++) {
      session(new Random(seed));
    }
    // A session that is not freed keeps some 8 KiB, a BIO half of that.
    long most = before + sessions * 2L * 1024;
    assertThat(malloc.least(most)).isLessThanOrEqualTo(most);
  }

  /** What the allocator of the process has given out, where it tells: {@code mallinfo2}. */
  private record MallocInfo(MethodHandle call, MemoryLayout layout) {
    /** Index of {@code uordblks} among ten {@code size_t}. */
    private static final int IN_USE = 7;

    @SuppressWarnings("restricted")
    static MallocInfo find() {
      Linker linker = Linker.nativeLinker();
      MemorySegment symbol = linker.defaultLookup().find("mallinfo2").orElse(null);
      Assumptions.assumeTrue(symbol != null, "the C library tells nothing of its memory");
      MemoryLayout layout =
          MemoryLayout.structLayout(
              MemoryLayout.sequenceLayout(10, ValueLayout.JAVA_LONG).withName("fields"));
      return new MallocInfo(linker.downcallHandle(symbol, FunctionDescriptor.of(layout)), layout);
    }

    /**
     * The least that is in use within half a second, or 20 s where it is not as little as wanted.
     */
    long least(long wanted) {
      long begun = System.nanoTime();
      long least = Long.MAX_VALUE;
      while (System.nanoTime() - begun < 500_000_000L
          || (wanted > 0 && least > wanted && System.nanoTime() - begun < 20_000_000_000L)) {
        least = Math.min(least, inUse());
        Thread.yield();
      }
      return least;
    }

    long inUse() {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment info = (MemorySegment) call.invoke((SegmentAllocator) arena);
        return info.getAtIndex(ValueLayout.JAVA_LONG, IN_USE);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
