package io.signetmesh.collector.ingest;

import io.grpc.BindableService;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code io.signetmesh.v1.AuditCollector}: takes records from every caller of the own trust domain
 * and appends them to the log. A receipt is sent when a record is durable, by the fsync policy.
 */
public final class CollectorService implements BindableService, AutoCloseable {
  /** Full name of the method. */
  public static final String DELIVER = AuditCollectorGrpc.getDeliverMethod().getFullMethodName();

  /** Largest message, bytes. */
  public static final int MAX_MESSAGE_BYTES = Message.MAX_BYTES;

  /** Open streams of a writer, over all its connections. */
  public static final int MAX_STREAMS_OF_WRITER = 1_024;

  /** Open streams of all writers. */
  static final int MAX_STREAMS = 16_384;

  /** Bytes a second that a writer may deliver, unless it is said otherwise. */
  public static final long WRITER_RATE = 4L << 20;

  private static final int TICK_MILLIS = 100;
  private static final String LOCAL = "local process";

  private static final Logger logger = LoggerFactory.getLogger(CollectorService.class);

  private static final MethodDescriptor<byte[], AuditReceipt> METHOD =
      AuditCollectorGrpc.getDeliverMethod().toBuilder(
              Message.RAW, AuditCollectorGrpc.getDeliverMethod().getResponseMarshaller())
          .build();

  private final int maxStreams;
  private final Appender appender;
  private final IntakeBudget budget;
  private final WriterRates rates;
  private final DeliveryStream.Parts parts;
  private final ScheduledExecutorService timer;

  // Guarded by this.
  private final Set<DeliveryStream> streams = new HashSet<>();
  private final Map<String, Integer> ofWriter = new HashMap<>();
  private boolean closed;

  private CollectorService(
      CollectorLog log,
      Appender appender,
      IntakeBudget budget,
      WriterRates rates,
      WriterRights rights,
      IngestMeters meters,
      InstantSource clock,
      int maxStreams) {
    this.rates = rates;
    this.maxStreams = maxStreams;
    this.appender = appender;
    this.budget = budget;
    this.parts =
        new DeliveryStream.Parts(log, appender, budget, rates, rights, meters, clock, this::ended);
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("audit-streams").daemon().factory());
    meters.follow(log, appender, this);
  }

  /**
   * Begins to append.
   *
   * @param log closed by its owner, after the service
   * @param rate bytes a second that each writer may deliver, after a burst of 16 times as much
   * @param rights whom writers may speak for; records beyond that are marked
   * @param confirmed whether it is known that the log is the newest state of it; no record is taken
   *     before
   */
  public static CollectorService start(
      CollectorLog log,
      FsyncPolicy fsync,
      long rate,
      WriterRights rights,
      BooleanSupplier confirmed,
      MeterRegistry registry,
      InstantSource clock) {
    IngestMeters meters = new IngestMeters(registry);
    Appender appender = new Appender(log, fsync, confirmed, meters, clock, System::nanoTime);
    CollectorService service =
        new CollectorService(
            log,
            appender,
            IntakeBudget.ofProcess(),
            new WriterRates(rate, System::nanoTime),
            rights,
            meters,
            clock,
            MAX_STREAMS);
    appender.start();
    service.timer.scheduleWithFixedDelay(
        () -> service.endLate(System.nanoTime()), 1, 1, TimeUnit.SECONDS);
    service.timer.scheduleWithFixedDelay(
        service::askThoseThatMay, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
    return service;
  }

  /** Without threads, for tests: the test appends. */
  static CollectorService of(
      CollectorLog log,
      Appender appender,
      IntakeBudget budget,
      WriterRates rates,
      WriterRights rights,
      IngestMeters meters,
      InstantSource clock,
      int maxStreams) {
    return new CollectorService(log, appender, budget, rates, rights, meters, clock, maxStreams);
  }

  /** Whether the log can be written, as far as is known. */
  public boolean isReady() {
    return appender.isWritable();
  }

  @Override
  public ServerServiceDefinition bindService() {
    return ServerServiceDefinition.builder(AuditCollectorGrpc.SERVICE_NAME)
        .addMethod(METHOD, this::deliver)
        .build();
  }

  private ServerCall.Listener<byte[]> deliver(
      ServerCall<byte[], AuditReceipt> call, Metadata headers) {
    Caller caller = Caller.current();
    return switch (caller) {
      case Caller.TrustedLocal() -> open(call, caller, LOCAL);
      case Caller.Unidentified() ->
          refuse(call, Status.UNAUTHENTICATED.withDescription(caller + ": expected a certificate"));
      case Caller.Identified(PeerIdentity identity) ->
          identity.federated()
              ? refuse(
                  call,
                  Status.PERMISSION_DENIED.withDescription(
                      caller + " is of another trust domain: expected a writer of this one"))
              : open(call, caller, identity.name());
    };
  }

  private ServerCall.Listener<byte[]> open(
      ServerCall<byte[], AuditReceipt> call, Caller caller, String writer) {
    DeliveryStream stream = new DeliveryStream(call, caller, writer, parts);
    DeliveryStream gives = null;
    synchronized (this) {
      int open = ofWriter.getOrDefault(writer, 0);
      if (closed) {
        return refuse(call, Status.UNAVAILABLE.withDescription("the collector ends"));
      }
      if (open == 0 && streams.size() >= maxStreams) {
        gives = ofMost();
      }
      // A writer may have as many as it leaves to others. One that has none gets one nevertheless.
      if (gives == null && open >= Math.min(MAX_STREAMS_OF_WRITER, maxStreams - streams.size())) {
        return refuse(
            call,
            Status.RESOURCE_EXHAUSTED.withDescription(
                writer
                    + " has "
                    + open
                    + " streams open, all writers "
                    + streams.size()
                    + ": expected at most "
                    + MAX_STREAMS_OF_WRITER
                    + ", and as many left of "
                    + maxStreams));
      }
      ofWriter.put(writer, open + 1);
      streams.add(stream);
      if (gives != null) {
        // Now, so that the next one does not end the same.
        forget(gives);
      }
    }
    if (gives != null) {
      gives.end(
          Status.RESOURCE_EXHAUSTED.withDescription(
              gives.writer() + " has more streams open than others: one without any needs it"));
    }
    stream.begin();
    return stream;
  }

  /** A stream of the writer that has most of them; null when no writer has more than one. */
  private @Nullable DeliveryStream ofMost() {
    String most = null;
    int count = 1;
    for (Map.Entry<String, Integer> writer : ofWriter.entrySet()) {
      if (writer.getValue() > count) {
        most = writer.getKey();
        count = writer.getValue();
      }
    }
    String from = most;
    return from == null
        ? null
        : streams.stream().filter(stream -> stream.writer().equals(from)).findAny().orElse(null);
  }

  private static ServerCall.Listener<byte[]> refuse(
      ServerCall<byte[], AuditReceipt> call, Status status) {
    call.close(status, new Metadata());
    return new ServerCall.Listener<>() {};
  }

  private synchronized void ended(DeliveryStream stream) {
    forget(stream);
  }

  private void forget(DeliveryStream stream) {
    if (streams.remove(stream)) {
      ofWriter.computeIfPresent(stream.writer(), (_, open) -> open == 1 ? null : open - 1);
    }
  }

  private void askThoseThatMay() {
    try {
      rates.tick();
    } catch (Throwable e) {
      // Also errors: a timer that one ends asks nobody again.
      logger.error("asking for records", e);
    }
  }

  /** Ends the streams that have not gone on in time. */
  void endLate(long nowNanos) {
    for (DeliveryStream stream : open()) {
      try {
        stream.endIfLate(nowNanos);
      } catch (Throwable e) {
        // Also errors: the others, and a timer that one ends, go on.
        logger.error("ending a stream of {}", stream.writer(), e);
      }
    }
  }

  private synchronized List<DeliveryStream> open() {
    return List.copyOf(streams);
  }

  /** Open streams. */
  synchronized int streams() {
    return streams.size();
  }

  /** Bytes that wait to be appended. */
  long waiting() {
    return budget.taken();
  }

  /** Ends the streams after the append that is under way. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    timer.shutdownNow();
    appender.close();
    open().forEach(stream -> stream.end(Status.UNAVAILABLE.withDescription("the collector ends")));
  }
}
