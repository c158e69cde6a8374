package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.DurationText;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.FederatedDomain;
import io.signetmesh.v1.FederationAdminGrpc;
import io.signetmesh.v1.FederationStatusRequest;
import io.signetmesh.v1.FederationStatusResponse;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code signet identity federation status}. */
@Command(
    name = "status",
    description = {
      "Tells for each federated trust domain what is trusted, when its bundle was fetched last, and"
          + " why the last fetch was refused."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the last fetch of each domain succeeded",
      "1:one did not, or has not ended yet",
      ExitCode.USAGE_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {"", "Examples:", "  signet identity federation status --state /var/lib/signet"})
public final class IdentityFederationStatusCommand implements Callable<Integer> {
  private static final long CALL_SECONDS = 10;
  private static final int NOT_FRESH = 1;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private IdentityServerSocket server = new IdentityServerSocket();

  @Override
  public Integer call() throws Exception {
    FederationStatusResponse answer =
        server.ask(
            channel ->
                FederationAdminGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                    .status(FederationStatusRequest.getDefaultInstance()));
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (answer.getDomainsCount() == 0) {
      out.println("no trust domain is federated");
      out.flush();
      return ExitCode.OK;
    }
    Instant now = Clock.systemUTC().instant();
    TextTable table =
        new TextTable(
            "TRUST DOMAIN", "PROFILE", "SEQUENCE", "ANCHORS", "FETCHED", "REFUSALS", "REFUSED");
    boolean fresh = true;
    for (FederatedDomain domain : answer.getDomainsList()) {
      fresh &= domain.getRefusal().isEmpty() && domain.hasSucceededAt();
      table.row(
          List.of(
              domain.getTrustDomain(),
              domain.getProfile(),
              domain.hasSequence() ? Long.toUnsignedString(domain.getSequence()) : "none",
              domain.getHasBundle() ? Integer.toString(domain.getAnchorSha256Count()) : "none",
              domain.hasSucceededAt()
                  ? DurationText.words(
                          Duration.between(
                              Instant.ofEpochSecond(domain.getSucceededAt().getSeconds()), now))
                      + " ago"
                  : "never",
              Long.toUnsignedString(domain.getRefusals()),
              domain.getRefusal()));
    }
    table.print(out);
    out.flush();
    return fresh ? ExitCode.OK : NOT_FRESH;
  }
}
