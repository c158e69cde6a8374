package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.IssuerSource;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.AuthoritySource.Snapshot;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The issuer of a source that is polled four times a second while the server runs. A change that is
 * the same in two readings is checked as a whole and then put in force: first the anchors, then the
 * issuer. An issuer under an anchor that is not in force since {@link #ADOPTION} follows then.
 *
 * <p>Material that fails the checks is refused, and the old material stays in force. Files that are
 * replaced one by one do not fit together for a moment, so a refusal is reported only when it has
 * lasted for {@link #SETTLE}.
 *
 * <p>Polling, unlike file notifications, finds changes on every file system and in tokens. It costs
 * some microseconds.
 */
public final class ReloadingAuthority implements IssuerSource, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ReloadingAuthority.class);

  /** Time between two readings. */
  static final Duration INTERVAL = Duration.ofMillis(250);

  /** How long a refusal lasts before it is reported. */
  static final Duration SETTLE = Duration.ofSeconds(1);

  /**
   * How long new anchors are in force before an issuer that only they vouch for: connected
   * workloads receive a bundle within a second.
   */
  static final Duration ADOPTION = Duration.ofSeconds(5);

  /** What was refused is checked again after this time: it may have been early. */
  private static final Duration RETRY = Duration.ofSeconds(10);

  private final AuthoritySource source;
  private final MaterialCheck check;
  private final InstantSource clock;
  private volatile Issuer issuer;
  private List<X509Certificate> anchors;
  private String inForce;
  private @Nullable Candidate candidate;

  /** The bundle in force, and since when. */
  private @Nullable TrustBundle newest;

  private Instant newestSince = Instant.MIN;

  /** The last bundle that was in force for {@link #ADOPTION}, or from the start. */
  private @Nullable TrustBundle adopted;

  /** After a failure to write. */
  private Instant upkeepFrom = Instant.MIN;

  /** Whether anchors are in force that came with an issuer that is not yet. */
  private boolean aheadOfIssuer;

  private @Nullable Thread thread;
  private volatile boolean closed;

  /** What was found and is not in force. */
  private static final class Candidate {
    final String digest;
    final Instant since;
    @Nullable String reported;
    Instant checkAt;

    Candidate(String digest, Instant since) {
      this.digest = digest;
      this.since = since;
      this.checkAt = since;
    }
  }

  /** Receives the outcome of changes, on the polling thread. */
  public interface Listener {
    /**
     * Changed material is in force.
     *
     * @param old the issuer before
     * @param issuer the issuer now; the same object when only the anchors changed
     */
    void accepted(Issuer old, Issuer issuer);

    /**
     * Changed material was refused, and the old one kept. Reported once for each reason.
     *
     * @param kept the issuer that stays in force
     */
    void refused(Issuer kept, Reason reason, String message);

    /**
     * The file of the bundle in force was changed by another, and written again.
     *
     * @param kept the bundle that stays in force
     */
    void restored(TrustBundle kept);
  }

  private ReloadingAuthority(
      AuthoritySource source,
      MaterialCheck check,
      InstantSource clock,
      Issuer issuer,
      List<X509Certificate> anchors,
      String inForce) {
    this.source = source;
    this.check = check;
    this.clock = clock;
    this.issuer = issuer;
    this.anchors = anchors;
    this.inForce = inForce;
  }

  /**
   * Reads a source for the first time.
   *
   * @throws PkiException when the material cannot be put in force; the message says why
   */
  public static ReloadingAuthority open(
      AuthoritySource source, MaterialCheck check, InstantSource clock) throws PkiException {
    try {
      Snapshot snapshot = source.read();
      AuthoritySource.Material material = snapshot.parser().parse();
      Issuer issuer = check.require(source.toString(), material, null, null);
      return new ReloadingAuthority(
          source, check, clock, issuer, material.anchors(), snapshot.digest());
    } catch (RefusedMaterialException e) {
      throw new PkiException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Refuses a bundle under which peers would not trust the issuer: with the directory of a CA lost
   * or mixed up, a server would else put other anchors in force at its start.
   *
   * @throws PkiException when no anchor of the bundle vouches for the issuer
   */
  public void requireTrustedBy(TrustBundle bundle) throws PkiException {
    if (!check.leadsTo(issuer, bundle)) {
      throw new PkiException(
          source
              + ": no anchor of trust-bundle.json vouches for issuer "
              + Certificates.describe(issuer.certificate())
              + ": restore the CA that it is of; or, to trust another CA from now on, move"
              + " trust-bundle.json away and give all workloads the new anchor");
    }
  }

  /** The trust anchors in force. */
  public synchronized List<X509Certificate> anchors() {
    return anchors;
  }

  @Override
  public Issuer current() {
    return issuer;
  }

  /**
   * Polls the source on a thread of its own, until {@link #close}.
   *
   * @param bundles gets changed anchors
   * @param listener receives the outcome of each change
   */
  public synchronized void follow(TrustBundleStore bundles, Listener listener) {
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("identity-issuer")
            .start(
                () -> {
                  while (!closed) {
                    try {
                      Thread.sleep(INTERVAL);
                      poll(bundles, listener);
                    } catch (InterruptedException e) {
                      return;
                    } catch (IOException | RuntimeException e) {
                      log.error("{}: changes cannot be followed now", source, e);
                    }
                  }
                });
  }

  /**
   * Reads the source once.
   *
   * @throws IOException when changed anchors cannot be kept; tried again next time
   */
  synchronized void poll(TrustBundleStore bundles, Listener listener) throws IOException {
    restore(bundles, listener);
    TrustBundle known = observe(bundles);
    Snapshot snapshot;
    try {
      snapshot = source.read();
    } catch (RefusedMaterialException e) {
      refuse(seen("unreadable: " + e.getMessage()), e, bundles, listener);
      return;
    }
    if (snapshot.digest().equals(inForce)) {
      candidate = null;
      putBack(bundles);
      renew(snapshot.digest());
      return;
    }
    Candidate found = seen(snapshot.digest());
    Instant now = clock.instant();
    if (now.equals(found.since) || now.isBefore(found.checkAt)) {
      return;
    }
    try {
      Issuer old = issuer;
      AuthoritySource.Material material = snapshot.parser().parse();
      Issuer checked = check.require(source.toString(), material, old, bundles.get());
      if (!source.read().digest().equals(snapshot.digest())) {
        return;
      }
      Issuer next = old.isSame(checked) ? old : checked;
      boolean vouchedFor = check.leadsTo(next, known);
      // Anchors first: they vouch for both issuers.
      bundles.setBundle(material.anchors());
      observe(bundles);
      if (!vouchedFor) {
        // Peers have to hear of the new anchor before they see a leaf under it.
        aheadOfIssuer = true;
        found.checkAt = newestSince.plus(ADOPTION);
        return;
      }
      putInForce(bundles, listener, snapshot.digest(), material.anchors(), next);
    } catch (RefusedMaterialException e) {
      refuse(found, e, bundles, listener);
    }
  }

  /**
   * Takes what is in the source now, without the time that other changes are given to settle and
   * without {@link #ADOPTION}: the caller knows that all peers have the anchors they need.
   *
   * @throws IOException when changed anchors cannot be kept; nothing has changed
   * @throws PkiException when it is refused; the old material stays in force
   */
  public synchronized void take(TrustBundleStore bundles, Listener listener)
      throws IOException, PkiException {
    try {
      Snapshot snapshot = source.read();
      if (snapshot.digest().equals(inForce)) {
        return;
      }
      Issuer old = issuer;
      AuthoritySource.Material material = snapshot.parser().parse();
      Issuer checked = check.require(source.toString(), material, old, bundles.get());
      putInForce(
          bundles,
          listener,
          snapshot.digest(),
          material.anchors(),
          old.isSame(checked) ? old : checked);
    } catch (RefusedMaterialException e) {
      throw new PkiException(String.valueOf(e.getMessage()), e);
    }
  }

  private void putInForce(
      TrustBundleStore bundles,
      Listener listener,
      String digest,
      List<X509Certificate> newAnchors,
      Issuer next)
      throws IOException {
    Issuer old = issuer;
    // Anchors first: they vouch for both issuers.
    bundles.setBundle(newAnchors);
    aheadOfIssuer = false;
    issuer = next;
    anchors = newAnchors;
    inForce = digest;
    candidate = null;
    listener.accepted(old, next);
  }

  /** The candidate of that content, which starts now unless the same was seen before. */
  private Candidate seen(String digest) {
    Candidate known = candidate;
    if (known == null || !known.digest.equals(digest)) {
      known = new Candidate(digest, clock.instant());
      candidate = known;
    }
    return known;
  }

  /** Looks at the bundle in force. Returns the last one that peers had the time to adopt. */
  private TrustBundle observe(TrustBundleStore bundles) {
    TrustBundle current = bundles.get();
    Instant now = clock.instant();
    TrustBundle known = adopted;
    if (newest == null || !newest.anchors().equals(current.anchors())) {
      newestSince = newest == null ? Instant.MIN : now;
      newest = current;
    }
    if (known == null || !now.isBefore(newestSince.plus(ADOPTION))) {
      known = current;
      adopted = known;
    }
    return known;
  }

  /** Anchors are changed at the source only: the file of the bundle is the server's own. */
  private void restore(TrustBundleStore bundles, Listener listener) {
    upkeep(
        "the file of the trust bundle cannot be written again",
        () -> {
          if (bundles.restore()) {
            listener.restored(bundles.get());
          }
        });
  }

  private void renew(String digest) {
    upkeep("the issuer cannot be renewed, the old one stays in force", () -> source.renew(digest));
  }

  /** Writes files. */
  @FunctionalInterface
  private interface Upkeep {
    void run() throws IOException, PkiException;
  }

  /** What cannot be written now does not keep changes out, and is tried again later. */
  private void upkeep(String failure, Upkeep work) {
    Instant now = clock.instant();
    if (now.isBefore(upkeepFrom)) {
      return;
    }
    try {
      work.run();
    } catch (IOException | PkiException e) {
      upkeepFrom = now.plus(RETRY);
      log.error("{}: {}", source, failure, e);
    }
  }

  /** Takes anchors away that came with an issuer that is not put in force. */
  private void putBack(TrustBundleStore bundles) throws IOException {
    if (aheadOfIssuer) {
      bundles.setBundle(anchors);
      aheadOfIssuer = false;
    }
  }

  private void refuse(
      Candidate refused, RefusedMaterialException e, TrustBundleStore bundles, Listener listener)
      throws IOException {
    Instant now = clock.instant();
    if (Duration.between(refused.since, now).compareTo(SETTLE) < 0) {
      return;
    }
    refused.checkAt = now.plus(RETRY);
    if (!e.reason().label().equals(refused.reported)) {
      refused.reported = e.reason().label();
      listener.refused(issuer, e.reason(), String.valueOf(e.getMessage()));
    }
    putBack(bundles);
  }

  @Override
  public void close() {
    closed = true;
    Thread following;
    synchronized (this) {
      following = thread;
    }
    if (following != null) {
      following.interrupt();
    }
  }
}
