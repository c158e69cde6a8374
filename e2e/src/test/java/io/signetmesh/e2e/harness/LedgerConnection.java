package io.signetmesh.e2e.harness;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A client's TCP connection to the demo's ledger. Not thread-safe. */
public final class LedgerConnection implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final Socket socket;
  private final BufferedReader in;

  private LedgerConnection(Socket socket) throws IOException {
    this.socket = socket;
    this.in =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
  }

  /** Connects; an answer may take ten seconds. */
  public static LedgerConnection open(InetSocketAddress server) throws IOException {
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) TIMEOUT.toMillis());
      socket.connect(server, (int) TIMEOUT.toMillis());
      return new LedgerConnection(socket);
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /** One question on a connection of its own. */
  public static void askOnce(InetSocketAddress server) throws IOException {
    try (LedgerConnection connection = open(server)) {
      connection.ask();
    }
  }

  /**
   * Asks a question.
   *
   * @throws IOException when it is not answered as the ledger does
   */
  public void ask() throws IOException {
    socket.getOutputStream().write("BALANCE alice\n".getBytes(StandardCharsets.US_ASCII));
    String answer = in.readLine();
    if (answer == null || !answer.startsWith("OK alice ")) {
      throw new IOException("answer of the ledger: " + answer);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
