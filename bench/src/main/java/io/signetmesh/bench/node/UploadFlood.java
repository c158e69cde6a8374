package io.signetmesh.bench.node;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Uploads to an application that reads nothing, through the proxies of two workloads of a process,
 * and what they do to the requests of two others.
 */
final class UploadFlood implements AutoCloseable {
  private static final long BODY = 100L << 20;
  private static final int WARM = 2_000;
  private static final int REQUESTS = 4_000;

  private final NodeMesh mesh;
  private final Requests requests = new Requests(Duration.ofMillis(5));
  private final List<Socket> uploads = new ArrayList<>();
  private final AtomicLong sent = new AtomicLong();
  private final HttpClient client = HttpClient.newHttpClient();

  /**
   * @param p99Before of the neighbours' requests without uploads, in microseconds
   * @param p99During the same with uploads
   * @param failed neighbours' requests that failed
   * @param sent bytes of uploads that the process took
   * @param held most bytes of buffers that the process said that its connections hold
   * @param limit of that
   */
  record Result(long p99Before, long p99During, int failed, long sent, double held, double limit) {}

  UploadFlood(NodeMesh mesh) {
    this.mesh = mesh;
  }

  Result run(int count) throws Exception {
    int neighbour = 5;
    requests.send(mesh.entry(neighbour), WARM);
    long[] before = requests.send(mesh.entry(neighbour), REQUESTS);
    for (int i = 0; i < count; i++) {
      upload();
    }
    double[] held = {0};
    Thread watch =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  while (!Thread.currentThread().isInterrupted()) {
                    try {
                      held[0] = Math.max(held[0], metric("signet_process_memory_buffers_bytes"));
                      Thread.sleep(200);
                    } catch (IOException e) {
                      // Asked again.
                    } catch (InterruptedException e) {
                      return;
                    }
                  }
                });
    long[] during = requests.send(mesh.entry(neighbour), REQUESTS);
    watch.interrupt();
    watch.join();
    mesh.expectAlive();
    return new Result(
        Requests.p99(before),
        Requests.p99(during),
        REQUESTS - during.length,
        sent.get(),
        held[0],
        metric("signet_process_memory_buffers_limit_bytes"));
  }

  private void upload() throws IOException {
    Socket socket = new Socket();
    uploads.add(socket);
    socket.connect(mesh.toSink(0), 10_000);
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                OutputStream out = socket.getOutputStream();
                out.write(
                    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + BODY + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
                byte[] piece = new byte[64 * 1024];
                for (long left = BODY; left > 0; left -= piece.length) {
                  out.write(piece);
                  sent.addAndGet(piece.length);
                }
              } catch (IOException e) {
                // The proxy has given it up.
              }
            });
  }

  private double metric(String name) throws IOException, InterruptedException {
    InetSocketAddress admin = mesh.admin(5);
    String page =
        client
            .send(
                HttpRequest.newBuilder(
                        URI.create(
                            "http://"
                                + admin.getAddress().getHostAddress()
                                + ":"
                                + admin.getPort()
                                + "/metrics"))
                    .timeout(Duration.ofSeconds(20))
                    .build(),
                HttpResponse.BodyHandlers.ofString())
            .body();
    return page.lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .sum();
  }

  @Override
  public void close() throws IOException {
    for (Socket upload : uploads) {
      upload.close();
    }
    client.close();
  }
}
