package io.signetmesh.collector;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Logs;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills a collector at random moments while writers deliver. {@code -Dsignet.kill.rounds} and
 * {@code -Dsignet.kill.seed} change how often and when.
 */
@Timeout(900)
class CollectorKillIT {
  private static final int ROUNDS = Integer.getInteger("signet.kill.rounds", 4);
  private static final int WRITERS = 6;

  @TempDir Path directory;

  private Process start(int port) throws Exception {
    return new ProcessBuilder(
            ProcessHandle.current().info().command().orElseThrow(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            CollectorProcess.class.getName(),
            directory.resolve("audit").toString(),
            Integer.toString(port))
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("collector.log").toFile())
        .start();
  }

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      return socket.getLocalPort();
    }
  }

  @Test
  void whatWasAcknowledgedIsThereOnceWheneverTheCollectorIsKilled() throws Exception {
    long seed = Long.getLong("signet.kill.seed", System.nanoTime());
    Random random = new Random(seed);
    int port = freePort();
    AtomicBoolean over = new AtomicBoolean();
    List<ModelWriter> writers = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < WRITERS; i++) {
      ModelWriter writer = new ModelWriter(Logs.id(i), Long.MAX_VALUE, 1 + 37 * i);
      writers.add(writer);
      threads.add(Thread.ofPlatform().start(() -> deliver(writer, port, over, wrong)));
    }
    for (int round = 0; round < ROUNDS; round++) {
      Process process = start(port);
      try {
        long before = writers.stream().mapToLong(writer -> writer.acknowledged).sum();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        // It serves; then it is killed in the midst of it.
        while (process.isAlive()
            && writers.stream().mapToLong(writer -> writer.acknowledged).sum() == before) {
          assertThat(System.nanoTime()).as("round %s of seed %s", round, seed).isLessThan(end);
          Thread.sleep(5);
        }
        assertThat(process.isAlive())
            .as(() -> "seed " + seed + ": " + read(directory.resolve("collector.log")))
            .isTrue();
        Thread.sleep(random.nextInt(400));
      } finally {
        process.destroyForcibly();
        process.waitFor();
      }
    }
    over.set(true);
    for (Thread thread : threads) {
      thread.join();
    }

    assertThat(wrong).as("seed %s", seed).isEmpty();
    Path audit = directory.resolve("audit");
    String key = Files.readString(audit.resolve(CollectorLog.VERIFIER_KEY)).strip();
    Map<String, Long> seen = new HashMap<>();
    for (LogEntry entry :
        Logs.entries(FileTileStore.toRead(audit.resolve(CollectorLog.TILES)), NoteKey.parse(key))) {
      assertThat(entry.content()).isInstanceOf(LogEntry.Line.class);
      long sequence = ((LogEntry.Line) entry.content()).sequence();
      assertThat(sequence)
          .as("seed %s, journal %s", seed, entry.journal())
          .isEqualTo(seen.getOrDefault(entry.journal(), 0L) + 1);
      seen.put(entry.journal(), sequence);
    }
    for (int i = 0; i < WRITERS; i++) {
      assertThat(writers.get(i).acknowledged).as("seed %s", seed).isPositive();
      assertThat(seen.get(Logs.id(i)))
          .as("seed %s", seed)
          .isGreaterThanOrEqualTo(writers.get(i).acknowledged);
    }
    // The next process knows all of it.
    try (CollectorLog log = CollectorLog.open(audit, "test/log", FsyncPolicy.BATCH, 1)) {
      assertThat(log.journals()).isEqualTo(WRITERS);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static void deliver(
      ModelWriter writer, int port, AtomicBoolean over, List<String> wrong) {
    try {
      while (!over.get()) {
        ManagedChannel channel =
            NettyChannelBuilder.forAddress(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
                .usePlaintext()
                .build();
        try {
          Status status = writer.deliver(channel);
          if (status.getCode() != Status.Code.UNAVAILABLE) {
            synchronized (wrong) {
              wrong.add(status.toString());
            }
            return;
          }
        } finally {
          channel.shutdownNow();
        }
        Thread.sleep(20);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
