package io.signetmesh.proxy.policy;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortEnforcement;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the controller which generation each port enforces, over one stream that is opened again
 * when it ends and then states all ports. A controller that does not know the service is left
 * alone.
 */
final class EnforcementReporter implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EnforcementReporter.class);
  private static final long RETRY_MILLIS = 500;

  private final ManagedChannel channel;
  private final String workload;
  private final ScheduledExecutorService scheduler;
  private final Map<Integer, PortEnforcement> enforced = new TreeMap<>();
  private @Nullable StreamObserver<EnforcementReport> stream;
  private boolean scheduled;
  private boolean unsupported;
  private boolean closed;

  EnforcementReporter(ManagedChannel channel, String workload, ScheduledExecutorService scheduler) {
    this.channel = channel;
    this.workload = workload;
    this.scheduler = scheduler;
  }

  /** A generation is in force on a port for every new and live connection. */
  synchronized void enforced(int port, long generation, @Nullable String refusal) {
    PortEnforcement.Builder entry =
        PortEnforcement.newBuilder().setPort(port).setGeneration(generation);
    if (refusal != null) {
      entry.setRefusal(refusal);
    }
    enforced.put(port, entry.build());
    if (generation == 0 || unsupported || closed) {
      return;
    }
    StreamObserver<EnforcementReport> open = stream;
    if (open == null) {
      open();
    } else {
      open.onNext(
          EnforcementReport.newBuilder()
              .setWorkload(workload)
              .addPorts(enforced.get(port))
              .build());
    }
  }

  synchronized void forget(int port) {
    enforced.remove(port);
  }

  private void open() {
    StreamObserver<EnforcementReport> opened =
        PolicyEnforcementGrpc.newStub(channel)
            .report(
                new StreamObserver<EnforcementSummary>() {
                  @Override
                  public void onNext(EnforcementSummary summary) {}

                  @Override
                  public void onError(Throwable error) {
                    ended(Status.fromThrowable(error));
                  }

                  @Override
                  public void onCompleted() {
                    ended(Status.OK);
                  }
                });
    stream = opened;
    opened.onNext(
        EnforcementReport.newBuilder()
            .setWorkload(workload)
            .addAllPorts(enforced.values())
            .build());
  }

  private synchronized void ended(Status status) {
    stream = null;
    if (status.getCode() == Status.Code.UNIMPLEMENTED) {
      unsupported = true;
      log.info("the policy controller does not take acknowledgements");
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
    StreamObserver<EnforcementReport> open = stream;
    stream = null;
    if (open != null) {
      open.onCompleted();
    }
  }
}
