package io.signetmesh.cli.check;

import io.signetmesh.cli.check.CheckResult.Category;
import io.signetmesh.cli.trust.TrustAnchors;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.TrustRotation;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Checks of what the identity server tells. */
final class TrustChecks {
  /** Share of an issuer's life at whose end somebody should look at it. */
  private static final int SHARE_OF_LIFE = 10;

  private TrustChecks() {}

  /** The results, in the order in which they are shown. */
  static List<CheckResult> of(GetTrustResponse trust, Instant now) {
    List<CheckResult> results = new ArrayList<>();
    TrustAnchors anchors = new TrustAnchors(trust);
    results.add(anchorLife(anchors, now));
    results.add(issuerAnchor(trust, anchors));
    results.add(issuerLife(trust, now));
    results.add(adoption(trust));
    results.add(rotation(trust));
    return results;
  }

  private static CheckResult anchorLife(TrustAnchors anchors, Instant now) {
    List<String> warnings = anchors.warnings(now);
    if (warnings.isEmpty()) {
      return CheckResult.ok(
          Category.TRUST,
          "anchor-life",
          anchors.inForce().size()
              + " trust anchors are in force; none has less than 90 days left");
    }
    String text = PolicyChecks.some(warnings);
    String hint = "docs/security/trust-rotation.md is the runbook; nothing has to be restarted";
    return anchors.needSomebody(now)
        ? CheckResult.failure(Category.TRUST, "anchor-life", text, hint)
        : CheckResult.warning(Category.TRUST, "anchor-life", text, hint);
  }

  private static CheckResult issuerAnchor(GetTrustResponse trust, TrustAnchors anchors) {
    String sha256 = TrustAnchors.hex(trust.getIssuerAnchorSha256());
    TrustAnchors.Anchor anchor = anchors.get(sha256);
    if (anchor == null || !anchor.isInForce()) {
      return CheckResult.failure(
          Category.TRUST,
          "issuer-anchor",
          "the issuer leads to no trust anchor in force: new certificates verify nowhere",
          "give the identity server an issuer under an anchor of the bundle, or rotate");
    }
    return CheckResult.ok(
        Category.TRUST,
        "issuer-anchor",
        "the issuer leads to anchor " + TrustAnchors.brief(sha256) + ", which is in force");
  }

  private static CheckResult issuerLife(GetTrustResponse trust, Instant now) {
    X509Certificate issuer =
        trust.getIssuerChainCount() == 0 ? null : TrustAnchors.certificate(trust.getIssuerChain(0));
    if (issuer == null) {
      return CheckResult.failure(
          Category.TRUST,
          "issuer-life",
          "the identity server tells no issuer that can be read",
          "look at the log of the identity server");
    }
    Instant begin = issuer.getNotBefore().toInstant();
    Instant end = issuer.getNotAfter().toInstant();
    String life = "the issuer is good for " + TrustAnchors.lifeLeft(issuer, now);
    if (!now.isBefore(end)) {
      return CheckResult.failure(
          Category.TRUST,
          "issuer-life",
          "the issuer " + TrustAnchors.lifeLeft(issuer, now) + ": nobody gets a certificate",
          "replace the issuer; a workload is cut off when its own certificate ends");
    }
    Duration left = Duration.between(now, end);
    return left.compareTo(Duration.between(begin, end).dividedBy(SHARE_OF_LIFE)) < 0
        ? CheckResult.warning(
            Category.TRUST,
            "issuer-life",
            life + ", less than a tenth of its life",
            "replace it before: certificates end with their issuer")
        : CheckResult.ok(Category.TRUST, "issuer-life", life);
  }

  private static CheckResult adoption(GetTrustResponse trust) {
    String text =
        trust.getAdopted() + " of " + trust.getLive() + " live workloads trust the bundle in force";
    if (trust.getAdopted() == trust.getLive()) {
      return CheckResult.ok(Category.TRUST, "bundle-adoption", text);
    }
    return CheckResult.warning(
        Category.TRUST,
        "bundle-adoption",
        text
            + "; behind: "
            + PolicyChecks.some(
                trust.getBehindList().stream().map(MeshLeaf::getIdentity).distinct().toList()),
        "'signet trust status' says why each of them is behind");
  }

  private static CheckResult rotation(GetTrustResponse trust) {
    @Nullable TrustRotation rotation = trust.hasRotation() ? trust.getRotation() : null;
    if (rotation == null || rotation.getPhase() == TrustRotation.Phase.DONE) {
      return CheckResult.ok(Category.TRUST, "rotation", "no rotation of anchors is under way");
    }
    String waits =
        rotation.getObstaclesCount() == 0
            ? ""
            : "; waits for " + rotation.getObstacles(0).getMessage();
    return CheckResult.warning(
        Category.TRUST,
        "rotation",
        "a rotation of anchors is in phase "
            + rotation.getPhase().name().toLowerCase(Locale.ROOT)
            + waits,
        "'signet trust status --wait' waits for its end; 'signet trust abort' sends it back");
  }
}
