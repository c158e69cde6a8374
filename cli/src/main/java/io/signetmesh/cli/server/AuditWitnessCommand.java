package io.signetmesh.cli.server;

import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.audit.tlog.Witness;
import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.collector.log.LogKey;
import io.signetmesh.collector.witness.WitnessMemory;
import io.signetmesh.collector.witness.WitnessServer;
import io.signetmesh.identity.pki.StateFiles;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit witness}. */
@Command(
    name = "witness",
    description = {
      "Runs a witness of audit logs (c2sp.org/tlog-witness): cosigns the checkpoints of a log as"
          + " long as each goes on from the one before. Run it where the operator of the collector"
          + " has no access, and put a server with TLS before it.",
      "Its memory must not go back: restore no older state of its directory."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended on request (SIGINT, SIGTERM)",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit witness --directory /var/lib/witness --name witness.example \\",
      "      --log 'cluster.local/signet-audit+12345678+AQ...'",
      "  signet audit witness --directory /var/lib/witness --name witness.example --show-key"
    })
public final class AuditWitnessCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(AuditWitnessCommand.class);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--directory",
      required = true,
      paramLabel = "DIR",
      description = "Directory of the witness's key and of what it has cosigned.")
  private Path directory = Path.of("");

  @Option(
      names = "--name",
      required = true,
      paramLabel = "NAME",
      description = "Name of the witness and its key, such as a DNS name.")
  private String name = "";

  @Option(
      names = "--log",
      paramLabel = "VKEY",
      converter = CollectorOptions.Keys.class,
      description = "Verifier key of a log that is witnessed. May be given more than once.")
  private List<NoteKey> logs = new ArrayList<>();

  @Option(
      names = "--listen",
      paramLabel = "IP:PORT",
      defaultValue = "127.0.0.1:8093",
      converter = AddressOptions.Converter.class,
      description = "Where to listen for HTTP (default: ${DEFAULT-VALUE}).")
  private InetSocketAddress listen = new InetSocketAddress(0);

  @Option(
      names = "--show-key",
      description = "Print the verifier key of the witness, and end. The key is made if need be.")
  private boolean showKey;

  @Override
  public Integer call() throws Exception {
    if (logs.isEmpty() && !showKey) {
      throw new ParameterException(spec.commandLine(), "expected --log VKEY, at least one");
    }
    WitnessServer server;
    try {
      StateFiles.createDirectory(directory);
      NoteSigner signer =
          LogKey.open(directory.resolve("witness.key"), name, NoteKey.Type.COSIGNATURE, true);
      if (showKey) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(signer.key());
        out.flush();
        return ExitCode.OK;
      }
      Witness witness =
          new Witness(
              signer,
              logs,
              new WitnessMemory(directory.resolve("checkpoints")),
              InstantSource.system());
      server = WitnessServer.start(listen, witness);
      log.info("the witness {} listens on {}", name, ListenAddress.text(server.address()));
    } catch (Exception e) {
      throw CommandFailure.starting("the witness", e);
    }
    return Foreground.serve(server);
  }
}
