package io.signetmesh.proxy;

import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.delivery.JournalDelivery;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.workload.WorkloadThreads;
import io.signetmesh.proxy.config.ControlAddress;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.metrics.RuntimeMetrics;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The delivery of the journal of a proxy to the audit collector, where there is one. Made first of
 * all parts, so that it ends last: the records of the end of a proxy are delivered as well, if the
 * collector takes them at once.
 */
final class AuditDelivery implements AutoCloseable {
  private static final Duration LAST_RECORDS = Duration.ofSeconds(2);

  private final DataPlane plane;
  private final ProxyConfig config;
  private @Nullable ProxyTimer timer;
  private @Nullable AutoCloseable channel;
  private @Nullable JournalDelivery delivery;

  AuditDelivery(DataPlane plane, ProxyConfig config) {
    this.plane = plane;
    this.config = config;
  }

  /**
   * Makes the delivery.
   *
   * @param certified completes with the first certificate of the workload; then it starts
   */
  void of(
      Journal journal,
      CompletableFuture<?> certified,
      Supplier<Credentials> credentials,
      ControlLoops loops,
      InstantSource clock) {
    ControlAddress service = config.auditService();
    if (service == null) {
      return;
    }
    // Not closed: what it has to do at the end is done after this is closed.
    WorkloadThreads.Turn turn = plane.newTurn(config.workloadName());
    ProxyTimer times = plane.newTimer();
    timer = times;
    JournalDelivery made =
        JournalDelivery.of(
            plane.deliveries(), journal, open(service, credentials, loops, clock), turn, times);
    delivery = made;
    plane.whenCertified(certified, turn, made::begin);
  }

  private Channel open(
      ControlAddress service,
      Supplier<Credentials> credentials,
      ControlLoops loops,
      InstantSource clock) {
    NodeConnections node = plane.node();
    SharedChannel.View shared = node == null ? null : node.channel(config, service);
    if (shared != null) {
      channel = shared;
      return shared;
    }
    ControlChannel.Address address = new ControlChannel.Address(service.host(), service.port());
    ManagedChannel own =
        config.controlCleartext()
            ? ControlChannel.openCleartext(address, loops)
            : ControlChannel.open(address, service.name(), credentials, clock, loops);
    channel = own::shutdownNow;
    return own;
  }

  void expose(MetricsRegistry registry) {
    JournalDelivery made = delivery;
    if (made != null) {
      RuntimeMetrics.exposeDelivery(registry, made);
    }
  }

  @Override
  public void close() throws Exception {
    JournalDelivery made = delivery;
    if (made != null) {
      made.close(LAST_RECORDS);
    }
    for (AutoCloseable part : new @Nullable AutoCloseable[] {channel, timer}) {
      if (part != null) {
        part.close();
      }
    }
  }
}
