package io.signetmesh.bench;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** nginx with one worker and a port for each protocol; HTTP/2 by prior knowledge. */
public final class Backend implements AutoCloseable {
  /** What it needs. */
  public static final List<Tool> TOOLS = List.of(new Tool("nginx", "nginx-light"));

  /** Size of the answer's body in bytes. */
  static final int BODY_BYTES = 97;

  /** Path of a large answer, of zeros. */
  public static final String LARGE = "/large";

  /** Size of the large answer in bytes. */
  public static final long LARGE_BYTES = 64L << 20;

  private final Child nginx;
  private final int[] ports;

  private Backend(Child nginx, int[] ports) {
    this.nginx = nginx;
    this.ports = ports;
  }

  /** Starts nginx with its configuration and its log in {@code directory}. */
  public static Backend start(Path directory) throws IOException, InterruptedException {
    int[] ports = Ports.free(Protocol.values().length);
    Path config = directory.resolve("nginx.conf");
    Path log = directory.resolve("nginx.log");
    String root = directory.toAbsolutePath().toString();
    Path large = Files.createDirectories(directory.resolve("www")).resolve(LARGE.substring(1));
    try (RandomAccessFile file = new RandomAccessFile(large.toFile(), "rw")) {
      file.setLength(LARGE_BYTES);
    }
    Files.writeString(
        config,
        """
        daemon off;
        %8$s
        worker_processes 1;
        pid %1$s/nginx.pid;
        error_log %1$s/nginx-error.log warn;
        events { worker_connections 8192; }
        http {
          access_log off;
          keepalive_requests 1000000000;
          keepalive_timeout 3600s;
          tcp_nodelay on;
          client_body_temp_path %1$s/nginx-tmp;
          proxy_temp_path %1$s/nginx-tmp;
          fastcgi_temp_path %1$s/nginx-tmp;
          uwsgi_temp_path %1$s/nginx-tmp;
          scgi_temp_path %1$s/nginx-tmp;
          sendfile on;
          root %1$s/www;
          server { listen 127.0.0.1:%2$d backlog=4096; location / { return 200 "%6$s"; } %7$s }
          server { listen 127.0.0.1:%3$d backlog=4096; location / { return 200 "%6$s"; } %7$s }
          server { listen 127.0.0.1:%4$d http2 backlog=4096; location / { return 200 "%6$s"; } %7$s }
          server { listen 127.0.0.1:%5$d backlog=4096; location / { return 200 "%6$s"; } }
        }
        """
            .formatted(
                root,
                ports[0],
                ports[1],
                ports[2],
                ports[3],
                "x".repeat(BODY_BYTES),
                "location = " + LARGE + " {}",
                // Its worker would be nobody, who may not read the directory.
                System.getProperty("user.name").equals("root") ? "user root;" : ""),
        StandardCharsets.UTF_8);
    Child nginx =
        Child.start("nginx", List.of("nginx", "-p", root, "-c", config.toString()), Map.of(), log);
    Backend backend = new Backend(nginx, ports);
    try {
      FirstAnswer.await(backend.entry(Protocol.HTTP1), Protocol.HTTP1, nginx::expectAlive);
    } catch (IOException | InterruptedException | RuntimeException e) {
      backend.close();
      throw e;
    }
    return backend;
  }

  /** Port that takes what a load of this protocol becomes behind the server proxy. */
  public int port(Protocol protocol) {
    return ports[protocol.ordinal()];
  }

  /** Where to reach it without proxies. */
  Endpoint entry(Protocol protocol) {
    int port = port(protocol);
    return new Endpoint("127.0.0.1", port, "127.0.0.1:" + port);
  }

  @Override
  public void close() {
    nginx.close();
  }
}
