package io.signetmesh.proxy.netns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** With a real namespace of the kernel. */
@Timeout(60)
final class NetworkNamespaceTest {
  private static final int SOL_SOCKET = 1;
  private static final int SO_MARK = 36;
  private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

  private final NamespaceThread thread = new NamespaceThread();
  private TestNamespace place;

  @BeforeEach
  void make() throws Exception {
    place = TestNamespace.make();
  }

  @BeforeAll
  static void loadNetty() {
    Epoll.ensureAvailability();
  }

  @AfterEach
  void close() {
    thread.close();
    place.close();
  }

  private NetworkNamespace namespace(int mark) throws IOException {
    return NetworkNamespace.open(thread, "shop/web", place.file(), mark);
  }

  /** Links of all descriptors to network namespaces and sockets. */
  private static List<String> open() throws IOException {
    try (Stream<Path> all = Files.list(DESCRIPTORS)) {
      return all.map(NetworkNamespaceTest::link)
          .filter(link -> link.startsWith("net:") || link.startsWith("socket:"))
          .sorted()
          .toList();
    }
  }

  private static String link(Path file) {
    try {
      return Files.readSymbolicLink(file).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /** The namespaces of all threads of this process. */
  private static Set<String> namespacesOfThreads() throws IOException {
    Set<String> found = new TreeSet<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      tasks.map(task -> link(task.resolve("ns/net"))).filter(n -> !n.isEmpty()).forEach(found::add);
    }
    return found;
  }

  @Test
  void aSocketBelongsToTheNamespaceWhereverItIsBound() throws Exception {
    try (NetworkNamespace namespace = namespace(0);
        ServerSocket here = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      FileDescriptor made = namespace.awaitSockets(1, false).getFirst();
      Socket socket = new Socket(made.intValue());
      // The same address is taken in the namespace of this thread.
      socket.bind(here.getLocalSocketAddress());
      socket.listen(1);
      assertThat(socket.localAddress().getPort()).isEqualTo(here.getLocalPort());
      place.execute("bash", "-c", ": <>/dev/tcp/127.0.0.1/" + here.getLocalPort());
      made.close();
      assertThat(namespacesOfThreads()).hasSize(1);
    }
  }

  @Test
  void socketsHaveTheMarkAndBothFamilies() throws Exception {
    try (NetworkNamespace namespace = namespace(0x539)) {
      for (boolean ipv6 : List.of(false, true)) {
        List<FileDescriptor> made = namespace.awaitSockets(3, ipv6);
        assertThat(made).hasSize(3);
        for (FileDescriptor each : made) {
          assertThat(new Socket(each.intValue()).getIntOpt(SOL_SOCKET, SO_MARK)).isEqualTo(0x539);
          each.close();
        }
      }
    }
  }

  @Test
  void nothingIsLeftOpenAndAHandleOutlivesTheOtherOne() throws Exception {
    // The thread keeps one of its own.
    try (NetworkNamespace first = namespace(0)) {
      first.awaitSockets(1, false).getFirst().close();
    }
    List<String> before = open();
    NetworkNamespace first = namespace(0);
    NetworkNamespace second = first.copy();
    assertThat(second.isSame(first)).isTrue();
    assertThat(second.isSame(Network.HOST)).isFalse();
    first.close();
    first.close();
    assertThatThrownBy(() -> first.awaitSockets(1, false))
        .hasMessageContaining("of shop/web is closed");
    assertThatThrownBy(first::copy).hasMessageContaining("of shop/web is closed");
    for (FileDescriptor each : second.awaitSockets(4, false)) {
      each.close();
    }
    // Given up before it is served, or while it is.
    for (int i = 0; i < 100; i++) {
      CompletableFuture<List<FileDescriptor>> unwanted = second.sockets(16, false);
      if (!unwanted.cancel(false)) {
        for (FileDescriptor each : unwanted.join()) {
          each.close();
        }
      }
    }
    second.awaitSockets(1, false).getFirst().close();
    try (SocketStock stock = new SocketStock(second)) {
      stock.take(false).get(10, TimeUnit.SECONDS).close();
      second.awaitSockets(1, false).getFirst().close();
    }
    second.close();
    assertThat(open()).isEqualTo(before);
  }

  @Test
  void whatIsNoNetworkNamespaceIsRefusedByNameAndClosed() throws Exception {
    try (NetworkNamespace first = namespace(0)) {
      first.awaitSockets(1, false).getFirst().close();
    }
    List<String> before = open();
    assertThatThrownBy(() -> NetworkNamespace.open(thread, "shop/web", Path.of("/dev/null"), 0))
        .hasMessage("descriptor of shop/web is /dev/null: expected a network namespace");
    assertThatThrownBy(
            () -> NetworkNamespace.open(thread, "shop/web", Path.of("/proc/self/ns/uts"), 0))
        .hasMessageContaining("uts:[");
    assertThatThrownBy(() -> NetworkNamespace.open(thread, "shop/web", Path.of("/nowhere"), 0))
        .hasMessage("open(2) of /nowhere: errno 2, No such file or directory");
    assertThat(open()).isEqualTo(before);
  }

  @Test
  void aStockIsReadyAfterTheFirstSocketAndEnds() throws Exception {
    try (NetworkNamespace namespace = namespace(0);
        SocketStock stock = new SocketStock(namespace)) {
      stock.take(false).get(10, TimeUnit.SECONDS).close();
      // What was made with the first one is there when the thread has served another request.
      namespace.awaitSockets(1, false).getFirst().close();
      CompletableFuture<FileDescriptor> second = stock.take(false);
      assertThat(second).isCompleted();
      second.join().close();
      namespace.awaitSockets(1, false).getFirst().close();
      List<String> kept = open();
      stock.tidy();
      assertThat(open()).as("was used since the last time").hasSameSizeAs(kept);
      stock.tidy();
      assertThat(open().size()).isLessThan(kept.size());
      stock.close();
      assertThatThrownBy(() -> stock.take(false).get(10, TimeUnit.SECONDS))
          .hasMessageContaining("the proxy has ended");
    }
  }
}
