package io.signetmesh.bench.abuse;

import io.signetmesh.bench.Child;
import io.signetmesh.bench.Ports;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * nginx with two ports for HTTP/1.1 and two for HTTP/2: {@code /} answers at once, {@code /large}
 * with {@link #LARGE_BYTES}, and {@code /hole} neither reads a body nor answers.
 */
final class Application implements AutoCloseable {
  /** Length of the large answer. */
  static final int LARGE_BYTES = 8 << 20;

  private final Child nginx;
  private final ServerSocket hole;
  private final int[] ports;

  private Application(Child nginx, ServerSocket hole, int[] ports) {
    this.nginx = nginx;
    this.hole = hole;
    this.ports = ports;
  }

  static Application start(Path directory) throws IOException {
    int[] ports = Ports.free(4);
    // Connections are taken by the kernel, up to the backlog, and never read.
    ServerSocket hole = new ServerSocket(0, 4096, InetAddress.getLoopbackAddress());
    String root = directory.toAbsolutePath().toString();
    Path large = directory.resolve("large");
    Files.write(large, new byte[LARGE_BYTES]);
    String locations =
        """
        location = /large { alias %1$s/large; }
        location = /hole {
          client_max_body_size 0;
          proxy_request_buffering off;
          proxy_buffering off;
          proxy_read_timeout 300s;
          proxy_send_timeout 300s;
          proxy_pass http://127.0.0.1:%2$d;
        }
        location / { return 200 "%3$s"; }
        """
            .formatted(root, hole.getLocalPort(), "x".repeat(97));
    StringBuilder servers = new StringBuilder();
    for (int i = 0; i < ports.length; i++) {
      servers.append(
          "server { listen 127.0.0.1:%d %s backlog=4096;\n%s}\n"
              .formatted(ports[i], i % 2 == 0 ? "" : "http2", locations));
    }
    Path config = directory.resolve("nginx.conf");
    Files.writeString(
        config,
        """
        daemon off;
        worker_processes 1;
        worker_rlimit_nofile 20000;
        pid %1$s/nginx.pid;
        error_log %1$s/nginx-error.log crit;
        events { worker_connections 16384; }
        http {
          access_log off;
          keepalive_requests 1000000000;
          large_client_header_buffers 4 80k;
          client_body_temp_path %1$s/tmp;
          proxy_temp_path %1$s/tmp;
          fastcgi_temp_path %1$s/tmp;
          uwsgi_temp_path %1$s/tmp;
          scgi_temp_path %1$s/tmp;
          %2$s
        }
        """
            .formatted(root, servers),
        StandardCharsets.UTF_8);
    Child nginx =
        Child.start(
            "nginx",
            List.of("nginx", "-p", root, "-c", config.toString()),
            Map.of(),
            directory.resolve("nginx.log"));
    return new Application(nginx, hole, ports);
  }

  int http1() {
    return ports[0];
  }

  int http2() {
    return ports[1];
  }

  int closedHttp1() {
    return ports[2];
  }

  int closedHttp2() {
    return ports[3];
  }

  void expectAlive() throws IOException {
    nginx.expectAlive();
  }

  @Override
  public void close() {
    nginx.close();
    try {
      hole.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
