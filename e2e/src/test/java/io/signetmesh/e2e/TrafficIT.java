package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.ProcessFigures;
import io.signetmesh.e2e.harness.Tool;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Traffic of an allowed client through two proxy processes: the client's and the server's. Each
 * protocol has a port of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class TrafficIT {
  private static final long GIB = 1L << 30;
  private static final long GROWTH_LIMIT = 32L << 20;

  private Mesh mesh;
  private MeshWorkload frontend;
  private MeshWorkload server;
  private Path directory;

  @BeforeAll
  void start(@TempDir Path temporary) throws Exception {
    directory = temporary;
    mesh = Mesh.create(temporary.resolve("mesh"));
    frontend =
        mesh.workload("frontend")
            .upstream(9080, "web.shop.svc.cluster.local:80")
            .upstream(9081, "bodies.shop.svc.cluster.local:80")
            .upstream(9082, "nginx.shop.svc.cluster.local:80")
            .upstream(9083, "greeter.shop.svc.cluster.local:80")
            .upstream(9084, "ledger.shop.svc.cluster.local:80")
            .upstream(9085, "echo.shop.svc.cluster.local:80");
    server =
        mesh.workload("server")
            .port("http", 8080)
            .port("bodies", 8081)
            .port("h2", 8082)
            .port("grpc", 8083)
            .port("tcp", 8084)
            .port("echo", 8085);
    allow("web", "http", "HTTP/1");
    allow("bodies", "bodies", "unknown");
    allow("nginx", "h2", "HTTP/2");
    allow("greeter", "grpc", "gRPC");
    allow("ledger", "tcp", "opaque");
    allow("echo", "echo", "unknown");
    mesh.start();
    mesh.application(server, DemoServices.Kind.HTTP, 8080);
    mesh.application(server, DemoServices.Kind.GRPC, 8083);
    mesh.application(server, DemoServices.Kind.TCP, 8084);
    mesh.closeWithMesh(TcpServer.start(server.at(8081), Applications::bodies));
    mesh.closeWithMesh(TcpServer.start(server.at(8085), Applications::echoLines));
    startNginx(server.at(8082));
  }

  private void allow(String service, String port, String protocol) throws Exception {
    mesh.service(service, server, 80, port);
    mesh.server(service, server, port, protocol);
    mesh.allowIdentities(service, service, "frontend");
  }

  /** A real HTTP/2 server, in the clear. */
  private void startNginx(InetSocketAddress listen) throws Exception {
    Path home = Files.createDirectories(directory.resolve("nginx"));
    Path config = home.resolve("nginx.conf");
    Files.writeString(
        config,
        """
        daemon off;
        worker_processes 1;
        pid %1$s/nginx.pid;
        error_log %1$s/error.log;
        events { worker_connections 256; }
        http {
          access_log off;
          client_body_temp_path %1$s/body;
          proxy_temp_path %1$s/proxy;
          fastcgi_temp_path %1$s/fastcgi;
          uwsgi_temp_path %1$s/uwsgi;
          scgi_temp_path %1$s/scgi;
          server {
            listen %2$s:%3$d http2;
            location / { return 200 "hello over $server_protocol\\n"; }
          }
        }
        """
            .formatted(home, listen.getAddress().getHostAddress(), listen.getPort()));
    Process nginx =
        new ProcessBuilder("nginx", "-c", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(home.resolve("output").toFile())
            .start();
    mesh.closeWithMesh(
        () -> {
          nginx.destroy();
          nginx.waitFor(5, TimeUnit.SECONDS);
        });
    Await.until(
        "nginx listens",
        () -> {
          new Socket(listen.getAddress(), listen.getPort()).close();
          return true;
        });
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @Test
  void http1WithTheIdentityToldToTheApplication() throws Exception {
    JournalTail journal = mesh.journal(server);

    String output = Tool.run("curl", "-sS", "-i", url(9080) + "/shoes?token=secret").output();

    assertThat(output)
        .contains("HTTP/1.1 200 OK", "web: GET /shoes for " + mesh.identity(frontend).dnsName());
    DecisionRecord decision =
        journal
            .await(record -> "/shoes".equals(record.path()), Duration.ofSeconds(5))
            .orElseThrow();
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.clientIdentity()).isEqualTo(mesh.identity(frontend).dnsName());
    assertThat(decision.server()).contains("web");
    assertThat(decision.authorization()).contains("web");
    assertThat(decision.policyGeneration()).isPositive();
    assertThat(decision.tlsVersion()).isEqualTo("TLSv1.3");
    assertThat(decision.tlsGroup()).isEqualTo("X25519MLKEM768");
  }

  @Test
  void http2WithManyStreams() throws Exception {
    Tool.Result result = Tool.run("h2load", "-n", "2000", "-c", "4", "-m", "16", url(9082) + "/");

    assertThat(result.output()).contains("2000 succeeded, 0 failed, 0 errored, 0 timeout");
    assertThat(Tool.run("curl", "-sS", "--http2-prior-knowledge", url(9082) + "/").output())
        .contains("hello over HTTP/2.0");
  }

  @Test
  void grpcUnaryAndBidirectionalStreaming() throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(frontend.at(9083)).usePlaintext().build();
    try {
      StringValue answer =
          ClientCalls.blockingUnaryCall(
              channel, Applications.GREET, CallOptions.DEFAULT, StringValue.of("mesh"));
      assertThat(answer.getValue()).isEqualTo("Hello, mesh");

      BlockingQueue<String> events = new ArrayBlockingQueue<>(16);
      StreamObserver<StringValue> lines =
          ClientCalls.asyncBidiStreamingCall(
              channel.newCall(Applications.CHAT, CallOptions.DEFAULT), collect(events));
      // Each line waits for the answer to the one before: both directions are open at once.
      for (String line : new String[] {"one", "two", "three"}) {
        lines.onNext(StringValue.of(line));
        assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("You said: " + line);
      }
      lines.onCompleted();
      assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("completed");
    } finally {
      channel.shutdownNow();
    }
  }

  private static StreamObserver<StringValue> collect(BlockingQueue<String> events) {
    return new StreamObserver<>() {
      @Override
      public void onNext(StringValue value) {
        events.add(value.getValue());
      }

      @Override
      public void onError(Throwable failure) {
        events.add("failed: " + failure);
      }

      @Override
      public void onCompleted() {
        events.add("completed");
      }
    };
  }

  @Test
  void tcpOnAnOpaquePort() throws Exception {
    try (Socket socket = new Socket(frontend.address(), 9084)) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write("BALANCE alice\n".getBytes(StandardCharsets.US_ASCII));
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
      assertThat(in.readLine()).startsWith("OK alice ");
    }
  }

  @Test
  void tcpThatIsDetectedKeepsHalfClose() throws Exception {
    byte[] sent = new byte[3 << 20];
    for (int i = 0; i < sent.length; i++) {
      sent[i] = (byte) (i * 31);
    }
    try (Socket socket = new Socket(frontend.address(), 9085)) {
      socket.setSoTimeout(20_000);
      Thread writer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      socket.getOutputStream().write(sent);
                      socket.shutdownOutput();
                    } catch (java.io.IOException e) {
                      throw new java.io.UncheckedIOException(e);
                    }
                  });
      assertThat(socket.getInputStream().readAllBytes()).isEqualTo(sent);
      writer.join();
    }
  }

  @Test
  void bodyOfOneGibibyteDownwardsInBoundedMemory() throws Exception {
    warmUp();
    assertBoundedMemory(
        () -> {
          Tool.Result result =
              Tool.run(
                  "curl",
                  "-sS",
                  "-o",
                  "/dev/null",
                  "-w",
                  "%{http_code} %{size_download}",
                  url(9081) + "/" + GIB);
          assertThat(result.output()).isEqualTo("200 " + GIB);
        });
  }

  @Test
  void bodyOfOneGibibyteUpwardsInBoundedMemory() throws Exception {
    warmUp();
    assertBoundedMemory(
        () -> {
          try (Socket socket = new Socket(frontend.address(), 9081)) {
            socket.setSoTimeout(60_000);
            OutputStream out = socket.getOutputStream();
            out.write(
                ("POST /upload HTTP/1.1\r\nHost: bodies\r\nContent-Length: " + GIB + "\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            byte[] block = new byte[1 << 18];
            for (long left = GIB; left > 0; left -= block.length) {
              out.write(block);
            }
            InputStream in = socket.getInputStream();
            StringBuilder answer = new StringBuilder();
            while (!answer.toString().endsWith(Long.toString(GIB))) {
              int b = in.read();
              assertThat(b).as("answer so far: %s", answer).isNotNegative();
              answer.append((char) b);
            }
            assertThat(answer).startsWith("HTTP/1.1 200 OK");
          }
        });
  }

  /** Memory that the first requests take for code and pools is not the body's. */
  private void warmUp() throws Exception {
    String url = url(9081) + "/" + (64 << 20);
    for (int i = 0; i < 2; i++) {
      assertThat(Tool.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url).output())
          .isEqualTo("200");
    }
  }

  private interface Transfer {
    void run() throws Exception;
  }

  private void assertBoundedMemory(Transfer transfer) throws Exception {
    long client = frontend.proxy().pid();
    long inbound = server.proxy().pid();
    long clientBefore = ProcessFigures.residentBytes(client);
    long inboundBefore = ProcessFigures.residentBytes(inbound);

    transfer.run();

    assertThat(ProcessFigures.residentBytes(client) - clientBefore)
        .as("growth of the client's proxy")
        .isLessThan(GROWTH_LIMIT);
    assertThat(ProcessFigures.residentBytes(inbound) - inboundBefore)
        .as("growth of the server's proxy")
        .isLessThan(GROWTH_LIMIT);
  }

  private String url(int port) {
    return "http://" + frontend.address().getHostAddress() + ":" + port;
  }
}
