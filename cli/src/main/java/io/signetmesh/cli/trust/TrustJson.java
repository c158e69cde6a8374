package io.signetmesh.cli.trust;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationEvent;
import io.signetmesh.v1.TrustRotationFinding;
import io.signetmesh.v1.TrustRotationObstacle;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Answers about trust as JSON. Names of fields are stable; times are ISO 8601 in UTC. */
final class TrustJson {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Instant now;

  /** Life left is told as of this time. */
  TrustJson(Instant now) {
    this.now = now;
  }

  static ObjectNode object() {
    return JSON.createObjectNode();
  }

  static String text(ObjectNode json) {
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree is always written", e);
    }
  }

  /** The answer of {@code signet trust status}. */
  ObjectNode trust(GetTrustResponse trust) {
    TrustAnchors anchors = new TrustAnchors(trust);
    ObjectNode json = object();
    json.put("trustDomain", trust.getTrustDomain());
    ArrayNode array = json.putArray("anchors");
    anchors.all().forEach(anchor -> array.add(anchor(anchor)));
    json.set("issuer", issuer(trust));
    json.putObject("adoption")
        .put("live", trust.getLive())
        .put("adopted", trust.getAdopted())
        .put("gone", trust.getGone())
        .put("silent", trust.getSilent());
    ArrayNode behind = json.putArray("behind");
    trust.getBehindList().forEach(leaf -> behind.add(leaf(leaf)));
    json.put("behindTotal", trust.getLive() - trust.getAdopted());
    anchors.warnings(now).forEach(json.putArray("warnings")::add);
    json.set("rotation", trust.hasRotation() ? rotation(trust.getRotation()) : null);
    return json;
  }

  private ObjectNode anchor(TrustAnchors.Anchor anchor) {
    TrustAnchorStatus status = anchor.status();
    ObjectNode json = object();
    json.put("sha256", anchor.sha256());
    json.put("state", anchor.state());
    life(json, anchor.certificate());
    json.putObject("leaves")
        .put("live", status.getLiveLeaves())
        .put("gone", status.getGoneLeaves())
        .put("silent", status.getSilentLeaves());
    return json;
  }

  private @Nullable ObjectNode issuer(GetTrustResponse trust) {
    X509Certificate issuer =
        trust.getIssuerChainCount() == 0 ? null : TrustAnchors.certificate(trust.getIssuerChain(0));
    if (issuer == null) {
      return null;
    }
    ObjectNode json = object();
    json.put("serial", Certificates.serial(issuer));
    life(json, issuer);
    json.put("anchorSha256", TrustAnchors.hex(trust.getIssuerAnchorSha256()));
    return json;
  }

  private void life(ObjectNode json, @Nullable X509Certificate certificate) {
    if (certificate == null) {
      json.putNull("subject").putNull("notBefore").putNull("notAfter").putNull("secondsLeft");
      return;
    }
    Instant end = certificate.getNotAfter().toInstant();
    json.put("subject", certificate.getSubjectX500Principal().getName());
    json.put("notBefore", certificate.getNotBefore().toInstant().toString());
    json.put("notAfter", end.toString());
    json.put("secondsLeft", Duration.between(now, end).toSeconds());
  }

  /** A leaf and who holds it. */
  static ObjectNode leaf(MeshLeaf leaf) {
    ObjectNode json = object();
    json.put("workload", leaf.getIdentity());
    json.put("address", leaf.getAddress());
    json.put("serial", leaf.getSerial());
    json.put("presence", TrustAnchors.word(leaf.getPresence()));
    json.put(
        "reportedAt",
        leaf.hasReportedAt() ? TrustAnchors.instant(leaf.getReportedAt()).toString() : null);
    json.put("notAfter", TrustAnchors.instant(leaf.getNotAfter()).toString());
    json.put("anchorSha256", TrustAnchors.hex(leaf.getAnchorSha256()));
    json.put("refusal", leaf.getRefusal());
    return json;
  }

  /** A rotation with its record. */
  ObjectNode rotation(TrustRotation rotation) {
    RotationTimeline timeline = new RotationTimeline(rotation);
    ObjectNode json = object();
    json.put("id", rotation.getId());
    json.put("phase", TrustAnchors.word(rotation.getPhase()));
    json.put("phaseSince", timeline.since().toString());
    json.put("outcome", timeline.outcome());
    json.put("startedAt", timeline.startedAt().toString());
    json.put("startedBy", timeline.startedBy());
    json.put("reason", timeline.reason());
    Instant end = timeline.endedAt();
    json.put("endedAt", end == null ? null : end.toString());
    json.put("compromised", rotation.getCompromised());
    json.put("reversed", rotation.getReversed());
    json.put("renewWindowSeconds", rotation.getRenewWindow().getSeconds());
    hexes(json.putArray("before"), rotation.getBeforeSha256List());
    hexes(json.putArray("after"), rotation.getAfterSha256List());
    rotation.getWaivedList().forEach(json.putArray("waived")::add);
    timeline.leftBehind().forEach(json.putArray("leftBehind")::add);
    ArrayNode phases = json.putArray("phases");
    for (RotationTimeline.Stretch stretch : timeline.stretches()) {
      phases
          .addObject()
          .put("phase", TrustAnchors.word(stretch.phase()))
          .put("back", stretch.back())
          .put("startedAt", stretch.start().toString())
          .put("endedAt", stretch.end() == null ? null : stretch.end().toString())
          .put("tookMillis", stretch.took(now).toMillis());
    }
    ArrayNode events = json.putArray("events");
    for (TrustRotationEvent event : rotation.getEventsList()) {
      events
          .addObject()
          .put("at", TrustAnchors.instant(event.getAt()).toString())
          .put("who", event.getWho())
          .put("phase", TrustAnchors.word(event.getPhase()))
          .put("what", event.getWhat())
          .put("why", event.getWhy());
    }
    ArrayNode obstacles = json.putArray("obstacles");
    for (TrustRotationObstacle obstacle : rotation.getObstaclesList()) {
      obstacles
          .addObject()
          .put("kind", obstacle.getKind())
          .put("workload", obstacle.getWorkload())
          .put("message", obstacle.getMessage());
    }
    json.put("obstaclesTotal", rotation.getObstaclesTotal());
    return json;
  }

  /**
   * A plan.
   *
   * @param cutOff leaves whose workloads lose their trust at once
   */
  ObjectNode plan(StartRotationResponse plan, boolean clean, List<MeshLeaf> cutOff) {
    ObjectNode json = object();
    json.put("clean", clean);
    ArrayNode findings = json.putArray("findings");
    for (TrustRotationFinding finding : plan.getFindingsList()) {
      findings
          .addObject()
          .put("level", finding.getIsError() ? "error" : "warning")
          .put("message", finding.getMessage());
    }
    hexes(json.putArray("before"), plan.getBeforeSha256List());
    hexes(json.putArray("after"), plan.getAfterSha256List());
    X509Certificate added = TrustAnchors.certificate(plan.getNewAnchor());
    if (added == null) {
      json.putNull("newAnchor");
    } else {
      life(json.putObject("newAnchor"), added);
    }
    json.put(
        "latestEnd",
        plan.hasLatestEnd() ? TrustAnchors.instant(plan.getLatestEnd()).toString() : null);
    ArrayNode leaves = json.putArray("cutOff");
    cutOff.forEach(leaf -> leaves.add(leaf(leaf)));
    return json;
  }

  private static void hexes(ArrayNode array, List<ByteString> fingerprints) {
    fingerprints.forEach(fingerprint -> array.add(TrustAnchors.hex(fingerprint)));
  }
}
