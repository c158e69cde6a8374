package io.signetmesh.policy.stream;

/**
 * A finding as operators see it: of the linter, or of a manifest.
 *
 * @param isError whether an object, or a part of it, is not in force as it is written
 * @param rule stable code of the kind of problem, in kebab case
 * @param namespace namespace of the object that it is about; empty when it may be about any
 * @param text {@code file:line:column: …}, one sentence with the bad value and the effect
 */
public record ReportedFinding(boolean isError, String rule, String namespace, String text) {
  /** Rule of an error in a manifest: its object is not in force as it is written. */
  public static final String INVALID_MANIFEST = "invalid-manifest";
}
