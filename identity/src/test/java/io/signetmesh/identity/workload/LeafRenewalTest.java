package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Metadata;
import io.grpc.Status;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
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
import java.util.HexFormat;
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
  private final List<Asked> askedByLeaf = new ArrayList<>();
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

  @Test
  void withoutTokenALeafThatLivesIsRenewedByItself() throws Exception {
    renewal().start();
    Files.delete(tokenFile);

    time.advance(Duration.ofHours(5));

    assertThat(asked).hasSize(1);
    assertThat(askedByLeaf).hasSizeGreaterThanOrEqualTo(6);
    CertifyRequest second = askedByLeaf.getFirst().request;
    assertThat(second.getToken().isEmpty()).isTrue();
    assertThat(second.getSignetCurrentSerial())
        .isEqualTo(Certificates.serial(obtained.getFirst().certificate().leaf()));
    assertThat(asked.getFirst().request.getSignetCurrentSerial()).isEmpty();
  }

  @Test
  void aSpentTokenIsFollowedByARenewalAtOnceAndNotSentAgainWhileTheLeafLives() throws Exception {
    renewal().start();
    server =
        request ->
            request.getToken().isEmpty()
                ? issue(request)
                : refused(Status.FAILED_PRECONDITION, "join_token_used", null);

    time.advance(Duration.ofHours(2));

    assertThat(asked).hasSize(2);
    assertThat(askedByLeaf.getFirst().at).isEqualTo(asked.get(1).at);
    assertThat(askedByLeaf).hasSizeGreaterThanOrEqualTo(2);
    assertThat(obtained).hasSize(1 + askedByLeaf.size());

    // Another token is newer proof than the leaf.
    Files.writeString(tokenFile, "second-token");
    time.advance(Duration.ofMinutes(45));
    assertThat(asked).hasSize(3);
    assertThat(asked.getLast().request.getToken().toStringUtf8()).isEqualTo("second-token");
  }

  @Test
  void anotherRefusalOfATokenIsNotFollowedByARenewal() throws Exception {
    renewal().start();
    server = request -> refused(Status.FAILED_PRECONDITION, "token_audience", null);

    time.advance(Duration.ofMinutes(50));

    assertThat(asked).hasSizeGreaterThan(1);
    assertThat(askedByLeaf).isEmpty();
  }

  @Test
  void aLeafThatHasExpiredIsNotShown() throws Exception {
    renewal().start();
    Files.delete(tokenFile);
    server = request -> CompletableFuture.failedFuture(Status.UNAVAILABLE.asException());
    time.advance(Duration.ofHours(2));
    int calls = askedByLeaf.size();

    time.advance(Duration.ofHours(1));

    assertThat(askedByLeaf).hasSize(calls);
  }

  @Test
  void anOverloadedServerIsAskedAgainWhenItSaysAndAtRandomAfterIt() throws Exception {
    server = request -> refused(Status.RESOURCE_EXHAUSTED, "overload", "4000");
    renewal().start();

    time.advance(Duration.ofSeconds(61));

    // 4 s and, of up to 2 s more, the half.
    assertThat(asked).hasSize(13);
    assertThat(Duration.between(asked.get(0).at, asked.get(1).at)).isEqualTo(Duration.ofSeconds(5));
  }

  @Test
  void aPushbackThatNobodyMeansIsNotBelieved() throws Exception {
    for (String pushback : List.of("-1", "x", "999999999999")) {
      asked.clear();
      server = request -> refused(Status.RESOURCE_EXHAUSTED, "overload", pushback);
      renewal().start();

      time.advance(Duration.ofSeconds(30));

      assertThat(asked).as(pushback).hasSizeGreaterThan(4);
    }
  }

  @Test
  void aLeafThatLivesForLongDoesNotWaitForItsScheduleWhenTheServerNamesATime() throws Exception {
    renewal().start();
    server = request -> refused(Status.UNAVAILABLE, "overload", "10000");
    time.advance(Duration.ofMinutes(43));
    assertThat(asked).hasSizeGreaterThan(3);
  }

  @Test
  void anAnchorChangeIsSpreadSoThatNotAllWorkloadsAskAtOnce() {
    LeafRenewal renewal = renewal();
    renewal.start();

    renewal.renewNow();

    assertThat(asked).hasSize(1);
    time.advance(Duration.ofMillis(999));
    assertThat(asked).hasSize(1);
    time.advance(Duration.ofMillis(1));
    assertThat(asked).hasSize(2);
  }

  private static final String OTHER_KEY = "ab".repeat(32);

  private static RenewalRequest request(String id, String issuerKey, Duration window) {
    return new RenewalRequest(id, issuerKey, window);
  }

  /** The key that signs the leaves. */
  private String issuerKey() {
    return HexFormat.of()
        .formatHex(
            Certificates.sha256(obtained.getFirst().certificate().chain().get(1).getPublicKey()));
  }

  /** A server that comes to the issuer asked for after some leaves of another. */
  private String issuerAfter(int leaves) throws Exception {
    Path elsewhere = Files.createDirectory(files.resolve("elsewhere"));
    EmbeddedAuthority next = EmbeddedAuthority.open(elsewhere, "signet", "cluster.local", time);
    trust = new TrustBundle(1, "cluster.local", List.of(trust.anchors().getFirst(), next.anchor()));
    CertificateAuthority coming =
        new CertificateAuthority(
            next, () -> trust, new IssuancePolicy(Duration.ofHours(1), Duration.ZERO), time);
    int[] left = {leaves};
    server =
        request ->
            left[0]-- > 0 ? issue(request) : done(response(coming, WEB, parse(request)).build());
    return HexFormat.of()
        .formatHex(Certificates.sha256(next.current().certificate().getPublicKey()));
  }

  @Test
  void aLeafOfAnotherIssuerIsRenewedAtARandomMomentOfTheWindow() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();
    String key = issuerAfter(0);

    renewal.follow(request("r1", key, Duration.ofMinutes(10)));

    time.advance(Duration.ofMinutes(5).minusMillis(1));
    assertThat(asked).hasSize(1);
    time.advance(Duration.ofMillis(1));
    assertThat(obtained).hasSize(2);
    time.advance(Duration.ofMinutes(40));
    assertThat(asked).as("own schedule from then on").hasSize(2);
  }

  @Test
  void aWindowOfZeroIsTwoSeconds() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();

    renewal.follow(request("r1", issuerAfter(0), Duration.ZERO));

    time.advance(Duration.ofMillis(999));
    assertThat(asked).hasSize(1);
    time.advance(Duration.ofMillis(1));
    assertThat(asked).hasSize(2);
  }

  @Test
  void aLeafOfTheIssuerAskedForIsNotRenewed() {
    LeafRenewal renewal = renewal();
    renewal.start();

    renewal.follow(request("r1", issuerKey(), Duration.ZERO));
    time.advance(Duration.ofMinutes(40));

    assertThat(asked).hasSize(1);
  }

  @Test
  void aRequestThatIsRepeatedBeginsNoNewWait() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();
    String key = issuerAfter(0);

    for (int minute = 0; minute < 6; minute++) {
      renewal.follow(request("r1", key, Duration.ofMinutes(10 - minute)));
      time.advance(Duration.ofMinutes(1));
    }

    assertThat(asked).hasSize(2);
    assertThat(asked.getLast().at).isEqualTo(START.plus(Duration.ofMinutes(5)));
  }

  @Test
  void aRequestThatIsWithdrawnBeforeItsMomentIsForgottenAndBeginsAnew() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();
    String key = issuerAfter(0);
    renewal.follow(request("r1", key, Duration.ofMinutes(10)));
    time.advance(Duration.ofMinutes(4));

    renewal.follow(null);
    time.advance(Duration.ofMinutes(30));

    assertThat(asked).hasSize(1);
    // A server that starts again may say so a moment late.
    renewal.follow(request("r1", key, Duration.ofMinutes(10)));
    time.advance(Duration.ofMinutes(10));
    assertThat(asked).hasSize(2);
  }

  @Test
  void theOwnScheduleIsKeptWhenItIsEarlier() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();

    renewal.follow(request("r1", issuerAfter(0), Duration.ofHours(2)));

    time.advance(Duration.ofMinutes(44));
    assertThat(obtained).hasSize(2);
    Instant first = asked.getLast().at;
    time.advance(Duration.ofMinutes(20));
    assertThat(asked).as("nothing at the moment of the request").hasSize(2);
    assertThat(Duration.between(START, first)).isLessThan(Duration.ofMinutes(44));
  }

  @Test
  void aLeafOfYetAnotherIssuerIsFollowedByAttemptsWithGrowingWaits() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();

    renewal.follow(request("r1", issuerAfter(4), Duration.ZERO));
    time.advance(Duration.ofMinutes(5));

    // One, and 0.9 s, 1.8 s, 3.6 s and 7.2 s after the one before.
    assertThat(obtained).hasSize(6);
    assertThat(waits(1)).containsExactly(900L, 1800L, 3600L, 7200L);
  }

  @Test
  void aServerThatNeverHasTheIssuerIsAskedRarelyInTheEnd() {
    LeafRenewal renewal = renewal();
    renewal.start();

    renewal.follow(request("r1", OTHER_KEY, Duration.ZERO));
    time.advance(Duration.ofHours(1));

    assertThat(asked).hasSizeBetween(15, 25);
    assertThat(waits(12)).allMatch(wait -> wait == 270_000L);
    renewal.follow(null);
    int calls = asked.size();
    time.advance(Duration.ofMinutes(30));
    assertThat(asked).as("withdrawn").hasSize(calls);
  }

  @Test
  void aFailureIsFollowedByAttemptsSoonThoughTheLeafLives() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();
    String key = issuerAfter(0);
    Server good = server;
    server = request -> CompletableFuture.failedFuture(Status.UNAVAILABLE.asException());

    renewal.follow(request("r1", key, Duration.ZERO));
    time.advance(Duration.ofMinutes(4));

    assertThat(waits(1)).startsWith(900L, 1800L, 3600L).endsWith(54_000L);
    server = good;
    time.advance(Duration.ofMinutes(1));
    assertThat(obtained).hasSize(2);
    int calls = asked.size();
    time.advance(Duration.ofMinutes(30));
    assertThat(asked).hasSize(calls);
  }

  @Test
  void anOverloadedServerThatAsksForRenewalsIsAskedWhenItSays() {
    LeafRenewal renewal = renewal();
    renewal.start();
    server = request -> refused(Status.RESOURCE_EXHAUSTED, "overload", "4000");

    renewal.follow(request("r1", OTHER_KEY, Duration.ZERO));
    time.advance(Duration.ofSeconds(30));

    assertThat(waits(1)).isNotEmpty().allMatch(wait -> wait == 5000L);
  }

  @Test
  void howeverManyRequestsComeTheyAreTenSecondsApart() {
    LeafRenewal renewal = renewal();
    renewal.start();

    for (int i = 0; i < 600; i++) {
      renewal.follow(request("r" + i / 10, OTHER_KEY, Duration.ofMillis(1)));
      time.advance(Duration.ofMillis(100));
    }

    // In a minute, and each with a few attempts of its own before the next comes.
    assertThat(asked.size()).isLessThan(60);
    asked.clear();
    server = request -> new CompletableFuture<>();
    LeafRenewal other = renewal();
    other.start();
    assertThat(asked).hasSize(1);
  }

  @Test
  void twoRequestsInARowAreTenSecondsApart() {
    LeafRenewal renewal = renewal();
    renewal.start();
    renewal.follow(request("r1", OTHER_KEY, Duration.ZERO));
    time.advance(Duration.ofSeconds(1));
    assertThat(asked).hasSize(2);

    renewal.follow(request("r2", OTHER_KEY, Duration.ZERO));
    time.advance(Duration.ofSeconds(10).minusMillis(1));
    assertThat(asked).hasSize(2);
    time.advance(Duration.ofMillis(1));

    assertThat(asked).hasSize(3);
  }

  @Test
  void aRequestThatComesWhileAnAttemptIsOnItsWayIsKept() throws Exception {
    LeafRenewal renewal = renewal();
    renewal.start();
    String key = issuerAfter(0);
    Server good = server;
    List<CompletableFuture<CertifyResponse>> slow = new ArrayList<>();
    List<CertifyRequest> requests = new ArrayList<>();
    server =
        request -> {
          requests.add(request);
          slow.add(new CompletableFuture<>());
          return slow.getLast();
        };
    renewal.renewNow();
    time.advance(Duration.ofSeconds(1));
    assertThat(slow).hasSize(1);

    renewal.follow(request("r1", key, Duration.ZERO));
    time.advance(Duration.ofSeconds(5));
    assertThat(slow).as("one attempt at a time").hasSize(1);
    server = good;
    slow.getFirst().complete(response(authority, WEB, parse(requests.getFirst())).build());
    time.advance(Duration.ofSeconds(1));

    assertThat(obtained).hasSize(3);
  }

  @Test
  void aKeyIsGivenUpWhenItsAnswerIsLostOrNotTakenAndNotWhenItIsRefused() throws Exception {
    server = request -> CompletableFuture.failedFuture(Status.DEADLINE_EXCEEDED.asException());
    renewal().start();
    ByteString lost = key(asked.getLast());
    assertThat(abandoned.digests()).containsExactly(lost);

    server = request -> done(CertifyResponse.getDefaultInstance());
    time.advance(Duration.ofMillis(200));
    ByteString notTaken = key(asked.getLast());
    assertThat(abandoned.digests()).containsExactly(notTaken, lost);

    server = request -> refused(Status.UNAVAILABLE, "overload", null);
    time.advance(Duration.ofMillis(400));
    server = this::issue;
    time.advance(Duration.ofSeconds(1));

    assertThat(obtained).hasSize(1);
    assertThat(asked).hasSize(4);
    assertThat(abandoned.digests()).containsExactly(notTaken, lost);
  }

  @Test
  void theLastSixteenKeysThatWereGivenUpAreKnown() throws Exception {
    server = request -> CompletableFuture.failedFuture(Status.UNAVAILABLE.asException());
    renewal().start();

    time.advance(Duration.ofMinutes(10));

    assertThat(asked).hasSizeGreaterThan(17);
    assertThat(abandoned.digests()).hasSize(16).startsWith(key(asked.getLast()));
  }

  private static ByteString key(Asked call) throws Exception {
    return ByteString.copyFrom(Certificates.sha256(parse(call.request).publicKey()));
  }

  /** Milliseconds between the attempts, from one of them on. */
  private List<Long> waits(int from) {
    List<Long> waits = new ArrayList<>();
    for (int i = from + 1; i < asked.size(); i++) {
      waits.add(Duration.between(asked.get(i - 1).at, asked.get(i).at).toMillis());
    }
    return waits;
  }

  private final AbandonedKeys abandoned = new AbandonedKeys();

  private LeafRenewal renewal() {
    return new LeafRenewal(
        WEB.dnsName(),
        tokenFile,
        () -> trust,
        request -> ask(asked, request),
        request -> ask(askedByLeaf, request),
        obtained::add,
        new RefreshSchedule(MIN, Duration.ofHours(24), () -> 0.5),
        abandoned,
        time,
        time);
  }

  private CompletionStage<CertifyResponse> ask(List<Asked> calls, CertifyRequest request) {
    calls.add(new Asked(time.instant(), request));
    try {
      return server.answer(request);
    } catch (Exception e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static CompletionStage<CertifyResponse> refused(
      Status status, @Nullable String reason, @Nullable String pushback) {
    Metadata trailers = new Metadata();
    if (reason != null) {
      trailers.put(RefusalTrailers.REASON, reason);
    }
    if (pushback != null) {
      trailers.put(RefusalTrailers.PUSHBACK, pushback);
    }
    return CompletableFuture.failedFuture(status.asRuntimeException(trailers));
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
