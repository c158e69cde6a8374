package io.signetmesh.cli.audit;

import io.signetmesh.collector.query.EntryLookup;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.report.Period;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which period is asked about. */
final class PeriodOptions {
  @Option(
      names = "--since",
      paramLabel = "TIME",
      description = "First time: 2026-11-30T12:00:00Z, or 30d for the past 30 days (default: all).")
  private @Nullable String since;

  @Option(
      names = "--until",
      paramLabel = "TIME",
      description = "The time after the last one, in the same forms (default: now).")
  private @Nullable String until;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  /** The period in a log. */
  Period of(LogDirectory log, EntryLookup lookup, InstantSource clock, LongConsumer progress) {
    return new Period(log, lookup, time(since, clock), time(until, clock), progress);
  }

  private @Nullable Instant time(@Nullable String text, InstantSource clock) {
    try {
      return TimeOption.parse(text, clock);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
