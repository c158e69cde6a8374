package io.signetmesh.rotation;

import java.time.Duration;
import java.util.List;

/** What is to be done next in a rotation. */
public sealed interface Step {
  /** Nothing but wait. */
  record Wait(List<Obstacle> obstacles) implements Step {
    /** Copies the list. */
    public Wait {
      obstacles = List.copyOf(obstacles);
    }
  }

  /**
   * Go on to the next phase.
   *
   * @param leftBehind what the phase would have waited for, had there been time
   */
  record Next(Phase phase, List<Obstacle> leftBehind) implements Step {
    /** Copies the list. */
    public Next {
      leftBehind = List.copyOf(leftBehind);
    }

    Next(Phase phase) {
      this(phase, List.of());
    }
  }

  /** Puts a bundle of these anchors in force. */
  record Publish(AnchorSet anchors) implements Step {}

  /**
   * Puts an issuer under one of these anchors in force.
   *
   * @param crossSign whether the anchors that leave vouch for it, too
   */
  record IssueUnder(AnchorSet anchors, boolean crossSign) implements Step {}

  /** Asks all workloads whose leaf is not of the issuer in force to renew within that time. */
  record AskRenewal(Duration window) implements Step {}

  /**
   * Revokes the anchors that leave and all known issuers, but those under anchors that stay which
   * were made since the compromise is known.
   */
  record Revoke() implements Step {}

  /** Deletes what only the rotation needed: keys and cross-certificates. */
  record Settle() implements Step {}
}
