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
import java.util.Locale;
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

  private final List<Predicate<AuditEntry>> tests;
  private final List<Condition> conditions;
  private final List<String> words;

  private EntryFilter(Builder builder) {
    this.tests = List.copyOf(builder.tests);
    this.conditions = List.copyOf(builder.conditions);
    this.words = List.copyOf(builder.words);
  }

  @Override
  public boolean test(AuditEntry entry) {
    for (Predicate<AuditEntry> test : tests) {
      if (!test.test(entry)) {
        return false;
      }
    }
    return true;
  }

  /** Whether all entries are wanted. */
  public boolean isEverything() {
    return conditions.isEmpty();
  }

  /** The conditions, all of which have to hold. */
  public List<Condition> conditions() {
    return conditions;
  }

  /** The conditions in words. */
  @Override
  public String toString() {
    return String.join(", ", words);
  }

  /** Collects conditions. */
  public static final class Builder {
    private final List<Predicate<AuditEntry>> tests = new ArrayList<>();
    private final List<Condition> conditions = new ArrayList<>();
    private final List<String> words = new ArrayList<>();

    private Builder add(String word, Condition condition, Predicate<AuditEntry> test) {
      tests.add(test);
      conditions.add(condition);
      words.add(word);
      return this;
    }

    /** A text of an entry, which may have none. */
    private Builder text(
        Condition.Field field,
        @Nullable String value,
        boolean isName,
        Function<AuditEntry, @Nullable String> text) {
      if (value == null) {
        return this;
      }
      Condition.Text condition = new Condition.Text(field, new TextPattern(value), isName);
      return add(
          field.name().toLowerCase(Locale.ROOT).replace('_', ' ') + " " + value,
          condition,
          entry -> {
            String found = text.apply(entry);
            return found != null && condition.matches(found);
          });
    }

    private Builder decision(
        Condition.Field field,
        @Nullable String value,
        boolean isName,
        Function<Decision, @Nullable String> text) {
      return text(
          field,
          value,
          isName,
          entry -> entry.event() instanceof Decision decision ? text.apply(decision) : null);
    }

    /** What happened at a time or later. */
    public Builder since(@Nullable Instant time) {
      return time == null
          ? this
          : add(
              "since " + time,
              new Condition.Since(time),
              entry -> !entry.timeOrReceived().isBefore(time));
    }

    /** What happened before a time. */
    public Builder until(@Nullable Instant time) {
      return time == null
          ? this
          : add(
              "until " + time,
              new Condition.Until(time),
              entry -> entry.timeOrReceived().isBefore(time));
    }

    /** Entries of a kind. */
    public Builder kind(@Nullable Kind kind) {
      return kind == null
          ? this
          : add(
              "kind " + kind, new Condition.OfKind(kind), entry -> Kind.of(entry.event()) == kind);
    }

    /** Entries about workloads that their writer does not speak for, or not. */
    public Builder foreign(Foreign foreign) {
      return switch (foreign) {
        case INCLUDE -> this;
        case ONLY -> add("foreign only", new Condition.IsForeign(true), AuditEntry::foreign);
        case EXCLUDE ->
            add("foreign excluded", new Condition.IsForeign(false), entry -> !entry.foreign());
      };
    }

    /** Decisions with a verdict. */
    public Builder verdict(@Nullable String verdict) {
      return decision(Condition.Field.VERDICT, verdict, false, Decision::verdict);
    }

    /** Decisions that would be others if all that is in audit mode were enforced. */
    public Builder wouldBe(@Nullable String verdict) {
      return decision(
          Condition.Field.WOULD_BE,
          verdict,
          false,
          decision -> {
            Trial trial = decision.trial();
            return trial == null ? null : trial.verdict();
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
          new Condition.Client(pattern),
          entry -> entry.event() instanceof Decision decision && pattern.matches(decision));
    }

    /** Decisions on ports of a Server. */
    public Builder server(@Nullable String server) {
      return decision(Condition.Field.SERVER, server, true, Decision::server);
    }

    /** Decisions on a route. */
    public Builder route(@Nullable String route) {
      return decision(Condition.Field.ROUTE, route, true, Decision::route);
    }

    /** Decisions on a path. */
    public Builder path(@Nullable String path) {
      return decision(Condition.Field.PATH, path, false, Decision::path);
    }

    /** Decisions that an authorization or other policy made, or came nearest to. */
    public Builder policy(@Nullable String policy) {
      return decision(Condition.Field.POLICY, policy, true, Decision::authorization);
    }

    /** Decisions for a reason. */
    public Builder reason(@Nullable String reason) {
      return decision(Condition.Field.REASON, reason, false, Decision::reason);
    }

    /** Decisions of the proxy of a workload, and gaps of its records. */
    public Builder workload(@Nullable String workload) {
      return text(
          Condition.Field.WORKLOAD,
          workload,
          true,
          entry ->
              switch (entry.event()) {
                case Decision decision -> decision.workload();
                case Gap gap -> gap.workload();
                default -> null;
              });
    }

    /** What a writer delivered. */
    public Builder writer(@Nullable String writer) {
      return text(Condition.Field.WRITER, writer, false, AuditEntry::writer);
    }

    /** Administrative acts. */
    public Builder act(@Nullable String act) {
      return text(
          Condition.Field.ACT,
          act,
          false,
          entry ->
              entry.event() instanceof Administrative administrative ? administrative.act() : null);
    }

    /** The filter. */
    public EntryFilter build() {
      return new EntryFilter(this);
    }
  }
}
