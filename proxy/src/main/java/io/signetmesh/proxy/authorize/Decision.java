package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/**
 * The outcome of a decision. Instances are made when a policy is compiled, so that deciding
 * allocates nothing.
 *
 * @param allowed the verdict
 * @param reason why
 * @param authorization the authorization or denial that matched. If nothing matched, the nearest
 *     authorization. Null when there is none
 * @param failedAttribute the attribute that failed in the nearest authorization ({@code identity},
 *     {@code network}, {@code tls}); null when one matched
 * @param detail for people: what the nearest authorization requires, or what the denial names; null
 *     when allowed
 * @param mode whether the verdict is of enforced policy, or only of the port's audit policy
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

  /** Which policy a verdict rests on. */
  public enum Mode {
    /** Enforced policy. */
    ENFORCE("enforce"),
    /** No authorization matched. The audit access policy of the port allows it and records it. */
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

  /** A decision of enforced policy whose generation is not known. */
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
