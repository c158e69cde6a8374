package io.signetmesh.proxy.policy;

import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortEnforcement;
import io.signetmesh.v1.UnknownKey;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the controller which generation each port enforces, over one stream. A stream that ends is
 * opened again, whenever and however it ended, and states all ports anew: the controller may be
 * another one, which knows nothing. A controller that does not know the service is left alone until
 * the next policy that names a generation.
 */
final class EnforcementReporter implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EnforcementReporter.class);
  private static final long RETRY_MILLIS = 500;

  /** Reason for a refusal that is told; the controller keeps no more. */
  private static final int MAX_REFUSAL = 1_024;

  /**
   * Ports in one message, which a controller takes up to 64 KiB: with a reason of three bytes a
   * character some 3 KiB for each.
   */
  private static final int PORTS_PER_REPORT = 16;

  private static final int UNKNOWN_KEYS = 16;

  /** How long keys are collected. Short: a request with a new key waits for the controller. */
  private static final long UNKNOWN_KEY_MILLIS = 200;

  private final Channel channel;
  private final String workload;
  private final String instance;
  private final ScheduledExecutorService scheduler;
  private final Map<Integer, PortEnforcement> enforced = new TreeMap<>();
  private final Set<UnknownKey> unknownKeys = new LinkedHashSet<>();
  private @Nullable Stream stream;
  private boolean scheduled;
  private boolean unsupported;
  private boolean closed;

  /**
   * @param workload workload text as the controller wants it
   * @param instance this run of the proxy, as its watches name it
   */
  EnforcementReporter(
      Channel channel, String workload, String instance, ScheduledExecutorService scheduler) {
    this.channel = channel;
    this.workload = workload;
    this.instance = instance;
    this.scheduler = scheduler;
  }

  /**
   * A generation is in force on a port for every new and live connection.
   *
   * @param isNewest whether it is the newest of the port, asked in the order of reports: what is
   *     superseded is not reported after what supersedes it
   */
  synchronized void enforced(
      int port, long generation, @Nullable String refusal, BooleanSupplier isNewest) {
    if (!isNewest.getAsBoolean()) {
      return;
    }
    PortEnforcement.Builder entry =
        PortEnforcement.newBuilder().setPort(port).setGeneration(generation);
    if (refusal != null) {
      entry.setRefusal(refusal.substring(0, Math.min(refusal.length(), MAX_REFUSAL)));
    }
    PortEnforcement made = entry.build();
    enforced.put(port, made);
    if (generation == 0 || closed) {
      return;
    }
    Stream open = stream;
    if (open != null) {
      open.report(List.of(made));
    } else if (!scheduled) {
      // One that knows of generations may be a newer controller than the one before.
      unsupported = false;
      open();
    }
  }

  /**
   * A token names a key that its key set does not have. Such keys are collected for a moment and
   * told in one report, one of each authentication; nothing is told while no stream is open.
   *
   * @param authentication name of the authentication
   * @param keyId id of the key
   */
  synchronized void unknownKey(String authentication, String keyId) {
    if (closed
        || unknownKeys.size() >= UNKNOWN_KEYS
        || unknownKeys.stream().anyMatch(told -> told.getAuthentication().equals(authentication))) {
      return;
    }
    boolean first = unknownKeys.isEmpty();
    unknownKeys.add(
        UnknownKey.newBuilder().setAuthentication(authentication).setKeyId(keyId).build());
    if (first) {
      scheduler.schedule(this::tellUnknownKeys, UNKNOWN_KEY_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private synchronized void tellUnknownKeys() {
    Stream open = stream;
    if (open != null && !closed) {
      open.unknownKeys(unknownKeys);
    }
    unknownKeys.clear();
  }

  synchronized void forget(int port) {
    enforced.remove(port);
  }

  private void open() {
    Stream opened = new Stream();
    // Before it is started: a call that cannot be made ends before its start returns.
    stream = opened;
    opened.start();
  }

  private synchronized void ended(Stream from, Status status) {
    if (stream != from) {
      return;
    }
    stream = null;
    if (status.getCode() == Status.Code.UNIMPLEMENTED) {
      if (!unsupported) {
        log.info("the policy controller does not take acknowledgements");
      }
      unsupported = true;
      return;
    }
    if (closed || scheduled) {
      return;
    }
    scheduled = true;
    scheduler.schedule(
        this::reopen,
        RETRY_MILLIS + ThreadLocalRandom.current().nextLong(RETRY_MILLIS),
        TimeUnit.MILLISECONDS);
  }

  private synchronized void reopen() {
    scheduled = false;
    if (!closed && stream == null && !enforced.isEmpty()) {
      open();
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    Stream open = stream;
    stream = null;
    if (open != null) {
      open.complete();
    }
  }

  /** One stream of reports; used under the lock of the reporter. */
  private final class Stream implements StreamObserver<EnforcementSummary> {
    private @Nullable StreamObserver<EnforcementReport> reports;

    void start() {
      StreamObserver<EnforcementReport> started =
          PolicyEnforcementGrpc.newStub(channel).withWaitForReady().report(this);
      reports = started;
      report(List.copyOf(enforced.values()));
    }

    void report(List<PortEnforcement> ports) {
      StreamObserver<EnforcementReport> open = reports;
      if (open == null) {
        return;
      }
      try {
        for (int i = 0; i < ports.size(); i += PORTS_PER_REPORT) {
          open.onNext(message(ports.subList(i, Math.min(i + PORTS_PER_REPORT, ports.size()))));
        }
      } catch (IllegalStateException e) {
        // The call has ended; its end is on the way here.
        log.debug("report not sent: {}", e.getMessage());
      }
    }

    void unknownKeys(Collection<UnknownKey> keys) {
      StreamObserver<EnforcementReport> open = reports;
      if (open == null) {
        return;
      }
      try {
        open.onNext(message(List.of()).toBuilder().addAllUnknownKeys(keys).build());
      } catch (IllegalStateException e) {
        log.debug("unknown keys not reported: {}", e.getMessage());
      }
    }

    private EnforcementReport message(Collection<PortEnforcement> ports) {
      return EnforcementReport.newBuilder()
          .setWorkload(workload)
          .setInstance(instance)
          .addAllPorts(ports)
          .build();
    }

    void complete() {
      StreamObserver<EnforcementReport> open = reports;
      if (open != null) {
        open.onCompleted();
      }
    }

    @Override
    public void onNext(EnforcementSummary summary) {}

    @Override
    public void onError(Throwable error) {
      ended(this, Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
      ended(this, Status.OK);
    }
  }
}
