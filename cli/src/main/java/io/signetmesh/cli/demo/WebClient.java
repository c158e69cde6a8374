package io.signetmesh.cli.demo;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP/1.1 client on one connection, which it keeps and opens again when the server closed it.
 * Small on purpose: the demo's own start-up time counts.
 */
final class WebClient implements AutoCloseable {
  private static final int LONGEST_LINE = 8 * 1024;

  private final @Nullable InetAddress source;
  private final InetSocketAddress server;
  private final Duration timeout;
  private @Nullable Connection connection;

  private record Connection(Socket socket, InputStream in) {}

  /**
   * Makes a client; it connects with the first request.
   *
   * @param source address to connect from; null: any
   */
  WebClient(@Nullable InetAddress source, InetSocketAddress server, Duration timeout) {
    this.source = source;
    this.server = server;
    this.timeout = timeout;
  }

  /** Sends a request; 2xx counts as served. */
  Answer get(String path) {
    return get(path, null);
  }

  /**
   * Sends a request with a token.
   *
   * @param token goes into {@code Authorization}; null: none does
   */
  Answer get(String path, @Nullable String token) {
    try {
      return exchange(path, token);
    } catch (IOException e) {
      close();
      return Answer.refused(e instanceof EOFException ? "connection closed" : "" + e.getMessage());
    }
  }

  private Answer exchange(String path, @Nullable String token) throws IOException {
    Connection open = connect();
    open.socket
        .getOutputStream()
        .write(
            ("GET "
                    + path
                    + " HTTP/1.1\r\nHost: web.shop\r\nAccept: text/plain\r\n"
                    + (token == null ? "" : "Authorization: Bearer " + token + "\r\n")
                    + "\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    String status = line(open.in);
    String[] words = status.split(" ", 3);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.")) {
      throw new IOException("no HTTP answer: " + status);
    }
    long length = 0;
    boolean chunked = false;
    boolean close = false;
    for (String header = line(open.in); !header.isEmpty(); header = line(open.in)) {
      String lower = header.toLowerCase(Locale.ROOT);
      if (lower.startsWith("content-length:")) {
        length = Long.parseLong(header.substring(15).strip());
      } else if (lower.startsWith("transfer-encoding:")) {
        chunked = lower.contains("chunked");
      } else if (lower.startsWith("connection:")) {
        close = lower.contains("close");
      }
    }
    if (chunked) {
      skipChunks(open.in);
    } else {
      open.in.skipNBytes(length);
    }
    if (close) {
      close();
    }
    String text = words[1] + (words.length > 2 ? " " + words[2] : "");
    return words[1].startsWith("2") ? Answer.served(text) : Answer.refused(text);
  }

  private Connection connect() throws IOException {
    Connection open = connection;
    if (open == null) {
      Socket socket = new Socket();
      try {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) timeout.toMillis());
        if (source != null) {
          socket.bind(new InetSocketAddress(source, 0));
        }
        socket.connect(server, (int) timeout.toMillis());
        open = new Connection(socket, new BufferedInputStream(socket.getInputStream()));
      } catch (IOException e) {
        socket.close();
        throw e;
      }
      connection = open;
    }
    return open;
  }

  private static void skipChunks(InputStream in) throws IOException {
    long size;
    do {
      String head = line(in);
      int end = head.indexOf(';');
      size = Long.parseLong((end < 0 ? head : head.substring(0, end)).strip(), 16);
      in.skipNBytes(size);
      if (size > 0) {
        line(in);
      }
    } while (size > 0);
    while (!line(in).isEmpty()) {
      // Trailers mean nothing to the demo.
    }
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("connection closed");
      }
      if (line.length() == LONGEST_LINE) {
        throw new IOException("a line of more than " + LONGEST_LINE + " bytes");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  /** Whether a connection is open. */
  boolean isConnected() {
    return connection != null;
  }

  @Override
  public void close() {
    Connection open = connection;
    connection = null;
    if (open != null) {
      try {
        open.socket.close();
      } catch (IOException e) {
        // It is of no more use either way.
      }
    }
  }
}
