package io.signetmesh.proxy.policy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Runs what was scheduled when the test moves time on. */
final class ManualTimer extends ScheduledThreadPoolExecutor {
  private final List<Entry> entries = new ArrayList<>();
  private long now;

  ManualTimer() {
    super(1);
  }

  @Override
  public synchronized ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    Entry entry = new Entry(task, now + unit.toNanos(delay));
    entries.add(entry);
    return entry;
  }

  /** Moves time on and runs what is due by then, in order. */
  void run(Duration time) {
    long until;
    synchronized (this) {
      until = now + time.toNanos();
    }
    while (true) {
      Entry next;
      synchronized (this) {
        next =
            entries.stream()
                .filter(entry -> entry.due <= until)
                .min(Comparator.comparingLong(entry -> entry.due))
                .orElse(null);
        if (next == null) {
          now = until;
          return;
        }
        entries.remove(next);
        now = next.due;
      }
      next.run();
    }
  }

  private final class Entry extends FutureTask<Void> implements ScheduledFuture<Void> {
    private final long due;

    Entry(Runnable task, long due) {
      super(task, null);
      this.due = due;
    }

    @Override
    public long getDelay(TimeUnit unit) {
      synchronized (ManualTimer.this) {
        return unit.convert(due - now, TimeUnit.NANOSECONDS);
      }
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }
  }
}
