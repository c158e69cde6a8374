package io.signetmesh.collector.witness;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.Cosignature;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.audit.tlog.Witness;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.LogKey;
import io.signetmesh.collector.log.Logs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A collector and a witness over HTTP. */
@Timeout(60)
class WitnessClientIT {
  @TempDir Path directory;

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private CollectorLog log;
  private NoteSigner signer;
  private WitnessMemory memory;
  private WitnessServer server;
  private long next = 1;

  @BeforeEach
  void start() throws Exception {
    log = CollectorLog.open(directory.resolve("a"), "test/log", FsyncPolicy.BATCH, 0);
    signer =
        LogKey.open(
            directory.resolve("witness.key"), "witness.example", NoteKey.Type.COSIGNATURE, true);
    memory = new WitnessMemory(directory.resolve("witness"));
    server = serve();
  }

  private WitnessServer serve() throws IOException {
    return WitnessServer.start(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        new Witness(signer, List.of(log.key()), memory, () -> Logs.NOW));
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    memory.close();
    log.close();
  }

  private URI url(String path) {
    return URI.create("http://127.0.0.1:" + server.address().getPort() + path);
  }

  private WitnessClient client(CollectorLog of) throws IOException {
    return client(of, url("/"), Duration.ofSeconds(30));
  }

  private WitnessClient client(CollectorLog of, URI url, Duration limit) throws IOException {
    return new WitnessClient(
        new WitnessClient.Config(url, signer.key(), false), of, registry, () -> Logs.NOW, limit);
  }

  /** Asks for the confirmation of a log before it may go on. */
  private WitnessClient awaiting(CollectorLog of, Instant now) throws IOException {
    return new WitnessClient(
        new WitnessClient.Config(url("/"), signer.key(), true),
        of,
        registry,
        () -> now,
        Duration.ofSeconds(30));
  }

  private void append(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      log.append(List.of(Logs.records(Logs.journal("a", 1), next++)), Logs.NOW);
    }
  }

  @Test
  void checkpointsAreCosignedAndKept() throws Exception {
    try (WitnessClient client = client(log)) {
      assertThat(client.ask()).isFalse();
      append(3);
      assertThat(client.ask()).isTrue();
      assertThat(client.ask()).isFalse();
      append(300);
      assertThat(client.ask()).isTrue();
      assertThat(client.cosignedSize()).isEqualTo(303);
    }
    SignedNote kept = SignedNote.parse(Objects.requireNonNull(log.store().get(TileStore.COSIGNED)));
    assertThat(kept.verify(List.of(log.key(), signer.key())))
        .containsExactly(log.key(), signer.key());
    assertThat(Checkpoint.parse(kept.text())).isEqualTo(log.checkpoint());
  }

  @Test
  void aLogMayGoOnWhenTheWitnessHasSeenNothingLater() throws Exception {
    try (WitnessClient client = awaiting(log, Logs.NOW)) {
      assertThat(client.isConfirmed()).isFalse();
      assertThat(client.ask()).isTrue();
      assertThat(client.isConfirmed()).isTrue();
    }
    append(3);
    for (int i = 0; i < 2; i++) {
      try (WitnessClient client = awaiting(log, Logs.NOW)) {
        assertThat(client.ask()).isTrue();
        assertThat(client.isConfirmed()).isTrue();
        assertThat(client.ask()).isFalse();
      }
    }
  }

  @Test
  void aDirectoryThatWasRestoredWithAllThatIsInItDoesNotGoOn() throws Exception {
    append(3);
    try (WitnessClient client = awaiting(log, Logs.NOW)) {
      client.ask();
    }
    log.close();
    copy(directory.resolve("a"), directory.resolve("backup"));
    log = CollectorLog.open(directory.resolve("a"), "test/log", FsyncPolicy.BATCH, 0);
    append(2);
    try (WitnessClient client = awaiting(log, Logs.NOW)) {
      client.ask();
    }
    try (CollectorLog restored =
            CollectorLog.open(directory.resolve("backup"), "test/log", FsyncPolicy.BATCH, 0);
        WitnessClient client = awaiting(restored, Logs.NOW)) {
      assertThatThrownBy(client::ask).hasMessageContaining("an older state was brought back");
      assertThat(client.isConfirmed()).isFalse();
    }
  }

  @Test
  void aCosignatureOfAnEarlierTimeConfirmsNothing() throws Exception {
    append(3);
    try (WitnessClient client = awaiting(log, Logs.NOW.plus(Duration.ofMinutes(16)))) {
      assertThatThrownBy(client::ask).hasMessageContaining("expected a time after");
      assertThat(client.isConfirmed()).isFalse();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path one : all.toList()) {
        Files.copy(one, to.resolve(from.relativize(one).toString()));
      }
    }
  }

  @Test
  void whatTheWitnessRemembersOutlivesItAndTheCollector() throws Exception {
    append(3);
    try (WitnessClient client = client(log)) {
      client.ask();
    }
    server.close();
    memory.close();
    memory = new WitnessMemory(directory.resolve("witness"));
    server = serve();
    assertThatThrownBy(() -> new WitnessMemory(directory.resolve("witness")))
        .hasMessageContaining("is locked");
    // Without what was cosigned, the witness is asked for its size.
    Files.delete(directory.resolve("a/log").resolve(TileStore.COSIGNED));
    append(4);
    try (WitnessClient client = client(log)) {
      assertThat(client.ask()).isTrue();
    }
    assertThat(memory.last("test/log")).isEqualTo(log.checkpoint());
  }

  @Test
  void anotherHistoryIsNotCosigned() throws Exception {
    append(3);
    try (WitnessClient client = client(log)) {
      client.ask();
    }
    Path other = Files.createDirectory(directory.resolve("b"));
    Files.copy(directory.resolve("a/log.key"), other.resolve("log.key"));
    try (CollectorLog split = CollectorLog.open(other, "test/log", FsyncPolicy.BATCH, 0);
        WitnessClient client = client(split)) {
      split.append(List.of(Logs.records(Logs.journal("x", 1), 7)), Logs.NOW);
      assertThatThrownBy(client::ask).hasMessageContaining("an older state was brought back");
      split.append(List.of(Logs.records(Logs.journal("x", 1), 8, 9)), Logs.NOW);
      assertThatThrownBy(client::ask).hasMessageContaining("422");
      assertThat(split.cosigned()).isNull();
    }
  }

  @Test
  void aLogThatIsNotTheOneThatWasCosignedIsNotGoneOnWith() throws Exception {
    append(3);
    try (WitnessClient client = client(log)) {
      client.ask();
    }
    log.close();
    Path other = Files.createDirectory(directory.resolve("b"));
    Files.copy(directory.resolve("a/log.key"), other.resolve("log.key"));
    CollectorLog split = CollectorLog.open(other, "test/log", FsyncPolicy.BATCH, 0);
    split.append(List.of(Logs.records(Logs.journal("x", 1), 1)), Logs.NOW);
    Path cosigned = other.resolve("log").resolve(TileStore.COSIGNED);
    Files.copy(directory.resolve("a/log").resolve(TileStore.COSIGNED), cosigned);
    split.close();
    assertThatThrownBy(() -> CollectorLog.open(other, "test/log", FsyncPolicy.BATCH, 0))
        .hasMessageContaining("an older state was brought back");

    Files.delete(cosigned);
    split = CollectorLog.open(other, "test/log", FsyncPolicy.BATCH, 0);
    split.append(List.of(Logs.records(Logs.journal("x", 1), 2, 3)), Logs.NOW);
    split.append(List.of(Logs.records(Logs.journal("x", 1), 4)), Logs.NOW);
    split.close();
    Files.copy(directory.resolve("a/log").resolve(TileStore.COSIGNED), cosigned);
    assertThatThrownBy(() -> CollectorLog.open(other, "test/log", FsyncPolicy.BATCH, 0))
        .hasMessageContaining("a witness has cosigned 3 entries");
    log = CollectorLog.open(directory.resolve("a"), "test/log", FsyncPolicy.BATCH, 3);
  }

  @Test
  void aWitnessThatIsAwayOrAnswersOtherwiseIsAFailureAndNothingElse() throws Exception {
    append(3);
    WitnessClient client = client(log);
    server.close();
    assertThatThrownBy(client::ask).isInstanceOf(IOException.class);
    append(1);
    assertThat(log.checkpoint().size()).isEqualTo(4);
    client.close();
    server = serve();
  }

  /** Takes a connection, and writes what it is told to; the connection stays open. */
  private static Thread answering(ServerSocket socket, String answer) {
    return Thread.startVirtualThread(
        () -> {
          try {
            Socket taken = socket.accept();
            byte[] request = new byte[64 * 1024];
            if (taken.getInputStream().read(request) > 0) {
              taken.getOutputStream().write(answer.getBytes(UTF_8));
              taken.getOutputStream().flush();
            }
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Test
  void anAnswerThatDoesNotEndIsWaitedForNoLongerThanOneThatDoesNotBegin() throws Exception {
    append(3);
    try (ServerSocket slow = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        WitnessClient client =
            client(
                log,
                URI.create("http://127.0.0.1:" + slow.getLocalPort() + "/"),
                Duration.ofMillis(500))) {
      answering(slow, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
      assertThatThrownBy(client::ask)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("has not sent a whole answer within 500 ms");
    }
    assertThat(log.cosigned()).isNull();
  }

  @Test
  void aCosignatureOfAnotherTextIsNotKept() throws Exception {
    append(3);
    // The lines of the answer begin with further text, which is what was signed.
    String other = log.note().text() + "\nx\n";
    String lines = "x\n\n" + Cosignature.sign(signer, other, Logs.NOW) + "\n";
    try (ServerSocket liar = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        WitnessClient client =
            client(
                log,
                URI.create("http://127.0.0.1:" + liar.getLocalPort() + "/"),
                Duration.ofSeconds(20))) {
      answering(
          liar,
          "HTTP/1.1 200 OK\r\nContent-Length: "
              + lines.getBytes(UTF_8).length
              + "\r\n\r\n"
              + lines);
      assertThatThrownBy(client::ask).hasMessageContaining("is wrong");
    }
    assertThat(log.cosigned()).isNull();
  }

  @Test
  void requestsOfAnotherFormAreRefused() throws Exception {
    assertThat(post("/add-checkpoint", "no\n")).isEqualTo(400);
    assertThat(post("/other", "")).isEqualTo(404);
    assertThat(post("/add-checkpoint", "x".repeat(200_000))).isEqualTo(413);
  }

  private int post(String path, String body) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(url(path))
                  .POST(HttpRequest.BodyPublishers.ofString(body))
                  .build(),
              HttpResponse.BodyHandlers.discarding())
          .statusCode();
    }
  }
}
