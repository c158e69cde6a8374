package io.signetmesh.cli.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A client of the ledger's TCP protocol: one connection, any number of questions. */
final class LedgerClient implements AutoCloseable {
  private final Socket socket;
  private final BufferedReader in;

  private LedgerClient(Socket socket, BufferedReader in) {
    this.socket = socket;
    this.in = in;
  }

  static LedgerClient connect(InetSocketAddress server, Duration timeout) throws IOException {
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) timeout.toMillis());
      socket.connect(server, (int) timeout.toMillis());
      return new LedgerClient(
          socket,
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8)));
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /** One question on a connection of its own. */
  static Answer ask(InetSocketAddress server, String account, Duration timeout) {
    try (LedgerClient client = connect(server, timeout)) {
      return client.balance(account);
    } catch (IOException e) {
      return Answer.refused("" + e.getMessage());
    }
  }

  Answer balance(String account) {
    try {
      socket
          .getOutputStream()
          .write(("BALANCE " + account + "\n").getBytes(StandardCharsets.UTF_8));
      String answer = in.readLine();
      return answer == null || !answer.startsWith("OK ")
          ? Answer.refused(answer == null ? "connection closed" : answer)
          : Answer.served(answer);
    } catch (IOException e) {
      return Answer.refused("connection closed");
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
