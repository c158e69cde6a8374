package io.signetmesh.policy.stream;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** The ports of a workload; guarded by itself. */
final class WorkloadPorts {
  final TreeMap<Integer, PortAcknowledgements> entries = new TreeMap<>();

  /** Open streams of each caller: the workload's own proxies, and its node. */
  private final Map<String, Integer> streams = new HashMap<>(2);

  /** What an acknowledgement came to. */
  enum Outcome {
    /** Too many ports are reported: nothing was noted. */
    TOO_MANY,
    /** The proxy newly has that generation in force. */
    NEWS,
    /** Nothing new. */
    KNOWN
  }

  private boolean isConnected() {
    for (PortAcknowledgements entry : entries.values()) {
      if (entry.isConnected()) {
        return true;
      }
    }
    return false;
  }

  boolean opened(int port, StreamProgress stream) {
    int open = streams.getOrDefault(stream.speaker(), 0);
    if (open >= EnforcementLedger.MAX_STREAMS_PER_WORKLOAD) {
      return false;
    }
    streams.put(stream.speaker(), open + 1);
    if (!isConnected()) {
      // The proxy is new or back: what it no longer watches is no longer its port.
      entries.values().removeIf(entry -> entry.past != null);
    }
    entries.computeIfAbsent(port, _ -> new PortAcknowledgements()).streams.add(stream);
    return true;
  }

  void closed(int port, StreamProgress stream) {
    PortAcknowledgements entry = entries.get(port);
    if (entry == null || !entry.streams.remove(stream)) {
      return;
    }
    streams.computeIfPresent(stream.speaker(), (_, open) -> open == 1 ? null : open - 1);
    if (entry.isConnected()) {
      entry.forget(stream.instance());
      return;
    }
    entry.past = stream;
    if (isConnected()) {
      entries.values().removeIf(other -> !other.isConnected() && other.past != null);
    }
  }

  /** Forgets the ports that nobody watches. */
  void forgetUnwatched() {
    entries.values().removeIf(entry -> !entry.isConnected());
  }

  Outcome acknowledged(int port, String instance, Acknowledgement said) {
    PortAcknowledgements entry = entries.get(port);
    if (entry == null) {
      if (entries.size() >= EnforcementLedger.MAX_PORTS_PER_WORKLOAD) {
        return Outcome.TOO_MANY;
      }
      entry = new PortAcknowledgements();
      entries.put(port, entry);
    }
    boolean news =
        said.refusal().isEmpty() && said.generation() != entry.said(instance).generation();
    entry.note(instance, said);
    return news ? Outcome.NEWS : Outcome.KNOWN;
  }
}
