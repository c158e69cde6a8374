package io.signetmesh.cli.controlplane;

import io.grpc.ManagedChannel;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.delivery.Deliveries;
import io.signetmesh.audit.delivery.JournalDelivery;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Credentials;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Supplier;

/**
 * Delivers the journal of a control-plane server to an audit collector, under the identity of the
 * server. What the collector does not have by the end stays in the files, and is delivered by the
 * next process.
 */
public final class ServerDelivery implements AutoCloseable {
  /** For the records of the end to leave. */
  private static final Duration LAST_RECORDS = Duration.ofSeconds(2);

  private final JournalDelivery delivery;
  private final ManagedChannel channel;
  private final ExecutorService turn;
  private final ScheduledExecutorService timer;

  private ServerDelivery(
      JournalDelivery delivery,
      ManagedChannel channel,
      ExecutorService turn,
      ScheduledExecutorService timer) {
    this.delivery = delivery;
    this.channel = channel;
    this.turn = turn;
    this.timer = timer;
  }

  /**
   * Starts to deliver. Close it before the journal and before what gives the credentials.
   *
   * @param collector where the collector is
   * @param credentials the newest ones of the server
   * @param registry gets the metrics of the delivery
   */
  public static ServerDelivery start(
      Journal journal,
      ControlChannel.Address collector,
      MeshNames names,
      Supplier<Credentials> credentials,
      ControlLoops loops,
      MeterRegistry registry,
      InstantSource clock) {
    ManagedChannel channel =
        ControlChannel.open(collector, names.auditCollector().dnsName(), credentials, clock, loops);
    // Files block the one, and nothing the other.
    ExecutorService turn =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("audit-delivery").daemon().factory());
    ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("audit-delivery-timer").daemon().factory());
    JournalDelivery delivery = JournalDelivery.of(new Deliveries(), journal, channel, turn, timer);
    expose(registry, delivery);
    delivery.begin();
    return new ServerDelivery(delivery, channel, turn, timer);
  }

  private static void expose(MeterRegistry registry, JournalDelivery delivery) {
    FunctionCounter.builder("signet.audit.records.delivered", delivery, JournalDelivery::delivered)
        .description("Audit records that the collector has acknowledged.")
        .register(registry);
    FunctionCounter.builder(
            "signet.audit.records.undelivered.lost", delivery, JournalDelivery::lost)
        .description("Audit records that were rotated away before they were delivered.")
        .register(registry);
    Gauge.builder("signet.audit.records.undelivered", delivery, JournalDelivery::waiting)
        .description("Audit records on the disk that the collector has not acknowledged.")
        .strongReference(true)
        .register(registry);
    Gauge.builder("signet.audit.receipt.age", delivery, JournalDelivery::receiptAge)
        .description("Time since the last receipt of the collector, or since the start.")
        .baseUnit("seconds")
        .strongReference(true)
        .register(registry);
  }

  @Override
  public void close() {
    delivery.close(LAST_RECORDS);
    channel.shutdownNow();
    timer.shutdownNow();
    turn.shutdown();
  }
}
