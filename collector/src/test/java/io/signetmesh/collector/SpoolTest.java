package io.signetmesh.collector;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.JournalWriter;
import io.signetmesh.audit.delivery.Deliveries;
import io.signetmesh.audit.delivery.JournalDelivery;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.ingest.CollectorService;
import io.signetmesh.collector.ingest.NamespaceRights;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Logs;
import io.signetmesh.identity.channel.Caller;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a writer keeps while the collector is away, and what the log says of what it could not. */
@Timeout(240)
class SpoolTest {
  private static final int FILE_BYTES = 32 * 1024;
  private static final int KEPT = 2;

  @TempDir private Path directory;

  private final JournalWriter writer = new JournalWriter();
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final ScheduledExecutorService turn = Executors.newSingleThreadScheduledExecutor();
  private ManagedChannel channel;
  private Journal journal;
  private JournalDelivery delivery;

  /** A collector that runs until it is closed. */
  private final class Running implements AutoCloseable {
    private final CollectorLog log =
        CollectorLog.open(directory.resolve("audit"), "test/log", FsyncPolicy.OS, 0);
    private final CollectorService service =
        CollectorService.start(
            log,
            FsyncPolicy.OS,
            CollectorService.WRITER_RATE,
            new NamespaceRights("linkerd", "cluster.local"),
            () -> true,
            new SimpleMeterRegistry(),
            Clock.systemUTC());
    private final Server server;

    Running() throws Exception {
      server =
          InProcessServerBuilder.forName(directory.toString())
              .addService(service)
              .intercept(
                  new ServerInterceptor() {
                    @Override
                    public <Q, A> ServerCall.Listener<Q> interceptCall(
                        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
                      Context context =
                          Context.current().withValue(Caller.KEY, new Caller.TrustedLocal());
                      return Contexts.interceptCall(context, call, headers, next);
                    }
                  })
              .build()
              .start();
    }

    void awaitAll() throws InterruptedException {
      while (delivery.waiting() > 0) {
        Thread.sleep(20);
      }
    }

    @Override
    public void close() throws Exception {
      server.shutdownNow().awaitTermination();
      service.close();
      log.close();
    }
  }

  @BeforeEach
  void begin() throws Exception {
    Path file = directory.resolve("journal/a.jsonl");
    journal =
        writer.open(
            new JournalConfig(file, 16_384, FILE_BYTES, KEPT, false), null, Clock.systemUTC());
    channel = InProcessChannelBuilder.forName(directory.toString()).build();
    delivery = JournalDelivery.of(new Deliveries(), journal, channel, turn, timer);
    delivery.begin();
  }

  @AfterEach
  void end() {
    delivery.close();
    journal.close();
    writer.close();
    channel.shutdownNow();
    timer.shutdownNow();
    turn.shutdown();
  }

  private void record(int count) throws InterruptedException {
    long end = journal.written() + count;
    for (int i = 0; i < count; i++) {
      journal.record(
          new AdministrativeEvent(0, "bundle-changed", "identity", "x".repeat(100), Map.of()));
    }
    while (journal.written() < end) {
      Thread.sleep(5);
    }
  }

  private List<String> logged() throws Exception {
    try (CollectorLog log =
        CollectorLog.open(directory.resolve("audit"), "test/log", FsyncPolicy.OS, 0)) {
      return Logs.entries(log.store(), log.key()).stream()
          .map(
              entry ->
                  switch (entry.content()) {
                    case LogEntry.Line line -> Long.toString(line.sequence());
                    case LogEntry.Missing missing -> missing.from() + "-" + missing.to();
                  })
          .toList();
    }
  }

  @Test
  void nothingIsLostWithinTheBoundAndBeyondItTheGapIsExact() throws Exception {
    record(300);
    try (Running collector = new Running()) {
      collector.awaitAll();
    }
    assertThat(logged()).hasSize(300).startsWith("1").endsWith("300");

    // As much as the files hold, and then three times as much.
    record(100);
    try (Running collector = new Running()) {
      collector.awaitAll();
    }
    assertThat(delivery.lost()).isZero();
    assertThat(logged()).hasSize(400).endsWith("400");

    record(2_000);
    long first = first();
    assertThat(first).isGreaterThan(401);
    try (Running collector = new Running()) {
      collector.awaitAll();
    }
    assertThat(delivery.lost()).isEqualTo(first - 401);
    List<String> all = logged();
    assertThat(all.subList(0, 400)).endsWith("400");
    assertThat(all.get(400)).isEqualTo("401-" + (first - 1));
    assertThat(all.subList(401, all.size()))
        .hasSize((int) (2_400 - first + 1))
        .startsWith(Long.toString(first))
        .endsWith("2400")
        .doesNotHaveDuplicates();
  }

  /** The number of the first record that is left. */
  private long first() throws Exception {
    Path oldest = directory.resolve("journal/a.jsonl." + KEPT);
    String line = Files.readString(oldest).lines().findFirst().orElseThrow();
    return Long.parseLong(line.substring("{\"sequence\":".length(), line.indexOf(',')));
  }
}
