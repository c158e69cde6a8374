package io.signetmesh.proxy.node.socket;

import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.linux.UnixStream;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.netns.NetworkNamespace;
import io.signetmesh.proxy.node.LocalWorkload;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.proxy.node.WorkloadStatus;
import io.signetmesh.proxy.node.WorkloadStatus.State;
import io.signetmesh.v1.NodeHello;
import io.signetmesh.v1.NodeRefusal;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.NodeWelcome;
import io.signetmesh.v1.TakeOverEnd;
import io.signetmesh.v1.WorkloadAnnouncement;
import io.signetmesh.v1.WorkloadRemoval;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client at the socket of the node, on a thread of its own, which waits for it. */
final class NodeConnection implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(NodeConnection.class);

  /** Requests that are being served; more are not read meanwhile. */
  private static final int MAX_SERVED = 64;

  /** Between two messages of a successor: much more than it gives its proxies. */
  private static final Duration SUCCESSION = NodeSuccession.SERVING.multipliedBy(2);

  private final NodeServer server;
  private final NodeServer.Settings settings;
  private final UnixStream stream;
  private final int process;
  private final NodeMessages messages = new NodeMessages(NodeMessages.MAX_BYTES);
  private final Deque<FileDescriptor> descriptors = new ArrayDeque<>();
  private final Semaphore served = new Semaphore(MAX_SERVED);
  private final Set<String> snapshot = new HashSet<>();
  private final List<CompletableFuture<Void>> adding = new ArrayList<>();
  private final Deque<NodeResponse> answers = new ArrayDeque<>();
  private final Map<String, WorkloadStatus> changes = new LinkedHashMap<>();
  private NodeRole role = NodeRole.NODE_ROLE_UNSPECIFIED;
  private boolean snapshotEnded;
  private long deadline;
  private volatile boolean ended;

  NodeConnection(NodeServer server, NodeServer.Settings settings, UnixStream stream, int process) {
    this.server = server;
    this.settings = settings;
    this.stream = stream;
    this.process = process;
  }

  /** Process at the other end. */
  int process() {
    return process;
  }

  /** Ends the connection; from any thread. */
  void end() {
    ended = true;
    stream.wake();
  }

  /** Tells the other end of a change; the newest of each workload is enough. From any thread. */
  void changed(WorkloadStatus status) {
    synchronized (answers) {
      changes.put(status.name(), status);
    }
    stream.wake();
  }

  private void answer(NodeResponse.Builder response) {
    synchronized (answers) {
      answers.add(response.build());
    }
    stream.wake();
  }

  private void refuse(long id, String reason) {
    log.warn("process {}: {}", process, reason);
    answer(
        NodeResponse.newBuilder().setId(id).setRefusal(NodeRefusal.newBuilder().setReason(reason)));
  }

  @Override
  public void run() {
    try {
      serve();
    } catch (NodeProtocolException e) {
      refuse(0, String.valueOf(e.getMessage()));
      try {
        flush();
      } catch (IOException unread) {
        log.debug("process {} is not told", process, unread);
      }
    } catch (IOException e) {
      log.warn("process {} is gone: {}", process, e.getMessage());
    } catch (RuntimeException | Error e) {
      log.error("the connection of process {} ends", process, e);
    } finally {
      ended = true;
      closeAll(descriptors);
      server.ended(this);
      stream.close();
    }
  }

  private void serve() throws IOException {
    deadline = System.nanoTime() + settings.limit().toNanos();
    while (!ended) {
      flush();
      if (!stream.await(left())) {
        throw new NodeProtocolException(
            messages.isPartial()
                ? "a message that is not complete within " + settings.limit()
                : "nothing was said in time");
      }
      UnixStream.Received received = stream.receive();
      descriptors.addAll(received.descriptors());
      if (received.isTruncated() || descriptors.size() > UnixStream.MAX_DESCRIPTORS) {
        throw new NodeProtocolException(
            "more than "
                + UnixStream.MAX_DESCRIPTORS
                + " descriptors: expected one for a workload");
      }
      if (received.isEnd()) {
        return;
      }
      if (received.bytes().length > 0) {
        take(received.bytes());
      }
    }
    flush();
  }

  /** The time that the other end has; null: for ever. */
  private @Nullable Duration left() {
    if (deadline == 0) {
      return null;
    }
    return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
  }

  private void take(byte[] bytes) throws IOException {
    boolean wasPartial = messages.isPartial();
    messages.add(bytes);
    boolean complete = false;
    byte[] next = messages.next();
    while (next != null) {
      complete = true;
      NodeRequest request = NodeMessages.parse(NodeRequest.parser(), next);
      if (request.getId() <= 0) {
        throw new NodeProtocolException(
            "id " + Long.toUnsignedString(request.getId()) + " of a request: expected 1 or more");
      }
      handle(request);
      next = messages.next();
    }
    if (descriptors.size() > (messages.isPartial() ? 1 : 0)) {
      throw new NodeProtocolException(
          "a descriptor that no message names: expected it with the first byte of its workload");
    }
    if (!messages.isPartial()) {
      deadline =
          role == NodeRole.NODE_ROLE_SUCCESSOR ? System.nanoTime() + SUCCESSION.toNanos() : 0;
    } else if (complete || !wasPartial) {
      deadline = System.nanoTime() + settings.limit().toNanos();
    }
  }

  private void handle(NodeRequest request) throws IOException {
    long id = request.getId();
    boolean first = role == NodeRole.NODE_ROLE_UNSPECIFIED;
    if (first != request.hasHello()) {
      throw new NodeProtocolException(
          "request " + kind(request) + ": expected hello as the first one and as no other");
    }
    switch (request.getKindCase()) {
      case HELLO -> hello(id, request.getHello());
      case ADD -> add(id, request.getAdd());
      case REMOVE -> remove(id, request.getRemove());
      case SNAPSHOT_END -> snapshotEnd(id);
      case LIST ->
          answer(
              NodeResponse.newBuilder()
                  .setId(id)
                  .setStates(States.of(settings.workloads().statuses())));
      case TAKEN -> taken(id);
      default -> throw new NodeProtocolException("a request without a kind: expected one");
    }
  }

  private static String kind(NodeRequest request) {
    return request.getKindCase().name().toLowerCase(java.util.Locale.ROOT);
  }

  private void hello(long id, NodeHello hello) throws IOException {
    if (hello.getVersion() != NodeMessages.VERSION) {
      throw new NodeProtocolException(
          "version "
              + Integer.toUnsignedString(hello.getVersion())
              + ": expected "
              + NodeMessages.VERSION);
    }
    role = hello.getRole();
    String obstacle =
        switch (role) {
          case NODE_ROLE_AGENT -> server.becomeAgent(this);
          case NODE_ROLE_OPERATOR -> null;
          case NODE_ROLE_SUCCESSOR -> server.becomeSuccessor(this);
          default -> "role " + role + ": expected agent, operator or successor";
        };
    if (obstacle != null) {
      throw new NodeProtocolException(obstacle);
    }
    answer(
        NodeResponse.newBuilder()
            .setId(id)
            .setWelcome(
                NodeWelcome.newBuilder()
                    .setVersion(NodeMessages.VERSION)
                    .setProcess(ProcessHandle.current().pid())));
    if (role == NodeRole.NODE_ROLE_SUCCESSOR) {
      handOver(id);
    }
  }

  private void add(long id, WorkloadAnnouncement announced) throws IOException {
    FileDescriptor namespace = announced.getNetworkNamespace() ? descriptors.poll() : null;
    String name = AnnouncedWorkload.name(announced.getNamespace(), announced.getName());
    try {
      if (announced.getNetworkNamespace() && namespace == null) {
        throw new NodeProtocolException(
            "workload " + name + ": network_namespace is set and no descriptor came with it");
      }
      snapshot.add(name);
      AnnouncedWorkload.check(announced);
      expectNoSuccessor(name);
      if (!server.hasRoom(name)) {
        throw new NodeProtocolException(
            "workload " + name + ": expected at most " + NodeServer.MAX_WORKLOADS + " workloads");
      }
    } catch (NodeProtocolException e) {
      if (namespace != null) {
        namespace.close();
      }
      refuse(id, String.valueOf(e.getMessage()));
      return;
    }
    served.acquireUninterruptibly();
    CompletableFuture<Void> added = server.change(name, () -> put(id, announced, namespace));
    if (added == null) {
      if (namespace != null) {
        namespace.close();
      }
      refuseNow(id, name);
      return;
    }
    if (!snapshotEnded) {
      adding.add(added);
    }
    added.whenComplete((done, failure) -> served(id, name, failure));
  }

  /** Somebody is about to take over. */
  private void refuseNow(long id, String name) {
    String obstacle = server.obstacle();
    refuse(id, "workload " + name + ": " + (obstacle == null ? "try again" : obstacle));
    served.release();
  }

  /** A request is over: who asked is answered in any case. */
  private void served(long id, String name, @Nullable Throwable failure) {
    if (failure != null) {
      refuse(id, "workload " + name + ": " + failure);
    }
    served.release();
  }

  private void put(long id, WorkloadAnnouncement announced, @Nullable FileDescriptor namespace) {
    NodeWorkloads workloads = settings.workloads();
    String name = AnnouncedWorkload.name(announced.getNamespace(), announced.getName());
    Network network;
    try {
      network = server.network(announced, namespace);
    } catch (IOException e) {
      refuse(id, "workload " + name + ": " + e.getMessage());
      return;
    }
    try {
      settings.configurations().keepToken(announced);
    } catch (IOException e) {
      network.close();
      refuse(id, "workload " + name + ": its token cannot be kept: " + e.getMessage());
      return;
    }
    String fault =
        workloads.put(new AnnouncedWorkload(announced, network, settings.configurations()));
    if (fault != null) {
      log.error("{}", fault);
    }
    answerState(id, name);
  }

  private void answerState(long id, String name) {
    WorkloadStatus found = settings.workloads().status(name);
    WorkloadStatus status = found == null ? new WorkloadStatus(name, State.GONE, "") : found;
    answer(NodeResponse.newBuilder().setId(id).setState(States.of(status)));
  }

  private void remove(long id, WorkloadRemoval removal) throws IOException {
    String name = AnnouncedWorkload.name(removal.getNamespace(), removal.getName());
    try {
      AnnouncedWorkload.checkName(removal.getNamespace(), removal.getName());
      expectNoSuccessor(name);
    } catch (NodeProtocolException e) {
      refuse(id, String.valueOf(e.getMessage()));
      return;
    }
    snapshot.remove(name);
    served.acquireUninterruptibly();
    CompletableFuture<Void> removed =
        server.change(
            name,
            () -> {
              if (settings.workloads().remove(name, true)) {
                answerState(id, name);
              } else {
                refuse(id, "workload " + name + ": expected one that was added");
              }
            });
    if (removed == null) {
      refuseNow(id, name);
    } else {
      removed.whenComplete((done, failure) -> served(id, name, failure));
    }
  }

  private void expectNoSuccessor(String name) throws NodeProtocolException {
    if (role == NodeRole.NODE_ROLE_SUCCESSOR) {
      throw new NodeProtocolException("workload " + name + ": a successor changes nothing here");
    }
  }

  private void snapshotEnd(long id) throws NodeProtocolException {
    if (role != NodeRole.NODE_ROLE_AGENT || snapshotEnded) {
      throw new NodeProtocolException("snapshot_end: expected once, from an agent");
    }
    snapshotEnded = true;
    Set<String> names = Set.copyOf(snapshot);
    snapshot.clear();
    List<CompletableFuture<Void>> all = new ArrayList<>(adding);
    adding.clear();
    all.addAll(drainOthers(names));
    all(all)
        .thenRun(
            () ->
                answer(
                    NodeResponse.newBuilder()
                        .setId(id)
                        .setStates(States.of(settings.workloads().statuses()))));
  }

  /** Completes when all have, whether they failed or not. */
  private static CompletableFuture<Void> all(List<CompletableFuture<Void>> each) {
    return CompletableFuture.allOf(each.toArray(CompletableFuture<?>[]::new))
        .handle((done, failure) -> done);
  }

  /**
   * Drains the workloads that are there now and not among these. What somebody adds from now on
   * comes after it.
   */
  private List<CompletableFuture<Void>> drainOthers(Set<String> kept) {
    List<CompletableFuture<Void>> draining = new ArrayList<>();
    for (String name : settings.workloads().workloads().keySet()) {
      if (ended || kept.contains(name)) {
        continue;
      }
      CompletableFuture<Void> drained =
          server.change(name, () -> settings.workloads().remove(name, true));
      if (drained != null) {
        // Otherwise somebody is about to take over.
        draining.add(drained);
      }
    }
    return draining;
  }

  /** Sends all workloads to a successor. */
  private void handOver(long id) throws IOException {
    flush();
    int count = 0;
    for (LocalWorkload each : settings.workloads().workloads().values()) {
      if (!(each instanceof AnnouncedWorkload workload)) {
        continue;
      }
      NodeResponse.Builder response =
          NodeResponse.newBuilder().setId(id).setWorkload(workload.announcement());
      if (workload.network() instanceof NetworkNamespace namespace) {
        FileDescriptor duplicate = namespace.duplicate();
        try {
          send(response.build(), duplicate.intValue());
        } finally {
          duplicate.close();
        }
      } else {
        send(response.build(), -1);
      }
      count++;
    }
    send(
        NodeResponse.newBuilder()
            .setId(id)
            .setEnd(TakeOverEnd.newBuilder().setWorkloads(count))
            .build(),
        -1);
  }

  private void taken(long id) throws IOException {
    if (role != NodeRole.NODE_ROLE_SUCCESSOR) {
      throw new NodeProtocolException("taken: expected from a successor");
    }
    send(NodeResponse.newBuilder().setId(id).setEnd(TakeOverEnd.getDefaultInstance()).build(), -1);
    server.succeeded(this);
  }

  /** Sends what waits to be sent. */
  private void flush() throws IOException {
    while (true) {
      NodeResponse next;
      synchronized (answers) {
        next = answers.poll();
        Iterator<WorkloadStatus> statuses = changes.values().iterator();
        if (next == null && statuses.hasNext()) {
          next = NodeResponse.newBuilder().setState(States.of(statuses.next())).build();
          statuses.remove();
        }
      }
      if (next == null) {
        return;
      }
      send(next, -1);
    }
  }

  private void send(NodeResponse response, int descriptor) throws IOException {
    stream.send(NodeMessages.encode(response), descriptor, settings.limit());
  }

  private static void closeAll(Deque<FileDescriptor> descriptors) {
    while (!descriptors.isEmpty()) {
      try {
        descriptors.pop().close();
      } catch (IOException e) {
        log.debug("a descriptor cannot be closed", e);
      }
    }
  }
}
