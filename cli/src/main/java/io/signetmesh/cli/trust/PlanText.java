package io.signetmesh.cli.trust;

import com.google.protobuf.ByteString;
import io.signetmesh.cli.text.DurationText;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationFinding;
import java.io.PrintWriter;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The plan of a rotation for people: what changes, what is wrong, and what each phase does. */
final class PlanText {
  /** Of one workload. */
  private static final int MAX_ADDRESSES = 3;

  private final PrintWriter out;
  private final Instant now;

  /** Life left is told as of this time. */
  PlanText(PrintWriter out, Instant now) {
    this.out = out;
    this.now = now;
  }

  /**
   * Prints a plan.
   *
   * @param cutOff leaves whose workloads lose their trust at once; of a compromise only
   */
  void print(
      GetTrustResponse trust,
      StartRotationRequest request,
      StartRotationResponse plan,
      List<MeshLeaf> cutOff) {
    out.println(
        "Plan of a rotation in trust domain "
            + PlainText.of(trust.getTrustDomain())
            + (request.getCompromised() ? ", after a compromise" : ""));
    out.println();
    anchors(trust, request, plan);
    boolean other = isOfAnotherAnchor(request, plan);
    if (plan.getFindingsCount() > 0 || other) {
      out.println();
    }
    for (TrustRotationFinding finding : plan.getFindingsList()) {
      out.println(
          (finding.getIsError() ? "ERROR    " : "WARNING  ") + PlainText.of(finding.getMessage()));
    }
    if (other) {
      out.println(
          "WARNING  the anchor of --new-anchor is not used: the rotation under way leads to "
              + String.join(
                  ", ",
                  hexes(plan.getAfterSha256List()).stream().map(TrustAnchors::brief).toList()));
    }
    if (plan.getFindingsList().stream().anyMatch(TrustRotationFinding::getIsError)) {
      return;
    }
    out.println();
    if (request.getCompromised() && isUnderWay(trust)) {
      phasesOnTheWay(trust);
    } else {
      phases(trust, request);
    }
    if (request.getCompromised()) {
      cutOff(cutOff);
    }
    out.println();
    out.println(
        "Takes about "
            + DurationText.words(expected(request))
            + " if all workloads are there"
            + (request.getCompromised() || !plan.hasLatestEnd()
                ? ""
                : ", and ends by "
                    + TrustAnchors.text(TrustAnchors.instant(plan.getLatestEnd()))
                    + " even if workloads that went away do not come back"));
  }

  /** A rotation that is under way keeps its new anchor when its old one is compromised. */
  private static boolean isOfAnotherAnchor(
      StartRotationRequest request, StartRotationResponse plan) {
    return request.hasProvided() && plan.getNewAnchor().isEmpty();
  }

  private static Duration expected(StartRotationRequest request) {
    return request.getCompromised()
        ? Duration.ofSeconds(5)
        : Duration.ofSeconds(request.getRenewWindow().getSeconds()).plusSeconds(10);
  }

  private void anchors(
      GetTrustResponse trust, StartRotationRequest request, StartRotationResponse plan) {
    TrustAnchors anchors = new TrustAnchors(trust);
    List<String> before = hexes(plan.getBeforeSha256List());
    List<String> after = hexes(plan.getAfterSha256List());
    TextTable table = new TextTable("ANCHOR", "NOW", "AFTERWARDS", "LIFE LEFT", "NAME");
    List<String> all = new ArrayList<>(before);
    after.stream().filter(sha256 -> !before.contains(sha256)).forEach(all::add);
    for (String sha256 : all) {
      TrustAnchors.Anchor known = anchors.get(sha256);
      // Another one is generated when the rotation begins, unless it has begun.
      boolean isNew = !before.contains(sha256) && !plan.getNewAnchor().isEmpty();
      X509Certificate certificate =
          isNew
              ? TrustAnchors.certificate(plan.getNewAnchor())
              : known == null ? null : known.certificate();
      table.row(
          List.of(
              isNew && (request.hasGenerate() || plan.getNewAnchorIsExample())
                  ? "(to be made)"
                  : TrustAnchors.brief(sha256),
              hasLeft(sha256, trust, request)
                  ? "retired"
                  : before.contains(sha256) || (!isNew && known != null && known.isInForce())
                      ? "trusted"
                      : "-",
              after.contains(sha256) ? "trusted" : "retired",
              certificate == null ? "-" : TrustAnchors.lifeLeft(certificate, now),
              certificate == null ? "-" : certificate.getSubjectX500Principal().getName()));
    }
    table.print(out);
  }

  /** An anchor that is declared compromised after it has left. */
  private static boolean hasLeft(
      String sha256, GetTrustResponse trust, StartRotationRequest request) {
    return request.getLeavingSha256List().stream().map(TrustAnchors::hex).anyMatch(sha256::equals)
        && new TrustAnchors(trust).inForce().stream().noneMatch(a -> a.sha256().equals(sha256));
  }

  private static String all(int live) {
    return switch (live) {
      case 0 -> "live workloads (none now)";
      case 1 -> "the live workload";
      default -> "all " + live + " live workloads";
    };
  }

  private void phases(GetTrustResponse trust, StartRotationRequest request) {
    boolean added = request.getAnchorCase() != StartRotationRequest.AnchorCase.ANCHOR_NOT_SET;
    boolean urgent = request.getCompromised();
    int absent = trust.getGone() + trust.getSilent();
    String all = all(trust.getLive());
    phase(1, "Prepare", "the plan is kept; nothing changes yet");
    distribute(added, urgent, all);
    phase(
        3,
        "Activate",
        added
            ? "the identity server issues under the new anchor"
                + (urgent
                    ? ""
                    : request.getWithoutCrossCertificate()
                        ? " when all trust it that are known and not waived"
                        : "; the old anchor vouches for the new issuer, so that nobody is cut off")
                + "; waits until a test certificate verifies"
            : urgent
                ? "the identity server makes another issuer, unless none of those until now can have"
                    + " signed for a thief; waits until a test certificate verifies"
                : "the issuer stays; waits until a test certificate verifies");
    phase(
        4,
        "Renew",
        all
            + (urgent
                ? " renew their certificates at once; waits 2.5 seconds at most"
                : " renew their certificates, spread over "
                    + DurationText.words(Duration.ofSeconds(request.getRenewWindow().getSeconds()))
                    + "; waits until all have"));
    phase(
        5,
        "Retire",
        urgent
            ? "what the old anchor's issuers signed is revoked, and nobody trusts the old anchor"
            : "waits until nobody needs the old anchor"
                + (absent == 0 ? "" : " (now " + absent + " gone or silent)")
                + "; then all workloads stop to trust it");
    done();
  }

  private void distribute(boolean added, boolean urgent, String all) {
    phase(
        2,
        "Distribute",
        (added
                ? all + " and the control plane come to trust the new anchor beside the old"
                : "the bundle stays as it is")
            + (urgent ? "; waits 1.5 seconds at most" : "; waits until all have acknowledged"));
  }

  private void done() {
    phase(
        6,
        "Done",
        "the old anchor's keys in the state directory are deleted, one in a token stays there;"
            + " nothing was restarted");
  }

  /** What a rotation that is under way does from now on, when its old anchor is compromised. */
  private void phasesOnTheWay(GetTrustResponse trust) {
    TrustRotation rotation = trust.getRotation();
    boolean added = !rotation.getBeforeSha256List().containsAll(rotation.getAfterSha256List());
    String all = all(trust.getLive());
    boolean early = rotation.getPhase().getNumber() < TrustRotation.Phase.ACTIVATE.getNumber();
    if (early) {
      distribute(added, true, all);
    }
    if (rotation.getPhase() == TrustRotation.Phase.RETIRE) {
      phase(5, "Retire", "nobody trusts the old anchor, before all else");
    }
    phase(
        3,
        "Activate",
        early
            ? "the identity server issues under the anchor that stays; waits until a test certificate"
                + " verifies"
            : "the identity server makes another issuer, because a thief may have renewed under the"
                + " one in force; waits until a test certificate verifies; when no issuer can be made,"
                + " the old anchor leaves after 4 seconds all the same");
    phase(
        4,
        "Renew",
        all
            + " get certificates of that issuer by their tokens, at once; waits 2.5 seconds at most");
    phase(
        5,
        "Retire",
        "nobody trusts the old anchor; all that was signed before now is revoked, by the issuers of"
            + " this rotation, too");
    done();
  }

  private void phase(int number, String name, String what) {
    out.println("  %d %-10s  %s".formatted(number, name, what));
  }

  private static boolean isUnderWay(GetTrustResponse trust) {
    return trust.hasRotation() && trust.getRotation().getPhase() != TrustRotation.Phase.DONE;
  }

  private void cutOff(List<MeshLeaf> leaves) {
    out.println();
    if (leaves.isEmpty()) {
      out.println("Nobody is known to be cut off.");
      return;
    }
    Map<String, List<MeshLeaf>> workloads = new TreeMap<>();
    for (MeshLeaf leaf : leaves) {
      workloads.computeIfAbsent(leaf.getIdentity(), name -> new ArrayList<>()).add(leaf);
    }
    out.println(
        "Cut off until they get a new certificate: "
            + count(workloads.size(), "workload")
            + " with "
            + count(leaves.size(), "certificate"));
    workloads.values().stream().limit(TrustText.MAX_LINES).forEach(this::cutOffWorkload);
    new TrustText(out, now).more(workloads.size() - TrustText.MAX_LINES);
  }

  private static String count(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  /** One line for each reason, with those of its certificates for which that is so. */
  private void cutOffWorkload(List<MeshLeaf> leaves) {
    Map<String, List<MeshLeaf>> reasons = new LinkedHashMap<>();
    for (MeshLeaf leaf : leaves) {
      reasons.computeIfAbsent(why(leaf), reason -> new ArrayList<>()).add(leaf);
    }
    reasons.forEach(
        (why, of) -> {
          Set<String> addresses = new TreeSet<>();
          of.stream()
              .map(MeshLeaf::getAddress)
              .filter(address -> !address.isEmpty())
              .forEach(addresses::add);
          String more =
              addresses.size() > MAX_ADDRESSES
                  ? " and " + (addresses.size() - MAX_ADDRESSES) + " more"
                  : "";
          out.println(
              "  "
                  + PlainText.of(
                      of.getFirst().getIdentity()
                          + (of.size() == 1 ? "" : ", " + of.size() + " certificates")
                          + (addresses.isEmpty() ? "" : " at ")
                          + String.join(", ", addresses.stream().limit(MAX_ADDRESSES).toList())
                          + more
                          + ": "
                          + why));
        });
  }

  private static String why(MeshLeaf leaf) {
    return switch (leaf.getPresence()) {
      case SILENT -> "does not report what it trusts; restart it with the new anchor";
      case GONE -> "went away; it needs a token to come back";
      default ->
          leaf.getRefusal().isEmpty()
              ? "has not taken the bundle in force"
              : "refuses the bundle: " + leaf.getRefusal();
    };
  }

  private static List<String> hexes(List<ByteString> fingerprints) {
    return fingerprints.stream().map(TrustAnchors::hex).toList();
  }
}
