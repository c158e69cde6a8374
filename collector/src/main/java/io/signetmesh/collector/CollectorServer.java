package io.signetmesh.collector;

import io.micrometer.core.instrument.Gauge;
import io.signetmesh.collector.index.LogIndex;
import io.signetmesh.collector.index.LogIndexer;
import io.signetmesh.collector.ingest.CollectorService;
import io.signetmesh.collector.ingest.WriterRights;
import io.signetmesh.collector.kafka.KafkaFollower;
import io.signetmesh.collector.kafka.KafkaSettings;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.collector.witness.WitnessClient;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.identity.channel.ControlServer.Security;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The audit collector: takes records of proxies and of the control plane, and keeps the log. */
public final class CollectorServer implements AutoCloseable {
  /** Default port. */
  public static final int DEFAULT_PORT = 8092;

  /** Calls of a connection other than deliveries; there are none that stay. */
  private static final int MORE_CALLS = 16;

  private static final int RETENTION_MINUTES = 5;
  private static final Logger logger = LoggerFactory.getLogger(CollectorServer.class);

  private final ControlServer server;
  private final CollectorService service;
  private final CollectorLog log;
  private final @Nullable WitnessClient witness;
  private final @Nullable KafkaFollower follower;
  private final ScheduledExecutorService deleting;
  private final @Nullable LogIndexer indexer;

  private CollectorServer(
      ControlServer server,
      CollectorService service,
      CollectorLog log,
      @Nullable WitnessClient witness,
      @Nullable KafkaFollower follower,
      ScheduledExecutorService deleting,
      @Nullable LogIndexer indexer) {
    this.server = server;
    this.service = service;
    this.log = log;
    this.witness = witness;
    this.follower = follower;
    this.deleting = deleting;
    this.indexer = indexer;
  }

  /** Deletes what is beyond the bounds of retention, now and every five minutes. */
  private static ScheduledExecutorService deleting(
      Config config,
      CollectorLog log,
      @Nullable KafkaFollower follower,
      BooleanSupplier confirmed,
      InstantSource clock) {
    ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("audit-retention").daemon().factory());
    if (config.retention().isBounded()) {
      timer.scheduleWithFixedDelay(
          () -> {
            try {
              if (!confirmed.getAsBoolean()) {
                return;
              }
              config
                  .retention()
                  .apply(
                      log,
                      config.directory(),
                      clock.instant(),
                      follower == null ? Long.MAX_VALUE : follower.held());
            } catch (Throwable e) {
              // Also errors: a timer that one ends deletes nothing more.
              logger.warn("entries of the audit log cannot be deleted", e);
            }
          },
          0,
          RETENTION_MINUTES,
          TimeUnit.MINUTES);
    }
    return timer;
  }

  /**
   * Configuration of the server.
   *
   * @param address address to bind; port 0 takes a free port
   * @param security how connections are protected
   * @param directory of the log and its key; made when it is missing
   * @param origin name of the log
   * @param fsync when records are durable
   * @param retention how long entries are kept
   * @param writerRate bytes a second that each writer may deliver, after a burst of 16 times that
   * @param witness who cosigns checkpoints; null for nobody
   * @param kafka topic that the log is taken to; null for none
   * @param hasIndex whether an index is kept beside the log
   * @param rights whom writers may speak for
   * @param meters registry of the server's metrics
   */
  public record Config(
      InetSocketAddress address,
      Security security,
      Path directory,
      String origin,
      FsyncPolicy fsync,
      Retention retention,
      long writerRate,
      WitnessClient.@Nullable Config witness,
      @Nullable KafkaSettings kafka,
      boolean hasIndex,
      WriterRights rights,
      ServerMeters meters) {}

  /** Name of the log of a mesh, unless it is given another. */
  public static String defaultOrigin(String trustDomain) {
    return trustDomain + "/signet-audit";
  }

  /**
   * Opens the log, binds the address and starts serving.
   *
   * @throws IOException when the log cannot be opened, the address cannot be bound or the
   *     credentials are not usable; nothing is left open then
   */
  public static CollectorServer start(Config config, ControlLoops loops, InstantSource clock)
      throws IOException {
    CollectorLog log = CollectorLog.open(config.directory(), config.origin(), config.fsync(), 0);
    WitnessClient witness = null;
    CollectorService service = null;
    ControlServer server = null;
    KafkaFollower follower = null;
    try {
      if (config.kafka() != null) {
        follower =
            KafkaFollower.start(
                log, config.directory(), config.kafka(), config.meters().registry());
      }
      if (config.witness() != null) {
        witness = WitnessClient.start(config.witness(), log, config.meters().registry(), clock);
      }
      BooleanSupplier confirmed = witness == null ? () -> true : witness::isConfirmed;
      service =
          CollectorService.start(
              log,
              config.fsync(),
              config.writerRate(),
              config.rights(),
              confirmed,
              config.meters().registry(),
              clock);
      server =
          ControlServer.start(
              new ControlServer.Config(
                  config.address(),
                  config.security(),
                  2,
                  CollectorService.MAX_MESSAGE_BYTES,
                  CollectorService.MAX_STREAMS_OF_WRITER + MORE_CALLS,
                  Map.of(CollectorService.DELIVER, CollectorService.MAX_STREAMS_OF_WRITER)),
              loops,
              config.meters().metered(List.of(service)));
      config.meters().certificates("collector", config.security());
      LogIndexer indexer = config.hasIndex() ? indexer(config) : null;
      return new CollectorServer(
          server,
          service,
          log,
          witness,
          follower,
          deleting(config, log, follower, confirmed, clock),
          indexer);
    } catch (IOException | RuntimeException e) {
      if (follower != null) {
        follower.close();
      }
      if (witness != null) {
        witness.close();
      }
      if (service != null) {
        service.close();
      }
      if (server != null) {
        server.close();
      }
      log.close();
      throw e;
    }
  }

  private static LogIndexer indexer(Config config) {
    Path log = config.directory().resolve(CollectorLog.TILES);
    LogIndexer indexer = LogIndexer.start(log, LogIndex.of(log));
    boolean isFollowed = false;
    try {
      Gauge.builder("signet.audit.collector.indexed.size", indexer, LogIndexer::covered)
          .description("Entries of the log up to which its index goes.")
          .register(config.meters().registry());
      isFollowed = true;
      return indexer;
    } finally {
      if (!isFollowed) {
        indexer.close();
      }
    }
  }

  /** The bound address. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** The log. */
  public CollectorLog log() {
    return log;
  }

  /** Whether records are taken: the log can be written, as far as is known. */
  public boolean isReady() {
    return service.isReady();
  }

  /** Ends the streams and closes the log. What was acknowledged is in it. */
  @Override
  public void close() throws IOException {
    deleting.shutdownNow();
    if (witness != null) {
      witness.close();
    }
    service.close();
    server.close();
    if (follower != null) {
      follower.close();
    }
    if (indexer != null) {
      indexer.close();
    }
    log.close();
  }
}
