package io.signetmesh.cli.node;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.proxy.node.socket.NodeClient;
import io.signetmesh.v1.NodeRole;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.Option;

/** The socket of the data plane of a node. */
public final class NodeSocketOption {
  private static final Duration ANSWER = Duration.ofSeconds(30);

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      defaultValue = "/run/signet/node.sock",
      description = "Unix socket of the data plane (default: ${DEFAULT-VALUE}).")
  private Path socket = Path.of("/run/signet/node.sock");

  /** The socket. */
  public Path path() {
    return socket;
  }

  NodeClient connect() throws CommandFailure {
    try {
      return NodeClient.connect(socket.toAbsolutePath(), NodeRole.NODE_ROLE_OPERATOR, ANSWER);
    } catch (IOException e) {
      throw CommandFailure.unavailable(String.valueOf(e.getMessage()), e);
    }
  }
}
