package io.signetmesh.cli.simulate;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.suggest.Suggestion;
import io.signetmesh.v1.PolicyFinding;
import io.signetmesh.v1.PolicyObject;
import org.jspecify.annotations.Nullable;

/**
 * An error or warning about an object that affects a port. It was found here, or by a controller.
 *
 * @param error whether it is an error: policy has no effect; else a warning
 * @param rule stable code of the lint rule
 * @param group API group; {@code core} for the core group
 * @param kind kind of the object to correct
 * @param namespace namespace of that object
 * @param name name of that object
 * @param origin position as {@code file:line:column}; empty when unknown
 * @param field path of the field; empty for the object as a whole
 * @param message one sentence, with the bad value and the effect
 * @param meant what the author probably meant; null when it is not a typo, or nothing similar is
 *     known
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
    String message,
    @Nullable Meant meant) {

  /**
   * The probable meaning of an object with a typo.
   *
   * @param text the corrected text
   * @param server policy that the port would have with the correction
   */
  public record Meant(String text, Server server) {}

  /** A finding that is not about a typo. */
  PortFinding(
      boolean error,
      String rule,
      String group,
      String kind,
      String namespace,
      String name,
      String origin,
      String field,
      String message) {
    this(error, rule, group, kind, namespace, name, origin, field, message, null);
  }

  /** Converts a finding of the local linter. */
  public static PortFinding of(LintFinding finding) {
    return new PortFinding(
        finding.severity() == LintFinding.Severity.ERROR,
        finding.rule().text(),
        finding.object().kind().group(),
        finding.object().kind().resourceKind(),
        finding.object().namespace(),
        finding.object().name(),
        finding.origin(),
        finding.field(),
        finding.message());
  }

  /** Converts a finding of a controller. */
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
        finding.getMessage(),
        finding.hasSuggestion()
            ? new Meant(finding.getSuggestion().getMeant(), finding.getSuggestion().getServer())
            : null);
  }

  /** The same with what the index suggests. */
  PortFinding meaning(@Nullable Suggestion suggestion) {
    return suggestion == null
        ? this
        : new PortFinding(
            error,
            rule,
            group,
            kind,
            namespace,
            name,
            origin,
            field,
            message,
            new Meant(PlainText.of(suggestion.meant()), suggestion.policy().server()));
  }

  /** {@code Kind namespace/name: message}, with what is meant where the message does not say it. */
  String sentence() {
    Meant said = meant;
    return object()
        + ": "
        + message
        + (said == null || message.contains(said.text)
            ? ""
            : " (did you mean \"" + said.text + "\"?)");
  }

  /** The object, as {@code Kind namespace/name}. */
  public String object() {
    return kind + " " + (namespace.isEmpty() ? name : namespace + "/" + name);
  }

  /** {@code error} or {@code warning}. */
  public String severity() {
    return error ? "error" : "warning";
  }

  /**
   * One line: {@code file:line:column: error: Kind namespace/name: message (rule)}. The object is
   * left out if it could not be read.
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
