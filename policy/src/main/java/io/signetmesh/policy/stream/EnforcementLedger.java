package io.signetmesh.policy.stream;

import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.index.EffectivePolicy;
import io.signetmesh.policy.index.ObjectReach;
import io.signetmesh.policy.index.PolicySource;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
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

  /**
   * Streams of one workload at the same time, on all its connections: those of all ports that it
   * may have, twice, since a proxy that comes back may be there before its former connection is
   * gone.
   */
  static final int MAX_STREAMS_PER_WORKLOAD = 2 * MAX_PORTS_PER_WORKLOAD;

  /** Proxies of one workload whose acknowledgements of a port are kept. */
  private static final int MAX_INSTANCES = 8;

  private final InstantSource clock;
  private final LongConsumer onAcknowledged;
  private final LongAdder messages = new LongAdder();
  private final LongAdder acknowledgements = new LongAdder();
  private final Map<ObjectRef, Ports> workloads = new ConcurrentHashMap<>();

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
  public List<Standing> standings() {
    List<Standing> standings = new ArrayList<>();
    for (ObjectRef workload : sorted()) {
      Ports ports = workloads.get(workload);
      if (ports != null) {
        synchronized (ports) {
          ports.entries.forEach((port, entry) -> standings.add(entry.standing(workload, port)));
        }
      }
    }
    return standings;
  }

  private List<ObjectRef> sorted() {
    List<ObjectRef> refs = new ArrayList<>(workloads.keySet());
    refs.sort(null);
    return refs;
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
  public List<ObjectStanding> objectStandings() {
    Map<PolicySource, Tally> tallies = new HashMap<>();
    Map<PolicySource, Tally> ofWorkload = new HashMap<>();
    for (ObjectRef workload : sorted()) {
      Ports ports = workloads.get(workload);
      if (ports == null) {
        continue;
      }
      ofWorkload.clear();
      synchronized (ports) {
        for (Entry entry : ports.entries.values()) {
          EffectivePolicy newest = entry.isConnected() ? entry.newest() : null;
          if (newest == null) {
            continue;
          }
          boolean inForce = entry.isInForce(newest);
          for (PolicySource source : newest.sources()) {
            Tally tally = tallies.computeIfAbsent(source, _ -> new Tally());
            tally.look(inForce, newest.generation());
            ofWorkload.put(source, tally);
          }
        }
      }
      ofWorkload.values().forEach(tally -> tally.count(workload));
    }
    List<ObjectStanding> standings = new ArrayList<>();
    new TreeMap<>(tallies).forEach((source, tally) -> standings.add(tally.standing(source)));
    return standings;
  }

  /**
   * Those of the objects that bear on no port of a connected proxy: they are in force nowhere.
   *
   * @param objects all policy objects
   * @param standings those that bear on one
   */
  public static List<ObjectReach> nowhere(
      List<ObjectReach> objects, List<ObjectStanding> standings) {
    Set<ObjectRef> somewhere = new HashSet<>();
    standings.forEach(standing -> somewhere.add(standing.source().object()));
    return objects.stream().filter(one -> !somewhere.contains(one.source().object())).toList();
  }

  /** How many streams and ports of connected proxies are in which state. */
  public Counts counts() {
    int streams = 0;
    int inForce = 0;
    int refused = 0;
    int silent = 0;
    int all = 0;
    for (Ports ports : workloads.values()) {
      synchronized (ports) {
        for (Entry entry : ports.entries.values()) {
          if (!entry.isConnected()) {
            continue;
          }
          streams += entry.streams.size();
          all++;
          EffectivePolicy newest = entry.newest();
          if (!entry.acknowledges()) {
            silent++;
          } else if (!entry.refusal().isEmpty()) {
            refused++;
          } else if (newest != null && entry.isInForce(newest)) {
            inForce++;
          }
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

  /**
   * A port is being watched.
   *
   * @return false when the workload has too many streams, and nothing was noted
   */
  boolean opened(ObjectRef workload, int port, Progress stream) {
    boolean[] noted = {false};
    change(workload, ports -> noted[0] = ports.opened(port, stream));
    return noted[0];
  }

  /** A port is no longer watched on that stream. */
  void closed(ObjectRef workload, int port, Progress stream) {
    workloads.computeIfPresent(
        workload,
        (_, ports) -> {
          synchronized (ports) {
            ports.closed(port, stream);
          }
          return ports;
        });
  }

  /**
   * A proxy says what it enforces.
   *
   * @param instance the run of the proxy, as its streams name it
   * @return false when the workload has reported too many ports, and nothing was noted
   */
  boolean acknowledged(
      ObjectRef workload, int port, String instance, long generation, String refusal) {
    Said said = new Said(generation, clock.instant(), refusal);
    Acknowledgement[] outcome = {Acknowledgement.TOO_MANY};
    change(workload, ports -> outcome[0] = ports.acknowledged(port, instance, said));
    if (outcome[0] == Acknowledgement.TOO_MANY) {
      return false;
    }
    acknowledgements.increment();
    if (outcome[0] == Acknowledgement.NEWS) {
      onAcknowledged.accept(generation);
    }
    return true;
  }

  private enum Acknowledgement {
    TOO_MANY,
    NEWS,
    KNOWN
  }

  /** As one step beside a removal of the workload. */
  private void change(ObjectRef workload, Consumer<Ports> change) {
    workloads.compute(
        workload,
        (_, present) -> {
          Ports ports = present == null ? new Ports() : present;
          synchronized (ports) {
            change.accept(ports);
          }
          return ports;
        });
  }

  /** The workload is gone. */
  public void forget(ObjectRef workload) {
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

    /** The run of the proxy that watches; empty when it names none. */
    default String instance() {
      return "";
    }
  }

  /** What a proxy says of a port. */
  private record Said(long generation, @Nullable Instant at, String refusal) {
    static final Said NOTHING = new Said(0, null, "");
  }

  /** What is known of an object while all ports are looked at, workload by workload. */
  private static final class Tally {
    private final List<ObjectRef> behind = new ArrayList<>();
    private int proxies;
    private long generation;
    private boolean workloadInForce = true;

    void look(boolean inForce, long portGeneration) {
      workloadInForce &= inForce;
      generation = Math.max(generation, portGeneration);
    }

    void count(ObjectRef workload) {
      proxies++;
      if (!workloadInForce) {
        behind.add(workload);
      }
      workloadInForce = true;
    }

    ObjectStanding standing(PolicySource source) {
      return new ObjectStanding(source, proxies, proxies - behind.size(), behind, generation);
    }
  }

  /** The ports of a workload; guarded by itself. */
  private static final class Ports {
    final TreeMap<Integer, Entry> entries = new TreeMap<>();
    private int streams;

    private boolean isConnected() {
      for (Entry entry : entries.values()) {
        if (entry.isConnected()) {
          return true;
        }
      }
      return false;
    }

    boolean opened(int port, Progress stream) {
      if (streams >= MAX_STREAMS_PER_WORKLOAD) {
        return false;
      }
      streams++;
      if (!isConnected()) {
        // The proxy is new or back: what it no longer watches is no longer its port.
        entries.values().removeIf(entry -> entry.past != null);
      }
      entries.computeIfAbsent(port, _ -> new Entry()).streams.add(stream);
      return true;
    }

    void closed(int port, Progress stream) {
      Entry entry = entries.get(port);
      if (entry == null || !entry.streams.remove(stream)) {
        return;
      }
      streams--;
      if (entry.isConnected()) {
        entry.forget(stream.instance());
        return;
      }
      entry.past = stream;
      if (isConnected()) {
        entries.values().removeIf(other -> !other.isConnected() && other.past != null);
      }
    }

    Acknowledgement acknowledged(int port, String instance, Said said) {
      Entry entry = entries.get(port);
      if (entry == null) {
        if (entries.size() >= MAX_PORTS_PER_WORKLOAD) {
          return Acknowledgement.TOO_MANY;
        }
        entry = new Entry();
        entries.put(port, entry);
      }
      boolean news =
          said.refusal().isEmpty() && said.generation() != entry.said(instance).generation();
      entry.note(instance, said);
      return news ? Acknowledgement.NEWS : Acknowledgement.KNOWN;
    }
  }

  /**
   * A port. While a proxy takes the place of another, both watch it, and the one that is behind
   * counts: connections of the other one may be open yet.
   */
  private static final class Entry {
    /** Nearly always one. */
    final List<Progress> streams = new ArrayList<>(1);

    /** By instance, the oldest first. */
    private final Map<String, Said> said = new LinkedHashMap<>(2);

    @Nullable Progress past;

    boolean isConnected() {
      return !streams.isEmpty();
    }

    Said said(String instance) {
      return said.getOrDefault(instance, Said.NOTHING);
    }

    void note(String instance, Said now) {
      said.remove(instance);
      said.put(instance, now);
      if (said.size() > MAX_INSTANCES) {
        said.remove(said.keySet().iterator().next());
      }
    }

    /** A stream of the instance has ended; others are open. */
    void forget(String instance) {
      if (!isWatchedBy(instance)) {
        said.remove(instance);
      }
    }

    private boolean isWatchedBy(String instance) {
      for (Progress stream : streams) {
        if (stream.instance().equals(instance)) {
          return true;
        }
      }
      return false;
    }

    /** The stream that counts: one that is behind, if there is any. */
    private @Nullable Progress stream() {
      for (Progress stream : streams) {
        EffectivePolicy newest = newest(stream);
        if (newest == null || !isInForce(stream, newest)) {
          return stream;
        }
      }
      return streams.isEmpty() ? past : streams.getLast();
    }

    @Nullable EffectivePolicy newest() {
      Progress stream = stream();
      return stream == null ? null : newest(stream);
    }

    private static @Nullable EffectivePolicy newest(Progress stream) {
      // In this order: what was pending is noted as sent before it is pending no more.
      EffectivePolicy pending = stream.pending();
      return pending != null ? pending : stream.sent();
    }

    boolean acknowledges() {
      Progress stream = stream();
      return stream == null || stream.acknowledges();
    }

    boolean isInForce(EffectivePolicy newest) {
      Progress stream = stream();
      return stream != null && isInForce(stream, newest);
    }

    private boolean isInForce(Progress stream, EffectivePolicy newest) {
      Said last = said(stream.instance());
      return stream.acknowledges()
          && last.generation() == newest.generation()
          && last.refusal().isEmpty();
    }

    /** Why the proxy refuses everything at the port; empty when it does not. */
    String refusal() {
      return counting(stream()).refusal();
    }

    /** What the proxy of the stream says; where none is known, what was said last. */
    private Said counting(@Nullable Progress stream) {
      if (stream != null) {
        return said(stream.instance());
      }
      Said last = Said.NOTHING;
      for (Said one : said.values()) {
        last = one;
      }
      return last;
    }

    Standing standing(ObjectRef workload, int port) {
      Progress stream = stream();
      Said last = counting(stream);
      EffectivePolicy sent = stream == null ? null : stream.sent();
      EffectivePolicy newest = newest();
      boolean acknowledges = acknowledges();
      return new Standing(
          workload,
          port,
          newest == null ? "" : newest.serverLabel(),
          newest == null ? 0 : newest.generation(),
          sent == null || !acknowledges ? 0 : sent.generation(),
          last.generation(),
          last.at(),
          last.refusal(),
          isConnected(),
          acknowledges);
    }
  }
}
