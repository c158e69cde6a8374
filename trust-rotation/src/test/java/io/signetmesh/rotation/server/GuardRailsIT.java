package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.federation.BundleEndpoint;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.AnchorNeed;
import io.signetmesh.v1.ListLeavesRequest;
import io.signetmesh.v1.ProvidedAnchor;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationFinding;
import io.signetmesh.v1.TrustRotationObstacle;
import io.signetmesh.v1.WaiveWorkloadsRequest;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a rotation of a real identity server refuses, and what stops it. */
@Timeout(180)
final class GuardRailsIT extends RotationServer {

  // ---- anchors that were retired

  @Test
  void anAnchorThatWasRetiredComesBackNeitherByARotationNorByHand() throws Exception {
    Path file = state.resolve("ca/anchor.crt");
    PrivateKey key = PrivateKeys.parsePem("key", Files.readString(state.resolve("ca/anchor.key")));
    KeyPair old = new KeyPair(before.getFirst().getPublicKey(), key);
    rotate(request());
    awaitEnd();
    List<X509Certificate> now = server.bundles().get().anchors();

    for (X509Certificate again : List.of(before.getFirst(), anchor("again", old))) {
      StartRotationResponse refused =
          rotations()
              .startRotation(
                  StartRotationRequest.newBuilder()
                      .setProvided(
                          ProvidedAnchor.newBuilder()
                              .setCertificate(ByteString.copyFrom(Certificates.der(again)))
                              .setPrivateKey(ByteString.copyFrom(key.getEncoded())))
                      .build());
      assertThat(refused.hasRotation()).isFalse();
      assertThat(refused.getFindings(0).getMessage()).contains("retired before");

      String good = Files.readString(file);
      Files.writeString(file, good + Certificates.toPem(List.of(again)));
      await("a refusal on record", () -> refusals().contains("retired"));
      assertThat(server.bundles().get().anchors()).isEqualTo(now);
      // Nor does a rotation make of it what is in force.
      assertThat(
              rotations()
                  .startRotation(request().toBuilder().setDryRun(true).build())
                  .getFindings(0)
                  .getMessage())
          .contains("wait until the change is in force, or undo it");
      int port = server.address().getPort();
      server.close();
      assertThatThrownBy(() -> startServer(port))
          .isInstanceOf(PkiException.class)
          .hasMessageContaining("take it out, and bring an anchor of a new key");
      Files.writeString(file, good);
      audit.clear();
      server = startServer(port);
    }
  }

  // ---- files that somebody changes during a rotation

  @Test
  void anAnchorThatIsAddedByHandOnTheWayIsAnObstacleUntilItIsTakenOut() throws Exception {
    client("web");
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");
    Path file = state.resolve("ca/anchor.crt");
    String good = Files.readString(file);
    X509Certificate other = anchor("other", KeyKind.P256.generate());
    Files.writeString(file, good + Certificates.toPem(List.of(other)));

    assertThat(awaitObstacle("changed").getMessage())
        .contains(fingerprint(other).substring(0, 16) + " was added to the files of the CA");
    waive("gone");
    assertThat(trust().getRotation().getPhase()).isEqualTo(TrustRotation.Phase.RETIRE);
    assertThat(Certificates.readPem(file)).contains(other);
    assertThat(server.bundles().get().anchors()).contains(other).containsAll(before);

    Files.writeString(file, good);
    awaitEnd();
    assertThat(server.bundles().get().anchors()).doesNotContainAnyElementsOf(before);
  }

  @Test
  void anAnchorThatIsTakenOutByHandOnTheWayIsAnObstacleUntilItIsBack() throws Exception {
    Path file = state.resolve("ca/anchor.crt");
    client("web");
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");
    List<X509Certificate> both = server.bundles().get().anchors();
    X509Certificate old = before.getFirst();
    List<X509Certificate> left = new ArrayList<>(both);
    left.remove(old);

    // The anchor that leaves, too early.
    Files.writeString(file, Certificates.toPem(left));
    TrustRotationObstacle obstacle = awaitObstacle("changed");
    assertThat(obstacle.getMessage())
        .contains(fingerprint(old).substring(0, 16) + " was taken out");
    waive("gone");
    assertThat(server.bundles().get().anchors()).isEqualTo(left);

    // As the message says.
    Path kept =
        state.resolve("rotations").resolve(trust().getRotation().getId()).resolve("anchors.crt");
    assertThat(Certificates.readPem(kept)).containsExactlyInAnyOrderElementsOf(both);
    Files.writeString(file, Files.readString(kept));
    awaitEnd();
    assertThat(server.bundles().get().anchors()).isEqualTo(left);
  }

  // ---- what is needed

  @Test
  void theServerTellsOfEachLeafWhichAnchorsItNeeds() throws Exception {
    client("web");
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");

    Map<String, List<AnchorNeed>> needs = new HashMap<>();
    rotations()
        .listLeaves(ListLeavesRequest.getDefaultInstance())
        .forEachRemaining(
            part -> {
              assertThat(part.getTellsNeeds()).isTrue();
              part.getLeavesList()
                  .forEach(leaf -> needs.put(leaf.getIdentity(), leaf.getNeedsList()));
            });

    AnchorNeed needed =
        AnchorNeed.newBuilder()
            .setAnchorSha256(ByteString.copyFrom(Certificates.sha256(before.getFirst())))
            .addReasons(AnchorNeed.Reason.LEAF)
            .build();
    assertThat(needs.get(identity("gone").dnsName())).contains(needed);
    assertThat(needs.get(identity("web").dnsName()))
        .extracting(AnchorNeed::getAnchorSha256)
        .doesNotContain(needed.getAnchorSha256())
        .isNotEmpty();
    waive("gone");
    awaitEnd();
  }

  // ---- keys

  @Test
  void filesThatAKilledServerLeftAreDeletedAtTheNextStart() throws Exception {
    client("web");
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");
    int port = server.address().getPort();
    server.close();
    List<Path> left = new ArrayList<>();
    for (String directory : List.of("ca", "rotations", "rotations/" + rotations(state))) {
      left.add(
          Files.writeString(
              state.resolve(directory).resolve(".anchor.key.0123456789abcdef"), "secret"));
    }

    server = startServer(port);

    assertThat(left).noneMatch(Files::exists);
    waive("gone");
    awaitEnd();
  }

  @Test
  void aServerThatWasKilledWhileItDeletedKeysEndsTheRotationAtTheNextStart() throws Exception {
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");
    String id = rotations(state);
    Path directory = state.resolve("rotations").resolve(id);
    Map<String, String> kept = new HashMap<>();
    try (var all = Files.list(directory)) {
      for (Path file : all.toList()) {
        kept.put(file.getFileName().toString(), Files.readString(file));
      }
    }
    waive("gone");
    awaitEnd();
    Path json = state.resolve("rotations").resolve(id + ".json");
    // As it was before its last phase was kept.
    String record =
        Files.readString(json).replaceFirst(",\\s*\\{[^{}]*\"phase\" : \"DONE\"[^{}]*\\}", "");
    assertThat(record).contains("\"RETIRE\"").doesNotContain("\"DONE\"");
    assertThat(kept).containsKeys("published", "anchor.pem", "earlier-anchor.pem");

    List<String> order = new ArrayList<>(List.of("published"));
    kept.keySet().stream().filter(name -> !name.equals("published")).forEach(order::add);
    for (String name : List.of(id, id + ".deleted")) {
      for (int deleted = 1; deleted <= order.size(); deleted++) {
        int port = server.address().getPort();
        server.close();
        StateFiles.createDirectory(state.resolve("rotations").resolve(name));
        for (String file : order.subList(deleted, order.size())) {
          StateFiles.writeSecret(
              state.resolve("rotations").resolve(name).resolve(file), kept.getOrDefault(file, ""));
        }
        Files.writeString(json, record);
        server = startServer(port);
        awaitEnd();
        try (var left = Files.list(state.resolve("rotations"))) {
          assertThat(left.filter(Files::isDirectory)).as("%s %s", name, deleted).isEmpty();
        }
      }
    }
  }

  // ---- a compromise while a rotation is under way

  @Test
  void aCompromisedAnchorThatTheRotationUnderWayKeepsIsNamedAndNothingIsReportedAsDone()
      throws Exception {
    X509Certificate other = anchor("other", KeyKind.P256.generate());
    Path file = state.resolve("ca/anchor.crt");
    Files.writeString(file, Files.readString(file) + Certificates.toPem(List.of(other)));
    await("both anchors", () -> server.bundles().get().anchors().size() == 2);
    crashed("gone");
    ByteString leaving = ByteString.copyFrom(Certificates.sha256(before.getFirst()));
    rotate(request().toBuilder().addLeavingSha256(leaving).build());
    awaitObstacle("gone");

    StartRotationResponse refused =
        rotations().startRotation(request().toBuilder().setCompromised(true).build());

    assertThat(refused.hasRotation()).isFalse();
    assertThat(refused.getFindings(0).getIsError()).isTrue();
    assertThat(refused.getFindings(0).getMessage())
        .contains("would leave compromised anchors [" + fingerprint(other).substring(0, 16))
        .contains("let it end");
    assertThat(trust().getRotation().getCompromised()).isFalse();
    // The one that leaves may be named.
    rotate(request().toBuilder().addLeavingSha256(leaving).setCompromised(true).build());
    assertThat(awaitEnd().getCompromised()).isTrue();
    assertThat(server.bundles().get().anchors())
        .contains(other)
        .doesNotContainAnyElementsOf(before);
  }

  @Test
  void leavesOfACompromisedIssuerProveNothingAlsoWhenItsFilesCannotBeRead() throws Exception {
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");
    Path directory = state.resolve("rotations").resolve(rotations(state));
    Path anchors = directory.resolve("anchors.crt");
    String good = Files.readString(anchors);
    parts().bundles().retire(List.of(fingerprint(before.getFirst())));
    Files.writeString(anchors, "damaged");

    rotations().startRotation(request().toBuilder().setCompromised(true).build());
    awaitObstacle("failure");

    assertThat(parts().renewals().provesIdentity("0".repeat(64))).isFalse();
    assertThat(parts().bundles().retired()).isEmpty();
    Files.writeString(anchors, good);
    awaitEnd();
    assertThat(parts().renewals().isIdle()).isTrue();
  }

  private static String rotations(Path state) throws Exception {
    try (var files = Files.list(state.resolve("rotations"))) {
      return files
          .filter(Files::isDirectory)
          .map(path -> path.getFileName().toString())
          .findFirst()
          .orElseThrow();
    }
  }

  // ---- an old anchor whose key cannot be used

  @Test
  void awayFromAnAnchorOfWhichTheTokenIsLostTheRotationGoesWithoutACrossCertificate()
      throws Exception {
    IdentityClient web = client("web");
    crashed("gone");
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

    StartRotationResponse refused = rotations().startRotation(request());
    assertThat(refused.hasRotation()).isFalse();
    assertThat(refused.getFindings(0).getMessage())
        .contains("the old anchor cannot vouch for the new issuer")
        .contains("no-pin")
        .contains("--no-cross-certificate");

    StartRotationRequest without = request().toBuilder().setWithoutCrossCertificate(true).build();
    assertThat(
            rotations()
                .startRotation(without.toBuilder().setDryRun(true).build())
                .getFindingsList())
        .anyMatch(finding -> finding.getMessage().contains("cut off from Activate on"))
        .noneMatch(TrustRotationFinding::getIsError);
    rotate(without);
    // Nobody is cut off before they are waived.
    assertThat(awaitObstacle("gone").getMessage()).contains("before it trusted the anchor");
    assertThat(trust().getRotation().getPhase()).isEqualTo(TrustRotation.Phase.ACTIVATE);
    assertThat(isTrusted(web.credentials(), before)).isTrue();

    waive("gone");
    awaitEnd();

    assertThat(server.bundles().get().anchors()).doesNotContainAnyElementsOf(before);
    assertThat(isTrusted(web.credentials(), server.bundles().get().anchors())).isTrue();
    assertThat(isTrusted(web.credentials(), before)).isFalse();
    assertThat(client("late").credentials().certificate().chain()).hasSize(2);
  }

  // ---- several trust domains

  @Test
  void aBundleOfAnotherDomainThatChangesOnTheWayChangesNothingAndIsNotChanged() throws Exception {
    Path foreignState = Files.createDirectory(files.resolve("partner"));
    IdentityServer foreign =
        startServer(
            foreignState,
            new WorkloadIdentity("signet-identity", "signet", "signet", "partner.example"),
            0,
            new FederationConfig(
                null, new BundleEndpoint.Config(new InetSocketAddress("127.0.0.1", 0), null)),
            ServerMeters.none());
    open.add(foreign);
    X509Certificate theirs = foreign.bundles().get().anchors().getFirst();
    Files.writeString(files.resolve("partner.pem"), Certificates.toPem(List.of(theirs)));
    Path config = files.resolve("federation.yaml");
    Files.writeString(
        config,
        """
        trustDomains:
          - trustDomain: partner.example
            bundleEndpointUrl: https://127.0.0.1:%d/
            profile: https_spiffe
            endpointSpiffeId: spiffe://partner.example/ns/signet/sa/signet-identity
            initialBundle: partner.pem
            minRefresh: 1s
            maxRefresh: 1s
        """
            .formatted(foreign.federation().endpoint().orElseThrow().getPort()));
    int port = server.address().getPort();
    server.close();
    federation = new FederationConfig(config, null);
    server = startServer(port);
    IdentityClient web = client("web");
    await("their bundle", () -> federated().equals(List.of(theirs)));
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");
    List<X509Certificate> ours = server.bundles().get().anchors();

    // Their next anchor.
    X509Certificate next = anchor("next", KeyKind.P256.generate());
    Path file = foreignState.resolve("ca/anchor.crt");
    Files.writeString(file, Files.readString(file) + Certificates.toPem(List.of(next)));
    await("their next bundle", () -> federated().containsAll(List.of(theirs, next)));
    await(
        "their next bundle at a workload",
        () ->
            web.credentials().peers().federated().stream()
                .anyMatch(bundle -> bundle.anchors().contains(next)));

    TrustRotation rotation = trust().getRotation();
    assertThat(rotation.getPhase()).isEqualTo(TrustRotation.Phase.RETIRE);
    assertThat(rotation.getObstaclesList())
        .extracting(TrustRotationObstacle::getKind)
        .containsExactly("gone");
    assertThat(server.bundles().get().anchors()).isEqualTo(ours);
    waive("gone");
    awaitEnd();
    assertThat(server.bundles().get().anchors())
        .hasSize(1)
        .doesNotContainAnyElementsOf(before)
        .doesNotContain(theirs, next);
    assertThat(federated()).containsExactlyInAnyOrder(theirs, next);
    assertThat(foreign.bundles().get().anchors()).containsExactlyInAnyOrder(theirs, next);
    assertThat(foreign.bundles().retired()).isEmpty();
  }

  private List<X509Certificate> federated() {
    return server.federation().trusted().stream()
        .flatMap(bundle -> bundle.anchors().stream())
        .toList();
  }

  // ---- metrics

  @Test
  void metricsFollowARotation() throws Exception {
    assertThat(metric("signet_trust_rotation_phase{phase=\"none\"}")).isEqualTo(1);
    assertThat(metric("signet_trust_rotation_phase_duration_seconds")).isZero();
    client("web");
    crashed("gone");
    rotate(request());
    awaitObstacle("gone");

    assertThat(metric("signet_trust_rotation_phase{phase=\"none\"}")).isZero();
    assertThat(metric("signet_trust_rotation_phase{phase=\"retire\"}")).isEqualTo(1);
    assertThat(metric("signet_trust_rotation_phase{phase=\"renew\"}")).isZero();
    await(
        "an obstacle in the metrics",
        () -> metric("signet_trust_rotation_obstacles{kind=\"gone\"}") == 1);
    assertThat(metric("signet_trust_rotation_obstacles{kind=\"silent\"}")).isZero();
    await(
        "the workloads that are counted anew",
        () ->
            metric("signet_trust_workloads{state=\"adopted\"}") == 1
                && metric("signet_trust_workloads{state=\"gone\"}") == 1);
    assertThat(metric("signet_trust_rotation_duration_seconds")).isPositive();
    for (X509Certificate anchor : server.bundles().get().anchors()) {
      assertThat(
              metric(
                  "signet_trust_anchor_expiry_seconds{anchor=\""
                      + fingerprint(anchor).substring(0, 16)
                      + "\"}"))
          .isBetween(3_600 * 86_400d, 3_651 * 86_400d);
    }
    assertThat(metric("signet_trust_rotations_total{outcome=\"done\"}")).isZero();

    waive("gone");
    awaitEnd();
    assertThat(metric("signet_trust_rotation_phase{phase=\"none\"}")).isEqualTo(1);
    assertThat(metric("signet_trust_rotation_obstacles{kind=\"gone\"}")).isZero();
    assertThat(metric("signet_trust_rotations_total{outcome=\"done\"}")).isEqualTo(1);
  }

  private double metric(String series) {
    return meters
        .text()
        .lines()
        .filter(line -> line.startsWith(series + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError(series + " is not in\n" + meters.text()));
  }

  private List<String> refusals() {
    return audit.stream()
        .filter(event -> event instanceof AdministrativeEvent)
        .map(event -> (AdministrativeEvent) event)
        .filter(event -> event.act().equals("issuer-refused"))
        .map(event -> String.valueOf(event.attributes().get("reason")))
        .toList();
  }

  private void waive(String name) {
    rotations()
        .waiveWorkloads(
            WaiveWorkloadsRequest.newBuilder().addIdentities(identity(name).dnsName()).build());
  }

  private static String fingerprint(X509Certificate certificate) {
    return java.util.HexFormat.of().formatHex(Certificates.sha256(certificate));
  }

  private static X509Certificate anchor(String name, KeyPair keys) throws PkiException {
    return CertificateBuilder.anchor(
        name, keys, Instant.now().minusSeconds(60), Instant.now().plusSeconds(8_640_000));
  }
}
