package io.signetmesh.cli.identity;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.server.IdentityServer;
import java.nio.file.Path;
import java.time.Clock;
import java.util.function.Function;
import picocli.CommandLine.Option;

/** The identity server of this host, asked over the socket in its state directory. */
final class IdentityServerSocket {
  @Option(
      names = "--state",
      required = true,
      paramLabel = "DIR",
      description = "State directory of the identity server, which must run on this host.")
  private Path state = Path.of("");

  /** Asks one question. */
  <A> A ask(Function<ManagedChannel, A> question) throws CommandFailure {
    Path socket = IdentityServer.socket(state);
    try (ControlLoops loops = ControlLoops.start(1, AuditLog.none(), Clock.systemUTC())) {
      ManagedChannel channel = ControlChannel.openLocal(socket, loops);
      try {
        return question.apply(channel);
      } finally {
        channel.shutdownNow();
      }
    } catch (StatusRuntimeException e) {
      throw switch (e.getStatus().getCode()) {
        case UNAVAILABLE, DEADLINE_EXCEEDED ->
            CommandFailure.unavailable(
                "the identity server does not answer at " + socket + ": is it running?", e);
        case NOT_FOUND, INVALID_ARGUMENT ->
            CommandFailure.configuration(String.valueOf(e.getStatus().getDescription()), e);
        default -> CommandFailure.unavailable(socket + ": " + e.getMessage(), e);
      };
    }
  }
}
