package io.signetmesh.bench.restart;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Eight clients over HTTP/1.1 that repeat nothing, with a pause of 2 ms after each answer: four
 * keep their connection until an answer says that it closes, four open one for each request. Any
 * request without a good answer within ten seconds has failed.
 */
final class Clients implements AutoCloseable {
  private static final int EACH = 4;
  private static final int TIMEOUT_MILLIS = 10_000;
  private static final long PAUSE_MILLIS = 2;
  private static final byte[] REQUEST =
      "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private final InetSocketAddress server;
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stopped;
  private int requests;
  private int failures;
  private long slowestNanos;
  private long gapNanos;
  private long lastAnswer = System.nanoTime();

  /**
   * What the clients noticed since the last look.
   *
   * @param gapMillis longest time in which no client had an answer
   * @param slowestMillis longest time from a request to its answer
   */
  record Seen(int requests, int failures, double gapMillis, double slowestMillis) {}

  private Clients(InetSocketAddress server) {
    this.server = server;
  }

  static Clients start(InetSocketAddress server) {
    Clients clients = new Clients(server);
    for (int i = 0; i < EACH; i++) {
      clients.run(true);
      clients.run(false);
    }
    return clients;
  }

  private void run(boolean keep) {
    threads.add(
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  Connection open = null;
                  while (!stopped) {
                    long begun = System.nanoTime();
                    try {
                      if (open == null) {
                        open = new Connection(server);
                      }
                      boolean last = open.ask();
                      answered(System.nanoTime() - begun);
                      if (last || !keep) {
                        open.close();
                        open = null;
                      }
                    } catch (IOException e) {
                      if (!stopped) {
                        failed();
                      }
                      close(open);
                      open = null;
                    }
                    try {
                      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                    } catch (InterruptedException e) {
                      break;
                    }
                  }
                  close(open);
                }));
  }

  private static void close(@Nullable Connection connection) {
    if (connection != null) {
      try {
        connection.close();
      } catch (IOException ignored) {
        // It is gone either way.
      }
    }
  }

  private synchronized void answered(long nanos) {
    requests++;
    slowestNanos = Math.max(slowestNanos, nanos);
    long now = System.nanoTime();
    gapNanos = Math.max(gapNanos, now - lastAnswer);
    lastAnswer = now;
  }

  private synchronized void failed() {
    requests++;
    failures++;
  }

  /** What has been seen since the last look. */
  synchronized Seen take() {
    gapNanos = Math.max(gapNanos, System.nanoTime() - lastAnswer);
    Seen seen = new Seen(requests, failures, gapNanos / 1e6, slowestNanos / 1e6);
    requests = 0;
    failures = 0;
    slowestNanos = 0;
    gapNanos = 0;
    return seen;
  }

  @Override
  public void close() throws InterruptedException {
    stopped = true;
    for (Thread thread : threads) {
      thread.interrupt();
    }
    for (Thread thread : threads) {
      thread.join(TIMEOUT_MILLIS + 1000L);
    }
  }

  /** A connection that asks one request at a time. */
  static final class Connection implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;

    Connection(InetSocketAddress server) throws IOException {
      socket = new Socket();
      try {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.connect(server, TIMEOUT_MILLIS);
        in = new BufferedInputStream(socket.getInputStream());
      } catch (IOException e) {
        socket.close();
        throw e;
      }
    }

    /** Whether the answer says that it is the last one. */
    boolean ask() throws IOException {
      socket.getOutputStream().write(REQUEST);
      String status = line();
      if (!status.contains(" 200 ")) {
        throw new IOException(status);
      }
      int length = -1;
      boolean last = false;
      for (String line = line(); !line.isEmpty(); line = line()) {
        String lower = line.toLowerCase(Locale.ROOT);
        if (lower.startsWith("content-length:")) {
          length = Integer.parseInt(lower.substring(15).strip());
        } else if (lower.startsWith("connection:")) {
          last = lower.contains("close");
        }
      }
      if (length < 0 || in.readNBytes(length).length != length) {
        throw new IOException("the answer is cut");
      }
      return last;
    }

    private String line() throws IOException {
      StringBuilder line = new StringBuilder();
      for (int b = in.read(); b != '\n'; b = in.read()) {
        if (b < 0) {
          throw new IOException("closed");
        }
        if (b != '\r') {
          line.append((char) b);
        }
      }
      return line.toString();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
