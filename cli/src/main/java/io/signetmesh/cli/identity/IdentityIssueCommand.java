package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity issue}. */
@Command(
    name = "issue",
    description = {
      "Obtains one certificate from the identity server, with a new key, for a program that is not"
          + " behind a proxy.",
      "It is issued and recorded as that of a proxy is. Nothing renews it, and nothing reports what"
          + " its holder trusts: a rotation of trust anchors waits for it by name."
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
      "  signet identity issue --state /var/lib/signet --certificate web.pem --key web.key \\",
      "      --identity web.shop.serviceaccount.identity.linkerd.cluster.local"
    })
public final class IdentityIssueCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Option(
      names = "--identity",
      required = true,
      paramLabel = "NAME",
      description = "DNS name that the certificate will have.")
  private String identity = "";

  @Option(
      names = "--certificate",
      required = true,
      paramLabel = "FILE",
      description = "Where the certificate and its intermediates go, in PEM.")
  private Path certificate = Path.of("");

  @Option(
      names = "--key",
      required = true,
      paramLabel = "FILE",
      description = "Where the private key goes, in PEM; only its owner can read it.")
  private Path key = Path.of("");

  @Mixin private CertificateOutput output = new CertificateOutput();

  @Mixin private MemberOptions member = new MemberOptions();

  @Override
  public Integer call() throws Exception {
    WorkloadIdentity who;
    try {
      who = WorkloadIdentity.parseDnsName(identity);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    member.requireComplete(false);
    Clock clock = Clock.systemUTC();
    WorkloadCertificate issued;
    try (Closing parts = new Closing()) {
      ControlLoops loops = parts.add(ControlLoops.start(1));
      // A client that joins would say, when it is closed, that nobody uses the certificate.
      issued = member.certify(who, parts, loops, clock);
    }
    // The key first: a certificate without its key is of no use.
    StateFiles.writeSecret(key, PrivateKeys.toPem(issued.privateKey()));
    StateFiles.writePublic(certificate, Certificates.toPem(issued.chain()));
    new CertificatePrinter(clock.instant())
        .print(issued.chain(), output.format(), new PlainWriter(spec.commandLine().getOut()));
    return ExitCode.OK;
  }
}
