package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.policy.facts.ObjectRef;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an authorization object comes to. */
sealed interface Grant {
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

    static Nothing because(Finding.Rule rule, String field, String message) {
      return new Nothing(List.of(new Reason(rule, field, message)));
    }
  }

  /**
   * Why an object grants nothing.
   *
   * @param rule kind of problem
   * @param field path of the field
   * @param message one sentence, without its effect
   * @param missing what is referred to and not there; null when that is not the problem
   */
  record Reason(Finding.Rule rule, String field, String message, @Nullable ObjectRef missing) {
    Reason(Finding.Rule rule, String field, String message) {
      this(rule, field, message, null);
    }
  }
}
