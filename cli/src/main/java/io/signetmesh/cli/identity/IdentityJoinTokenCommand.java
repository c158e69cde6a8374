package io.signetmesh.cli.identity;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.Duration;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.v1.CreateJoinTokenRequest;
import io.signetmesh.v1.JoinToken;
import io.signetmesh.v1.ListJoinTokensRequest;
import io.signetmesh.v1.NewJoinToken;
import io.signetmesh.v1.RevokeJoinTokenRequest;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet identity join-token}. */
@Command(
    name = "join-token",
    description = {
      "Makes, lists and revokes join tokens of workloads that have no other proof of who they are.",
      "A join token is good for one certificate; the workload renews by its certificate afterwards."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      IdentityJoinTokenCommand.Create.class,
      IdentityJoinTokenCommand.Listing.class,
      IdentityJoinTokenCommand.Revoke.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  signet identity join-token list --state /var/lib/signet",
    })
public final class IdentityJoinTokenCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return ExitCode.USAGE;
  }

  /** {@code create}. */
  @Command(
      name = "create",
      description = {
        "Makes join tokens, one a line. They are shown here and nowhere else.",
        "Each is used up before its certificate is sent: when the answer is lost, make another."
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
        "  signet identity join-token create --state /var/lib/signet --ttl 1h -o /run/vm-1/token \\",
        "    --identity vm.shop.serviceaccount.identity.linkerd.cluster.local"
      })
  static final class Create implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();
    @Mixin private LoggingOptions logging = LoggingOptions.quiet();
    @Mixin private AdminSocket socket = new AdminSocket();

    @Option(
        names = "--identity",
        required = true,
        paramLabel = "NAME",
        description = "DNS name that the certificate will have.")
    private String identity = "";

    @Option(
        names = "--ttl",
        paramLabel = "DURATION",
        defaultValue = "1h",
        converter = StateDirectory.Durations.class,
        description = "How long they are good for (default: ${DEFAULT-VALUE}; at most 7d).")
    private java.time.Duration ttl = java.time.Duration.ofHours(1);

    @Option(
        names = "--count",
        paramLabel = "N",
        defaultValue = "1",
        description = "How many (default: ${DEFAULT-VALUE}; at most 1000).")
    private int count = 1;

    @Option(
        names = {"-o", "--output-file"},
        paramLabel = "FILE",
        description = "Write them to a file that only its owner can read, not to standard output.")
    private @Nullable Path file;

    @Override
    public Integer call() throws Exception {
      if (count < 1) {
        throw new ParameterException(
            spec.commandLine(), "--count " + count + ": expected at least 1");
      }
      List<NewJoinToken> tokens =
          socket
              .call(
                  admin ->
                      admin.createJoinToken(
                          CreateJoinTokenRequest.newBuilder()
                              .setIdentity(identity)
                              .setTtl(
                                  Duration.newBuilder()
                                      .setSeconds(ttl.toSeconds())
                                      .setNanos(ttl.getNano()))
                              .setCount(count)
                              .build()))
              .getTokensList();
      StringBuilder text = new StringBuilder();
      tokens.forEach(token -> text.append(token.getSecret()).append('\n'));
      if (file == null) {
        PrintWriter out = spec.commandLine().getOut();
        out.print(text);
        out.flush();
      } else {
        StateFiles.writeSecret(file, text.toString());
      }
      return ExitCode.OK;
    }
  }

  /** {@code list}. */
  @Command(
      name = "list",
      description = "Lists join tokens, without their secrets, until a week after their end.",
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
        "  signet identity join-token list --state /var/lib/signet -o json"
      })
  static final class Listing implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();
    @Mixin private LoggingOptions logging = LoggingOptions.quiet();
    @Mixin private AdminSocket socket = new AdminSocket();

    @Option(names = "--identity", paramLabel = "NAME", description = "Only those of this identity.")
    private String identity = "";

    @Mixin private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() throws Exception {
      List<JoinToken> tokens =
          socket
              .call(
                  admin ->
                      admin.listJoinTokens(
                          ListJoinTokensRequest.newBuilder().setIdentity(identity).build()))
              .getTokensList();
      PrintWriter out = new PlainWriter(spec.commandLine().getOut());
      if (output.isJson()) {
        List<Map<String, String>> rows = new ArrayList<>();
        tokens.forEach(token -> rows.add(row(token)));
        out.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(rows));
      } else {
        TextTable table = new TextTable("ID", "STATE", "EXPIRES", "IDENTITY");
        for (JoinToken token : tokens) {
          Map<String, String> row = row(token);
          table.row(
              List.of(
                  token.getId(),
                  String.valueOf(row.get("state")),
                  String.valueOf(row.get("expiresAt")),
                  token.getIdentity()));
        }
        table.print(out);
      }
      out.flush();
      return ExitCode.OK;
    }

    private static Map<String, String> row(JoinToken token) {
      Map<String, String> row = new LinkedHashMap<>();
      row.put("id", token.getId());
      row.put("identity", token.getIdentity());
      row.put("state", token.getState().name().toLowerCase(Locale.ROOT));
      row.put("createdAt", Instant.ofEpochSecond(token.getCreatedAt().getSeconds()).toString());
      row.put("expiresAt", Instant.ofEpochSecond(token.getExpiresAt().getSeconds()).toString());
      if (token.hasEndedAt()) {
        row.put("endedAt", Instant.ofEpochSecond(token.getEndedAt().getSeconds()).toString());
      }
      return row;
    }
  }

  /** {@code revoke}. */
  @Command(
      name = "revoke",
      description = "Makes join tokens useless that have not been used.",
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
        "  signet identity join-token revoke --state /var/lib/signet 0123456789abcdef"
      })
  static final class Revoke implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();
    @Mixin private LoggingOptions logging = LoggingOptions.quiet();
    @Mixin private AdminSocket socket = new AdminSocket();

    @ArgGroup(multiplicity = "1")
    private Which which = new Which();

    /** What to revoke. */
    static final class Which {
      @Parameters(paramLabel = "ID", arity = "1", description = "One token.")
      private @Nullable String id;

      @Option(names = "--identity", paramLabel = "NAME", description = "All of an identity.")
      private @Nullable String identity;
    }

    @Override
    public Integer call() throws Exception {
      RevokeJoinTokenRequest.Builder request = RevokeJoinTokenRequest.newBuilder();
      if (which.id != null) {
        request.setId(which.id);
      } else if (which.identity != null) {
        request.setIdentity(which.identity);
      }
      List<JoinToken> revoked =
          socket.call(admin -> admin.revokeJoinToken(request.build())).getTokensList();
      PrintWriter out = new PlainWriter(spec.commandLine().getOut());
      revoked.forEach(token -> out.println("revoked " + token.getId() + " " + token.getIdentity()));
      out.flush();
      return ExitCode.OK;
    }
  }
}
