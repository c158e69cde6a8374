package io.signetmesh.cli.revocation;

import com.google.protobuf.Timestamp;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.identity.AdminSocket;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.CutOff;
import io.signetmesh.v1.LiftRevocationRequest;
import io.signetmesh.v1.LiftRevocationResponse;
import io.signetmesh.v1.RevokeRequest;
import io.signetmesh.v1.RevokeResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity revoke}. */
@Command(
    name = "revoke",
    description = {
      "Revokes an identity, one certificate, or all certificates of an issuer.",
      "Connected workloads refuse it at once; it is on record, and survives restarts.",
      "Ends when all connected workloads say that it is in force, and names those that do not."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      "1:nothing changed, it was revoked before; or it is not in force everywhere in time",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity revoke --state /var/lib/signet --dry-run \\",
      "    --identity web.shop.serviceaccount.identity.linkerd.cluster.local",
      "  signet identity revoke --state /var/lib/signet --serial 3f2a… --reason keyCompromise",
      "  signet identity revoke --state /var/lib/signet --lift \\",
      "    --identity web.shop.serviceaccount.identity.linkerd.cluster.local"
    })
public final class IdentityRevokeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Mixin private AdminSocket socket = new AdminSocket();

  @ArgGroup(multiplicity = "1")
  private Which which = new Which();

  /** What to revoke. */
  static final class Which {
    @Option(
        names = "--identity",
        paramLabel = "NAME",
        description = {
          "DNS name of a workload, or a SPIFFE id: its certificates are refused, and it gets no new"
              + " one.",
        })
    private @Nullable String identity;

    @Option(
        names = "--serial",
        paramLabel = "HEX",
        description =
            "Serial number of one leaf; those renewed from it go with it. Other leaves of the"
                + " identity stay good: use --identity for all.")
    private @Nullable String serial;

    @Option(
        names = "--issuer",
        paramLabel = "HEX",
        description =
            "SHA-256 of an issuer's public key, or its serial number. Not of the one in use.")
    private @Nullable String issuer;
  }

  @Option(
      names = "--reason",
      paramLabel = "REASON",
      description = {
        "unspecified, keyCompromise, cACompromise, affiliationChanged, superseded,"
            + " cessationOfOperation, certificateHold or privilegeWithdrawn (RFC 5280; default:"
            + " unspecified). Certificates on hold are lifted with their identity, others stay"
            + " revoked."
      })
  private String reason = "";

  @Option(names = "--dry-run", description = "Only tell whom it would cut off.")
  private boolean dryRun;

  @Option(
      names = "--wait",
      paramLabel = "DURATION",
      defaultValue = "10s",
      converter = StateDirectory.Durations.class,
      description =
          "How long to wait for the workloads that are connected to have it in force; 0s to ask"
              + " once (default: ${DEFAULT-VALUE}).")
  private Duration wait = Duration.ZERO;

  @Option(names = "--lift", description = "Lift the identity: it may get new certificates.")
  private boolean lift;

  @Override
  public Integer call() throws Exception {
    String identity = which.identity;
    if (lift) {
      if (identity == null || dryRun || !reason.isEmpty()) {
        throw new ParameterException(
            spec.commandLine(), "--lift goes with --identity, and without --reason and --dry-run");
      }
      return lift(identity);
    }
    RevokeRequest.Builder request = RevokeRequest.newBuilder().setReason(reason).setDryRun(dryRun);
    if (identity != null) {
      request.setIdentity(identity);
    } else if (which.serial != null) {
      request.setSerial(which.serial);
    } else {
      request.setIssuer(String.valueOf(which.issuer));
    }
    RevokeResponse response = socket.call(server -> server.revoke(request.build()));
    PlainWriter out = new PlainWriter(spec.commandLine().getOut());
    boolean changed = response.getNumber() > 0;
    if (dryRun) {
      out.println(
          "would revoke " + text(request) + ", certificates: " + response.getCertificates());
    } else if (changed) {
      out.println(
          "revoked "
              + text(request)
              + ", certificates: "
              + response.getCertificates()
              + ", CRL "
              + response.getNumber());
    } else {
      out.println(text(request) + " was revoked before");
    }
    if (!response.getOnRecord()) {
      out.println(
          "that serial number is not on record: it is listed under the issuer that is in use");
    }
    print(response, out);
    if (dryRun) {
      return ExitCode.OK;
    }
    boolean isInForce = awaitInForce(response.getNumber(), out);
    return changed && isInForce ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private boolean awaitInForce(long number, PlainWriter out) throws CommandFailure {
    RevocationProgress progress = RevocationProgress.await(socket, number, wait);
    progress.print(out);
    return progress.isInForce();
  }

  private int lift(String identity) throws CommandFailure {
    LiftRevocationResponse response =
        socket.call(
            server ->
                server.liftRevocation(
                    LiftRevocationRequest.newBuilder().setIdentity(identity).build()));
    PlainWriter out = new PlainWriter(spec.commandLine().getOut());
    out.println("lifted identity " + identity + ", CRL " + response.getNumber());
    if (response.getCertificatesLeft() > 0) {
      out.println(
          "certificates that stay revoked: "
              + response.getCertificatesLeft()
              + "; the workload needs a new one: restart its proxy, or wait for the renewal");
    }
    return awaitInForce(response.getNumber(), out) ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private static String text(RevokeRequest.Builder request) {
    return switch (request.getWhichCase()) {
      case IDENTITY -> "identity " + request.getIdentity();
      case SERIAL -> "certificate " + request.getSerial();
      default -> "issuer " + request.getIssuer();
    };
  }

  private static void print(RevokeResponse response, PlainWriter out) {
    if (response.getCutOffTotal() == 0) {
      out.println("no certificate that is in use is known to be affected");
      return;
    }
    out.println("certificates cut off: " + response.getCutOffTotal());
    TextTable table = new TextTable("IDENTITY", "SERIAL", "EXPIRES", "CONNECTED FROM");
    for (CutOff cut : response.getCutOffList()) {
      table.row(
          List.of(
              cut.getIdentity(),
              cut.getSerial(),
              time(cut.getNotAfter()),
              cut.getAddress().isEmpty() ? "-" : cut.getAddress()));
    }
    table.print(out);
    if (response.getCutOffTotal() > response.getCutOffCount()) {
      out.println("… and " + (response.getCutOffTotal() - response.getCutOffCount()) + " more");
    }
  }

  static String time(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds()).toString();
  }
}
