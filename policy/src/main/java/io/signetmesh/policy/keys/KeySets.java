package io.signetmesh.policy.keys;

import io.signetmesh.jwt.key.InvalidKeySetException;
import io.signetmesh.jwt.key.KeySet;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.token.KeyLocation;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The key sets that JWTAuthentications need and the controller fetches. Equal locations are fetched
 * once. A fetch that fails is tried again after 1 s, then after twice that, and so on up to the
 * refresh interval; meanwhile the last good set is used, until it has its greatest age. What goes
 * wrong with one location changes nothing for others. A set without a usable key is no good set.
 *
 * <p>Nothing happens but in {@link #tick}, which somebody has to call a few times a second: it
 * starts what is due and publishes what has changed. Safe for use by several threads; {@link #tick}
 * by one at a time.
 */
public final class KeySets {
  /** Fetches that are under way at the same time. */
  public static final int MAX_FETCHES = 16;

  /** Between two fetches of a set because of keys that it does not have. */
  public static final Duration UNKNOWN_KEY_PAUSE = Duration.ofSeconds(30);

  private static final Logger LOG = LoggerFactory.getLogger(KeySets.class);
  private static final Duration LOOK_PAUSE = Duration.ofSeconds(1);
  private static final Duration SAVE_PAUSE = Duration.ofSeconds(30);

  private final KeyFetcher fetcher;
  private final KeySetMemory memory;
  private final Executor executor;
  private final InstantSource clock;
  private final RandomGenerator random;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by the lock.
  private final Map<KeyLocation, KeySetState> sources = new HashMap<>();
  private final Map<ObjectRef, KeySetUser> users = new TreeMap<>();
  private final List<ObjectRef> gone = new ArrayList<>();
  private int fetching;
  private long fetched;
  private long failed;
  private boolean closed;

  /** Takes what has changed. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Applies a change as a whole.
     *
     * @param changed keys that differ
     * @param removed names of keys that nobody needs any more
     */
    void publish(List<JwtModel.FetchedKeys> changed, List<ObjectRef> removed);
  }

  /**
   * Fetches so far.
   *
   * @param succeeded fetches that gave a good set
   * @param failed other fetches
   */
  public record Counts(long succeeded, long failed) {}

  /**
   * @param executor where fetches run, each for some seconds
   * @param random for jitter
   */
  public KeySets(
      KeyFetcher fetcher,
      KeySetMemory memory,
      Executor executor,
      InstantSource clock,
      RandomGenerator random) {
    this.fetcher = fetcher;
    this.memory = memory;
    this.executor = executor;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Takes what JWTAuthentications need now.
   *
   * @param changes by JWTAuthentication; empty for one that is gone or needs nothing fetched
   */
  public void follow(Map<ObjectRef, Optional<KeySource.Fetched>> changes) {
    Instant now = clock.instant();
    lock.lock();
    try {
      changes.forEach((ref, need) -> follow(ref, need.orElse(null), now));
    } finally {
      lock.unlock();
    }
  }

  private void follow(ObjectRef ref, KeySource.@Nullable Fetched need, Instant now) {
    KeySetUser user = users.get(ref);
    if (user != null && (need == null || !need.location().equals(user.need.location()))) {
      KeySetState former = sources.get(user.need.location());
      if (former != null) {
        former.needs.remove(ref);
        if (former.needs.isEmpty()) {
          sources.remove(former.location);
        }
      }
    }
    if (need == null) {
      if (users.remove(ref) != null) {
        gone.add(JwtModel.keySetOf(ref));
      }
      return;
    }
    if (user == null) {
      users.put(ref, new KeySetUser(ref, need));
      gone.remove(JwtModel.keySetOf(ref));
    } else {
      user.need = need;
    }
    KeySetState source = sources.get(need.location());
    if (source == null) {
      source = new KeySetState(need.location(), now);
      remembered(source, now);
      sources.put(need.location(), source);
    }
    source.needs.put(ref, need);
    Instant latest = now.plus(source.refreshInterval());
    if (source.dueAt.isAfter(latest)) {
      source.dueAt = latest;
    }
  }

  /** Takes the last good set of an earlier run, with its age. */
  private void remembered(KeySetState source, Instant now) {
    KeySetMemory.Kept kept = memory.load(source.location).orElse(null);
    if (kept == null || kept.fetchedAt().isAfter(now)) {
      return;
    }
    KnownKeys keys = KnownKeys.parse(kept.jwks());
    if (keys.areThere()) {
      source.keys = keys;
      source.fetchedAt = kept.fetchedAt();
      source.savedAt = kept.fetchedAt();
    }
  }

  /**
   * A token named a key that the set of a JWTAuthentication does not have. The set is fetched
   * again, at most once in {@link #UNKNOWN_KEY_PAUSE}.
   *
   * @param keyId {@code kid} of the token
   */
  public void unknownKey(ObjectRef authentication, String keyId) {
    Instant now = clock.instant();
    lock.lock();
    try {
      KeySetUser user = users.get(authentication);
      KeySetState source = user == null ? null : sources.get(user.need.location());
      if (source == null
          || source.fetching
          || now.isBefore(source.unknownAt.plus(UNKNOWN_KEY_PAUSE))
          || now.isBefore(source.askedAt.plus(LOOK_PAUSE))) {
        return;
      }
      source.askedAt = now;
      if (!knows(source.keys, keyId)) {
        source.unknownAt = now;
        source.dueAt = now;
      }
    } finally {
      lock.unlock();
    }
  }

  private static boolean knows(KnownKeys keys, String keyId) {
    try {
      return keys.areThere() && KeySet.parse(keys.jwks()).knows(keyId);
    } catch (InvalidKeySetException e) {
      return false;
    }
  }

  /**
   * Starts the fetches that are due, and publishes what has changed since the last call.
   *
   * @param sink called at most once, on this thread
   */
  public void tick(Sink sink) {
    Instant now = clock.instant();
    List<KeySetState> due = new ArrayList<>();
    List<JwtModel.FetchedKeys> changed = new ArrayList<>();
    List<ObjectRef> removed;
    lock.lock();
    try {
      if (closed) {
        return;
      }
      removed = List.copyOf(gone);
      gone.clear();
      users.forEach(
          (_, user) -> {
            KeySetState source = sources.get(user.need.location());
            JwtModel.FetchedKeys wanted = source == null ? null : user.wanted(source, now);
            if (wanted != null && !wanted.equals(user.published)) {
              user.published = wanted;
              changed.add(wanted);
            }
          });
      sources.values().stream()
          .filter(source -> !source.fetching && !now.isBefore(source.dueAt))
          .sorted((one, other) -> one.dueAt.compareTo(other.dueAt))
          .limit(Math.max(0, MAX_FETCHES - fetching))
          .forEach(due::add);
      due.forEach(source -> source.fetching = true);
      fetching += due.size();
    } finally {
      lock.unlock();
    }
    due.forEach(this::start);
    if (!changed.isEmpty() || !removed.isEmpty()) {
      sink.publish(changed, removed);
    }
    if (!removed.isEmpty()) {
      memory.retain(locations());
    }
  }

  /** Forgets what was remembered of locations that nobody needs any more. */
  public void forgetOthers() {
    memory.retain(locations());
  }

  private List<KeyLocation> locations() {
    lock.lock();
    try {
      return List.copyOf(sources.keySet());
    } finally {
      lock.unlock();
    }
  }

  private void start(KeySetState source) {
    try {
      executor.execute(() -> fetch(source));
    } catch (RejectedExecutionException e) {
      lock.lock();
      try {
        source.fetching = false;
        fetching--;
      } finally {
        lock.unlock();
      }
    }
  }

  private void fetch(KeySetState source) {
    KnownKeys keys = null;
    KeyFetchException failure = null;
    try {
      keys = KnownKeys.parse(fetcher.fetch(source.location));
      if (!keys.areThere()) {
        failure =
            new KeyFetchException(
                KeyFetchException.Kind.CONTENT, source.location + ": " + keys.unavailable());
      }
    } catch (KeyFetchException e) {
      failure = e;
    } catch (RuntimeException | Error e) {
      LOG.error("keys of {}", source.location, e);
      failure =
          new KeyFetchException(
              KeyFetchException.Kind.CONNECTION, source.location + ": the fetch failed: " + e);
    }
    if (failure == null && keys != null) {
      succeeded(source, keys);
    } else if (failure != null) {
      failed(source, failure);
    }
  }

  private void succeeded(KeySetState source, KnownKeys keys) {
    Instant now = clock.instant();
    KeySetMemory.Kept kept = null;
    lock.lock();
    try {
      source.fetching = false;
      fetching--;
      fetched++;
      boolean differ = !keys.jwks().equals(source.keys.jwks());
      if (source.failure != null || source.fetchedAt == null || differ) {
        LOG.info("keys of {}: {} fetched", source.location, keys.size());
      }
      source.succeeded(keys, now, random);
      if (differ || !now.isBefore(source.savedAt.plus(SAVE_PAUSE))) {
        source.savedAt = now;
        kept = new KeySetMemory.Kept(keys.jwks(), now);
      }
    } finally {
      lock.unlock();
    }
    if (kept != null) {
      memory.save(source.location, kept);
    }
  }

  private void failed(KeySetState source, KeyFetchException failure) {
    Instant now = clock.instant();
    boolean news;
    lock.lock();
    try {
      source.fetching = false;
      fetching--;
      failed++;
      news = source.shown == null || source.shown.kind() != failure.kind();
      source.failed(failure, now, random);
    } finally {
      lock.unlock();
    }
    if (news) {
      LOG.warn("keys cannot be fetched: {}", failure.text());
    }
  }

  /** Stops fetching and publishing. */
  public void close() {
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
  }

  /** The time now. */
  public Instant now() {
    return clock.instant();
  }

  /** Fetches so far. */
  public Counts counts() {
    lock.lock();
    try {
      return new Counts(fetched, failed);
    } finally {
      lock.unlock();
    }
  }

  /** How it stands with the keys of each JWTAuthentication whose keys are fetched, sorted. */
  public List<KeySetStatus> statuses() {
    Instant now = clock.instant();
    List<KeySetStatus> all = new ArrayList<>();
    lock.lock();
    try {
      users.forEach(
          (_, user) -> {
            KeySetState source = sources.get(user.need.location());
            if (source != null) {
              all.add(user.status(source, now));
            }
          });
    } finally {
      lock.unlock();
    }
    return List.copyOf(all);
  }
}
