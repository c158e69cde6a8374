package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.jwt.JwtSigningKeys;
import io.signetmesh.identity.jwt.JwtSvid;
import io.signetmesh.identity.jwt.JwtSvidIssuer;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.JwtSvidsGrpc;
import io.signetmesh.v1.MintJwtSvidRequest;
import io.signetmesh.v1.MintJwtSvidResponse;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(90)
class JwtSvidsIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  @TempDir Path state;
  @TempDir Path files;

  private final InstantSource clock = InstantSource.system();
  private final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private WorkloadTokens tokens;
  private IdentityServer server;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    server =
        keep(
            IdentityServer.start(
                new IdentityServer.Config(
                    state,
                    SERVER,
                    new InetSocketAddress("127.0.0.1", 0),
                    false,
                    new IssuancePolicy(Duration.ofMinutes(2), Duration.ZERO),
                    null),
                Attestation.of(tokens),
                loops,
                audit::add,
                clock));
    audit.clear();
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void aWorkloadGetsATokenOfItsOwnSpiffeIdThatTheBundleVouchesFor() throws Exception {
    IdentityClient client = client();
    Instant leafEnd = client.firstCredentials().get(20, TimeUnit.SECONDS).certificate().notAfter();

    MintJwtSvidResponse minted =
        client.mintJwtSvid(List.of("payments", "ledger")).get(20, TimeUnit.SECONDS);

    assertThat(minted.getSpiffeId()).isEqualTo(WEB.spiffeId());
    await(() -> !client.credentials().trust().jwtAuthorities().isEmpty());
    TrustBundle bundle = client.credentials().trust();
    for (String audience : List.of("payments", "ledger")) {
      JwtSvid svid =
          JwtSvid.verify(minted.getToken(), audience, domain -> Optional.of(bundle), clock);
      assertThat(svid.subject().toString()).isEqualTo(WEB.spiffeId());
    }
    // 5 minutes is the default life, but the leaf lives for 2.
    assertThat(Instant.ofEpochSecond(minted.getExpiresAt().getSeconds())).isEqualTo(leafEnd);
    AdministrativeEvent event = event("jwt-svid-issued");
    assertThat(event.subject()).isEqualTo(WEB.dnsName());
    assertThat(event.attributes())
        .containsEntry("audiences", "\"payments\" \"ledger\"")
        .containsEntry("not_after", leafEnd.toString())
        .containsKeys("id", "key");
    assertThat(event.toString()).doesNotContain(minted.getToken());
  }

  @Test
  void aCallerWithoutCertificateGetsNone() {
    TrustBundle anchors = server.bundles().get().withVersion(0);
    ManagedChannel channel =
        ControlChannel.openAnonymous(address(), SERVER.dnsName(), () -> anchors, clock, loops);
    open.add(channel::shutdownNow);

    assertThatThrownBy(
            () ->
                JwtSvidsGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(20, TimeUnit.SECONDS)
                    .mint(MintJwtSvidRequest.newBuilder().addAudience("payments").build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED));
  }

  @Test
  void audiencesAreBounded() throws Exception {
    Unit unit = new Unit();

    unit.refused(List.of(), Status.Code.INVALID_ARGUMENT, "0 audiences: expected 1 to 16");
    unit.refused(List.of("a", "a"), Status.Code.INVALID_ARGUMENT, "an audience is given twice");
    unit.refused(List.of(" "), Status.Code.INVALID_ARGUMENT, "not all blank");
    unit.refused(List.of("a".repeat(257)), Status.Code.INVALID_ARGUMENT, "of 257 characters");
    unit.refused(
        IntStream.range(0, 17).mapToObj(Integer::toString).toList(),
        Status.Code.INVALID_ARGUMENT,
        "17 audiences");
    assertThat(event("jwt-svid-refused").attributes()).containsEntry("code", "INVALID_ARGUMENT");
  }

  @Test
  void aRevokedCallerGetsNone() throws Exception {
    Unit unit = new Unit();
    unit.revoked.set(RevocationList.of(1, List.of(), List.of(WEB.spiffeId())));

    unit.refused(List.of("payments"), Status.Code.PERMISSION_DENIED, "is revoked");
  }

  @Test
  void aCallerOfAnotherTrustDomainGetsNone() throws Exception {
    Unit unit = new Unit();
    String foreign = "spiffe://other.example/web";
    unit.names = new PeerIdentity(foreign, List.of(foreign), true);
    unit.refused(List.of("payments"), Status.Code.PERMISSION_DENIED, "is no workload of");

    String other = "web.shop.serviceaccount.identity.signet.other.example";
    unit.names = new PeerIdentity(other, List.of(other));
    unit.refused(List.of("payments"), Status.Code.PERMISSION_DENIED, "is no workload of");
  }

  @Test
  void aCallerWhoseTwoNamesDifferGetsNone() throws Exception {
    Unit unit = new Unit();
    unit.names =
        new PeerIdentity(
            WEB.dnsName(), List.of(WEB.dnsName(), "spiffe://cluster.local/ns/shop/sa/cart"));

    unit.refused(List.of("payments"), Status.Code.PERMISSION_DENIED, "is no workload of");
  }

  @Test
  void aConnectionThatOutlivesItsCertificateGetsNone() throws Exception {
    Unit unit = new Unit();
    unit.now = unit.end;

    unit.refused(List.of("payments"), Status.Code.UNAUTHENTICATED, "certificate expired at");
  }

  @Test
  void aCallerThatAsksTooOftenIsSlowedDown() throws Exception {
    Unit unit = new Unit();
    for (int i = 0; i < CallerRates.BURST; i++) {
      assertThat(unit.mint(List.of("payments")).getToken()).isNotEmpty();
    }
    unit.refused(List.of("payments"), Status.Code.RESOURCE_EXHAUSTED, "tokens a second");

    unit.now = unit.now.plusSeconds(1);
    assertThat(unit.mint(List.of("payments")).getToken()).isNotEmpty();
  }

  /** The service alone, with a caller and a clock of the test. */
  private final class Unit {
    private final TestPki pki = TestPki.create("unit");
    private final List<X509Certificate> path =
        new ArrayList<>(pki.certificate(WEB.dnsName()).chain());
    private final Instant end = new VerifiedPeer(identity(), path).notAfter();
    private final AtomicReference<RevocationList> revoked =
        new AtomicReference<>(RevocationList.NONE);
    private final JwtSvidService service;
    private PeerIdentity names = identity();
    private Instant now = clock.instant();

    Unit() throws Exception {
      List<List<JwtAuthority>> published = new ArrayList<>(List.of(List.of()));
      JwtSigningKeys keys =
          JwtSigningKeys.open(
              files,
              new JwtSigningKeys.Publisher() {
                @Override
                public List<JwtAuthority> published() {
                  return published.getLast();
                }

                @Override
                public void publish(List<JwtAuthority> authorities) {
                  published.add(authorities);
                }
              },
              () -> now);
      service =
          new JwtSvidService(
              SERVER,
              new JwtSvidIssuer(keys, () -> now),
              revoked::get,
              audit::add,
              new JwtSvidMeters(ServerMeters.none().registry()),
              () -> now);
    }

    private static PeerIdentity identity() {
      return new PeerIdentity(WEB.dnsName(), List.of(WEB.dnsName(), WEB.spiffeId()));
    }

    MintJwtSvidResponse mint(List<String> audiences) throws Exception {
      List<MintJwtSvidResponse> answers = new ArrayList<>();
      List<Throwable> errors = new ArrayList<>();
      Context.current()
          .withValue(Caller.PEER, new VerifiedPeer(names, path))
          .run(
              () ->
                  service.mint(
                      MintJwtSvidRequest.newBuilder().addAllAudience(audiences).build(),
                      new StreamObserver<>() {
                        @Override
                        public void onNext(MintJwtSvidResponse response) {
                          answers.add(response);
                        }

                        @Override
                        public void onError(Throwable error) {
                          errors.add(error);
                        }

                        @Override
                        public void onCompleted() {}
                      }));
      if (!errors.isEmpty()) {
        throw (Exception) errors.getFirst();
      }
      return answers.getFirst();
    }

    void refused(List<String> audiences, Status.Code code, String why) {
      assertThatThrownBy(() -> mint(audiences))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> {
                assertThat(e.getStatus().getCode()).isEqualTo(code);
                assertThat(e.getStatus().getDescription()).contains(why);
              });
    }
  }

  private AdministrativeEvent event(String act) throws InterruptedException {
    AuditEvent event;
    while ((event = audit.poll(20, TimeUnit.SECONDS)) != null) {
      if (event instanceof AdministrativeEvent known && known.act().equals(act)) {
        return known;
      }
    }
    throw new AssertionError("no event " + act);
  }

  private IdentityClient client() throws Exception {
    Path token = files.resolve("web.token");
    tokens.issueTo(token, "shop", "web", Duration.ofMinutes(5));
    return keep(
        IdentityClient.start(
            IdentityClient.Config.of(
                WEB.dnsName(),
                token,
                server.bundles().get().withVersion(0),
                address(),
                SERVER.dnsName()),
            loops,
            clock));
  }

  private ControlChannel.Address address() {
    return new ControlChannel.Address("127.0.0.1", server.address().getPort());
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private static void await(BooleanSupplier condition) {
    Instant end = Instant.now().plusSeconds(20);
    while (!condition.getAsBoolean()) {
      assertThat(Instant.now()).isBefore(end);
      LockSupport.parkNanos(10_000_000);
    }
  }
}
