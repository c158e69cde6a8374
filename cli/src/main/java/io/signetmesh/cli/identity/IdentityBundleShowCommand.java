package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.identity.federation.SpiffeBundle;
import io.signetmesh.v1.FederationAdminGrpc;
import io.signetmesh.v1.ShowBundleRequest;
import io.signetmesh.v1.ShowBundleResponse;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet identity bundle show}. */
@Command(
    name = "show",
    description = {
      "Shows the trust bundle in force of a trust domain.",
      "With -o spiffe it is what a foreign trust domain needs as its initial bundle of us."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity bundle show --state /var/lib/signet -o spiffe > ours.json",
      "  signet identity bundle show --state /var/lib/signet --trust-domain partner.example"
    })
public final class IdentityBundleShowCommand implements Callable<Integer> {
  private static final long CALL_SECONDS = 10;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private IdentityServerSocket server = new IdentityServerSocket();

  @Option(
      names = "--trust-domain",
      paramLabel = "NAME",
      defaultValue = "",
      description = "A federated trust domain (default: the server's own).")
  private String trustDomain = "";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "text",
      description = "text, spiffe, pem or json (default: ${DEFAULT-VALUE}).")
  private BundleFormat format = BundleFormat.TEXT;

  @Override
  public Integer call() throws Exception {
    ShowBundleResponse answer =
        server.ask(
            channel ->
                FederationAdminGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                    .showBundle(
                        ShowBundleRequest.newBuilder().setTrustDomain(trustDomain).build()));
    SpiffeBundle bundle =
        SpiffeBundle.parse("the server's answer", answer.getSpiffeBundle().toByteArray());
    CertificatePrinter printer = new CertificatePrinter(Clock.systemUTC().instant());
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    switch (format) {
      case SPIFFE -> out.println(answer.getSpiffeBundle().toString(StandardCharsets.UTF_8));
      case PEM -> printer.print(bundle.anchors(), CertificateFormat.PEM, out);
      case JSON -> printer.print(bundle.anchors(), CertificateFormat.JSON, out);
      case TEXT -> {
        out.println("Trust domain     " + answer.getTrustDomain());
        out.println("Sequence         " + (bundle.sequence() == null ? "none" : bundle.sequence()));
        out.println("JWT authorities  " + bundle.jwtAuthorities().size());
        out.println("Trust anchors    " + bundle.anchors().size());
        out.println();
        printer.print(bundle.anchors(), CertificateFormat.TEXT, out);
      }
    }
    out.flush();
    return ExitCode.OK;
  }
}
