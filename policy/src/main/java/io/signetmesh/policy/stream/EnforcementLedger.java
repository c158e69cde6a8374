package io.signetmesh.policy.stream;

import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.index.EffectivePolicy;
import io.signetmesh.policy.index.PolicySource;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Which proxy was sent and enforces which generation of policy, port by port. A port whose proxy is
 * gone stays listed as not connected until the workload is gone or its proxy comes back without
 * that port. Kept in memory: proxies report again when the controller comes back.
 */
public final class EnforcementLedger {
  /** Bounds what one workload can have remembered; far above the ports that one listens on. */
  static final int MAX_PORTS_PER_WORKLOAD = 4_096;

  private final InstantSource clock;
  private final LongConsumer onAcknowledged;
  private final LongAdder messages = new LongAdder();
  private final LongAdder acknowledgements = new LongAdder();
  private final Map<ObjectRef, TreeMap<Integer, Entry>> workloads = new HashMap<>();

  /** An empty ledger. */
  public EnforcementLedger(InstantSource clock) {
    this(clock, generation -> {});
  }

  /**
   * An empty ledger.
   *
   * @param onAcknowledged told each generation that a proxy newly has in force at a port; must not
   *     take time
   */
  public EnforcementLedger(InstantSource clock, LongConsumer onAcknowledged) {
    this.clock = clock;
    this.onAcknowledged = onAcknowledged;
  }

  /**
   * How one workload port stands.
   *
   * @param workload the workload
   * @param port its port
   * @param server server in force by the newest state, {@code group/kind/name}; empty when the
   *     controller has not been asked for the port
   * @param generation generation of the newest state of the port; 0 when the controller has not
   *     been asked for it
   * @param sent generation last sent; 0 = none
   * @param acknowledged generation that the proxy says is in force; 0 = none
   * @param acknowledgedAt when it said so
   * @param refusal why the proxy put the newest state not in force and refuses everything; empty
   *     when it did
   * @param connected whether the proxy watches the port now
   * @param acknowledges whether the proxy knows of generations
   */
  public record Standing(
      ObjectRef workload,
      int port,
      String server,
      long generation,
      long sent,
      long acknowledged,
      @Nullable Instant acknowledgedAt,
      String refusal,
      boolean connected,
      boolean acknowledges) {
    /** Whether the newest state of the port is in force at its proxy now. */
    public boolean inForce() {
      return connected && generation != 0 && acknowledged == generation && refusal.isEmpty();
    }

    /** {@code Pod shop/web port 8080: enforces generation 17, newest is 18}. */
    @Override
    public String toString() {
      String place = workload + " port " + port + ": ";
      if (!connected) {
        return place + "not connected";
      }
      if (!acknowledges) {
        return place + "its proxy does not acknowledge";
      }
      if (!refusal.isEmpty()) {
        return place + "refuses generation " + acknowledged + ": " + refusal;
      }
      return place
          + (acknowledged == 0 ? "has acknowledged nothing" : "enforces generation " + acknowledged)
          + ", newest is "
          + generation;
    }
  }

  /**
   * How the ports of all connected proxies that acknowledge stand together.
   *
   * @param generation generation of the controller's view
   * @param inForce ports at which the newest state is in force
   * @param total ports of connected proxies that acknowledge
   * @param behind the others of them
   */
  public record Summary(long generation, int inForce, int total, List<Standing> behind) {
    /** Copies the list. */
    public Summary {
      behind = List.copyOf(behind);
    }

    /** {@code 3 of 4 ports enforce generation 18; behind: …}. */
    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      text.append(inForce).append(" of ").append(total).append(" ports enforce generation ");
      text.append(generation);
      if (!behind.isEmpty()) {
        text.append("; behind:");
        behind.forEach(standing -> text.append("\n  ").append(standing));
      }
      return text.toString();
    }
  }

  /**
   * How far an object is in force.
   *
   * @param source the object, and whether it is enforced or tried
   * @param proxies connected proxies with a port that the object bears on
   * @param inForce those of them that have the newest state in force on all such ports
   * @param behind the others, sorted
   * @param generation newest generation that changed such a port
   */
  public record ObjectStanding(
      PolicySource source, int proxies, int inForce, List<ObjectRef> behind, long generation) {
    /** Copies the list. */
    public ObjectStanding {
      behind = List.copyOf(behind);
    }
  }

  /** How many ports of connected proxies are in which state. */
  public record Counts(int streams, int inForce, int behind, int refused, int silent) {}

  /** All ports of all workloads, sorted. */
  public synchronized List<Standing> standings() {
    List<Standing> standings = new ArrayList<>();
    new TreeMap<>(workloads)
        .forEach(
            (workload, ports) ->
                ports.forEach((port, entry) -> standings.add(entry.standing(workload, port))));
    return standings;
  }

  /**
   * The standings in sum.
   *
   * @param generation generation of the controller's view
   */
  public Summary summary(long generation) {
    List<Standing> counted =
        standings().stream()
            .filter(standing -> standing.connected() && standing.acknowledges())
            .toList();
    List<Standing> behind = counted.stream().filter(standing -> !standing.inForce()).toList();
    return new Summary(generation, counted.size() - behind.size(), counted.size(), behind);
  }

  /** The objects that bear on ports of connected proxies, sorted. */
  public synchronized List<ObjectStanding> objectStandings() {
    Map<PolicySource, Tally> tallies = new TreeMap<>();
    Map<PolicySource, Long> generations = new HashMap<>();
    Map<PolicySource, Boolean> ofWorkload = new HashMap<>();
    new TreeMap<>(workloads)
        .forEach(
            (workload, ports) -> {
              ofWorkload.clear();
              for (Entry entry : ports.values()) {
                EffectivePolicy newest = entry.isConnected() ? entry.newest() : null;
                if (newest != null) {
                  boolean inForce = entry.isInForce(newest);
                  for (PolicySource source : newest.sources()) {
                    ofWorkload.merge(source, inForce, Boolean::logicalAnd);
                    generations.merge(source, newest.generation(), Math::max);
                  }
                }
              }
              ofWorkload.forEach(
                  (source, inForce) ->
                      tallies.computeIfAbsent(source, _ -> new Tally()).add(workload, inForce));
            });
    List<ObjectStanding> standings = new ArrayList<>();
    tallies.forEach(
        (source, tally) ->
            standings.add(
                new ObjectStanding(
                    source,
                    tally.proxies,
                    tally.proxies - tally.behind.size(),
                    tally.behind,
                    generations.getOrDefault(source, 0L))));
    return standings;
  }

  /** How many streams and ports of connected proxies are in which state. */
  public synchronized Counts counts() {
    int streams = 0;
    int inForce = 0;
    int refused = 0;
    int silent = 0;
    int all = 0;
    for (Map<Integer, Entry> ports : workloads.values()) {
      for (Entry entry : ports.values()) {
        if (!entry.isConnected()) {
          continue;
        }
        streams += entry.streams.size();
        all++;
        EffectivePolicy newest = entry.newest();
        if (!entry.acknowledges()) {
          silent++;
        } else if (!entry.refusal.isEmpty()) {
          refused++;
        } else if (newest != null && entry.isInForce(newest)) {
          inForce++;
        }
      }
    }
    return new Counts(streams, inForce, all - inForce - refused - silent, refused, silent);
  }

  /** Messages sent on all streams since the start. */
  public long messages() {
    return messages.sum();
  }

  /** Acknowledgements taken since the start, one for each port reported. */
  public long acknowledgements() {
    return acknowledgements.sum();
  }

  /** A message went out on a stream. */
  void sent() {
    messages.increment();
  }

  /** A port is being watched. */
  synchronized void opened(ObjectRef workload, int port, Progress stream) {
    TreeMap<Integer, Entry> ports = workloads.computeIfAbsent(workload, key -> new TreeMap<>());
    if (ports.values().stream().noneMatch(Entry::isConnected)) {
      // The proxy is new or back: what it no longer watches is no longer its port.
      ports.values().removeIf(entry -> entry.past != null);
    }
    ports.computeIfAbsent(port, key -> new Entry()).streams.add(stream);
  }

  /** A port is no longer watched on that stream. */
  synchronized void closed(ObjectRef workload, int port, Progress stream) {
    TreeMap<Integer, Entry> ports = workloads.get(workload);
    Entry entry = ports == null ? null : ports.get(port);
    if (ports == null || entry == null || !entry.streams.remove(stream) || entry.isConnected()) {
      return;
    }
    entry.past = stream;
    if (ports.values().stream().anyMatch(Entry::isConnected)) {
      ports.values().removeIf(other -> !other.isConnected() && other.past != null);
    }
  }

  /**
   * A proxy says what it enforces.
   *
   * @return false when the workload has reported too many ports, and nothing was noted
   */
  synchronized boolean acknowledged(ObjectRef workload, int port, long generation, String refusal) {
    TreeMap<Integer, Entry> ports = workloads.computeIfAbsent(workload, key -> new TreeMap<>());
    if (!ports.containsKey(port) && ports.size() >= MAX_PORTS_PER_WORKLOAD) {
      return false;
    }
    Entry entry = ports.computeIfAbsent(port, key -> new Entry());
    boolean news = refusal.isEmpty() && generation != entry.acknowledged;
    entry.acknowledged = generation;
    entry.acknowledgedAt = clock.instant();
    entry.refusal = refusal;
    acknowledgements.increment();
    if (news) {
      onAcknowledged.accept(generation);
    }
    return true;
  }

  /** The workload is gone. */
  public synchronized void forget(ObjectRef workload) {
    workloads.remove(workload);
  }

  /** How far a stream has come; read while it moves on. */
  interface Progress {
    /** Last state sent; null before the first. */
    @Nullable EffectivePolicy sent();

    /** The newest state, when it is not the one sent. */
    @Nullable EffectivePolicy pending();

    /** Whether the proxy knows of generations. */
    boolean acknowledges();
  }

  private static final class Tally {
    final List<ObjectRef> behind = new ArrayList<>();
    int proxies;

    void add(ObjectRef workload, boolean inForce) {
      proxies++;
      if (!inForce) {
        behind.add(workload);
      }
    }
  }

  private static final class Entry {
    /** Nearly always one. */
    final List<Progress> streams = new ArrayList<>(1);

    @Nullable Progress past;
    long acknowledged;
    @Nullable Instant acknowledgedAt;
    String refusal = "";

    boolean isConnected() {
      return !streams.isEmpty();
    }

    private @Nullable Progress stream() {
      return streams.isEmpty() ? past : streams.getLast();
    }

    @Nullable EffectivePolicy newest() {
      Progress stream = stream();
      if (stream == null) {
        return null;
      }
      // In this order: what was pending is noted as sent before it is pending no more.
      EffectivePolicy pending = stream.pending();
      return pending != null ? pending : stream.sent();
    }

    boolean acknowledges() {
      Progress stream = stream();
      return stream == null || stream.acknowledges();
    }

    boolean isInForce(EffectivePolicy newest) {
      return acknowledges() && acknowledged == newest.generation() && refusal.isEmpty();
    }

    Standing standing(ObjectRef workload, int port) {
      Progress stream = stream();
      EffectivePolicy sent = stream == null ? null : stream.sent();
      EffectivePolicy newest = newest();
      boolean acknowledges = acknowledges();
      return new Standing(
          workload,
          port,
          newest == null ? "" : newest.serverLabel(),
          newest == null ? 0 : newest.generation(),
          sent == null || !acknowledges ? 0 : sent.generation(),
          acknowledged,
          acknowledgedAt,
          refusal,
          isConnected(),
          acknowledges);
    }
  }
}
