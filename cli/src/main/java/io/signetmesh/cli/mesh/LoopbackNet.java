package io.signetmesh.cli.mesh;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A reserved /24 of the loopback network 127.0.0.0/8. Each workload can have an address of its own,
 * with all ports free. Other users of this class do not get the same network until it is closed.
 */
public final class LoopbackNet implements AutoCloseable {
  /** Bound on address 1 of the network for as long as it is held. */
  private static final int RESERVATION_PORT = 4199;

  private static final int ATTEMPTS = 200;

  private final String prefix;
  private final ServerSocket reservation;

  private LoopbackNet(String prefix, ServerSocket reservation) {
    this.prefix = prefix;
    this.reservation = reservation;
  }

  /**
   * Reserves a free network.
   *
   * @throws IOException when there is none in 200 attempts
   */
  public static LoopbackNet reserve() throws IOException {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    for (int i = 0; i < ATTEMPTS; i++) {
      String prefix = "127." + random.nextInt(64, 255) + "." + random.nextInt(256) + ".";
      ServerSocket socket = new ServerSocket();
      try {
        socket.setReuseAddress(false);
        socket.bind(new InetSocketAddress(InetAddress.ofLiteral(prefix + "1"), RESERVATION_PORT));
        return new LoopbackNet(prefix, socket);
      } catch (IOException taken) {
        socket.close();
      }
    }
    throw new IOException("no free loopback network found in " + ATTEMPTS + " attempts");
  }

  /** The first three octets with a trailing dot, such as {@code 127.77.3.}. */
  public String prefix() {
    return prefix;
  }

  /**
   * An address of the network.
   *
   * @param last last octet, 1 to 254
   */
  public InetAddress address(int last) {
    return InetAddress.ofLiteral(prefix + last);
  }

  /**
   * A socket address of the network.
   *
   * @param last last octet, 1 to 254
   */
  public InetSocketAddress address(int last, int port) {
    return new InetSocketAddress(address(last), port);
  }

  @Override
  public void close() throws IOException {
    reservation.close();
  }
}
