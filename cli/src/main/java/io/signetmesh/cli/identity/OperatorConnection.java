package io.signetmesh.cli.identity;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.server.IdentityServer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A connection of an operator to the identity server of a state directory, on its Unix socket. It
 * connects again by itself when the server was restarted.
 */
public final class OperatorConnection implements AutoCloseable {
  private final Path socket;
  private final ControlLoops loops;
  private final ManagedChannel channel;

  private OperatorConnection(Path socket) {
    this.socket = socket;
    loops = ControlLoops.start(1);
    channel = ControlChannel.openLocal(socket, loops);
  }

  /** One or more calls. */
  public interface Calls<T> {
    /** Makes the calls. */
    T run(ManagedChannel channel) throws CommandFailure;
  }

  /**
   * Opens a connection.
   *
   * @param stateDirectory of the identity server
   * @throws CommandFailure when there is no socket, because the server does not run
   */
  public static OperatorConnection open(Path stateDirectory) throws CommandFailure {
    Path socket = IdentityServer.socket(stateDirectory.toAbsolutePath().normalize());
    if (!Files.exists(socket)) {
      throw CommandFailure.unavailable(
          socket
              + " does not exist: expected an identity server that runs with --state "
              + stateDirectory);
    }
    return new OperatorConnection(socket);
  }

  /**
   * Makes calls. Each must have a deadline.
   *
   * @throws CommandFailure when the server does not answer, or refuses; with its sentence
   */
  public <T> T call(Calls<T> calls) throws CommandFailure {
    try {
      return calls.run(channel);
    } catch (StatusRuntimeException e) {
      throw failure(e);
    }
  }

  private CommandFailure failure(StatusRuntimeException e) {
    Status status = e.getStatus();
    String why = status.getDescription() == null ? status.toString() : status.getDescription();
    return switch (status.getCode()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED ->
          CommandFailure.unavailable(
              "the identity server at " + socket + " does not answer: " + why, e);
      case UNIMPLEMENTED ->
          CommandFailure.unavailable(
              "the identity server at "
                  + socket
                  + " is of another version, or its CA is not in its state directory: "
                  + why,
              e);
      default -> CommandFailure.configuration(why, e);
    };
  }

  @Override
  public void close() {
    channel.shutdownNow();
    loops.close();
  }
}
