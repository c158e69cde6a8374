package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.AbortRotationRequest;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationEvent;
import io.signetmesh.v1.TrustRotationFinding;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An anchor is compromised, and the key of the one that stays cannot be used. */
@Timeout(180)
final class LostKeyCompromiseIT extends RotationServer {

  @Test
  void nothingIsStartedThatNeedsAKeyWhichCannotBeUsed() throws Exception {
    IdentityClient web = client("web");
    rotate(request());
    awaitEnd();
    String ended = trust().getRotation().getId();
    loseKey();

    StartRotationResponse refused = rotations().startRotation(declaration(before.getFirst()));
    assertThat(refused.hasRotation()).isFalse();
    assertThat(refused.getFindings(0).getIsError()).isTrue();
    assertThat(refused.getFindings(0).getMessage())
        .contains("the anchor that stays cannot sign it")
        .contains("no-pin")
        .contains("rotate --compromised");
    assertThat(trust().getRotation().getId()).isEqualTo(ended);

    List<X509Certificate> lost = server.bundles().get().anchors();
    rotate(request().toBuilder().setCompromised(true).build());
    awaitEnd();
    assertThat(server.bundles().get().anchors()).hasSize(1).doesNotContainAnyElementsOf(lost);
    await(
        "a certificate under the new anchor",
        () -> isTrusted(web.credentials(), web.credentials().peers()));
  }

  @Test
  void onTheWayBackTheCompromisedAnchorLeavesAndARotationToANewAnchorTakesOver() throws Exception {
    IdentityClient web = client("web");
    loseKey();
    rotate(
        request().toBuilder()
            .setWithoutCrossCertificate(true)
            .setRenewWindow(Duration.newBuilder().setSeconds(600))
            .build());
    awaitPhase(TrustRotation.Phase.RENEW);
    X509Certificate added = newAnchors().getFirst();
    TrustRotation first = trust().getRotation();
    // The issuer from before is put in force after the compromise is declared, not before it.
    Path earlier = state.resolve("rotations").resolve(first.getId()).resolve("earlier-issuer.pem");
    Path away = Files.move(earlier, files.resolve("away"));
    rotations().abortRotation(AbortRotationRequest.getDefaultInstance());
    awaitObstacle("failure");

    StartRotationResponse declared = rotations().startRotation(declaration(added));
    assertThat(declared.hasRotation()).as("%s", declared).isTrue();
    assertThat(declared.getFindingsList())
        .anyMatch(
            finding ->
                finding.getMessage().contains("no issuer can be made under the anchors that stay")
                    && finding.getMessage().contains("rotate --compromised"));
    Files.move(away, earlier);
    await("the compromised anchor has left", () -> server.bundles().get().anchors().equals(before));
    awaitObstacle("failure");
    assertThat(trust().getRotation().getPhase()).isEqualTo(TrustRotation.Phase.ACTIVATE);
    await(
        "certificates of the issuer from before",
        () -> isTrusted(web.credentials(), web.credentials().peers()));

    StartRotationRequest next = request().toBuilder().setCompromised(true).build();
    StartRotationResponse plan =
        rotations().startRotation(next.toBuilder().setDryRun(true).build());
    assertThat(plan.getFindingsList())
        .as("%s", plan)
        .noneMatch(TrustRotationFinding::getIsError)
        .anyMatch(
            finding -> finding.getMessage().contains("ends, because this one takes its place"));
    assertThat(trust().getRotation().getId()).isEqualTo(first.getId());
    rotate(next);
    TrustRotation ended = awaitEnd();

    assertThat(ended.getId()).isNotEqualTo(first.getId());
    assertThat(store(first.getId()).getEventsList())
        .extracting(TrustRotationEvent::getWhat)
        .endsWith("superseded");
    List<X509Certificate> now = server.bundles().get().anchors();
    assertThat(now).hasSize(1).doesNotContain(added).doesNotContainAnyElementsOf(before);
    assertThat(parts().revocationStore().list().lists(added)).isTrue();
    assertThat(parts().revocationStore().list().lists(before.getFirst())).isTrue();
    await(
        "certificates under the new anchor",
        () ->
            isTrusted(web.credentials(), now)
                && isTrusted(web.credentials(), web.credentials().peers()));
    assertThat(parts().renewals().isIdle()).isTrue();
  }

  private TrustRotation store(String id) {
    return rotations()
        .listRotations(io.signetmesh.v1.ListRotationsRequest.getDefaultInstance())
        .getRotationsList()
        .stream()
        .filter(rotation -> rotation.getId().equals(id))
        .findFirst()
        .orElseThrow();
  }

  private void loseKey() throws Exception {
    StateFiles.writeSecret(
        state.resolve("ca/anchor.key"),
        "pkcs11:token=lost;object=root?module-path=%s&pin-source=%s\n"
            .formatted(state.resolve("no-module"), state.resolve("no-pin")));
    await(
        "the key is away",
        () ->
            Objects.requireNonNull(parts().embedded())
                .ca()
                .anchorKey()
                .stored()
                .startsWith("pkcs11:"));
  }

  private static StartRotationRequest declaration(X509Certificate anchor) {
    return StartRotationRequest.newBuilder()
        .addLeavingSha256(ByteString.copyFrom(Certificates.sha256(anchor)))
        .setCompromised(true)
        .setReason("the key was copied")
        .build();
  }
}
