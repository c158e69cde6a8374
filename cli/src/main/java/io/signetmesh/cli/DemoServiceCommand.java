package io.signetmesh.cli;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.server.Foreground;
import java.util.List;
import java.util.Locale;

/**
 * {@code signet demo-service http|grpc|tcp|issuer --listen IP:PORT}: the applications of the demo,
 * and the issuer of its tokens, which know nothing of the mesh. Started by {@code signet demo}, so
 * without help.
 */
final class DemoServiceCommand {
  /** First argument. */
  static final String NAME = "demo-service";

  private DemoServiceCommand() {}

  /** Serves until the process is asked to end. */
  static int run(List<String> arguments) throws Exception {
    if (arguments.size() != 3 || !arguments.get(1).equals("--listen")) {
      throw CommandFailure.configuration(
          "expected: demo-service http|grpc|tcp|issuer --listen IP:PORT");
    }
    DemoServices.Kind kind;
    try {
      kind = DemoServices.Kind.valueOf(arguments.getFirst().toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(
          "'" + arguments.getFirst() + "' is no demo service: expected http, grpc, tcp or issuer",
          e);
    }
    try {
      return Foreground.serve(DemoServices.start(kind, ListenAddress.parse(arguments.get(2))));
    } catch (Exception e) {
      throw CommandFailure.starting("the demo service " + arguments.getFirst(), e);
    }
  }
}
