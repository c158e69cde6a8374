package io.signetmesh.rotation;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries rotations out: looks at what is true, asks {@link RotationProcedure} what is next, does
 * it, and keeps each phase before it goes on. Rotations that were under way go on after a restart.
 * Thread-safe; one thread of its own does all acts.
 *
 * <p>Longer than 500 lines: decisions of operators and acts of the thread share one lock.
 */
public final class RotationEngine implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RotationEngine.class);

  /** Between two looks while a rotation is under way. */
  private static final Duration INTERVAL = Duration.ofMillis(250);

  /**
   * The same after a compromise, however long a look takes: forged certificates are taken as long
   * as the rotation lasts.
   */
  private static final Duration URGENT_INTERVAL = Duration.ofMillis(50);

  /** After an act that failed. */
  private static final Duration RETRY = Duration.ofSeconds(2);

  /** For the act that is under way. */
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

  /** Between two reports that differ in their messages only. */
  private static final Duration REPORT = Duration.ofSeconds(10);

  /** Attempts to change a rotation that somebody else changes, too. */
  private static final int MAX_ATTEMPTS = 5;

  /** Acts in one go, so that a step that changes nothing cannot keep a thread busy. */
  private static final int MAX_STEPS = 16;

  private final RotationStore store;
  private final TrustAuthority authority;
  private final AuditLog audit;
  private final RandomGenerator random;
  private final InstantSource clock;

  // Guarded by this.
  private List<Obstacle> obstacles = List.of();
  private boolean closed;
  private @Nullable Thread thread;

  /** For the thread that looks. */
  private Told told = new Told("", List.of(), Instant.MIN);

  /**
   * Makes an engine; nothing happens before {@link #start}.
   *
   * @param random makes ids of rotations
   */
  public RotationEngine(
      RotationStore store,
      TrustAuthority authority,
      AuditLog audit,
      RandomGenerator random,
      InstantSource clock) {
    this.store = store;
    this.authority = authority;
    this.audit = audit;
    this.random = random;
    this.clock = clock;
  }

  /** What the store was told last. */
  private record Told(String rotation, List<Condition> conditions, Instant at) {}

  /** Where a rotation is, and what it waits for. */
  public record Progress(Rotation rotation, List<Obstacle> obstacles) {
    /** Copies the list. */
    public Progress {
      obstacles = List.copyOf(obstacles);
    }
  }

  /** Carries rotations out until {@link #close}. */
  public synchronized void start() {
    Rotation current = store.current();
    if (current != null) {
      log.info("rotation {} goes on in phase {}", current.id(), current.phase());
    }
    thread = Thread.ofPlatform().daemon().name("trust-rotation").start(this::run);
  }

  /**
   * Begins a rotation.
   *
   * @param plan checked by the caller
   * @throws RotationRefusedException when one is under way, or the anchors in force are not those
   *     of the plan any more
   * @throws IOException when it cannot be kept; nothing has changed
   */
  public synchronized Rotation begin(RotationPlan plan, String who, String why)
      throws IOException, PkiException {
    return begin(plan, null, who, why);
  }

  /**
   * Begins a rotation after a compromise in place of one that cannot go on. Both have the anchors
   * in common that leave.
   *
   * @param superseded id of the rotation that is under way
   * @throws RotationRefusedException when another one is, or it is not after a compromise, or the
   *     anchors in force are not those of the plan any more
   * @throws IOException when it cannot be kept; the other one goes on
   */
  public synchronized Rotation supersede(
      String superseded, RotationPlan plan, String who, String why)
      throws IOException, PkiException {
    return begin(plan, superseded, who, why);
  }

  private Rotation begin(RotationPlan plan, @Nullable String superseded, String who, String why)
      throws IOException, PkiException {
    RotationStore.Kept current = store.underWay();
    String underWay = current == null ? null : current.rotation().id();
    if (!Objects.equals(underWay, superseded)) {
      throw new RotationRefusedException(
          current == null
              ? "rotation " + superseded + " is not under way any more: look at the plan again"
              : "rotation " + underWay + " is under way in phase " + current.rotation().phase());
    }
    AnchorSet inForce = authority.inForce();
    if (!inForce.equals(plan.before().minus(plan.left()))) {
      throw new RotationRefusedException(
          "the anchors in force have changed since the plan, from "
              + plan.before()
              + " to "
              + inForce
              + ": look at the plan again");
    }
    byte[] id = new byte[8];
    random.nextBytes(id);
    Rotation rotation =
        Rotation.start(
            HexFormat.of().formatHex(id),
            plan.before(),
            plan.after(),
            plan.compromised(),
            plan.renewWindow(),
            clock.instant(),
            who,
            why);
    if (!plan.crossSigned()) {
      rotation = rotation.withoutCrossCertificate();
    }
    try {
      NewAnchor anchor = plan.newAnchor();
      if (anchor != null) {
        authority.adopt(rotation.id(), anchor);
      }
      if (!plan.left().isEmpty()) {
        authority.adoptLeft(
            rotation.id(), plan.left(), store.all().stream().map(Rotation::id).toList());
      }
      if (current == null) {
        keep(rotation, RotationStore.NEW);
      } else {
        Rotation ended =
            current
                .rotation()
                .supersede(clock.instant(), who, "rotation " + rotation.id() + " goes on");
        store.supersede(ended, current.version(), rotation);
        kept(ended);
        kept(rotation);
        discard(ended);
      }
    } catch (IOException | PkiException | RotationRefusedException e) {
      try {
        authority.discard(rotation.id());
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
    return rotation;
  }

  /**
   * Sends the rotation that is under way back.
   *
   * @throws RotationRefusedException when there is none, or it cannot go back
   */
  public synchronized Rotation abort(String who, String why) throws IOException {
    return change(rotation -> rotation.abort(clock.instant(), who, why));
  }

  /**
   * Has the rotation under way leave its old anchors as compromised ones.
   *
   * @param anchors the compromised ones; empty for all that were in force before it
   * @throws RotationRefusedException when there is none, or one of them would stay
   */
  public synchronized Rotation compromise(AnchorSet anchors, String who, String why)
      throws IOException, PkiException {
    return compromise(anchors, AnchorSet.NONE, who, why);
  }

  /**
   * The same, also of anchors that have left already.
   *
   * @param left what {@link #left} says
   */
  public synchronized Rotation compromise(AnchorSet anchors, AnchorSet left, String who, String why)
      throws IOException, PkiException {
    Rotation current = store.current();
    if (current != null && current.refusalToLeave(anchors, left).isEmpty()) {
      AnchorSet others = anchors.minus(current.union());
      if (!others.isEmpty()) {
        authority.adoptLeft(current.id(), others, store.all().stream().map(Rotation::id).toList());
      }
    }
    return change(rotation -> rotation.compromise(anchors, left, clock.instant(), who, why));
  }

  /**
   * Does not wait any more for what is known now of workloads.
   *
   * @throws RotationRefusedException when no rotation is under way
   */
  public synchronized Rotation waive(Set<String> identities, String who, String why)
      throws IOException {
    return change(
        rotation -> rotation.waive(identities, authority.fleet(), clock.instant(), who, why));
  }

  /** Changes the rotation under way. When somebody else was faster, what they left is changed. */
  private Rotation change(UnaryOperator<Rotation> change) throws IOException {
    for (int attempt = 1; ; attempt++) {
      RotationStore.Kept current = store.underWay();
      if (current == null) {
        throw new RotationRefusedException("no rotation is under way");
      }
      try {
        return keep(change.apply(current.rotation()), current.version());
      } catch (StaleRotationException e) {
        if (attempt == MAX_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /** The rotation under way, else the last one; null when there was none. */
  public synchronized @Nullable Progress progress() {
    List<Rotation> all = store.all();
    return all.isEmpty() ? null : new Progress(all.getLast(), obstacles);
  }

  private synchronized Rotation keep(Rotation rotation, String version) throws IOException {
    store.put(rotation, version);
    return kept(rotation);
  }

  /** Tells of what is kept now. */
  private synchronized Rotation kept(Rotation rotation) {
    Rotation.Entry entry = rotation.log().getLast();
    obstacles = List.of();
    notifyAll();
    log.info(
        "rotation {}: {} in phase {} by {} {}",
        rotation.id(),
        entry.what(),
        entry.phase(),
        entry.who(),
        entry.why());
    audit.record(
        new AdministrativeEvent(
            clock.millis(), "trust-rotation", "identity", rotation.id(), details(rotation, entry)));
    return rotation;
  }

  private static Map<String, String> details(Rotation rotation, Rotation.Entry entry) {
    Map<String, String> details = new TreeMap<>();
    details.put("act", entry.what());
    details.put("phase", entry.phase().name().toLowerCase(Locale.ROOT));
    details.put("by", entry.who());
    if (!entry.why().isEmpty()) {
      details.put("reason", entry.why());
    }
    details.put("before", String.join(",", rotation.before().fingerprints()));
    details.put("after", String.join(",", rotation.after().fingerprints()));
    if (rotation.compromised()) {
      details.put("compromised", "true");
    }
    if (rotation.reversed()) {
      details.put("reversed", "true");
    }
    return details;
  }

  private void run() {
    try {
      while (true) {
        Duration wait = advance();
        synchronized (this) {
          if (closed) {
            return;
          }
          // What was begun since the look has notified nobody.
          if (!wait.isZero() || store.current() == null) {
            wait(wait.toMillis());
          }
          if (closed) {
            return;
          }
        }
      }
    } catch (InterruptedException e) {
      log.debug("closed");
    }
  }

  /**
   * Does what can be done now.
   *
   * @return how long to wait for the next time; zero for until something begins
   */
  Duration advance() {
    Duration wait = steps();
    tell();
    return wait;
  }

  private Duration steps() {
    long began = System.nanoTime();
    for (int i = 0; i < MAX_STEPS; i++) {
      RotationStore.Kept kept = store.underWay();
      if (kept == null) {
        return Duration.ZERO;
      }
      Rotation rotation = kept.rotation();
      try {
        if (!step(kept)) {
          return rotation.compromised() ? URGENT_INTERVAL : pause(began);
        }
      } catch (IOException | PkiException | RuntimeException | Error e) {
        failed(kept, obstacle(e), e);
        return RETRY;
      }
    }
    return pause(began);
  }

  private static Obstacle obstacle(Throwable failure) {
    return failure instanceof RotationRefusedException
        ? new Obstacle(Obstacle.Kind.CHANGED, "", String.valueOf(failure.getMessage()))
        : new Obstacle(Obstacle.Kind.FAILURE, "", String.valueOf(failure));
  }

  /** Logs a failure once for as long as it lasts. */
  private synchronized void failed(RotationStore.Kept kept, Obstacle failure, Throwable cause) {
    if (!obstacles.equals(List.of(failure))) {
      Rotation rotation = kept.rotation();
      log.error("rotation {} cannot go on in phase {} now", rotation.id(), rotation.phase(), cause);
    }
    obstacles(kept, List.of(failure));
  }

  /** A look at a million leaves takes a while: most of the time is for others. */
  private static Duration pause(long began) {
    Duration busy = Duration.ofNanos(System.nanoTime() - began).multipliedBy(4);
    return busy.compareTo(INTERVAL) > 0 ? busy : INTERVAL;
  }

  /** Does one step. Says whether another may follow at once. */
  private boolean step(RotationStore.Kept kept) throws IOException, PkiException {
    Rotation rotation = kept.rotation();
    Step step = RotationProcedure.next(rotation, authority.observe(rotation));
    switch (step) {
      case Step.Wait wait -> {
        obstacles(kept, wait.obstacles());
        return false;
      }
      case Step.Next next -> {
        synchronized (this) {
          // An operator may have decided something in between: it is looked at first.
          if (isUnderWay(kept)) {
            try {
              keep(
                  rotation.in(
                      next.phase(), clock.instant(), Obstacle.leftBehind(next.leftBehind())),
                  kept.version());
            } catch (StaleRotationException e) {
              // So may have somebody at another replica.
              log.info("{}", e.getMessage());
              return false;
            }
            if (next.phase() == Phase.DONE) {
              discard(rotation);
            }
          }
        }
      }
      case Step.Publish publish -> authority.publish(rotation, publish.anchors());
      case Step.IssueUnder issue ->
          authority.issueUnder(rotation, issue.anchors(), issue.crossSign());
      case Step.AskRenewal ask -> authority.askRenewal(rotation, ask.window());
      case Step.Revoke revoke -> authority.revoke(rotation);
      case Step.Settle settle -> authority.settle(rotation);
    }
    return true;
  }

  /**
   * What a rotation that has ended leaves behind has no secrets, and leaves with the next start.
   */
  private void discard(Rotation ended) {
    try {
      authority.end(ended.id());
      for (Rotation old : store.all()) {
        if (!old.id().equals(ended.id()) && old.isDone() && !isRecent(old)) {
          authority.discard(old.id());
        }
      }
    } catch (IOException | PkiException | RuntimeException e) {
      log.warn("rotation {} has ended, and its files stay until the next start", ended.id(), e);
    }
  }

  private boolean isRecent(Rotation ended) {
    return ended.hasEndedSince(clock.instant().minus(authority.leafLife()));
  }

  /**
   * The anchors that have left such a short while ago that leaves under them may be valid, by what
   * is kept of the rotations that took them away.
   *
   * @param inForce the anchors in force
   */
  public AnchorSet left(AnchorSet inForce) throws IOException, PkiException {
    AnchorSet left = AnchorSet.NONE;
    for (Rotation rotation : store.all()) {
      if (rotation.isDone() && isRecent(rotation)) {
        AnchorSet leaving = rotation.leaving();
        left = left.plus(leaving.minus(leaving.minus(authority.kept(rotation.id()))));
      }
    }
    return left.minus(inForce);
  }

  private synchronized void obstacles(RotationStore.Kept kept, List<Obstacle> found) {
    if (isUnderWay(kept)) {
      obstacles = found;
    }
  }

  private boolean isUnderWay(RotationStore.Kept kept) {
    RotationStore.Kept now = store.underWay();
    return now != null
        && now.version().equals(kept.version())
        && now.rotation().id().equals(kept.rotation().id());
  }

  /** Tells the store how it is with the last rotation, when that has changed. */
  private void tell() {
    Progress progress = progress();
    if (progress == null) {
      return;
    }
    String id = progress.rotation.id();
    try {
      Instant now = clock.instant();
      List<Condition> before = told.rotation.equals(id) ? told.conditions : store.conditions(id);
      List<Condition> conditions = Condition.of(progress.rotation, progress.obstacles, before, now);
      boolean isRecent = !now.isBefore(told.at) && now.isBefore(told.at.plus(REPORT));
      if (isRecent ? Condition.isSame(conditions, before) : conditions.equals(before)) {
        return;
      }
      store.report(id, conditions);
      told = new Told(id, conditions, now);
    } catch (IOException | RuntimeException e) {
      log.debug("the conditions of rotation {} are not told now", id, e);
    }
  }

  @Override
  public void close() {
    Thread running;
    synchronized (this) {
      closed = true;
      notifyAll();
      running = thread;
    }
    if (running != null) {
      // Not interrupted: that would close the files that it writes.
      try {
        running.join(CLOSE_LIMIT);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
