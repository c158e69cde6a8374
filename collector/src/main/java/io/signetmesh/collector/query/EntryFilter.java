package io.signetmesh.collector.query;

import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Event;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.AuditEntry.Trial;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Which entries are wanted: all conditions have to hold. Immutable, for several threads. */
public final class EntryFilter implements Predicate<AuditEntry> {
  /** Kinds of entries. */
  public enum Kind {
    /** A proxy allowed or denied. */
    DECISION,
    /** A component of the control plane acted. */
    ADMINISTRATIVE,
    /** Records that could not be kept. */
    GAP,
    /** Records that the collector did not get. */
    MISSING,
    /** Anything else. */
    OTHER;

    /** The kind of what an entry says. */
    public static Kind of(Event event) {
      return switch (event) {
        case Decision decision -> DECISION;
        case Administrative administrative -> ADMINISTRATIVE;
        case Gap gap -> GAP;
        case Missing missing -> MISSING;
        case Other other -> OTHER;
      };
    }
  }

  /** Whether foreign entries are wanted. */
  public enum Foreign {
    /** With all others. */
    INCLUDE,
    /** Nothing else. */
    ONLY,
    /** Not. */
    EXCLUDE
  }

  private final List<Predicate<AuditEntry>> conditions;
  private final List<String> words;

  private EntryFilter(Builder builder) {
    this.conditions = List.copyOf(builder.conditions);
    this.words = List.copyOf(builder.words);
  }

  @Override
  public boolean test(AuditEntry entry) {
    for (Predicate<AuditEntry> condition : conditions) {
      if (!condition.test(entry)) {
        return false;
      }
    }
    return true;
  }

  /** Whether all entries are wanted. */
  public boolean isEverything() {
    return conditions.isEmpty();
  }

  /** The conditions in words. */
  @Override
  public String toString() {
    return String.join(", ", words);
  }

  /** Collects conditions. */
  public static final class Builder {
    private final List<Predicate<AuditEntry>> conditions = new ArrayList<>();
    private final List<String> words = new ArrayList<>();

    private Builder add(String word, Predicate<AuditEntry> condition) {
      conditions.add(condition);
      words.add(word);
      return this;
    }

    private Builder decision(
        String name, @Nullable String value, BiFunction<TextPattern, Decision, Boolean> matches) {
      if (value == null) {
        return this;
      }
      TextPattern pattern = new TextPattern(value);
      return add(
          name + " " + value,
          entry -> entry.event() instanceof Decision decision && matches.apply(pattern, decision));
    }

    private Builder name(
        String name, @Nullable String value, Function<Decision, @Nullable String> field) {
      return decision(
          name, value, (pattern, decision) -> pattern.matchesName(field.apply(decision)));
    }

    /** What happened at a time or later. */
    public Builder since(@Nullable Instant time) {
      return time == null
          ? this
          : add("since " + time, entry -> !entry.timeOrReceived().isBefore(time));
    }

    /** What happened before a time. */
    public Builder until(@Nullable Instant time) {
      return time == null
          ? this
          : add("until " + time, entry -> entry.timeOrReceived().isBefore(time));
    }

    /** Entries of a kind. */
    public Builder kind(@Nullable Kind kind) {
      return kind == null ? this : add("kind " + kind, entry -> Kind.of(entry.event()) == kind);
    }

    /** Entries about workloads that their writer does not speak for, or not. */
    public Builder foreign(Foreign foreign) {
      return switch (foreign) {
        case INCLUDE -> this;
        case ONLY -> add("foreign only", AuditEntry::foreign);
        case EXCLUDE -> add("foreign excluded", entry -> !entry.foreign());
      };
    }

    /** Decisions with a verdict. */
    public Builder verdict(@Nullable String verdict) {
      return decision(
          "verdict", verdict, (pattern, decision) -> pattern.matches(decision.verdict()));
    }

    /** Decisions that would be others if all that is in audit mode were enforced. */
    public Builder wouldBe(@Nullable String verdict) {
      return decision(
          "would be",
          verdict,
          (pattern, decision) -> {
            Trial trial = decision.trial();
            return trial != null && pattern.matches(trial.verdict());
          });
    }

    /**
     * Decisions about a client.
     *
     * @throws IllegalArgumentException when it looks like a network and is none
     */
    public Builder client(@Nullable String client) {
      if (client == null) {
        return this;
      }
      ClientPattern pattern = ClientPattern.parse(client);
      return add(
          "client " + client,
          entry -> entry.event() instanceof Decision decision && pattern.matches(decision));
    }

    /** Decisions on ports of a Server. */
    public Builder server(@Nullable String server) {
      return name("server", server, Decision::server);
    }

    /** Decisions on a route. */
    public Builder route(@Nullable String route) {
      return name("route", route, Decision::route);
    }

    /** Decisions on a path. */
    public Builder path(@Nullable String path) {
      return decision("path", path, (pattern, decision) -> pattern.matches(decision.path()));
    }

    /** Decisions that an authorization or other policy made, or came nearest to. */
    public Builder policy(@Nullable String policy) {
      return name("policy", policy, Decision::authorization);
    }

    /** Decisions for a reason. */
    public Builder reason(@Nullable String reason) {
      return decision("reason", reason, (pattern, decision) -> pattern.matches(decision.reason()));
    }

    /** Decisions of the proxy of a workload, and gaps of its records. */
    public Builder workload(@Nullable String workload) {
      if (workload == null) {
        return this;
      }
      TextPattern pattern = new TextPattern(workload);
      return add(
          "workload " + workload,
          entry ->
              switch (entry.event()) {
                case Decision decision -> pattern.matchesName(decision.workload());
                case Gap gap -> pattern.matchesName(gap.workload());
                default -> false;
              });
    }

    /** What a writer delivered. */
    public Builder writer(@Nullable String writer) {
      if (writer == null) {
        return this;
      }
      TextPattern pattern = new TextPattern(writer);
      return add("writer " + writer, entry -> pattern.matches(entry.writer()));
    }

    /** Administrative acts. */
    public Builder act(@Nullable String act) {
      if (act == null) {
        return this;
      }
      TextPattern pattern = new TextPattern(act);
      return add(
          "act " + act,
          entry ->
              entry.event() instanceof Administrative administrative
                  && pattern.matches(administrative.act()));
    }

    /** The filter. */
    public EntryFilter build() {
      return new EntryFilter(this);
    }
  }
}
