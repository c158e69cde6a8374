package io.signetmesh.policy.stream;

import java.util.TreeMap;

/** The ports of a workload; guarded by itself. */
final class WorkloadPorts {
  final TreeMap<Integer, PortAcknowledgements> entries = new TreeMap<>();
  private int streams;

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
    if (streams >= EnforcementLedger.MAX_STREAMS_PER_WORKLOAD) {
      return false;
    }
    streams++;
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
