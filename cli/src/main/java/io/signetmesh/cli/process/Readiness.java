package io.signetmesh.cli.process;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waits until a process serves, by connecting to it. */
public final class Readiness {
  private static final long PAUSE_MILLIS = 20;
  private static final int ASK_TIMEOUT_MILLIS = 1_000;

  private Readiness() {}

  /**
   * Waits until an address accepts connections.
   *
   * @throws TimeoutException when it does not within {@code limit}
   * @throws IOException when the process has exited
   */
  public static void awaitListening(
      SignetProcess process, InetSocketAddress address, Duration limit)
      throws IOException, TimeoutException, InterruptedException {
    await(process, limit, "listening on " + text(address), () -> connects(address));
  }

  /**
   * Waits until {@code GET path} is answered with status 200.
   *
   * @throws TimeoutException when it is not within {@code limit}
   * @throws IOException when the process has exited
   */
  public static void awaitOk(
      SignetProcess process, InetSocketAddress address, String path, Duration limit)
      throws IOException, TimeoutException, InterruptedException {
    await(
        process,
        limit,
        "answering http://" + text(address) + path + " with 200",
        () -> answersOk(address, path));
  }

  private static void await(SignetProcess process, Duration limit, String what, Question question)
      throws IOException, TimeoutException, InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (!question.yes()) {
      if (!process.isAlive()) {
        throw new IOException(
            process.name()
                + " ended with code "
                + process.exitCode()
                + " before it was "
                + what
                + ":\n  "
                + String.join("\n  ", process.lastLines(15)));
      }
      if (System.nanoTime() - end > 0) {
        throw new TimeoutException(
            process.name()
                + " is not "
                + what
                + " after "
                + limit.toMillis()
                + " ms:\n  "
                + String.join("\n  ", process.lastLines(15)));
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    }
  }

  private static boolean connects(InetSocketAddress address) {
    try (Socket socket = new Socket()) {
      socket.connect(address, ASK_TIMEOUT_MILLIS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether {@code GET path} is answered with status 200 within a second. */
  public static boolean answersOk(InetSocketAddress address, String path) {
    try (Socket socket = new Socket()) {
      socket.connect(address, ASK_TIMEOUT_MILLIS);
      socket.setSoTimeout(ASK_TIMEOUT_MILLIS);
      OutputStream out = socket.getOutputStream();
      out.write(
          ("GET " + path + " HTTP/1.1\r\nHost: " + text(address) + "\r\nConnection: close\r\n\r\n")
              .getBytes(StandardCharsets.US_ASCII));
      InputStream in = socket.getInputStream();
      String status = new String(in.readNBytes(12), StandardCharsets.US_ASCII);
      return status.equals("HTTP/1.1 200");
    } catch (IOException e) {
      return false;
    }
  }

  private static String text(InetSocketAddress address) {
    return address.getHostString() + ":" + address.getPort();
  }

  private interface Question {
    boolean yes();
  }
}
