package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/**
 * The outcome of a decision. Instances are made when a policy is compiled, so that deciding
 * allocates nothing.
 *
 * @param allowed the verdict
 * @param reason why
 * @param authorization the authorization or denial that matched, or where none allows the
 *     authorization that came nearest; null when there is none
 * @param failedAttribute where none allows the attribute that failed in the nearest authorization
 *     ({@code identity}, {@code network}, {@code tls}); null otherwise
 * @param detail on a denial what the nearest authorization wants, or what the denial names, in
 *     words; null otherwise
 * @param mode whether policy stands behind the verdict, or only the port's audit
 * @param generation generation of the policy that decided; 0 when it is not known
 */
public record Decision(
    boolean allowed,
    Reason reason,
    @Nullable ResourceRef authorization,
    @Nullable String failedAttribute,
    @Nullable String detail,
    Mode mode,
    long generation) {

  /** What stands behind a verdict. */
  public enum Mode {
    /** Policy in force. */
    ENFORCE("enforce"),
    /** No policy allows; the audit access policy of the port lets it through and records it. */
    AUDIT("audit");

    private final String code;

    Mode(String code) {
      this.code = code;
    }

    /** Stable lower-case code, as in audit records. */
    public String code() {
      return code;
    }
  }

  /** A decision of policy in force whose generation is not known. */
  public Decision(
      boolean allowed,
      Reason reason,
      @Nullable ResourceRef authorization,
      @Nullable String failedAttribute,
      @Nullable String detail) {
    this(allowed, reason, authorization, failedAttribute, detail, Mode.ENFORCE, 0);
  }

  /** The label of {@link #authorization()}, or null. */
  public @Nullable String authorizationLabel() {
    return authorization == null ? null : authorization.label();
  }
}
