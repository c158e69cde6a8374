package io.signetmesh.cli.simulate;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.manifest.PassedOver;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.model.PolicyModel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Everything that is wrong with a set of manifests: in each object, and between objects.
 *
 * @param objects number of objects that could be read
 * @param findings errors and warnings, in the order of files and lines
 * @param passedOver objects that the mesh does not use
 */
public record Validation(int objects, List<PortFinding> findings, List<PassedOver> passedOver) {
  private static final Pattern ORIGIN = Pattern.compile("(.*):([0-9]+):([0-9]+)", Pattern.DOTALL);
  private static final Set<String> WORKLOADS =
      Set.of(
          "Pod",
          "Deployment",
          "StatefulSet",
          "DaemonSet",
          "ReplicaSet",
          "Job",
          "CronJob",
          "ExternalWorkload");
  private static final Comparator<PortFinding> ORDER =
      Comparator.comparing((PortFinding finding) -> place(finding).source())
          .thenComparingInt(finding -> place(finding).line())
          .thenComparingInt(finding -> place(finding).column())
          .thenComparing(PortFinding::severity)
          .thenComparing(PortFinding::message);

  /** Copies the lists. */
  public Validation {
    findings = List.copyOf(findings);
    passedOver = List.copyOf(passedOver);
  }

  /**
   * Checks manifests. References are checked between valid objects. A reference to an object that
   * is present but invalid is not a second error.
   */
  public static Validation of(Manifests manifests, PolicyConfig config) {
    return of(manifests, Manifests.EMPTY, config);
  }

  /**
   * Checks manifests. References are checked between valid objects. A reference to an object that
   * is present but invalid is not a second error. A reference to an assumed object is not an error.
   *
   * @param assumed objects that exist elsewhere; they get no findings
   */
  public static Validation of(Manifests manifests, Manifests assumed, PolicyConfig config) {
    List<PortFinding> findings = new ArrayList<>();
    Map<ResourceKey, ?> valid = manifests.objectsOver(Map.of(), Map.of());
    List<LintFinding> together =
        new SimulatedMesh(PolicySources.view(manifests, assumed), config).findings();
    for (ManifestFinding finding : manifests.findings()) {
      if (together.stream().noneMatch(other -> other.repeats(finding))) {
        findings.add(of(finding));
      }
    }
    for (LintFinding finding : together) {
      if (!isConsequence(finding, manifests)
          && !isAssumed(finding, assumed)
          && !isElsewhere(finding, manifests, assumed)) {
        findings.add(PortFinding.of(finding));
      }
    }
    findings.sort(ORDER);
    return new Validation(valid.size(), findings, manifests.passedOver());
  }

  /** Number of errors. */
  public long errors() {
    return findings.stream().filter(PortFinding::error).count();
  }

  /** Number of warnings. */
  public long warnings() {
    return findings.size() - errors();
  }

  private static boolean isConsequence(LintFinding finding, Manifests manifests) {
    boolean missing =
        finding.rule() == LintFinding.Rule.DANGLING_REFERENCE
            || finding.rule() == LintFinding.Rule.SELECTS_NOTHING;
    return missing
        && (!manifests.unreadableSources().isEmpty()
            || manifests.invalidKeys().stream()
                .anyMatch(
                    key ->
                        finding.rule() == LintFinding.Rule.SELECTS_NOTHING
                            ? key.namespace().equals(finding.object().namespace())
                            : mentions(finding.message(), key.name())));
  }

  /** Whether the object that is missing exists elsewhere, though no more is known of it. */
  private static boolean isAssumed(LintFinding finding, Manifests assumed) {
    return switch (finding.rule()) {
      case DANGLING_REFERENCE ->
          assumed.invalidKeys().stream()
              .anyMatch(
                  key ->
                      finding.message().contains(key.kind())
                          && mentions(finding.message(), key.name())
                          && (key.namespace().equals(finding.object().namespace())
                              || mentions(finding.message(), key.namespace())));
      case SELECTS_NOTHING ->
          assumed.invalidKeys().stream()
              .anyMatch(
                  key ->
                      key.namespace().equals(finding.object().namespace())
                          && WORKLOADS.contains(key.kind()));
      default -> false;
    };
  }

  /** Whether the finding is about an object that is somebody else's. */
  private static boolean isElsewhere(LintFinding finding, Manifests manifests, Manifests assumed) {
    ResourceKey key = PolicyModel.keyOf(finding.object());
    return assumed.positions().containsKey(key) && !manifests.positions().containsKey(key);
  }

  private static boolean mentions(String message, String name) {
    return Pattern.compile("(?<![-a-z0-9.])" + Pattern.quote(name) + "(?![-a-z0-9])")
        .matcher(message)
        .find();
  }

  private static PortFinding of(ManifestFinding finding) {
    ResourceKey key = finding.resource();
    String at = finding.field().isEmpty() ? "" : finding.field() + ": ";
    return new PortFinding(
        finding.isError(),
        "manifest",
        key == null ? "" : key.group().isEmpty() ? "core" : key.group(),
        key == null ? "" : key.kind(),
        key == null ? "" : key.namespace(),
        key == null ? "" : key.name(),
        finding.position() == null ? "" : finding.position().toString(),
        finding.field(),
        at + finding.message());
  }

  private static Place place(PortFinding finding) {
    Matcher matcher = ORIGIN.matcher(finding.origin());
    return matcher.matches()
        ? new Place(
            matcher.group(1),
            Integer.parseInt(matcher.group(2)),
            Integer.parseInt(matcher.group(3)))
        : new Place(finding.origin(), 0, 0);
  }

  private record Place(String source, int line, int column) {}
}
