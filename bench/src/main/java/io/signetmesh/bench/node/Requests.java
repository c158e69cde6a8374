package io.signetmesh.bench.node;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Deque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Requests over HTTP/1.1 at a rate, whatever the answers take: what is due is sent on a connection
 * that is free, or on another one.
 */
final class Requests {
  private static final int LIMIT_MILLIS = 10_000;
  private static final Duration FIRST_LIMIT = Duration.ofSeconds(20);

  private final Duration between;

  /**
   * @param between time from when a request is due to when the next one is
   */
  Requests(Duration between) {
    this.between = between;
  }

  /**
   * Sends requests.
   *
   * @return latencies in microseconds of the requests that were answered with 200, from when they
   *     were due
   */
  long[] send(InetSocketAddress entry, int count) throws IOException {
    Deque<Socket> free = new ConcurrentLinkedDeque<>();
    Queue<Long> micros = new ConcurrentLinkedQueue<>();
    try (ExecutorService each = Executors.newVirtualThreadPerTaskExecutor()) {
      long due = System.nanoTime();
      for (int i = 0; i < count; i++, due += between.toNanos()) {
        while (System.nanoTime() - due < 0) {
          LockSupport.parkNanos(due - System.nanoTime());
        }
        long begin = due;
        each.submit(
            () -> {
              if (isAnswered(entry, free)) {
                micros.add((System.nanoTime() - begin) / 1_000);
              }
            });
      }
    }
    for (Socket socket : free) {
      socket.close();
    }
    return micros.stream().mapToLong(Long::longValue).toArray();
  }

  private static boolean isAnswered(InetSocketAddress entry, Deque<Socket> free) {
    Socket socket = free.pollFirst();
    try {
      if (socket == null) {
        socket = open(entry);
      }
      if (ask(socket)) {
        free.addFirst(socket);
        return true;
      }
      socket.close();
    } catch (IOException e) {
      // It counts as failed.
      close(socket);
    }
    return false;
  }

  /** Asks again and again until there is an answer with 200. */
  void awaitAnswer(InetSocketAddress entry) throws IOException {
    long end = System.nanoTime() + FIRST_LIMIT.toNanos();
    while (true) {
      try (Socket socket = open(entry)) {
        if (ask(socket)) {
          return;
        }
      } catch (IOException e) {
        // It is not there yet.
      }
      if (System.nanoTime() - end > 0) {
        throw new IOException("no answer at " + entry + " within " + FIRST_LIMIT);
      }
      LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
    }
  }

  private static void close(@Nullable Socket socket) {
    if (socket != null) {
      try {
        socket.close();
      } catch (IOException e) {
        // It is closed all the same.
      }
    }
  }

  private static Socket open(InetSocketAddress entry) throws IOException {
    Socket socket = new Socket();
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(LIMIT_MILLIS);
    socket.connect(entry, LIMIT_MILLIS);
    return socket;
  }

  private static boolean ask(Socket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    return NodeMesh.answer(socket.getInputStream()).startsWith("HTTP/1.1 200");
  }

  /** The 99th percentile; -1 when there is none. */
  static long p99(long[] micros) {
    long[] sorted = micros.clone();
    Arrays.sort(sorted);
    return sorted.length == 0 ? -1 : sorted[sorted.length * 99 / 100];
  }
}
