package io.signetmesh.collector.report;

import java.time.Instant;

/** How often something was seen, and when. */
public final class Seen {
  private long count;
  private Instant first = Instant.MAX;
  private Instant last = Instant.MIN;

  void add(long times, Instant time) {
    count += times;
    first = time.isBefore(first) ? time : first;
    last = time.isAfter(last) ? time : last;
  }

  /** How many decisions. */
  public long count() {
    return count;
  }

  /** When it was seen first. */
  public Instant first() {
    return first;
  }

  /** When it was seen last. */
  public Instant last() {
    return last;
  }
}
