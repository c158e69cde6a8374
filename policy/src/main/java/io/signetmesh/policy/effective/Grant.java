package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.policy.model.ObjectRef;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an authorization object grants. */
public sealed interface Grant {
  /**
   * Clients that pass are allowed.
   *
   * @param authz as sent to proxies
   */
  record Allows(Authz authz) implements Grant {}

  /**
   * Nothing is granted.
   *
   * @param reasons why, at least one
   */
  record Nothing(List<Reason> reasons) implements Grant {
    /** Copies the list. */
    public Nothing {
      reasons = List.copyOf(reasons);
    }

    static Nothing because(Problem problem, String field, String message) {
      return new Nothing(List.of(new Reason(problem, field, message)));
    }
  }

  /** Kinds of problems. */
  enum Problem {
    /** A part of the object is not understood. */
    NOT_UNDERSTOOD,
    /** It requires an authentication that is not there. */
    DANGLING_REFERENCE,
    /** It combines authentications in a way that is not allowed. */
    BAD_AUTHENTICATIONS,
    /** No client can pass. */
    NEVER_MATCHES
  }

  /**
   * Why an object grants nothing.
   *
   * @param problem what kind of problem it is
   * @param field path of the field
   * @param message one sentence, without its effect
   * @param missing what is referred to and not there; null when that is not the problem
   */
  record Reason(Problem problem, String field, String message, @Nullable ObjectRef missing) {
    Reason(Problem problem, String field, String message) {
      this(problem, field, message, null);
    }
  }
}
