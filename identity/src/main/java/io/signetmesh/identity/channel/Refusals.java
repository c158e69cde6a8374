package io.signetmesh.identity.channel;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.live.LiveConnection.Cause;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the calls that were refused because a bound was hit, and puts them on record: the first of
 * a caller at once, what follows summed up every ten seconds. So a flood of them makes a few
 * records. Thread-safe.
 */
final class Refusals {
  private static final Logger log = LoggerFactory.getLogger(Refusals.class);
  private static final int SUM_SECONDS = 10;

  /** Callers that are told apart within one sum. */
  private static final int MAX_CALLERS = 64;

  private static final String OTHERS = "others";

  private final AuditLog audit;
  private final InstantSource clock;
  private final ScheduledExecutorService timer;
  private final Map<Bound, LongAdder> counts = new EnumMap<>(Bound.class);
  private final Map<Cause, LongAdder> cuts = new EnumMap<>(Cause.class);
  private final Map<Source, Sum> sums = new LinkedHashMap<>();

  /** What was hit. */
  enum Bound {
    /** A call that needs a certificate, on a connection without one. Not put on record. */
    CERTIFICATE("certificate"),
    /** Calls of a connection. */
    CALLS("calls"),
    /** The caller's share of the memory for calls. */
    MEMORY("memory"),
    /** The size or number of messages. */
    MESSAGE("message"),
    /** The time in which a message must come whole. */
    TIME("time");

    private final String label;

    Bound(String label) {
      this.label = label;
    }

    String label() {
      return label;
    }
  }

  private record Source(String caller, Bound bound) {}

  private static final class Sum {
    private final String address;
    private final String reason;
    private long unsaid;

    Sum(String address, String reason) {
      this.address = address;
      this.reason = reason;
    }
  }

  Refusals(AuditLog audit, InstantSource clock, ScheduledExecutorService timer) {
    this.audit = audit;
    this.clock = clock;
    this.timer = timer;
    for (Bound bound : Bound.values()) {
      counts.put(bound, new LongAdder());
    }
    for (Cause cause : Cause.values()) {
      cuts.put(cause, new LongAdder());
    }
  }

  /** Refusals since the start, by the label of what was hit. */
  Map<String, Long> counts() {
    Map<String, Long> sum = new LinkedHashMap<>();
    counts.forEach((bound, count) -> sum.put(bound.label, count.sum()));
    return sum;
  }

  /**
   * A call was refused.
   *
   * @param caller identity, or address of a client without one
   * @param address of the client
   * @param reason what the caller was told
   */
  void refused(Bound bound, String caller, String address, String reason) {
    counts.getOrDefault(bound, new LongAdder()).increment();
    if (bound == Bound.CERTIFICATE) {
      return;
    }
    synchronized (this) {
      Source source = new Source(caller, bound);
      Sum sum = sums.get(source);
      if (sum == null && sums.size() >= MAX_CALLERS) {
        source = new Source(OTHERS, bound);
        sum = sums.get(source);
      }
      if (sum != null) {
        sum.unsaid++;
        return;
      }
      if (sums.isEmpty()) {
        timer.schedule(this::sayAll, SUM_SECONDS, TimeUnit.SECONDS);
      }
      Sum first = new Sum(address, reason);
      sums.put(source, first);
      say(source, first, 1);
    }
  }

  /** A connection was cut because the trust in its caller has ended. */
  void cut(Cause cause, String caller, String address, String why) {
    cuts.getOrDefault(cause, new LongAdder()).increment();
    log.warn("connection of {} at {} cut: {}", caller, address, why);
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("reason", cause.code());
    attributes.put("detail", why);
    attributes.put("client_address", address);
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "connection-cut", "control-server", caller, attributes));
  }

  /** Connections cut since the start, by the code of the cause. */
  Map<String, Long> cuts() {
    Map<String, Long> sum = new LinkedHashMap<>();
    cuts.forEach((cause, count) -> sum.put(cause.code(), count.sum()));
    return sum;
  }

  /** Puts what was summed up on record; sources that were quiet are forgotten. */
  synchronized void sayAll() {
    sums.values().removeIf(sum -> sum.unsaid == 0);
    sums.forEach(
        (source, sum) -> {
          say(source, sum, sum.unsaid);
          sum.unsaid = 0;
        });
    if (!sums.isEmpty() && !timer.isShutdown()) {
      timer.schedule(this::sayAll, SUM_SECONDS, TimeUnit.SECONDS);
    }
  }

  private void say(Source source, Sum sum, long calls) {
    log.warn("{} calls of {} at {} refused: {}", calls, source.caller, sum.address, sum.reason);
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("bound", source.bound.label);
    attributes.put("calls", Long.toString(calls));
    attributes.put("reason", sum.reason);
    attributes.put("client_address", sum.address);
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "calls-refused", "control-server", source.caller, attributes));
  }
}
