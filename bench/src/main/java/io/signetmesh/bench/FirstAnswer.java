package io.signetmesh.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** Waits until requests are answered through a pair. */
public final class FirstAnswer {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final long INTERVAL_MILLIS = 20;
  private static final int MAX_ATTEMPTS = 64;
  private static final byte[] HTTP2_PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] EMPTY_SETTINGS = {0, 0, 0, 4, 0, 0, 0, 0, 0};

  private FirstAnswer() {}

  /** Says that what is waited for will never come. */
  @FunctionalInterface
  public interface Liveness {
    void check() throws IOException;
  }

  /**
   * Asks again and again, some fifty times a second, until there is a good answer.
   *
   * @throws IOException when {@code liveness} says so, or after a minute
   */
  public static void await(Endpoint entry, Protocol protocol, Liveness liveness)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    AtomicReference<String> last = new AtomicReference<>("no attempt");
    CountDownLatch answered = new CountDownLatch(1);
    Semaphore attempts = new Semaphore(MAX_ATTEMPTS);
    // Attempts overlap: one that a proxy holds back, say for a retry after a second, must not keep
    // the next one from being answered at once.
    while (System.nanoTime() < deadline) {
      liveness.check();
      if (attempts.tryAcquire()) {
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    String answer = ask(entry, protocol);
                    if (answer.isEmpty()) {
                      answered.countDown();
                    }
                    last.set(answer);
                  } catch (IOException e) {
                    last.set(e.toString());
                  } finally {
                    attempts.release();
                  }
                });
      }
      if (answered.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS)) {
        return;
      }
    }
    throw new IOException(
        "no answer from " + entry + " within " + LIMIT.toSeconds() + " s; last: " + last.get());
  }

  /** Empty when the answer is good, else what came. */
  private static String ask(Endpoint entry, Protocol protocol) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(entry.host(), entry.port()), 1000);
      socket.setSoTimeout(2000);
      InputStream in = socket.getInputStream();
      if (protocol == Protocol.HTTP2) {
        // The settings of the entry itself; whether the backend is there shows with the first load.
        socket.getOutputStream().write(HTTP2_PREFACE);
        socket.getOutputStream().write(EMPTY_SETTINGS);
        byte[] frame = in.readNBytes(9);
        return frame.length == 9 && frame[3] == 4 ? "" : "no HTTP/2 settings";
      }
      socket
          .getOutputStream()
          .write(
              ("GET / HTTP/1.1\r\nHost: "
                      + entry.authority()
                      + (protocol == Protocol.JWT
                          ? "\r\nAuthorization: Bearer " + LoadTokens.shared().first()
                          : "")
                      + "\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      String head = new String(in.readNBytes(12), StandardCharsets.US_ASCII);
      return head.equals("HTTP/1.1 200") ? "" : "answer begins with '" + head + "'";
    }
  }
}
