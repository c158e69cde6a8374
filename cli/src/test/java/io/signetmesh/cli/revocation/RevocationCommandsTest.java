package io.signetmesh.cli.revocation;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.time.Clock;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands about revocation, against an identity server. */
@Timeout(60)
class RevocationCommandsTest {
  private static final String WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local";

  @TempDir Path state;
  private final ControlLoops loops = ControlLoops.start(1);
  private IdentityServer server;

  @BeforeEach
  void start() throws Exception {
    server = start(false);
  }

  private IdentityServer start(boolean cleartext) throws Exception {
    Clock clock = Clock.systemUTC();
    return IdentityServer.start(
        new IdentityServer.Config(
            state,
            new MeshNames("linkerd", "cluster.local").identityServer(),
            new InetSocketAddress("127.0.0.1", 0),
            cleartext,
            IssuancePolicy.DEFAULT,
            null),
        WorkloadTokens.open(state, "linkerd", "cluster.local", clock),
        loops,
        event -> {},
        clock);
  }

  @AfterEach
  void stop() {
    server.close();
    loops.close();
  }

  @Test
  void identityIsRevokedListedAndLifted() throws Exception {
    CommandRun dry = run("revoke", "--identity", WEB, "--dry-run");
    assertThat(dry.code()).isZero();
    assertThat(dry.out()).contains("would revoke identity " + WEB, "no certificate that is in use");
    assertThat(run("revocations").out()).startsWith("revoked: 0, CRL ");

    CommandRun revoked = run("revoke", "--identity", WEB, "--reason", "keyCompromise");
    assertThat(revoked.code()).isZero();
    assertThat(revoked.out()).contains("revoked identity " + WEB + ", certificates: 0, CRL ");
    assertThat(revoked.out()).contains("in force: 0 of 0 connected workloads");
    CommandRun again = run("revoke", "--identity", WEB);
    assertThat(again.code()).isOne();
    assertThat(again.out()).contains("was revoked before");

    assertThat(run("revocations").out()).contains("identity", "keyCompromise", WEB, "revoked: 1");
    JsonNode json = new ObjectMapper().readTree(run("revocations", "-o", "json").out());
    assertThat(json.path("revocations").path(0).path("identity").asText()).isEqualTo(WEB);

    assertThat(run("revoke", "--lift", "--identity", WEB).out()).contains("lifted identity " + WEB);
    assertThat(run("revocations").out()).contains("revoked: 0");
    assertThat(run("revoke", "--lift", "--identity", WEB).code()).isEqualTo(64);
  }

  @Test
  void workloadsThatDoNotSayThatItIsInForceAreNamed() throws Exception {
    server.close();
    server = start(true);
    ManagedChannel channel =
        ControlChannel.openCleartext(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()), loops);
    try {
      StreamObserver<TrustReport> workload = TrustBundlesGrpc.newStub(channel).watch(ignored());
      TrustReport.Builder report =
          TrustReport.newBuilder().setTrustedDigest(ByteString.copyFrom(new byte[32]));
      workload.onNext(report.setRefusal("the list is too long").build());
      while (server.ledger().adoptions().isEmpty()) {
        TimeUnit.MILLISECONDS.sleep(5);
      }

      CommandRun revoked = run("revoke", "--identity", WEB, "--wait", "100ms");

      assertThat(revoked.code()).isOne();
      assertThat(revoked.out())
          .contains("revoked identity " + WEB, "in force: 0 of 1 connected workloads")
          .contains("not in force yet:", "127.0.0.1:", "none", "the list is too long");
      assertThat(run("revocations").code()).as("asked once, without --wait").isZero();
      assertThat(run("revocations", "--wait", "0s").code()).isOne();
      JsonNode json = new ObjectMapper().readTree(run("revocations", "-o", "json").out());
      assertThat(json.at("/adoption/connected").asInt()).isOne();
      assertThat(json.at("/adoption/inForce").asInt()).isZero();
      assertThat(json.at("/adoption/behind/0/refusal").asText()).isEqualTo("the list is too long");

      long number = json.path("number").asLong();
      workload.onNext(report.setRefusal("").setRevocationNumber(number).build());
      CommandRun awaited = run("revocations", "--wait", "20s");
      assertThat(awaited.code()).isZero();
      assertThat(awaited.out()).contains("in force: 1 of 1 connected workloads");
    } finally {
      channel.shutdownNow();
    }
  }

  private static StreamObserver<TrustBundle> ignored() {
    return new StreamObserver<>() {
      @Override
      public void onNext(TrustBundle bundle) {}

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {}
    };
  }

  @Test
  void signedListIsWrittenAndPrinted() throws Exception {
    run("revoke", "--serial", "3F:2A");
    Path file = state.resolve("list.crl");
    assertThat(run("revocations", "-o", "crl", "--file", file.toString()).code()).isZero();

    X509CRL crl =
        (X509CRL) CertificateFactory.getInstance("X.509").generateCRL(Files.newInputStream(file));
    assertThat(crl.getRevokedCertificates()).hasSize(1);
    assertThat(crl.getRevokedCertificates().iterator().next().getSerialNumber().toString(16))
        .isEqualTo("3f2a");
    assertThat(run("revocations", "-o", "pem").out()).startsWith("-----BEGIN X509 CRL-----\n");
  }

  @Test
  void badArgumentsAreRefused() {
    assertThat(run("revoke", "--serial", "xyz").code()).isEqualTo(64);
    assertThat(run("revoke", "--serial", "xyz").err()).contains("\"xyz\"", "hexadecimal");
    assertThat(run("revoke", "--identity", WEB, "--reason", "because").err())
        .contains("\"because\"", "keyCompromise");
    assertThat(run("revoke", "--identity", WEB, "--serial", "3f").code()).isEqualTo(2);
    assertThat(run("revoke").code()).isEqualTo(2);
    assertThat(run("revoke", "--lift", "--serial", "3f").code()).isEqualTo(2);
    assertThat(run("revocations", "-o", "crl").code()).isEqualTo(2);
    assertThat(run("revocations", "-o", "pem", "--wait", "1s").code()).isEqualTo(2);
    assertThat(run("revoke", "--serial", "3f", "--wait", "soon").code()).isEqualTo(2);
  }

  @Test
  void serverThatDoesNotRunIsNamed() {
    CommandRun run =
        CommandRun.of("identity", "revocations", "--state", state.resolve("none").toString());
    assertThat(run.code()).isEqualTo(69);
    assertThat(run.err()).contains("does not exist: expected an identity server that runs", "none");
  }

  private CommandRun run(String command, String... arguments) {
    String[] all = new String[arguments.length + 4];
    all[0] = "identity";
    all[1] = command;
    all[2] = "--state";
    all[3] = state.toString();
    System.arraycopy(arguments, 0, all, 4, arguments.length);
    return CommandRun.of(all);
  }
}
