package io.signetmesh.cli.demo.service;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** TCP with a line protocol of its own: {@code BALANCE name} is answered with an amount. */
final class LedgerService implements AutoCloseable {
  private static final int LONGEST_LINE = 256;

  private final ServerSocket listener;
  private final ExecutorService connections = Executors.newVirtualThreadPerTaskExecutor();

  private LedgerService(ServerSocket listener) {
    this.listener = listener;
  }

  static LedgerService start(InetSocketAddress listen) throws IOException {
    ServerSocket listener = new ServerSocket();
    listener.bind(listen, 128);
    LedgerService service = new LedgerService(listener);
    Thread.ofPlatform().daemon().name("ledger").start(service::accept);
    return service;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket connection = listener.accept();
        connections.execute(() -> serve(connection));
      } catch (IOException e) {
        if (!listener.isClosed()) {
          throw new IllegalStateException("ledger cannot accept connections", e);
        }
      }
    }
  }

  private static void serve(Socket connection) {
    try (connection) {
      connection.setTcpNoDelay(true);
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8),
              LONGEST_LINE);
      String line;
      while ((line = in.readLine()) != null) {
        connection.getOutputStream().write(answer(line).getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      // The client is gone.
    }
  }

  private static String answer(String line) {
    String[] words = line.strip().split(" ");
    if (words.length != 2 || !words[0].equals("BALANCE")) {
      return "ERROR expected: BALANCE name\n";
    }
    int cents = Math.floorMod(words[1].hashCode(), 1_000_000);
    return "OK %s %d.%02d%n".formatted(words[1], cents / 100, cents % 100);
  }

  @Override
  public void close() throws IOException {
    listener.close();
    connections.shutdownNow();
  }
}
