package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.ProcessFigures;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Clients that make the proxy hold as much as they can. Others are served meanwhile, the proxy
 * lives, and gives the memory back.
 */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(240)
class MemoryIT {
  private static final int KIB = 1024;
  private static final long MIB = 1024 * KIB;

  /** What a proxy may hold after the attack besides what it held before. */
  private static final long KEPT = 64 * MIB;

  /** What it may hold more during the attack. */
  private static final long PEAK = 300 * MIB;

  private Mesh mesh;
  private MeshWorkload web;
  private MeshWorkload server;
  private MeshWorkload impatient;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web = mesh.workload("web").upstream(9080, "api.shop.svc.cluster.local:80");
    server =
        mesh.workload("server")
            .port("http", 8080)
            .port("open", 8081)
            .redirect(18_080, 8080)
            .redirect(18_081, 8081);
    impatient =
        mesh.workload("impatient")
            .port("slow", 8081)
            .redirect(18_081, 8081)
            .environment("SIGNET_PROXY_ANSWER_TIMEOUT", "1s");
    mesh.server("slow", impatient, "slow", "HTTP/1");
    mesh.allowNetworks("slow", "slow", "127.0.0.0/8");
    mesh.service("api", server, 80, "http");
    mesh.server("api", server, "http", "HTTP/1");
    mesh.allowIdentities("api", "api", "web");
    mesh.server("open", server, "open", "HTTP/1");
    mesh.allowNetworks("open", "open", "127.0.0.0/8");
    mesh.start();
    mesh.closeWithMesh(TcpServer.start(server.at(8080), MemoryIT::application));
    mesh.closeWithMesh(TcpServer.start(impatient.at(8081), MemoryIT::application));
    mesh.closeWithMesh(TcpServer.start(server.at(8081), MemoryIT::application));
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  /** Answers; sends without end to who asks for {@code /big}, reads no body for {@code /sink}. */
  private static void application(InputStream in, OutputStream out) throws IOException {
    while (true) {
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        int read = in.read();
        if (read < 0) {
          return;
        }
        head.append((char) read);
      }
      if (head.indexOf(" /big ") > 0) {
        out.write(
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
                .getBytes(StandardCharsets.US_ASCII));
        byte[] piece = new byte[16 * KIB];
        for (int i = 0; i < 60_000; i++) {
          out.write(piece);
        }
      } else if (head.indexOf(" /sink ") > 0) {
        sleep(Duration.ofMinutes(3));
        return;
      }
      out.write(
          "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".getBytes(StandardCharsets.US_ASCII));
      out.flush();
    }
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void headsThatNeverEndOfThousandsWithoutIdentity() throws Exception {
    byte[] begin =
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(63 * KIB))
            .getBytes(StandardCharsets.US_ASCII);
    awaitGivenBack(attack(4300, 18_080, begin));
  }

  @Test
  void headsOfManyShortLinesOfHundredsWithoutIdentity() throws Exception {
    byte[] begin =
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "x: y\r\n".repeat(10_000))
            .getBytes(StandardCharsets.US_ASCII);
    attack(500, 18_080, begin);
  }

  @Test
  void largeAnswersThatAThousandClientsDoNotRead() throws Exception {
    byte[] begin = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    awaitGivenBack(attack(1000, 18_081, begin));
  }

  @Test
  void uploadsThatTheApplicationDoesNotRead() throws Exception {
    byte[] head =
        "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    byte[] begin = new byte[(int) MIB];
    System.arraycopy(head, 0, begin, 0, head.length);
    attack(500, 18_081, begin);
  }

  @Test
  void aClientThatDoesNotReadItsAnswerIsClosedAndOnRecord() throws Exception {
    JournalTail journal = mesh.journal(impatient);
    try (Socket socket = new Socket()) {
      socket.setReceiveBufferSize(8 * KIB);
      socket.bind(new InetSocketAddress(mesh.outsider(), 0));
      socket.connect(impatient.at(18_081), 10_000);
      socket
          .getOutputStream()
          .write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      DecisionRecord record =
          journal
              .await(found -> "overload".equals(found.reason()), Duration.ofSeconds(30))
              .orElseThrow();
      assertThat(record.detail())
          .isEqualTo("the client does not read the answers that wait for it");
      socket.setSoTimeout(10_000);
      InputStream in = socket.getInputStream();
      assertThatThrownBy(in::readAllBytes).hasMessageContaining("reset");
    }
    assertThat(mesh.admin(impatient, "/metrics").body())
        .contains("signet_connections_unread_total 1\n");
  }

  /** Resident memory of the proxy before the attack. */
  private long attack(int connections, int port, byte[] begin) throws Exception {
    long pid = server.proxy().pid();
    try (Load warmUp = honest()) {
      warmUp.awaitMore(50);
    }
    long before = ProcessFigures.residentBytes(pid);
    long peak = before;
    Load load = honest();
    try (Holders holders = new Holders(connections, server.at(port), begin)) {
      for (int second = 0; second < 12; second++) {
        sleep(Duration.ofSeconds(1));
        peak = Math.max(peak, ProcessFigures.residentBytes(pid));
        assertThat(server.proxy().isAlive())
            .as(() -> String.join("\n", server.proxy().lastLines(15)))
            .isTrue();
        assertThat(mesh.admin(server, "/live").status()).isEqualTo(200);
      }
      load.awaitMore(10);
    }
    load.awaitMore(20);
    load.stop();
    assertThat(peak).isLessThan(before + PEAK);
    assertThat(load.failures()).isEmpty();
    assertThat(server.proxy().isAlive()).isTrue();
    return before;
  }

  private void awaitGivenBack(long before) {
    long pid = server.proxy().pid();
    Await.until(
        "memory is given back",
        Duration.ofSeconds(60),
        () -> ProcessFigures.residentBytes(pid) < before + KEPT);
  }

  private Load honest() {
    return new Load()
        .flow(
            "web",
            Duration.ofMillis(20),
            () -> {
              get(URI.create("http://" + web.address().getHostAddress() + ":9080/"));
            });
  }

  private static void get(URI uri) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
    connection.setConnectTimeout(15_000);
    connection.setReadTimeout(15_000);
    try (InputStream in = connection.getInputStream()) {
      assertThat(new String(in.readAllBytes(), StandardCharsets.US_ASCII)).isEqualTo("ok");
    }
  }

  /** Clients that begin and do not go on, and that come again when they are cut off. */
  private final class Holders implements AutoCloseable {
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final CountDownLatch end = new CountDownLatch(1);

    Holders(int count, InetSocketAddress target, byte[] begin) {
      for (int i = 0; i < count; i++) {
        threads.execute(
            () -> {
              while (end.getCount() > 0) {
                hold(target, begin);
              }
            });
      }
    }

    private void hold(InetSocketAddress target, byte[] begin) {
      try (Socket socket = new Socket()) {
        sockets.add(socket);
        socket.setReceiveBufferSize(8 * KIB);
        socket.bind(new InetSocketAddress(mesh.outsider(), 0));
        socket.connect(target, 10_000);
        socket.getOutputStream().write(begin);
        end.await(20, TimeUnit.SECONDS);
      } catch (IOException e) {
        // Cut off.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      // Not at once: the load of the test is bounded.
      sleep(Duration.ofMillis(500));
    }

    @Override
    public void close() {
      end.countDown();
      List<Socket> all = new ArrayList<>(sockets);
      for (Socket socket : all) {
        try {
          socket.close();
        } catch (IOException e) {
          // It is gone.
        }
      }
      threads.shutdownNow();
    }
  }
}
