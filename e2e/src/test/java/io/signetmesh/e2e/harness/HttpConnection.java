package io.signetmesh.e2e.harness;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
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
 * A client's HTTP/1.1 connection that is kept and never opened again: unlike a library it repeats
 * nothing, so that what the server side loses is seen. Not thread-safe.
 */
public final class HttpConnection implements AutoCloseable {
  private static final int LONGEST_LINE = 64 * 1024;
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final Socket socket;
  private final InputStream in;
  private boolean closing;

  private HttpConnection(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new BufferedInputStream(socket.getInputStream());
  }

  /** Connects; an answer may take ten seconds. */
  public static HttpConnection open(InetSocketAddress server) throws IOException {
    return open(null, server);
  }

  /** Connects from an address of this host. */
  public static HttpConnection open(@Nullable InetAddress from, InetSocketAddress server)
      throws IOException {
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) TIMEOUT.toMillis());
      if (from != null) {
        socket.bind(new InetSocketAddress(from, 0));
      }
      socket.connect(server, (int) TIMEOUT.toMillis());
      return new HttpConnection(socket);
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /** Takes a connection that is there, such as one with TLS. */
  public static HttpConnection over(Socket socket) throws IOException {
    return new HttpConnection(socket);
  }

  /** One request on a connection of its own. */
  public static Mesh.Answer getOnce(InetSocketAddress server, String path) throws IOException {
    try (HttpConnection connection = open(server)) {
      return connection.get(path);
    }
  }

  /** Sends a GET and reads its answer. */
  public Mesh.Answer get(String path) throws IOException {
    send("GET " + path + " HTTP/1.1\r\nHost: web.shop\r\n\r\n");
    return answer();
  }

  /** Sends bytes as they are, one for each character. */
  public void send(String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Reads the next answer. */
  public Mesh.Answer answer() throws IOException {
    String status = line();
    String[] words = status.split(" ", 3);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.")) {
      throw new IOException("no HTTP answer: " + status);
    }
    long length = 0;
    boolean chunked = false;
    for (String header = line(); !header.isEmpty(); header = line()) {
      String lower = header.toLowerCase(Locale.ROOT);
      if (lower.startsWith("content-length:")) {
        length = Long.parseLong(header.substring(15).strip());
      } else if (lower.startsWith("connection:")) {
        closing = lower.contains("close");
      } else if (lower.startsWith("transfer-encoding:")) {
        chunked = lower.contains("chunked");
      }
    }
    byte[] body = chunked ? chunks() : in.readNBytes((int) length);
    if (!chunked && body.length < length) {
      throw new EOFException("body ends after " + body.length + " of " + length + " bytes");
    }
    return new Mesh.Answer(
        Integer.parseInt(words[1]), new String(body, StandardCharsets.ISO_8859_1));
  }

  /** Whether the last answer has announced that it is the last one. */
  public boolean isClosing() {
    return closing;
  }

  /** Reads to the end of the connection. */
  public String rest() throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
  }

  private byte[] chunks() throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    while (true) {
      int size = Integer.parseInt(line().split(";", 2)[0].strip(), 16);
      if (size == 0) {
        while (!line().isEmpty()) {
          // Trailers.
        }
        return body.toByteArray();
      }
      body.write(in.readNBytes(size));
      line();
    }
  }

  private String line() throws IOException {
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

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
