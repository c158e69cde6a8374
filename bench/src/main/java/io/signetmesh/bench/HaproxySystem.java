package io.signetmesh.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * HAProxy as Debian ships it, one thread a proxy, TLS 1.3 with client certificates between the two.
 * TCP as bytes; HTTP with HTTP/2 between the two, which is its fastest form. It checks that the
 * client has a certificate of the CA, and no policy beyond that.
 */
final class HaproxySystem implements ProxySystem {
  @Override
  public String name() {
    return "haproxy";
  }

  @Override
  public List<Tool> tools() {
    return List.of(new Tool("haproxy", "haproxy"), TestCertificates.TOOL);
  }

  @Override
  public String description() throws IOException, InterruptedException {
    Path log = Files.createTempFile("haproxy", ".log");
    try {
      String version =
          Child.output("haproxy", List.of("haproxy", "-v"), Duration.ofSeconds(10), log);
      return version.lines().findFirst().orElse("HAProxy").strip() + ", nbthread 1";
    } finally {
      Files.deleteIfExists(log);
    }
  }

  @Override
  public ProxyPair start(Backend backend, Path directory) throws IOException, InterruptedException {
    TestCertificates certificates = TestCertificates.make(directory);
    int[] ports = Ports.free(6);
    Path client = directory.resolve("haproxy-client.cfg");
    Path server = directory.resolve("haproxy-server.cfg");
    String common =
        """
        global
          nbthread 1
          maxconn 4000
          ssl-default-bind-options ssl-min-ver TLSv1.3
          ssl-default-server-options ssl-min-ver TLSv1.3
        defaults
          timeout connect 5s
          timeout client 300s
          timeout server 300s
          http-reuse always
        """;
    String toServer =
        "ssl verify required ca-file %s crt %s sni str(%s) verifyhost %s"
            .formatted(
                certificates.anchor(),
                certificates.client(),
                TestCertificates.SERVER_NAME,
                TestCertificates.SERVER_NAME);
    Files.writeString(
        client,
        common
            + """
            listen tcp
              mode tcp
              bind 127.0.0.1:%1$d
              server peer 127.0.0.1:%4$d %7$s
            listen http1
              mode http
              bind 127.0.0.1:%2$d
              server peer 127.0.0.1:%5$d %7$s alpn h2
            listen http2
              mode http
              bind 127.0.0.1:%3$d proto h2
              server peer 127.0.0.1:%6$d %7$s alpn h2
            """
                .formatted(ports[0], ports[1], ports[2], ports[3], ports[4], ports[5], toServer),
        StandardCharsets.US_ASCII);
    String fromClient =
        "ssl crt %s ca-file %s verify required"
            .formatted(certificates.server(), certificates.anchor());
    Files.writeString(
        server,
        common
            + """
            listen tcp
              mode tcp
              bind 127.0.0.1:%1$d %7$s
              server nginx 127.0.0.1:%4$d
            listen http1
              mode http
              bind 127.0.0.1:%2$d %7$s alpn h2
              server nginx 127.0.0.1:%5$d
            listen http2
              mode http
              bind 127.0.0.1:%3$d %7$s alpn h2
              server nginx 127.0.0.1:%6$d proto h2
            """
                .formatted(
                    ports[3],
                    ports[4],
                    ports[5],
                    backend.port(Protocol.TCP),
                    backend.port(Protocol.HTTP1),
                    backend.port(Protocol.HTTP2),
                    fromClient),
        StandardCharsets.US_ASCII);
    long started = System.nanoTime();
    Child serverProxy = run("haproxy-server", server, directory);
    try {
      Child clientProxy = run("haproxy-client", client, directory);
      return new Pair(clientProxy, serverProxy, ports, certificates, started);
    } catch (IOException e) {
      serverProxy.close();
      throw e;
    }
  }

  private static Child run(String name, Path config, Path directory) throws IOException {
    // In the foreground and without a master process: the pid is the proxy's.
    return Child.start(
        name,
        List.of("haproxy", "-db", "-f", config.toString()),
        Map.of(),
        directory.resolve(name + ".log"));
  }

  private record Pair(
      Child client, Child server, int[] ports, TestCertificates certificates, long startedNanos)
      implements ProxyPair {
    @Override
    public Endpoint entry(Protocol protocol) {
      int port = ports[protocol.ordinal()];
      return new Endpoint("127.0.0.1", port, "127.0.0.1:" + port);
    }

    @Override
    public MutualTls mutualTls() {
      return new MutualTls(
          new InetSocketAddress("127.0.0.1", ports[3]),
          TestCertificates.SERVER_NAME,
          certificates.client(),
          certificates.clientKey());
    }

    @Override
    public List<Long> pids() {
      return List.of(client.pid(), server.pid());
    }

    @Override
    public void expectAlive() throws IOException {
      client.expectAlive();
      server.expectAlive();
    }

    @Override
    public void close() {
      client.close();
      server.close();
    }
  }
}
