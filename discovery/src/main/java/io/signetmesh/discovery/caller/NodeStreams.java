package io.signetmesh.discovery.caller;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.discovery.stream.NewestStateStream;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.TopologySource;
import io.signetmesh.identity.channel.Caller;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The open streams on which nodes speak for their workloads. When a Pod moves to another node,
 * changes or goes, its streams are looked at again. Streams are bounded for each node and workload,
 * and for each node, so that neither a workload nor a node takes what others need. Thread-safe.
 */
public final class NodeStreams implements AutoCloseable {
  /** Streams that a node may have open for one workload. */
  static final int MOST_OF_WORKLOAD = 4_096;

  /** Streams that a node may have open in all. */
  static final int MOST_OF_NODE = 65_536;

  private final CallerCheck check;
  private final TopologySource topology;
  private final TopologySource.Subscription subscription;
  private final Map<ObjectKey, Followed> pods = new HashMap<>();
  private final Map<String, Integer> byNode = new HashMap<>();
  private final Map<Speaker, Integer> bySpeaker = new HashMap<>();

  /** A node, and a workload that it speaks for. */
  private record Speaker(String node, ObjectKey pod) {}

  /** A Pod, as it was when its streams were last looked at, and those streams. */
  private static final class Followed {
    private final Set<Registration> streams = new LinkedHashSet<>();
    private @Nullable PeerWorkload seen;
  }

  /** Follows a topology. */
  public NodeStreams(CallerCheck check, TopologySource topology) {
    this.check = check;
    this.topology = topology;
    this.subscription = topology.onChange(this::changed);
  }

  /**
   * Takes up the stream of a caller whose claim was verified. What others than nodes open is not
   * counted, and never refused.
   *
   * @throws StatusRuntimeException RESOURCE_EXHAUSTED when the node has too many streams
   */
  public Registration register(Caller caller, CallerClaim claim) {
    String name = claim.pod();
    if (name == null
        || !(caller instanceof Caller.Identified identified)
        || !check.isNode(caller)) {
      return new Registration(caller, claim, null);
    }
    Speaker speaker =
        new Speaker(identified.identity().name(), new ObjectKey(claim.namespace(), name));
    Registration registration = new Registration(caller, claim, speaker);
    synchronized (pods) {
      int ofWorkload = bySpeaker.getOrDefault(speaker, 0);
      int ofNode = byNode.getOrDefault(speaker.node, 0);
      if (ofWorkload >= MOST_OF_WORKLOAD || ofNode >= MOST_OF_NODE) {
        throw Status.RESOURCE_EXHAUSTED
            .withDescription(
                speaker.node
                    + " has "
                    + (ofWorkload >= MOST_OF_WORKLOAD
                        ? ofWorkload + " streams for pod " + speaker.pod
                        : ofNode + " streams")
                    + " open: expected fewer")
            .asRuntimeException();
      }
      bySpeaker.put(speaker, ofWorkload + 1);
      byNode.put(speaker.node, ofNode + 1);
      Followed followed = pods.computeIfAbsent(speaker.pod, _ -> new Followed());
      if (followed.streams.isEmpty()) {
        followed.seen = topology.current().pod(speaker.pod);
      }
      followed.streams.add(registration);
    }
    return registration;
  }

  private void changed() {
    List<Registration> due;
    synchronized (pods) {
      due =
          pods.entrySet().stream()
              .filter(
                  entry -> {
                    PeerWorkload now = topology.current().pod(entry.getKey());
                    Followed followed = entry.getValue();
                    boolean differs = now != followed.seen;
                    followed.seen = now;
                    return differs;
                  })
              .flatMap(entry -> entry.getValue().streams.stream())
              .toList();
    }
    due.forEach(Registration::look);
  }

  private void end(Registration registration, Speaker speaker) {
    synchronized (pods) {
      Followed followed = pods.get(speaker.pod);
      if (followed == null || !followed.streams.remove(registration)) {
        return;
      }
      if (followed.streams.isEmpty()) {
        pods.remove(speaker.pod);
      }
      bySpeaker.computeIfPresent(speaker, (_, count) -> count == 1 ? null : count - 1);
      byNode.computeIfPresent(speaker.node, (_, count) -> count == 1 ? null : count - 1);
    }
  }

  /** Streams of nodes that are open; for tests. */
  int size() {
    synchronized (pods) {
      return byNode.values().stream().mapToInt(Integer::intValue).sum();
    }
  }

  @Override
  public void close() {
    subscription.close();
  }

  /** A stream. */
  public final class Registration implements NewestStateStream.Permit {
    private final Caller caller;
    private final CallerClaim claim;
    private final @Nullable Speaker speaker;
    private volatile Runnable look = () -> {};
    private volatile Runnable whenOver = () -> {};

    private Registration(Caller caller, CallerClaim claim, @Nullable Speaker speaker) {
      this.caller = caller;
      this.claim = claim;
      this.speaker = speaker;
    }

    @Override
    public void onChange(Runnable action) {
      look = action;
    }

    private void look() {
      look.run();
    }

    @Override
    public @Nullable Status refusal() {
      if (speaker == null) {
        return null;
      }
      try {
        check.verify(caller, claim, topology.current());
        return null;
      } catch (StatusRuntimeException refused) {
        return refused.getStatus();
      }
    }

    /** Whom the stream counts for: the caller, and the workload if a node speaks for it. */
    public String account() {
      if (speaker != null) {
        return speaker.node + " for " + speaker.pod;
      }
      return caller instanceof Caller.Identified identified ? identified.identity().name() : "";
    }

    /** Has something done when the stream is over, in the place of what was to be done before. */
    public void whenOver(Runnable action) {
      whenOver = action;
    }

    @Override
    public void over() {
      if (speaker != null) {
        end(this, speaker);
      }
      whenOver.run();
    }
  }
}
