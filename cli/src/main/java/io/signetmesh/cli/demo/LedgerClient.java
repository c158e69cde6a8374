package io.signetmesh.cli.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A client of the ledger's TCP protocol: one connection, any number of questions. */
final class LedgerClient implements AutoCloseable {
  private final Socket socket;
  private final BufferedReader in;

  private LedgerClient(Socket socket, BufferedReader in) {
    this.socket = socket;
    this.in = in;
  }

  /**
   * Connects.
   *
   * @param source address to connect from; null: any
   */
  static LedgerClient connect(
      @Nullable InetAddress source, InetSocketAddress server, Duration timeout) throws IOException {
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) timeout.toMillis());
      if (source != null) {
        socket.bind(new InetSocketAddress(source, 0));
      }
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
  static Answer ask(
      @Nullable InetAddress source, InetSocketAddress server, String account, Duration timeout) {
    try (LedgerClient client = connect(source, server, timeout)) {
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
    } catch (SocketTimeoutException e) {
      return Answer.refused("no answer in time");
    } catch (IOException e) {
      return Answer.refused("connection closed");
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is of no more use either way.
    }
  }
}
