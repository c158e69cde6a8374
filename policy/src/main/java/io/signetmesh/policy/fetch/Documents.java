package io.signetmesh.policy.fetch;

import com.google.protobuf.ByteString;
import io.signetmesh.jwt.key.InvalidKeySetException;
import io.signetmesh.jwt.key.KeySet;
import io.signetmesh.policy.document.Document;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.document.DocumentNeed;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.token.KnownKeys;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The key sets and policy bundles that authentications need and the controller fetches. Equal
 * locations are fetched once. A fetch that fails is tried again after 1 s, then after twice that,
 * and so on up to the refresh interval; meanwhile the last good document is used, until it has its
 * greatest age. What goes wrong with one location changes nothing for others. A key set without a
 * usable key is no good one.
 *
 * <p>Namespaces take turns. One may have no more fetches under way than there are places left, so
 * that servers which do not answer keep only its own documents waiting. {@link DocumentBudget}
 * bounds the bytes of what is fetched and kept: beyond it nothing is fetched or loaded, and the
 * namespace that has most gives documents up for those that have less.
 *
 * <p>Nothing happens but in {@link #tick}, which somebody has to call a few times a second: it
 * starts what is due and publishes what has changed. Safe for use by several threads; {@link #tick}
 * by one at a time.
 */
public final class Documents {
  /** Fetches that are under way at the same time. */
  public static final int MAX_FETCHES = 16;

  private static final Logger LOG = LoggerFactory.getLogger(Documents.class);
  private static final Duration LOOK_PAUSE = Duration.ofSeconds(1);

  /** Between two times that an unchanged document is kept with its new age. */
  private static final Map<DocumentForm, Duration> SAVE_PAUSE =
      Map.of(
          DocumentForm.KEY_SET,
          Duration.ofSeconds(30),
          DocumentForm.BUNDLE,
          Duration.ofMinutes(10));

  private final DocumentFetcher fetcher;
  private final DocumentMemory memory;
  private final Executor executor;
  private final InstantSource clock;
  private final RandomGenerator random;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by the lock.
  private final Map<DocumentLocation, DocumentState> sources = new HashMap<>();
  private final Map<ObjectRef, DocumentUser> users = new TreeMap<>();
  private final List<ObjectRef> gone = new ArrayList<>();

  /** What is being fetched, also when nobody needs it any more. */
  private final Set<DocumentState> underWay = new HashSet<>();

  private final Map<DocumentForm, Counts> counts = new EnumMap<>(DocumentForm.class);
  private boolean closed;

  /** Takes what has changed. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Applies a change as a whole.
     *
     * @param changed what differs
     * @param removed names of what nobody needs any more
     */
    void publish(List<PolicyObject> changed, List<ObjectRef> removed);
  }

  /**
   * Fetches so far.
   *
   * @param succeeded fetches that gave a good document
   * @param failed other fetches
   */
  public record Counts(long succeeded, long failed) {
    private static final Counts NONE = new Counts(0, 0);

    private Counts and(Counts more) {
      return new Counts(succeeded + more.succeeded, failed + more.failed);
    }
  }

  /**
   * @param executor where fetches run, each for some seconds
   * @param random for jitter
   */
  public Documents(
      DocumentFetcher fetcher,
      DocumentMemory memory,
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
   * Takes what authentications need now.
   *
   * @param changes by JWTAuthentication or RegoAuthentication; empty for one that is gone or needs
   *     nothing fetched
   */
  public void follow(Map<ObjectRef, ? extends Optional<? extends DocumentNeed>> changes) {
    Instant now = clock.instant();
    lock.lock();
    try {
      changes.forEach((ref, need) -> follow(ref, (@Nullable DocumentNeed) need.orElse(null), now));
    } finally {
      lock.unlock();
    }
  }

  private void follow(ObjectRef ref, @Nullable DocumentNeed need, Instant now) {
    DocumentUser user = users.get(ref);
    if (user != null && (need == null || !need.location().equals(user.need.location()))) {
      DocumentState former = sources.get(user.need.location());
      if (former != null) {
        former.needs.remove(ref);
        if (former.needs.isEmpty()) {
          sources.remove(former.location);
        }
      }
    }
    if (need == null) {
      if (users.remove(ref) != null) {
        gone.add(DocumentForm.of(ref.kind()).fetched(ref));
      }
      return;
    }
    if (user == null) {
      users.put(ref, new DocumentUser(ref, need));
      gone.remove(DocumentForm.of(ref.kind()).fetched(ref));
    } else {
      user.need = need;
    }
    DocumentState source = sources.get(need.location());
    if (source == null) {
      source = new DocumentState(need.location(), now);
      sources.put(need.location(), source);
      source.needs.put(ref, need);
      if (new DocumentBudget(sources.values(), underWay).take(source)) {
        remembered(source, now);
      }
    }
    source.needs.put(ref, need);
    Instant latest = now.plus(source.refreshInterval());
    if (source.dueAt.isAfter(latest)) {
      source.dueAt = latest;
    }
  }

  /** Makes room for a document, of others if need be; called with the lock held. */
  private boolean hasRoom(DocumentState source, Document document) {
    DocumentBudget budget = new DocumentBudget(sources.values(), underWay);
    boolean isKept = budget.keep(source, document.content().size());
    budget
        .givenUp()
        .forEach(
            (other, why) -> {
              other.giveUp();
              tooLarge(other, why);
            });
    return isKept;
  }

  private void tooLarge(DocumentState source, String why) {
    failed(source, new FetchException(FetchException.Kind.SIZE, source.location + " " + why));
  }

  /** Takes the last good document of an earlier run, with its age. */
  private void remembered(DocumentState source, Instant now) {
    DocumentMemory.Kept kept = memory.load(source.location).orElse(null);
    if (kept == null || kept.fetchedAt().isAfter(now)) {
      return;
    }
    Document document;
    try {
      document = source.form.parse(kept.content());
    } catch (FetchException e) {
      return;
    }
    if (document.isThere() && hasRoom(source, document)) {
      source.document = document;
      source.fetchedAt = kept.fetchedAt();
      source.savedAt = kept.fetchedAt();
    }
  }

  /**
   * A token named a key that the set of a JWTAuthentication does not have. The set is fetched
   * again, up to three times at once and then once in 30 s.
   *
   * @param keyId {@code kid} of the token
   */
  public void unknownKey(ObjectRef authentication, String keyId) {
    Instant now = clock.instant();
    lock.lock();
    try {
      DocumentUser user = users.get(authentication);
      DocumentState source = user == null ? null : sources.get(user.need.location());
      if (source == null
          || underWay.contains(source)
          || now.isBefore(source.askedAt.plus(LOOK_PAUSE))) {
        return;
      }
      source.askedAt = now;
      if (!knows(source.document, keyId)) {
        source.unknownKey(now);
      }
    } finally {
      lock.unlock();
    }
  }

  private static boolean knows(Document document, String keyId) {
    try {
      return document instanceof KnownKeys keys
          && keys.areThere()
          && KeySet.parse(keys.jwks()).knows(keyId);
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
    List<DocumentState> due;
    DocumentBudget budget;
    List<PolicyObject> changed = new ArrayList<>();
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
            DocumentState source = sources.get(user.need.location());
            PolicyObject news = source == null ? null : user.news(source, now);
            if (news != null) {
              changed.add(news);
            }
          });
      budget = new DocumentBudget(sources.values(), underWay);
      due = FetchTurns.next(sources.values(), underWay, MAX_FETCHES, budget, now);
      underWay.addAll(due);
    } finally {
      lock.unlock();
    }
    budget.refused().forEach(this::tooLarge);
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

  private List<DocumentLocation> locations() {
    lock.lock();
    try {
      return List.copyOf(sources.keySet());
    } finally {
      lock.unlock();
    }
  }

  private void start(DocumentState source) {
    try {
      executor.execute(() -> fetch(source));
    } catch (RejectedExecutionException e) {
      lock.lock();
      try {
        underWay.remove(source);
      } finally {
        lock.unlock();
      }
    }
  }

  private void fetch(DocumentState source) {
    Document document = null;
    FetchException failure = null;
    try {
      document = document(source, fetcher.fetch(source.location));
      if (!document.isThere()) {
        failure =
            new FetchException(
                FetchException.Kind.CONTENT, source.location + ": " + document.unavailable());
      }
    } catch (FetchException e) {
      failure = e;
    } catch (RuntimeException | Error e) {
      LOG.error("{} of {}", source.form.noun(), source.location, e);
      failure =
          new FetchException(
              FetchException.Kind.CONNECTION, source.location + ": the fetch failed: " + e);
    }
    if (failure == null && document != null) {
      succeeded(source, document);
    } else if (failure != null) {
      failed(source, failure);
    }
  }

  /** The document that some bytes are: the one that is in use, if they are the same. */
  private Document document(DocumentState source, ByteString content) throws FetchException {
    Document known;
    lock.lock();
    try {
      known = source.document;
    } finally {
      lock.unlock();
    }
    if (known.isThere() && known.content().equals(content)) {
      return known;
    }
    try {
      return source.form.parse(content);
    } catch (FetchException e) {
      throw new FetchException(e.kind(), source.location + ": " + e.text());
    }
  }

  private void succeeded(DocumentState source, Document document) {
    Instant now = clock.instant();
    DocumentMemory.Kept kept = null;
    lock.lock();
    try {
      underWay.remove(source);
      if (!source.needs.isEmpty() && !hasRoom(source, document)) {
        tooLarge(source, "is not kept: there is no room for its " + document.size() + " bytes");
        return;
      }
      counts.merge(source.form, new Counts(1, 0), Counts::and);
      boolean differ = !document.isLike(source.document);
      if (source.failure != null || source.fetchedAt == null || differ) {
        LOG.info(
            "{} of {} fetched: {} {}",
            source.form.noun(),
            source.location,
            document.size(),
            source.form.unit());
      }
      source.succeeded(document, now, random);
      Duration pause = Objects.requireNonNull(SAVE_PAUSE.get(source.form));
      if (differ || !now.isBefore(source.savedAt.plus(pause))) {
        source.savedAt = now;
        kept = new DocumentMemory.Kept(document.content(), now);
      }
    } finally {
      lock.unlock();
    }
    if (kept != null) {
      memory.save(source.location, kept);
    }
  }

  private void failed(DocumentState source, FetchException failure) {
    Instant now = clock.instant();
    boolean news;
    lock.lock();
    try {
      underWay.remove(source);
      counts.merge(source.form, new Counts(0, 1), Counts::and);
      news = source.shown == null || source.shown.kind() != failure.kind();
      source.failed(failure, now, random);
    } finally {
      lock.unlock();
    }
    if (news) {
      LOG.warn("{} cannot be fetched: {}", source.form.noun(), failure.text());
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

  /**
   * Fetches so far.
   *
   * @param authentication kind of the authentications that need what is fetched
   */
  public Counts counts(ObjectRef.Kind authentication) {
    lock.lock();
    try {
      return counts.getOrDefault(DocumentForm.of(authentication), Counts.NONE);
    } finally {
      lock.unlock();
    }
  }

  /**
   * How it stands with the document of each authentication of a kind whose document is fetched,
   * sorted.
   */
  public List<DocumentStatus> statuses(ObjectRef.Kind authentication) {
    Instant now = clock.instant();
    List<DocumentStatus> all = new ArrayList<>();
    lock.lock();
    try {
      users.forEach(
          (_, user) -> {
            DocumentState source = sources.get(user.need.location());
            if (source != null && source.form == DocumentForm.of(authentication)) {
              all.add(user.status(source, now));
            }
          });
    } finally {
      lock.unlock();
    }
    return List.copyOf(all);
  }
}
