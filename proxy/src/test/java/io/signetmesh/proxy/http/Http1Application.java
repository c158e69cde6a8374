package io.signetmesh.proxy.http;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An HTTP/1 application whose every byte a test decides on. */
final class Http1Application implements AutoCloseable {
  private final ServerSocket listener;
  private final Script script;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();

  /** Requests in the order in which they came. */
  final BlockingQueue<Http1Client.Message> requests = new LinkedBlockingQueue<>();

  /** Serves one connection; its end closes the connection. */
  @FunctionalInterface
  interface Script {
    void serve(Http1Client connection, Http1Application application) throws Exception;
  }

  Http1Application(Script script) throws IOException {
    this.script = script;
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  /** Answers every request with the response that {@code answer} gives. */
  static Http1Application answering(java.util.function.Function<Http1Client.Message, String> answer)
      throws IOException {
    return new Http1Application(
        (connection, application) -> {
          while (true) {
            Http1Client.Message request = connection.request();
            application.requests.add(request);
            connection.send(answer.apply(request));
          }
        });
  }

  /** Answers every request with 200 and its path. */
  static Http1Application echoingPaths() throws IOException {
    return answering(
        request ->
            "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s"
                .formatted(request.path().length(), request.path()));
  }

  int port() {
    return listener.getLocalPort();
  }

  int connections() {
    return sockets.size();
  }

  Http1Client.Message request() throws InterruptedException {
    Http1Client.Message request = requests.poll(10, TimeUnit.SECONDS);
    if (request == null) {
      throw new AssertionError("no request came");
    }
    return request;
  }

  private void accept() {
    while (true) {
      Socket socket;
      try {
        socket = listener.accept();
      } catch (IOException e) {
        return;
      }
      sockets.add(socket);
      Thread.ofVirtual().start(() -> serve(socket));
    }
  }

  private void serve(Socket socket) {
    try (Http1Client connection = new Http1Client(socket)) {
      socket.setSoTimeout(60_000);
      script.serve(connection, this);
    } catch (EOFException | SocketException e) {
      // The proxy hung up: the usual end of a connection.
    } catch (Exception e) {
      throw new IllegalStateException("application script failed", e);
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
