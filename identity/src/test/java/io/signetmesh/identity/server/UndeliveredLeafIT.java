package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.CreateJoinTokenRequest;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.RevokeJoinTokenRequest;
import io.signetmesh.v1.RevokeRequest;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Callers that do not wait for their certificate, or are refused when it is on record. */
@Timeout(90)
class UndeliveredLeafIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  @TempDir Path state;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private final InstantSource clock = this::now;

  /** The call that ends while its certificate is signed. */
  private final AtomicReference<CompletableFuture<ListenableFuture<CertifyResponse>>>
      endsWhileSigning = new AtomicReference<>();

  /** The call that ends between the record of its certificate and its answer. */
  private final AtomicReference<CompletableFuture<ListenableFuture<CertifyResponse>>>
      endsBeforeItsAnswer = new AtomicReference<>();

  /** What a call fails with between the record of its certificate and its answer. */
  private final AtomicReference<RuntimeException> failsBeforeItsAnswer = new AtomicReference<>();

  /** Done once, while a certificate is signed: its caller's identity is proved by then. */
  private final AtomicReference<Runnable> whileSigning = new AtomicReference<>();

  private WorkloadTokens tokens;
  private IdentityServer server;
  private IdentityGrpc.IdentityFutureStub stub;
  private ManagedChannel local;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    server =
        IdentityServer.start(
            new IdentityServer.Config(
                state,
                SERVER,
                new InetSocketAddress("127.0.0.1", 0),
                true,
                IssuancePolicy.DEFAULT,
                null),
            tokens,
            loops,
            this::record,
            clock);
    open.add(server);
    ManagedChannel channel =
        ControlChannel.openCleartext(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()), loops);
    open.add(channel::shutdownNow);
    local = ControlChannel.openLocal(IdentityServer.socket(state), loops);
    open.add(local::shutdownNow);
    stub = IdentityGrpc.newFutureStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  /** The server looks at the clock also while it signs. */
  private Instant now() {
    if (Thread.currentThread().getName().startsWith("issuance")) {
      end(endsWhileSigning);
      if (isSigning()) {
        Runnable act = whileSigning.getAndSet(null);
        if (act != null) {
          act.run();
        }
      }
    }
    return Instant.now();
  }

  private static boolean isSigning() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames.anyMatch(
                    frame ->
                        frame.getClassName().equals(CertificateAuthority.class.getName())
                            && frame.getMethodName().equals("issue")));
  }

  private void record(AuditEvent event) {
    if (event instanceof AdministrativeEvent act && act.act().equals("certificate-issued")) {
      end(endsBeforeItsAnswer);
      RuntimeException failure = failsBeforeItsAnswer.getAndSet(null);
      if (failure != null) {
        throw failure;
      }
    }
  }

  /** Cancels a call, and waits until the server has heard of it. */
  private static void end(
      AtomicReference<CompletableFuture<ListenableFuture<CertifyResponse>>> ends) {
    CompletableFuture<ListenableFuture<CertifyResponse>> call = ends.getAndSet(null);
    if (call != null) {
      call.orTimeout(30, TimeUnit.SECONDS).join().cancel(true);
      Context context = Context.current();
      await(context::isCancelled);
    }
  }

  @Test
  void leafThatWasSignedForACallThatHadEndedIsGivenUp() throws Exception {
    certifyUntil(endsBeforeItsAnswer, token());

    await(() -> server.issued().of(WEB.dnsName()).size() == 1);
    IssuedLeaf leaf = server.issued().of(WEB.dnsName()).getFirst();
    await(() -> server.ledger().reports().isSuperseded(leaf));
  }

  @Test
  void leafThatArrivedIsNotGivenUp() throws Exception {
    certify(token()).get(60, TimeUnit.SECONDS);
    certifyUntil(endsBeforeItsAnswer, token());

    await(() -> server.issued().of(WEB.dnsName()).size() == 2);
    List<IssuedLeaf> leaves = server.issued().of(WEB.dnsName());
    await(() -> server.ledger().reports().isSuperseded(leaves.get(1)));
    assertThat(server.ledger().reports().isSuperseded(leaves.get(0))).isFalse();
  }

  @Test
  void joinTokenOfACallThatEndedStaysGood() throws Exception {
    ByteString secret = joinToken();
    certifyUntil(endsWhileSigning, secret);

    await(() -> server.issued().of(WEB.dnsName()).size() == 1);
    IssuedLeaf leaf = server.issued().of(WEB.dnsName()).getFirst();
    await(() -> server.ledger().reports().isSuperseded(leaf));
    assertThat(certify(secret).get(60, TimeUnit.SECONDS).getLeafCertificate().isEmpty()).isFalse();
  }

  @Test
  void leafThatIsRefusedForAJoinTokenThatWasRevokedMeanwhileIsGivenUp() throws Exception {
    ByteString secret = joinToken();
    whileSigning.set(
        () ->
            admin()
                .revokeJoinToken(
                    RevokeJoinTokenRequest.newBuilder().setIdentity(WEB.dnsName()).build()));

    assertThatThrownBy(() -> certify(secret).get(60, TimeUnit.SECONDS))
        .hasMessageContaining("was revoked at");

    IssuedLeaf leaf = server.issued().of(WEB.dnsName()).getFirst();
    assertThat(server.ledger().reports().isSuperseded(leaf)).isTrue();
  }

  @Test
  void leafThatIsRefusedForAnIdentityThatWasRevokedMeanwhileIsGivenUp() throws Exception {
    whileSigning.set(
        () -> admin().revoke(RevokeRequest.newBuilder().setIdentity(WEB.dnsName()).build()));

    assertThatThrownBy(() -> certify(token()).get(60, TimeUnit.SECONDS))
        .hasMessageContaining("is revoked");

    IssuedLeaf leaf = server.issued().of(WEB.dnsName()).getFirst();
    assertThat(server.ledger().reports().isSuperseded(leaf)).isTrue();
  }

  @Test
  void leafOfACallThatFailsAfterTheRecordIsGivenUp() {
    failsBeforeItsAnswer.set(new IllegalStateException("made to fail"));

    assertThatThrownBy(() -> certify(token()).get(60, TimeUnit.SECONDS))
        .hasMessageContaining("INTERNAL");

    IssuedLeaf leaf = server.issued().of(WEB.dnsName()).getFirst();
    assertThat(server.ledger().reports().isSuperseded(leaf)).isTrue();
  }

  /** Nobody may look at the leaves before it is forgotten that the key was given up. */
  @Test
  void leafOfAKeyThatWasGivenUpBeforeIsGivenUpWhenItIsPutOnRecord() throws Exception {
    KeyPair pair = PrivateKeys.generate();
    long key = IssuedLeaf.keyDigest(Certificates.sha256(pair.getPublic()));
    server.ledger().reports().abandoned(WEB.dnsName(), Set.of(key), Instant.now());

    certify(token(), pair).get(60, TimeUnit.SECONDS);

    IssuedLeaf leaf = server.issued().of(WEB.dnsName()).getFirst();
    assertThat(server.ledger().reports().of(leaf.serial()))
        .hasValueSatisfying(report -> assertThat(report.superseded()).isTrue());
  }

  private void certifyUntil(
      AtomicReference<CompletableFuture<ListenableFuture<CertifyResponse>>> ends, ByteString token)
      throws Exception {
    CompletableFuture<ListenableFuture<CertifyResponse>> call = new CompletableFuture<>();
    ends.set(call);
    call.complete(certify(token));
  }

  private ListenableFuture<CertifyResponse> certify(ByteString token) throws Exception {
    return certify(token, PrivateKeys.generate());
  }

  private ListenableFuture<CertifyResponse> certify(ByteString token, KeyPair pair)
      throws Exception {
    return stub.certify(
        CertifyRequest.newBuilder()
            .setIdentity(WEB.dnsName())
            .setToken(token)
            .setCertificateSigningRequest(
                ByteString.copyFrom(SigningRequest.create(WEB.dnsName(), pair)))
            .build());
  }

  private ByteString token() {
    return ByteString.copyFromUtf8(
        tokens.issue(WEB.namespace(), WEB.serviceAccount(), java.time.Duration.ofHours(1)));
  }

  private IdentityAdminGrpc.IdentityAdminBlockingStub admin() {
    return IdentityAdminGrpc.newBlockingStub(local).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private ByteString joinToken() throws Exception {
    return ByteString.copyFromUtf8(
        admin()
            .createJoinToken(
                CreateJoinTokenRequest.newBuilder()
                    .setIdentity(WEB.dnsName())
                    .setTtl(Duration.newBuilder().setSeconds(60))
                    .build())
            .getTokens(0)
            .getSecret());
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }
}
