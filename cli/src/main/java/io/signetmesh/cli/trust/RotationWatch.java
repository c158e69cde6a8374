package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.text.DurationText;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotation.Phase;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;

/**
 * Waits for the end of a rotation and tells how far it is: at a terminal on one line for each
 * phase, which is written again and again; else on one line for each change.
 */
final class RotationWatch {
  private static final Duration AT_TERMINAL = Duration.ofMillis(250);
  private static final Duration ELSEWHERE = Duration.ofSeconds(1);

  /** A longer line would wrap, and could not be written again. */
  private static final int MAX_COLUMNS = 79;

  private final TrustServer server;
  private final TrustConsole console;
  private final PrintWriter out;
  private final boolean rewrites;
  private int told;
  private String last = "";

  /**
   * Makes a watch.
   *
   * @param out raw: what comes from the server is made plain here
   * @param rewrites whether lines are written again, as terminals can
   */
  RotationWatch(TrustServer server, TrustConsole console, PrintWriter out, boolean rewrites) {
    this.server = server;
    this.console = console;
    this.out = out;
    this.rewrites = rewrites;
  }

  /**
   * Waits.
   *
   * @param id of the rotation
   * @return the rotation when it has ended, or as it is when time is up
   * @throws CommandFailure when the server has not answered until time was up
   */
  TrustRotation await(String id, Duration timeout) throws CommandFailure, InterruptedException {
    Instant end = console.clock().instant().plus(timeout);
    while (true) {
      boolean late = !console.clock().instant().isBefore(end);
      try {
        GetTrustResponse trust = server.trust();
        TrustRotation rotation = trust.getRotation();
        if (!rotation.getId().equals(id)) {
          // Another one was started since.
          rotation = find(id);
        }
        tell(rotation, progress(rotation, trust));
        if (rotation.getPhase() == Phase.DONE || late) {
          endLine();
          return rotation;
        }
      } catch (CommandFailure e) {
        if (late || e.exitCode() != ExitCode.UNAVAILABLE) {
          endLine();
          throw e;
        }
        line("the identity server does not answer; trying again");
      }
      console.pause(rewrites ? AT_TERMINAL : ELSEWHERE);
    }
  }

  private TrustRotation find(String id) throws CommandFailure {
    return server.history().stream()
        .filter(rotation -> rotation.getId().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                CommandFailure.configuration(
                    "rotation " + id + " is not known to the identity server any more"));
  }

  private void tell(TrustRotation rotation, String progress) {
    RotationTimeline timeline = new RotationTimeline(rotation);
    for (; told < timeline.stretches().size(); told++) {
      RotationTimeline.Stretch stretch = timeline.stretches().get(told);
      Instant end = stretch.end();
      if (end == null) {
        line(label(stretch) + progress);
        return;
      }
      line(label(stretch) + "done in " + DurationText.precise(stretch.took(end)));
      endLine();
    }
  }

  private static String label(RotationTimeline.Stretch stretch) {
    return "%-17s ".formatted(stretch.name());
  }

  private void line(String text) {
    String plain = PlainText.of(text);
    if (plain.equals(last)) {
      return;
    }
    last = plain;
    if (rewrites) {
      String cut = plain.length() > MAX_COLUMNS ? plain.substring(0, MAX_COLUMNS - 1) + "…" : plain;
      out.print("\r" + cut + "\u001b[K");
    } else {
      out.println(plain);
    }
    out.flush();
  }

  private void endLine() {
    if (rewrites && !last.isEmpty()) {
      out.println();
      out.flush();
    }
    last = "";
  }

  /** How far a phase is. */
  private static String progress(TrustRotation rotation, GetTrustResponse trust) {
    String bar =
        switch (rotation.getPhase()) {
          case DISTRIBUTE -> TrustText.bar(trust.getAdopted(), trust.getLive());
          case RENEW -> TrustText.bar(Math.min(renewed(trust), trust.getLive()), trust.getLive());
          // Until the anchor is taken away, it is others that are waited for.
          case RETIRE -> isLeaving(trust) ? "" : TrustText.bar(trust.getAdopted(), trust.getLive());
          default -> "";
        };
    String waits =
        rotation.getObstaclesTotal() == 0
            ? ""
            : "waits for "
                + rotation.getObstaclesTotal()
                + (rotation.getObstaclesCount() == 0
                    ? ""
                    : ": " + rotation.getObstacles(0).getMessage());
    return bar.isEmpty() || waits.isEmpty()
        ? (bar + waits).isEmpty() ? "under way" : bar + waits
        : bar + ", " + waits;
  }

  private static boolean isLeaving(GetTrustResponse trust) {
    return trust.getAnchorsList().stream()
        .anyMatch(anchor -> anchor.getState() == TrustAnchorStatus.State.LEAVING);
  }

  private static int renewed(GetTrustResponse trust) {
    return trust.getAnchorsList().stream()
        .filter(
            anchor ->
                anchor.getState() == TrustAnchorStatus.State.IN_FORCE
                    || anchor.getState() == TrustAnchorStatus.State.ARRIVING)
        .mapToInt(TrustAnchorStatus::getLiveLeaves)
        .sum();
  }
}
