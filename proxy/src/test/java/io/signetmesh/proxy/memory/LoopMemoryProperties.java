package io.signetmesh.proxy.memory;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.embedded.EmbeddedChannel;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

final class LoopMemoryProperties {
  private static final long KIB = 1024;

  /** A loop whose tasks run when the test says so, with connections that hold what it says. */
  private static final class Loop implements Executor, AutoCloseable {
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private final List<Connection> connections = new ArrayList<>();
    private final LoopMemory memory;

    Loop(MemoryLimits limits) {
      memory = new LoopMemory(WorkloadMemory.alone(limits), this, this::inUse);
    }

    long inUse() {
      return connections.stream().filter(Connection::isOpen).mapToLong(c -> c.held).sum();
    }

    Connection connect(String address, long held) {
      Connection connection = new Connection(address, held);
      connection.account = memory.open(connection);
      connections.add(connection);
      return connection;
    }

    @Override
    public void execute(Runnable task) {
      tasks.add(task);
    }

    void run() {
      Runnable task;
      while ((task = tasks.poll()) != null) {
        task.run();
      }
    }

    @Override
    public void close() {
      connections.forEach(EmbeddedChannel::close);
    }
  }

  private static final class Connection extends EmbeddedChannel {
    private final InetSocketAddress address;
    private long held;
    private ConnectionMemory account;
    private boolean recorded;
    private boolean taken = true;

    Connection(String address, long held) {
      super(false, false);
      this.address = new InetSocketAddress(address, 1);
      this.held = held;
      pipeline().addLast(new Waiting(this));
      try {
        register();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer in) throws Exception {
      if (taken) {
        super.doWrite(in);
      }
    }

    /** Writes as {@code CountedConnection} counts it. */
    void answer(int bytes) {
      account.written(bytes);
      writeAndFlush(Unpooled.wrappedBuffer(new byte[bytes]));
    }

    @Override
    protected SocketAddress remoteAddress0() {
      return address;
    }
  }

  private static final class Waiting extends ChannelInboundHandlerAdapter implements BufferHolder {
    private final Connection connection;

    Waiting(Connection connection) {
      this.connection = connection;
    }

    @Override
    public long heldBytes() {
      return connection.held;
    }
  }

  @Property(tries = 200)
  void whatIsChargedIsReleasedWhateverComesFirst(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 60) int steps) {
    Random random = new Random(seed);
    try (Loop loop = new Loop(new MemoryLimits(1L << 40, 1L << 41, 1L << 40))) {
      Map<Integer, Long> heads = new TreeMap<>();
      long tls = 0;
      for (int i = 0; i < steps; i++) {
        int size = loop.connections.size();
        int index = size == 0 ? 0 : random.nextInt(size);
        switch (size == 0 ? 0 : random.nextInt(6)) {
          case 0 -> loop.connect("192.0.2." + random.nextInt(4), 0);
          case 1 -> {
            if (loop.connections.get(index).isOpen()) {
              loop.connections.get(index).account.tls();
              tls++;
            }
          }
          case 2 -> loop.connections.get(index).account.identified("id-" + random.nextInt(3));
          case 3 -> {
            long bytes = random.nextInt(1000);
            loop.connections.get(index).account.addHeads(bytes);
            heads.merge(index, bytes, Long::sum);
          }
          case 4 -> {
            long bytes = heads.getOrDefault(index, 0L);
            heads.remove(index);
            loop.connections.get(index).account.addHeads(-bytes);
          }
          default -> {
            loop.connections.get(index).close();
            heads.remove(index);
          }
        }
        for (int c = 0; c < loop.connections.size(); c++) {
          if (!loop.connections.get(c).isOpen()) {
            heads.remove(c);
          }
        }
        long open = loop.connections.stream().filter(Connection::isOpen).count();
        assertThat(loop.memory.heapNow())
            .isEqualTo(
                open * ConnectionMemory.BASE_HEAP
                    + heads.values().stream().mapToLong(Long::longValue).sum());
      }
      loop.connections.forEach(EmbeddedChannel::close);
      loop.run();
      assertThat(loop.memory.heapNow()).isZero();
      assertThat(loop.memory.reservedNow()).isZero();
      assertThat(loop.memory.clientsNow()).isZero();
    }
  }

  /** Whoever holds no more than any client that stays untouched is itself untouched. */
  @Property(tries = 200)
  void theLargestHoldersGoFirstAndNoMoreThanIsNeeded(
      @ForAll long seed, @ForAll @IntRange(min = 2, max = 40) int count) {
    Random random = new Random(seed);
    long most = 1024 * KIB;
    try (Loop loop = new Loop(new MemoryLimits(most / 2, most, 1L << 40))) {
      for (int i = 0; i < count; i++) {
        Connection connection =
            loop.connect("192.0.2." + random.nextInt(5), random.nextInt(200) * KIB);
        if (random.nextBoolean()) {
          connection.account.identified("id-" + random.nextInt(3));
        }
      }
      loop.memory.look();
      loop.run();
      long left = loop.inUse() + loop.memory.reservedNow();
      assertThat(left).isLessThanOrEqualTo(most);
      Map<Object, Long> closed = new java.util.HashMap<>();
      Map<Object, Long> kept = new java.util.HashMap<>();
      for (Connection connection : loop.connections) {
        ClientMemory client = connection.account.client();
        long weight = connection.account.measured() * (client.identified() ? 1 : 4);
        (connection.isOpen() ? kept : closed).merge(client, weight, Long::sum);
      }
      // A client that lost a connection weighed, with it, at least what any client still weighs.
      closed.forEach(
          (client, lost) ->
              kept.forEach(
                  (other, weight) -> {
                    if (other != client) {
                      assertThat(lost + kept.getOrDefault(client, 0L))
                          .isGreaterThanOrEqualTo(weight);
                    }
                  }));
    }
  }

  @Example
  void thousandsOfHoldersWithoutIdentityGoAndThoseWithOneStay() {
    try (Loop loop = new Loop(new MemoryLimits(28 << 20, 56 << 20, 1L << 40))) {
      Connection workload = loop.connect("198.51.100.7", 300 * KIB);
      workload.account.identified("web.shop");
      Connection visitor = loop.connect("203.0.113.9", 4 * KIB);
      for (int i = 0; i < 4300; i++) {
        Connection holder = loop.connect("192.0.2.1", 63 * KIB);
        holder.account.onShed(why -> holder.recorded = true);
        loop.memory.allocated(64 * KIB);
        loop.run();
        assertThat(loop.inUse()).isLessThan(60 << 20);
      }
      assertThat(workload.isOpen()).isTrue();
      assertThat(visitor.isOpen()).isTrue();
      assertThat(loop.memory.shedOthers()).isGreaterThan(3000);
      assertThat(loop.memory.shedIdentified()).isZero();
      assertThat(loop.connections.stream().filter(c -> c.recorded).count())
          .isEqualTo(loop.memory.shedOthers());
    }
  }

  @Example
  void addressesOfOneIpv6NetworkAreOneClient() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 2 << 20, 1L << 40))) {
      loop.connect("2001:db8:0:1::1", 0);
      loop.connect("2001:db8:0:1:ffff::2", 0);
      assertThat(loop.memory.clientsNow()).isEqualTo(1);
      loop.connect("2001:db8:0:2::1", 0);
      assertThat(loop.memory.clientsNow()).isEqualTo(2);
    }
  }

  @Example
  void headsOfOneClientTakeItsShareAndLeaveTheRest() {
    long heap = 8 << 20;
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 2 << 20, heap))) {
      ConnectionMemory greedy = loop.connect("192.0.2.1", 0).account;
      greedy.identified("greedy");
      ConnectionMemory other = loop.connect("192.0.2.2", 0).account;
      other.identified("other");
      int taken = 0;
      while (greedy.hasRoomForHeads(64 * KIB)) {
        greedy.addHeads(64 * KIB);
        taken++;
      }
      assertThat(taken * 64 * KIB).isBetween(heap / 2 - 128 * KIB, heap / 2);
      assertThat(other.hasRoomForHeads(64 * KIB)).isTrue();
      greedy.addHeads(-64 * KIB);
      assertThat(greedy.hasRoomForHeads(64 * KIB)).isTrue();
    }
  }

  @Example
  void whoDoesNotReadItsAnswersIsClosedAndWhoHasNoneIsNot() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 4 << 20, 1L << 40))) {
      Connection stalled = loop.connect("192.0.2.1", 0);
      Connection relayed = loop.connect("192.0.2.2", 0);
      Connection idle = loop.connect("192.0.2.3", 0);
      Connection streaming = loop.connect("192.0.2.4", 0);
      for (Connection connection : List.of(stalled, idle, streaming)) {
        connection.account.answers(true);
      }
      idle.answer(40_000);
      stalled.taken = false;
      stalled.answer(40_000);
      relayed.taken = false;
      relayed.answer(40_000);
      for (int look = 0; look < 5; look++) {
        // A few bytes of an event stream, in flight whenever it is looked.
        streaming.taken = true;
        streaming.flush();
        streaming.taken = false;
        streaming.answer(100);
        assertThat(stalled.isOpen()).isEqualTo(look < 2);
        loop.memory.closeSlowReaders(15_000);
      }
      assertThat(List.of(relayed, idle, streaming)).allMatch(Connection::isOpen);
      assertThat(loop.memory.slowReaders()).isEqualTo(1);
    }
  }

  @Example
  void whoReadsAtTheLeastRateGoesOn() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 4 << 20, 1L << 40))) {
      Connection slow = loop.connect("192.0.2.1", 0);
      slow.account.answers(true);
      slow.taken = false;
      for (int i = 0; i < 20; i++) {
        slow.answer(20_000);
      }
      for (int look = 0; look < 10; look++) {
        loop.memory.closeSlowReaders(15_000);
        assertThat(slow.isOpen()).isTrue();
        slow.unsafe().outboundBuffer().remove();
      }
      loop.memory.closeSlowReaders(15_000);
      assertThat(slow.isOpen()).isTrue();
      loop.memory.closeSlowReaders(15_000);
      assertThat(slow.isOpen()).isFalse();
    }
  }

  @Example
  void itIsToldOnceThatMemoryIsShortNoLonger() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 4 << 20, 1L << 40))) {
      Connection connection = loop.connect("192.0.2.1", 2 << 20);
      assertThat(looks(loop, 5)).containsOnly(false);
      connection.held = 0;
      assertThat(looks(loop, 5)).containsExactly(false, false, true, false, false);
    }
  }

  @Example
  void whatDeliversForNobodyIsResetAsSoonAsMemoryIsScarce() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 4 << 20, 1L << 40))) {
      // Connections to an application whose clients are gone: in nobody's account.
      List<Connection> cut = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        Connection connection = new Connection("192.0.2.9", 256 * KIB);
        connection.taken = false;
        connection.write(Unpooled.wrappedBuffer(new byte[1000]));
        loop.connections.add(connection);
        cut.add(connection);
      }
      assertThat(cut).allMatch(connection -> loop.memory.mayDeliver(connection));
      Connection other = loop.connect("192.0.2.1", 100 * KIB);
      cut.getFirst().close();
      assertThat(loop.memory.leavingNow()).isEqualTo(9);
      loop.memory.look();
      loop.run();
      assertThat(cut).noneMatch(Connection::isOpen);
      assertThat(other.isOpen()).isTrue();
      assertThat(loop.memory.shedOthers()).isZero();
      assertThat(loop.memory.leavingNow()).isZero();
      Connection late = new Connection("192.0.2.9", 0);
      assertThat(loop.memory.mayDeliver(late)).isFalse();
      loop.memory.look();
      assertThat(loop.memory.mayDeliver(late)).isTrue();
      late.close();
    }
  }

  @Example
  void whatGoesWrongWithOneConnectionThatIsShedKeepsNoOther() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 2 << 20, 1L << 40))) {
      Connection faulty = loop.connect("192.0.2.1", 1030 * KIB);
      faulty.account.onShed(
          why -> {
            throw new IllegalStateException("no record");
          });
      Connection next = loop.connect("192.0.2.1", 1020 * KIB);
      Connection small = loop.connect("192.0.2.1", 1010 * KIB);
      loop.memory.look();
      assertThat(faulty.isOpen()).isFalse();
      assertThat(next.isOpen()).isFalse();
      assertThat(small.isOpen()).isTrue();
      loop.run();
      assertThat(loop.memory.clientsNow()).isEqualTo(1);
    }
  }

  @Example
  void lookAtMemoryThatFailsEndsNeitherTheLoopNorTheTaskThatRepeatsIt() {
    java.util.concurrent.atomic.AtomicInteger asked =
        new java.util.concurrent.atomic.AtomicInteger();
    LoopMemory memory =
        new LoopMemory(
            WorkloadMemory.alone(new MemoryLimits(1, 2, 3)),
            Runnable::run,
            () -> {
              asked.incrementAndGet();
              throw new IllegalStateException("no figure");
            });
    memory.look();
    memory.allocated(1_000);
    assertThat(asked.get()).isEqualTo(2);
  }

  @Example
  void whatClientsThatAreGoneHaveHandedOnIsInNoAccountThatIsNeverSettled() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 4 << 20, 1L << 40))) {
      Connection client = loop.connect("192.0.2.1", 0);
      client.account.addHeads(100);
      // One byte, and a reset, before the application is connected to.
      client.close();
      Connection application = new Connection("127.0.0.1", 0);
      client.account.dialled(application);
      application.close();
      client.account.addHeads(-100);
      loop.run();
      assertThat(loop.memory.reservedNow()).isZero();
      assertThat(loop.memory.heapNow()).isZero();
      assertThat(loop.memory.clientsNow()).isZero();
      // Another of the same client is not taken for its last.
      Connection again = loop.connect("192.0.2.1", 0);
      assertThat(loop.memory.clientsNow()).isEqualTo(1);
      again.close();
      assertThat(loop.memory.clientsNow()).isZero();
    }
  }

  private static List<Boolean> looks(Loop loop, int count) {
    List<Boolean> calm = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      loop.memory.look();
      calm.add(loop.memory.isCalmAgain());
    }
    return calm;
  }

  @Example
  void lessIsQueuedForEachConnectionWhileMemoryIsScarce() {
    try (Loop loop = new Loop(new MemoryLimits(1 << 20, 4 << 20, 1L << 40))) {
      Connection connection = loop.connect("192.0.2.1", 2 << 20);
      assertThat(connection.config().getWriteBufferHighWaterMark()).isEqualTo(256 * 1024);
      loop.memory.look();
      assertThat(connection.config().getWriteBufferHighWaterMark()).isEqualTo(32 * 1024);
      connection.held = 0;
      loop.memory.look();
      assertThat(connection.config().getWriteBufferHighWaterMark()).isEqualTo(256 * 1024);
    }
  }
}
