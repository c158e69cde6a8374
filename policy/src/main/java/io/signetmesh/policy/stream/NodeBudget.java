package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.signetmesh.identity.channel.Caller;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;

/**
 * Bounds the streams of one kind that a node has open for all its workloads, so that a node cannot
 * use up what others need. Other callers are not counted here. Thread-safe.
 */
final class NodeBudget {
  private final Predicate<Caller> isNode;
  private final int most;
  private final String kind;
  private final Map<String, Integer> open = new ConcurrentHashMap<>();

  /**
   * @param isNode whether a caller is a node
   * @param most streams of a node at the same time
   * @param kind what they are, for messages
   */
  NodeBudget(Predicate<Caller> isNode, int most, String kind) {
    this.isNode = isNode;
    this.most = most;
    this.kind = kind;
  }

  /**
   * Takes room for a stream.
   *
   * @return gives the room back when the stream is over; it may be run again, which does nothing
   * @throws io.grpc.StatusRuntimeException RESOURCE_EXHAUSTED when the caller is a node that has
   *     too many
   */
  Runnable take(Caller caller) {
    if (!isNode.test(caller)) {
      return () -> {};
    }
    String node = WorkloadCalls.account(caller);
    if (open.merge(node, 1, Integer::sum) > most) {
      give(node);
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(node + " has " + most + " " + kind + " already")
          .asRuntimeException();
    }
    AtomicBoolean isGiven = new AtomicBoolean();
    return () -> {
      if (isGiven.compareAndSet(false, true)) {
        give(node);
      }
    };
  }

  private void give(String node) {
    open.computeIfPresent(node, (_, count) -> count == 1 ? null : count - 1);
  }
}
