package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.grpc.StatusRuntimeException;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.AbortRotationRequest;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationFinding;
import io.signetmesh.v1.WaiveWorkloadsRequest;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * It becomes known that somebody has the key of an issuer when the anchor above it has left, or is
 * taken away by an abort. What the thief has renewed until then is of the issuer that stays.
 */
@Timeout(180)
final class LeftAnchorCompromiseIT extends RotationServer {

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatAThiefRenewedBeforeTheAnchorLeftIsGoodForNothing(boolean restart) throws Exception {
    IdentityClient web = client("web");
    Thief thief =
        new Thief(Objects.requireNonNull(parts().embedded()).ca(), identity("web"), loops);
    crashed("gone");
    Credentials forged = thief.forgedLeaf(web.credentials().certificate().leaf().getSerialNumber());
    rotate(request());
    awaitPhase(TrustRotation.Phase.RETIRE);
    Credentials between = renew(thief, forged);
    List<Credentials> gained = new ArrayList<>(List.of(forged, between));
    waive("gone");
    waive("web");
    awaitEnd();
    X509Certificate left = before.getFirst();
    assertThat(server.bundles().get().anchors()).doesNotContain(left);
    gained.add(renew(thief, between));
    PublicKey stays = between.issuer().getPublicKey();
    if (restart) {
      int port = server.address().getPort();
      server.close();
      server = startServer(port);
    }

    StartRotationRequest declaration = declaration(left);
    StartRotationResponse plan =
        rotations().startRotation(declaration.toBuilder().setDryRun(true).build());
    assertThat(plan.getFindingsList())
        .as("%s", plan)
        .noneMatch(TrustRotationFinding::getIsError)
        .anyMatch(finding -> finding.getMessage().contains("have left already"));
    rotate(declaration);
    awaitEnd();

    requireGoodForNothing(gained, thief, web, stays);
    assertThat(parts().revocationStore().list().lists(left)).isTrue();
    assertThat(server.bundles().retired()).doesNotContain(fingerprint(left));
    assertThat(server.bundles().get().anchors()).hasSize(1).doesNotContain(left);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatAThiefRenewedBeforeAnAbortTakesTheAnchorAwayIsGoodForNothing(boolean late)
      throws Exception {
    IdentityClient web = client("web");
    Thief first =
        new Thief(Objects.requireNonNull(parts().embedded()).ca(), identity("web"), loops);
    rotate(request().toBuilder().setRenewWindow(Duration.newBuilder().setSeconds(600)).build());
    awaitPhase(TrustRotation.Phase.RENEW);
    X509Certificate added = newAnchors().getFirst();
    Credentials between =
        renew(first, first.forgedLeaf(web.credentials().certificate().leaf().getSerialNumber()));
    Thief thief =
        new Thief(Objects.requireNonNull(parts().embedded()).ca(), identity("web"), loops);
    Credentials forged = thief.forgedLeaf(between.certificate().leaf().getSerialNumber());
    rotations().abortRotation(AbortRotationRequest.getDefaultInstance());
    await(
        "the issuer from before",
        () ->
            trust().getRotation().getReversed()
                && trust()
                    .getIssuerAnchorSha256()
                    .equals(ByteString.copyFrom(Certificates.sha256(before.getFirst()))));
    Credentials renewed = renew(thief, forged);
    PublicKey stays = renewed.issuer().getPublicKey();
    assertThat(isTrusted(renewed, before)).as("the theft").isTrue();
    if (late) {
      waive("web");
      assertThat(awaitEnd().getReversed()).isTrue();
    } else {
      assertThat(trust().getRotation().getPhase()).isNotEqualTo(TrustRotation.Phase.DONE);
    }

    StartRotationResponse declared = rotations().startRotation(declaration(added));
    assertThat(declared.hasRotation()).as("%s", declared).isTrue();
    TrustRotation ended = awaitEnd();

    assertThat(ended.getCompromised()).isTrue();
    assertThat(ended.getReversed()).isEqualTo(!late);
    requireGoodForNothing(List.of(between, forged, renewed), thief, web, stays);
    assertThat(server.bundles().get().anchors()).isEqualTo(before);
    assertThat(parts().revocationStore().list().lists(added)).isTrue();
    assertThat(parts().retired().digests())
        .as("it is not tried again")
        .contains(fingerprint(added));
  }

  @Test
  void anAnchorThatWasNeverTrustedIsNoAnchorThatHasLeft() throws Exception {
    client("web");
    StartRotationResponse plan =
        rotations()
            .startRotation(
                declaration(before.getFirst()).toBuilder()
                    .clearLeavingSha256()
                    .addLeavingSha256(ByteString.copyFrom(new byte[32]))
                    .build());

    assertThat(plan.hasRotation()).isFalse();
    assertThat(plan.getFindingsList())
        .anyMatch(finding -> finding.getIsError() && finding.getMessage().contains("(none has)"));
  }

  @Test
  void whileAnotherRotationIsUnderWayTheAnchorThatHasLeftIsRevokedByIt() throws Exception {
    IdentityClient web = client("web");
    Thief thief =
        new Thief(Objects.requireNonNull(parts().embedded()).ca(), identity("web"), loops);
    Credentials forged = thief.forgedLeaf(web.credentials().certificate().leaf().getSerialNumber());
    rotate(request());
    awaitEnd();
    crashed("gone");
    rotate(request());
    awaitPhase(TrustRotation.Phase.RETIRE);
    String underWay = trust().getRotation().getId();

    StartRotationRequest declaration = declaration(before.getFirst());
    StartRotationResponse plan =
        rotations().startRotation(declaration.toBuilder().setDryRun(true).build());
    assertThat(plan.getFindingsList())
        .as("%s", plan)
        .noneMatch(TrustRotationFinding::getIsError)
        .anyMatch(finding -> finding.getMessage().contains("have left already: they are revoked"));
    assertThat(trust().getRotation().getCompromised()).isFalse();
    rotate(declaration);
    TrustRotation ended = awaitEnd();

    assertThat(ended.getId()).isEqualTo(underWay);
    assertThat(ended.getCompromised()).isTrue();
    assertThat(parts().revocationStore().list().lists(before.getFirst())).isTrue();
    await("the forged leaf is refused", () -> !isTrusted(forged, web.credentials().peers()));
    await("the others have leaves", () -> isTrusted(web.credentials(), web.credentials().peers()));
  }

  /** Somebody has made a second certificate of the key, for a longer life. */
  @Test
  void anAnchorDoesNotStayThatHasTheKeyOfTheOneThatHasLeft() throws Exception {
    client("web");
    EmbeddedAuthority files = Objects.requireNonNull(parts().embedded());
    EmbeddedAuthority.Ca old = files.ca();
    X509Certificate first = before.getFirst();
    CaKey.InMemory key = (CaKey.InMemory) old.anchorKey();
    X509Certificate again =
        CertificateBuilder.anchor(
            "again",
            first.getPublicKey(),
            SigningKey.of(key.key()),
            Instant.now().minusSeconds(60),
            Instant.now().plusSeconds(9_000_000));
    files.replace(old.withAnchors(List.of(first, again)));
    await("both anchors", () -> server.bundles().get().anchors().contains(again));
    for (boolean left : List.of(false, true)) {
      if (left) {
        rotate(
            request().toBuilder()
                .addLeavingSha256(ByteString.copyFrom(Certificates.sha256(first)))
                .build());
        awaitEnd();
        assertThat(server.bundles().get().anchors()).contains(again).doesNotContain(first);
      }
      StartRotationResponse refused = rotations().startRotation(declaration(first));
      assertThat(refused.hasRotation()).isFalse();
      assertThat(refused.getFindingsList())
          .anyMatch(
              finding ->
                  finding.getIsError()
                      && finding
                          .getMessage()
                          .contains("would stay and has the key of the compromised anchor"));
    }
  }

  private void requireGoodForNothing(
      List<Credentials> gained, Thief thief, IdentityClient web, PublicKey stays) throws Exception {
    await(
        "each leaf of the thief is refused by its peers",
        () -> gained.stream().noneMatch(leaf -> isTrusted(leaf, web.credentials().peers())));
    List<X509Certificate> anchors = server.bundles().get().anchors();
    for (Credentials leaf : gained) {
      assertThat(thief.renew(leaf, server.address().getPort(), anchors))
          .as("%s", leaf.certificate().leaf())
          .isEmpty();
    }
    await(
        "the others have leaves of another issuer",
        () ->
            !web.credentials().issuer().getPublicKey().equals(stays)
                && isTrusted(web.credentials(), web.credentials().peers()));
    assertThat(parts().renewals().isIdle()).isTrue();
  }

  private static StartRotationRequest declaration(X509Certificate anchor) {
    return StartRotationRequest.newBuilder()
        .addLeavingSha256(ByteString.copyFrom(Certificates.sha256(anchor)))
        .setCompromised(true)
        .setReason("the key was copied")
        .build();
  }

  private Credentials renew(Thief thief, Credentials by) throws Exception {
    return thief
        .renew(by, server.address().getPort(), server.bundles().get().anchors())
        .orElseThrow();
  }

  private void waive(String name) throws StatusRuntimeException {
    rotations()
        .waiveWorkloads(
            WaiveWorkloadsRequest.newBuilder().addIdentities(identity(name).dnsName()).build());
  }

  private static String fingerprint(X509Certificate certificate) {
    return HexFormat.of().formatHex(Certificates.sha256(certificate));
  }
}
