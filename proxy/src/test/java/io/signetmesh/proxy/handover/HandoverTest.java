package io.signetmesh.proxy.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.UnixChannel;
import io.signetmesh.proxy.admin.AdminLoop;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@EnabledOnOs(OS.LINUX)
@Timeout(30)
class HandoverTest {
  private static final AdminLoop LOOP = new AdminLoop();

  private static final InetSocketAddress ANY_PORT =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  private static final Duration SHORT = Duration.ofMillis(200);

  @TempDir Path dir;

  /** What the running proxy does, in order. */
  private static class Recorder implements HandoverServer.Owner {
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private final List<HandedOver> listeners;
    private CompletableFuture<Void> paused = CompletableFuture.completedFuture(null);

    Recorder(List<HandedOver> listeners) {
      this.listeners = listeners;
    }

    @Override
    public List<HandedOver> listeners() {
      return listeners;
    }

    @Override
    public CompletableFuture<Void> pause() {
      events.add("pause");
      return paused;
    }

    @Override
    public void resume() {
      events.add("resume");
    }

    @Override
    public void succeeded() {
      events.add("succeeded");
    }

    String next() throws InterruptedException {
      return Objects.requireNonNull(events.poll(10, TimeUnit.SECONDS), "nothing happened");
    }
  }

  /** Answers with its own name and closes. */
  private static Function<ProxyLoop, ChannelHandler> says(String name) {
    return loop ->
        new ChannelInboundHandlerAdapter() {
          @Override
          public void channelActive(ChannelHandlerContext ctx) {
            ctx.writeAndFlush(
                    ctx.alloc().buffer().writeBytes(name.getBytes(StandardCharsets.US_ASCII)))
                .addListener(done -> ctx.close());
          }
        };
  }

  private static String read(Socket socket) throws IOException {
    socket.setSoTimeout(10_000);
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
  }

  private static HandedOver handed(List<Channel> channels) {
    return new HandedOver((InetSocketAddress) channels.getFirst().localAddress(), channels);
  }

  private static Predecessor ask(Path socket, int loops) throws IOException {
    return Objects.requireNonNull(Predecessor.ask(LOOP.group(), socket, loops));
  }

  @AfterAll
  static void endLoop() {
    LOOP.close();
  }

  @ParameterizedTest
  @CsvSource({
    "IO_URING,1,IO_URING,1",
    "EPOLL,1,EPOLL,1",
    "EPOLL,1,IO_URING,2",
    "IO_URING,2,EPOLL,1",
    "IO_URING,2,IO_URING,2"
  })
  void noConnectionIsRefusedOrLostFromAQueue(
      IoTransport before, int loopsBefore, IoTransport after, int loopsAfter) throws Exception {
    Path socket = dir.resolve("p.handover");
    List<Socket> waiting = new ArrayList<>();
    try (ProxyLoops first = new ProxyLoops(before, loopsBefore);
        ProxyLoops second = new ProxyLoops(after, loopsAfter)) {
      List<Channel> listeners = first.listen(ANY_PORT, says("first"));
      HandedOver handed = handed(listeners);
      Recorder recorder =
          new Recorder(List.of(handed)) {
            @Override
            public CompletableFuture<Void> pause() {
              super.pause();
              return first.pause(listeners);
            }

            @Override
            public void succeeded() {
              listeners.forEach(listener -> listener.close().syncUninterruptibly());
              super.succeeded();
            }
          };
      try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder);
          Predecessor predecessor = ask(socket, loopsAfter)) {
        assertThat(predecessor.process()).isEqualTo(ProcessHandle.current().pid());
        try (Socket early = new Socket(handed.address().getAddress(), handed.address().getPort())) {
          assertThat(read(early)).isEqualTo("first");
        }
        List<FileDescriptor> descriptors = predecessor.take(handed.address());
        assertThat(descriptors).hasSize(Math.max(loopsBefore, loopsAfter));
        List<Channel> adopted =
            second.adopt(handed.address(), descriptors, TcpKeepAlive.DEFAULT, says("second"));

        assertThat(predecessor.pause().get()).isTrue();
        assertThat(recorder.next()).isEqualTo("pause");
        // More than loops, so that each queue has some.
        for (int i = 0; i < 16; i++) {
          waiting.add(new Socket(handed.address().getAddress(), handed.address().getPort()));
        }
        predecessor.serving();
        assertThat(recorder.next()).isEqualTo("succeeded");
        ProxyLoops.accept(adopted);
        for (Socket one : waiting) {
          // One read of the first may have been under way.
          assertThat(read(one)).isIn("first", "second");
        }
        for (int i = 0; i < 16; i++) {
          try (Socket one = new Socket(handed.address().getAddress(), handed.address().getPort())) {
            assertThat(read(one)).isEqualTo("second");
          }
        }
        server.close();
        adopted.forEach(listener -> listener.close().syncUninterruptibly());
      }
    } finally {
      for (Socket one : waiting) {
        one.close();
      }
    }
  }

  @Test
  void theSocketIsPrivateAndGoesWithItsProxyButNotWithAnotherOne() throws Exception {
    Path socket = dir.resolve("p.handover");
    assertThat(Predecessor.ask(LOOP.group(), socket, 1)).isNull();
    HandoverServer first = HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of()));
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
    assertThat(Predecessor.isThere(LOOP.group(), socket)).isTrue();
    HandoverServer second = HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of()));
    first.close();
    assertThat(Predecessor.isThere(LOOP.group(), socket)).isTrue();
    second.close();
    assertThat(socket).doesNotExist();
  }

  /** Netty deletes the name that a socket was bound to when it is closed. */
  @Test
  void aProxyThatEndsDeletesNothingOfASuccessorThatIsMakingItsSocket() throws Exception {
    Path socket = dir.resolve("p.handover");
    Set<Path> names = ConcurrentHashMap.newKeySet();
    HandoverServer first;
    try (WatchService made = dir.getFileSystem().newWatchService()) {
      dir.register(made, StandardWatchEventKinds.ENTRY_CREATE);
      first = HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of()));
      WatchKey events = made.poll(10, TimeUnit.SECONDS);
      while (events != null) {
        events.pollEvents().forEach(event -> names.add(dir.resolve((Path) event.context())));
        events.reset();
        events = names.contains(socket) ? null : made.poll(10, TimeUnit.SECONDS);
      }
    }
    names.remove(socket);
    Set<Path> later = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      later.add(UnixListener.nameToBegin(socket));
    }
    assertThat(names).hasSize(1).doesNotContainAnyElementsOf(later);
    assertThat(later).hasSizeGreaterThan(1);
    for (Path name : later) {
      Files.createFile(name);
    }

    first.close();

    assertThat(Predecessor.isThere(LOOP.group(), socket)).isFalse();
    assertThat(later).allMatch(Files::exists);
  }

  @Test
  void whatAKilledProxyHasLeftBehindIsNoPredecessor() throws Exception {
    Path socket = dir.resolve("p.handover");
    try (ServerSocketChannel left = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      left.bind(UnixDomainSocketAddress.of(socket));
    }
    assertThat(socket).exists();
    assertThat(Predecessor.ask(LOOP.group(), socket, 1)).isNull();
    HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of())).close();
  }

  @Test
  void aSuccessorThatIsGoneAfterThePauseHasTheProxyGoOn() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder)) {
      try (Predecessor predecessor = ask(socket, 1)) {
        assertThat(predecessor.pause().get()).isTrue();
      }
      assertThat(recorder.next()).isEqualTo("pause");
      assertThat(recorder.next()).isEqualTo("resume");
      // And the next one can take over.
      try (Predecessor predecessor = ask(socket, 1)) {
        assertThat(predecessor.pause().get()).isTrue();
        predecessor.serving();
        assertThat(recorder.next()).isEqualTo("pause");
        assertThat(recorder.next()).isEqualTo("succeeded");
      }
    }
  }

  @Test
  void aSuccessorThatSaysNothingAfterThePauseHasTheProxyGoOn() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    var limits = new HandoverServer.Limits(SHORT, Duration.ofMinutes(1));
    try (HandoverServer server =
            HandoverServer.listen(
                LOOP.group(), socket, recorder, limits, HandoverSocket.ownUser());
        Predecessor predecessor = ask(socket, 1)) {
      assertThat(predecessor.pause().get()).isTrue();
      assertThat(recorder.next()).isEqualTo("pause");
      assertThat(recorder.next()).isEqualTo("resume");
    }
  }

  @Test
  void aSuccessorThatDoesNotBecomeReadyMakesRoom() throws Exception {
    Path socket = dir.resolve("p.handover");
    var limits = new HandoverServer.Limits(Duration.ofSeconds(5), SHORT);
    Recorder recorder = new Recorder(List.of());
    try (HandoverServer server =
            HandoverServer.listen(
                LOOP.group(), socket, recorder, limits, HandoverSocket.ownUser());
        Predecessor slow = ask(socket, 1)) {
      while (!slow.isGone()) {
        Thread.onSpinWait();
      }
      // It serves all the same: the running proxy may be gone for all that it knows.
      assertThat(slow.pause().get()).isFalse();
      ask(socket, 1).close();
      assertThat(recorder.events).isEmpty();
    }
  }

  @Test
  void aProxyThatDoesNotAnswerThePauseIsNotWaitedFor() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    recorder.paused = new CompletableFuture<>();
    try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder);
        Predecessor predecessor =
            Objects.requireNonNull(
                Predecessor.ask(
                    LOOP.group(), socket, 1, Duration.ofSeconds(2), HandoverSocket.ownUser()))) {
      assertThat(predecessor.pause().get()).isFalse();
      assertThat(recorder.next()).isEqualTo("pause");
    }
    assertThat(recorder.next()).isEqualTo("resume");
  }

  @Test
  void aProxyThatPausesTooSlowlyDrainsAllTheSameOnceItsSuccessorServes() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    recorder.paused = new CompletableFuture<>();
    try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder);
        // The same limit holds for the answer that has to come first.
        Predecessor predecessor =
            Objects.requireNonNull(
                Predecessor.ask(
                    LOOP.group(), socket, 1, Duration.ofSeconds(2), HandoverSocket.ownUser()))) {
      assertThat(predecessor.pause().get()).isFalse();
      assertThat(predecessor.goesOn()).isFalse();
      predecessor.serving();
      assertThat(recorder.next()).isEqualTo("pause");
      assertThat(recorder.next()).isEqualTo("succeeded");
    }
    assertThat(recorder.events).isEmpty();
  }

  @Test
  void aSuccessorThatIsTooLateSeesThatTheProxyGoesOn() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    // Long enough to see between the pause and its end that the proxy does not go on.
    var limits = new HandoverServer.Limits(Duration.ofSeconds(3), Duration.ofMinutes(1));
    try (HandoverServer server =
            HandoverServer.listen(
                LOOP.group(), socket, recorder, limits, HandoverSocket.ownUser());
        Predecessor late = ask(socket, 1)) {
      assertThat(late.pause().get()).isTrue();
      assertThat(late.goesOn()).isFalse();
      assertThat(recorder.next()).isEqualTo("pause");
      assertThat(recorder.next()).isEqualTo("resume");
      while (!late.isGone()) {
        Thread.onSpinWait();
      }
      assertThat(late.goesOn()).isTrue();
      server.close();
      assertThat(late.goesOn()).isFalse();
    }
  }

  @Test
  void thereIsOneSuccessorAtATime() throws Exception {
    Path socket = dir.resolve("p.handover");
    try (HandoverServer server =
            HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of()));
        Predecessor first = ask(socket, 1)) {
      assertThatThrownBy(() -> Predecessor.ask(LOOP.group(), socket, 1))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is about to take over");
      assertThat(first.isGone()).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1\r\n",
        "signet-handover 2 1 1\n",
        "signet-handover 1 1 0\n",
        "signet-handover 1 1 9999\n",
        "signet-handover 1 1\n"
      })
  void whoSpeaksAnotherProtocolGetsNoDescriptorAndIsTold(String greeting) throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder)) {
      assertThat(talk(socket, greeting)).startsWith("no '").contains("expected");
      assertThat(recorder.events).isEmpty();
    }
  }

  @Test
  void nothingIsTakenOutOfTurnAndNoLineIsLongerThanAllowed() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder)) {
      assertThat(talk(socket, "signet-handover 1 1 1\ntake\n")).doesNotContain("paused");
      assertThat(talk(socket, "signet-handover 1 1 1\nsend\nserving\n")).doesNotContain("paused");
      assertThat(talk(socket, "x".repeat(HandoverSocket.MAX_LINE + 1))).isEmpty();
      assertThat(recorder.events).isEmpty();
    }
  }

  private static String talk(Path socket, String text) throws IOException {
    try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      client.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
      ByteBuffer answer = ByteBuffer.allocate(4096);
      while (client.read(answer) >= 0 && answer.hasRemaining()) {
        // To the end.
      }
      return new String(answer.array(), 0, answer.position(), StandardCharsets.US_ASCII);
    } catch (IOException e) {
      // Closed with bytes unread.
      return "";
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "no: not today\n",
        "listeners\n",
        "listeners 1 127.0.0.1:80\n",
        "listeners 1 127.0.0.1:80*0\n",
        "listeners 1 127.0.0.1:80*x\n",
        "listeners 1 127.0.0.1:80*1000 127.0.0.1:81*1000\n",
        "listeners 1 127.0.0.1:80*1 127.0.0.1:80*1\n",
        // Announced and never sent.
        "listeners 1 127.0.0.1:80*1\n",
        ""
      })
  void aBadPredecessorIsAnErrorInBoundedTime(String answer) throws Exception {
    Path socket = dir.resolve("p.handover");
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(UnixDomainSocketAddress.of(socket));
      CompletableFuture<SocketChannel> accepted =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  SocketChannel peer = listener.accept();
                  peer.write(ByteBuffer.wrap(answer.getBytes(StandardCharsets.US_ASCII)));
                  return peer;
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      assertThatThrownBy(
              () -> Predecessor.ask(LOOP.group(), socket, 1, SHORT, HandoverSocket.ownUser()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the running proxy, process");
      accepted.get().close();
    }
  }

  @Test
  void aSocketThatDoesNotListenAtTheAddressIsNotTakenOver() throws Exception {
    try (ProxyLoops loops = new ProxyLoops(IoTransport.EPOLL, 1)) {
      HandedOver here = handed(loops.listen(ANY_PORT, says("here")));
      FileDescriptor listening = ((UnixChannel) here.channels().getFirst()).fd();
      int port = here.address().getPort();
      assertThat(ProxyLoops.listensAt(listening, here.address())).isTrue();
      assertThat(ProxyLoops.listensAt(listening, new InetSocketAddress("127.0.0.1", port + 1)))
          .isFalse();
      assertThat(ProxyLoops.listensAt(listening, new InetSocketAddress("127.0.0.2", port)))
          .isFalse();
      io.netty.channel.unix.Socket bound = io.netty.channel.unix.Socket.newSocketStream();
      bound.bind(ANY_PORT);
      InetSocketAddress address = Objects.requireNonNull(bound.localAddress());
      assertThat(ProxyLoops.listensAt(bound, address)).as("only bound").isFalse();
      assertThatThrownBy(
              () -> loops.adopt(address, List.of(bound), TcpKeepAlive.DEFAULT, says("nothing")))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("does not listen there");
      assertThat(bound.isOpen()).isFalse();
      here.channels().forEach(one -> one.close().syncUninterruptibly());
    }
  }

  @Test
  void anotherUserIsNeitherGivenListenersNorBelievedToHaveSome() throws Exception {
    Path socket = dir.resolve("p.handover");
    Recorder recorder = new Recorder(List.of());
    int other = HandoverSocket.ownUser() + 1;
    try (HandoverServer server =
        HandoverServer.listen(
            LOOP.group(), socket, recorder, HandoverServer.Limits.DEFAULT, other)) {
      assertThatThrownBy(() -> Predecessor.ask(LOOP.group(), socket, 1))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the running proxy");
      assertThat(talk(socket, "signet-handover 1 1 1\n")).isEmpty();
    }
    try (HandoverServer server = HandoverServer.listen(LOOP.group(), socket, recorder)) {
      assertThatThrownBy(() -> Predecessor.ask(LOOP.group(), socket, 1, SHORT, other))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("expected user " + other);
      assertThat(recorder.events).isEmpty();
    }
  }

  @Test
  void moreDescriptorsThanAllowedAreRefusedBeforeOneIsSent() throws Exception {
    Path socket = dir.resolve("p.handover");
    try (ProxyLoops loops = new ProxyLoops(IoTransport.EPOLL, 1)) {
      List<HandedOver> listeners = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        listeners.add(handed(loops.listen(ANY_PORT, says("first"))));
      }
      try (HandoverServer server =
          HandoverServer.listen(LOOP.group(), socket, new Recorder(listeners))) {
        assertThatThrownBy(() -> Predecessor.ask(LOOP.group(), socket, HandoverSocket.MAX_LOOPS))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("1280 descriptors of listeners: expected at most 1024");
        ask(socket, 4).close();
      }
      listeners.forEach(
          listener -> listener.channels().forEach(one -> one.close().syncUninterruptibly()));
    }
  }

  @Test
  void aProxyThatIsClosedWhileASuccessorPreparesIsSeenToBeGone() throws Exception {
    Path socket = dir.resolve("p.handover");
    HandoverServer server = HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of()));
    try (Predecessor predecessor = ask(socket, 1)) {
      server.close();
      while (!predecessor.isGone()) {
        Thread.onSpinWait();
      }
      assertThat(predecessor.pause().get()).isFalse();
    }
  }

  @Test
  void whereListenersCannotBeHandedOverTheReasonIsSaid() {
    assertThat(HandoverServer.obstacle(IoTransport.NIO, dir.resolve("p"))).contains("nio");
    assertThat(HandoverServer.obstacle(IoTransport.EPOLL, dir.resolve("x".repeat(120))))
        .contains("Unix socket");
    assertThat(HandoverServer.obstacle(IoTransport.EPOLL, dir.resolve("p"))).isNull();
  }

  @Test
  void aLoopThatDoesNothingKeepsNobodyWaitingForTheSocket() throws Exception {
    Path socket = dir.resolve("late.sock");
    HandoverServer.Limits limits = new HandoverServer.Limits(SHORT, SHORT);
    CountDownLatch goOn = new CountDownLatch(1);
    try (AdminLoop stuck = new AdminLoop()) {
      stuck
          .group()
          .execute(
              () -> {
                try {
                  goOn.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      assertThatThrownBy(
              () ->
                  HandoverServer.listen(
                      stuck.group(),
                      socket,
                      new Recorder(List.of()),
                      limits,
                      HandoverSocket.ownUser()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("late.sock cannot be made: the admin loop has not bound it within");
      goOn.countDown();
      // Nor is it bound later on.
      stuck.group().submit(() -> {}).sync();
      stuck.group().submit(() -> {}).sync();
      assertThat(dir).isEmptyDirectory();
      HandoverServer.listen(stuck.group(), socket, new Recorder(List.of())).close();
    } finally {
      goOn.countDown();
    }
  }

  @Test
  void aLoopThatDoesNothingKeepsNobodyWaitingForThePredecessor() throws Exception {
    Path socket = dir.resolve("p.handover");
    CountDownLatch goOn = new CountDownLatch(1);
    try (AdminLoop stuck = new AdminLoop();
        HandoverServer server =
            HandoverServer.listen(LOOP.group(), socket, new Recorder(List.of()))) {
      stuck
          .group()
          .execute(
              () -> {
                try {
                  goOn.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      assertThatThrownBy(
              () -> Predecessor.ask(stuck.group(), socket, 1, SHORT, HandoverSocket.ownUser()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the admin loop has not connected within");
      assertThat(server).isNotNull();
    } finally {
      goOn.countDown();
    }
  }
}
