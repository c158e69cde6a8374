package io.signetmesh.cli.trust;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.v1.AnchorNeed;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.TokenAnchor;
import io.signetmesh.v1.TrustAnchorStatus.State;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationFinding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code signet trust} against a service on a real socket. Expected outputs are files among the
 * test resources; {@code -Dsignet.golden=write} writes them again after a change.
 */
final class TrustCommandsTest {
  @TempDir private Path state;
  private final FakeConsole console = new FakeConsole(TrustStates.NOW);
  private FakeTrustRotations server;

  @BeforeEach
  void start() {
    server = new FakeTrustRotations(state);
    server.leaves.addAll(
        List.of(
            leaf("web", MeshLeaf.Presence.LIVE)
                .setAnchorSha256(TrustStates.sha256(TrustStates.NEW))
                .setTrustedDigest(TrustStates.digest(TrustStates.OLD, TrustStates.NEW))
                .addNeeds(TrustStates.need(TrustStates.NEW, AnchorNeed.Reason.LEAF))
                .build(),
            leaf("batch", MeshLeaf.Presence.GONE)
                .setTrustedDigest(TrustStates.digest(TrustStates.OLD, TrustStates.NEW))
                .addNeeds(TrustStates.need(TrustStates.OLD, AnchorNeed.Reason.LEAF))
                .build(),
            leaf("legacy", MeshLeaf.Presence.SILENT)
                .addNeeds(TrustStates.need(TrustStates.OLD, AnchorNeed.Reason.SILENT))
                .addNeeds(TrustStates.need(TrustStates.NEW, AnchorNeed.Reason.SILENT))
                .build()));
  }

  private static MeshLeaf.Builder leaf(String account, MeshLeaf.Presence presence) {
    return TrustStates.leaf(
        account, presence, TrustStates.OLD, TrustStates.digest(TrustStates.OLD));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private CommandRun run(String command, String... arguments) {
    List<String> all = new ArrayList<>(List.of("trust", command, "--state", state.toString()));
    all.addAll(List.of(arguments));
    return CommandRun.of("trust", TrustCommand.commandLine(console), all.toArray(new String[0]));
  }

  private void golden(String name, CommandRun run) throws IOException {
    Path file = TrustStates.resource(name);
    // The directory of the test is another one each time.
    String actual = run.out().replace(state.toString(), "/var/lib/signet");
    if ("write".equals(System.getProperty("signet.golden"))) {
      Files.writeString(file, actual);
    }
    assertThat(actual).as(name).isEqualTo(Files.readString(file));
  }

  static Map<String, GetTrustResponse> states() {
    return Map.of(
        "none", TrustStates.none(),
        "distributing", TrustStates.distributing(),
        "renewing", TrustStates.renewing(),
        "retiring", TrustStates.retiring(),
        "done", TrustStates.done(),
        "going-back", TrustStates.goingBack(),
        "aborted", TrustStates.aborted(),
        "compromised", TrustStates.compromised());
  }

  static List<String> names() {
    return states().keySet().stream().sorted().toList();
  }

  @ParameterizedTest
  @MethodSource("names")
  void statusOfEachState(String name) throws Exception {
    GetTrustResponse trust = Objects.requireNonNull(states().get(name));
    server.trust.add(trust);
    boolean settled = List.of("none", "done", "aborted", "compromised").contains(name);
    int code = settled ? ExitCode.OK : ExitCode.UNDER_WAY;

    golden("status-" + name + ".txt", run("status").ended(code));
    CommandRun json = run("status", "-o", "json").ended(code);
    golden("status-" + name + ".json", json);
    assertThat(json.json().path("trustDomain").asText()).isEqualTo("cluster.local");
  }

  @Test
  void longListsAreCutInTextAndWholeInJson() throws Exception {
    GetTrustResponse.Builder trust = TrustStates.distributing().toBuilder().setAdopted(0);
    trust.setLive(1_500).clearBehind().getRotationBuilder().clearObstacles();
    for (int i = 0; i < 30; i++) {
      trust.addBehind(
          TrustStates.leaf("w" + i, MeshLeaf.Presence.LIVE, TrustStates.OLD, TrustStates.digest()));
      trust
          .getRotationBuilder()
          .addObstacles(TrustStates.obstacle("not-acknowledged", "w" + i, "has not"));
    }
    trust.getRotationBuilder().setObstaclesTotal(1_400);
    server.trust.add(trust.build());

    CommandRun text = run("status").ended(ExitCode.UNDER_WAY);
    assertThat(text.out())
        .contains("w19.shop")
        .doesNotContain("w20.shop")
        .contains("… and 1480 more; -o json", "… and 1380 more; -o json");
    CommandRun json = run("status", "-o", "json").ended(ExitCode.UNDER_WAY);
    assertThat(json.json().path("behind")).hasSize(30);
    assertThat(json.json().path("rotation").path("obstacles")).hasSize(30);
    assertThat(json.json().path("rotation").path("obstaclesTotal").asInt()).isEqualTo(1_400);
  }

  @Test
  void anAnchorThatEndsSoonOrAnIssuerWithoutAnchorIsANo() {
    GetTrustResponse soon =
        TrustStates.none().toBuilder()
            .clearAnchors()
            .addAnchors(TrustStates.anchor(TrustStates.SHORT, State.IN_FORCE, 20, 0, 0))
            .setIssuerAnchorSha256(TrustStates.sha256(TrustStates.SHORT))
            .build();
    server.trust.add(soon);
    assertThat(run("status").ended(ExitCode.NEGATIVE).out())
        .contains("10 days", "WARNING", "less than 30 days");

    console.pause(Duration.ofDays(20));
    assertThat(run("status").ended(ExitCode.NEGATIVE).out())
        .contains("expired 10 days ago", "docs/security/trust-rotation.md");

    server.trust.clear();
    server.trust.add(
        TrustStates.none().toBuilder()
            .setIssuerAnchorSha256(TrustStates.sha256(TrustStates.NEW))
            .build());
    assertThat(run("status").ended(ExitCode.NEGATIVE).out()).contains("under no anchor in force");
  }

  @Test
  void anAnchorThatLeavesMayEndSoon() {
    server.trust.add(
        TrustStates.distributing().toBuilder()
            .setAnchors(0, TrustStates.anchor(TrustStates.SHORT, State.LEAVING, 20, 0, 0))
            .setIssuerAnchorSha256(TrustStates.sha256(TrustStates.SHORT))
            .build());
    assertThat(run("status").ended(ExitCode.UNDER_WAY).out()).doesNotContain("WARNING");
  }

  @Test
  void statusWaitsUntilAllTrustTheBundle() {
    server.trust.addAll(List.of(TrustStates.distributing(), TrustStates.done()));
    assertThat(run("status", "--wait").ended(ExitCode.OK).out()).contains("is done");

    server.trust.clear();
    server.trust.add(TrustStates.distributing());
    run("status", "--wait", "--timeout", "5s").ended(ExitCode.UNDER_WAY);
  }

  @Test
  void rotateShowsThePlanOnly() throws Exception {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();

    golden("plan.txt", run("rotate", "--plan").ended(ExitCode.OK));
    golden("plan.json", run("rotate", "--dry-run", "-o", "json").ended(ExitCode.OK));
    assertThat(server.started).isEmpty();
  }

  @Test
  void aPlanWithAnErrorStartsNothing() throws Exception {
    server.trust.add(TrustStates.ending());
    server.plan = TrustStates.badPlan();

    CommandRun run = run("rotate", "--yes").ended(ExitCode.NEGATIVE);
    golden("plan-error.txt", run);
    assertThat(run("rotate", "--plan").code()).isEqualTo(ExitCode.NEGATIVE);
    assertThat(run("rotate", "--yes", "-o", "json").ended(ExitCode.NEGATIVE).json().path("started"))
        .hasToString("false");
    assertThat(server.started).isEmpty();
  }

  @Test
  void aPlanThatTurnsBadBetweenLookAndStartStartsNothing() {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();
    server.start = TrustStates.badPlan();

    assertThat(run("rotate", "--yes").ended(ExitCode.NEGATIVE).out())
        .contains("ERROR", "nothing was started");
  }

  @Test
  void rotateShowsEachChangeWhereThereIsNoTerminal() throws Exception {
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(
        List.of(
            TrustStates.none(),
            TrustStates.distributing(),
            TrustStates.distributing(),
            TrustStates.renewing(),
            TrustStates.retiring(),
            TrustStates.done()));

    CommandRun run = run("rotate", "--yes", "--reason", "yearly rotation").ended(ExitCode.OK);

    golden("rotate.txt", run);
    assertThat(server.started)
        .singleElement()
        .satisfies(
            request -> {
              assertThat(request.hasGenerate()).isTrue();
              assertThat(request.getReason()).isEqualTo("yearly rotation");
              assertThat(request.getRenewWindow().getSeconds()).isEqualTo(600);
              assertThat(request.getCompromised()).isFalse();
            });
    assertThat(console.questions).isEmpty();
  }

  @Test
  void rotateWritesOneDocumentAndItsProgressElsewhere() throws Exception {
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(
        List.of(TrustStates.none(), TrustStates.distributing(), TrustStates.done()));

    CommandRun run = run("rotate", "--yes", "-o", "json").ended(ExitCode.OK);

    golden("rotate.json", run);
    assertThat(run.err()).contains("Distribute", "17 of 20");
  }

  @Test
  void rotateRewritesALineForEachPhaseAtATerminal() {
    console.terminal = true;
    console.answers.add("yes");
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(
        List.of(
            TrustStates.none(),
            TrustStates.distributing(),
            TrustStates.renewing(),
            TrustStates.done()));

    CommandRun run = run("rotate").ended(ExitCode.OK);

    assertThat(console.questions).hasSize(1);
    assertThat(run.out())
        .contains("\rDistribute        [#################---] 17 of 20")
        .contains("\rDistribute        done in 2.0 seconds\u001b[K\n")
        .contains("\rRenew             [############--------] 12 of 19")
        .contains("restarted   nothing");
    assertThat(run.out().lines().flatMap(line -> line.lines()))
        .allSatisfy(
            line -> {
              for (String piece : line.split("\r")) {
                if (piece.endsWith("\u001b[K")) {
                  assertThat(piece.replace("\u001b[K", "")).hasSizeLessThan(80);
                }
              }
            });
  }

  @Test
  void nothingIsStartedWithoutAYes() {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();
    console.terminal = true;
    console.answers.add("y");
    assertThat(run("rotate").ended(ExitCode.NEGATIVE).out()).contains("nothing was changed");
    // End of input.
    assertThat(run("rotate").code()).isEqualTo(ExitCode.NEGATIVE);

    console.terminal = false;
    for (String command : List.of("rotate", "abort")) {
      assertThat(run(command).ended(ExitCode.USAGE).err()).contains("--yes");
    }
    assertThat(run("retire", "--anchor", "7accf620").ended(ExitCode.USAGE).err()).contains("--yes");
    assertThat(run("waive", "shop/batch").ended(ExitCode.USAGE).err()).contains("--yes");
    console.terminal = true;
    assertThat(run("rotate", "-o", "json").ended(ExitCode.USAGE).err()).contains("--yes");
    assertThat(server.started).isEmpty();
  }

  @Test
  void rotateThatDoesNotWaitSaysWhereToLook() {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();

    assertThat(run("rotate", "--yes", "--no-wait").ended(ExitCode.OK).out())
        .contains("has begun", "signet trust status");
    assertThat(server.started).hasSize(1);
  }

  @Test
  void rotateEndsWhenTimeIsUpAndTheRotationGoesOn() {
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(List.of(TrustStates.none(), TrustStates.retiring()));

    CommandRun run = run("rotate", "--yes", "--wait", "--timeout", "3s").ended(ExitCode.UNDER_WAY);

    assertThat(run.err()).contains("not done within 3 s", "goes on by itself", "trust resume");
    assertThat(run.out()).contains("waits for   2", "legacy");
  }

  @Test
  void aSignalSaysThatTheRotationGoesOn() {
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(
        List.of(TrustStates.none(), TrustStates.distributing(), TrustStates.done()));
    console.meanwhile.add(
        () -> {
          Runnable signal = console.onSignal;
          assertThat(signal).isNotNull();
          signal.run();
        });

    assertThat(run("rotate", "--yes").ended(ExitCode.OK).err())
        .contains("rotation " + TrustStates.ID + " goes on by itself", "resume --state " + state);
    assertThat(console.onSignal).as("only while it waits").isNull();
  }

  @Test
  void theServerMayBeAwayForAWhile() {
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(
        List.of(TrustStates.none(), TrustStates.distributing(), TrustStates.done()));
    console.meanwhile.add(server::down);
    console.meanwhile.add(() -> {});
    console.meanwhile.add(server::up);
    // Connections come back with a backoff in real time.
    for (int i = 0; i < 3_000; i++) {
      console.meanwhile.add(() -> LockSupport.parkNanos(10_000_000));
    }

    CommandRun run = run("rotate", "--yes", "--timeout", "3h").ended(ExitCode.OK);

    assertThat(run.out()).contains("does not answer; trying again", "is done");
  }

  @Test
  void aServerThatStaysAwayIsAFailureWhenTimeIsUp() {
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();
    server.trust.addAll(List.of(TrustStates.none(), TrustStates.distributing()));
    console.meanwhile.add(server::down);

    assertThat(run("rotate", "--yes", "--timeout", "10s").ended(ExitCode.UNAVAILABLE).err())
        .contains("does not answer");
  }

  @Test
  void aCompromiseNamesWhomItCutsOff() throws Exception {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.compromisedPlan();

    CommandRun run = run("rotate", "--compromised", "--plan").ended(ExitCode.OK);

    golden("plan-compromised.txt", run);
    assertThat(run.out()).contains("batch.shop", "legacy.shop").doesNotContain("web.shop");
    assertThat(
            run("rotate", "--compromised", "--plan", "-o", "json")
                .ended(ExitCode.OK)
                .json()
                .path("plan")
                .path("cutOff"))
        .hasSize(2);
  }

  @Test
  void whoIsCutOffIsToldByWorkload() throws Exception {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.compromisedPlan();
    MeshLeaf batch =
        server.leaves.stream()
            .filter(leaf -> leaf.getPresence() == MeshLeaf.Presence.GONE)
            .findFirst()
            .orElseThrow();
    for (int i = 0; i < 40; i++) {
      server.leaves.add(batch.toBuilder().setSerial("a" + i).setAddress("10.0.1." + i).build());
    }
    server.leaves.add(
        batch.toBuilder().setSerial("b").setPresence(MeshLeaf.Presence.SILENT).build());

    assertThat(run("rotate", "--compromised", "--plan").ended(ExitCode.OK).out())
        .contains("Cut off until they get a new certificate: 2 workloads with 43 certificates\n")
        .contains(
            "  batch.shop.serviceaccount.identity.linkerd.cluster.local, 41 certificates at"
                + " 10.0.0.5, 10.0.1.0, 10.0.1.1 and 38 more: went away; it needs a token to come"
                + " back\n")
        .contains(
            "  batch.shop.serviceaccount.identity.linkerd.cluster.local at 10.0.0.5: does not"
                + " report what it trusts")
        .doesNotContain("-o json lists all");
  }

  @Test
  void thePhasesAfterACompromiseOnTheWayAreThoseOfTheEmergency() throws Exception {
    server.plan = TrustStates.plan().toBuilder().clearNewAnchor().build();
    server.trust.add(TrustStates.retiring());
    assertThat(phases(run("rotate", "--compromised", "--plan").ended(ExitCode.OK)))
        .containsExactly("5 Retire", "3 Activate", "4 Renew", "5 Retire", "6 Done");

    server.trust.clear();
    server.trust.add(TrustStates.distributing());
    CommandRun early = run("rotate", "--compromised", "--plan").ended(ExitCode.OK);
    assertThat(phases(early))
        .containsExactly("2 Distribute", "3 Activate", "4 Renew", "5 Retire", "6 Done");
    assertThat(early.out()).contains("waits 1.5 seconds at most", "one in a token stays there");
  }

  private static List<String> phases(CommandRun run) {
    return run.out()
        .lines()
        .filter(line -> line.matches("  [1-6] [A-Z][a-z]+ .*"))
        .map(line -> String.join(" ", List.of(line.strip().split(" +")).subList(0, 2)))
        .toList();
  }

  @Test
  void aCompromiseIsReportedWithWhoWasLeftBehind() throws Exception {
    server.plan = TrustStates.compromisedPlan();
    server.start = TrustStates.started();
    server.trust.addAll(List.of(TrustStates.none(), TrustStates.compromised()));

    CommandRun run =
        run("rotate", "--compromised", "--yes", "--reason", "the key was copied")
            .ended(ExitCode.OK);

    golden("rotate-compromised.txt", run);
    assertThat(server.started.getFirst().getCompromised()).isTrue();
  }

  @Test
  void aCompromiseFoundOnTheWayLeadsToTheAnchorOfTheRotation() throws Exception {
    AnchorFiles files = AnchorFiles.write(state);
    server.trust.add(TrustStates.retiring());
    server.plan = TrustStates.plan().toBuilder().clearNewAnchor().build();
    String row = "8c21d7de71c79576  trusted  trusted     3650 days  CN=root 2026";

    assertThat(run("rotate", "--compromised", "--plan").ended(ExitCode.OK).out())
        .contains(row)
        .doesNotContain("(to be made)", "--new-anchor");
    assertThat(
            run(
                    "rotate",
                    "--compromised",
                    "--plan",
                    "--new-anchor",
                    files.certificate().toString(),
                    "--new-anchor-key",
                    files.key().toString())
                .ended(ExitCode.OK)
                .out())
        .contains(
            row,
            "WARNING  the anchor of --new-anchor is not used: the rotation under way leads to"
                + " 8c21d7de71c79576");
  }

  @Test
  void aCompromiseFoundOnTheWayIsOnRecord() {
    TrustRotation rotation =
        TrustStates.retiring().getRotation().toBuilder()
            .setCompromised(true)
            .addEvents(
                TrustStates.event(
                    -30,
                    "operator uid 0",
                    TrustRotation.Phase.RETIRE,
                    "compromised",
                    "in a backup"))
            .build();
    server.history.add(rotation);
    server.trust.add(TrustStates.retiring().toBuilder().setRotation(rotation).build());
    String line = "  compromised 2026-11-29T11:59:30Z by operator uid 0: in a backup";

    assertThat(run("history").ended(ExitCode.OK).out().lines()).containsOnlyOnce(line);
    assertThat(run("status").ended(ExitCode.UNDER_WAY).out().lines()).containsOnlyOnce(line);
  }

  @Test
  void anAnchorOfYourOwnIsSentWithItsKey() throws Exception {
    AnchorFiles files = AnchorFiles.write(state);
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();

    run(
            "rotate",
            "--yes",
            "--no-wait",
            "--new-anchor",
            files.certificate().toString(),
            "--new-anchor-key",
            files.key().toString(),
            "--renew-window",
            "90s")
        .ended(ExitCode.OK);

    StartRotationRequest request = server.started.getFirst();
    assertThat(request.getProvided().getCertificate().toByteArray())
        .isEqualTo(files.anchor().getEncoded());
    assertThat(
            PrivateKeys.matches(
                PrivateKeys.parsePkcs8("sent", request.getProvided().getPrivateKey().toByteArray()),
                files.anchor().getPublicKey()))
        .isTrue();
    assertThat(request.getRenewWindow().getSeconds()).isEqualTo(90);
  }

  @Test
  void badFilesAreNamedAndStartNothing() throws Exception {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();
    AnchorFiles files = AnchorFiles.write(state);
    String anchor = files.certificate().toString();
    String key = files.key().toString();

    assertThat(rotateTo(anchor, "/nonexistent.key").err()).contains("/nonexistent.key");
    assertThat(rotateTo("/nonexistent.pem", key).err()).contains("/nonexistent.pem");
    assertThat(rotateTo(key, key).err()).contains(key);
    Path other = state.resolve("other.key");
    Files.writeString(other, PrivateKeys.toPem(PrivateKeys.generate().getPrivate()));
    Files.setPosixFilePermissions(other, PosixFilePermissions.fromString("rw-------"));
    assertThat(rotateTo(anchor, other.toString()).err()).contains(other + " is not the key of");
    Files.setPosixFilePermissions(files.key(), PosixFilePermissions.fromString("rw-r-----"));
    assertThat(rotateTo(anchor, key).err()).contains(key + " is open to others", "rw-------");
    Path two = state.resolve("two.pem");
    Files.writeString(two, Files.readString(files.certificate()).repeat(2));
    Files.setPosixFilePermissions(files.key(), PosixFilePermissions.fromString("rw-------"));
    assertThat(rotateTo(two.toString(), key).err()).contains(two + ": ", "2");
    assertThat(server.started).isEmpty();
  }

  private CommandRun rotateTo(String anchor, String key) {
    return run("rotate", "--yes", "--new-anchor", anchor, "--new-anchor-key", key)
        .ended(ExitCode.CONFIGURATION);
  }

  /** As a kubelet mounts it: files are links to files of the version that {@code ..data} names. */
  @Test
  void anAnchorIsTakenFromASecret() throws Exception {
    AnchorFiles files = AnchorFiles.write(state);
    for (List<String> names :
        List.of(List.of("crt.pem", "key.pem"), List.of("tls.crt", "tls.key"))) {
      Path secret = Files.createDirectory(state.resolve("secret-" + names.getFirst()));
      Path version = Files.createDirectory(secret.resolve("..2026_11_29"));
      Files.createSymbolicLink(secret.resolve("..data"), version.getFileName());
      Files.copy(files.certificate(), version.resolve(names.getFirst()));
      Files.copy(files.key(), version.resolve(names.getLast()), StandardCopyOption.COPY_ATTRIBUTES);
      server.trust.add(TrustStates.none());
      server.plan = TrustStates.plan();
      server.start = TrustStates.started();
      server.started.clear();

      run("rotate", "--yes", "--no-wait", "--new-anchor", secret.toString()).ended(ExitCode.OK);

      assertThat(server.started.getFirst().getProvided().getCertificate())
          .isEqualTo(TrustStates.der(files.anchor()));
    }
    assertThat(run("rotate", "--yes", "--new-anchor", state.toString()).err())
        .contains("holds neither crt.pem nor tls.crt");
    assertThat(
            run("rotate", "--yes", "--new-anchor", state.toString(), "--new-anchor-key", "a.key")
                .code())
        .isEqualTo(ExitCode.USAGE);
  }

  @Test
  void optionsThatDoNotGoTogetherAreRefused() {
    for (List<String> wrong :
        List.of(
            List.of("--new-anchor", "a.pem"),
            List.of("--new-anchor-key", "a.key"),
            List.of("--new-anchor", "a", "--new-anchor-key", "b", "--generate"),
            List.of("--new-anchor", "a", "--new-anchor-key", "b", "--key-kind", "p384"),
            List.of("--key-kind", "p521"),
            List.of("--pkcs11-library", "/lib.so", "--pkcs11-token", "t"),
            inToken("--generate"),
            inToken("--new-anchor", "a", "--new-anchor-key", "b"),
            List.of("--anchor-lifetime", "0s"),
            List.of("--renew-window", "ten"))) {
      List<String> all = new ArrayList<>(wrong);
      all.add("--yes");
      assertThat(run("rotate", all.toArray(new String[0])).code())
          .as(wrong.toString())
          .isEqualTo(ExitCode.USAGE);
    }
  }

  private static List<String> inToken(String... more) {
    List<String> options =
        new ArrayList<>(
            List.of("--pkcs11-library", "/usr/lib/token.so", "--pkcs11-token", "signet"));
    options.addAll(List.of("--pkcs11-pin-file", "pin", "--pkcs11-key", "root"));
    options.addAll(List.of(more));
    return options;
  }

  @Test
  void thePlaceOfAKeyInATokenIsSentWithAbsolutePaths() {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan().toBuilder().setNewAnchorIsExample(true).build();
    server.start = TrustStates.started();

    CommandRun run =
        run("rotate", inToken("--yes", "--no-wait", "--key-kind", "p384").toArray(new String[0]))
            .ended(ExitCode.OK);

    assertThat(server.started.getFirst().getToken())
        .isEqualTo(
            TokenAnchor.newBuilder()
                .setLibrary("/usr/lib/token.so")
                .setToken("signet")
                .setPinFile(Path.of("pin").toAbsolutePath().toString())
                .setKey("root")
                .setKeyKind("p384")
                .build());
    assertThat(run.out()).contains("(to be made)");
  }

  @Test
  void keyKindAndLifeOfAGeneratedAnchorAreSent() {
    server.trust.add(TrustStates.none());
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();

    run("rotate", "--yes", "--no-wait", "--key-kind", "p384", "--anchor-lifetime", "30d")
        .ended(ExitCode.OK);

    assertThat(server.started.getFirst().getGenerate().getKeyKind()).isEqualTo("p384");
    assertThat(server.started.getFirst().getGenerate().getLifetime().getSeconds())
        .isEqualTo(30 * 86_400);
  }

  @Test
  void resumeWatchesOrTellsHowItEnded() throws Exception {
    server.trust.addAll(
        List.of(TrustStates.retiring(), TrustStates.retiring(), TrustStates.done()));
    golden("resume.txt", run("resume").ended(ExitCode.OK));

    server.trust.clear();
    server.trust.add(TrustStates.aborted());
    assertThat(run("resume").ended(ExitCode.NEGATIVE).out()).contains("was aborted");

    server.trust.clear();
    server.trust.add(TrustStates.none());
    assertThat(run("resume").ended(ExitCode.CONFIGURATION).err()).contains("never was a rotation");
  }

  @Test
  void aRotationIsFoundThoughAnotherOneFollowedIt() {
    TrustRotation other =
        TrustStates.distributing().getRotation().toBuilder().setId("0123456789abcdef").build();
    server.history.add(TrustStates.done().getRotation());
    server.trust.addAll(
        List.of(
            TrustStates.retiring(),
            TrustStates.distributing().toBuilder().setRotation(other).build()));

    assertThat(run("resume").ended(ExitCode.OK).out()).contains(TrustStates.ID + " is done");
  }

  @Test
  void abortGoesBack() throws Exception {
    server.changed = TrustStates.goingBack().getRotation();
    server.trust.addAll(
        List.of(TrustStates.distributingToAll(), TrustStates.goingBack(), TrustStates.aborted()));

    golden(
        "abort.txt",
        run("abort", "--yes", "--reason", "it is the wrong anchor").ended(ExitCode.OK));
    assertThat(server.aborted.getFirst().getReason()).isEqualTo("it is the wrong anchor");
  }

  @Test
  void thereMayBeNothingToAbortOrToWaive() {
    server.trust.add(TrustStates.done());
    assertThat(run("abort", "--yes").ended(ExitCode.CONFIGURATION).err())
        .contains("no rotation is under way");
    assertThat(run("waive", "shop/batch", "--yes").ended(ExitCode.CONFIGURATION).err())
        .contains("no rotation is under way");
    assertThat(server.aborted).isEmpty();
    assertThat(server.waived).isEmpty();
  }

  @Test
  void workloadsAreWaivedByBothForms() {
    server.trust.add(TrustStates.retiring());
    server.changed = TrustStates.retiring().getRotation();

    run("waive", "shop/batch", TrustStates.dns("legacy"), "--yes", "--reason", "host is scrapped")
        .ended(ExitCode.OK);

    assertThat(server.waived.getFirst().getIdentitiesList())
        .containsExactly(TrustStates.dns("batch"), TrustStates.dns("legacy"));
    assertThat(server.waived.getFirst().getReason()).isEqualTo("host is scrapped");
    assertThat(run("waive", "shop/nobody", "--yes").ended(ExitCode.CONFIGURATION).err())
        .contains("shop/nobody", "no certificate that is valid");
    assertThat(run("waive", "Shop/Batch/x", "--yes").ended(ExitCode.USAGE).err())
        .contains("Shop/Batch/x");
    assertThat(server.waived).hasSize(1);
  }

  @Test
  void retireTakesAnAnchorAway() {
    GetTrustResponse two =
        TrustStates.none().toBuilder()
            .addAnchors(TrustStates.anchor(TrustStates.NEW, State.IN_FORCE, 0, 0, 0))
            .build();
    server.trust.addAll(List.of(two, TrustStates.done()));
    server.plan =
        TrustStates.plan().toBuilder()
            .clearNewAnchor()
            .addBeforeSha256(TrustStates.sha256(TrustStates.NEW))
            .build();
    server.start = TrustStates.started().toBuilder().clearNewAnchor().clearFindings().build();
    server.changed = TrustStates.started().getRotation();
    String prefix = TrustStates.hex(TrustStates.OLD).substring(0, 8);

    run("retire", "--anchor", prefix, "--waive", "shop/batch,shop/legacy", "--yes")
        .ended(ExitCode.OK);

    assertThat(server.started.getFirst().getLeavingSha256List())
        .containsExactly(TrustStates.sha256(TrustStates.OLD));
    assertThat(server.started.getFirst().getAnchorCase())
        .isEqualTo(StartRotationRequest.AnchorCase.ANCHOR_NOT_SET);
    assertThat(server.waived.getFirst().getIdentitiesCount()).isEqualTo(2);
  }

  @Test
  void aRotationThatEndedBeforeAWaiverIsNotLost() {
    GetTrustResponse two =
        TrustStates.none().toBuilder()
            .addAnchors(TrustStates.anchor(TrustStates.NEW, State.IN_FORCE, 0, 0, 0))
            .build();
    server.trust.addAll(List.of(two, TrustStates.done()));
    server.plan = TrustStates.plan();
    server.start = TrustStates.started();

    CommandRun run =
        run("retire", "--anchor", "7accf620", "--waive", "shop/batch", "--yes").ended(ExitCode.OK);

    assertThat(run.err()).contains("nobody was waived: no rotation is under way");
    assertThat(run.out()).contains("is done");
  }

  @Test
  void retireOfAnAnchorThatLeavesJoinsTheRotation() {
    server.trust.addAll(List.of(TrustStates.retiring(), TrustStates.done()));
    server.changed = TrustStates.retiring().getRotation();

    run("retire", "--anchor", TrustStates.hex(TrustStates.OLD), "--waive", "shop/legacy", "--yes")
        .ended(ExitCode.OK);

    assertThat(server.started).isEmpty();
    assertThat(server.waived.getFirst().getIdentitiesList())
        .containsExactly(TrustStates.dns("legacy"));
  }

  @Test
  void theCompromiseOfAnAnchorThatHasLeftIsDeclaredByRetire() {
    server.trust.add(TrustStates.aborted());
    server.history.add(TrustStates.aborted().getRotation());
    server.plan =
        TrustStates.compromisedPlan().toBuilder()
            .clearNewAnchor()
            .clearBeforeSha256()
            .addBeforeSha256(TrustStates.sha256(TrustStates.OLD))
            .addBeforeSha256(TrustStates.sha256(TrustStates.NEW))
            .clearAfterSha256()
            .addAfterSha256(TrustStates.sha256(TrustStates.OLD))
            .build();
    server.leaves.add(
        TrustStates.leaf("batch", MeshLeaf.Presence.GONE, TrustStates.OLD, TrustStates.digest())
            .build());
    String left = TrustStates.hex(TrustStates.NEW).substring(0, 8);

    String plan =
        run("retire", "--anchor", left, "--compromised", "--plan").ended(ExitCode.OK).out();
    assertThat(plan)
        .contains("after a compromise", "makes another issuer", "Cut off until they get a new")
        .containsPattern(left + "\\S* +retired +retired ")
        .containsPattern(
            TrustStates.hex(TrustStates.OLD).substring(0, 8) + "\\S* +trusted +trusted ")
        .doesNotContain("the issuer stays");
    assertThat(retire(left).err()).as("without --compromised").contains(left + " is not in force");
    assertThat(run("retire", "--anchor", "ffffffff", "--compromised", "--yes").err())
        .contains("ffffffff is neither in force nor of an earlier rotation");
    assertThat(server.started).isEmpty();

    server.start = TrustStates.started();
    run("retire", "--anchor", left, "--compromised", "--yes", "--no-wait").ended(ExitCode.OK);
    assertThat(server.started.getFirst().getCompromised()).isTrue();
    assertThat(server.started.getFirst().getLeavingSha256List())
        .containsExactly(TrustStates.sha256(TrustStates.NEW));
  }

  @Test
  void anAnchorMustBeNamedUnambiguously() {
    server.trust.add(TrustStates.none());
    assertThat(retire("7accf6").err()).contains("7accf6", "first 8 hexadecimal digits");
    assertThat(retire("ffffffff").err())
        .contains("ffffffff is not in force", TrustStates.hex(TrustStates.OLD));
    assertThat(server.started).isEmpty();
  }

  private CommandRun retire(String anchor) {
    return run("retire", "--anchor", anchor, "--yes").ended(ExitCode.CONFIGURATION);
  }

  @Test
  void historyTellsWhoWhenAndWhy() throws Exception {
    assertThat(run("history").ended(ExitCode.OK).out()).contains("no rotation yet");
    server.history.addAll(
        List.of(
            TrustStates.aborted().getRotation(),
            TrustStates.done().getRotation(),
            TrustStates.compromised().getRotation()));

    golden("history.txt", run("history").ended(ExitCode.OK));
    golden("history.json", run("history", "-o", "json").ended(ExitCode.OK));
  }

  @Test
  void verifyTellsWhoNeedsWhichAnchor() throws Exception {
    server.trust.add(TrustStates.retiring());
    golden("verify.txt", run("verify").ended(ExitCode.NEGATIVE));
    golden("verify.json", run("verify", "-o", "json").ended(ExitCode.NEGATIVE));
  }

  @Test
  void verifySaysYesWhenNobodyNeedsWhatLeaves() {
    server.trust.add(TrustStates.retiring());
    server.leaves.removeIf(leaf -> leaf.getPresence() != MeshLeaf.Presence.LIVE);
    assertThat(run("verify").ended(ExitCode.OK).out()).contains("leaving: nobody needs it");

    // A peer that is not known otherwise.
    server.leaves.set(
        0,
        server.leaves.getFirst().toBuilder()
            .addNeeds(TrustStates.need(TrustStates.OLD, AnchorNeed.Reason.PEER))
            .build());
    assertThat(run("verify").ended(ExitCode.NEGATIVE).out())
        .contains("leaving: needed by 1 workload", "its live peers");

    // Whoever is waived does not count.
    server.leaves.set(
        0,
        leaf("web", MeshLeaf.Presence.LIVE)
            .addNeeds(
                TrustStates.need(TrustStates.OLD, AnchorNeed.Reason.PEER).toBuilder()
                    .setWaived(true))
            .build());
    assertThat(run("verify").ended(ExitCode.OK).out()).contains("(waived)");
  }

  @Test
  void aWorkloadThatIsBehindNeedsWhatLeaves() {
    server.trust.add(TrustStates.retiring());
    server.leaves.clear();
    server.leaves.add(
        leaf("cart", MeshLeaf.Presence.LIVE)
            .setAnchorSha256(TrustStates.sha256(TrustStates.NEW))
            .addNeeds(TrustStates.need(TrustStates.OLD, AnchorNeed.Reason.BEHIND))
            .build());
    assertThat(run("verify").ended(ExitCode.NEGATIVE).out())
        .contains("leaving: needed by 1 workload", "does not trust the bundle in force");
  }

  @Test
  void aServerThatDoesNotTellWhatIsNeededProvesNothing() {
    server.trust.add(TrustStates.retiring());
    server.tellsNeeds = false;
    assertThat(run("verify").ended(ExitCode.CONFIGURATION).err())
        .contains("does not tell which anchors are needed", "nothing is proved");
  }

  @Test
  void aServerThatDoesNotRunIsNamed() {
    server.down();
    for (String command : List.of("status", "resume", "history", "verify")) {
      assertThat(run(command).ended(ExitCode.UNAVAILABLE).err())
          .contains("expected an identity server that runs", state.toString());
    }
    assertThat(run("rotate", "--yes").ended(ExitCode.UNAVAILABLE).err()).contains("identity.sock");
  }

  @Test
  void whatServersSayCannotControlTheTerminal() {
    server.trust.add(
        TrustStates.none().toBuilder().setTrustDomain("cluster\u001b[2Jlocal").build());
    assertThat(run("status").ended(ExitCode.OK).out()).contains("\\u001b").doesNotContain("\u001b");
    server.plan =
        TrustStates.plan().toBuilder()
            .addFindings(TrustRotationFinding.newBuilder().setMessage("a\nb\u001b[2J"))
            .build();
    assertThat(run("rotate", "--plan").ended(ExitCode.OK).out())
        .contains("a\\u000ab\\u001b[2J")
        .doesNotContain("\u001b");
  }

  @Test
  void theGroupNamesItsCommands() {
    CommandRun run =
        CommandRun.of("trust", TrustCommand.commandLine(console), "trust").ended(ExitCode.USAGE);
    assertThat(run.err()).contains("status", "rotate", "verify");
  }
}
