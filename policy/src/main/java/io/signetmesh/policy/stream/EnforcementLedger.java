package io.signetmesh.policy.stream;

import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.lint.ObjectScope;
import io.signetmesh.policy.model.ObjectRef;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Which generation of policy each proxy was sent and enforces, port by port. A port whose proxy is
 * gone stays listed as not connected until the workload is gone or its proxy comes back without
 * that port. Kept in memory: proxies report again when the controller comes back.
 */
public final class EnforcementLedger {
  /**
   * Ports that are remembered for one workload. A proxy watches 576 at a time besides those that it
   * is configured for.
   */
  static final int MAX_PORTS_PER_WORKLOAD = 1_024;

  /**
   * Streams of one workload at the same time, on all connections of one caller: those of all ports
   * that it may have, twice, since a proxy that comes back may be there before its former
   * connection is gone.
   */
  static final int MAX_STREAMS_PER_WORKLOAD = 2 * MAX_PORTS_PER_WORKLOAD;

  private final InstantSource clock;
  private final LongConsumer onAcknowledged;
  private final LongAdder messages = new LongAdder();
  private final LongAdder acknowledgements = new LongAdder();
  private final Map<ObjectRef, WorkloadPorts> workloads = new ConcurrentHashMap<>();

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
   * The statuses of the ports of all connected proxies that acknowledge, in sum.
   *
   * @param generation generation of the controller's view
   * @param inForce ports at which the newest state is in force
   * @param total ports of connected proxies that acknowledge
   * @param behind the others of them
   */
  public record Summary(
      long generation, int inForce, int total, List<PortEnforcementStatus> behind) {
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
        behind.forEach(status -> text.append("\n  ").append(status));
      }
      return text.toString();
    }
  }

  /** How many ports of connected proxies are in which state. */
  public record Counts(int streams, int inForce, int behind, int refused, int silent) {}

  /** All ports of all workloads, sorted. */
  public List<PortEnforcementStatus> portStatuses() {
    List<PortEnforcementStatus> statuses = new ArrayList<>();
    for (ObjectRef workload : sorted()) {
      WorkloadPorts ports = workloads.get(workload);
      if (ports != null) {
        synchronized (ports) {
          ports.entries.forEach((port, entry) -> statuses.add(entry.status(workload, port)));
        }
      }
    }
    return statuses;
  }

  private List<ObjectRef> sorted() {
    List<ObjectRef> refs = new ArrayList<>(workloads.keySet());
    refs.sort(null);
    return refs;
  }

  /**
   * The statuses of all ports, in sum.
   *
   * @param generation generation of the controller's view
   */
  public Summary summary(long generation) {
    List<PortEnforcementStatus> counted =
        portStatuses().stream()
            .filter(status -> status.connected() && status.acknowledges())
            .toList();
    List<PortEnforcementStatus> behind =
        counted.stream().filter(status -> !status.inForce()).toList();
    return new Summary(generation, counted.size() - behind.size(), counted.size(), behind);
  }

  /** The objects that affect ports of connected proxies, sorted. */
  public List<ObjectEnforcementStatus> objectStatuses() {
    Map<PolicySource, Tally> tallies = new HashMap<>();
    Map<PolicySource, Tally> ofWorkload = new HashMap<>();
    for (ObjectRef workload : sorted()) {
      WorkloadPorts ports = workloads.get(workload);
      if (ports == null) {
        continue;
      }
      ofWorkload.clear();
      synchronized (ports) {
        for (PortAcknowledgements entry : ports.entries.values()) {
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
    List<ObjectEnforcementStatus> statuses = new ArrayList<>();
    new TreeMap<>(tallies).forEach((source, tally) -> statuses.add(tally.status(source)));
    return statuses;
  }

  /**
   * Those of the objects that affect no port of a connected proxy: they are in force nowhere.
   *
   * @param objects all policy objects
   * @param statuses those that affect one
   */
  public static List<ObjectScope> nowhere(
      List<ObjectScope> objects, List<ObjectEnforcementStatus> statuses) {
    Set<ObjectRef> somewhere = new HashSet<>();
    statuses.forEach(status -> somewhere.add(status.source().object()));
    return objects.stream().filter(one -> !somewhere.contains(one.source().object())).toList();
  }

  /** How many streams and ports of connected proxies are in which state. */
  public Counts counts() {
    int streams = 0;
    int inForce = 0;
    int refused = 0;
    int silent = 0;
    int all = 0;
    for (WorkloadPorts ports : workloads.values()) {
      synchronized (ports) {
        for (PortAcknowledgements entry : ports.entries.values()) {
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
   * @return false when the caller has too many streams for the workload, and nothing was noted
   */
  boolean opened(ObjectRef workload, int port, StreamProgress stream) {
    boolean[] noted = {false};
    change(workload, ports -> noted[0] = ports.opened(port, stream));
    return noted[0];
  }

  /** A port is no longer watched on that stream. */
  void closed(ObjectRef workload, int port, StreamProgress stream) {
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
    Acknowledgement said = new Acknowledgement(generation, clock.instant(), refusal);
    WorkloadPorts.Outcome[] outcome = {WorkloadPorts.Outcome.TOO_MANY};
    change(workload, ports -> outcome[0] = ports.acknowledged(port, instance, said));
    if (outcome[0] == WorkloadPorts.Outcome.TOO_MANY) {
      return false;
    }
    acknowledgements.increment();
    if (outcome[0] == WorkloadPorts.Outcome.NEWS) {
      onAcknowledged.accept(generation);
    }
    return true;
  }

  /** Changes the ports of a workload atomically with its removal. */
  private void change(ObjectRef workload, Consumer<WorkloadPorts> change) {
    workloads.compute(
        workload,
        (_, present) -> {
          WorkloadPorts ports = present == null ? new WorkloadPorts() : present;
          synchronized (ports) {
            change.accept(ports);
          }
          return ports;
        });
  }

  /**
   * A caller may no longer speak for the workload: what it said of ports that nobody watches is
   * forgotten.
   */
  void forgetUnwatched(ObjectRef workload) {
    workloads.computeIfPresent(
        workload,
        (_, ports) -> {
          synchronized (ports) {
            ports.forgetUnwatched();
          }
          return ports;
        });
  }

  /** The workload is gone. */
  public void forget(ObjectRef workload) {
    workloads.remove(workload);
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

    ObjectEnforcementStatus status(PolicySource source) {
      return new ObjectEnforcementStatus(
          source, proxies, proxies - behind.size(), behind, generation);
    }
  }
}
