package io.signetmesh.proxy.loop;

import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.proxy.memory.LoopMemory;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An event loop whose tasks are not kept waiting by events. Netty's transports (as of 4.2.18)
 * handle events as long as there are any, half a million with io_uring, before a task is run: under
 * load nothing would be flushed, timed out or given back for seconds. Here tasks are run after
 * every so many events, and at once when memory has to be looked at.
 */
final class FairEventLoop extends SingleThreadIoEventLoop {
  private static final Logger log = LoggerFactory.getLogger(FairEventLoop.class);
  private static final int EVENTS = 256;
  private static final long TASK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** Whose memory has to be looked at. Confined to the loop. */
  private final Deque<LoopMemory> due = new ArrayDeque<>();

  private int events;

  private FairEventLoop(Group group, Executor executor, IoHandlerFactory factory) {
    super(group, executor, factory);
  }

  /** Has memory looked at between two events. */
  void account(LoopMemory memory) {
    memory.onDue(
        () -> {
          // Whoever allocates elsewhere has it looked at by a task.
          if (inEventLoop() && !due.contains(memory)) {
            due.add(memory);
          }
        });
  }

  /**
   * An event of a connection was handled. Throws nothing: the transport that calls would end the
   * loop, and nobody would hear of what it was.
   */
  void eventHandled() {
    LoopMemory memory = due.poll();
    boolean looked = memory != null;
    while (memory != null) {
      try {
        memory.lookIfDue();
      } catch (Throwable thrown) {
        log.error("memory of a loop could not be looked at", thrown);
      }
      memory = due.poll();
    }
    if (looked || ++events >= EVENTS) {
      events = 0;
      runAllTasks(TASK_NANOS);
    }
  }

  /** A group of one loop. */
  static final class Group extends MultiThreadIoEventLoopGroup {
    Group(String threadName, IoHandlerFactory factory) {
      super(1, new DefaultThreadFactory(threadName, true), factory);
    }

    @Override
    protected IoEventLoop newChild(
        Executor executor, IoHandlerFactory factory, Object... arguments) {
      return new FairEventLoop(this, executor, factory);
    }

    FairEventLoop loop() {
      return (FairEventLoop) next();
    }
  }
}
