package io.signetmesh.identity.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.DefaultEventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.signetmesh.identity.live.LiveConnection.Notice;
import io.signetmesh.identity.live.LivePeers.Registration;
import io.signetmesh.identity.live.LivePeers.Side;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import java.math.BigInteger;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LivePeersTest {
  private static final String NAME = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String FOREIGN = "spiffe://other.example/ns/shop/sa/web";
  private static final Instant START = TestPki.START;

  private final TestPki pki = TestPki.create("a");
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final List<String> told = new ArrayList<>();
  private volatile PeerTrust trust = PeerTrust.of(pki.trust());
  private Instant now = START;
  private int cuts;

  private final LiveConnection connection =
      new LiveConnection() {
        @Override
        public void notice(Notice notice) {
          told.add(notice.name());
        }

        @Override
        public void record(Cause cause, String why) {
          told.add(cause.code() + ": " + why);
        }

        @Override
        public void cut() {
          cuts++;
        }
      };

  private LivePeers peers(Duration grace) {
    channel.freezeTime();
    return new LivePeers(() -> trust, () -> now, grace, () -> 0);
  }

  /** A peer whose leaf is valid for so long from the start on. */
  private VerifiedPeer peer(String name, Duration valid) {
    X509Certificate leaf = leaf(name, valid);
    return new VerifiedPeer(
        new PeerIdentity(name, List.of(name), name.startsWith("spiffe:")),
        List.of(leaf, pki.issuer().getCertificate(), pki.anchor().getCertificate()));
  }

  private X509Certificate leaf(String name, Duration valid) {
    return TestPki.issued(
            TestPki.leaf(name.startsWith("spiffe:") ? "foreign" : name)
                .notBefore(START)
                .notAfter(START.plus(valid)),
            pki.issuer())
        .getCertificate();
  }

  private Registration follow(LivePeers peers, Side side, VerifiedPeer peer) {
    return follow(peers, side, peer, null);
  }

  private Registration follow(
      LivePeers peers, Side side, VerifiedPeer peer, @Nullable X509Certificate own) {
    return peers.register(channel.eventLoop(), side, peer, own, connection);
  }

  private void advance(Duration time) {
    now = now.plus(time);
    channel.advanceTimeBy(time.toMillis(), TimeUnit.MILLISECONDS);
    channel.runPendingTasks();
  }

  /** Also at those that a loop leaves for its next slice. */
  private void lookAtAll(LivePeers peers) {
    peers.changed();
    channel.runPendingTasks();
    advance(Duration.ofSeconds(1));
  }

  private void revoke(String... identities) {
    trust =
        trust.withRevoked(
            RevocationList.of(trust.revoked().number() + 1, List.of(), List.of(identities)));
  }

  @Test
  void aFailureWhileAPeerIsLookedAtKeepsNoOtherPeerConnected() {
    AtomicInteger failures = new AtomicInteger();
    channel.freezeTime();
    LivePeers peers =
        new LivePeers(
            () -> {
              if (failures.getAndDecrement() > 0) {
                throw new IllegalStateException("no trust for a moment");
              }
              return trust;
            },
            () -> now,
            Duration.ofHours(1),
            () -> 0);
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofDays(1)));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofDays(1)));
    revoke(NAME);

    failures.set(1);
    lookAtAll(peers);
    assertThat(told).as("the other one").hasSize(1);

    lookAtAll(peers);
    assertThat(told).as("both, at the next change").hasSize(2);
  }

  @Test
  void aConnectionThatCannotBeToldOfItsEndIsCutAllTheSame() {
    LivePeers peers = peers(Duration.ZERO);
    List<String> lost = new ArrayList<>();
    peers.register(
        channel.eventLoop(),
        Side.ACCEPTED,
        peer(NAME, Duration.ofHours(1)),
        null,
        new LiveConnection() {
          @Override
          public void notice(Notice notice) {
            throw new IllegalStateException("no");
          }

          @Override
          public void record(Cause cause, String why) {
            lost.add(cause.code());
          }

          @Override
          public void cut() {
            lost.add("cut");
          }
        });

    for (int minute = 0; minute < 65; minute++) {
      advance(Duration.ofMinutes(1));
    }

    assertThat(lost).containsExactly("peer-expired", "cut");
  }

  @Test
  void aConnectionWhoseEndCannotBePutOnRecordIsCutAllTheSame() {
    LivePeers peers = peers(Duration.ofHours(1));
    List<String> cut = new ArrayList<>();
    peers.register(
        channel.eventLoop(),
        Side.ACCEPTED,
        peer(NAME, Duration.ofDays(1)),
        null,
        new LiveConnection() {
          @Override
          public void record(Cause cause, String why) {
            throw new IllegalStateException("no record");
          }

          @Override
          public void cut() {
            cut.add("first");
          }
        });
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofDays(1)));
    revoke(NAME);
    lookAtAll(peers);

    assertThat(cut).containsExactly("first");
    assertThat(cuts).as("the other one").isOne();
  }

  @Test
  void revokedPeerIsLostWhenTheListChanges() {
    LivePeers peers = peers(Duration.ofHours(1));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofDays(1)));
    revoke(NAME);
    peers.changed();
    channel.runPendingTasks();
    assertThat(told).singleElement().asString().startsWith("peer-revoked: identity \"" + NAME);
    assertThat(cuts).isOne();
    assertThat(channel.runScheduledPendingTasks()).as("no timer is left").isEqualTo(-1);
  }

  @Test
  void certificateAboveTheLeafRevokesToo() {
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofDays(1)));
    X509Certificate issuer = pki.issuer().getCertificate();
    trust =
        trust.withRevoked(
            RevocationList.of(
                1,
                List.of(
                    new RevocationList.Entry(
                        issuer.getIssuerX500Principal(), issuer.getSerialNumber())),
                List.of()));
    peers.changed();
    channel.runPendingTasks();
    assertThat(told).singleElement().asString().startsWith("peer-revoked: certificate ");
  }

  /** The handshake used the list before; the newest one is asked at the registration. */
  @Test
  void listThatArrivesBetweenHandshakeAndRegistrationIsNotMissed() {
    LivePeers peers = peers(Duration.ZERO);
    VerifiedPeer verified = peer(NAME, Duration.ofDays(1));
    revoke(NAME);
    peers.changed();
    channel.runPendingTasks();
    follow(peers, Side.DIALLED, verified);
    assertThat(told).singleElement().asString().startsWith("peer-revoked");
  }

  @Test
  void othersOfTheLoopStay() {
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.ACCEPTED, peer("other." + NAME, Duration.ofDays(1)));
    revoke(NAME);
    peers.changed();
    channel.runPendingTasks();
    assertThat(told).isEmpty();
  }

  @Test
  void peerOfATrustDomainThatIsNotFederatedAnyMoreIsLost() {
    LivePeers peers = peers(Duration.ofHours(1));
    TrustBundle foreign =
        new TrustBundle(1, "other.example", List.of(pki.anchor().getCertificate()));
    trust = trust.withFederated(List.of(foreign));
    follow(peers, Side.ACCEPTED, peer(FOREIGN, Duration.ofDays(1)));
    assertThat(told).isEmpty();
    trust = trust.withFederated(List.of());
    peers.changed();
    channel.runPendingTasks();
    assertThat(told)
        .containsExactly(
            "peer-untrusted: trust domain \"other.example\" is not federated any more");
  }

  @Test
  void peerUnderOwnAnchorsIsLostWhenItsTrustDomainBecomesFederated() {
    VerifiedPeer spire =
        new VerifiedPeer(
            new PeerIdentity(NAME, List.of(NAME, FOREIGN), false),
            List.of(
                leaf(NAME, Duration.ofDays(1)),
                pki.issuer().getCertificate(),
                pki.anchor().getCertificate()));
    PeerTrust before = trust;
    LivePeers peers = peers(Duration.ofHours(1));
    follow(peers, Side.ACCEPTED, spire);
    assertThat(told).isEmpty();
    trust = before.withForeignDomains(Set.of("other.example"));
    peers.changed();
    channel.runPendingTasks();
    trust =
        before.withFederated(
            List.of(
                new TrustBundle(
                    1,
                    "other.example",
                    List.of(TestPki.create("other").anchor().getCertificate()))));
    follow(peers, Side.ACCEPTED, spire);
    assertThat(told)
        .hasSize(2)
        .allSatisfy(
            why ->
                assertThat(why)
                    .startsWith("peer-untrusted: trust domain \"other.example\" is federated"));
  }

  @Test
  void peerWhoseAnchorHasLeftTheBundleHasHalfAMinuteToComeBack() {
    LivePeers peers = peers(Duration.ofHours(1));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofDays(1)));
    TestPki next = TestPki.create("b");
    trust = trust.withOwn(next.trust().withVersion(2));
    peers.changed();
    channel.runPendingTasks();
    assertThat(told).isEmpty();
    advance(Duration.ofSeconds(29));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
    advance(Duration.ofSeconds(1));
    assertThat(told).hasSize(3).last().asString().startsWith("peer-untrusted: anchor ");
  }

  /** The old anchor leaves the bundle for another one. */
  private void replaceAnchor(Set<String> retired) {
    trust =
        trust
            .withOwn(TestPki.create("b").trust().withVersion(trust.own().version() + 1))
            .withRetiredAnchors(retired);
  }

  private String fingerprint() {
    return Certificates.fingerprint(pki.anchor().getCertificate());
  }

  @Test
  void peerWhoseAnchorIsRetiredStaysUntilItsCertificateEnds() {
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)));
    replaceAnchor(Set.of(fingerprint()));
    lookAtAll(peers);

    advance(Duration.ofHours(24).minusMinutes(5));
    assertThat(told).isEmpty();
    advance(Duration.ofMinutes(4));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
    advance(Duration.ofMinutes(1));
    assertThat(told).hasSize(3).last().asString().startsWith("peer-expired: certificate ");
  }

  /** The handshake was before the change, the registration is after it. */
  @Test
  void peerThatIsRegisteredAfterItsAnchorWasRetiredStays() {
    LivePeers peers = peers(Duration.ZERO);
    replaceAnchor(Set.of(fingerprint()));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)));
    advance(Duration.ofHours(1));
    assertThat(told).isEmpty();
  }

  @Test
  void peerUnderARetiredAnchorIsCutAtOnceWhenItIsRevoked() {
    LivePeers peers = peers(Duration.ofHours(1));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)));
    replaceAnchor(Set.of(fingerprint()));
    lookAtAll(peers);
    revoke(NAME);
    lookAtAll(peers);
    assertThat(told).singleElement().asString().startsWith("peer-revoked");
  }

  @Test
  void anchorThatLeavesTheRetiredOnesLeavesItsPeersHalfAMinute() {
    LivePeers peers = peers(Duration.ofHours(1));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)));
    replaceAnchor(Set.of(fingerprint()));
    lookAtAll(peers);
    advance(Duration.ofHours(1));
    trust = trust.withRetiredAnchors(Set.of("ab".repeat(32)));
    lookAtAll(peers);

    advance(Duration.ofSeconds(28));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
    advance(Duration.ofSeconds(1));
    assertThat(told).hasSize(3).last().asString().startsWith("peer-untrusted: anchor ");
  }

  @Test
  void anchorThatComesBackInTimeKeepsItsPeers() {
    for (boolean retired : new boolean[] {false, true}) {
      told.clear();
      PeerTrust before = trust;
      LivePeers peers = peers(Duration.ZERO);
      Registration registration = follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(300)));
      replaceAnchor(Set.of());
      lookAtAll(peers);
      advance(Duration.ofSeconds(10));
      trust = retired ? trust.withRetiredAnchors(Set.of(fingerprint())) : before;
      lookAtAll(peers);
      advance(Duration.ofHours(1));
      assertThat(told).noneMatch(what -> what.startsWith("peer-"));
      registration.close();
      trust = before;
    }
  }

  @Test
  void retiredAnchorsAreThoseOfTheOwnTrustDomain() {
    LivePeers peers = peers(Duration.ZERO);
    TrustBundle foreign =
        new TrustBundle(1, "other.example", List.of(pki.anchor().getCertificate()));
    trust = trust.withFederated(List.of(foreign)).withRetiredAnchors(Set.of(fingerprint()));
    follow(peers, Side.ACCEPTED, peer(FOREIGN, Duration.ofHours(24)));
    trust =
        trust.withFederated(
            List.of(
                new TrustBundle(
                    2, "other.example", List.of(TestPki.create("c").anchor().getCertificate()))));
    lookAtAll(peers);
    advance(Duration.ofSeconds(30));
    assertThat(told).last().asString().startsWith("peer-untrusted: anchor ");
  }

  /** One side knows the old anchor only: its path ends with the cross certificate. */
  @Test
  void connectionEndsWithThePathThatVerified() {
    X509Certificate crossing =
        TestPki.issued(
                TestPki.ca("CN=next anchor", 1).notAfter(START.plus(Duration.ofHours(1))),
                pki.anchor())
            .getCertificate();
    VerifiedPeer by =
        new VerifiedPeer(
            new PeerIdentity(NAME, List.of(NAME), false),
            List.of(
                leaf(NAME, Duration.ofHours(20)),
                pki.issuer().getCertificate(),
                crossing,
                pki.anchor().getCertificate()));
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(20)));
    advance(Duration.ofHours(2));
    assertThat(told).isEmpty();
    now = START;
    follow(peers, Side.ACCEPTED, by);
    advance(Duration.ofHours(1));
    assertThat(told).last().asString().startsWith("peer-expired: certificate \"CN=next anchor\"");
  }

  private List<AnchorUse> anchorsInUse(LivePeers peers) {
    CompletableFuture<List<AnchorUse>> uses = peers.anchorsInUse();
    channel.runPendingTasks();
    return uses.join();
  }

  @Test
  void anchorsInUseAreThoseOfLiveConnectionsWithSomeOfThePeers() {
    TestPki next = TestPki.create("b");
    LivePeers peers = peers(Duration.ZERO);
    assertThat(anchorsInUse(peers)).isEmpty();
    List<Registration> open = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      open.add(follow(peers, Side.ACCEPTED, under(pki, "p" + i % 10 + ".example")));
    }
    Registration other = follow(peers, Side.DIALLED, under(next, "other.example"));
    follow(peers, Side.ACCEPTED, peer(FOREIGN, Duration.ofDays(1)));

    assertThat(anchorsInUse(peers))
        .containsExactlyInAnyOrder(
            new AnchorUse(
                pki.anchor().getCertificate(),
                12,
                List.of(
                    "p0.example",
                    "p1.example",
                    "p2.example",
                    "p3.example",
                    "p4.example",
                    "p5.example",
                    "p6.example",
                    "p7.example"),
                true),
            new AnchorUse(next.anchor().getCertificate(), 1, List.of("other.example")));

    other.close();
    // The first, one of the middle, the last; one of them twice.
    for (int i : new int[] {11, 11, 5, 0}) {
      open.get(i).close();
    }
    assertThat(anchorsInUse(peers))
        .singleElement()
        .satisfies(
            use -> {
              assertThat(use.connections()).isEqualTo(9);
              assertThat(use.peers()).contains("p1.example").doesNotContain("p5.example");
            });
    open.forEach(Registration::close);
    assertThat(anchorsInUse(peers)).isEmpty();
  }

  @Test
  void peersThatAreCutDoNotCount() {
    LivePeers peers = peers(Duration.ZERO);
    trust =
        trust.withOwn(
            new TrustBundle(1, TestPki.TRUST_DOMAIN, List.of(pki.anchor().getCertificate())));
    follow(peers, Side.ACCEPTED, under(pki, "a.example"));
    follow(peers, Side.ACCEPTED, under(pki, "b.example"));
    revoke("a.example");
    lookAtAll(peers);
    assertThat(anchorsInUse(peers))
        .containsExactly(new AnchorUse(pki.anchor().getCertificate(), 1, List.of("b.example")));
  }

  @Test
  void changesOfTheAnchorsAreToldAndNothingElse() {
    AtomicInteger changes = new AtomicInteger();
    TestPki next = TestPki.create("b");
    LivePeers peers = peers(Duration.ZERO);
    peers.onAnchorsChanged(changes::incrementAndGet);

    Registration first = follow(peers, Side.ACCEPTED, under(pki, "a.example"));
    assertThat(changes).hasValue(1);
    Registration second = follow(peers, Side.ACCEPTED, under(pki, "b.example"));
    first.close();
    follow(peers, Side.ACCEPTED, peer(FOREIGN, Duration.ofDays(1)));
    assertThat(changes).hasValue(1);
    follow(peers, Side.ACCEPTED, under(next, "c.example"));
    assertThat(changes).hasValue(2);
    second.close();
    assertThat(changes).hasValue(3);
  }

  @Test
  void anchorsOfAllLoopsAreCountedTogetherAndThoseOfAnEndedOneNot() throws Exception {
    LivePeers peers = new LivePeers(() -> trust, () -> START, Duration.ZERO, () -> 0);
    List<DefaultEventLoop> loops =
        List.of(new DefaultEventLoop(), new DefaultEventLoop(), new DefaultEventLoop());
    try {
      for (DefaultEventLoop loop : loops) {
        String name = "p" + loops.indexOf(loop) + ".example";
        // Another object for the same anchor, as after another bundle.
        X509Certificate anchor =
            Certificates.parseDer("anchor", Certificates.der(pki.anchor().getCertificate()));
        VerifiedPeer peer =
            new VerifiedPeer(
                new PeerIdentity(name, List.of(name), false),
                List.of(leaf(name, Duration.ofDays(1)), pki.issuer().getCertificate(), anchor));
        loop.submit(() -> peers.register(loop, Side.ACCEPTED, peer, null, connection))
            .get(30, TimeUnit.SECONDS);
      }
      loops.getLast().shutdownGracefully(0, 1, TimeUnit.SECONDS).await(30, TimeUnit.SECONDS);

      assertThat(peers.anchorsInUse().get(30, TimeUnit.SECONDS))
          .containsExactly(
              new AnchorUse(pki.anchor().getCertificate(), 2, List.of("p0.example", "p1.example")));
    } finally {
      loops.forEach(loop -> loop.shutdownGracefully(0, 1, TimeUnit.SECONDS));
    }
  }

  private VerifiedPeer under(TestPki ca, String name) {
    trust =
        trust.own().anchors().contains(ca.anchor().getCertificate())
            ? trust
            : trust.withOwn(
                new TrustBundle(
                    trust.own().version() + 1,
                    TestPki.TRUST_DOMAIN,
                    List.of(pki.anchor().getCertificate(), ca.anchor().getCertificate())));
    X509Certificate leaf =
        TestPki.issued(TestPki.leaf(name).notAfter(START.plus(Duration.ofDays(1))), ca.issuer())
            .getCertificate();
    return new VerifiedPeer(
        new PeerIdentity(name, List.of(name), false),
        List.of(leaf, ca.issuer().getCertificate(), ca.anchor().getCertificate()));
  }

  @Test
  void connectionIsToldBeforeItsLeafEndsAndLostAtTheEnd() {
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)));
    advance(Duration.ofHours(24).minusMinutes(5));
    assertThat(told).isEmpty();
    advance(Duration.ofMinutes(1));
    assertThat(told).containsExactly("ENDS_SOON");
    advance(Duration.ofMinutes(3));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
    advance(Duration.ofSeconds(59));
    assertThat(told).hasSize(2);
    advance(Duration.ofSeconds(1));
    assertThat(told).last().asString().startsWith("peer-expired: certificate ");
  }

  @Test
  void sideThatDialledIsToldFirst() {
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.DIALLED, peer(NAME, Duration.ofHours(24)));
    advance(Duration.ofHours(24).minusMinutes(8));
    assertThat(told).containsExactly("ENDS_SOON");
    advance(Duration.ofMinutes(1));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
  }

  @Test
  void ownLeafThatEndsFirstEndsTheConnection() {
    LivePeers peers = peers(Duration.ZERO);
    follow(
        peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)), leaf(NAME, Duration.ofMinutes(1)));
    advance(Duration.ofSeconds(59));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
    advance(Duration.ofSeconds(1));
    assertThat(told).last().asString().startsWith("peer-expired: own certificate");
  }

  @Test
  void graceDelaysTheCutAndNotTheNotices() {
    LivePeers peers = peers(Duration.ofMinutes(2));
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofMinutes(1)));
    advance(Duration.ofMinutes(1));
    assertThat(told).containsExactly("ENDS_SOON", "ENDS_NOW");
    advance(Duration.ofSeconds(119));
    assertThat(told).hasSize(2);
    advance(Duration.ofSeconds(1));
    assertThat(told).last().asString().startsWith("peer-expired");
  }

  @Test
  void clockThatIsPutForwardIsNoticed() {
    LivePeers peers = peers(Duration.ZERO);
    follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofHours(24)));
    now = now.plus(Duration.ofHours(25));
    channel.advanceTimeBy(5, TimeUnit.MINUTES);
    channel.runPendingTasks();
    assertThat(told).last().asString().startsWith("peer-expired");
  }

  @Test
  void closedRegistrationLeavesNoTimerAndIsToldNothing() {
    LivePeers peers = peers(Duration.ZERO);
    Registration registration = follow(peers, Side.ACCEPTED, peer(NAME, Duration.ofMinutes(1)));
    registration.close();
    registration.close();
    assertThat(channel.runScheduledPendingTasks()).isEqualTo(-1);
    revoke(NAME);
    peers.changed();
    advance(Duration.ofMinutes(2));
    assertThat(told).isEmpty();
  }

  /** Lists that come faster than they can be looked at do not keep a loop from its other work. */
  @Test
  void tenThousandPeersAreLookedAtInSlicesHoweverOftenTheListChanges() throws Exception {
    List<RevocationList.Entry> entries = new ArrayList<>();
    X509Certificate issuer = pki.issuer().getCertificate();
    for (int i = 0; i < 100_000; i++) {
      entries.add(
          new RevocationList.Entry(
              issuer.getSubjectX500Principal(), BigInteger.valueOf(1_000_000L + i)));
    }
    RevocationList large = RevocationList.of(1, entries, List.of());
    RevocationList last = RevocationList.of(2, entries, List.of(NAME));
    LivePeers peers = new LivePeers(() -> trust, () -> START, Duration.ZERO, () -> 0);
    AtomicInteger lost = new AtomicInteger();
    CountDownLatch all = new CountDownLatch(5_000);
    LiveConnection counted =
        new LiveConnection() {
          @Override
          public void record(Cause cause, String why) {
            lost.incrementAndGet();
          }

          @Override
          public void cut() {
            all.countDown();
          }
        };
    DefaultEventLoop loop = new DefaultEventLoop();
    try {
      VerifiedPeer stays = peer("other." + NAME, Duration.ofDays(1));
      VerifiedPeer goes = peer(NAME, Duration.ofDays(1));
      loop.submit(
              () -> {
                for (int i = 0; i < 10_000; i++) {
                  peers.register(loop, Side.ACCEPTED, i % 2 == 0 ? stays : goes, null, counted);
                }
              })
          .get(30, TimeUnit.SECONDS);
      List<Long> waits = new CopyOnWriteArrayList<>();
      trust = trust.withRevoked(large);
      for (int i = 0; i < 100; i++) {
        peers.changed();
        long asked = System.nanoTime();
        loop.submit(() -> waits.add(System.nanoTime() - asked)).get(10, TimeUnit.SECONDS);
      }
      trust = trust.withRevoked(last);
      peers.changed();
      assertThat(all.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(lost).hasValue(5_000);
      // Most of them: on a busy machine any thread may rest for half a second.
      assertThat(waits.stream().sorted().toList().get(waits.size() * 3 / 4))
          .isLessThan(TimeUnit.MILLISECONDS.toNanos(500));
    } finally {
      loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
  }
}
