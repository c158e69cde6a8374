package io.signetmesh.cli.simulate;

import io.signetmesh.policy.index.Finding;
import io.signetmesh.v1.PolicyFinding;
import io.signetmesh.v1.PolicyObject;

/**
 * What is wrong with an object that bears on a port, whether it was found here or by a controller.
 *
 * @param error whether policy is without effect, and not merely suspicious
 * @param rule stable code of the kind of problem
 * @param group API group, {@code core} for the legacy group
 * @param kind kind of the object to mend
 * @param namespace its namespace
 * @param name its name
 * @param origin {@code file:line:column}; empty when unknown
 * @param field path of the field; empty for the object as a whole
 * @param message one sentence with the bad value and the effect
 */
public record PortFinding(
    boolean error,
    String rule,
    String group,
    String kind,
    String namespace,
    String name,
    String origin,
    String field,
    String message) {

  /** A finding of the index. */
  public static PortFinding of(Finding finding) {
    return new PortFinding(
        finding.severity() == Finding.Severity.ERROR,
        finding.rule().text(),
        finding.object().kind().group(),
        finding.object().kind().resourceKind(),
        finding.object().namespace(),
        finding.object().name(),
        finding.origin(),
        finding.field(),
        finding.message());
  }

  /** A finding of a controller. */
  public static PortFinding of(PolicyFinding finding) {
    PolicyObject object = finding.getObject();
    return new PortFinding(
        finding.getSeverity().equals("error"),
        finding.getRule(),
        object.getGroup(),
        object.getKind(),
        object.getNamespace(),
        object.getName(),
        finding.getOrigin(),
        finding.getField(),
        finding.getMessage());
  }

  /** {@code Kind namespace/name}. */
  public String object() {
    return kind + " " + (namespace.isEmpty() ? name : namespace + "/" + name);
  }

  /** {@code error} or {@code warning}. */
  public String severity() {
    return error ? "error" : "warning";
  }

  /**
   * {@code file:line:column: error: Kind namespace/name: message (rule)}; without the object where
   * none could be read.
   */
  public String text() {
    return (origin.isEmpty() ? "" : origin + ": ")
        + severity()
        + ": "
        + (kind.isEmpty() ? "" : object() + ": ")
        + message
        + " ("
        + rule
        + ")";
  }
}
