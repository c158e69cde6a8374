package io.signetmesh.cli.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.check.CheckResult.Category;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.policy.EnforcementQuestion;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.trust.TrustServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet check}. */
@Command(
    name = "check",
    description = {
      "Checks a running mesh of this host: whether its servers answer, how long its trust anchors and"
          + " its issuer are good for, whether the newest policy is in force everywhere and does what"
          + " it says, and how it stands with the keys of token issuers and with policy bundles.",
      "Says for each thing that is not as it should be what it is, and what to do. Fit for cron."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:nothing fails; there may be warnings",
      "1:a check fails",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet check --state /var/lib/signet",
      "  signet check --state /var/lib/signet --wait 30s",
      "  signet check --state /var/lib/signet -o short     # nothing when all is well",
      "  signet check --state /var/lib/signet -o json | jq '.checks[] | select(.level != \"ok\")'"
    })
public final class CheckCommand implements Callable<Integer> {
  private static final int CONNECT_MILLIS = 2_000;
  private static final Duration PAUSE = Duration.ofSeconds(1);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private MemberOptions member = new MemberOptions();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "text (default), short (only what is not as it should be), or json.")
  private Output output = Output.TEXT;

  @Option(
      names = "--wait",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description = "Check again and again, for at most so long, until nothing fails.")
  private Duration wait = Duration.ZERO;

  /** Form of the answer. */
  private enum Output {
    TEXT,
    SHORT,
    JSON
  }

  @Override
  public Integer call() throws Exception {
    Path state =
        member
            .state()
            .orElseThrow(
                () -> new ParameterException(spec.commandLine(), "expected --state DIRECTORY"));
    // Before anything is checked: a wrong option is no failed check.
    ControlPlane servers = member.servers();
    Clock clock = Clock.systemUTC();
    Instant end = clock.instant().plus(wait);
    CheckReport report = check(state, servers, clock);
    while (!report.passes() && clock.instant().isBefore(end)) {
      Thread.sleep(PAUSE);
      report = check(state, servers, clock);
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (output == Output.JSON) {
      out.println(
          new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(report.json()));
    } else {
      report.print(out, output == Output.SHORT);
    }
    out.flush();
    return report.passes() ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private CheckReport check(Path state, ControlPlane servers, Clock clock)
      throws InterruptedException {
    List<CheckResult> results = new ArrayList<>();
    results.add(listening("identity-server", "the identity server", servers.identity()));
    results.add(listening("policy-controller", "the policy controller", servers.policy()));
    results.add(listening("discovery-server", "the discovery server", servers.discovery()));
    boolean listens = results.stream().allMatch(result -> result.level() == CheckResult.Level.OK);
    try (TrustServer trust = TrustServer.open(state)) {
      results.addAll(TrustChecks.of(trust.trust(), clock.instant()));
    } catch (CommandFailure e) {
      results.add(
          CheckResult.failure(
              Category.TRUST,
              "trust-status",
              oneLine(e),
              "start the identity server with --state " + state + ", on this host"));
    }
    if (!listens) {
      return new CheckReport(results);
    }
    try {
      results.addAll(
          PolicyChecks.of(
              EnforcementQuestion.ask(member, servers.policy(), "", Duration.ZERO, Duration.ZERO)));
    } catch (InterruptedException e) {
      throw e;
    } catch (StatusRuntimeException e) {
      results.add(
          CheckResult.failure(
              Category.POLICY,
              "policy-status",
              "the policy controller does not tell what is in force: " + e.getStatus(),
              "look at the log of the policy controller"));
    } catch (Exception e) {
      results.add(
          CheckResult.failure(
              Category.POLICY,
              "policy-status",
              "the policy controller cannot be asked: " + oneLine(e),
              "an operator needs a certificate: look at the log of the identity server"));
    }
    return new CheckReport(results);
  }

  private static CheckResult listening(String name, String what, InetSocketAddress address) {
    String where = ListenAddress.text(address);
    try (Socket socket = new Socket()) {
      socket.connect(address, CONNECT_MILLIS);
      return CheckResult.ok(Category.CONTROL_PLANE, name, what + " takes connections at " + where);
    } catch (IOException e) {
      return CheckResult.failure(
          Category.CONTROL_PLANE,
          name,
          what + " takes no connections at " + where + ": " + e.getMessage(),
          "start it ('signet up'), or look at its log; proxies keep what they have meanwhile");
    }
  }

  private static String oneLine(Exception e) {
    String message = e.getMessage();
    return message == null ? e.toString() : message.replace('\n', ' ').strip();
  }
}
