package io.signetmesh.e2e.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills proxies, the collector, the control plane and all of them at random moments under load.
 * {@code -Dsignet.audit.kill.rounds} and {@code -Dsignet.audit.kill.seed} change how often and
 * when.
 */
@Timeout(1_800)
final class AuditKillIT {
  private static final int ROUNDS = Integer.getInteger("signet.audit.kill.rounds", 8);

  /** A record is in the file long before, also on a busy host; then a kill does not take it. */
  private static final long SURE_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final Pattern PATH = Pattern.compile("\"path\":\"(/(?:web|cart)/[0-9]+)\"");
  private static final Pattern LOST = Pattern.compile("\"gap\":\\{\"lost\":([0-9]+)");

  private final AtomicLong number = new AtomicLong();
  private final ConcurrentLinkedQueue<Answered> answered = new ConcurrentLinkedQueue<>();

  /** Server, and when its proxy was killed. */
  private final List<Killed> kills = new ArrayList<>();

  /** A request that was answered by then. */
  private record Answered(String server, String path, long nanos) {}

  private record Killed(String server, long nanos) {}

  private final long seed = Long.getLong("signet.audit.kill.seed", System.nanoTime());

  @Test
  void eachRecordIsInTheLogOnceWhateverIsKilled(@TempDir Path directory) throws Exception {
    System.out.println("seed " + seed + ", " + ROUNDS + " rounds");
    Random random = new Random(seed);
    List<Path> seen = new ArrayList<>();
    try (AuditedMesh mesh = new AuditedMesh(directory, directory.resolve("log"));
        Load load = new Load()) {
      mesh.start();
      flow(load, mesh, "web", AuditedMesh.WEB);
      flow(load, mesh, "cart", AuditedMesh.CART);
      load.awaitMore(20);
      for (int round = 0; round < ROUNDS; round++) {
        Thread.sleep(random.nextInt(400));
        seen.add(mesh.keepCheckpoint("round-" + round));
        // Each kind in turn, so that few rounds have all of them.
        round(mesh, round % 6, random);
        load.awaitMore(3);
      }
      load.stop();
      long end = System.nanoTime();
      List<String> all = new ArrayList<>();
      for (MeshWorkload each : mesh.servers()) {
        Path journal = mesh.mesh().journalFile(each);
        mesh.awaitDelivered(mesh.log(), journal);
        all.addAll(mesh.requireWhole(mesh.log(), journal, each).values());
      }
      requireRequests(all, end);
      System.out.printf(
          "%d rounds: %d records, %d requests answered, %d failed, gaps of %d%n",
          ROUNDS, all.size(), answered.size(), load.failed(), lost(all));

      // What somebody has seen of the log by then is in it.
      mesh.verify(mesh.log(), seen.getFirst());
      mesh.verify(mesh.log(), seen.get(seen.size() / 2));
      mesh.verify(mesh.log(), seen.getLast());
    }
  }

  private void flow(Load load, AuditedMesh mesh, String server, int port) {
    InetSocketAddress at = mesh.client().at(port);
    load.flow(
        server,
        Duration.ofMillis(3),
        () -> {
          String path = "/" + server + "/" + number.incrementAndGet();
          int status = mesh.mesh().get(at, path).status();
          if (status == 200 || status == 404) {
            answered.add(new Answered(server, path, System.nanoTime()));
          } else {
            throw new AssertionError(path + ": " + status);
          }
        });
  }

  private void round(AuditedMesh mesh, int kind, Random random) throws Exception {
    switch (kind) {
      case 0, 3 -> {
        mesh.killCollector();
        Thread.sleep(random.nextInt(300));
        mesh.startCollector();
      }
      case 1 -> proxy(mesh, mesh.servers().get(random.nextInt(2)));
      case 2 -> {
        // The collector while it is being begun, and a proxy.
        mesh.killCollector();
        mesh.launchCollector();
        Thread.sleep(random.nextInt(1_500));
        mesh.killCollector();
        proxy(mesh, mesh.servers().get(random.nextInt(2)));
        mesh.startCollector();
      }
      case 4 -> {
        mesh.killControlPlane();
        mesh.mesh().startControlPlane();
      }
      default -> {
        long now = System.nanoTime();
        mesh.servers().forEach(each -> kills.add(new Killed(each.name(), now)));
        mesh.killAll();
        mesh.startAll();
      }
    }
  }

  private void proxy(AuditedMesh mesh, MeshWorkload of) throws Exception {
    kills.add(new Killed(of.name(), System.nanoTime()));
    mesh.killProxy(of);
    mesh.mesh().launchProxy(of);
    mesh.mesh().awaitReady(of);
  }

  /** Each request whose answer came some time before the next kill of its server has one record. */
  private void requireRequests(List<String> lines, long end) {
    Map<String, Integer> records = new HashMap<>();
    for (String line : lines) {
      Matcher path = PATH.matcher(line);
      if (path.find()) {
        records.merge(path.group(1), 1, Integer::sum);
      }
    }
    int sure = 0;
    for (Answered one : answered) {
      int found = records.getOrDefault(one.path, 0);
      assertThat(found).as("seed %s, %s", seed, one.path).isLessThanOrEqualTo(1);
      boolean mayBeLost =
          kills.stream()
              .anyMatch(
                  kill ->
                      kill.server.equals(one.server)
                          && kill.nanos - one.nanos > -SURE_NANOS
                          && kill.nanos - one.nanos < SURE_NANOS);
      if (!mayBeLost) {
        sure++;
        assertThat(found)
            .as("seed %s, %s, answered %s ms before the end", seed, one.path, millis(one, end))
            .isEqualTo(1);
      }
    }
    assertThat(sure).as("seed %s", seed).isPositive();
  }

  private static long millis(Answered one, long end) {
    return TimeUnit.NANOSECONDS.toMillis(end - one.nanos);
  }

  /** Torn lines are the only losses that there are, and each kill makes one of a file at most. */
  private long lost(List<String> lines) {
    long lost = 0;
    for (String line : lines) {
      Matcher gap = LOST.matcher(line);
      if (gap.find()) {
        lost += Long.parseLong(gap.group(1));
      }
    }
    assertThat(lost).as("seed %s", seed).isLessThanOrEqualTo(kills.size());
    return lost;
  }
}
