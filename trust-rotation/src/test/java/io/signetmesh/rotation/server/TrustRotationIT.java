package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.AbortRotationRequest;
import io.signetmesh.v1.GeneratedAnchor;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationObstacle;
import io.signetmesh.v1.TrustRotationsGrpc;
import io.signetmesh.v1.WaiveWorkloadsRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Rotations of a real identity server with real clients, in one process. */
@Timeout(180)
final class TrustRotationIT extends RotationServer {
  // ---- a whole rotation

  @Test
  void allWorkloadsComeToTheNewAnchorAndTheOldOneIsGone() throws Exception {
    List<IdentityClient> clients = List.of(client("web"), client("cart"), client("db"));
    Credentials earlier = clients.getFirst().credentials();

    rotate(request());
    TrustRotation ended = awaitEnd();

    assertThat(ended.getReversed()).isFalse();
    List<X509Certificate> now = server.bundles().get().anchors();
    assertThat(now).hasSize(1).doesNotContainAnyElementsOf(before);
    for (IdentityClient client : clients) {
      assertThat(client.credentials().trust().anchors()).isEqualTo(now);
      assertThat(isTrusted(client.credentials(), now)).isTrue();
      assertThat(client.credentials().certificate().chain())
          .as("no cross-certificate stays")
          .hasSizeBetween(2, 3);
    }
    assertThat(isTrusted(earlier, now)).isFalse();
    // Whoever joins now needs nothing of the old CA.
    IdentityClient late = client("late");
    assertThat(late.credentials().certificate().chain()).hasSize(2);
    // The old keys are gone.
    try (var left = Files.walk(state.resolve("rotations"))) {
      assertThat(left.filter(path -> path.toString().endsWith(".pem"))).isEmpty();
    }
    assertThat(phasesOnRecord())
        .containsSubsequence("prepare", "distribute", "activate", "renew", "retire", "done");
  }

  @Test
  void leavesOfTheNewIssuerVerifyForThoseWhoKnowOnlyTheOldAnchor() throws Exception {
    client("web");
    IdentityClient gone = crashed("gone");

    rotate(request());
    awaitObstacle("gone");

    IdentityClient fresh = client("fresh");
    assertThat(isTrusted(fresh.credentials(), before)).isTrue();
    assertThat(isTrusted(fresh.credentials(), newAnchors())).isTrue();
    assertThat(isTrusted(gone.credentials(), server.bundles().get().anchors())).isTrue();
  }

  @Test
  void whoWentAwayIsWaitedForByNameUntilItIsWaived() throws Exception {
    client("web");
    crashed("gone");

    rotate(request());
    TrustRotationObstacle obstacle = awaitObstacle("gone");

    assertThat(obstacle.getWorkload()).isEqualTo(identity("gone").dnsName());
    assertThat(trust().getRotation().getPhase()).isEqualTo(TrustRotation.Phase.RETIRE);
    assertThat(server.bundles().get().anchors()).containsAll(before);

    rotations()
        .waiveWorkloads(
            WaiveWorkloadsRequest.newBuilder()
                .addIdentities(identity("gone").dnsName())
                .setReason("decommissioned")
                .build());
    awaitEnd();
    assertThat(server.bundles().get().anchors()).doesNotContainAnyElementsOf(before);
  }

  @Test
  void whoEndsInGoodOrderIsNotWaitedFor() throws Exception {
    client("web");
    close(client("ended"));

    rotate(request());

    awaitEnd();
    assertThat(trust().getGone()).isZero();
    assertThat(trust().getSilent()).isZero();
  }

  // ---- restarts

  @Test
  void aRotationGoesOnAfterEachRestartOfTheServer() throws Exception {
    List<IdentityClient> clients = List.of(client("web"), client("cart"));
    crashed("gone");
    rotate(request());
    for (int i = 0; i < 4; i++) {
      int port = server.address().getPort();
      server.close();
      server = startServer(port);
      for (IdentityClient client : clients) {
        assertThat(isTrusted(client.credentials(), server.bundles().get().anchors()))
            .as(
                "%s under %s in %s",
                client.credentials().certificate().chain(),
                server.bundles().get(),
                trust().getRotation())
            .isTrue();
      }
    }
    // It is still known who went away, and that others gave up their first leaves.
    await(
        "only the workload that went away is in the way",
        () ->
            trust().getRotation().getObstaclesList().stream()
                .map(obstacle -> obstacle.getKind() + " " + obstacle.getWorkload())
                .toList()
                .equals(List.of("gone " + identity("gone").dnsName())));
    rotations()
        .waiveWorkloads(
            WaiveWorkloadsRequest.newBuilder().addIdentities(identity("gone").dnsName()).build());
    awaitEnd();
    for (IdentityClient client : clients) {
      assertThat(client.credentials().trust().anchors())
          .isEqualTo(server.bundles().get().anchors());
    }
  }

  // ---- abort

  @Test
  void abortBringsBackTheStateBefore() throws Exception {
    IdentityClient web = client("web");
    crashed("gone");
    rotate(request());
    awaitPhase(TrustRotation.Phase.RENEW);

    rotations().abortRotation(AbortRotationRequest.newBuilder().setReason("changed mind").build());
    TrustRotation ended = awaitEnd();

    assertThat(ended.getReversed()).isTrue();
    assertThat(server.bundles().get().anchors()).isEqualTo(before);
    await("leaf under the old anchor", () -> isTrusted(web.credentials(), before));
    assertThat(web.credentials().trust().anchors()).isEqualTo(before);
    // The new anchor was never retired: it was never in use alone.
    assertThat(trust().getAnchorsList()).hasSize(1);
  }

  // ---- compromised

  @Test
  void aCompromisedAnchorIsLeftWithinSecondsAndWhatItSignedIsRevoked() throws Exception {
    IdentityClient web = client("web");
    Credentials stolen = client("thief").credentials();
    crashed("gone");

    long start = System.nanoTime();
    rotate(request().toBuilder().setCompromised(true).build());
    await("the stolen leaf is refused", () -> !isTrusted(stolen, web.credentials().peers()));
    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    awaitEnd();

    assertThat(took).isLessThan(20_000);
    assertThat(server.bundles().get().anchors()).doesNotContainAnyElementsOf(before);
    await(
        "legitimate traffic recovers",
        () -> isTrusted(web.credentials(), server.bundles().get().anchors()));
    assertThat(web.credentials().peers().retiredAnchors()).isEmpty();
    // Also above issuers that the thief has made: live connections under it end at once.
    await(
        "the anchor is revoked",
        () -> web.credentials().peers().revoked().lists(before.getFirst()));
  }

  @Test
  void anAnchorIsTakenAwayWithoutANewOneAndNothingIsLeftOver() throws Exception {
    IdentityClient web = client("web");
    KeyPair keys = KeyKind.P256.generate();
    X509Certificate other =
        CertificateBuilder.anchor(
            "other", keys, Instant.now().minusSeconds(60), Instant.now().plusSeconds(864_000));
    Path file = state.resolve("ca/anchor.crt");
    Files.writeString(file, Files.readString(file) + Certificates.toPem(List.of(other)));
    await("both anchors", () -> server.bundles().get().anchors().size() == 2);

    rotate(
        StartRotationRequest.newBuilder()
            .addLeavingSha256(ByteString.copyFrom(Certificates.sha256(other)))
            .setCompromised(true)
            .build());
    awaitEnd();

    assertThat(server.bundles().get().anchors()).isEqualTo(before);
    assertThat(web.credentials().trust().anchors()).isEqualTo(before);
    await("the anchor is revoked", () -> web.credentials().peers().revoked().lists(other));
    assertThat(isTrusted(web.credentials(), web.credentials().peers())).isTrue();
    assertThat(parts().renewals().isIdle()).as("leaves prove an identity again").isTrue();
  }

  @Test
  void aRotationThatWaitsGoesOnWhenItsOldAnchorIsFoundCompromised() throws Exception {
    client("web");
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");

    StartRotationResponse known =
        rotations().startRotation(request().toBuilder().setCompromised(true).build());

    assertThat(known.getRotation().getId()).isEqualTo(trust().getRotation().getId());
    assertThat(awaitEnd().getCompromised()).isTrue();
    assertThat(server.bundles().get().anchors()).doesNotContainAnyElementsOf(before);
    assertThat(parts().bundles().retired()).as("nothing under it may go on").isEmpty();
    assertThat(parts().renewals().isIdle()).isTrue();
  }

  // ---- guard rails

  @Test
  void plansWithAnErrorChangeNothing() throws Exception {
    client("web");
    TrustRotationsGrpc.TrustRotationsBlockingStub rotations = rotations();

    StartRotationResponse dry =
        rotations.startRotation(request().toBuilder().setDryRun(true).build());
    assertThat(dry.hasRotation()).isFalse();
    assertThat(dry.getFindingsList()).isEmpty();
    assertThat(dry.getAfterSha256List()).hasSize(1);

    StartRotationResponse nothing =
        rotations.startRotation(StartRotationRequest.newBuilder().build());
    assertThat(nothing.hasRotation()).isFalse();
    assertThat(nothing.getFindings(0).getMessage()).contains("nothing would change");

    StartRotationResponse shortLived =
        rotations.startRotation(
            StartRotationRequest.newBuilder()
                .setGenerate(
                    GeneratedAnchor.newBuilder()
                        .setLifetime(Duration.newBuilder().setSeconds(3600)))
                .build());
    assertThat(shortLived.hasRotation()).isFalse();
    assertThat(shortLived.getFindings(0).getMessage()).contains("before the rotation has ended");

    assertThat(trust().hasRotation()).isFalse();
    assertThat(server.bundles().get().anchors()).isEqualTo(before);
    assertThatThrownBy(() -> rotations.abortRotation(AbortRotationRequest.getDefaultInstance()))
        .hasMessageContaining("no rotation is under way");
  }

  @Test
  void aSecondRotationIsRefusedWhileOneIsUnderWay() throws Exception {
    client("web");
    crashed("gone");
    rotate(request());

    StartRotationResponse second = rotations().startRotation(request());
    assertThat(second.hasRotation()).isFalse();
    assertThat(second.getFindings(0).getMessage()).contains("is under way");
  }
}
