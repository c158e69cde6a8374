package io.signetmesh.bench.abuse;

import io.signetmesh.bench.Child;
import io.signetmesh.bench.Ports;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** HAProxy as Debian ships it, one thread, with the timeouts that its manual recommends. */
record HaproxySubject(Child process, int[] ports) implements Subject {
  static final Make MAKE =
      new Make() {
        @Override
        public String name() {
          return "haproxy";
        }

        @Override
        public Subject start(Application application, Path directory) throws IOException {
          return HaproxySubject.start(application, directory);
        }
      };

  private static Subject start(Application application, Path directory) throws IOException {
    int[] ports = Ports.free(4);
    Path config = directory.resolve("haproxy.cfg");
    Files.writeString(
        config,
        """
        global
          nbthread 1
          maxconn 8000
        defaults
          mode http
          timeout connect 5s
          timeout client 30s
          timeout server 300s
          timeout http-request 10s
          http-reuse safe
        listen http1
          bind 127.0.0.1:%1$d
          server app 127.0.0.1:%5$d
        listen http2
          bind 127.0.0.1:%2$d proto h2
          server app 127.0.0.1:%6$d proto h2
        listen closed1
          bind 127.0.0.1:%3$d
          http-request deny
          server app 127.0.0.1:%7$d
        listen closed2
          bind 127.0.0.1:%4$d proto h2
          http-request deny
          server app 127.0.0.1:%8$d proto h2
        """
            .formatted(
                ports[0],
                ports[1],
                ports[2],
                ports[3],
                application.http1(),
                application.http2(),
                application.closedHttp1(),
                application.closedHttp2()),
        StandardCharsets.US_ASCII);
    Child process =
        Child.start(
            "haproxy",
            List.of("haproxy", "-db", "-f", config.toString()),
            Map.of(),
            directory.resolve("haproxy.log"));
    return new HaproxySubject(process, ports);
  }

  @Override
  public InetSocketAddress http1() {
    return new InetSocketAddress("127.0.0.1", ports[0]);
  }

  @Override
  public InetSocketAddress http2() {
    return new InetSocketAddress("127.0.0.1", ports[1]);
  }

  @Override
  public InetSocketAddress closedHttp1() {
    return new InetSocketAddress("127.0.0.1", ports[2]);
  }

  @Override
  public InetSocketAddress closedHttp2() {
    return new InetSocketAddress("127.0.0.1", ports[3]);
  }

  @Override
  public long pid() {
    return process.pid();
  }

  @Override
  public void expectAlive() throws IOException {
    process.expectAlive();
  }

  @Override
  public void close() {
    process.close();
  }
}
