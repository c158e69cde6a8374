package io.signetmesh.e2e;

import com.google.protobuf.StringValue;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoUtils;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Applications in the test's own process, for what the demo's services do not do. */
public final class Applications {
  /** Methods of the demo's greeter. */
  static final MethodDescriptor<StringValue, StringValue> GREET =
      greeter("Greet", MethodDescriptor.MethodType.UNARY);

  static final MethodDescriptor<StringValue, StringValue> CHAT =
      greeter("Chat", MethodDescriptor.MethodType.BIDI_STREAMING);

  private Applications() {}

  private static MethodDescriptor<StringValue, StringValue> greeter(
      String method, MethodDescriptor.MethodType type) {
    return MethodDescriptor.<StringValue, StringValue>newBuilder()
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName("shop.Greeter", method))
        .setRequestMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
        .build();
  }

  /** What serves one connection. */
  @FunctionalInterface
  public interface Service {
    void serve(InputStream in, OutputStream out) throws IOException;
  }

  /** A TCP server with a thread for each connection. */
  public static final class TcpServer implements AutoCloseable {
    private final ServerSocket listener;
    private final Service service;
    private final AtomicInteger accepted = new AtomicInteger();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    private TcpServer(ServerSocket listener, Service service) {
      this.listener = listener;
      this.service = service;
    }

    /** Starts it. */
    public static TcpServer start(InetSocketAddress listen, Service service) throws IOException {
      ServerSocket listener = new ServerSocket();
      listener.bind(listen, 512);
      TcpServer server = new TcpServer(listener, service);
      Thread.ofVirtual().start(server::accept);
      return server;
    }

    /** Connections taken so far. */
    int accepted() {
      return accepted.get();
    }

    private void accept() {
      while (!listener.isClosed()) {
        try {
          Socket socket = listener.accept();
          accepted.incrementAndGet();
          open.add(socket);
          Thread.ofVirtual().start(() -> serve(socket));
        } catch (IOException e) {
          return;
        }
      }
    }

    private void serve(Socket socket) {
      try (socket) {
        service.serve(socket.getInputStream(), socket.getOutputStream());
      } catch (IOException e) {
        // The client is gone.
      } finally {
        open.remove(socket);
      }
    }

    @Override
    public void close() throws IOException {
      listener.close();
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  /** Answers each line with the same line. */
  static void echoLines(InputStream in, OutputStream out) throws IOException {
    byte[] buffer = new byte[8192];
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      out.write(buffer, 0, n);
      out.flush();
    }
  }

  /**
   * HTTP/1.1: {@code GET /<n>} is answered with a body of n bytes, a body that comes with the
   * request is counted and its length is the answer.
   */
  static void bodies(InputStream in, OutputStream raw) throws IOException {
    OutputStream out = new BufferedOutputStream(raw, 1 << 16);
    byte[] block = new byte[1 << 16];
    while (true) {
      String head = head(in);
      if (head.isEmpty()) {
        return;
      }
      long length = contentLength(head);
      if (length > 0) {
        long left = length;
        while (left > 0) {
          int n = in.read(block, 0, (int) Math.min(block.length, left));
          if (n < 0) {
            return;
          }
          left -= n;
        }
        byte[] answer = Long.toString(length).getBytes(StandardCharsets.US_ASCII);
        out.write(ok(answer.length));
        out.write(answer);
      } else {
        long size = Long.parseLong(head.split(" ", 3)[1].substring(1));
        out.write(ok(size));
        byte[] zeros = new byte[1 << 16];
        for (long left = size; left > 0; left -= zeros.length) {
          out.write(zeros, 0, (int) Math.min(zeros.length, left));
        }
      }
      out.flush();
    }
  }

  /** HTTP/1.1: each request without a body is answered with its target, a blank and its host. */
  public static void targets(InputStream in, OutputStream raw) throws IOException {
    OutputStream out = new BufferedOutputStream(raw, 1 << 16);
    for (String head = head(in); !head.isEmpty(); head = head(in)) {
      String host = "";
      for (String line : head.split("\r\n", -1)) {
        if (line.regionMatches(true, 0, "host:", 0, 5)) {
          host = line.substring(5).strip();
        }
      }
      byte[] answer = (head.split(" ", 3)[1] + " " + host).getBytes(StandardCharsets.ISO_8859_1);
      out.write(ok(answer.length));
      out.write(answer);
      out.flush();
    }
  }

  private static byte[] ok(long length) {
    return ("HTTP/1.1 200 OK\r\ncontent-length: " + length + "\r\n\r\n")
        .getBytes(StandardCharsets.US_ASCII);
  }

  private static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.length() < 16_384 && head.indexOf("\r\n\r\n") < 0) {
      int b = in.read();
      if (b < 0) {
        return "";
      }
      head.append((char) b);
    }
    return head.toString();
  }

  private static long contentLength(String head) {
    for (String line : head.split("\r\n", -1)) {
      if (line.regionMatches(true, 0, "content-length:", 0, 15)) {
        return Long.parseLong(line.substring(15).strip());
      }
    }
    return 0;
  }
}
