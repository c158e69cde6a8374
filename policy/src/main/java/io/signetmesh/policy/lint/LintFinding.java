package io.signetmesh.policy.lint;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.policy.model.ObjectRef;
import java.util.Comparator;

/**
 * Something about a policy object that is wrong, or surely not what its author wants.
 *
 * @param severity whether policy is without effect, or merely suspicious
 * @param rule what kind of problem it is
 * @param object the object to correct
 * @param origin where that object is written, {@code file:line:column}; empty when unknown
 * @param field path of the field, as {@code spec.targetRef.name}; empty for the object as a whole
 * @param message one sentence that names the bad value and the effect
 */
public record LintFinding(
    Severity severity, Rule rule, ObjectRef object, String origin, String field, String message)
    implements Comparable<LintFinding> {
  private static final Comparator<LintFinding> ORDER =
      Comparator.comparing(LintFinding::severity)
          .thenComparing(LintFinding::object)
          .thenComparing(LintFinding::rule)
          .thenComparing(LintFinding::message);

  /** Removes control characters from field and message: they quote what others wrote. */
  public LintFinding {
    field = PlainText.of(field);
    message = PlainText.of(message);
  }

  /** How bad it is. */
  public enum Severity {
    /** An object or a part of it has no effect. */
    ERROR,
    /** Legal, but hardly what its author wants. */
    WARNING
  }

  /** Kinds of problems. */
  public enum Rule {
    /** The controller does not understand the object. */
    NOT_UNDERSTOOD("not-understood"),
    /** A reference to an object that is not there. */
    DANGLING_REFERENCE("dangling-reference"),
    /** A target that is not allowed. */
    BAD_TARGET("bad-target"),
    /** A combination of authentications that is not allowed. */
    BAD_AUTHENTICATIONS("bad-authentications"),
    /** An authorization that no client can pass. */
    NEVER_MATCHES("never-matches"),
    /** Two Servers on one port of a workload. */
    PORT_CONFLICT("port-conflict"),
    /** A selector that selects nothing. */
    SELECTS_NOTHING("selects-nothing"),
    /** An annotation that cannot be read. */
    BAD_ANNOTATION("bad-annotation"),
    /** A route that its Server does not use. */
    ROUTE_UNUSED("route-unused"),
    /** An object or a field that is read and that nothing enforces: {@link NotInForce}. */
    NOT_IN_FORCE("not-in-force"),
    /** A rule about tokens on a port where the proxy sees no request. */
    JWT_ON_OPAQUE_PORT("jwt-on-opaque-port"),
    /** A JWTAuthentication without keys: no token passes. */
    KEY_SET_UNAVAILABLE("key-set-unavailable"),
    /** A key set that cannot be fetched anew; the last good one is used. */
    KEY_SET_STALE("key-set-stale"),
    /** A rule about policy bundles on a port where the proxy sees no request. */
    REGO_ON_OPAQUE_PORT("rego-on-opaque-port"),
    /** A RegoAuthentication without a bundle: no request passes. */
    BUNDLE_UNAVAILABLE("bundle-unavailable"),
    /** A bundle that cannot be fetched anew; the last good one is used. */
    BUNDLE_STALE("bundle-stale"),
    /** Bundles of a Server that are more than one message has room for. */
    BUNDLES_TOO_LARGE("bundles-too-large"),
    /** A key that is malformed, weak or exposed, and so not used. */
    BAD_KEY("bad-key"),
    /** A JWTAuthentication or RegoAuthentication that no policy requires. */
    AUTHENTICATION_UNUSED("authentication-unused"),
    /** A header that two JWTAuthentications of a port make of claims. */
    FORWARD_CONFLICT("forward-conflict"),
    /** An authorization that changes nothing, because of another policy. */
    SHADOWED("shadowed"),
    /** A rate limit without effect. */
    LIMIT_UNUSED("limit-unused"),
    /** A policy whose target is only a dry run, or otherwise not there yet. */
    TARGET_UNUSED("target-unused"),
    /** A Server in dry run (mode audit): its ports are under another policy. */
    ONLY_TRIED("only-tried"),
    /** A service account that no certificate can be issued for. */
    NO_IDENTITY("no-identity"),
    /** A Server that decides by request, on a port that is opaque to meshed clients. */
    OPAQUE_PORT("opaque-port"),
    /** A denial that its clients can evade. */
    EVADABLE("evadable");

    private final String text;

    Rule(String text) {
      this.text = text;
    }

    /** Stable name of the rule, in kebab case. */
    public String text() {
      return text;
    }
  }

  /** The same finding with another origin. */
  public LintFinding at(String place) {
    return new LintFinding(severity, rule, object, place, field, message);
  }

  /**
   * Whether this repeats a warning about the manifest, for the same field. This finding tells the
   * effect too, so the warning can be left out.
   */
  public boolean repeats(ManifestFinding manifest) {
    ResourceKey key = manifest.resource();
    return !manifest.isError()
        && (rule == Rule.NOT_UNDERSTOOD
            || rule == Rule.NEVER_MATCHES
            || rule == Rule.BAD_AUTHENTICATIONS)
        && key != null
        && key.group().equals(object.kind().group())
        && key.kind().equals(object.kind().resourceKind())
        && key.namespace().equals(object.namespace())
        && key.name().equals(object.name())
        && (manifest.field().equals(field) || manifest.field().startsWith(field + "["));
  }

  @Override
  public int compareTo(LintFinding other) {
    return ORDER.compare(this, other);
  }

  /** {@code file:line:column: error: Kind ns/name: message (rule)}, without an unknown place. */
  @Override
  public String toString() {
    return (origin.isEmpty() ? "" : origin + ": ")
        + (severity == Severity.ERROR ? "error: " : "warning: ")
        + object
        + ": "
        + message
        + " ("
        + rule.text()
        + ")";
  }
}
