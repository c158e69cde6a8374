package io.signetmesh.cli.matrix;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Whether a source may reach a target.
 *
 * @param verdict what holds
 * @param policies labels of the policies that grant it or, on a denial by policy, deny it
 * @param networks from where, when that makes a difference; prefixes
 */
public record Cell(Verdict verdict, List<String> policies, List<String> networks) {
  /** Nothing grants or denies. */
  static final Cell NOTHING = new Cell(Verdict.NONE, List.of(), List.of());

  /** Copies its lists. */
  public Cell {
    policies = List.copyOf(policies);
    networks = List.copyOf(networks);
  }

  /** What holds for a cell. */
  public enum Verdict {
    /** Allowed from everywhere. */
    ALLOW("yes"),
    /** Allowed from some networks only. */
    NETWORKS("net"),
    /** Only the audit access policy lets it through. */
    AUDIT("audit"),
    /** A denial refuses it. */
    DENIED("denied"),
    /** Nothing grants it. */
    NONE("-");

    private final String text;

    Verdict(String text) {
      this.text = text;
    }

    /** In a table. */
    public String text() {
      return text;
    }

    /** In JSON. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Whether traffic can pass. */
    public boolean passes() {
      return this == ALLOW || this == NETWORKS || this == AUDIT;
    }
  }

  /** Names of the policies, without group and kind. */
  public String policyNames() {
    return policies.stream()
        .map(label -> label.substring(label.lastIndexOf('/') + 1))
        .distinct()
        .collect(Collectors.joining(", "));
  }

  /** From where, with at most so many prefixes written out; empty for everywhere. */
  public String networkText(int max) {
    return networks.size() <= max
        ? String.join(", ", networks)
        : String.join(", ", networks.subList(0, max)) + " and " + (networks.size() - max) + " more";
  }
}
