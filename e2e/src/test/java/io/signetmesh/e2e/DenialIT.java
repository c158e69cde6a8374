package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a client gets that policy does not allow, and what is on record about it. The applications
 * count their connections: none of these clients may reach one.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class DenialIT {
  private Mesh mesh;
  private MeshWorkload intruder;
  private MeshWorkload server;
  private MeshWorkload guessing;
  private TcpServer http;
  private TcpServer grpc;
  private TcpServer tcp;
  private TcpServer unserved;
  private JournalTail journal;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    intruder =
        mesh.workload("intruder")
            .upstream(9080, "web.shop.svc.cluster.local:80")
            .upstream(9083, "greeter.shop.svc.cluster.local:80")
            .upstream(9084, "ledger.shop.svc.cluster.local:80")
            .upstream(9086, "far.shop.svc.cluster.local:80");
    server =
        mesh.workload("server")
            .port("http", 8080)
            .port("grpc", 8083)
            .port("tcp", 8084)
            .port("far", 8086)
            .redirect(18_080, 8080)
            .redirect(18_084, 8084);
    guessing =
        mesh.workload("guessing")
            .port("http", 8080)
            .redirect(18_080, 8080)
            .environment("LINKERD2_PROXY_POLICY_SVC_ADDR", "127.0.0.1:1")
            .environment("SIGNET_PROXY_POLICY_WAIT", "1s");
    describe("web", "http", "HTTP/1");
    describe("greeter", "grpc", "gRPC");
    describe("ledger", "tcp", "opaque");
    mesh.service("far", server, 80, "far");
    mesh.server("far", server, "far", "HTTP/1");
    mesh.allowNetworks("far", "far", "10.0.0.0/8");
    mesh.start();
    http = mesh.closeWithMesh(TcpServer.start(server.at(8080), Applications::echoLines));
    grpc = mesh.closeWithMesh(TcpServer.start(server.at(8083), Applications::echoLines));
    tcp = mesh.closeWithMesh(TcpServer.start(server.at(8084), Applications::echoLines));
    unserved = mesh.closeWithMesh(TcpServer.start(guessing.at(8080), Applications::echoLines));
  }

  private void describe(String service, String port, String protocol) throws Exception {
    mesh.service(service, server, 80, port);
    mesh.server(service, server, port, protocol);
    mesh.allowIdentities(service, service, "frontend");
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @BeforeEach
  void follow() throws Exception {
    journal = mesh.journal(server);
  }

  @Test
  void wrongIdentityGets403OverHttp() throws Exception {
    String output = Tool.run("curl", "-sS", "-i", url(intruder.address(), 9080) + "/").output();

    assertThat(output).contains("HTTP/1.1 403 Forbidden");
    DecisionRecord denial = denial();
    assertThat(denial.clientIdentity()).isEqualTo(mesh.identity(intruder).dnsName());
    assertThat(denial.authorization()).contains("web");
    assertThat(denial.failedAttribute()).isEqualTo("identity");
    assertThat(denial.detail()).contains(mesh.identity("frontend").dnsName());
    assertThat(http.accepted()).isZero();
  }

  @Test
  void wrongIdentityGetsPermissionDeniedOverGrpc() throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(intruder.at(9083)).usePlaintext().build();
    try {
      assertThatThrownBy(
              () ->
                  ClientCalls.blockingUnaryCall(
                      channel, Applications.GREET, CallOptions.DEFAULT, StringValue.of("mesh")))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED));
    } finally {
      channel.shutdownNow();
    }
    DecisionRecord denial = denial();
    assertThat(denial.protocol()).isEqualTo("grpc");
    assertThat(denial.path()).isEqualTo("/shop.Greeter/Greet");
    assertThat(denial.authorization()).contains("greeter");
    assertThat(denial.failedAttribute()).isEqualTo("identity");
    assertThat(grpc.accepted()).isZero();
  }

  @Test
  void wrongIdentityIsClosedOverTcp() throws Exception {
    assertClosedWithoutAByte(new InetSocketAddress(intruder.address(), 9084));

    DecisionRecord denial = denial();
    assertThat(denial.protocol()).isEqualTo("tcp");
    assertThat(denial.authorization()).contains("ledger");
    assertThat(denial.failedAttribute()).isEqualTo("identity");
    assertThat(tcp.accepted()).isZero();
  }

  @Test
  void wrongNetworkIsNamed() throws Exception {
    String output = Tool.run("curl", "-sS", "-i", url(intruder.address(), 9086) + "/").output();

    assertThat(output).contains("HTTP/1.1 403 Forbidden");
    DecisionRecord denial = denial();
    assertThat(denial.authorization()).contains("far");
    assertThat(denial.failedAttribute()).isEqualTo("network");
    assertThat(denial.detail()).contains("10.0.0.0/8");
  }

  @Test
  void plaintextHasNoIdentityAndIsDenied() throws Exception {
    String outside = mesh.outsider().getHostAddress();
    String output =
        Tool.run("curl", "-sS", "-i", "--interface", outside, url(server.address(), 18_080) + "/")
            .output();

    assertThat(output).contains("HTTP/1.1 403 Forbidden");
    DecisionRecord denial = denial();
    assertThat(denial.clientIdentity()).isNull();
    assertThat(denial.clientAddress()).startsWith(outside + ":");
    assertThat(denial.tlsVersion()).isNull();
    assertThat(denial.failedAttribute()).isEqualTo("tls");
    assertThat(denial.authorization()).contains("web");
    assertThat(http.accepted()).isZero();

    assertClosedWithoutAByte(server.at(18_084));
    assertThat(denial().authorization()).contains("ledger");
    assertThat(tcp.accepted()).isZero();
  }

  @Test
  void portWithoutPolicyWaitsAndIsRefusedWithAReason() throws Exception {
    journal = mesh.journal(guessing);
    long begun = System.nanoTime();

    assertClosedWithoutAByte(guessing.at(18_080));

    assertThat(System.nanoTime() - begun).isGreaterThan(Duration.ofMillis(900).toNanos());
    DecisionRecord denial = denial();
    assertThat(denial.reason()).isEqualTo("no-policy");
    assertThat(denial.policyGeneration()).isZero();
    assertThat(unserved.accepted()).isZero();
    assertThat(mesh.admin(guessing, "/live").status()).isEqualTo(200);
  }

  private DecisionRecord denial() throws Exception {
    return journal.await(record -> !record.allowed(), Duration.ofSeconds(10)).orElseThrow();
  }

  private static void assertClosedWithoutAByte(InetSocketAddress address) throws IOException {
    try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write("BALANCE alice\n".getBytes(StandardCharsets.US_ASCII));
      int read;
      try {
        read = socket.getInputStream().read();
      } catch (java.net.SocketException reset) {
        read = -1;
      }
      assertThat(read).isEqualTo(-1);
    }
  }

  private static String url(InetAddress address, int port) {
    return "http://" + address.getHostAddress() + ":" + port;
  }
}
