package io.signetmesh.cli.trust;

import io.signetmesh.cli.text.DurationText;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationEvent;
import io.signetmesh.v1.TrustRotationObstacle;
import java.io.PrintWriter;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Trust and rotations for people. */
final class TrustText {
  /** Lines of a list; the rest is in JSON. */
  static final int MAX_LINES = 20;

  private static final int BAR = 20;

  private final PrintWriter out;
  private final Instant now;

  /** Life left is told as of this time. */
  TrustText(PrintWriter out, Instant now) {
    this.out = out;
    this.now = now;
  }

  /** What {@code signet trust status} shows. */
  void status(GetTrustResponse trust) {
    TrustAnchors anchors = new TrustAnchors(trust);
    out.println("Trust domain  " + PlainText.of(trust.getTrustDomain()));
    issuer(trust, anchors);
    out.println();
    TextTable table =
        new TextTable("ANCHOR", "STATE", "LIFE LEFT", "LIVE", "GONE", "SILENT", "NAME");
    for (TrustAnchors.Anchor anchor : anchors.all()) {
      TrustAnchorStatus status = anchor.status();
      table.row(
          List.of(
              TrustAnchors.brief(anchor.sha256()),
              anchor.state(),
              anchor.lifeLeft(now),
              Integer.toString(status.getLiveLeaves()),
              Integer.toString(status.getGoneLeaves()),
              Integer.toString(status.getSilentLeaves()),
              anchor.name()));
    }
    table.print(out);
    for (String warning : anchors.warnings(now)) {
      out.println("WARNING  " + PlainText.of(warning));
    }
    out.println();
    out.println(
        "Adoption      "
            + bar(trust.getAdopted(), trust.getLive())
            + " live workloads trust the bundle in force");
    if (trust.getGone() > 0 || trust.getSilent() > 0) {
      out.println(
          "              "
              + trust.getGone()
              + " gone with a valid certificate, "
              + trust.getSilent()
              + " silent");
    }
    behind(trust);
    out.println();
    if (trust.hasRotation()) {
      rotation(trust.getRotation());
    } else {
      out.println("Rotation      none yet");
    }
  }

  private void issuer(GetTrustResponse trust, TrustAnchors anchors) {
    X509Certificate issuer =
        trust.getIssuerChainCount() == 0 ? null : TrustAnchors.certificate(trust.getIssuerChain(0));
    String sha256 = TrustAnchors.hex(trust.getIssuerAnchorSha256());
    TrustAnchors.Anchor anchor = anchors.get(sha256);
    out.println(
        "Issuer        "
            + (issuer == null
                ? "none"
                : PlainText.of(issuer.getSubjectX500Principal().getName())
                    + ", "
                    + TrustAnchors.lifeLeft(issuer, now)
                    + (issuer.getNotAfter().toInstant().isBefore(now) ? "" : " left"))
            + ", under "
            + (anchor == null ? "no anchor in force" : "anchor " + TrustAnchors.brief(sha256)));
  }

  private void behind(GetTrustResponse trust) {
    int total = trust.getLive() - trust.getAdopted();
    if (total <= 0) {
      return;
    }
    out.println("Behind        " + total);
    List<MeshLeaf> shown = trust.getBehindList();
    for (MeshLeaf leaf : shown.subList(0, Math.min(MAX_LINES, shown.size()))) {
      out.println("  " + PlainText.of(who(leaf) + ": " + behindReason(leaf)));
    }
    more(total - Math.min(MAX_LINES, shown.size()));
  }

  /** Why a live workload is behind. */
  private String behindReason(MeshLeaf leaf) {
    return leaf.getRefusal().isEmpty()
        ? "has not taken the bundle" + reported(leaf)
        : "refuses the bundle: " + leaf.getRefusal();
  }

  private String reported(MeshLeaf leaf) {
    return leaf.hasReportedAt()
        ? ", last report "
            + DurationText.words(Duration.between(TrustAnchors.instant(leaf.getReportedAt()), now))
            + " ago"
        : "";
  }

  /** A rotation: how far it is, or how it ended. */
  void rotation(TrustRotation rotation) {
    RotationTimeline timeline = new RotationTimeline(rotation);
    Instant end = timeline.endedAt();
    out.println(
        "Rotation      "
            + rotation.getId()
            + " "
            + switch (timeline.outcome()) {
              case "done" -> "is done";
              case "aborted" -> "was aborted and has gone back";
              case "going-back" -> "was aborted and goes back";
              default -> "is under way";
            }
            + (rotation.getCompromised() ? ", after a compromise" : ""));
    out.println(
        "  started     "
            + TrustAnchors.text(timeline.startedAt())
            + " by "
            + PlainText.of(timeline.startedBy())
            + because(timeline.reason()));
    out.println(
        "  anchors     "
            + briefs(rotation.getBeforeSha256List())
            + " -> "
            + briefs(rotation.getAfterSha256List()));
    for (TrustRotationEvent event : rotation.getEventsList()) {
      if (event.getWhat().equals("compromised")) {
        decided("compromised ", event);
      }
    }
    if (end != null) {
      out.println(
          "  ended       "
              + TrustAnchors.text(end)
              + ", after "
              + DurationText.precise(Duration.between(timeline.startedAt(), end)));
    } else {
      out.println(
          "  phase       "
              + RotationTimeline.name(rotation.getPhase())
              + (rotation.getReversed() ? " (back)" : "")
              + ", since "
              + TrustAnchors.text(timeline.since())
              + " ("
              + DurationText.precise(Duration.between(timeline.since(), now))
              + ")");
      obstacles(rotation);
    }
    if (rotation.getWaivedCount() > 0) {
      out.println("  waived      " + PlainText.of(String.join(", ", rotation.getWaivedList())));
    }
  }

  private void obstacles(TrustRotation rotation) {
    if (rotation.getObstaclesTotal() == 0) {
      out.println("  waits for   nothing");
      return;
    }
    out.println("  waits for   " + rotation.getObstaclesTotal());
    List<TrustRotationObstacle> shown = rotation.getObstaclesList();
    int lines = Math.min(MAX_LINES, shown.size());
    for (TrustRotationObstacle obstacle : shown.subList(0, lines)) {
      out.println(
          "    " + PlainText.of(obstacle.getKind()) + ": " + PlainText.of(obstacle.getMessage()));
    }
    more(rotation.getObstaclesTotal() - lines);
  }

  /** How a rotation that has ended went. */
  void report(TrustRotation rotation) {
    RotationTimeline timeline = new RotationTimeline(rotation);
    rotation(rotation);
    TextTable table = new TextTable("  PHASE", "BEGAN", "TOOK");
    for (RotationTimeline.Stretch stretch : timeline.stretches()) {
      table.row(
          List.of(
              "  " + stretch.name(),
              TrustAnchors.text(stretch.start()),
              DurationText.precise(stretch.took(now))));
    }
    table.print(out);
    if (rotation.getWaivedCount() == 0) {
      out.println("  waived      nobody");
    }
    for (String left : timeline.leftBehind()) {
      out.println("  left behind " + PlainText.of(left));
    }
    out.println("  restarted   nothing");
  }

  /** One rotation of the history. */
  void history(TrustRotation rotation) {
    rotation(rotation);
    RotationTimeline timeline = new RotationTimeline(rotation);
    out.println(
        "  phases      "
            + String.join(
                ", ",
                timeline.stretches().stream()
                    .map(s -> s.name() + " " + DurationText.precise(s.took(now)))
                    .toList()));
    for (TrustRotationEvent event : rotation.getEventsList()) {
      switch (event.getWhat()) {
        case "abort" -> decided("aborted     ", event);
        case "waive" -> decided("waived      ", event);
        case "superseded" -> decided("superseded  ", event);
        default -> {
          // The start and the phases are told above, and a compromise with them.
        }
      }
    }
    timeline.leftBehind().forEach(left -> out.println("  left behind " + PlainText.of(left)));
  }

  /** What an operator decided in a rotation. */
  private void decided(String what, TrustRotationEvent event) {
    out.println(
        "  "
            + what
            + TrustAnchors.text(TrustAnchors.instant(event.getAt()))
            + " by "
            + PlainText.of(event.getWho())
            + because(event.getWhy()));
  }

  /** Says how many lines of a list are not shown. */
  void more(int rest) {
    if (rest > 0) {
      out.println("  … and " + rest + " more; -o json lists all");
    }
  }

  private static String because(@Nullable String why) {
    return why == null || why.isEmpty() ? "" : ": " + PlainText.of(why);
  }

  private static String briefs(List<com.google.protobuf.ByteString> fingerprints) {
    return String.join(
        ", ", fingerprints.stream().map(f -> TrustAnchors.brief(TrustAnchors.hex(f))).toList());
  }

  /** Name of the holder of a leaf. */
  static String who(MeshLeaf leaf) {
    return leaf.getAddress().isEmpty()
        ? leaf.getIdentity()
        : leaf.getIdentity() + " at " + leaf.getAddress();
  }

  /** A bar with its numbers, such as {@code [############--------] 12 of 20}. */
  static String bar(int done, int total) {
    int full = total == 0 ? BAR : (int) ((long) BAR * Math.min(done, total) / total);
    return "[" + "#".repeat(full) + "-".repeat(BAR - full) + "] " + done + " of " + total;
  }
}
