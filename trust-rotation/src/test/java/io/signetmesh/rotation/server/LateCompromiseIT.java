package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.NewAnchor;
import io.signetmesh.rotation.Phase;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.rotation.RotationProcedure;
import io.signetmesh.rotation.Step;
import io.signetmesh.rotation.authority.ServerTrust;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The key of the old issuer was stolen before a rotation, and that becomes known while it is under
 * way. What the thief has renewed until then is of the issuer that the rotation made.
 */
@Timeout(180)
final class LateCompromiseIT extends RotationServer {

  @ParameterizedTest
  @CsvSource({"RENEW, false", "RENEW, true", "RETIRE, false", "RETIRE, true"})
  void whatAThiefRenewedBeforeTheCompromiseWasKnownIsGoodForNothing(
      TrustRotation.Phase phase, boolean restart) throws Exception {
    IdentityClient web = client("web");
    Thief thief =
        new Thief(Objects.requireNonNull(parts().embedded()).ca(), identity("web"), loops);
    if (phase == TrustRotation.Phase.RETIRE) {
      crashed("gone");
    }
    Credentials forged = thief.forgedLeaf(web.credentials().certificate().leaf().getSerialNumber());
    rotate(
        request().toBuilder()
            .setRenewWindow(
                Duration.newBuilder().setSeconds(phase == TrustRotation.Phase.RENEW ? 600 : 0))
            .build());
    awaitPhase(phase);
    Credentials between = renew(thief, forged).orElseThrow();
    assertThat(isTrusted(between, newAnchors())).as("the theft").isTrue();
    List<Credentials> gained = new ArrayList<>(List.of(forged, between));
    renew(thief, between).ifPresent(gained::add);
    assertThat(gained).as("a leaf of the issuer in force renews").hasSize(3);
    assertThat(trust().getRotation().getPhase()).isEqualTo(phase);

    rotations().startRotation(request().toBuilder().setCompromised(true).build());
    if (restart) {
      int port = server.address().getPort();
      server.close();
      server = startServer(port);
    }
    while (trust().getRotation().getPhase() != TrustRotation.Phase.DONE) {
      for (Credentials leaf : List.copyOf(gained)) {
        renew(thief, leaf).ifPresent(gained::add);
      }
    }

    List<X509Certificate> now = server.bundles().get().anchors();
    assertThat(now).hasSize(1).doesNotContainAnyElementsOf(before);
    await(
        "each leaf of the thief is refused by its peers",
        () -> gained.stream().noneMatch(leaf -> isTrusted(leaf, web.credentials().peers())));
    for (Credentials leaf : gained) {
      assertThat(renew(thief, leaf)).as("%s", leaf.certificate().leaf()).isEmpty();
    }
    await(
        "the others have leaves of another issuer",
        () -> isTrusted(web.credentials(), web.credentials().peers()));
    assertThat(isTrusted(web.credentials(), now)).isTrue();
    assertThat(web.credentials().issuer().getPublicKey())
        .isNotEqualTo(between.issuer().getPublicKey());
    assertThat(parts().renewals().isIdle()).isTrue();
    TrustRotation ended = trust().getRotation();
    assertThat(ended.getCompromised()).isTrue();
    assertThat(ended.getEventsList())
        .extracting(TrustRotationEvent::getPhase)
        .endsWith(
            phase,
            TrustRotation.Phase.ACTIVATE,
            TrustRotation.Phase.RENEW,
            TrustRotation.Phase.RETIRE,
            TrustRotation.Phase.DONE);
    try (var left = Files.walk(state.resolve("rotations"))) {
      assertThat(left.filter(path -> path.toString().endsWith(".pem"))).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TrustRotation.Phase.class,
      names = {"RENEW", "RETIRE"})
  void theCompromisedAnchorLeavesWithoutTheKeyOfTheNewOne(TrustRotation.Phase phase)
      throws Exception {
    IdentityClient web = client("web");
    EmbeddedAuthority files = Objects.requireNonNull(parts().embedded());
    Thief thief = new Thief(files.ca(), identity("web"), loops);
    if (phase == TrustRotation.Phase.RETIRE) {
      crashed("gone");
    }
    Credentials forged = thief.forgedLeaf(web.credentials().certificate().leaf().getSerialNumber());
    rotate(
        request().toBuilder()
            .setRenewWindow(
                Duration.newBuilder().setSeconds(phase == TrustRotation.Phase.RENEW ? 600 : 0))
            .build());
    awaitPhase(phase);
    Path file = state.resolve("ca").resolve("anchor.key");
    String key = Files.readString(file);
    StateFiles.writeSecret(
        file,
        "pkcs11:token=away;object=root?module-path=%s&pin-source=%s\n"
            .formatted(state.resolve("no-module"), state.resolve("no-pin")));
    await("the key is away", () -> files.ca().anchorKey().stored().startsWith("pkcs11:"));
    assertThat(isTrusted(forged, server.bundles().get().anchors())).isTrue();

    rotations().startRotation(request().toBuilder().setCompromised(true).build());
    await(
        "the anchor has left",
        () -> server.bundles().get().anchors().stream().noneMatch(before::contains));

    awaitObstacle("failure");
    assertThat(trust().getRotation().getPhase()).isEqualTo(TrustRotation.Phase.ACTIVATE);
    await(
        "the others have leaves under the new anchor, and take no forged one",
        () ->
            isTrusted(web.credentials(), web.credentials().peers())
                && !isTrusted(forged, web.credentials().peers()));
    PublicKey between = web.credentials().issuer().getPublicKey();

    StateFiles.writeSecret(file, key);
    awaitEnd();
    await(
        "the others have leaves of another issuer",
        () ->
            isTrusted(web.credentials(), web.credentials().peers())
                && !web.credentials().issuer().getPublicKey().equals(between));
  }

  /** Whoever has the key of the issuer signs under each anchor that it was certified under. */
  @Test
  void anIssuerThatWasCertifiedAgainUnderAnotherAnchorByHandDoesNotOutliveTheCompromise()
      throws Exception {
    IdentityClient web = client("web");
    EmbeddedAuthority files = Objects.requireNonNull(parts().embedded());
    EmbeddedAuthority.Ca old = files.ca();
    Instant now = Instant.now();
    KeyPair pair = KeyKind.P256.generate();
    X509Certificate anchor =
        CertificateBuilder.anchor("other", pair, now.minusSeconds(60), now.plusSeconds(8_000_000));
    List<X509Certificate> both = new ArrayList<>(before);
    both.add(anchor);
    files.replace(
        new EmbeddedAuthority.Ca(
            CaKey.of(pair.getPrivate()),
            anchor,
            both,
            old.issuerKey(),
            List.of(
                files.makeIssuer(
                    old.chain().getFirst().getPublicKey(),
                    CaKey.of(pair.getPrivate()),
                    anchor,
                    java.time.Duration.ofDays(30))),
            List.of()));
    await("both anchors", () -> server.bundles().get().anchors().equals(both));
    await(
        "the issuer under the other anchor",
        () ->
            trust()
                .getIssuerAnchorSha256()
                .equals(ByteString.copyFrom(Certificates.sha256(anchor))));

    rotate(
        StartRotationRequest.newBuilder()
            .addLeavingSha256(ByteString.copyFrom(Certificates.sha256(before.getFirst())))
            .setCompromised(true)
            .build());
    awaitEnd();

    PublicKey stolen = old.chain().getFirst().getPublicKey();
    assertThat(files.ca().chain().getFirst().getPublicKey()).isNotEqualTo(stolen);
    await(
        "leaves of another issuer",
        () ->
            !web.credentials().issuer().getPublicKey().equals(stolen)
                && isTrusted(web.credentials(), web.credentials().peers()));
    assertThat(server.bundles().get().anchors()).containsExactly(anchor);
  }

  /** A moment is between the last act of a rotation and its end. */
  @Test
  void theAnchorIsRevokedAlsoWhenTheCompromiseIsKnownAfterTheOldKeysAreDeleted() throws Exception {
    try (ServerTrust trust = ServerTrust.open(parts(), null)) {
      NewAnchor anchor = trust.makeAnchor(KeyKind.P256, java.time.Duration.ofDays(30));
      Rotation begun =
          Rotation.start(
              "0123456789abcdef",
              AnchorSet.of(RotationPlan.fingerprint(before.getFirst())),
              AnchorSet.of(RotationPlan.fingerprint(anchor.certificate())),
              false,
              java.time.Duration.ZERO,
              Instant.now(),
              "operator",
              "");
      trust.adopt(begun.id(), anchor);
      Rotation settled = untilEnd(trust, begun);
      try (var left = Files.walk(state.resolve("rotations"))) {
        assertThat(left.filter(path -> path.toString().endsWith(".pem"))).isEmpty();
      }

      untilEnd(trust, settled.compromise(AnchorSet.NONE, Instant.now(), "operator", "stolen"));

      assertThat(parts().revocationStore().list().lists(before.getFirst())).isTrue();
      trust.discard(begun.id());
      try (var left = Files.list(state.resolve("rotations"))) {
        assertThat(left).isEmpty();
      }
    }
  }

  /** Does all acts. The rotation of which nothing is left to do. */
  private static Rotation untilEnd(ServerTrust trust, Rotation begun) throws Exception {
    Rotation rotation = begun;
    for (int i = 0; i < 100; i++) {
      Step step = RotationProcedure.next(rotation, trust.observe(rotation));
      switch (step) {
        case Step.Wait wait -> throw new AssertionError("waits for " + wait.obstacles());
        case Step.Next next -> {
          if (next.phase() == Phase.DONE) {
            return rotation;
          }
          rotation = rotation.in(next.phase(), Instant.now(), "");
        }
        case Step.Publish publish -> trust.publish(rotation, publish.anchors());
        case Step.IssueUnder issue ->
            trust.issueUnder(rotation, issue.anchors(), issue.crossSign());
        case Step.AskRenewal ask -> trust.askRenewal(rotation, ask.window());
        case Step.Revoke revoke -> trust.revoke(rotation);
        case Step.Settle settle -> trust.settle(rotation);
      }
    }
    throw new AssertionError("no end of " + rotation);
  }

  private Optional<Credentials> renew(Thief thief, Credentials by) throws Exception {
    return thief.renew(by, server.address().getPort(), server.bundles().get().anchors());
  }
}
