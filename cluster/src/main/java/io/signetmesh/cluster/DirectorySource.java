package io.signetmesh.cluster;

import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.manifest.ManifestDirectory;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.manifest.PassedOver;
import io.signetmesh.crds.manifest.Position;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A source whose objects are the manifests in a directory. An edit takes effect within a fraction
 * of a second.
 *
 * <p>The source waits for notifications of the file system. Where there are none (links into other
 * directories, network file systems), it polls the files every 0.3 to 2 s. It reads a state when
 * that has not changed for 50 ms, or after 400 ms of changes.
 *
 * <p>At the start all manifests must be valid. Later an error affects only its object: valid
 * objects apply, and an invalid one keeps its last valid form. An object also stays while its file
 * cannot be read, because the file may still contain it. Each problem is logged once, and is among
 * the findings of every view until it is corrected. So is a reading that takes longer than 4 s
 * (such as on a network file system whose server is down).
 *
 * @see ManifestDirectory for which files count
 */
public final class DirectorySource implements ClusterSource {
  private static final Logger LOG = LoggerFactory.getLogger(DirectorySource.class);

  /** A state that has not changed for that long is not being written any more. */
  private static final Duration STILL = Duration.ofMillis(50);

  /** A directory that never is still is read after that time all the same. */
  private static final Duration LONGEST_UNREST = Duration.ofMillis(400);

  private static final Duration SHORTEST_POLL = Duration.ofMillis(300);
  private static final Duration LONGEST_POLL = Duration.ofSeconds(2);

  /** Looking at the files may take this part of one processor: one in so many. */
  private static final int POLL_SHARE = 50;

  /** Within this time of a modification, the time of a second one may look the same. */
  private static final Duration CLOCK_TICK = Duration.ofSeconds(1);

  /** A reading that takes longer is told about. */
  private static final Duration PATIENCE = Duration.ofSeconds(4);

  private static final int MAX_READINGS = 5;
  private static final int MAX_LOGGED = 20;

  private final Path directory;
  private final ManifestDirectory manifests;
  private final InstantSource clock;
  private final Broadcast broadcast;
  private final Thread thread;
  private final Thread watchdog;
  private final Duration patience;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final DirectoryWatch watch;

  /** When the reading that is under way began; null when none is. */
  private volatile @Nullable Reading reading;

  /** The reading that views tell of as one that takes long; changed under the lock. */
  private @Nullable Reading overdue;

  private ManifestDirectory.@Nullable Listing lastListing;

  /** Changed under the lock. */
  private InForce inForce;

  private boolean lookAgain = true;
  private Set<String> passedOver = Set.of();
  private Duration poll = SHORTEST_POLL;

  /**
   * A reading of the directory.
   *
   * @param nanos when it began, by the system's timer
   * @param began the same as a time
   */
  private record Reading(long nanos, Instant began) {}

  private DirectorySource(
      Path directory,
      ManifestDirectory manifests,
      InForce first,
      DirectoryWatch watch,
      InstantSource clock,
      Duration patience) {
    this.directory = directory;
    this.patience = patience;
    this.manifests = manifests;
    this.clock = clock;
    this.watch = watch;
    this.inForce = first;
    this.broadcast =
        new Broadcast(
            "cluster-directory-news",
            ClusterView.EMPTY.next(first.objects(), first.positions(), first.findings()));
    this.thread = Thread.ofPlatform().daemon().name("cluster-directory-watch").unstarted(this::run);
    this.watchdog =
        Thread.ofPlatform().daemon().name("cluster-directory-watchdog").unstarted(this::watchOver);
  }

  /**
   * Reads the directory with the admission rules, and then watches it.
   *
   * @throws InvalidManifestsException when the directory cannot be read or a manifest is invalid;
   *     it lists all findings
   */
  public static DirectorySource open(Path directory) throws InvalidManifestsException {
    return open(directory, null);
  }

  /**
   * Reads the directory with the admission rules, and then watches it.
   *
   * @param defaultNamespace namespace of namespaced objects that name none; null when such objects
   *     are errors
   * @throws InvalidManifestsException when the directory cannot be read or a manifest is invalid;
   *     it lists all findings
   * @throws IllegalArgumentException when the default namespace is not a DNS label (RFC 1123)
   */
  public static DirectorySource open(Path directory, @Nullable String defaultNamespace)
      throws InvalidManifestsException {
    return open(
        directory,
        new ManifestReader(AdmissionRules::check).withDefaultNamespace(defaultNamespace),
        InstantSource.system());
  }

  /**
   * Reads the directory with this reader, and then watches it.
   *
   * @throws InvalidManifestsException when the directory cannot be read or a manifest is invalid;
   *     it lists all findings
   */
  public static DirectorySource open(Path directory, ManifestReader reader, InstantSource clock)
      throws InvalidManifestsException {
    return open(directory, reader, clock, PATIENCE);
  }

  static DirectorySource open(
      Path directory, ManifestReader reader, InstantSource clock, Duration patience)
      throws InvalidManifestsException {
    ManifestDirectory manifests = new ManifestDirectory(directory, reader);
    Manifests first = manifests.read().orThrow(directory.toString());
    DirectorySource source =
        new DirectorySource(
            directory,
            manifests,
            InForce.NOTHING.after(first, name -> ""),
            DirectoryWatch.of(directory),
            clock,
            patience);
    source.log(first.findings(), List.of());
    source.log(first.passedOver());
    if (first.objects().isEmpty()) {
      LOG.warn("{}: no manifests", directory);
    } else {
      LOG.info("{}: {} objects", directory, first.objects().size());
    }
    source.thread.start();
    source.watchdog.start();
    return source;
  }

  @Override
  public ClusterView view() {
    return broadcast.view();
  }

  @Override
  public Subscription subscribe(ClusterListener listener) {
    return broadcast.subscribe(listener);
  }

  @Override
  public void close() {
    closed.countDown();
    watch.close();
    broadcast.close();
  }

  private void run() {
    while (closed.getCount() > 0) {
      try {
        reading = new Reading(System.nanoTime(), clock.instant());
        try {
          look();
        } finally {
          reading = null;
        }
        caughtUp();
        if (!watch.await(poll)) {
          closed.await(poll.toMillis(), TimeUnit.MILLISECONDS);
        }
      } catch (InterruptedException | ClosedWatchServiceException e) {
        return;
      } catch (RuntimeException | Error e) {
        // A watch that ended would leave the last policy in force for good, with nobody told.
        try {
          failed(e);
        } catch (RuntimeException | Error again) {
          LOG.error("{}: reading failed", directory, again);
        }
        if (isClosedWithin(LONGEST_POLL)) {
          return;
        }
      }
    }
  }

  /** Memory may have run out over one file: all is read again, and the view says so until then. */
  private void failed(Throwable e) {
    lastListing = null;
    LOG.error("{}: reading failed, the last view stays in force", directory, e);
    apply(inForce.unreadable(List.of(stale("reading failed: " + e))));
  }

  /** Tells of a reading that takes long while it takes long. */
  private void watchOver() {
    Duration step = patience.dividedBy(4);
    while (!isClosedWithin(step)) {
      Reading now = reading;
      if (now != null && System.nanoTime() - now.nanos > patience.toNanos()) {
        overdue(now);
      }
    }
  }

  private synchronized void overdue(Reading late) {
    if (late.equals(overdue) || !late.equals(reading)) {
      return;
    }
    overdue = late;
    ManifestFinding finding =
        stale(
            "the manifests are being read since "
                + late.began
                + ", longer than "
                + patience.toMillis()
                + " ms: edits made since then are not in force");
    LOG.error("{}", finding);
    List<ManifestFinding> findings = new ArrayList<>(inForce.findings());
    findings.add(finding);
    broadcast.publish(inForce.objects(), inForce.positions(), findings);
  }

  /** A reading has ended: views tell no longer that it takes long. */
  private synchronized void caughtUp() {
    if (overdue != null) {
      overdue = null;
      LOG.info("{}: read again", directory);
      broadcast.publish(inForce.objects(), inForce.positions(), inForce.findings());
    }
  }

  private boolean isClosedWithin(Duration time) {
    try {
      return closed.await(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      return true;
    }
  }

  private ManifestFinding stale(String why) {
    return new ManifestFinding(
        ManifestFinding.Severity.ERROR,
        new Position(directory.toString(), 1, 1),
        null,
        "",
        why + "; everything stays as last read");
  }

  private void look() throws InterruptedException {
    long start = System.nanoTime();
    ManifestDirectory.Listing seen;
    try {
      seen = manifests.list();
      watch.follow(seen.directories());
      poll = pollAfter(System.nanoTime() - start);
      if (seen.equals(lastListing)) {
        if (lookAgain) {
          take(seen);
        }
        return;
      }
      for (int reading = 1; ; reading++) {
        seen = untilStill(seen);
        watch.follow(seen.directories());
        ManifestDirectory.Listing after = take(seen, reading == MAX_READINGS);
        if (after.equals(seen) || reading == MAX_READINGS) {
          return;
        }
        seen = after;
      }
    } catch (IOException e) {
      lastListing = null;
      apply(inForce.unreadable(List.of(stale("cannot be read: " + e))));
    }
  }

  private void take(ManifestDirectory.Listing seen) throws IOException {
    take(seen, false);
  }

  /** Reads the files and takes them over unless they changed meanwhile; gives the newest state. */
  private ManifestDirectory.Listing take(ManifestDirectory.Listing seen, boolean regardless)
      throws IOException {
    long now = clock.millis();
    Manifests read =
        manifests.read(seen, TimeUnit.MILLISECONDS.toNanos(now - CLOCK_TICK.toMillis()));
    ManifestDirectory.Listing after = manifests.list();
    if (!after.equals(seen) && !regardless) {
      return after;
    }
    lastListing = seen;
    lookAgain =
        seen.files().values().stream()
            .anyMatch(
                file ->
                    TimeUnit.NANOSECONDS.toMillis(file.modified()) > now - CLOCK_TICK.toMillis());
    log(read.passedOver());
    apply(inForce.after(read, source -> seen.files().get(Path.of(source))));
    return after;
  }

  private synchronized void apply(InForce next) {
    InForce former = inForce;
    inForce = next;
    log(next.findings(), former.findings());
    ClusterView older = view();
    ClusterView view = broadcast.publish(next.objects(), next.positions(), next.findings());
    if (view != older) {
      long errors = next.findings().stream().filter(ManifestFinding::isError).count();
      LOG.info(
          "{}: revision {} with {} objects{}",
          directory,
          view.revision(),
          view.objects().size(),
          errors == 0 ? "" : ", " + errors + " errors: what they are about stays as last valid");
    }
  }

  /** Logs what is new among the findings; where a finding stands makes it no other one. */
  private void log(List<ManifestFinding> found, List<ManifestFinding> former) {
    Set<ManifestFinding> known = new HashSet<>();
    former.forEach(finding -> known.add(inSource(finding)));
    List<ManifestFinding> fresh = found.stream().filter(f -> !known.contains(inSource(f))).toList();
    for (ManifestFinding finding : fresh.subList(0, Math.min(fresh.size(), MAX_LOGGED))) {
      if (finding.isError()) {
        LOG.error("{}", finding);
      } else {
        LOG.warn("{}", finding);
      }
    }
    if (fresh.size() > MAX_LOGGED) {
      LOG.error("{}: and {} more", directory, fresh.size() - MAX_LOGGED);
    }
    if (former.stream().anyMatch(ManifestFinding::isError)
        && found.stream().noneMatch(ManifestFinding::isError)) {
      LOG.info("{}: valid again", directory);
    }
  }

  /** Logs the kinds that were not passed over before. */
  private void log(List<PassedOver> kinds) {
    kinds.stream()
        .filter(kind -> !passedOver.contains(kind.name()))
        .limit(MAX_LOGGED)
        .forEach(kind -> LOG.warn("{}", kind));
    passedOver = kinds.stream().map(PassedOver::name).collect(Collectors.toUnmodifiableSet());
  }

  private static ManifestFinding inSource(ManifestFinding finding) {
    Position position = finding.position();
    return position == null ? finding : finding.at(new Position(position.source(), 1, 1));
  }

  private ManifestDirectory.Listing untilStill(ManifestDirectory.Listing first)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + LONGEST_UNREST.toNanos();
    ManifestDirectory.Listing seen = first;
    while (true) {
      if (closed.await(STILL.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new InterruptedException();
      }
      ManifestDirectory.Listing again = manifests.list();
      if (again.equals(seen) || System.nanoTime() - deadline > 0) {
        return again;
      }
      seen = again;
    }
  }

  private static Duration pollAfter(long scanNanos) {
    Duration wanted = Duration.ofNanos(scanNanos * POLL_SHARE);
    if (wanted.compareTo(SHORTEST_POLL) < 0) {
      return SHORTEST_POLL;
    }
    return wanted.compareTo(LONGEST_POLL) > 0 ? LONGEST_POLL : wanted;
  }
}
