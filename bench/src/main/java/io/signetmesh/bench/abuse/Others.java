package io.signetmesh.bench.abuse;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Clients that do nothing wrong, from an address of their own: four over HTTP/1.1 and four over
 * HTTP/2, each with one request at a time and a pause of 10 ms after an answer. A request that has
 * no answer within five seconds, or whose connection breaks, has failed.
 */
final class Others implements AutoCloseable {
  private static final int EACH = 4;
  private static final int TIMEOUT_MILLIS = 5000;
  private static final long PAUSE_MILLIS = 10;

  private final List<Thread> threads = new ArrayList<>();
  private Map<String, Integer> failures = new TreeMap<>();
  private long[] current = new long[1 << 16];
  private int count;
  private volatile boolean stopped;

  /**
   * What they noticed; micros.
   *
   * @param reasons of failures, and how often each came
   */
  record Figures(
      int requests,
      int failures,
      Map<String, Integer> reasons,
      double p50Micros,
      double p99Micros,
      double maxMicros) {}

  /** A connection that asks one request at a time. */
  private interface Client extends AutoCloseable {
    void ask() throws IOException;

    @Override
    void close() throws IOException;
  }

  private interface Dialer {
    Client dial() throws IOException;
  }

  private Others() {}

  static Others start(Subject subject, InetAddress from) {
    Others others = new Others();
    for (int i = 0; i < EACH; i++) {
      others.run(() -> new Http1(connect(from, subject.http1(), TIMEOUT_MILLIS)));
      others.run(() -> new Http2(connect(from, subject.http2(), TIMEOUT_MILLIS)));
    }
    return others;
  }

  static Socket connect(InetAddress from, InetSocketAddress to, int timeoutMillis)
      throws IOException {
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.bind(new InetSocketAddress(from, 0));
      socket.connect(to, timeoutMillis);
      socket.setSoTimeout(timeoutMillis);
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private void run(Dialer dialer) {
    threads.add(
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  Client client = null;
                  while (!stopped) {
                    long begun = System.nanoTime();
                    try {
                      if (client == null) {
                        client = dialer.dial();
                      }
                      client.ask();
                      add(System.nanoTime() - begun);
                    } catch (IOException e) {
                      if (stopped) {
                        break;
                      }
                      failed(e);
                      close(client);
                      client = null;
                    }
                    try {
                      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                    } catch (InterruptedException e) {
                      break;
                    }
                  }
                  close(client);
                }));
  }

  private static void close(@Nullable Client client) {
    if (client != null) {
      try {
        client.close();
      } catch (IOException ignored) {
        // It is gone either way.
      }
    }
  }

  private synchronized void add(long nanos) {
    if (count == current.length) {
      current = Arrays.copyOf(current, count * 2);
    }
    current[count++] = nanos;
  }

  private synchronized void failed(IOException e) {
    failures.merge(String.valueOf(e.getMessage()), 1, Integer::sum);
  }

  /** What has been seen since the last look. */
  synchronized Figures take() {
    long[] sorted = Arrays.copyOf(current, count);
    count = 0;
    Arrays.sort(sorted);
    Map<String, Integer> reasons = failures;
    failures = new TreeMap<>();
    int failed = reasons.values().stream().mapToInt(Integer::intValue).sum();
    return new Figures(
        sorted.length + failed,
        failed,
        reasons,
        quantile(sorted, 0.5),
        quantile(sorted, 0.99),
        quantile(sorted, 1));
  }

  private static double quantile(long[] sorted, double q) {
    if (sorted.length == 0) {
      return TimeUnit.MILLISECONDS.toMicros(TIMEOUT_MILLIS);
    }
    return sorted[(int) Math.min(sorted.length - 1, Math.round(q * (sorted.length - 1)))] / 1000.0;
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

  private static final class Http1 implements Client {
    private static final byte[] REQUEST =
        "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private final Socket socket;
    private final InputStream in;

    Http1(Socket socket) throws IOException {
      this.socket = socket;
      this.in = new BufferedInputStream(socket.getInputStream());
    }

    @Override
    public void ask() throws IOException {
      socket.getOutputStream().write(REQUEST);
      int length = -1;
      String status = line();
      if (!status.contains(" 200 ")) {
        throw new IOException(status);
      }
      for (String line = line(); !line.isEmpty(); line = line()) {
        if (line.regionMatches(true, 0, "content-length:", 0, 15)) {
          length = Integer.parseInt(line.substring(15).strip());
        }
      }
      if (length < 0 || in.readNBytes(length).length != length) {
        throw new IOException("answer is cut");
      }
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

  private static final class Http2 implements Client {
    private static final byte[] REQUEST = new RawHttp2.Block("GET", "/").toBytes();
    private final RawHttp2 connection;

    Http2(Socket socket) throws IOException {
      connection = new RawHttp2(socket, 65_535, 0);
    }

    @Override
    public void ask() throws IOException {
      int stream = connection.newStream();
      connection.headers(stream, REQUEST, true);
      connection.flush();
      while (true) {
        RawHttp2.Frame frame = connection.read();
        if (frame.type() == RawHttp2.GOAWAY || frame.type() == RawHttp2.RST_STREAM) {
          throw new IOException(
              (frame.type() == RawHttp2.GOAWAY ? "GOAWAY " : "RST_STREAM ")
                  + HexFormat.of().formatHex(frame.payload()));
        }
        if (frame.type() == RawHttp2.DATA && frame.payload().length > 0) {
          connection.windowUpdate(0, frame.payload().length);
        }
        if (frame.stream() == stream
            && frame.has(RawHttp2.END_STREAM)
            && (frame.type() == RawHttp2.DATA || frame.type() == RawHttp2.HEADERS)) {
          return;
        }
      }
    }

    @Override
    public void close() throws IOException {
      connection.close();
    }
  }
}
