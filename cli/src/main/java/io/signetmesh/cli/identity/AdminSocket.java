package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.v1.IdentityAdminGrpc;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** The socket at which the identity server of a state directory is administered. */
public final class AdminSocket {
  private static final long CALL_SECONDS = 30;
  private static final int MAX_ANSWER = 16 << 20;

  @Option(
      names = "--state",
      required = true,
      paramLabel = "DIR",
      description = "State directory of the identity server, which must run.")
  private Path state = Path.of("");

  /** One or more calls. */
  @FunctionalInterface
  public interface Calls<T> {
    /** Makes them. */
    T run(IdentityAdminGrpc.IdentityAdminBlockingStub server) throws CommandFailure;
  }

  /**
   * Makes calls; together they have 30 seconds, unless they set another deadline.
   *
   * @throws CommandFailure when the server does not run or refuses
   */
  public <T> T call(Calls<T> calls) throws CommandFailure {
    try (OperatorConnection connection = OperatorConnection.open(state)) {
      return connection.call(
          channel ->
              calls.run(
                  IdentityAdminGrpc.newBlockingStub(channel)
                      .withMaxInboundMessageSize(MAX_ANSWER)
                      .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)));
    }
  }
}
