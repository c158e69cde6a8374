package io.signetmesh.proxy.handover;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.PeerCredentials;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The protocol between a proxy and its successor, over a Unix stream socket; lines of ASCII text,
 * each answered before the next.
 *
 * <pre>
 * successor                               running proxy
 * signet-handover 1 PROCESS LOOPS    →
 *                                    ←    listeners PROCESS ADDRESS*COUNT ...   or   no REASON
 * send                               →
 *                                    ←    the descriptors, each with one byte, in that order
 * take                               →    takes no more connections
 *                                    ←    paused
 * serving                            →    closes its listeners, drains and ends
 * </pre>
 *
 * <p>Before {@code serving} nothing is given up: when the successor is gone, or says nothing for
 * too long after {@code paused}, the running proxy goes on. The other way round the successor, once
 * it may serve, takes connections also when the running proxy is gone or does not answer.
 *
 * <p>The socket has mode 0600, and both sides ask the kernel who the other one is (SO_PEERCRED):
 * only the same user may hand over and be handed.
 */
final class HandoverSocket {
  static final String GREETING = "signet-handover 1 ";
  static final String LISTENERS = "listeners ";
  static final String REFUSAL = "no ";
  static final String SEND = "send";
  static final String TAKE = "take";
  static final String PAUSED = "paused";
  static final String SERVING = "serving";

  /** Longest line, in bytes: some 500 listeners. */
  static final int MAX_LINE = 16 * 1024;

  /** Descriptors of one handover at most. */
  static final int MAX_DESCRIPTORS = 1024;

  /** Event loops that a successor may say it has. */
  static final int MAX_LOOPS = 256;

  /** For an answer of a process that does nothing else at that moment. */
  static final Duration ANSWER = Duration.ofSeconds(5);

  /** Longest name of a Unix socket, in bytes, unix(7). */
  private static final int MAX_PATH = 107;

  private HandoverSocket() {}

  /**
   * Why listeners cannot be handed over here; null when they can.
   *
   * @param transport transport of the listeners
   * @param socket name of the socket
   */
  static @Nullable String obstacle(IoTransport transport, Path socket) {
    if (transport == IoTransport.NIO) {
      return "transport nio cannot take over listeners";
    }
    Throwable cause = Epoll.unavailabilityCause();
    if (cause != null) {
      return "epoll does not work here: " + cause.getMessage();
    }
    int length = socket.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8).length;
    // The socket is made under another name first, which is a little longer.
    int most = MAX_PATH - UnixListener.LONGER;
    if (length > most) {
      return socket.toAbsolutePath()
          + " has "
          + length
          + " bytes: expected at most "
          + most
          + " for the name of a Unix socket";
    }
    return null;
  }

  /**
   * Has the kernel say who is at the other end.
   *
   * @param user the user that it must be
   * @return its process id
   * @throws IOException when it is another user
   */
  static int checkPeer(EpollDomainSocketChannel channel, int user) throws IOException {
    PeerCredentials peer = channel.peerCredentials();
    if (peer.uid() != user) {
      throw new IOException(
          "process " + peer.pid() + " is of user " + peer.uid() + ": expected user " + user);
    }
    return peer.pid();
  }

  /** Effective user id of this process. */
  static int ownUser() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Uid:")) {
        return Integer.parseInt(line.strip().split("\\s+")[2]);
      }
    }
    throw new IOException("/proc/self/status has no line Uid");
  }

  /** How a listener is called in the protocol: the address that was asked for. */
  static String name(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }
}
