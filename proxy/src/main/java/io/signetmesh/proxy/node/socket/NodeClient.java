package io.signetmesh.proxy.node.socket;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.linux.UnixStream;
import io.signetmesh.v1.NodeHello;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** A client of the socket of a node. Blocks. Not thread-safe. */
public final class NodeClient implements AutoCloseable {
  private final UnixStream stream;
  private final Duration limit;
  private final NodeMessages messages = new NodeMessages(NodeMessages.MAX_ANSWER_BYTES);
  private final Deque<FileDescriptor> descriptors = new ArrayDeque<>();
  private long ids;

  /** The process at the other end; null when it has no number here. */
  private @Nullable ProcessHandle server;

  private NodeClient(UnixStream stream, Duration limit) {
    this.stream = stream;
    this.limit = limit;
  }

  /**
   * Connects and says hello.
   *
   * @param limit for each answer
   * @throws IOException when nobody listens there, or the client is refused
   */
  public static NodeClient connect(Path socket, NodeRole role, Duration limit) throws IOException {
    UnixStream stream;
    try {
      stream = UnixStream.connect(socket);
    } catch (IOException e) {
      throw new IOException("no data plane of a node at " + socket + ": " + e.getMessage(), e);
    }
    NodeClient client = new NodeClient(stream, limit);
    boolean welcome = false;
    try {
      NodeResponse answer =
          client.call(
              NodeRequest.newBuilder()
                  .setHello(NodeHello.newBuilder().setVersion(NodeMessages.VERSION).setRole(role)),
              -1);
      welcome = answer.hasWelcome();
      if (!welcome) {
        throw new NodeProtocolException("an answer to hello: expected welcome");
      }
      // What the kernel says. In another PID namespace it has another number for itself.
      client.server = ProcessHandle.of(stream.peer().process()).orElse(null);
      return client;
    } finally {
      if (!welcome) {
        client.close();
      }
    }
  }

  /**
   * Sends a request and waits for its answer. Changes of states that come before are skipped.
   *
   * @param request without its id
   * @param descriptor goes with it and stays the caller's; negative: none
   * @throws IOException when it is refused, with the reason, or not answered
   */
  public NodeResponse call(NodeRequest.Builder request, int descriptor) throws IOException {
    long id = send(request, descriptor);
    while (true) {
      NodeResponse response = next(limit);
      if (response.getId() == id) {
        return response;
      }
    }
  }

  /**
   * Sends a request.
   *
   * @return its id
   */
  public long send(NodeRequest.Builder request, int descriptor) throws IOException {
    long id = ++ids;
    stream.send(NodeMessages.encode(request.setId(id).build()), descriptor, limit);
    return id;
  }

  /**
   * Waits for the next message.
   *
   * @throws NodeRefusedException when it is a refusal
   * @throws IOException when there is none within the time
   */
  public NodeResponse next(Duration time) throws IOException {
    long end = System.nanoTime() + time.toNanos();
    while (true) {
      byte[] message = messages.next();
      if (message != null) {
        NodeResponse response = NodeMessages.parse(NodeResponse.parser(), message);
        if (response.hasRefusal()) {
          throw new NodeRefusedException(response.getRefusal().getReason());
        }
        return response;
      }
      if (!stream.await(Duration.ofNanos(Math.max(0, end - System.nanoTime())))) {
        throw new IOException("the data plane of the node has not answered within " + time);
      }
      UnixStream.Received received = stream.receive();
      descriptors.addAll(received.descriptors());
      if (received.isEnd()) {
        throw new IOException("the data plane of the node has closed the connection");
      }
      messages.add(received.bytes());
    }
  }

  /**
   * Whether the process at the other end has ended, for certain: false for one whose number cannot
   * be told, since it is in another PID namespace.
   */
  boolean isServerGone() {
    ProcessHandle process = server;
    return process != null && (!process.isAlive() || isZombie(process.pid()));
  }

  /** Whether a process has ended, and its parent has not asked how yet; see proc_pid_stat(5). */
  private static boolean isZombie(long process) {
    try {
      String state = Files.readString(Path.of("/proc/" + process + "/stat"), ISO_8859_1);
      return state.startsWith(") Z ", state.lastIndexOf(')'));
    } catch (IOException e) {
      // If it is not there, it is not alive either.
      return false;
    }
  }

  /** The descriptor that came with the message before; null when none did. It is the caller's. */
  public @Nullable FileDescriptor descriptor() {
    return descriptors.poll();
  }

  /** Closes the connection, and the descriptors that nobody has taken. */
  @Override
  public void close() {
    while (!descriptors.isEmpty()) {
      try {
        descriptors.pop().close();
      } catch (IOException e) {
        // It is closed all the same.
      }
    }
    stream.close();
  }
}
