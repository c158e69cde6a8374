package io.signetmesh.proxy.http;

import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets the first few events of each second have records of their own and one record state how many
 * more there were, so that a flood of them is on record without flooding the journal. Confined to
 * an event loop.
 */
final class SampledRecords {
  /** Records a second, beside the one that states the rest. */
  static final int PER_SECOND = 32;

  private final EventExecutor executor;
  private boolean open;
  private int recorded;
  private long unrecorded;
  private @Nullable LongConsumer last;

  SampledRecords(EventExecutor executor) {
    this.executor = executor;
  }

  /**
   * An event has happened.
   *
   * @param what has happened
   * @param write writes its record, at once, within a second or never; gets what has happened, with
   *     the number of other events that have no record
   */
  void add(String what, Consumer<String> write) {
    if (!open) {
      open = true;
      executor.schedule(this::close, 1, TimeUnit.SECONDS);
    }
    if (recorded < PER_SECOND) {
      recorded++;
      write.accept(what);
    } else {
      unrecorded++;
      last = others -> write.accept(text(what, others));
    }
  }

  private static String text(String what, long others) {
    return others == 0 ? what : what + "; " + others + " more of any client have no record";
  }

  private void close() {
    LongConsumer rest = last;
    long others = unrecorded - 1;
    open = false;
    recorded = 0;
    unrecorded = 0;
    last = null;
    if (rest != null) {
      rest.accept(others);
    }
  }
}
