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
public final class HaproxySystem implements ProxySystem {
  /** A make without settings of its own. */
  public HaproxySystem() {}

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
    int[] ports = Ports.free(8);
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
              server peer 127.0.0.1:%5$d %9$s
            listen http1
              mode http
              bind 127.0.0.1:%2$d
              server peer 127.0.0.1:%6$d %9$s alpn h2
            listen http2
              mode http
              bind 127.0.0.1:%3$d proto h2
              server peer 127.0.0.1:%7$d %9$s alpn h2
            listen jwt
              mode http
              bind 127.0.0.1:%4$d
              server peer 127.0.0.1:%8$d %9$s alpn h2
            """
                .formatted(
                    ports[0], ports[1], ports[2], ports[3], ports[4], ports[5], ports[6], ports[7],
                    toServer),
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
              bind 127.0.0.1:%1$d %9$s
              server nginx 127.0.0.1:%5$d
            listen http1
              mode http
              bind 127.0.0.1:%2$d %9$s alpn h2
              server nginx 127.0.0.1:%6$d
            listen http2
              mode http
              bind 127.0.0.1:%3$d %9$s alpn h2
              server nginx 127.0.0.1:%7$d proto h2
            listen jwt
              mode http
              bind 127.0.0.1:%4$d %9$s alpn h2
            %10$s  server nginx 127.0.0.1:%8$d
            """
                .formatted(
                    ports[4],
                    ports[5],
                    ports[6],
                    ports[7],
                    backend.port(Protocol.TCP),
                    backend.port(Protocol.HTTP1),
                    backend.port(Protocol.HTTP2),
                    backend.port(Protocol.JWT),
                    fromClient,
                    tokenRules(directory)),
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

  /** Algorithm, signature, issuer, audience and end of a token are checked for each request. */
  private static String tokenRules(Path directory) throws IOException {
    Path key = directory.resolve("issuer.pem");
    Files.writeString(key, LoadTokens.shared().publicKeyPem(), StandardCharsets.US_ASCII);
    return """
          http-request set-var(txn.token) http_auth_bearer
          http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
          http-request deny unless { var(txn.alg) -m str ES256 }
          http-request deny unless { var(txn.token),jwt_verify(txn.alg,"%s") 1 }
          http-request deny unless { var(txn.token),jwt_payload_query('$.iss') -m str "%s" }
          http-request deny unless { var(txn.token),jwt_payload_query('$.aud[0]') -m str "%s" }
          http-request set-var(txn.now) date()
          http-request deny if { var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now) -m int lt 0 }
        """
        .formatted(key, LoadTokens.ISSUER, LoadTokens.AUDIENCE);
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
          new InetSocketAddress("127.0.0.1", ports[4]),
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
