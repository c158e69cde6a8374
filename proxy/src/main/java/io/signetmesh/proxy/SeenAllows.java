package io.signetmesh.proxy;

import io.signetmesh.audit.AuditedRego;
import io.signetmesh.audit.AuditedToken;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.TrialVerdict;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Counts what is allowed again within a window after it was first seen. Two decisions are of a kind
 * when their records would differ only in time, port of the client, method, path, and id and key of
 * the token. Each one is either counted here, or to be recorded by the caller. Thread-safe.
 */
final class SeenAllows {
  /** What an entry takes beside its texts, in bytes; rather too much. */
  private static final int ENTRY_BYTES = 640;

  private final long windowNanos;
  private final long maxBytes;
  private final LongSupplier nanos;
  private final ConcurrentHashMap<Kind, Seen> seen = new ConcurrentHashMap<>();

  /** In the order in which their windows end. */
  private final ConcurrentLinkedQueue<Seen> order = new ConcurrentLinkedQueue<>();

  private final AtomicLong bytes = new AtomicLong();

  /**
   * @param window how long what was seen is counted
   * @param maxBytes for all that is remembered; what comes beyond is not counted
   * @param nanos a clock as {@link System#nanoTime}
   */
  SeenAllows(Duration window, long maxBytes, LongSupplier nanos) {
    this.windowNanos = window.toNanos();
    this.maxBytes = maxBytes;
    this.nanos = nanos;
  }

  /** What decisions that are counted together have in common. */
  private record Kind(
      Object client,
      InetSocketAddress target,
      String server,
      @Nullable String route,
      String protocol,
      String reason,
      @Nullable String authorization,
      long policyGeneration,
      @Nullable TrialVerdict trial,
      @Nullable String issuer,
      @Nullable String subject,
      List<AuditedRego> rego,
      @Nullable String tls) {
    static Kind of(DecisionEvent event) {
      String identity = event.connection().clientIdentity();
      AuditedToken token = event.token();
      return new Kind(
          identity == null ? address(event.connection().client()) : identity,
          event.connection().target(),
          event.server(),
          event.route(),
          event.protocol(),
          event.reason(),
          event.authorization(),
          event.policyGeneration(),
          event.trial(),
          token == null ? null : token.issuer(),
          token == null ? null : token.subject(),
          event.rego(),
          event.connection().tlsGroup());
    }

    private static Object address(InetSocketAddress client) {
      InetAddress address = client.getAddress();
      return address == null ? client : address;
    }
  }

  /** Decisions of a kind. The count is -1 once they are summed up. */
  private static final class Seen {
    final Kind kind;
    final DecisionEvent first;
    final long endNanos;
    final int size;
    final AtomicLong count = new AtomicLong();
    volatile long lastMillis;

    Seen(Kind kind, DecisionEvent first, long endNanos, int size) {
      this.kind = kind;
      this.first = first;
      this.endNanos = endNanos;
      this.size = size;
      this.lastMillis = first.epochMillis();
    }

    boolean add(DecisionEvent event) {
      long now;
      do {
        now = count.get();
        if (now < 0) {
          return false;
        }
      } while (!count.compareAndSet(now, now + 1));
      lastMillis = Math.max(lastMillis, event.epochMillis());
      return true;
    }
  }

  /** Whether a decision was counted; else it is to be recorded. */
  boolean count(DecisionEvent event) {
    Kind kind = Kind.of(event);
    Seen known = seen.get(kind);
    if (known != null) {
      return known.add(event);
    }
    int size = size(event);
    if (bytes.addAndGet(size) > maxBytes) {
      bytes.addAndGet(-size);
      return false;
    }
    Seen made =
        new Seen(
            kind, event.summary(event.epochMillis(), 1), nanos.getAsLong() + windowNanos, size);
    Seen other = seen.putIfAbsent(kind, made);
    if (other != null) {
      bytes.addAndGet(-size);
      return other.add(event);
    }
    order.add(made);
    return false;
  }

  /** The first one of a kind was not recorded: the next one is the first. */
  void forget(DecisionEvent event) {
    seen.remove(Kind.of(event));
  }

  /**
   * Sums up what was counted in windows that have ended.
   *
   * @param record takes a summary; false: not now, it is given again at the next call
   */
  void sumUp(Predicate<DecisionEvent> record) {
    sumUp(record, false);
  }

  /** Sums up everything. */
  void sumUpAll(Predicate<DecisionEvent> record) {
    sumUp(record, true);
  }

  private synchronized void sumUp(Predicate<DecisionEvent> record, boolean all) {
    long now = nanos.getAsLong();
    for (Seen next = order.peek();
        next != null && (all || next.endNanos - now <= 0);
        next = order.peek()) {
      long count = next.count.getAndSet(-1);
      if (count > 0 && !record.test(next.first.summary(next.lastMillis, count))) {
        next.count.set(count);
        return;
      }
      order.remove();
      seen.remove(next.kind, next);
      bytes.addAndGet(-next.size);
    }
  }

  /** Bytes that are taken. */
  long bytes() {
    return bytes.get();
  }

  private static int size(DecisionEvent event) {
    AuditedToken token = event.token();
    long chars =
        length(event.connection().clientIdentity())
            + length(event.server())
            + length(event.route())
            + length(event.authorization());
    if (token != null) {
      chars +=
          length(token.issuer())
              + length(token.subject())
              + length(token.id())
              + length(token.keyId());
    }
    for (AuditedRego answer : event.rego()) {
      chars += ENTRY_BYTES / 8 + length(answer.authentication()) + length(answer.reason());
    }
    TrialVerdict trial = event.trial();
    if (trial != null) {
      chars += ENTRY_BYTES / 8 + length(trial.authorization()) + length(trial.detail());
    }
    return Math.toIntExact(ENTRY_BYTES + 2 * chars);
  }

  private static long length(@Nullable String text) {
    return text == null ? 0 : text.length();
  }
}
