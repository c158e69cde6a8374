package io.signetmesh.proxy.memory;

import io.netty.channel.Channel;
import io.netty.channel.WriteBufferWaterMark;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of one proxy on one event loop, and the accounts of its connections. Confined to its
 * loop, except for the methods that return figures.
 *
 * <p>While the process has enough memory, nothing is limited. Above its first mark less is queued
 * for each connection of a workload that holds more than an equal part. Above its last mark
 * connections of the workloads that hold most are closed until there is room again, see {@link
 * ProcessMemory}: of the client that holds most, the connection that holds most. Memory of clients
 * without identity counts four times.
 */
public final class LoopMemory {
  private static final WriteBufferWaterMark AMPLE = new WriteBufferWaterMark(64 * 1024, 256 * 1024);
  private static final WriteBufferWaterMark SCARCE = new WriteBufferWaterMark(16 * 1024, 32 * 1024);

  private static final int CALM_LOOKS = 3;

  /** Connections that a client gives back at once when descriptors are short. */
  private static final int GIVEN_BACK = 16;

  /** Connections refused until a client of the same workload gives some back. */
  private static final int REFUSALS = 16;

  private static final Logger log = LoggerFactory.getLogger(LoopMemory.class);

  private final WorkloadMemory workload;
  private final ProcessMemory process;
  private final MemoryLimits limits;
  private final Executor executor;
  private final LongSupplier buffers;
  private final Map<Object, ClientMemory> clients = new HashMap<>();
  private final Set<ConnectionMemory> connections = new LinkedHashSet<>();
  private final Set<Channel> leaving = new LinkedHashSet<>();
  private final LongAdder shedIdentified = new LongAdder();
  private final LongAdder shedOthers = new LongAdder();
  private final LongAdder slowReaders = new LongAdder();
  private long opened;
  private long reserved;
  private long heap;
  private long untilLook;
  private boolean due;
  private Runnable onDue = () -> {};
  private long releasingBuffers;
  private long releasingHeap;
  private boolean scarce;
  private boolean pressed;
  private int calmLooks;
  private volatile long lastBuffers;
  private volatile long lastHeap;
  private volatile long lookedAt = System.nanoTime();

  /** Whether it waits for other loops to look before it decides. */
  private volatile boolean postponed;

  private final LoopRequest lookRequest;
  private final LoopRequest connectionsRequest;
  private int refusals;

  /**
   * @param workload whose loop it is
   * @param executor of the loop
   * @param buffers bytes of buffers of the workload in use on the loop now
   */
  public LoopMemory(WorkloadMemory workload, Executor executor, LongSupplier buffers) {
    this.workload = workload;
    this.process = workload.process();
    this.limits = process.limits();
    this.executor = executor;
    this.buffers = buffers;
    this.lookRequest = new LoopRequest(executor, this::look);
    this.connectionsRequest = new LoopRequest(executor, this::shedConnections);
    workload.join(this);
    untilLook = process.step();
  }

  // ---- accounts

  /** Opens the account of a connection that was accepted, or that waits in the accept handlers. */
  public ConnectionMemory open(Channel channel) {
    ClientMemory client = join(addressKey(channel), false);
    ConnectionMemory account = new ConnectionMemory(this, channel, client, opened++);
    connections.add(account);
    reserved += ConnectionMemory.BASE_BUFFERS;
    addHeap(ConnectionMemory.BASE_HEAP);
    channel.config().setWriteBufferWaterMark(marks());
    return account;
  }

  /** Write buffer water marks for a connection that is opened now. */
  public WriteBufferWaterMark marks() {
    return scarce ? SCARCE : AMPLE;
  }

  private static Object addressKey(Channel channel) {
    InetAddress address =
        channel.remoteAddress() instanceof InetSocketAddress remote ? remote.getAddress() : null;
    return address == null ? "unknown" : ClientNetwork.of(address);
  }

  /**
   * Registers a connection that has no account any more and is open only to deliver its pending
   * writes. It is reset as soon as memory is short, so that uncharged memory never displaces
   * charged memory.
   *
   * @return false when memory is short already: the caller must reset the connection
   */
  public boolean mayDeliver(Channel channel) {
    if (scarce) {
      return false;
    }
    if (channel.isOpen() && leaving.add(channel)) {
      channel.closeFuture().addListener(closed -> leaving.remove(channel));
    }
    return true;
  }

  /** Resets what delivers without account. */
  private long resetLeaving() {
    long bytes = 0;
    for (Channel channel : List.copyOf(leaving)) {
      long held = ConnectionMemory.held(channel);
      bytes += held;
      releasingBuffers += held;
      // Its handlers let go of their buffers in a task that is queued after this.
      channel
          .closeFuture()
          .addListener(
              closed -> executor.execute(() -> executor.execute(() -> releasingBuffers -= held)));
      ConnectionMemory.reset(channel);
    }
    leaving.clear();
    return bytes;
  }

  int leavingNow() {
    return leaving.size();
  }

  ClientMemory join(Object key, boolean identified) {
    ClientMemory client = clients.computeIfAbsent(key, k -> new ClientMemory(k, identified));
    client.joined();
    return client;
  }

  void leave(ClientMemory client) {
    if (client.left()) {
      clients.remove(client.key());
    }
  }

  void closed(ConnectionMemory account, ClientMemory client) {
    connections.remove(account);
    reserved -= account.reserved();
    heap -= account.heap();
    leave(client);
    if (account.isShed()) {
      releasingHeap -= account.heap();
      // Its handlers let go of their buffers in a task that is queued after this.
      executor.execute(() -> executor.execute(() -> releasingBuffers -= account.shedBuffers()));
    }
  }

  /** A connection is being closed. */
  void shed(ConnectionMemory account) {
    releasingBuffers += account.shedBuffers();
    releasingHeap += account.heap();
  }

  void addReserved(long bytes) {
    reserved += bytes;
  }

  void addHeap(long bytes) {
    heap += bytes;
    long unpublished = heap - lastHeap;
    if (Math.abs(unpublished) > limits.mostHeap() / 1024) {
      publish(lastBuffers, heap - releasingHeap);
    }
    if (bytes > 0
        && process.heap() + unpublished > limits.mostHeap()
        && workload.heap() + unpublished > process.fair(limits.mostHeap())) {
      setDue();
    }
  }

  boolean hasRoomForHeads(ClientMemory client, long bytes) {
    long most = workload.mayHoldHeap();
    long part = most / Math.max(1, workload.loops().size());
    return workload.heap() + heap - lastHeap + bytes <= most
        && client.heads() + bytes <= (client.identified() ? part / 2 : part / 8);
  }

  // ---- pressure

  /**
   * Notes that buffers were allocated. After a fixed number of bytes the memory in use is measured.
   */
  public void allocated(long bytes) {
    untilLook -= bytes;
    if (untilLook < 0) {
      setDue();
    }
  }

  private void setDue() {
    if (!due) {
      due = true;
      onDue.run();
      executor.execute(this::lookIfDue);
    }
  }

  /**
   * Sets what runs when it is time to measure. It may call {@link #lookIfDue} before the task that
   * is queued for that, but between two events only: a connection must not be closed while it is
   * being read.
   */
  public void onDue(Runnable action) {
    onDue = action;
  }

  /** Calls {@link #look} if it is time to. */
  public void lookIfDue() {
    if (due) {
      due = false;
      look();
    }
  }

  /**
   * Measures the memory in use, and closes connections if it is too much. Never throws: it is
   * called between events and by a repeated task, where an exception would silently end the loop or
   * the task.
   */
  public void look() {
    try {
      measureAndShed();
    } catch (RuntimeException e) {
      log.error("memory of a loop could not be looked at", e);
      untilLook = process.step();
    }
  }

  private void measureAndShed() {
    // What is being closed is still in use, and soon will not be.
    long used = measured();
    long charged = heap - releasingHeap;
    publish(used, charged);
    lookedAt = System.nanoTime();
    postponed = false;
    long ease = limits.easeBuffers();
    boolean shortNow = process.buffers() > ease && workload.isAboveFair(ease);
    if (shortNow && !scarce) {
      queueAtMost(true);
      used = Math.max(0, used - resetLeaving());
      publish(used, charged);
    } else if (scarce && (process.buffers() < ease / 2 || !workload.isAboveFair(ease / 2))) {
      queueAtMost(false);
    }
    if (shortNow || workload.heap() > process.fair(limits.mostHeap()) / 2) {
      pressed = true;
      calmLooks = -1;
    }
    if (process.buffers() > limits.mostBuffers() || process.heap() > limits.mostHeap()) {
      if (process.mayDecide(this)) {
        shedExcess();
      } else {
        postponed = true;
      }
    }
    untilLook = process.untilLook();
    process.looked(this);
  }

  private long measured() {
    return Math.max(0, buffers.getAsLong() + reserved - releasingBuffers);
  }

  private void publish(long used, long charged) {
    workload.add(used - lastBuffers, charged - lastHeap);
    lastBuffers = used;
    lastHeap = charged;
  }

  private void shedExcess() {
    double part = process.excessBuffers(workload);
    if (part > 0) {
      connections.forEach(ConnectionMemory::measureBuffers);
      shed(part);
      publish(measured(), heap - releasingHeap);
    }
    part = process.excessHeap(workload);
    if (part > 0) {
      connections.forEach(ConnectionMemory::measureHeap);
      shed(part);
      publish(measured(), heap - releasingHeap);
    }
  }

  // ---- asked by other loops, from any thread

  /** Has the loop look soon. */
  void ask() {
    lookRequest.ask();
  }

  /** Has the loop close some connections of the client that has most, soon. */
  void askForConnections() {
    connectionsRequest.ask();
  }

  boolean isPostponed() {
    return postponed;
  }

  /** When it was last looked at, in nanoseconds. */
  long lookedAt() {
    return lookedAt;
  }

  /** Whether an old figure of this loop may matter to others. */
  boolean holdsMuch() {
    return lastBuffers > limits.mostBuffers() / 64 || lastHeap > limits.mostHeap() / 64;
  }

  /**
   * Whether memory was short and has been sufficient for a while since; true once each time. Called
   * after each regular {@link #look}.
   */
  public boolean isCalmAgain() {
    if (!pressed || ++calmLooks < CALM_LOOKS) {
      return false;
    }
    pressed = false;
    return true;
  }

  private void queueAtMost(boolean little) {
    scarce = little;
    WriteBufferWaterMark marks = marks();
    connections.forEach(connection -> connection.queueAtMost(marks));
  }

  /**
   * Closes connections that hold so much.
   *
   * @param part of all that was measured. Not all that is in use is seen by measuring
   */
  private void shed(double part) {
    PriorityQueue<ClientMemory> largest =
        new PriorityQueue<>(Comparator.comparingLong(ClientMemory::weight).reversed());
    long all = 0;
    for (ConnectionMemory connection : connections) {
      if (!connection.isShed()) {
        all += connection.measured();
        connection.client().candidate(connection);
      }
    }
    largest.addAll(clients.values());
    long excess = (long) (all * Math.min(1, part));
    while (excess > 0 && !largest.isEmpty()) {
      ClientMemory client = largest.poll();
      if (client.hasNext()) {
        ConnectionMemory connection = client.next();
        excess -= Math.max(1, connection.measured());
        (client.identified() ? shedIdentified : shedOthers).increment();
        shed(connection, "memory is short, and the client holds more of it than others");
        largest.add(client);
      } else {
        client.forget();
      }
    }
    largest.forEach(ClientMemory::forget);
  }

  long heapNow() {
    return heap;
  }

  long reservedNow() {
    return reserved;
  }

  int clientsNow() {
    return clients.size();
  }

  /**
   * Closes connections whose clients do not read their responses. Called once in each {@link
   * Pace#answerTime}.
   *
   * @param least bytes that each client must have read since the last call
   */
  public void closeSlowReaders(long least) {
    List<ConnectionMemory> slow = new ArrayList<>();
    for (ConnectionMemory connection : connections) {
      if (connection.readsTooSlowly(least)) {
        slow.add(connection);
      }
    }
    for (ConnectionMemory connection : slow) {
      slowReaders.increment();
      shed(connection, "the client does not read the answers that wait for it");
    }
  }

  /**
   * Counts a connection that is to be opened, see {@link WorkloadMemory#mayOpenConnection}. When
   * many are refused because this workload has too many, the client that has most gives some back,
   * so that others come in.
   */
  public boolean mayOpenConnection() {
    boolean may = workload.mayOpenConnection();
    if (!may && ++refusals % REFUSALS == 0 && process.isAboveLevel(workload)) {
      askForConnections();
    }
    return may;
  }

  /** A connection that was counted is closed. */
  public void connectionClosed() {
    workload.connectionClosed();
  }

  /** Closes the oldest connections of the client that has most. */
  private void shedConnections() {
    ClientMemory most = null;
    for (ClientMemory client : clients.values()) {
      if (most == null || client.connectionWeight() > most.connectionWeight()) {
        most = client;
      }
    }
    ClientMemory client = most;
    List<ConnectionMemory> oldest =
        connections.stream()
            .filter(connection -> connection.client() == client && !connection.isShed())
            .limit(GIVEN_BACK)
            .toList();
    for (ConnectionMemory connection : oldest) {
      (connection.client().identified() ? shedIdentified : shedOthers).increment();
      shed(connection, "descriptors are short, and the client has more connections than others");
    }
  }

  /** What goes wrong with closing one connection keeps no other from it, and ends no loop. */
  private static void shed(ConnectionMemory connection, String why) {
    try {
      connection.shed(why);
    } catch (RuntimeException e) {
      log.error("a connection could not be closed for what it holds", e);
    }
  }

  // ---- figures, from any thread

  /** Connections with identity that were closed because memory was short. */
  public long shedIdentified() {
    return shedIdentified.sum();
  }

  /** Connections without identity that were closed because memory was short. */
  public long shedOthers() {
    return shedOthers.sum();
  }

  /** Connections that were closed because their clients did not read. */
  public long slowReaders() {
    return slowReaders.sum();
  }

  /** Bytes of buffers in use at the last measurement. */
  public long buffers() {
    return lastBuffers;
  }

  /** Bytes of heap charged at the last measurement. */
  public long heap() {
    return lastHeap;
  }
}
