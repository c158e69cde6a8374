package io.signetmesh.cli.revocation;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.identity.AdminSocket;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.GetRevocationListRequest;
import io.signetmesh.v1.ListRevocationsRequest;
import io.signetmesh.v1.ListRevocationsResponse;
import io.signetmesh.v1.Revocation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity revocations}. */
@Command(
    name = "revocations",
    description = "Shows what is revoked, and which workloads have that in force.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      "1:it is not in force at all connected workloads in the time of --wait",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity revocations --state /var/lib/signet",
      "  signet identity revocations --state /var/lib/signet --wait 10s",
      "  signet identity revocations --state /var/lib/signet -o crl --file revoked.crl"
    })
public final class IdentityRevocationsCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Mixin private AdminSocket socket = new AdminSocket();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "text",
      description =
          "text, json, or the signed list as crl (DER; needs --file) or pem (default:"
              + " ${DEFAULT-VALUE}).")
  private RevocationFormat format = RevocationFormat.TEXT;

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "Where to write the signed list (default: standard output).")
  private @Nullable Path file;

  @Option(
      names = "--wait",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description =
          "Wait as long as this for the newest list to be in force at all connected workloads.")
  private @Nullable Duration wait;

  @Override
  public Integer call() throws Exception {
    boolean isList = format == RevocationFormat.CRL || format == RevocationFormat.PEM;
    if (format == RevocationFormat.CRL ? file == null : file != null && !isList) {
      throw new ParameterException(
          spec.commandLine(), "--file goes with -o pem and -o crl, and -o crl needs it");
    }
    PlainWriter out = new PlainWriter(spec.commandLine().getOut());
    if (isList) {
      if (wait != null) {
        throw new ParameterException(
            spec.commandLine(), "--wait goes with -o text and -o json, which tell what it found");
      }
      printList(out);
    } else {
      List<ListRevocationsResponse> parts = new ArrayList<>();
      socket.call(
          server -> {
            server
                .listRevocations(ListRevocationsRequest.getDefaultInstance())
                .forEachRemaining(parts::add);
            return parts;
          });
      Duration limit = wait == null ? Duration.ZERO : wait;
      RevocationProgress progress =
          RevocationProgress.await(socket, parts.getFirst().getNumber(), limit);
      if (format == RevocationFormat.JSON) {
        printJson(parts, progress, out);
      } else {
        printText(parts, out);
        progress.print(out);
      }
      if (wait != null && !progress.isInForce()) {
        return ExitCode.NEGATIVE;
      }
    }
    return ExitCode.OK;
  }

  private void printList(PlainWriter out) throws CommandFailure {
    byte[] der =
        socket
            .call(server -> server.getRevocationList(GetRevocationListRequest.getDefaultInstance()))
            .getCrl()
            .toByteArray();
    String pem =
        "-----BEGIN X509 CRL-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
            + "\n-----END X509 CRL-----";
    Path to = file;
    if (to == null) {
      pem.lines().forEach(out::println);
      return;
    }
    try {
      if (format == RevocationFormat.CRL) {
        Files.write(to, der);
      } else {
        Files.writeString(to, pem + "\n");
      }
    } catch (IOException e) {
      throw CommandFailure.configuration(to + " cannot be written: " + e.getMessage(), e);
    }
  }

  private static void printText(List<ListRevocationsResponse> parts, PlainWriter out) {
    TextTable table = new TextTable("REVOKED", "REASON", "SINCE", "EXPIRES", "IDENTITY", "ISSUER");
    int count = 0;
    for (ListRevocationsResponse part : parts) {
      for (Revocation revocation : part.getRevocationsList()) {
        boolean isIdentity = revocation.getSerial().isEmpty();
        table.row(
            List.of(
                isIdentity ? "identity" : revocation.getSerial(),
                revocation.getReason(),
                IdentityRevokeCommand.time(revocation.getRevokedAt()),
                isIdentity ? "-" : IdentityRevokeCommand.time(revocation.getNotAfter()),
                revocation.getIdentity().isEmpty() ? "-" : revocation.getIdentity(),
                isIdentity ? "-" : revocation.getIssuer()));
        count++;
      }
    }
    if (count > 0) {
      table.print(out);
    }
    out.println("revoked: " + count + ", CRL " + parts.getFirst().getNumber());
  }

  private static void printJson(
      List<ListRevocationsResponse> parts, RevocationProgress progress, PlainWriter out)
      throws IOException {
    ObjectNode root = JSON.createObjectNode().put("number", parts.getFirst().getNumber());
    var list = root.putArray("revocations");
    for (ListRevocationsResponse part : parts) {
      for (Revocation revocation : part.getRevocationsList()) {
        ObjectNode entry = list.addObject();
        if (!revocation.getIdentity().isEmpty()) {
          entry.put("identity", revocation.getIdentity());
        }
        if (!revocation.getSerial().isEmpty()) {
          entry.put("serial", revocation.getSerial());
          entry.put("issuer", revocation.getIssuer());
          entry.put("notAfter", IdentityRevokeCommand.time(revocation.getNotAfter()));
        }
        entry.put("reason", revocation.getReason());
        entry.put("revokedAt", IdentityRevokeCommand.time(revocation.getRevokedAt()));
      }
    }
    progress.addTo(root.putObject("adoption"));
    JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root).lines().forEach(out::println);
  }
}
