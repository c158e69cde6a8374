package io.signetmesh.cli.simulate;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.policy.lint.Finding;
import io.signetmesh.policy.suggest.Suggestion;
import io.signetmesh.v1.PolicyFinding;
import io.signetmesh.v1.PolicyObject;
import org.jspecify.annotations.Nullable;

/**
 * What is wrong with an object that affects a port, whether it was found here or by a controller.
 *
 * @param error whether policy is without effect, and not merely suspicious
 * @param rule stable code of the kind of problem
 * @param group API group, {@code core} for the legacy group
 * @param kind kind of the object to correct
 * @param namespace its namespace
 * @param name its name
 * @param origin {@code file:line:column}; empty when unknown
 * @param field path of the field; empty for the object as a whole
 * @param message one sentence with the bad value and the effect
 * @param meant what is probably meant; null when it is not about a typo, or nothing is near
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
   * What an object with a typo probably means.
   *
   * @param text what would have been written
   * @param server the policy that the port would have with that
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
