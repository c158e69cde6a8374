package io.signetmesh.proxy.node.socket;

import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.linux.UnixStream;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeWelcome;
import io.signetmesh.v1.TakeOverEnd;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;

/** A data plane without workloads, which does not answer its successor once that one serves. */
final class DyingPredecessor {
  static final int STATUS = 137;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final NodeMessages messages = new NodeMessages(NodeMessages.MAX_BYTES);
  private final UnixStream stream;

  private DyingPredecessor(UnixStream stream) {
    this.stream = stream;
  }

  /**
   * @param arguments the socket, and {@code dies}, or {@code lives} on without the connection
   */
  public static void main(String[] arguments) throws IOException {
    UnixListener listener = UnixListener.listen(Path.of(arguments[0]));
    System.out.println("listening");
    DyingPredecessor predecessor =
        new DyingPredecessor(Objects.requireNonNull(listener.accept(), "a connection"));
    NodeRequest hello = predecessor.next();
    predecessor.send(
        hello,
        NodeResponse.newBuilder()
            .setWelcome(
                NodeWelcome.newBuilder()
                    .setVersion(NodeMessages.VERSION)
                    .setProcess(ProcessHandle.current().pid())));
    predecessor.send(hello, NodeResponse.newBuilder().setEnd(TakeOverEnd.getDefaultInstance()));
    if (!predecessor.next().hasTaken()) {
      throw new IOException("expected taken");
    }
    if (arguments[1].equals("lives")) {
      predecessor.stream.close();
      // Until the test has ended.
      System.in.read();
    }
    Runtime.getRuntime().halt(STATUS);
  }

  private NodeRequest next() throws IOException {
    byte[] message = messages.next();
    while (message == null) {
      if (!stream.await(LIMIT)) {
        throw new IOException("nothing was said");
      }
      messages.add(stream.receive().bytes());
      message = messages.next();
    }
    return NodeRequest.parseFrom(message);
  }

  private void send(NodeRequest request, NodeResponse.Builder response) throws IOException {
    stream.send(NodeMessages.encode(response.setId(request.getId()).build()), -1, LIMIT);
  }
}
