package io.signetmesh.bench.controller;

import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortEnforcement;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The control connections of many proxies: one mutual TLS connection a pod, a policy stream for
 * each of its ports and one of reports on it. What comes is counted and acknowledged at once.
 */
final class Fleet implements AutoCloseable {
  /** Connections that are being opened at the same time. */
  private static final int OPENING = 64;

  private static final Duration OPEN_LIMIT = Duration.ofMinutes(3);
  private static final long LOOK_MILLIS = 1;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final Map<String, AtomicInteger> byNamespace = new ConcurrentHashMap<>();
  private final AtomicInteger total = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  ControlLoops loops() {
    return loops;
  }

  /**
   * Opens all connections and streams, and waits until each stream has its first message.
   *
   * @param members certificates by namespace
   */
  void open(
      ScaleMesh mesh,
      InetSocketAddress controller,
      String serverName,
      Map<String, IdentityClient> members)
      throws IOException, InterruptedException {
    ControlChannel.Address address =
        new ControlChannel.Address(controller.getAddress().getHostAddress(), controller.getPort());
    int opened = 0;
    for (int i = 0; i < mesh.namespaces(); i++) {
      String namespace = ScaleMesh.namespace(i);
      IdentityClient member = members.get(namespace);
      if (member == null) {
        throw new IllegalArgumentException("no certificate for namespace " + namespace);
      }
      for (int j = 0; j < mesh.podsPerNamespace(); j++) {
        ManagedChannel channel =
            ControlChannel.open(address, serverName, member::credentials, Clock.systemUTC(), loops);
        channels.add(channel);
        new Proxy(channel, namespace, ScaleMesh.pod(j)).watch();
        opened++;
        await((opened - OPENING) * ScaleMesh.PORTS, OPEN_LIMIT);
      }
    }
    await(mesh.ports(), OPEN_LIMIT);
  }

  /** Starts to count anew. */
  void reset() {
    total.set(0);
    byNamespace.clear();
  }

  int received() {
    return total.get();
  }

  int received(String namespace) {
    AtomicInteger count = byNamespace.get(namespace);
    return count == null ? 0 : count.get();
  }

  /** Waits for so many messages since the last reset. */
  void await(int messages, Duration limit) throws IOException, InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (total.get() < messages) {
      Throwable broken = failure.get();
      if (broken != null) {
        throw new IOException("a policy stream ended: " + broken.getMessage(), broken);
      }
      if (System.nanoTime() - end > 0) {
        throw new IOException(
            total.get() + " of " + messages + " messages within " + limit.toSeconds() + " s");
      }
      Thread.sleep(LOOK_MILLIS);
    }
  }

  @Override
  public void close() {
    failure.set(new IOException("closed"));
    channels.forEach(ManagedChannel::shutdownNow);
    loops.close();
  }

  private final class Proxy {
    private final ManagedChannel channel;
    private final String namespace;
    private final String workload;
    private final StreamObserver<EnforcementReport> reports;

    Proxy(ManagedChannel channel, String namespace, String pod) {
      this.channel = channel;
      this.namespace = namespace;
      this.workload = WorkloadRef.pod(namespace, pod).toWire();
      this.reports =
          PolicyEnforcementGrpc.newStub(channel)
              .report(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(EnforcementSummary summary) {}

                    @Override
                    public void onError(Throwable error) {
                      failure.compareAndSet(null, error);
                    }

                    @Override
                    public void onCompleted() {}
                  });
    }

    void watch() {
      for (int i = 0; i < ScaleMesh.PORTS; i++) {
        int port = ScaleMesh.FIRST_PORT + i;
        InboundServerPoliciesGrpc.newStub(channel)
            .watchPort(
                PortSpec.newBuilder()
                    .setWorkload(workload)
                    .setPort(port)
                    .addSignetFeatures("generation")
                    .addSignetFeatures("deny")
                    .addSignetFeatures("trial")
                    .build(),
                new StreamObserver<>() {
                  @Override
                  public void onNext(Server message) {
                    taken(port, message.getSignetGeneration());
                  }

                  @Override
                  public void onError(Throwable error) {
                    failure.compareAndSet(null, error);
                  }

                  @Override
                  public void onCompleted() {
                    failure.compareAndSet(null, new IOException("ended by the controller"));
                  }
                });
      }
    }

    private void taken(int port, long generation) {
      // All calls of a channel are answered on one thread.
      reports.onNext(
          EnforcementReport.newBuilder()
              .setWorkload(workload)
              .addPorts(PortEnforcement.newBuilder().setPort(port).setGeneration(generation))
              .build());
      byNamespace.computeIfAbsent(namespace, _ -> new AtomicInteger()).incrementAndGet();
      total.incrementAndGet();
    }
  }
}
