package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.PemFiles;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an identity server says and serves when its issuer is about to end. */
@Timeout(90)
class IssuanceStoppedIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final Duration ISSUER_LIFE = Duration.ofHours(10);

  @TempDir Path state;
  @TempDir Path files;

  private final AtomicReference<Instant> now = new AtomicReference<>(TestPki.START);
  private final InstantSource clock = now::get;
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private WorkloadTokens tokens;
  private IdentityServer server;
  private AdminServer admin;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    X509Bundle anchor =
        TestPki.selfSigned(
            TestPki.ca("CN=anchor", 1).notAfter(TestPki.START.plus(Duration.ofDays(3650))));
    X509Bundle issuer =
        TestPki.issued(
            TestPki.ca("CN=issuer", 0)
                .notBefore(TestPki.START)
                .notAfter(TestPki.START.plus(ISSUER_LIFE)),
            anchor);
    Path chain = write("chain.pem", Certificates.toPem(List.of(issuer.getCertificate())));
    Path key = write("key.pem", PrivateKeys.toPem(issuer.getKeyPair().getPrivate()));
    Path anchors = write("anchors.pem", Certificates.toPem(List.of(anchor.getCertificate())));
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    ServerMeters meters = keep(ServerMeters.start("identity", loops::load, null));
    server =
        keep(
            IdentityServer.start(
                new IdentityServer.Config(
                    state,
                    SERVER,
                    new InetSocketAddress("127.0.0.1", 0),
                    true,
                    IssuancePolicy.DEFAULT,
                    new PemFiles(chain, key, anchors),
                    meters),
                tokens,
                loops,
                AuditLog.none(),
                clock));
    admin =
        keep(
            AdminServer.start(
                    new AdminServer.Listen(new InetSocketAddress("127.0.0.1", 0), true),
                    meters,
                    server::isReady,
                    server.documents())
                .orElseThrow());
    channel =
        ControlChannel.openCleartext(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()), loops);
    open.add(channel::shutdownNow);
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void serverThatHasStoppedIssuingStaysReadyAndServesBundleAndRevocations() throws Exception {
    assertThat(catchThrowable(this::certify)).isNull();
    assertThat(get("/metrics").body().lines())
        .contains(
            "signet_identity_ca_health 0.0",
            "signet_identity_requests_waiting 0.0",
            "signet_identity_requests_waiting_size_bytes 0.0",
            "signet_identity_revocation_lists_sending_bytes 0.0");

    now.set(TestPki.START.plus(ISSUER_LIFE).minus(Duration.ofHours(1)));
    assertThat(get("/metrics").body().lines()).contains("signet_identity_ca_health 1.0");
    assertThat(catchThrowable(this::certify)).isNull();

    now.set(TestPki.START.plus(ISSUER_LIFE).minusSeconds(30));
    Status refused = Status.fromThrowable(catchThrowable(this::certify));
    assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(refused.getDescription()).contains("issuing has stopped");
    assertThat(get("/metrics").body().lines()).contains("signet_identity_ca_health 2.0");
    assertThat(get("/ready").statusCode()).isEqualTo(200);
    assertThat(get("/crl").statusCode()).isEqualTo(200);
    assertThat(bundle().getAnchorsCount()).isEqualTo(1);
  }

  @Test
  void serverThatIsClosedIsNotReady() throws Exception {
    server.close();

    assertThat(get("/ready").statusCode()).isEqualTo(503);
  }

  private void certify() throws Exception {
    KeyPair keys = PrivateKeys.generate();
    IdentityGrpc.newBlockingStub(channel)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .certify(
            CertifyRequest.newBuilder()
                .setIdentity(WEB.dnsName())
                .setToken(
                    ByteString.copyFromUtf8(tokens.issue("shop", "web", Duration.ofMinutes(5))))
                .setCertificateSigningRequest(
                    ByteString.copyFrom(SigningRequest.create(WEB.dnsName(), keys)))
                .build());
  }

  private TrustBundle bundle() throws Exception {
    BlockingQueue<Object> told = new LinkedBlockingQueue<>();
    TrustBundlesGrpc.newStub(channel)
        .watch(
            new StreamObserver<TrustBundle>() {
              @Override
              public void onNext(TrustBundle bundle) {
                told.add(bundle);
              }

              @Override
              public void onError(Throwable error) {
                told.add(error);
              }

              @Override
              public void onCompleted() {}
            })
        .onNext(
            TrustReport.newBuilder().setTrustedDigest(ByteString.copyFrom(new byte[32])).build());
    Object first = told.poll(20, TimeUnit.SECONDS);
    assertThat(first).isInstanceOf(TrustBundle.class);
    return (TrustBundle) first;
  }

  private HttpResponse<String> get(String path) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + admin.address().getPort() + path))
              .timeout(Duration.ofSeconds(20))
              .build(),
          HttpResponse.BodyHandlers.ofString());
    }
  }

  private Path write(String name, String pem) throws IOException {
    return Files.writeString(files.resolve(name), pem);
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }
}
