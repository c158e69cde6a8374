package io.signetmesh.rotation;

import io.signetmesh.identity.ca.RetiredAnchors;
import io.signetmesh.identity.pki.Certificates;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a rotation would do, checked before anything changes.
 *
 * @param before anchors of the bundle now, and those that have left already of which the compromise
 *     is declared
 * @param left the latter
 * @param after anchors of the bundle when it has ended
 * @param newAnchor anchor that is added; null when the rotation only takes anchors away
 * @param compromised whether the anchors that leave are not to be trusted
 * @param renewWindow time over which renewals are spread
 * @param crossSigned whether the anchors that leave vouch for the new issuer
 * @param findings what is wrong with the plan, errors first
 * @param latestEnd when it will have ended even if workloads went away and do not come back
 */
public record RotationPlan(
    AnchorSet before,
    AnchorSet left,
    AnchorSet after,
    @Nullable NewAnchor newAnchor,
    boolean compromised,
    Duration renewWindow,
    boolean crossSigned,
    List<Finding> findings,
    Instant latestEnd) {

  /** The longest time over which renewals can be spread. */
  public static final Duration MAX_RENEW_WINDOW = Duration.ofHours(24);

  /** For all phases but Renew and Retire. */
  private static final Duration MARGIN = Duration.ofMinutes(5);

  /** Workloads named in one finding. */
  private static final int MAX_NAMED = 10;

  /**
   * One thing that is wrong.
   *
   * @param isError whether the rotation must not start
   * @param message what, and what to do
   */
  public record Finding(boolean isError, String message) {}

  /** Copies the list. */
  public RotationPlan {
    findings = List.copyOf(findings);
  }

  /** The same plan, with workloads that can come to a new leaf by no token. */
  public RotationPlan withoutToken(Set<String> identities) {
    if (!compromised || identities.isEmpty()) {
      return this;
    }
    List<Finding> all = new ArrayList<>(findings);
    all.add(joinedByToken(identities));
    return with(crossSigned, all);
  }

  private RotationPlan with(boolean crossSigned, List<Finding> all) {
    return new RotationPlan(
        before, left, after, newAnchor, compromised, renewWindow, crossSigned, all, latestEnd);
  }

  /**
   * After a compromise, no certificate from before renews.
   *
   * @param identities workloads that can come to a new leaf by no token; at least one
   */
  public static Finding joinedByToken(Set<String> identities) {
    return new Finding(
        false,
        "workloads that joined by a join token: "
            + counted(identities)
            + "; certificates from before the compromise do not renew, so they are cut off until"
            + " they get a new join token");
  }

  /**
   * Whether anchors that leave have to sign: for those who know no other.
   *
   * @param issuerAnchor fingerprint of the anchor above the issuer in force
   */
  public boolean needsCrossCertificate(String issuerAnchor) {
    return newAnchor != null && !compromised && crossSigned && !after.contains(issuerAnchor);
  }

  /** The same plan, in which no anchor that leaves vouches for the new issuer. */
  public RotationPlan withoutCrossCertificate() {
    if (compromised || newAnchor == null) {
      return this;
    }
    List<Finding> all = new ArrayList<>(findings);
    all.add(
        new Finding(
            false,
            "the old anchor does not vouch for the new issuer, so whoever knows only the old one is"
                + " cut off from Activate on; Activate waits until all live workloads trust the new"
                + " anchor and all others are waived; put the new anchor beside the old one, until"
                + " Done, into the files that workloads are started with"));
    return with(false, all);
  }

  /**
   * The same plan when the anchors that leave cannot vouch.
   *
   * @param why their key cannot be used
   */
  public RotationPlan cannotVouch(String why) {
    return refused(
        "the old anchor cannot vouch for the new issuer: "
            + why
            + "; bring its key back, or leave it without a cross-certificate"
            + " (--no-cross-certificate): who knows only the old anchor is then cut off from Activate"
            + " on, so put the new anchor beside the old one, until Done, into the files that workloads"
            + " are started with, those of all that report nothing first");
  }

  /**
   * The same plan when no other issuer can be made under the anchor that stays.
   *
   * @param why its key cannot be used
   */
  public RotationPlan cannotReplaceIssuer(String why) {
    return refused(
        "after a compromise there has to be another issuer, and the anchor that stays cannot sign"
            + " it: "
            + why
            + "; bring its key back, or replace all anchors in force by a new one (signet trust"
            + " rotate --compromised)");
  }

  /**
   * Why what somebody signs by the keys of compromised anchors would stay good: an anchor that
   * stays has such a key. Empty when none has.
   *
   * @param known certificates of anchors
   */
  public static String sharedKey(
      AnchorSet compromised, AnchorSet staying, Collection<X509Certificate> known) {
    for (X509Certificate stays : known) {
      for (X509Certificate leaves : known) {
        if (staying.contains(fingerprint(stays))
            && compromised.contains(fingerprint(leaves))
            && stays.getPublicKey().equals(leaves.getPublicKey())) {
          return Certificates.describe(stays)
              + " would stay and has the key of the compromised anchor "
              + Certificates.describe(leaves)
              + ": whoever has that key signs under both; replace all anchors in force by one of"
              + " another key (signet trust rotate --compromised)";
        }
      }
    }
    return "";
  }

  /** The same plan with one more warning. */
  public RotationPlan warned(String message) {
    List<Finding> all = new ArrayList<>(findings);
    all.add(new Finding(false, message));
    return with(crossSigned, all);
  }

  /**
   * The same plan when the issuer in force was certified again, and goes on under its last anchor.
   * Its leaves cannot be told apart: those from before need an earlier one. After a compromise
   * there is another issuer, and they are revoked.
   *
   * @param issuerAnchor fingerprint of the anchor above the issuer in force
   * @param earlier fingerprints of anchors that it was under before
   */
  public RotationPlan certifiedAgain(String issuerAnchor, Set<String> earlier) {
    AnchorSet needed =
        AnchorSet.of(
            before.minus(after).fingerprints().stream().filter(earlier::contains).toList());
    if (compromised || needed.isEmpty() || !after.contains(issuerAnchor)) {
      return this;
    }
    return refused(
        "the issuer in force is under anchor "
            + AnchorSet.brief(issuerAnchor)
            + " and was under "
            + needed
            + " before: certificates that it signed then need what would leave, and cannot be told"
            + " from the others; rotate to a new anchor and let both leave, or wait until the"
            + " issuer has another key");
  }

  /** The same plan, which must not start. */
  public RotationPlan refused(String why) {
    List<Finding> all = new ArrayList<>(List.of(new Finding(true, why)));
    all.addAll(findings);
    return with(crossSigned, all);
  }

  /** Whether the rotation may start. */
  public boolean isClean() {
    return findings.stream().noneMatch(Finding::isError);
  }

  /**
   * What is asked for.
   *
   * @param newAnchor anchor to add; null to take away only
   * @param leaving fingerprints of the anchors that are to leave; all that are in force but the new
   *     one if there is a new one and none is named
   * @param left anchors that have left such a short while ago that leaves under them may be valid:
   *     of these the compromise can be declared
   */
  public record Request(
      @Nullable NewAnchor newAnchor,
      Set<String> leaving,
      boolean compromised,
      Duration renewWindow,
      AnchorSet left) {
    /** A request when no anchor has left lately. */
    public Request(
        @Nullable NewAnchor newAnchor,
        Set<String> leaving,
        boolean compromised,
        Duration renewWindow) {
      this(newAnchor, leaving, compromised, renewWindow, AnchorSet.NONE);
    }
  }

  /**
   * Checks a plan.
   *
   * @param inForce anchors of the bundle now
   * @param issuerAnchor fingerprint of the anchor above the issuer in force
   * @param retired digests of anchors that earlier rotations took away: SHA-256 of their DER and of
   *     their public keys, lower-case hexadecimal
   * @param underWay id of the rotation that is under way; null when there is none
   */
  public static RotationPlan of(
      Request request,
      List<X509Certificate> inForce,
      String issuerAnchor,
      Set<String> retired,
      @Nullable String underWay,
      List<Member> fleet,
      Duration leafLife,
      Instant now) {
    AnchorSet before = AnchorSet.of(inForce.stream().map(RotationPlan::fingerprint).toList());
    List<Finding> errors = new ArrayList<>();
    List<Finding> warnings = new ArrayList<>();
    TreeSet<String> staying = new TreeSet<>(before.fingerprints());
    NewAnchor added = request.newAnchor;
    String newcomer = added == null ? "" : fingerprint(added.certificate());
    Set<String> leaving = request.leaving;
    if (leaving.isEmpty() && added != null) {
      leaving = before.fingerprints();
    }
    TreeSet<String> left = new TreeSet<>();
    for (String fingerprint : leaving) {
      if (!staying.remove(fingerprint)) {
        if (request.compromised && request.left.contains(fingerprint)) {
          left.add(fingerprint);
        } else {
          errors.add(notInForce(fingerprint, request, before));
        }
      }
    }
    if (!left.isEmpty() && leaving.size() == left.size() && added != null) {
      errors.add(
          new Finding(
              true,
              "anchors "
                  + AnchorSet.of(left)
                  + " have left already, and none is named that the new one would replace: add no"
                  + " anchor"));
    }
    if (added != null) {
      staying.add(newcomer);
    }
    AnchorSet after = AnchorSet.of(staying);
    Duration window = request.renewWindow;
    if (window.isNegative() || window.compareTo(MAX_RENEW_WINDOW) > 0) {
      errors.add(
          new Finding(
              true,
              "renew window " + window + ": expected 0 to " + MAX_RENEW_WINDOW.toHours() + " h"));
      window = Duration.ZERO;
    }
    Instant latestEnd = now.plus(MARGIN).plus(window).plus(leafLife);
    if (underWay != null) {
      errors.add(
          new Finding(true, "rotation " + underWay + " is under way: abort it, or let it end"));
    }
    if (after.isEmpty()) {
      errors.add(new Finding(true, "no anchor would stay: expected at least one"));
    } else if (after.equals(before) && left.isEmpty()) {
      errors.add(new Finding(true, "nothing would change: all anchors are in force already"));
    }
    if (added == null && !after.isEmpty() && !after.contains(issuerAnchor)) {
      errors.add(
          new Finding(
              true,
              "the issuer in force is under anchor "
                  + issuerAnchor
                  + ", which would leave: rotate to another anchor first"));
    }
    if (added != null && !newcomer.equals(issuerAnchor) && after.contains(issuerAnchor)) {
      errors.add(
          new Finding(
              true,
              "anchor "
                  + issuerAnchor
                  + " of the issuer in force would stay, so nothing would be issued under the new"
                  + " anchor: let it leave, or add no anchor"));
    }
    if (added != null) {
      check(added.certificate(), newcomer, inForce, retired, latestEnd, now, errors, warnings);
    }
    for (X509Certificate anchor : inForce) {
      Instant end = anchor.getNotAfter().toInstant();
      boolean leaves = leaving.contains(fingerprint(anchor));
      if (leaves && !request.compromised && end.isBefore(latestEnd)) {
        errors.add(
            new Finding(
                true,
                Certificates.describe(anchor)
                    + " ends at "
                    + end
                    + ", before the rotation has ended for sure ("
                    + latestEnd
                    + "): shorten the renew window, or follow the recovery of an expired anchor"));
      }
    }
    if (!left.isEmpty()) {
      warnings.add(
          new Finding(
              false,
              "anchors "
                  + AnchorSet.of(left)
                  + " have left already: what their issuers signed is revoked, and so is all that"
                  + " issuers in force have signed until now, because a thief may have renewed under"
                  + " them"));
    }
    checkFleet(fleet, request.compromised, now, warnings);
    errors.addAll(warnings);
    return new RotationPlan(
        before.plus(AnchorSet.of(left)),
        AnchorSet.of(left),
        after,
        added,
        request.compromised,
        window,
        true,
        errors,
        latestEnd);
  }

  private static Finding notInForce(String fingerprint, Request request, AnchorSet before) {
    return new Finding(
        true,
        "anchor "
            + fingerprint
            + " is not in force: expected one of "
            + before.fingerprints()
            + (!request.compromised
                ? ""
                : ", or one that has left since leaves became valid that still are"
                    + (request.left.isEmpty() ? " (none has)" : " " + request.left.fingerprints())
                    + "; if a thief may have renewed by a leaf of an older one, rotate away from the"
                    + " anchors in force: --compromised"));
  }

  private static void check(
      X509Certificate anchor,
      String fingerprint,
      List<X509Certificate> inForce,
      Set<String> retired,
      Instant latestEnd,
      Instant now,
      List<Finding> errors,
      List<Finding> warnings) {
    String name = "new anchor " + Certificates.describe(anchor);
    if (retired.contains(fingerprint)) {
      errors.add(new Finding(true, name + " was retired before: expected one that is new"));
    } else if (retired.contains(RetiredAnchors.key(anchor))) {
      errors.add(
          new Finding(
              true,
              name
                  + " has the key of an anchor that was retired before: expected a new key, or whoever"
                  + " has the old one keeps it"));
    }
    Instant start = anchor.getNotBefore().toInstant();
    Instant end = anchor.getNotAfter().toInstant();
    if (start.isAfter(now)) {
      errors.add(new Finding(true, name + " is not valid before " + start));
    }
    if (end.isBefore(latestEnd)) {
      errors.add(
          new Finding(
              true,
              name
                  + " ends at "
                  + end
                  + ", before the rotation has ended for sure ("
                  + latestEnd
                  + ")"));
    }
    for (X509Certificate old : inForce) {
      if (!old.equals(anchor) && old.getPublicKey().equals(anchor.getPublicKey())) {
        errors.add(
            new Finding(
                true,
                name
                    + " has the key of "
                    + Certificates.describe(old)
                    + ": expected a new key, or whoever has the old one keeps it"));
      }
      if (!old.equals(anchor) && old.getNotAfter().toInstant().isAfter(end)) {
        warnings.add(
            new Finding(
                false,
                name
                    + " ends before "
                    + Certificates.describe(old)
                    + " ("
                    + end
                    + ", "
                    + old.getNotAfter().toInstant()
                    + ")"));
      }
    }
  }

  private static void checkFleet(
      List<Member> fleet, boolean compromised, Instant now, List<Finding> warnings) {
    List<Member> valid = fleet.stream().filter(member -> member.isValid(now)).toList();
    warn(
        "workloads that never reported what they trust",
        valid,
        Member.Presence.SILENT,
        compromised
            ? "they are cut off until they are restarted with the new anchor"
            : "Retire waits until they are waived; give them the new anchor beside the old one"
                + " first",
        warnings);
    warn(
        "workloads that went away",
        valid,
        Member.Presence.GONE,
        compromised
            ? "they are cut off until they get a new certificate by a token"
            : "Retire waits until they come back or are waived, or their certificates end",
        warnings);
  }

  private static void warn(
      String who,
      List<Member> fleet,
      Member.Presence presence,
      String what,
      List<Finding> warnings) {
    TreeSet<String> names =
        fleet.stream()
            .filter(member -> member.presence() == presence)
            .map(Member::identity)
            .collect(Collectors.toCollection(TreeSet::new));
    if (!names.isEmpty()) {
      warnings.add(new Finding(false, who + ": " + counted(names) + "; " + what));
    }
  }

  private static String counted(Set<String> names) {
    return names.size()
        + " ("
        + names.stream().limit(MAX_NAMED).collect(Collectors.joining(", "))
        + (names.size() > MAX_NAMED ? ", …)" : ")");
  }

  /** Names an anchor: SHA-256 of its DER, 64 lower-case hexadecimal digits. */
  public static String fingerprint(X509Certificate anchor) {
    return HexFormat.of().formatHex(Certificates.sha256(anchor));
  }
}
