package io.signetmesh.cli.audit;

import io.signetmesh.collector.query.EntryFilter;
import java.time.InstantSource;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which entries are wanted. In patterns, {@code *} stands for any characters. */
final class FilterOptions {
  private enum Verdict {
    ALLOW,
    DENY
  }

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description =
          "What happened at this time or later: 2026-11-30T12:00:00Z, or 24h for the past"
              + " 24 hours.")
  private @Nullable String since;

  @Option(
      names = "--until",
      paramLabel = "TIME",
      description = "What happened before this time, in the same forms.")
  private @Nullable String until;

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      description = "decision, administrative, gap, missing or other.")
  private EntryFilter.@Nullable Kind kind;

  @Option(names = "--verdict", paramLabel = "VERDICT", description = "allow or deny.")
  private @Nullable Verdict verdict;

  @Option(
      names = "--would-be",
      paramLabel = "VERDICT",
      description = "allow or deny: the verdict if all that is in audit mode were enforced.")
  private @Nullable Verdict wouldBe;

  @Option(
      names = "--reason",
      paramLabel = "CODE",
      description = "A code, such as identity-mismatch.")
  private @Nullable String reason;

  @Option(
      names = "--client",
      paramLabel = "CLIENT",
      description =
          "Identity, address or network of the client: web.shop.*, 10.1.0.4, 10.1.0.0/16.")
  private @Nullable String client;

  @Option(
      names = "--workload",
      paramLabel = "NAME",
      description = "Workload whose proxy decided: shop/web-1, shop/* or web-1.")
  private @Nullable String workload;

  @Option(
      names = "--server",
      paramLabel = "NAME",
      description = "Server in force: policy.linkerd.io/server/web, or only web.")
  private @Nullable String server;

  @Option(names = "--route", paramLabel = "NAME", description = "Route of the server.")
  private @Nullable String route;

  @Option(names = "--path", paramLabel = "PATH", description = "Path of the request.")
  private @Nullable String path;

  @Option(
      names = "--policy",
      paramLabel = "NAME",
      description = "Authorization or other policy that matched, or came nearest.")
  private @Nullable String policy;

  @Option(
      names = "--writer",
      paramLabel = "IDENTITY",
      description = "Identity that delivered the record.")
  private @Nullable String writer;

  @Option(names = "--act", paramLabel = "ACT", description = "Administrative act.")
  private @Nullable String act;

  @Option(
      names = "--foreign",
      paramLabel = "WHICH",
      description = {
        "Records about workloads that their writer does not speak for: include (default), only or"
            + " exclude."
      })
  private EntryFilter.Foreign foreign = EntryFilter.Foreign.INCLUDE;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  /** The filter. */
  EntryFilter filter(InstantSource clock) {
    try {
      return new EntryFilter.Builder()
          .since(TimeOption.parse(since, clock))
          .until(TimeOption.parse(until, clock))
          .kind(kind)
          .verdict(code(verdict))
          .wouldBe(code(wouldBe))
          .reason(reason)
          .client(client)
          .workload(workload)
          .server(server)
          .route(route)
          .path(path)
          .policy(policy)
          .writer(writer)
          .act(act)
          .foreign(foreign)
          .build();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }

  private static @Nullable String code(@Nullable Verdict verdict) {
    return verdict == null ? null : verdict.name().toLowerCase(Locale.ROOT);
  }
}
