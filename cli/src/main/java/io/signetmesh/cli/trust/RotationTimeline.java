package io.signetmesh.cli.trust;

import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotation.Phase;
import io.signetmesh.v1.TrustRotationEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The phases that a rotation went through, as its record tells them. */
public final class RotationTimeline {
  private final List<Stretch> stretches = new ArrayList<>();
  private final TrustRotation rotation;

  /**
   * One phase.
   *
   * @param back whether it was on the way back
   * @param end null while the phase goes on
   */
  public record Stretch(Phase phase, boolean back, Instant start, @Nullable Instant end) {
    /** How long it took, or takes until now. */
    public Duration took(Instant now) {
      return Duration.between(start, end == null ? now : end);
    }

    /** Its name, such as {@code Distribute} or {@code Retire (back)}. */
    public String name() {
      return RotationTimeline.name(phase) + (back ? " (back)" : "");
    }
  }

  /** Reads the record of a rotation. */
  public RotationTimeline(TrustRotation rotation) {
    this.rotation = rotation;
    Phase phase = null;
    Instant start = Instant.EPOCH;
    boolean back = false;
    for (TrustRotationEvent event : rotation.getEventsList()) {
      boolean turns = event.getWhat().equals("abort");
      if (event.getPhase() == phase && !turns) {
        continue;
      }
      Instant at = TrustAnchors.instant(event.getAt());
      if (phase != null) {
        stretches.add(new Stretch(phase, back, start, at));
      }
      phase = event.getPhase();
      start = at;
      back |= turns;
    }
    if (phase != null && phase != Phase.DONE) {
      stretches.add(new Stretch(phase, back, start, null));
    }
  }

  /** The phases but Done, in their order. */
  public List<Stretch> stretches() {
    return stretches;
  }

  /** When the phase began that it is in. */
  Instant since() {
    return isDone() || stretches.isEmpty() ? last() : stretches.getLast().start();
  }

  Instant startedAt() {
    return rotation.getEventsCount() == 0
        ? Instant.EPOCH
        : TrustAnchors.instant(rotation.getEvents(0).getAt());
  }

  String startedBy() {
    return rotation.getEventsCount() == 0 ? "" : rotation.getEvents(0).getWho();
  }

  String reason() {
    return rotation.getEventsCount() == 0 ? "" : rotation.getEvents(0).getWhy();
  }

  /** When it ended; null while it is under way. */
  @Nullable Instant endedAt() {
    return isDone() ? last() : null;
  }

  boolean isDone() {
    return rotation.getPhase() == Phase.DONE;
  }

  /** {@code under-way}, {@code going-back}, {@code done} or {@code aborted}. */
  String outcome() {
    if (isDone()) {
      return rotation.getReversed() ? "aborted" : "done";
    }
    return rotation.getReversed() ? "going-back" : "under-way";
  }

  /** Whom phases did not wait for although they were in the way: only after a compromise. */
  List<String> leftBehind() {
    return rotation.getEventsList().stream()
        .filter(event -> event.getWhat().equals("phase") && !event.getWhy().isEmpty())
        .map(event -> name(event.getPhase()) + ": " + event.getWhy())
        .toList();
  }

  private Instant last() {
    return rotation.getEventsCount() == 0
        ? Instant.EPOCH
        : TrustAnchors.instant(rotation.getEventsList().getLast().getAt());
  }

  /** A phase as people read it, such as {@code Distribute}. */
  static String name(Phase phase) {
    String word = TrustAnchors.word(phase);
    return Character.toUpperCase(word.charAt(0)) + word.substring(1);
  }
}
