package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The engine over a simulated mesh. */
final class RotationEngineTest {
  private static final Duration WINDOW = Duration.ofMinutes(10);

  @TempDir private Path state;
  private final SimulatedMesh mesh = new SimulatedMesh();
  private final List<AuditEvent> audit = new ArrayList<>();
  private final Simulated authority = new Simulated();
  private final Random random = new Random(1);
  private RotationStore store;
  private RotationEngine engine;

  @BeforeEach
  void open() throws Exception {
    store = FileRotationStore.open(state);
    engine = engine();
  }

  private RotationEngine engine() {
    return new RotationEngine(store, authority, audit::add, random, () -> mesh.now);
  }

  @Test
  void nothingHappensWithoutARotation() {
    assertThat(engine.advance()).isZero();
    assertThat(engine.progress()).isNull();
  }

  @Test
  void itGoesOnUntilItHasToWaitAndSaysForWhat() throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);

    assertThat(engine.advance()).isPositive();

    assertThat(phase()).isEqualTo(Phase.DISTRIBUTE);
    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.BEFORE.plus(SimulatedMesh.AFTER));
    assertThat(progress().obstacles()).extracting(Obstacle::workload).containsExactly("web");

    web.take();
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RENEW);
    web.renew();
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RETIRE);
    web.take();
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(progress().obstacles()).isEmpty();
    assertThat(authority.ended).containsExactly(progress().rotation().id());
    assertThat(authority.discarded).as("its certificates are kept").isEmpty();
    assertThat(audit)
        .extracting(event -> ((AdministrativeEvent) event).attributes().get("phase"))
        .containsExactly("prepare", "distribute", "activate", "renew", "retire", "done");
  }

  @Test
  void afterACompromiseItLooksAgainAtOnce() throws Exception {
    mesh.add("web", true);
    begin(true);

    assertThat(engine.advance()).isEqualTo(Duration.ofMillis(50));

    assertThat(phase()).isEqualTo(Phase.DISTRIBUTE);
  }

  @Test
  void anActThatFailsIsTriedAgainAndNamed() throws Exception {
    begin(false);
    authority.failure = new IOException("disk full");

    engine.advance();

    assertThat(phase()).isEqualTo(Phase.DISTRIBUTE);
    assertThat(progress().obstacles())
        .containsExactly(new Obstacle(Obstacle.Kind.FAILURE, "", "java.io.IOException: disk full"));
    authority.failure = null;
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
  }

  /** The engine may be about to wait for a beginning at the moment of it. */
  @Test
  @Timeout(300)
  void eachRotationThatIsBegunIsCarriedOut() throws Exception {
    engine.start();
    try {
      for (int i = 0; i < 100; i++) {
        Rotation begun = begin(false);
        while (store.current() != null) {
          Thread.onSpinWait();
        }
        assertThat(store.all().getLast().id()).isEqualTo(begun.id());
        // Back to the state before, for the next one.
        mesh.bundle = SimulatedMesh.BEFORE;
        mesh.issuing = SimulatedMesh.OLD;
      }
    } finally {
      engine.close();
    }
  }

  @Test
  void aPhaseThatCannotBeKeptIsNotBegun() throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);
    engine.advance();
    web.take();
    Path directory = state.resolve("rotations");
    Path moved = state.resolve("moved");
    Files.move(directory, moved);

    engine.advance();

    assertThat(phase()).isEqualTo(Phase.DISTRIBUTE);
    assertThat(mesh.issuing).isEqualTo(SimulatedMesh.OLD);
    Files.move(moved, directory);
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RENEW);
  }

  @Test
  void anotherEngineGoesOnWithWhatIsKept() throws Exception {
    mesh.add("web", true);
    Rotation begun = begin(false);
    engine.advance();
    engine.waive(Set.of("web"), "uid 0", "known");

    open();

    assertThat(progress().rotation().id()).isEqualTo(begun.id());
    Member web = mesh.fleet().getFirst();
    assertThat(progress().rotation().waivers())
        .containsExactly(
            Map.entry("web", new Waiver("web", new TreeSet<>(Set.of(web.serial())), false)));
    assertThat(progress().rotation().isWaived(web)).isTrue();
    assertThat(progress().rotation().log().getLast().why()).isEqualTo("web: known");
  }

  @Test
  void aWaiverThatAnEarlierVersionKeptIsForWhoNeverReports() throws Exception {
    mesh.add("web", true);
    mesh.add("legacy", false);
    Rotation rotation = begin(false);
    Path file = state.resolve("rotations").resolve(rotation.id() + ".json");
    Files.writeString(
        file,
        Files.readString(file)
            .replaceFirst("\"waived\" : \\[ \\]", "\"waived\" : [ \"web\", \"legacy\" ]"));

    open();

    Rotation read = progress().rotation();
    assertThat(read.waived()).containsExactly("legacy", "web");
    for (Member member : mesh.fleet()) {
      assertThat(read.isWaived(member)).isEqualTo(member.identity().equals("legacy"));
    }
  }

  @Test
  void onlyOneRotationIsUnderWay() throws Exception {
    mesh.add("web", true);
    Rotation first = begin(false);

    assertThatThrownBy(() -> begin(false)).hasMessageContaining(first.id() + " is under way");
  }

  @Test
  void aPlanOfOtherAnchorsThanThoseInForceIsNotBegun() throws Exception {
    mesh.bundle = SimulatedMesh.BEFORE.plus(AnchorSet.of("c".repeat(64)));

    assertThatThrownBy(() -> begin(false))
        .isInstanceOf(RotationRefusedException.class)
        .hasMessageContaining("have changed since the plan")
        .hasMessageContaining("cccccccccccccccc");

    assertThat(store.all()).isEmpty();
  }

  @Test
  void anchorsThatAreAddedOnTheWayAreKeptAndNamedUntilTheyAreGone() throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);
    engine.advance();
    web.take();
    AnchorSet union = mesh.bundle;
    AnchorSet changed = union.plus(AnchorSet.of("c".repeat(64)));
    mesh.bundle = changed;

    engine.advance();

    assertThat(mesh.bundle).isEqualTo(changed);
    assertThat(phase()).isEqualTo(Phase.DISTRIBUTE);
    assertThat(progress().obstacles())
        .singleElement()
        .satisfies(
            obstacle -> {
              assertThat(obstacle.kind()).isEqualTo(Obstacle.Kind.CHANGED);
              assertThat(obstacle.message()).contains("cccccccccccccccc was added");
            });
    mesh.bundle = union;
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RENEW);
  }

  @Test
  void abortGoesBackToTheAnchorsBefore() throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);
    engine.advance();
    web.take();
    engine.advance();
    web.renew();

    engine.abort("uid 0", "changed mind");
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RENEW);
    web.renew();
    engine.advance();
    web.take();
    engine.advance();

    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.BEFORE);
    assertThat(store.retired()).isEmpty();
    assertThatThrownBy(() -> engine.abort("uid 0", "")).hasMessageContaining("no rotation");
  }

  /** Where a compromise becomes known, and what holds the rotation there. */
  private enum Found {
    ACTIVATE,
    RENEW,
    /** Both anchors are in force. */
    RETIRE,
    /** The old anchor has left. */
    RETIRED
  }

  @ParameterizedTest
  @EnumSource
  void aCompromiseFoundOnTheWayLeavesNothingThatWasSignedBefore(Found found) throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    SimulatedMesh.Workload cart = mesh.add("cart", true);
    mesh.thief.steal();
    begin(false);
    engine.advance();
    web.take();
    cart.take();
    if (found == Found.RETIRE) {
      cart.disconnect();
    }
    mesh.canaryFailure = found == Found.ACTIVATE ? "none verifies" : "";
    engine.advance();
    mesh.thief.renew();
    if (found == Found.RETIRED || found == Found.RETIRE) {
      web.renew();
      cart.renew();
      mesh.now = mesh.now.plus(found == Found.RETIRED ? SimulatedMesh.LEAF_LIFE : Duration.ZERO);
      web.renew();
      cart.renew();
      engine.advance();
      mesh.thief.renew();
    }
    assertThat(phase().name()).isEqualTo(found == Found.RETIRED ? "RETIRE" : found.name());
    assertThat(mesh.bundle.contains(SimulatedMesh.OLD)).isEqualTo(found != Found.RETIRED);
    int between = mesh.issuer;

    mesh.compromise(engine.compromise(AnchorSet.NONE, "uid 0", "in a backup"));
    mesh.canaryFailure = "";
    engine.advance();

    assertThat(phase()).isEqualTo(Phase.RENEW);
    assertThat(mesh.issuer).as("another issuer").isGreaterThan(between);
    mesh.thief.renew();
    web.renew();
    mesh.now = mesh.now.plus(RotationProcedure.URGENT_RENEWAL);
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RETIRE);
    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.AFTER);
    web.take();
    mesh.now = mesh.now.plus(RotationProcedure.URGENT_RETIREMENT);
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    mesh.thief.renew();
    mesh.requireThatNothingFromBeforeIsGood(progress().rotation());
    assertThat(web.isParty()).isTrue();
    assertThat(store.all().getLast().log())
        .extracting(Rotation.Entry::phase)
        .endsWith(Phase.ACTIVATE, Phase.RENEW, Phase.RETIRE, Phase.DONE);
  }

  @ParameterizedTest
  @EnumSource(
      value = Found.class,
      names = {"RENEW", "RETIRE"})
  void aCompromisedAnchorLeavesAlsoWhenTheKeyOfTheNewOneCannotBeUsed(Found found) throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    SimulatedMesh.Workload cart = mesh.add("cart", true);
    begin(false);
    engine.advance();
    web.take();
    cart.take();
    engine.advance();
    web.renew();
    if (found == Found.RETIRE) {
      cart.disconnect();
      engine.advance();
    }
    assertThat(phase().name()).isEqualTo(found.name());
    assertThat(mesh.bundle.contains(SimulatedMesh.OLD)).isTrue();
    authority.noIssuer = new IOException("the token is away");

    mesh.compromise(engine.compromise(AnchorSet.NONE, "uid 0", "in a backup"));
    engine.advance();
    mesh.now = mesh.now.plus(RotationProcedure.URGENT_TOTAL);
    engine.advance();

    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.AFTER);
    assertThat(phase()).isEqualTo(Phase.ACTIVATE);
    assertThat(progress().obstacles())
        .extracting(Obstacle::message)
        .containsExactly("java.io.IOException: the token is away");
    web.take();
    cart.connect();
    cart.take();
    cart.renew();
    mesh.requireMutualTrust(progress().rotation());

    authority.noIssuer = null;
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RENEW);
    web.renew();
    cart.renew();
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    mesh.requireThatNothingFromBeforeIsGood(progress().rotation());
    assertThat(web.isParty()).isTrue();
    assertThat(cart.isParty()).isTrue();
  }

  @Test
  void afterARestartInRetireOfACompromiseARevocationThatFailsKeepsNobodyFromRenewing()
      throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(true);
    engine.advance();
    web.take();
    engine.advance();
    web.renew();
    authority.noRevocation = new IOException("disk full");
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.RETIRE);
    assertThat(mesh.provesIdentity(web.leaf)).isTrue();

    mesh.restartServer(progress().rotation());
    assertThat(mesh.provesIdentity(web.leaf)).isFalse();
    engine.advance();

    assertThat(phase()).isEqualTo(Phase.RETIRE);
    assertThat(mesh.provesIdentity(web.leaf)).isTrue();
  }

  @Test
  void whatWasRetiredIsRemembered() throws Exception {
    begin(false);
    engine.advance();

    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(store.retired()).containsExactly(SimulatedMesh.OLD);
    assertThat(FileRotationStore.open(state).retired()).containsExactly(SimulatedMesh.OLD);
  }

  @Test
  void aRecordThatIsDamagedIsAnError() throws Exception {
    Rotation rotation = begin(false);
    Path file = state.resolve("rotations").resolve(rotation.id() + ".json");
    Files.writeString(file, Files.readString(file).replace("\"compromised\" : false", "\"x\" : 1"));

    assertThatThrownBy(() -> FileRotationStore.open(state))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("compromised");
  }

  // ---- a store that several replicas share

  @Test
  void aPhaseIsNotBegunOverWhatAnotherReplicaHasWritten() throws Exception {
    SharedRotations shared = new SharedRotations();
    store = shared;
    engine = engine();
    RotationEngine other = engine();
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);
    engine.advance();
    web.take();
    shared.meanwhile(() -> abort(other));

    engine.advance();

    assertThat(phase()).isEqualTo(Phase.RETIRE);
    assertThat(store.all().getLast().reversed()).isTrue();
    assertThat(mesh.issuing).isEqualTo(SimulatedMesh.OLD);
    engine.advance();
    web.take();
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.BEFORE);
  }

  @Test
  void whatAnOperatorDecidesIsAddedToWhatAnotherReplicaHasWritten() throws Exception {
    SharedRotations shared = new SharedRotations();
    store = shared;
    engine = engine();
    RotationEngine other = engine();
    mesh.add("web", true);
    begin(false);
    shared.meanwhile(() -> waive(other));

    Rotation back = engine.abort("uid 0", "changed mind");

    assertThat(back.waived()).containsExactly("web");
    assertThat(store.current()).isEqualTo(back);
    // Nor does a second rotation begin beside it.
    assertThatThrownBy(() -> begin(false)).isInstanceOf(RotationRefusedException.class);
    assertThat(store.all()).hasSize(1);
  }

  private static void abort(RotationEngine engine) {
    try {
      engine.abort("uid 1", "elsewhere");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void waive(RotationEngine engine) {
    try {
      engine.waive(Set.of("web"), "uid 1", "elsewhere");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theStoreIsToldHowItIsWithARotation() throws Exception {
    SharedRotations shared = new SharedRotations();
    store = shared;
    engine = engine();
    SimulatedMesh.Workload web = mesh.add("web", true);
    Rotation begun = begin(false);
    engine.advance();

    Instant waiting = mesh.now;
    Condition waits = condition(shared, begun, Condition.PROGRESSING);
    assertThat(waits.isTrue()).isFalse();
    assertThat(waits.reason()).isEqualTo("Waiting");
    assertThat(waits.message()).startsWith("in phase Distribute, for 1: web");
    assertThat(condition(shared, begun, Condition.COMPLETE).reason()).isEqualTo("UnderWay");
    int reports = shared.reports;
    for (int i = 0; i < 20; i++) {
      mesh.now = mesh.now.plusMillis(250);
      engine.advance();
    }
    assertThat(shared.reports).as("nothing has changed").isEqualTo(reports);
    assertThat(condition(shared, begun, Condition.PROGRESSING).since()).isEqualTo(waiting);

    authority.failure = new IOException("disk full");
    web.take();
    engine.advance();
    Condition failing = condition(shared, begun, Condition.FAILING);
    assertThat(failing.isTrue()).isTrue();
    assertThat(failing.reason()).isEqualTo("Failure");
    assertThat(failing.message()).contains("disk full");
    assertThat(failing.since()).isEqualTo(mesh.now);

    authority.failure = null;
    engine.advance();
    web.renew();
    engine.advance();
    web.take();
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(shared.conditions(begun.id()))
        .extracting(Condition::type, Condition::isTrue, Condition::reason)
        .containsExactly(
            tuple(Condition.PROGRESSING, false, "Done"),
            tuple(Condition.COMPLETE, true, "Done"),
            tuple(Condition.FAILING, false, "AsExpected"),
            tuple(Condition.COMPROMISED, false, "NotDeclared"));
  }

  private static Condition condition(RotationStore store, Rotation rotation, String type) {
    return store.conditions(rotation.id()).stream()
        .filter(condition -> condition.type().equals(type))
        .findFirst()
        .orElseThrow();
  }

  /** Also one of which nobody knew when it left. */
  @Test
  void theCompromiseOfAnAnchorThatHasLeftReplacesTheIssuerAndRevokesWhatItHasSigned()
      throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);
    untilDone(web);
    int between = mesh.issuer;
    assertThat(engine.left(mesh.bundle)).isEqualTo(SimulatedMesh.BEFORE);

    Rotation begun = engine.begin(afterItHasLeft(), "uid 0", "the key was copied");
    assertThat(authority.keptFor).containsEntry(begun.id(), SimulatedMesh.BEFORE);
    untilDone(web);

    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.AFTER);
    assertThat(mesh.issuing).isEqualTo(SimulatedMesh.NEW);
    assertThat(web.leaf.issuer()).isEqualTo(mesh.issuer).isGreaterThan(between);
    assertThat(mesh.revokedIssuers).contains(1, between);
    assertThat(mesh.revoked).isEqualTo(SimulatedMesh.BEFORE);
    assertThat(store.retired()).containsExactly(SimulatedMesh.OLD);
  }

  @Test
  void theSameWhileAnotherRotationIsUnderWay() throws Exception {
    SimulatedMesh.Workload web = mesh.add("web", true);
    begin(false);
    untilDone(web);
    AnchorSet third = AnchorSet.of("c".repeat(64));
    Rotation next =
        engine.begin(
            new RotationPlan(
                SimulatedMesh.AFTER,
                AnchorSet.NONE,
                third,
                null,
                false,
                WINDOW,
                true,
                List.of(),
                mesh.now.plus(WINDOW)),
            "uid 0",
            "");
    engine.advance();

    AnchorSet left = engine.left(mesh.bundle);
    assertThat(left).isEqualTo(SimulatedMesh.BEFORE);
    engine.compromise(SimulatedMesh.BEFORE, left, "uid 0", "the key was copied");

    assertThat(authority.keptFor).containsEntry(next.id(), SimulatedMesh.BEFORE);
    assertThat(progress().rotation().leaving())
        .isEqualTo(SimulatedMesh.BEFORE.plus(SimulatedMesh.AFTER));
    mesh.compromise(progress().rotation());
    for (int i = 0; i < 10 && phase() != Phase.DONE; i++) {
      engine.advance();
      web.take();
      web.renew();
      mesh.now = mesh.now.plusSeconds(4);
    }
    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(mesh.bundle).isEqualTo(third);
    assertThat(mesh.revoked).isEqualTo(SimulatedMesh.BEFORE.plus(SimulatedMesh.AFTER));
  }

  private void untilDone(SimulatedMesh.Workload workload) {
    for (int i = 0; i < 10 && phase() != Phase.DONE; i++) {
      engine.advance();
      workload.take();
      workload.renew();
    }
    assertThat(phase()).isEqualTo(Phase.DONE);
  }

  @Test
  void whatIsKeptOfAnAnchorThatHasLeftIsForTheLifeOfALeaf() throws Exception {
    Rotation first = begin(false);
    engine.advance();
    mesh.now = mesh.now.plus(SimulatedMesh.LEAF_LIFE);
    assertThat(engine.left(mesh.bundle)).isEqualTo(SimulatedMesh.BEFORE);
    mesh.now = mesh.now.plusSeconds(1);

    assertThat(engine.left(mesh.bundle).isEmpty()).isTrue();
    engine.begin(afterItHasLeft(), "uid 0", "");
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(authority.discarded).containsExactly(first.id());
  }

  private RotationPlan afterItHasLeft() {
    return new RotationPlan(
        SimulatedMesh.BEFORE.plus(SimulatedMesh.AFTER),
        SimulatedMesh.BEFORE,
        SimulatedMesh.AFTER,
        null,
        true,
        WINDOW,
        true,
        List.of(),
        mesh.now.plus(WINDOW));
  }

  /** A plan is kept and nothing else has happened yet. */
  @Test
  void anAbortInPrepareChangesNothing() throws Exception {
    mesh.add("web", true);
    begin(false);
    assertThat(phase()).isEqualTo(Phase.PREPARE);

    Rotation back = engine.abort("uid 0", "it is the wrong anchor");

    assertThat(back.phase()).isEqualTo(Phase.RETIRE);
    engine.advance();
    assertThat(phase()).isEqualTo(Phase.DONE);
    assertThat(progress().rotation().reversed()).isTrue();
    assertThat(mesh.bundle).isEqualTo(SimulatedMesh.BEFORE);
    assertThat(mesh.issuing).isEqualTo(SimulatedMesh.OLD);
    assertThat(mesh.issuer).isEqualTo(1);
    assertThat(progress().rotation().log())
        .extracting(Rotation.Entry::phase)
        .doesNotContain(Phase.DISTRIBUTE, Phase.ACTIVATE, Phase.RENEW);
  }

  private Rotation begin(boolean compromised) throws Exception {
    return engine.begin(
        new RotationPlan(
            SimulatedMesh.BEFORE,
            AnchorSet.NONE,
            SimulatedMesh.AFTER,
            null,
            compromised,
            WINDOW,
            true,
            List.of(),
            mesh.now.plus(WINDOW)),
        "uid 0",
        "test");
  }

  private RotationEngine.Progress progress() {
    return Objects.requireNonNull(engine.progress());
  }

  private Phase phase() {
    return store.all().getLast().phase();
  }

  /** The simulated mesh, as the engine sees it. */
  private final class Simulated implements TrustAuthority {
    private final List<String> discarded = new ArrayList<>();
    private final List<String> ended = new ArrayList<>();
    private final Map<String, AnchorSet> keptFor = new HashMap<>();
    private @Nullable IOException failure;
    private @Nullable IOException noIssuer;
    private @Nullable IOException noRevocation;

    private void act(Rotation rotation, Step step) throws IOException {
      if (failure != null) {
        throw failure;
      }
      mesh.act(rotation, step);
    }

    @Override
    public Situation observe(Rotation rotation) {
      return mesh.situation(rotation);
    }

    @Override
    public void publish(Rotation rotation, AnchorSet anchors) throws IOException {
      act(rotation, new Step.Publish(anchors));
    }

    @Override
    public void issueUnder(Rotation rotation, AnchorSet anchors, boolean crossSign)
        throws IOException {
      if (noIssuer != null) {
        throw noIssuer;
      }
      act(rotation, new Step.IssueUnder(anchors, crossSign));
    }

    @Override
    public void askRenewal(Rotation rotation, Duration window) {
      mesh.act(rotation, new Step.AskRenewal(window));
    }

    @Override
    public void revoke(Rotation rotation) throws IOException {
      if (noRevocation != null) {
        throw noRevocation;
      }
      act(rotation, new Step.Revoke());
    }

    @Override
    public void settle(Rotation rotation) throws IOException {
      act(rotation, new Step.Settle());
    }

    @Override
    public String cannotRotate() {
      return "";
    }

    @Override
    public String cannotVouch() {
      return "";
    }

    @Override
    public String cannotReplaceIssuer(AnchorSet compromised) {
      return "";
    }

    @Override
    public String cannotIssue(Rotation rotation) {
      return "";
    }

    @Override
    public AnchorSet inForce() {
      return mesh.bundle;
    }

    @Override
    public Set<String> retired() {
      return Set.of();
    }

    @Override
    public List<X509Certificate> anchors() {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<X509Certificate> issuer() {
      throw new UnsupportedOperationException();
    }

    @Override
    public String issuerAnchor() {
      return mesh.issuing;
    }

    @Override
    public Set<String> earlierIssuerAnchors() {
      return Set.of();
    }

    @Override
    public List<Member> fleet() {
      return mesh.fleet();
    }

    @Override
    public Set<String> withoutToken() {
      return Set.of();
    }

    @Override
    public Duration leafLife() {
      return SimulatedMesh.LEAF_LIFE;
    }

    @Override
    public NewAnchor makeAnchor(KeyKind kind, Duration life) {
      throw new UnsupportedOperationException();
    }

    @Override
    public NewAnchor findAnchor(Pkcs11Token.Config place) {
      throw new UnsupportedOperationException();
    }

    @Override
    public NewAnchor makeAnchor(Pkcs11Token.Config place, KeyKind kind, Duration life) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void discard(String rotation) {
      discarded.add(rotation);
    }

    @Override
    public void adopt(String rotation, NewAnchor anchor) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void adoptLeft(String rotation, AnchorSet left, Collection<String> from) {
      keptFor.put(rotation, left);
    }

    @Override
    public AnchorSet kept(String rotation) {
      return discarded.contains(rotation)
          ? AnchorSet.NONE
          : SimulatedMesh.BEFORE.plus(SimulatedMesh.AFTER);
    }

    @Override
    public List<X509Certificate> keptCertificates(Collection<String> rotations) {
      return List.of();
    }

    @Override
    public void end(String rotation) {
      ended.add(rotation);
    }
  }
}
