package io.signetmesh.cli.matrix;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Whether a source may call a target.
 *
 * @param verdict what holds
 * @param policies labels of the policies that allow it or, on a denial by policy, deny it
 * @param networks client networks in CIDR notation, if the verdict depends on them; else empty
 */
public record Cell(Verdict verdict, List<String> policies, List<String> networks) {
  /** Nothing grants or denies. */
  static final Cell NOTHING = new Cell(Verdict.NONE, List.of(), List.of());

  /** Copies the lists. */
  public Cell {
    policies = List.copyOf(policies);
    networks = List.copyOf(networks);
  }

  /** Verdict of a cell. */
  public enum Verdict {
    /** Allowed from everywhere. */
    ALLOW("yes"),
    /** Allowed from some networks only. */
    NETWORKS("net"),
    /** Allowed to requests with a token that the policy requires. */
    TOKEN("token"),
    /** Allowed only by the access policy {@code audit}. */
    AUDIT("audit"),
    /** Denied by a DenyPolicy. */
    DENIED("denied"),
    /** Denied: nothing allows it. */
    NONE("-");

    private final String text;

    Verdict(String text) {
      this.text = text;
    }

    /** Spelling in tables. */
    public String text() {
      return text;
    }

    /** Spelling in JSON. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Whether traffic can pass. */
    public boolean passes() {
      return this == ALLOW || this == NETWORKS || this == TOKEN || this == AUDIT;
    }
  }

  /** Names of the policies, without group and kind. */
  public String policyNames() {
    return policies.stream()
        .map(label -> label.substring(label.lastIndexOf('/') + 1))
        .distinct()
        .collect(Collectors.joining(", "));
  }

  /**
   * The networks, of which at most {@code max} are written out; empty if the verdict does not
   * depend on them.
   */
  public String networkText(int max) {
    return networks.size() <= max
        ? String.join(", ", networks)
        : String.join(", ", networks.subList(0, max)) + " and " + (networks.size() - max) + " more";
  }
}
