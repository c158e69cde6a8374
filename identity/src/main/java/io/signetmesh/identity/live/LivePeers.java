package io.signetmesh.identity.live;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.identity.live.LiveConnection.Cause;
import io.signetmesh.identity.live.LiveConnection.Notice;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The peers of live connections that have shown a certificate, by event loop. Holds them to the
 * newest {@link PeerTrust}, and to the end of their certificates:
 *
 * <ul>
 *   <li>A peer that is revoked, or whose trust domain is federated no more, is lost at once.
 *   <li>A peer whose anchor has left its bundle is given {@link #ANCHOR_GONE} to come back with
 *       another leaf, unless the anchor has been retired: then its connections go on.
 *   <li>When a certificate of the path ends, or the own leaf, the connection is told before it and
 *       lost at the end, plus a grace that may be configured.
 * </ul>
 *
 * <p>A connection is held to the newest trust when it is registered, because its handshake may have
 * used an older one, and whenever {@link #changed} is called. Leaves end later than their lifetime
 * by what the CA allows for clocks that differ; nothing is added to that here.
 *
 * <p>It also knows which anchors of the own trust domain its connections depend on ({@link
 * #anchorsInUse}).
 *
 * <p>Registering and closing is for the loop, and takes no lock; the other methods may be called
 * from any thread. A loop looks at its connections for {@value #SLICE_MILLIS} ms at a time, and
 * does other work in between.
 */
public final class LivePeers {
  private static final Logger log = LoggerFactory.getLogger(LivePeers.class);

  /** Time for a connection to end whose anchor is trusted no more. */
  static final Duration ANCHOR_GONE = Duration.ofSeconds(30);

  private static final long SLICE_MILLIS = 2;
  private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(SLICE_MILLIS);
  private static final long PAUSE_MILLIS = 1;

  /** A clock that is set is noticed within this. */
  private static final long MAX_WAIT_MILLIS = TimeUnit.MINUTES.toMillis(5);

  private static final String SPIFFE = "spiffe://";

  private final Supplier<PeerTrust> trust;
  private final InstantSource clock;
  private final Duration grace;
  private final DoubleSupplier random;
  private final Map<EventExecutor, Loop> loops = new ConcurrentHashMap<>();
  private volatile Runnable onAnchors = () -> {};

  /** Which side opened a connection. */
  public enum Side {
    /** This process. */
    DIALLED,
    /** The peer. */
    ACCEPTED
  }

  /** Ends a registration. */
  @FunctionalInterface
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  private record Loss(Cause cause, String why) {}

  /**
   * Creates a register without connections.
   *
   * @param trust gives the newest trust; cheap, called for each connection
   * @param grace time that a connection may outlive its certificates; it delays nothing else
   * @param random gives numbers from 0 (inclusive) to 1 (exclusive)
   */
  public LivePeers(
      Supplier<PeerTrust> trust, InstantSource clock, Duration grace, DoubleSupplier random) {
    this.trust = trust;
    this.clock = clock;
    this.grace = grace;
    this.random = random;
  }

  /**
   * Registers a connection; call it on the connection's event loop. If the newest trust refuses the
   * peer, {@link LiveConnection#cut} is called before this method returns.
   *
   * @param loop event loop of the connection
   * @param own the leaf that this side has shown; null for none
   * @return closes the registration
   */
  public Registration register(
      EventExecutor loop,
      Side side,
      VerifiedPeer peer,
      @Nullable X509Certificate own,
      LiveConnection connection) {
    Loop registered = loops.computeIfAbsent(loop, Loop::new);
    Entry entry = new Entry(registered, side, peer, own, connection);
    registered.add(entry);
    entry.look();
    return entry;
  }

  /**
   * Checks all connections again after a change of trust. Returns at once; each loop does its
   * checks.
   */
  public void changed() {
    for (Loop loop : loops.values()) {
      try {
        loop.executor.execute(loop::look);
      } catch (RejectedExecutionException e) {
        log.debug("connections of a loop that has ended");
      }
    }
  }

  /**
   * Sets what is called when a loop has its first or no more connection under an anchor of the own
   * trust domain. It is called on that loop, as often as that happens, and must return at once.
   */
  public void onAnchorsChanged(Runnable listener) {
    onAnchors = listener;
  }

  /**
   * The anchors of the own trust domain that live connections depend on, in no order. Each loop
   * counts its own; a loop that has ended has no connections.
   */
  public CompletableFuture<List<AnchorUse>> anchorsInUse() {
    List<CompletableFuture<List<AnchorUse>>> parts = new ArrayList<>();
    for (Loop loop : loops.values()) {
      try {
        parts.add(CompletableFuture.supplyAsync(loop::anchorsInUse, loop.executor));
      } catch (RejectedExecutionException e) {
        log.debug("anchors of a loop that has ended");
      }
    }
    return CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))
        .thenApply(
            all -> {
              Map<X509Certificate, AnchorUse> uses = new HashMap<>();
              parts.stream()
                  .flatMap(part -> part.join().stream())
                  .forEach(use -> uses.merge(use.anchor(), use, AnchorUse::sum));
              return List.copyOf(uses.values());
            });
  }

  private static @Nullable Loss loss(PeerTrust now, VerifiedPeer peer) {
    Optional<String> revoked = now.revoked().refusal(peer);
    if (revoked.isPresent()) {
      return new Loss(Cause.REVOKED, revoked.get());
    }
    if (peer.identity().federated() && bundle(now, peer) == null) {
      return new Loss(
          Cause.UNTRUSTED,
          "trust domain "
              + WorkloadIdentity.printable(domain(peer))
              + " is not federated any more");
    }
    if (!peer.identity().federated()) {
      Optional<String> foreign = now.foreignDomain(peer.identity());
      if (foreign.isPresent()) {
        return new Loss(
            Cause.UNTRUSTED,
            "trust domain "
                + WorkloadIdentity.printable(foreign.get())
                + " is federated: the own anchors do not vouch for it any more");
      }
    }
    return null;
  }

  /** Whose anchors vouch for a peer; null: nobody's. */
  private static @Nullable TrustBundle bundle(PeerTrust now, VerifiedPeer peer) {
    return peer.identity().federated() ? now.federated(domain(peer)).orElse(null) : now.own();
  }

  private static String domain(VerifiedPeer peer) {
    String id = peer.identity().name();
    int end = id.indexOf('/', SPIFFE.length());
    return id.substring(SPIFFE.length(), end < 0 ? id.length() : end).toLowerCase(Locale.ROOT);
  }

  private static long valid(X509Certificate leaf) {
    return leaf.getNotAfter().getTime() - leaf.getNotBefore().getTime();
  }

  /** The connections of a loop, in no order; confined to it. */
  private final class Loop {
    private final EventExecutor executor;
    private @Nullable Entry first;
    private @Nullable Entry next;
    private final List<AnchorPeers> anchors = new ArrayList<>(2);
    private boolean looking;
    private boolean again;

    Loop(EventExecutor executor) {
      this.executor = executor;
    }

    void add(Entry entry) {
      Entry old = first;
      entry.after = old;
      if (old != null) {
        old.before = entry;
      }
      first = entry;
      if (!entry.peer.identity().federated()) {
        AnchorPeers under = under(entry.peer.path().getLast());
        entry.under = under;
        under.add(entry);
      }
    }

    /** There are few: one, or two during a rotation. */
    private AnchorPeers under(X509Certificate anchor) {
      for (AnchorPeers known : anchors) {
        if (known.anchor == anchor || known.anchor.equals(anchor)) {
          return known;
        }
      }
      AnchorPeers made = new AnchorPeers(anchor);
      anchors.add(made);
      onAnchors.run();
      return made;
    }

    List<AnchorUse> anchorsInUse() {
      return anchors.stream().map(AnchorPeers::use).toList();
    }

    void remove(Entry entry) {
      AnchorPeers under = entry.under;
      if (under != null) {
        entry.under = null;
        under.remove(entry);
        if (under.isEmpty()) {
          anchors.remove(under);
          onAnchors.run();
        }
      }
      if (next == entry) {
        next = entry.after;
      }
      if (entry.before != null) {
        entry.before.after = entry.after;
      } else {
        first = entry.after;
      }
      if (entry.after != null) {
        entry.after.before = entry.before;
      }
      entry.before = null;
      entry.after = null;
    }

    void look() {
      if (looking) {
        again = true;
        return;
      }
      looking = true;
      next = first;
      goOn();
    }

    private void goOn() {
      long begun = System.nanoTime();
      Entry entry;
      while ((entry = next) != null) {
        next = entry.after;
        try {
          entry.look();
        } catch (RuntimeException e) {
          // The others of the loop must be looked at, now and at the next change.
          log.error("trust in {} could not be looked at", entry.peer.identity(), e);
        }
        if (System.nanoTime() - begun >= SLICE_NANOS) {
          // By way of a timer: what is executed again at once would keep the loop from its sockets.
          executor.schedule(this::goOn, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
          return;
        }
      }
      looking = false;
      if (again) {
        again = false;
        executor.execute(this::look);
      }
    }
  }

  /** One connection; its own timer. */
  private final class Entry extends AnchorPeers.Member implements Registration, Runnable {
    private final Loop loop;
    private final Side side;
    private final VerifiedPeer peer;
    private final LiveConnection connection;
    private final boolean ownFirst;
    private @Nullable Entry before;
    private @Nullable Entry after;
    private @Nullable Future<?> timer;
    private @Nullable Notice last;
    private @Nullable AnchorPeers under;
    private final EndTimes whole;
    private EndTimes times;
    private boolean anchorGone;
    private boolean closed;

    Entry(
        Loop loop,
        Side side,
        VerifiedPeer peer,
        @Nullable X509Certificate own,
        LiveConnection connection) {
      this.loop = loop;
      this.side = side;
      this.peer = peer;
      this.connection = connection;
      long end = peer.notAfter().toEpochMilli();
      long valid = valid(peer.path().getFirst());
      boolean ownEndsFirst = false;
      if (own != null) {
        ownEndsFirst = own.getNotAfter().getTime() < end;
        end = Math.min(end, own.getNotAfter().getTime());
        valid = Math.min(valid, valid(own));
      }
      this.ownFirst = ownEndsFirst;
      this.whole = EndTimes.of(side, clock.millis(), end, valid, random.getAsDouble());
      this.times = whole;
    }

    @Override
    String peer() {
      return peer.identity().name();
    }

    /** Holds the peer to the newest trust, and to the time. */
    void look() {
      if (closed) {
        return;
      }
      PeerTrust newest = trust.get();
      Loss loss = loss(newest, peer);
      if (loss != null) {
        lose(loss);
        return;
      }
      boolean gone = isAnchorGone(newest);
      if (gone != anchorGone) {
        anchorGone = gone;
        last = null;
        times = gone ? soon() : whole;
        stop();
      }
      if (timer == null) {
        run();
      }
    }

    private boolean isAnchorGone(PeerTrust newest) {
      TrustBundle bundle = bundle(newest, peer);
      if (bundle != null && bundle.anchors().contains(peer.path().getLast())) {
        return false;
      }
      AnchorPeers own = under;
      return own == null || !newest.retiredAnchors().contains(own.fingerprint());
    }

    private EndTimes soon() {
      long now = clock.millis();
      long end = Math.min(whole.end(), now + ANCHOR_GONE.toMillis());
      return EndTimes.of(side, now, end, Long.MAX_VALUE, random.getAsDouble());
    }

    /** What is due is done; then the next timer. */
    @Override
    public void run() {
      timer = null;
      if (closed) {
        return;
      }
      long now = clock.millis();
      Notice next = EndTimes.after(last);
      while (next != null && now >= times.due(next)) {
        last = next;
        try {
          connection.notice(next);
        } catch (RuntimeException e) {
          // The end must come all the same.
          log.error("connection of {} could not be told of its end", peer.identity(), e);
        }
        if (closed) {
          return;
        }
        next = EndTimes.after(last);
      }
      long due = next == null ? end() : times.due(next);
      if (now >= due) {
        lose(new Loss(anchorGone ? Cause.UNTRUSTED : Cause.EXPIRED, why()));
        return;
      }
      long wait = Math.min(MAX_WAIT_MILLIS, due - now);
      timer = loop.executor.schedule(this, wait, TimeUnit.MILLISECONDS);
    }

    private long end() {
      return anchorGone ? times.end() : times.end() + grace.toMillis();
    }

    private String why() {
      if (anchorGone) {
        return "anchor "
            + Certificates.describe(peer.path().getLast())
            + " is not trusted any more";
      }
      Instant ended = Instant.ofEpochMilli(times.end());
      if (ownFirst) {
        return "own certificate of the connection ended at " + ended;
      }
      for (X509Certificate certificate : peer.path()) {
        if (certificate.getNotAfter().getTime() == times.end()) {
          return "certificate " + Certificates.describe(certificate) + " ended at " + ended;
        }
      }
      return "certificates ended at " + ended;
    }

    private void lose(Loss loss) {
      close();
      try {
        connection.record(loss.cause, loss.why);
      } catch (RuntimeException e) {
        log.error(
            "connection of {} is cut without a record, {}: {}",
            peer.identity(),
            loss.cause.code(),
            loss.why,
            e);
      } finally {
        cut();
      }
    }

    private void cut() {
      try {
        connection.cut();
      } catch (RuntimeException e) {
        log.error("connection of {} could not be cut", peer.identity(), e);
      }
    }

    private void stop() {
      Future<?> running = timer;
      timer = null;
      if (running != null) {
        running.cancel(false);
      }
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        stop();
        loop.remove(this);
      }
    }
  }
}
