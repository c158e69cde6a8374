package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Authz;
import java.util.List;

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

    static Nothing because(Finding.Rule rule, String message) {
      return new Nothing(List.of(new Reason(rule, message)));
    }
  }

  /**
   * Why an object grants nothing.
   *
   * @param rule kind of problem
   * @param message one sentence
   */
  record Reason(Finding.Rule rule, String message) {}
}
