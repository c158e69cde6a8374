package io.signetmesh.proxy.node.socket;

import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.linux.LinuxCalls;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.linux.UnixStream;
import io.signetmesh.proxy.netns.NamespaceThread;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.netns.NetworkNamespace;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.proxy.node.WorkloadStatus;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Unix socket at which an agent, operators and a successor talk to the data plane of a node;
 * see {@code node.proto}. Root and the user of this process may connect, nobody else. What was
 * announced stays when whoever announced it is gone.
 */
public final class NodeServer implements AutoCloseable {
  /** After a failure to take a connection. */
  private static final Duration RETRY = Duration.ofMillis(200);

  private static final Logger log = LoggerFactory.getLogger(NodeServer.class);

  /** Workloads at most, of all who announce them. */
  static final int MAX_WORKLOADS = 1024;

  private static final int MAX_CONNECTIONS = 8;

  /** A successor that finds workloads still being changed after so long has to come again. */
  private static final Duration CHANGES = Duration.ofSeconds(45);

  private final Path path;
  private final Settings settings;
  private final Thread accepting;
  private final Set<NodeConnection> connections = ConcurrentHashMap.newKeySet();
  private final WorkloadStarts starting = new WorkloadStarts();

  /** What is still to be done for each workload, one after the other. */
  private final Map<String, CompletableFuture<Void>> tails = new HashMap<>();

  private final Accept accept;
  private UnixListener listener;
  private @Nullable NodeConnection agent;
  private @Nullable NodeConnection successor;
  private boolean handedOver;
  private volatile boolean closed;

  /**
   * What the server works with.
   *
   * @param workloads what is announced is put there
   * @param configurations makes configurations of proxies
   * @param namespaces makes sockets in the namespaces that are announced
   * @param mark mark of the packets of all sockets in namespaces; 0: none
   * @param succeeded is called once when a successor serves, on a thread that may block
   * @param limit for each message to come once it has begun, and for each answer to be read
   */
  public record Settings(
      NodeWorkloads workloads,
      ProxyConfigurations configurations,
      NamespaceThread namespaces,
      int mark,
      Runnable succeeded,
      Duration limit) {
    /** Messages come and are read within this. */
    public static final Duration LIMIT = Duration.ofSeconds(5);
  }

  /** Takes the next connection, as {@link UnixListener#accept} does. */
  @FunctionalInterface
  interface Accept {
    @Nullable UnixStream from(UnixListener listener) throws IOException;
  }

  private NodeServer(Path path, Settings settings, Accept accept) throws IOException {
    this.path = path;
    this.settings = settings;
    this.accept = accept;
    this.accepting = Thread.ofPlatform().daemon().name("node-socket").unstarted(this::accept);
    this.listener = UnixListener.listen(path);
  }

  /**
   * Listens at a socket of mode 0600. Replaces a socket that exists: check first that nobody
   * answers there.
   *
   * @throws IOException when the socket cannot be made
   */
  public static NodeServer listen(Path socket, Settings settings) throws IOException {
    return listen(socket, settings, UnixListener::accept);
  }

  static NodeServer listen(Path socket, Settings settings, Accept accept) throws IOException {
    NodeServer server = new NodeServer(socket, settings, accept);
    server.accepting.start();
    return server;
  }

  /** Takes connections, at another socket when a successor that is gone has replaced it. */
  private void accept() {
    UnixListener current = current();
    while (current != null) {
      try {
        acceptAt(current);
      } finally {
        current.release();
      }
      current = takeBack();
    }
  }

  private void acceptAt(UnixListener current) {
    while (true) {
      UnixStream stream;
      try {
        stream = accept.from(current);
      } catch (IOException | RuntimeException | Error e) {
        // Descriptors are short, for instance: they may be there again.
        log.error("a connection to the socket of the node was not taken", e);
        LockSupport.parkNanos(RETRY.toNanos());
        continue;
      }
      if (stream == null) {
        return;
      }
      admit(stream);
    }
  }

  private synchronized UnixListener current() {
    return listener;
  }

  /** Makes the socket anew, however long that takes; null when it is not this process's. */
  private @Nullable UnixListener takeBack() {
    while (isMine()) {
      UnixListener made = null;
      try {
        // Not with the lock: connections do not wait for a directory that hangs.
        made = UnixListener.listen(path);
      } catch (IOException | RuntimeException | Error e) {
        log.error("the socket of the node cannot be taken back", e);
        LockSupport.parkNanos(RETRY.toNanos());
      }
      if (made != null && becomes(made)) {
        log.info("the data plane of the node is told of workloads at {} again", path);
        return made;
      }
    }
    return null;
  }

  /** Whether the name of the socket is this process's. */
  private synchronized boolean isMine() {
    return !closed && !handedOver;
  }

  private boolean becomes(UnixListener made) {
    synchronized (this) {
      if (isMine()) {
        listener = made;
        return true;
      }
    }
    made.close();
    made.release();
    return false;
  }

  private void admit(UnixStream stream) {
    @Nullable NodeConnection admitted = null;
    try {
      UnixStream.Peer peer = stream.peer();
      int own = LinuxCalls.user();
      if (peer.user() != 0 && peer.user() != own) {
        log.warn(
            "process {} of user {} may not announce workloads: expected root or user {}",
            peer.process(),
            peer.user(),
            own);
        stream.close();
        return;
      }
      if (closed || connections.size() >= MAX_CONNECTIONS) {
        log.warn(
            "process {} is refused: {} connections are open already",
            peer.process(),
            connections.size());
        stream.close();
        return;
      }
      NodeConnection connection = new NodeConnection(this, settings, stream, peer.process());
      connections.add(connection);
      admitted = connection;
      Thread.ofPlatform().daemon().name("node-client").start(connection);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      log.warn("a connection to the socket of the node was not taken: {}", e.getMessage());
      if (admitted != null) {
        connections.remove(admitted);
      }
      stream.close();
    }
  }

  /** Tells the agent of a change. Does not block. */
  public void changed(WorkloadStatus status) {
    String name = status.name();
    if (status.state() == WorkloadStatus.State.GONE) {
      // After what else is to be done for it: that may be to add it anew, with another token.
      var unused =
          then(
              name,
              () -> {
                if (!settings.workloads().workloads().containsKey(name)) {
                  settings.configurations().forget(name);
                }
              });
    }
    NodeConnection told;
    synchronized (this) {
      told = agent;
    }
    if (told != null) {
      told.changed(status);
    }
  }

  // ---- what connections ask

  /** Why a connection cannot be the agent; null when it is from now on. */
  synchronized @Nullable String becomeAgent(NodeConnection connection) {
    String obstacle = obstacle();
    NodeConnection other = agent;
    if (obstacle == null && other != null) {
      obstacle = "process " + other.process() + " is the agent: expected one at a time";
    }
    if (obstacle == null) {
      agent = connection;
    }
    return obstacle;
  }

  /** Why nothing may be changed now; null when it may. */
  synchronized @Nullable String obstacle() {
    NodeConnection other = successor;
    return handedOver
        ? "this process was succeeded"
        : other != null ? "process " + other.process() + " is about to take over" : null;
  }

  /** Why a connection cannot succeed; null when it may, and nobody changes anything any more. */
  @Nullable String becomeSuccessor(NodeConnection connection) {
    List<CompletableFuture<Void>> left;
    NodeConnection cut;
    synchronized (this) {
      String obstacle = obstacle();
      if (obstacle != null) {
        return obstacle;
      }
      successor = connection;
      left = List.copyOf(tails.values());
      cut = agent;
      agent = null;
    }
    log.info("process {} is about to take over all workloads", connection.process());
    if (cut != null) {
      cut.end();
    }
    try {
      CompletableFuture.allOf(left.toArray(CompletableFuture<?>[]::new))
          .handle((done, failure) -> done)
          .get(CHANGES.toMillis(), TimeUnit.MILLISECONDS);
      return null;
    } catch (TimeoutException | ExecutionException e) {
      return "workloads are still being changed after " + CHANGES;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "this process ends";
    }
  }

  /** The successor serves. */
  void succeeded(NodeConnection connection) {
    synchronized (this) {
      if (successor != connection || handedOver) {
        return;
      }
      handedOver = true;
    }
    log.info("process {} serves all workloads: this one drains", connection.process());
    current().close();
    Thread.ofPlatform().name("succeeded").start(settings.succeeded());
  }

  /** A connection is over. */
  void ended(NodeConnection connection) {
    connections.remove(connection);
    boolean resumes = false;
    synchronized (this) {
      if (agent == connection) {
        agent = null;
      }
      if (successor == connection) {
        successor = null;
        resumes = !handedOver && !closed;
      }
    }
    if (resumes) {
      log.warn("process {} has not taken over: this one goes on", connection.process());
      goOn();
    }
  }

  /** A successor is gone: what it has taken is taken back, also the name of the socket. */
  private void goOn() {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (String name : settings.workloads().workloads().keySet()) {
      all.add(then(name, () -> resume(name)));
    }
    CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
        .thenRun(settings.configurations()::forgetOthers);
    UnixListener now = current();
    boolean inPlace = false;
    try {
      inPlace = now.isInPlace();
    } catch (IOException e) {
      log.warn("the socket of the node is made anew: {}", e.getMessage());
    }
    if (!inPlace) {
      // The thread that takes connections makes another one.
      now.close();
    }
  }

  private void resume(String name) {
    NodeWorkloads workloads = settings.workloads();
    try {
      if (workloads.workloads().get(name) instanceof AnnouncedWorkload workload) {
        // The successor has replaced it.
        settings.configurations().keepToken(workload.announcement());
      }
    } catch (IOException e) {
      log.error("workload {}: its token cannot be kept: {}", name, e.getMessage());
    }
    workloads.resume(name);
  }

  /** Whether there is room for a workload that may be a new one. */
  boolean hasRoom(String name) {
    Map<String, ?> all = settings.workloads().workloads();
    return all.size() < MAX_WORKLOADS || all.containsKey(name);
  }

  /** Where the sockets of a workload are made; the descriptor is taken over in any case. */
  Network network(WorkloadAnnouncement announced, @Nullable FileDescriptor namespace)
      throws IOException {
    if (namespace == null) {
      return Network.HOST;
    }
    return NetworkNamespace.of(
        settings.namespaces(),
        AnnouncedWorkload.name(announced.getNamespace(), announced.getName()),
        namespace.intValue(),
        settings.mark());
  }

  /**
   * Changes a workload, after what is to be done for it already.
   *
   * @return null when nothing may be changed now, see {@link #obstacle}; whatever is changed, a
   *     successor waits for
   */
  synchronized @Nullable CompletableFuture<Void> change(String name, Runnable task) {
    return obstacle() == null ? then(name, task) : null;
  }

  /** Does something for a workload, after what is to be done for it already. */
  private CompletableFuture<Void> then(String name, Runnable task) {
    synchronized (this) {
      CompletableFuture<Void> last =
          tails.getOrDefault(name, CompletableFuture.completedFuture(null));
      CompletableFuture<Void> next = starting.after(last, name, task);
      tails.put(name, next);
      next.whenComplete(
          (done, failure) -> {
            if (failure != null) {
              log.error("workload {}", name, failure);
            }
            synchronized (this) {
              tails.remove(name, next);
            }
          });
      return next;
    }
  }

  /** Takes no more connections and ends those that are open. */
  @Override
  public void close() {
    closed = true;
    current().close();
    connections.forEach(NodeConnection::end);
    starting.close();
  }
}
