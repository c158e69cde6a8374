package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.EmbeddedAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeafRenewalTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final WorkloadIdentity CART =
      new WorkloadIdentity("cart", "shop", "signet", "cluster.local");
  private static final Duration MIN = Duration.ofSeconds(10);

  @TempDir Path state;
  @TempDir Path files;

  private final ManualTimer time = new ManualTimer(START);
  private final List<Asked> asked = new ArrayList<>();
  private final List<CertifyAnswer> obtained = new ArrayList<>();
  private Server server = this::issue;
  private Path tokenFile;
  private CertificateAuthority authority;
  private TrustBundle trust;

  private record Asked(Instant at, CertifyRequest request) {}

  private interface Server {
    CompletionStage<CertifyResponse> answer(CertifyRequest request) throws Exception;
  }

  @BeforeEach
  void start() throws Exception {
    tokenFile = Files.writeString(files.resolve("token"), "first-token");
    EmbeddedAuthority embedded = EmbeddedAuthority.open(state, "signet", "cluster.local", time);
    trust = new TrustBundle(0, "cluster.local", List.of(embedded.anchor()));
    authority = authority(Duration.ofHours(1));
  }

  @Test
  void asksAtOnceWithTheTokenAndARequestOfTheOwnName() throws Exception {
    renewal().start();

    CertifyRequest request = asked.getFirst().request;
    assertThat(request.getIdentity()).isEqualTo(WEB.dnsName());
    assertThat(request.getToken().toStringUtf8()).isEqualTo("first-token");
    SigningRequest csr = SigningRequest.parse(request.getCertificateSigningRequest().toByteArray());
    csr.requireNames(WEB);
    csr.requirePossession();
    assertThat(obtained).hasSize(1);
    assertThat(obtained.getFirst().certificate().leaf().getPublicKey()).isEqualTo(csr.publicKey());
  }

  @Test
  void renewsAtSevenTenthsOfTheLifeWithAFreshKeyEachTime() {
    renewal().start();

    time.advance(Duration.ofHours(5));

    assertThat(obtained).hasSizeGreaterThanOrEqualTo(7);
    HashSet<PublicKey> keys = new HashSet<>();
    for (int i = 0; i < obtained.size(); i++) {
      assertThat(keys.add(obtained.get(i).certificate().leaf().getPublicKey())).isTrue();
      if (i > 0) {
        Duration wait = Duration.between(asked.get(i - 1).at, asked.get(i).at);
        assertThat(wait).isBetween(Duration.ofMinutes(40), Duration.ofMinutes(44));
        assertThat(asked.get(i).at).isBefore(obtained.get(i - 1).validUntil());
      }
    }
  }

  @Test
  void attemptsGetDenserWhileTheControlPlaneIsGoneAndTheLeafLives() {
    renewal().start();
    server = request -> CompletableFuture.failedFuture(Status.UNAVAILABLE.asException());

    time.advance(Duration.ofHours(1));

    assertThat(asked).hasSizeGreaterThanOrEqualTo(4);
    for (int i = 2; i < asked.size(); i++) {
      Instant until = obtained.getFirst().validUntil();
      if (asked.get(i).at.isBefore(until)) {
        assertThat(Duration.between(asked.get(i - 1).at, asked.get(i).at))
            .isLessThan(Duration.between(asked.get(i - 2).at, asked.get(i - 1).at));
      }
    }
  }

  @Test
  void controlPlaneThatComesBackAfterTheLeafExpiredIsFoundWithinTheShortestWait() {
    LeafRenewal renewal = renewal();
    renewal.start();
    server = request -> CompletableFuture.failedFuture(Status.UNAVAILABLE.asException());
    time.advance(Duration.ofHours(10));
    assertThat(obtained).hasSize(1);
    assertThat(renewal.failures()).isGreaterThan(100);

    server = this::issue;
    time.advance(MIN);

    assertThat(obtained).hasSize(2);
    assertThat(obtained.getLast().validUntil()).isAfter(time.instant());
  }

  @Test
  void noCallIsMadeWithoutTokenAndTheFileIsReadAnewEachTime() throws Exception {
    Files.delete(tokenFile);
    LeafRenewal renewal = renewal();
    renewal.start();
    time.advance(Duration.ofMinutes(1));
    assertThat(asked).isEmpty();
    assertThat(renewal.failures()).isGreaterThan(3);

    Files.writeString(tokenFile, "second-token");
    time.advance(MIN);
    assertThat(asked).hasSize(1);
    assertThat(asked.getFirst().request.getToken().toStringUtf8()).isEqualTo("second-token");

    Files.writeString(tokenFile, "third-token");
    time.advance(Duration.ofHours(1));
    assertThat(asked.get(1).request.getToken().toStringUtf8()).isEqualTo("third-token");
  }

  @Test
  void emptyAndHugeTokenFilesAreNotSent() throws Exception {
    for (int size : new int[] {0, 64 * 1024 + 1}) {
      Files.write(tokenFile, new byte[size]);
      LeafRenewal renewal = renewal();
      renewal.start();

      assertThat(renewal.failures()).isEqualTo(1);
      assertThat(asked).isEmpty();
    }
  }

  @Test
  void answersThatAreNotForThisKeyAndNameAreNotUsed(@TempDir Path elsewhere) throws Exception {
    EmbeddedAuthority foreign = EmbeddedAuthority.open(elsewhere, "signet", "cluster.local", time);
    TrustBundle foreignTrust = trust(foreign.anchor());
    CertificateAuthority stranger =
        new CertificateAuthority(foreign, () -> foreignTrust, IssuancePolicy.DEFAULT, time);
    List<Server> bad =
        List.of(
            request -> done(response(authority, WEB, csr(WEB)).build()),
            request -> done(response(authority, CART, csr(CART)).build()),
            request -> done(response(stranger, WEB, parse(request)).build()),
            request -> done(response(authority, WEB, parse(request)).clearValidUntil().build()),
            request -> done(response(authority, WEB, parse(request)).setValidUntil(past()).build()),
            request ->
                done(response(authority, WEB, parse(request)).setValidUntil(never()).build()),
            request ->
                done(
                    response(authority, WEB, parse(request))
                        .clearIntermediateCertificates()
                        .build()),
            request ->
                done(
                    response(authority, WEB, parse(request))
                        .setLeafCertificate(ByteString.copyFromUtf8("garbage"))
                        .build()),
            request -> done(CertifyResponse.getDefaultInstance()));
    for (Server answers : bad) {
      server = answers;
      LeafRenewal renewal = renewal();

      renewal.start();

      assertThat(renewal.failures()).isEqualTo(1);
      assertThat(renewal.refreshes()).isZero();
    }
    assertThat(obtained).isEmpty();
  }

  @Test
  void endThatTheServerNamesIsUsedWhenItComesBeforeTheLeafs() {
    Instant until = START.plusSeconds(600);
    server =
        request ->
            done(
                response(authority, WEB, parse(request))
                    .setValidUntil(Timestamp.newBuilder().setSeconds(until.getEpochSecond()))
                    .build());

    renewal().start();

    assertThat(obtained.getFirst().validUntil()).isEqualTo(until);
  }

  @Test
  void oneAttemptAtATime() {
    CompletableFuture<CertifyResponse> slow = new CompletableFuture<>();
    server = request -> slow;
    LeafRenewal renewal = renewal();
    renewal.start();
    renewal.renewNow();
    renewal.renewNow();
    assertThat(asked).hasSize(1);

    slow.completeExceptionally(Status.DEADLINE_EXCEEDED.asException());
    server = this::issue;
    time.advance(Duration.ofSeconds(1));

    assertThat(asked).hasSize(2);
    assertThat(obtained).hasSize(1);
  }

  @Test
  void leafThatIsOfNoUseIsAskedForInShortIntervalsAlthoughItLives() {
    LeafRenewal renewal = renewal();
    renewal.start();
    server = request -> CompletableFuture.failedFuture(Status.UNAVAILABLE.asException());

    renewal.renewNow();
    time.advance(Duration.ofMinutes(1));

    assertThat(asked).hasSizeGreaterThan(6);
    server = this::issue;
    time.advance(MIN);
    assertThat(obtained).hasSize(2);
    int calls = asked.size();
    time.advance(Duration.ofMinutes(30));
    assertThat(asked).hasSize(calls);
  }

  private LeafRenewal renewal() {
    return new LeafRenewal(
        WEB.dnsName(),
        tokenFile,
        () -> trust,
        request -> {
          asked.add(new Asked(time.instant(), request));
          try {
            return server.answer(request);
          } catch (Exception e) {
            return CompletableFuture.failedFuture(e);
          }
        },
        obtained::add,
        new RefreshSchedule(MIN, Duration.ofHours(24), () -> 0.5),
        time,
        time);
  }

  private CertificateAuthority authority(Duration lifetime) throws Exception {
    EmbeddedAuthority embedded = EmbeddedAuthority.open(state, "signet", "cluster.local", time);
    return new CertificateAuthority(
        embedded, () -> trust, new IssuancePolicy(lifetime, Duration.ZERO), time);
  }

  private CompletionStage<CertifyResponse> issue(CertifyRequest request) throws Exception {
    return done(response(authority, WEB, parse(request)).build());
  }

  private static CertifyResponse.Builder response(
      CertificateAuthority authority, WorkloadIdentity identity, SigningRequest request)
      throws Exception {
    List<X509Certificate> chain = authority.issue(identity, request);
    CertifyResponse.Builder response =
        CertifyResponse.newBuilder()
            .setLeafCertificate(ByteString.copyFrom(Certificates.der(chain.getFirst())))
            .setValidUntil(
                Timestamp.newBuilder()
                    .setSeconds(chain.getFirst().getNotAfter().toInstant().getEpochSecond()));
    for (X509Certificate intermediate : chain.subList(1, chain.size())) {
      response.addIntermediateCertificates(ByteString.copyFrom(Certificates.der(intermediate)));
    }
    return response;
  }

  private static TrustBundle trust(X509Certificate anchor) {
    return new TrustBundle(0, "cluster.local", List.of(anchor));
  }

  private static CompletionStage<CertifyResponse> done(@Nullable CertifyResponse response) {
    return CompletableFuture.completedFuture(response);
  }

  private static SigningRequest parse(CertifyRequest request) throws Exception {
    return SigningRequest.parse(request.getCertificateSigningRequest().toByteArray());
  }

  private static SigningRequest csr(WorkloadIdentity identity) throws Exception {
    return SigningRequest.parse(SigningRequest.create(identity.dnsName(), PrivateKeys.generate()));
  }

  private static Timestamp past() {
    return Timestamp.newBuilder().setSeconds(START.getEpochSecond() - 1).build();
  }

  private static Timestamp never() {
    return Timestamp.newBuilder().setSeconds(Long.MAX_VALUE).build();
  }
}
