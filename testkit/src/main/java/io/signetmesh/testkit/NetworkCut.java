package io.signetmesh.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/**
 * A TCP relay in place of a network that fails: while it is cut, all packets are lost. Connections
 * stay open and nothing arrives, in either direction; new ones are taken and never answered.
 */
public final class NetworkCut implements AutoCloseable {
  private final ServerSocket listener;
  private final InetSocketAddress target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile CountDownLatch passage = new CountDownLatch(0);

  private NetworkCut(ServerSocket listener, InetSocketAddress target) {
    this.listener = listener;
    this.target = target;
  }

  /** Relays connections to a target until it is cut. */
  public static NetworkCut relay(InetSocketAddress listen, InetSocketAddress target)
      throws IOException {
    ServerSocket listener = new ServerSocket();
    listener.bind(listen);
    NetworkCut network = new NetworkCut(listener, target);
    Thread.ofVirtual().start(network::accept);
    return network;
  }

  /** Nothing passes from now on. */
  public void cut() {
    passage = new CountDownLatch(1);
  }

  /** Everything passes again, also what was sent in between. */
  public void reconnect() {
    passage.countDown();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        open.add(client);
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client;
        Socket server = new Socket()) {
      open.add(server);
      passage.await();
      server.connect(target);
      Thread back = Thread.ofVirtual().start(() -> copy(server, client));
      copy(client, server);
      back.join();
      open.remove(server);
    } catch (IOException e) {
      // One side is gone, and the other one with it.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(client);
    }
  }

  private void copy(Socket from, Socket to) {
    byte[] buffer = new byte[16 * 1024];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        passage.await();
        out.write(buffer, 0, n);
      }
      passage.await();
    } catch (IOException e) {
      // As a connection that ends.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    close(from);
    close(to);
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone either way.
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    open.forEach(NetworkCut::close);
    reconnect();
  }
}
