package io.signetmesh.rotation;

import java.util.List;
import java.util.stream.Collectors;

/**
 * What a phase waits for.
 *
 * @param kind what is the matter
 * @param workload DNS name of the workload; empty when it is not about one
 * @param message what is the matter and, where there is something to do, what
 */
public record Obstacle(Kind kind, String workload, String message) {
  /** Workloads named in one line of the record. */
  private static final int MAX_LEFT_BEHIND = 10;

  /** Kinds, for programs that read the status. */
  public enum Kind {
    /** A live workload does not trust the bundle yet. */
    NOT_ACKNOWLEDGED,
    /** A live workload refuses the bundle. */
    REFUSED,
    /** A leaf issued as a test does not verify. */
    CANARY,
    /** A live workload serves a leaf under an anchor that leaves. */
    NOT_RENEWED,
    /** A workload went away with a leaf, or with trust, under an anchor that leaves. */
    GONE,
    /** It cannot be known what a workload trusts. */
    SILENT,
    /** A workload has a live peer under an anchor that leaves. */
    PEER,
    /** Somebody changed the anchors in the files of the CA. */
    CHANGED,
    /** An act failed. It is tried again. */
    FAILURE
  }

  /** What a phase that was short of time did not wait for, for the record; empty when nothing. */
  public static String leftBehind(List<Obstacle> obstacles) {
    return obstacles.isEmpty()
        ? ""
        : obstacles.size()
            + " left behind: "
            + obstacles.stream()
                .limit(MAX_LEFT_BEHIND)
                .map(Obstacle::message)
                .collect(Collectors.joining("; "));
  }
}
