package io.signetmesh.cli.audit;

import java.io.Console;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Shows how far long work is, on a terminal only, and takes it away when the work is done. */
final class ProgressBar implements LongConsumer, AutoCloseable {
  private static final int WIDTH = 30;
  private static final long PAUSE_NANOS = Duration.ofMillis(200).toNanos();

  private final PrintWriter out;
  private final boolean isShown;
  private final String what;
  private final long total;
  private final LongSupplier nanos;
  private long shownAt;
  private int shown;

  /**
   * A bar.
   *
   * @param isShown whether there is a terminal
   * @param total units of the work
   * @param nanos a clock
   */
  ProgressBar(PrintWriter out, boolean isShown, String what, long total, LongSupplier nanos) {
    this.out = out;
    this.isShown = isShown;
    this.what = what;
    this.total = total;
    this.nanos = nanos;
    this.shownAt = nanos.getAsLong();
  }

  /** A bar on the terminal of this process, if it has one. */
  static ProgressBar of(PrintWriter err, String what, long total) {
    Console console = System.console();
    return new ProgressBar(
        err, console != null && console.isTerminal(), what, total, System::nanoTime);
  }

  @Override
  public void accept(long done) {
    if (!isShown || total <= 0 || nanos.getAsLong() - shownAt < PAUSE_NANOS) {
      return;
    }
    shownAt = nanos.getAsLong();
    double part = Math.clamp((double) done / total, 0, 1);
    int full = (int) (part * WIDTH);
    String line =
        what
            + " ["
            + "#".repeat(full)
            + " ".repeat(WIDTH - full)
            + "] "
            + (int) (part * 100)
            + " %";
    out.print("\r" + line);
    out.flush();
    shown = line.length();
  }

  @Override
  public void close() {
    if (shown > 0) {
      out.print("\r" + " ".repeat(shown) + "\r");
      out.flush();
      shown = 0;
    }
  }
}
