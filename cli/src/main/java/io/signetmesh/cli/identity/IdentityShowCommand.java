package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet identity show}. */
@Command(
    name = "show",
    description = {
      "Shows certificates: names, life left, chain and fingerprints.",
      "It verifies nothing; 'signet identity verify' does."
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
      "  signet identity show leaf.pem",
      "  signet identity show --connect 10.0.0.5:8080 -o pem"
    })
public final class IdentityShowCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @ArgGroup(multiplicity = "1")
  private Source source = new Source();

  /** Where the certificates are. */
  static final class Source {
    @Parameters(
        paramLabel = "FILE",
        arity = "1",
        description = "Certificates in PEM, or one in DER; - for standard input.")
    private @Nullable Path file;

    @Option(names = "--connect", paramLabel = "HOST:PORT", description = "What a TLS server shows.")
    private @Nullable String server;
  }

  @Option(
      names = "--server-name",
      paramLabel = "NAME",
      description = "Server name to send with --connect (default: the host).")
  private @Nullable String serverName;

  @Mixin private CertificateOutput output = new CertificateOutput();

  @Override
  public Integer call() throws Exception {
    Path file = source.file;
    List<X509Certificate> certificates =
        file == null
            ? ServerChain.fetch(String.valueOf(source.server), serverName, Duration.ofSeconds(10))
            : CertificateFiles.read(file);
    if (certificates.isEmpty()) {
      throw CommandFailure.unavailable(source.server + " shows no certificate");
    }
    new CertificatePrinter(Clock.systemUTC().instant())
        .print(certificates, output.format(), new PlainWriter(spec.commandLine().getOut()));
    return ExitCode.OK;
  }
}
