package io.signetmesh.cli.demo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.trust.RotationTimeline;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.v1.TrustRotation;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What the demo of a rotation tells: each proof as it comes, and at the end how long it took. */
final class RotationReport {
  private final PrintWriter out;
  private String phase = "";

  /**
   * All that was seen.
   *
   * @param proofs in the order they came
   * @param before fingerprint of the anchor before
   * @param after fingerprint of the anchor after; empty when none was made
   * @param phases how long each phase took, in seconds
   * @param requests requests that were answered during the rotation, by kind
   * @param failed requests that were not
   * @param complete whether each thing to be proved was looked at
   */
  record Outcome(
      List<Proof> proofs,
      String before,
      String after,
      Map<String, Double> phases,
      Map<String, Long> requests,
      long failed,
      boolean complete) {
    /** Whether the rotation kept all its promises. */
    boolean asExpected() {
      return complete && proofs.stream().allMatch(Proof::holds);
    }
  }

  RotationReport(PrintWriter out) {
    this.out = out;
    out.println();
    out.flush();
  }

  /** Tells one proof. */
  void proof(Proof proof) {
    String name = proof.phase().equals(phase) ? "" : proof.phase();
    phase = proof.phase();
    out.printf(
        Locale.ROOT,
        "%4.1f s  %-10s  %s  %s%n",
        seconds(proof.after()),
        name,
        proof.holds() ? "ok" : "!!",
        PlainText.of(proof.text()));
    out.flush();
  }

  /**
   * Tells the end.
   *
   * @param processes processes that took part
   * @param whole time of the whole demo
   */
  void end(Outcome outcome, int processes, Duration whole) {
    out.println();
    outcome
        .requests()
        .forEach((kind, answers) -> out.printf(Locale.ROOT, "%8d  %s%n", answers, kind));
    out.println();
    if (!outcome.phases().isEmpty()) {
      out.println(
          outcome.phases().entrySet().stream()
              .map(took -> String.format(Locale.ROOT, "%s %.1f s", took.getKey(), took.getValue()))
              .collect(Collectors.joining(", ")));
    }
    out.printf(
        Locale.ROOT,
        "%d of %d proofs hold%s; %d processes, done after %.1f s.%n",
        outcome.proofs().stream().filter(Proof::holds).count(),
        outcome.proofs().size(),
        outcome.complete() ? "" : ", and others could not be looked at",
        processes,
        seconds(whole));
    out.flush();
  }

  /** How long each phase took that has ended, in seconds. */
  static Map<String, Double> phases(TrustRotation rotation) {
    Map<String, Double> phases = new LinkedHashMap<>();
    for (RotationTimeline.Stretch stretch : new RotationTimeline(rotation).stretches()) {
      if (stretch.end() != null) {
        phases.put(stretch.name(), stretch.took(stretch.end()).toMillis() / 1000.0);
      }
    }
    return phases;
  }

  /** For machines. */
  static ObjectNode json(Outcome outcome, int processes, Duration start, Duration whole) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("as_expected", outcome.asExpected());
    node.put("start_seconds", seconds(start));
    node.put("seconds", seconds(whole));
    node.put("processes", processes);
    node.put("anchor_before", outcome.before());
    node.put("anchor_after", outcome.after());
    ObjectNode phases = node.putObject("phase_seconds");
    outcome.phases().forEach((name, took) -> phases.put(name.toLowerCase(Locale.ROOT), took));
    ObjectNode requests = node.putObject("requests");
    outcome.requests().forEach(requests::put);
    node.put("failed_requests", outcome.failed());
    ArrayNode proofs = node.putArray("proofs");
    for (Proof proof : outcome.proofs()) {
      proofs
          .addObject()
          .put("phase", proof.phase().toLowerCase(Locale.ROOT))
          .put("after_seconds", seconds(proof.after()))
          .put("holds", proof.holds())
          .put("text", proof.text());
    }
    return node;
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / 1000.0;
  }
}
