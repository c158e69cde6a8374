package io.signetmesh.policy.stream;

import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.model.ObjectRef;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The streams of one port, and what their proxies acknowledged. While a proxy takes the place of
 * another, both watch it, and the one that is behind counts: connections of the other one may be
 * open yet.
 */
final class PortAcknowledgements {
  /** Proxies of one workload whose acknowledgements of a port are kept. */
  private static final int MAX_INSTANCES = 8;

  /** Nearly always one. */
  final List<StreamProgress> streams = new ArrayList<>(1);

  /** By instance, the oldest first. */
  private final Map<String, Acknowledgement> said = new LinkedHashMap<>(2);

  @Nullable StreamProgress past;

  boolean isConnected() {
    return !streams.isEmpty();
  }

  Acknowledgement said(String instance) {
    return said.getOrDefault(instance, Acknowledgement.NOTHING);
  }

  void note(String instance, Acknowledgement now) {
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
    for (StreamProgress stream : streams) {
      if (stream.instance().equals(instance)) {
        return true;
      }
    }
    return false;
  }

  /** The stream that counts: one that is behind, if there is any. */
  private @Nullable StreamProgress stream() {
    for (StreamProgress stream : streams) {
      EffectivePolicy newest = newest(stream);
      if (newest == null || !isInForce(stream, newest)) {
        return stream;
      }
    }
    return streams.isEmpty() ? past : streams.getLast();
  }

  @Nullable EffectivePolicy newest() {
    StreamProgress stream = stream();
    return stream == null ? null : newest(stream);
  }

  private static @Nullable EffectivePolicy newest(StreamProgress stream) {
    // In this order: what was pending is noted as sent before it is pending no more.
    EffectivePolicy pending = stream.pending();
    return pending != null ? pending : stream.sent();
  }

  boolean acknowledges() {
    StreamProgress stream = stream();
    return stream == null || stream.acknowledges();
  }

  boolean isInForce(EffectivePolicy newest) {
    StreamProgress stream = stream();
    return stream != null && isInForce(stream, newest);
  }

  private boolean isInForce(StreamProgress stream, EffectivePolicy newest) {
    Acknowledgement last = said(stream.instance());
    return stream.acknowledges()
        && last.generation() == newest.generation()
        && last.refusal().isEmpty();
  }

  /** Why the proxy refuses everything at the port; empty when it does not. */
  String refusal() {
    return counting(stream()).refusal();
  }

  /** What the proxy of the stream says; where none is known, what was said last. */
  private Acknowledgement counting(@Nullable StreamProgress stream) {
    if (stream != null) {
      return said(stream.instance());
    }
    Acknowledgement last = Acknowledgement.NOTHING;
    for (Acknowledgement one : said.values()) {
      last = one;
    }
    return last;
  }

  PortEnforcementStatus status(ObjectRef workload, int port) {
    StreamProgress stream = stream();
    Acknowledgement last = counting(stream);
    EffectivePolicy sent = stream == null ? null : stream.sent();
    EffectivePolicy newest = newest();
    boolean acknowledges = acknowledges();
    return new PortEnforcementStatus(
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
