package io.signetmesh.proxy.node.socket;

import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.netns.NetworkNamespace;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.proxy.node.WorkloadStatus;
import io.signetmesh.proxy.node.WorkloadStatus.State;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.TakeOverEnd;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes all workloads from the data plane that runs. That one sends them with their network
 * namespaces. Each proxy here takes the listeners of its predecessor over as soon as it may serve,
 * for itself. Once all do, or have failed, the data plane that ran is told, drains what is left,
 * and ends. If this process ends before, that one goes on with all workloads.
 */
public final class NodeSuccession implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeSuccession.class);

  /** From the last workload on, until all serve. Proxies give up after two minutes. */
  static final Duration SERVING = Duration.ofSeconds(150);

  /** The predecessor ends what it does for its agent before it answers. */
  private static final Duration ANSWER = Duration.ofSeconds(60);

  /** A process that was killed has closed its connections a moment before it is gone. */
  private static final Duration GONE = Duration.ofSeconds(2);

  private static final long LOOK_MILLIS = 20;

  private final NodeClient predecessor;
  private final NodeServer.Settings settings;

  /** When all have to serve. */
  private long deadline;

  private NodeSuccession(NodeClient predecessor, NodeServer.Settings settings) {
    this.predecessor = predecessor;
    this.settings = settings;
  }

  /**
   * Asks the data plane at a socket for its workloads, and starts their proxies. Blocks.
   *
   * @throws IOException when it does not send them, or one of them has no place here; it goes on
   */
  public static NodeSuccession begin(Path socket, NodeServer.Settings settings) throws IOException {
    NodeSuccession succession =
        new NodeSuccession(
            NodeClient.connect(socket, NodeRole.NODE_ROLE_SUCCESSOR, ANSWER), settings);
    boolean begun = false;
    try {
      succession.receive();
      begun = true;
      return succession;
    } finally {
      if (!begun) {
        succession.close();
      }
    }
  }

  private void receive() throws IOException {
    int count = 0;
    List<CompletableFuture<Void>> starting = new ArrayList<>();
    try (WorkloadStarts starts = new WorkloadStarts()) {
      while (true) {
        NodeResponse response = predecessor.next(ANSWER);
        if (response.hasEnd()) {
          if (response.getEnd().getWorkloads() != count) {
            throw new NodeProtocolException(
                count + " workloads: expected " + response.getEnd().getWorkloads());
          }
          break;
        }
        if (!response.hasWorkload()) {
          continue;
        }
        count++;
        WorkloadAnnouncement announced = response.getWorkload();
        AnnouncedWorkload.check(announced);
        FileDescriptor namespace =
            announced.getNetworkNamespace() ? predecessor.descriptor() : null;
        if (announced.getNetworkNamespace() && namespace == null) {
          throw new NodeProtocolException(
              "workload "
                  + AnnouncedWorkload.name(announced.getNamespace(), announced.getName())
                  + " without its network namespace: expected a descriptor");
        }
        String name = AnnouncedWorkload.name(announced.getNamespace(), announced.getName());
        starting.add(
            starts.after(
                CompletableFuture.completedFuture(null), name, () -> put(announced, namespace)));
      }
      deadline = System.nanoTime() + SERVING.toNanos();
      for (CompletableFuture<Void> each : starting) {
        try {
          each.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
          throw new IOException("workloads have not started within " + SERVING, e);
        } catch (ExecutionException e) {
          // It would drain there and be nowhere.
          Throwable cause = e.getCause() == null ? e : e.getCause();
          throw new IOException(cause.getMessage(), cause);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted", e);
        }
      }
    }
    log.info("{} workloads are taken over", count);
  }

  /** Starts a proxy. Fails when the workload cannot be had as it is there. */
  private void put(WorkloadAnnouncement announced, @Nullable FileDescriptor namespace) {
    String name = AnnouncedWorkload.name(announced.getNamespace(), announced.getName());
    try {
      Network network =
          namespace == null
              ? Network.HOST
              : NetworkNamespace.of(
                  settings.namespaces(), name, namespace.intValue(), settings.mark());
      boolean put = false;
      try {
        settings.configurations().keepToken(announced);
        String fault =
            settings
                .workloads()
                .put(new AnnouncedWorkload(announced, network, settings.configurations()));
        put = true;
        if (fault != null) {
          log.error("{}", fault);
        }
      } finally {
        if (!put) {
          network.close();
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "workload " + name + " cannot be taken over: " + e.getMessage(), e);
    }
  }

  /**
   * Waits until each workload is ready or has failed, for at most two and a half minutes since all
   * were received.
   */
  public void awaitServing() throws InterruptedException {
    NodeWorkloads workloads = settings.workloads();
    while (System.nanoTime() - deadline < 0
        && workloads.statuses().stream()
            .map(WorkloadStatus::state)
            .anyMatch(State.WAITING::equals)) {
      Thread.sleep(LOOK_MILLIS);
    }
  }

  /**
   * Tells the predecessor that this process serves: it drains and ends. One that has ended by
   * itself need not be told.
   *
   * @throws IOException when it does not answer and goes on, as far as can be told
   */
  public void taken() throws IOException, InterruptedException {
    NodeResponse answer;
    try {
      answer =
          predecessor.call(NodeRequest.newBuilder().setTaken(TakeOverEnd.getDefaultInstance()), -1);
    } catch (NodeRefusedException | NodeProtocolException e) {
      throw e;
    } catch (IOException e) {
      if (!predecessorIsGone()) {
        throw e;
      }
      log.warn("the data plane before has ended by itself: {}", e.getMessage());
      return;
    }
    if (!answer.hasEnd()) {
      throw new NodeProtocolException("an answer to taken: expected end");
    }
  }

  private boolean predecessorIsGone() throws InterruptedException {
    long end = System.nanoTime() + GONE.toNanos();
    while (!predecessor.isServerGone()) {
      if (System.nanoTime() - end >= 0) {
        return false;
      }
      Thread.sleep(LOOK_MILLIS);
    }
    return true;
  }

  @Override
  public void close() {
    predecessor.close();
  }
}
