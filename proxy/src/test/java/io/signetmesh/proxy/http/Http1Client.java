package io.signetmesh.proxy.http;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** One end of a connection, byte by byte, that knows how to read HTTP/1 messages. */
final class Http1Client implements AutoCloseable {
  private final Socket socket;
  private final InputStream in;

  Http1Client(int port) throws IOException {
    this(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  Http1Client(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(Integer.getInteger("wire.timeout", 10_000));
    socket.setTcpNoDelay(true);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /** A client for which the kernel keeps little that it has not read. */
  static Http1Client takingLittle(int port) throws IOException {
    Socket socket = new Socket();
    socket.setReceiveBufferSize(4096);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    return new Http1Client(socket);
  }

  /**
   * A message.
   *
   * @param start request or status line
   * @param headers {@code name: value} with lower-case names, in order
   * @param body without its framing
   * @param trailers as the headers
   */
  record Message(String start, List<String> headers, String body, List<String> trailers) {
    int status() {
      return Integer.parseInt(start.split(" ", 3)[1]);
    }

    String path() {
      return start.split(" ", 3)[1];
    }

    @Nullable String header(String name) {
      return find(headers, name);
    }

    @Nullable String trailer(String name) {
      return find(trailers, name);
    }

    private static @Nullable String find(List<String> fields, String name) {
      return fields.stream()
          .filter(field -> field.startsWith(name + ": "))
          .map(field -> field.substring(name.length() + 2))
          .findFirst()
          .orElse(null);
    }
  }

  Http1Client send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  Http1Client send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
    return this;
  }

  /** Ends the direction away from here. */
  void shutdownOutput() throws IOException {
    socket.shutdownOutput();
  }

  /** The response to a request with a body rule of its own only where {@code head} says so. */
  Message response(boolean head) throws IOException {
    return read(head, true);
  }

  Message response() throws IOException {
    return read(false, true);
  }

  Message request() throws IOException {
    return read(false, false);
  }

  private Message read(boolean head, boolean response) throws IOException {
    String start = line();
    List<String> headers = fields();
    Message bare = new Message(start, headers, "", List.of());
    int status = response ? bare.status() : 0;
    if (head || status == 204 || status == 304 || status / 100 == 1) {
      return bare;
    }
    String length = bare.header("content-length");
    if ("chunked".equals(bare.header("transfer-encoding"))) {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      while (true) {
        int size = Integer.parseInt(line(), 16);
        if (size == 0) {
          break;
        }
        body.write(exactly(size));
        line();
      }
      return new Message(start, headers, text(body.toByteArray()), fields());
    }
    if (length != null) {
      return new Message(start, headers, text(exactly(Integer.parseInt(length))), List.of());
    }
    return response ? new Message(start, headers, rest(), List.of()) : bare;
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** Reads up to a line end. */
  String line() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      int b = in.read();
      if (b < 0) {
        throw new EOFException("connection ended after '" + line + "'");
      }
      if (b == '\n') {
        return line.toString();
      }
      if (b != '\r') {
        line.append((char) b);
      }
    }
  }

  private List<String> fields() throws IOException {
    List<String> fields = new ArrayList<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      fields.add(
          line.substring(0, colon).toLowerCase(Locale.ROOT)
              + ": "
              + line.substring(colon + 1).strip());
    }
    return fields;
  }

  byte[] exactly(int count) throws IOException {
    byte[] bytes = in.readNBytes(count);
    if (bytes.length < count) {
      throw new EOFException("connection ended after " + bytes.length + " of " + count + " bytes");
    }
    return bytes;
  }

  /** Everything up to the end of the connection. */
  String rest() throws IOException {
    return text(in.readAllBytes());
  }

  /** Everything up to the reset by which the connection is cut; fails when it is ended instead. */
  String restOfCut() throws IOException {
    java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
    try {
      for (int b = in.read(); b >= 0; b = in.read()) {
        all.write(b);
      }
    } catch (java.net.SocketException reset) {
      return text(all.toByteArray());
    }
    throw new AssertionError("the connection was ended, not cut, after " + text(all.toByteArray()));
  }

  /** Bytes that have come and wait here. */
  int available() throws IOException {
    return in.available();
  }

  /** Whether the other side has ended its direction; waits for it. */
  boolean ended() throws IOException {
    try {
      return in.read() < 0;
    } catch (java.net.SocketException reset) {
      return true;
    }
  }

  /** Closes with a reset instead of an end of input. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  /** Whether the rest of the connection ends with a reset rather than an end of input. */
  boolean endedByReset() throws IOException {
    try {
      rest();
      return false;
    } catch (java.net.SocketException reset) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
