package io.signetmesh.proxy.memory;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;

final class ProcessMemoryTest {
  private static final long MIB = 1 << 20;
  private static final MemoryLimits LIMITS = new MemoryLimits(32 * MIB, 64 * MIB, 64 * MIB);

  private final ProcessMemory process = new ProcessMemory(LIMITS);
  private final List<Workload> workloads = new ArrayList<>();

  /** A workload on loops whose tasks run when the test says so. */
  private final class Workload {
    private final WorkloadMemory memory = process.open();
    private final List<Loop> loops = new ArrayList<>();

    Workload(int count) {
      for (int i = 0; i < count; i++) {
        loops.add(new Loop(memory));
      }
      workloads.add(this);
    }

    /** A client that holds so much, on the first loop. */
    Held hold(String address, long bytes) {
      return loops.getFirst().hold(address, bytes);
    }

    long held() {
      return loops.stream().mapToLong(Loop::held).sum();
    }

    boolean lostNothing() {
      return loops.stream().allMatch(loop -> loop.connections.stream().allMatch(Held::isOpen));
    }
  }

  private static final class Loop implements Executor {
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private final List<Held> connections = new ArrayList<>();
    private final LoopMemory memory;

    Loop(WorkloadMemory workload) {
      memory = new LoopMemory(workload, this, this::held);
    }

    long held() {
      return connections.stream().filter(Held::isOpen).mapToLong(c -> c.bytes).sum();
    }

    Held hold(String address, long bytes) {
      Held connection = new Held(address, bytes);
      memory.open(connection);
      connections.add(connection);
      memory.allocated(bytes);
      return connection;
    }

    @Override
    public void execute(Runnable task) {
      tasks.add(task);
    }
  }

  private static final class Held extends EmbeddedChannel {
    private final InetSocketAddress address;
    private long bytes;

    Held(String address, long bytes) {
      super(false, false);
      this.address = new InetSocketAddress(address, 1);
      this.bytes = bytes;
      pipeline().addLast(new Holder(this));
      try {
        register();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    protected SocketAddress remoteAddress0() {
      return address;
    }
  }

  private static final class Holder extends ChannelInboundHandlerAdapter implements BufferHolder {
    private final Held connection;

    Holder(Held connection) {
      this.connection = connection;
    }

    @Override
    public long heldBytes() {
      return connection.bytes;
    }
  }

  /** Runs what is queued on all loops, until nothing is. */
  private void run() {
    boolean ran;
    do {
      ran = false;
      for (Workload workload : workloads) {
        for (Loop loop : workload.loops) {
          Runnable task;
          while ((task = loop.tasks.poll()) != null) {
            task.run();
            ran = true;
          }
        }
      }
    } while (ran);
  }

  @Property(tries = 500)
  void theLevelFillsTheLimitAndTakesFromTheLargestOnly(
      @ForAll @Size(min = 1, max = 20) List<@LongRange(min = 0, max = 1000) Long> held,
      @ForAll @LongRange(min = 1, max = 5000) long most) {
    long[] figures = held.stream().mapToLong(Long::longValue).toArray();
    long level = ProcessMemory.level(figures, most);
    long kept = Arrays.stream(figures).map(bytes -> Math.min(bytes, level)).sum();
    assertThat(kept).isLessThanOrEqualTo(most);
    long all = Arrays.stream(figures).sum();
    if (all <= most) {
      assertThat(level).isEqualTo(Long.MAX_VALUE);
    } else {
      assertThat(level).isGreaterThanOrEqualTo(most / figures.length);
      assertThat(kept).isGreaterThan(most - figures.length);
    }
  }

  @Example
  void oneBusyWorkloadOfAHundredMayUseWhatTheOthersDoNot() {
    for (int i = 0; i < 99; i++) {
      new Workload(2);
    }
    Workload busy = new Workload(2);
    for (int i = 0; i < 50; i++) {
      busy.hold("192.0.2." + i, MIB);
    }
    run();
    assertThat(busy.lostNothing()).isTrue();
    assertThat(process.buffers()).isGreaterThan(40 * MIB);
  }

  @Example
  void theWorkloadThatHoldsMostPaysAndItsNeighboursLoseNothing() {
    List<Workload> neighbours = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      Workload neighbour = new Workload(2);
      neighbour.hold("198.51.100.1", 2 * MIB);
      neighbours.add(neighbour);
    }
    Workload flooded = new Workload(2);
    for (int i = 0; i < 400; i++) {
      flooded.loops.get(i % 2).hold("192.0.2." + i % 50, MIB);
      run();
    }
    assertThat(neighbours).allMatch(Workload::lostNothing);
    assertThat(flooded.lostNothing()).isFalse();
    assertThat(flooded.held() + 18 * MIB).isLessThan(LIMITS.mostBuffers() * 5 / 4);
  }

  /** The flood is on one loop; what is allocated last is on another, of a neighbour. */
  @Example
  void whoNoticesThatMemoryIsShortNeedNotBeWhoPays() throws Exception {
    Workload flooded = new Workload(1);
    Workload neighbour = new Workload(1);
    for (int i = 0; i < 62; i++) {
      flooded.hold("192.0.2." + i, MIB);
    }
    run();
    assertThat(flooded.lostNothing()).isTrue();
    TimeUnit.MILLISECONDS.sleep(60);
    for (int i = 0; i < 8; i++) {
      neighbour.hold("198.51.100." + i, MIB);
      run();
    }
    assertThat(neighbour.lostNothing()).isTrue();
    assertThat(flooded.lostNothing()).isFalse();
  }

  /** Nobody has looked at what was given back. */
  @Example
  void whatOthersHaveGivenBackMeanwhileIsFree() throws Exception {
    Workload before = new Workload(1);
    Workload now = new Workload(1);
    List<Held> gone = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      gone.add(before.hold("192.0.2." + i, MIB));
    }
    run();
    gone.forEach(connection -> connection.bytes = 0);
    TimeUnit.MILLISECONDS.sleep(60);
    for (int i = 0; i < 30; i++) {
      now.hold("198.51.100." + i, MIB);
      run();
    }
    now.loops.getFirst().memory.look();
    run();
    assertThat(process.buffers()).isLessThan(40 * MIB);
    assertThat(now.lostNothing()).isTrue();
    assertThat(before.lostNothing()).isTrue();
  }

  @Example
  void headsOfAFloodedWorkloadLeaveTheOthersTheirPart() {
    Workload flooded = new Workload(1);
    Workload neighbour = new Workload(1);
    for (int i = 0; i < 200; i++) {
      ConnectionMemory greedy = ConnectionMemory.of(flooded.hold("192.0.2." + i, 0));
      while (greedy.hasRoomForHeads(MIB)) {
        greedy.addHeads(MIB);
      }
    }
    ConnectionMemory other = ConnectionMemory.of(neighbour.hold("198.51.100.1", 0));
    other.identified("other");
    int taken = 0;
    while (taken < 100 && other.hasRoomForHeads(MIB)) {
      other.addHeads(MIB);
      taken++;
    }
    assertThat(taken).isBetween(12, 17);
    run();
    assertThat(neighbour.lostNothing()).isTrue();
  }

  @Example
  void aWorkloadThatIsFloodedTakesNoDescriptorsOfOthers() {
    ProcessMemory few = new ProcessMemory(LIMITS, 800);
    List<WorkloadMemory> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(few.open());
    }
    WorkloadMemory flooded = all.getFirst();
    int opened = 0;
    while (flooded.mayOpenConnection()) {
      opened++;
    }
    assertThat(opened).isEqualTo(700);
    assertThat(flooded.refused()).isEqualTo(1);
    WorkloadMemory other = all.getLast();
    for (int i = 0; i < 99; i++) {
      assertThat(other.mayOpenConnection()).isTrue();
    }
    assertThat(few.connections()).isEqualTo(799);
    for (int i = 0; i < 100; i++) {
      flooded.connectionClosed();
    }
    assertThat(flooded.mayOpenConnection()).as("there is room again").isTrue();
  }

  /** It has more than an equal part, and far less than the one that is flooded. */
  @Example
  void aWorkloadPaysNothingForTheFloodOfAnother() {
    ProcessMemory few = new ProcessMemory(LIMITS, 800);
    List<WorkloadMemory> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(few.open());
    }
    WorkloadMemory busy = all.getLast();
    Loop loop = new Loop(busy);
    List<Held> open = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      assertThat(loop.memory.mayOpenConnection()).isTrue();
      open.add(loop.hold("192.0.2.1", 0));
    }
    WorkloadMemory flooded = all.getFirst();
    while (flooded.mayOpenConnection()) {
      // Until it is refused.
    }
    assertThat(flooded.connections()).isEqualTo(550);
    for (int i = 0; i < 100; i++) {
      assertThat(loop.memory.mayOpenConnection()).isTrue();
    }
    for (int i = 0; i < 64; i++) {
      // Nothing is left at all; those that have less than others are not to blame.
      assertThat(loop.memory.mayOpenConnection()).isFalse();
    }
    Runnable task;
    while ((task = loop.tasks.poll()) != null) {
      task.run();
    }
    assertThat(open).allMatch(Held::isOpen);
  }

  /** The room that is kept is used up, because many have less than an equal part. */
  @Example
  void theWorkloadWithMostConnectionsGivesSomeBackOfTheClientThatHasMost() {
    ProcessMemory few = new ProcessMemory(LIMITS, 160);
    WorkloadMemory flooded = few.open();
    WorkloadMemory other = few.open();
    Loop loop = new Loop(flooded);
    List<Held> open = new ArrayList<>();
    for (int i = 0; loop.memory.mayOpenConnection(); i++) {
      Held connection = loop.hold(i < 20 ? "192.0.2." + i : "198.51.100.1", 0);
      connection.closeFuture().addListener(closed -> loop.memory.connectionClosed());
      open.add(connection);
    }
    assertThat(open).hasSize(140);
    while (other.connections() < 16) {
      assertThat(other.mayOpenConnection()).isTrue();
    }
    Runnable task;
    while ((task = loop.tasks.poll()) != null) {
      task.run();
    }
    assertThat(open.subList(0, 20)).allMatch(Held::isOpen);
    assertThat(open.subList(20, 36)).noneMatch(Held::isOpen);
    assertThat(open.subList(36, 140)).allMatch(Held::isOpen);
    assertThat(loop.memory.shedOthers()).isEqualTo(16);
    assertThat(other.mayOpenConnection()).isTrue();
  }

  @Example
  void aWorkloadThatHasEndedHoldsNothing() {
    Workload ended = new Workload(2);
    ended.hold("192.0.2.1", 20 * MIB);
    run();
    assertThat(process.buffers()).isGreaterThan(20 * MIB);
    ended.memory.close();
    assertThat(process.buffers()).isZero();
    assertThat(process.heap()).isZero();
    ended.loops.getFirst().memory.look();
    assertThat(process.buffers()).isZero();
    assertThat(process.fair(100)).isEqualTo(100);
  }
}
