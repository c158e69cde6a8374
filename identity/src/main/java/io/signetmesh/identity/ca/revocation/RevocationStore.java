package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import javax.security.auth.x500.X500Principal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The revocations, kept in {@code revocations.log} of the state directory. A revocation is on the
 * disk before it takes effect.
 *
 * <p>Each change has a number greater than all before, even when the clock went back. The number is
 * at least the current Unix time in seconds: after an older copy of the state directory is
 * restored, it is still greater than the numbers that workloads have seen.
 *
 * <p>Certificates are dropped after they have expired (RFC 5280 section 3.3), identities only when
 * they are lifted. Thread-safe; {@link #list} takes no lock.
 */
public final class RevocationStore implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RevocationStore.class);

  /** Certificates and identities together; a full CRL of so many has some 10 MB. */
  static final int MAX_ENTRIES = 200_000;

  /**
   * Largest full list, in bytes, if each entry names its issuer, as entries of a replaced issuer
   * do; the rest of {@link Crl#MAX_BYTES} is for its head and signature.
   */
  private static final long MAX_LIST_BYTES = Crl.MAX_BYTES - (64L << 10);

  /** Bytes of an entry without its issuer's name, at most. */
  private static final int ENTRY_BYTES = 100;

  /** Changes that are remembered, so that who knows an earlier number needs no full list. */
  private static final int MAX_HISTORY = 256;

  private static final int MAX_HISTORY_ENTRIES = 20_000;

  /** A file of fewer lines is not worth writing anew. */
  private static final int MIN_COMPACTION = 1_000;

  private final InstantSource clock;
  private final Object lock = new Object();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

  // Guarded by lock.
  private final Map<RevocationList.Entry, RevokedCertificate> certificates = new LinkedHashMap<>();
  private final Map<String, RevokedIdentity> identities = new LinkedHashMap<>();

  /** By key and serial number: an issuer may be certified again under its key. */
  private final Map<String, KnownIssuer> issuers = new LinkedHashMap<>();

  private final Deque<RevocationChange> history = new ArrayDeque<>();
  private int historyEntries;
  private long number;
  private long oldest;
  private final RevocationLog file;
  private Instant lastScheduled = Instant.MAX;

  private volatile RevocationList list = RevocationList.NONE;

  /** The revocations of one version. */
  record State(
      long number, List<RevokedCertificate> certificates, List<RevokedIdentity> identities) {}

  private RevocationStore(Path stateDirectory, InstantSource clock)
      throws IOException, PkiException {
    this.clock = clock;
    RevocationList.Builder builder = RevocationList.NONE.change();
    this.file = RevocationLog.open(stateDirectory, new Loading());
    identities.values().forEach(identity -> identity.names().forEach(builder::revoke));
    for (RevokedCertificate certificate : certificates.values()) {
      builder.revoke(certificate.issuer(), certificate.serial().toByteArray());
    }
    this.oldest = number;
    this.list = builder.build(number);
  }

  /**
   * Reads the revocations of a state directory, or starts with none, under a new number.
   *
   * @throws PkiException when the file is readable by others or damaged; the file is not changed
   */
  public static RevocationStore open(Path stateDirectory, InstantSource clock)
      throws IOException, PkiException {
    RevocationStore store = new RevocationStore(stateDirectory, clock);
    try {
      store.reissue();
      return store;
    } catch (IOException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  /** The current revocation list, for verifying peers. */
  public RevocationList list() {
    return list;
  }

  /** Number of the newest change. */
  public long number() {
    return list.number();
  }

  /** Whether an identity is revoked. Waits for a revocation in progress. */
  public boolean isRevoked(String identity) {
    synchronized (lock) {
      return list.lists(identity);
    }
  }

  /** The revoked certificates, in order of revocation: a copy. */
  public List<RevokedCertificate> certificates() {
    synchronized (lock) {
      return List.copyOf(certificates.values());
    }
  }

  /** The revoked identities, in order of revocation: a copy. */
  public List<RevokedIdentity> identities() {
    synchronized (lock) {
      return List.copyOf(identities.values());
    }
  }

  /** Whether nothing is revoked. */
  public boolean isEmpty() {
    synchronized (lock) {
      return certificates.isEmpty() && identities.isEmpty();
    }
  }

  /** Issuers that have signed leaves, the newest last. */
  public List<KnownIssuer> issuers() {
    synchronized (lock) {
      return List.copyOf(issuers.values());
    }
  }

  /**
   * The newest certificate of the issuer with a key.
   *
   * @param keySha256 SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits
   * @return empty when the issuer has signed no leaf here
   */
  public Optional<KnownIssuer> issuer(String keySha256) {
    synchronized (lock) {
      KnownIssuer newest = null;
      for (KnownIssuer issuer : issuers.values()) {
        newest = issuer.keySha256().equals(keySha256) ? issuer : newest;
      }
      return Optional.ofNullable(newest);
    }
  }

  /**
   * Records an issuer, so that its leaves can be revoked after it is replaced.
   *
   * @throws IOException when the record cannot be stored; the issuer must not sign then
   */
  public void knowIssuer(KnownIssuer issuer) throws IOException {
    synchronized (lock) {
      if (!issuer.equals(issuers.get(key(issuer)))) {
        file.append(List.of(RevocationLog.issuer(issuer)));
        put(issuer);
      }
    }
  }

  /**
   * Revokes an identity and its leaves.
   *
   * @param leaves gives the identity's unexpired leaves; called once no new leaf can be handed out
   *     ({@link #isRevoked})
   * @return number of the change; empty when all of them were revoked before
   * @throws IOException when the change cannot be stored; nothing is revoked then
   */
  public Optional<Long> revoke(RevokedIdentity identity, Supplier<List<RevokedCertificate>> leaves)
      throws IOException {
    synchronized (lock) {
      List<RevokedIdentity> added =
          identities.containsKey(identity.identity()) ? List.of() : List.of(identity);
      return apply(leaves.get(), List.of(), added, List.of());
    }
  }

  /**
   * Revokes certificates.
   *
   * @return number of the change; empty when all of them were revoked before
   * @throws IOException when the change cannot be stored; nothing is revoked then
   */
  public Optional<Long> revoke(List<RevokedCertificate> revoked) throws IOException {
    synchronized (lock) {
      return apply(revoked, List.of(), List.of(), List.of());
    }
  }

  /**
   * Lifts the revocation of an identity: it may get new certificates. Certificates revoked with it
   * stay revoked unless the reason was certificateHold, the only reason that can be taken back (RFC
   * 5280 section 5.3.1).
   *
   * @return number of the change; empty when the identity is not revoked
   * @throws IOException when the change cannot be stored; the identity stays revoked then
   */
  public Optional<Long> lift(String identity) throws IOException {
    synchronized (lock) {
      if (!identities.containsKey(identity)) {
        return Optional.empty();
      }
      List<RevocationList.Entry> held = new ArrayList<>();
      for (RevokedCertificate certificate : certificates.values()) {
        if (certificate.identity().equals(identity)
            && certificate.reason() == RevocationReason.CERTIFICATE_HOLD) {
          held.add(certificate.entry());
        }
      }
      return apply(List.of(), held, List.of(), List.of(identity));
    }
  }

  /**
   * Starts a new version without a change by an operator, for a CRL that replaces the last one
   * before its nextUpdate. Certificates that had expired when the last such version was made are
   * dropped.
   *
   * @throws IOException when the version cannot be stored
   */
  public void reissue() throws IOException {
    synchronized (lock) {
      List<RevocationList.Entry> expired = new ArrayList<>();
      for (RevokedCertificate certificate : certificates.values()) {
        if (lastScheduled != Instant.MAX && certificate.notAfter().isBefore(lastScheduled)) {
          expired.add(certificate.entry());
        }
      }
      lastScheduled = clock.instant();
      commit(List.of(), expired, List.of(), List.of());
    }
  }

  /**
   * Calls the listener after each change, on the thread that made the change and before the next
   * one. The listener must neither block nor call the store.
   */
  public Registration onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  /** Ends the calls to a listener. */
  @FunctionalInterface
  public interface Registration {
    /** Ends the calls; a second time does nothing. */
    void remove();
  }

  @Override
  public void close() {
    synchronized (lock) {
      file.close();
    }
  }

  private static String key(KnownIssuer issuer) {
    return issuer.keySha256() + ' ' + issuer.serial().toString(16);
  }

  /** As the newest. */
  private void put(KnownIssuer issuer) {
    issuers.remove(key(issuer));
    issuers.put(key(issuer), issuer);
  }

  /** All of it, as of one number. */
  State state() {
    synchronized (lock) {
      return new State(
          number, List.copyOf(certificates.values()), List.copyOf(identities.values()));
    }
  }

  /** The changes after a number, oldest first; empty when they are not remembered. */
  Optional<List<RevocationChange>> changesAfter(long known) {
    synchronized (lock) {
      if (known < oldest || known > number) {
        return Optional.empty();
      }
      List<RevocationChange> after = new ArrayList<>();
      boolean isKnown = known == oldest;
      for (RevocationChange change : history) {
        if (change.number() > known) {
          after.add(change);
        }
        isKnown |= change.number() == known;
      }
      return isKnown ? Optional.of(after) : Optional.empty();
    }
  }

  /** Applies what differs from what is in force. */
  private Optional<Long> apply(
      List<RevokedCertificate> revoked,
      List<RevocationList.Entry> dropped,
      List<RevokedIdentity> added,
      List<String> lifted)
      throws IOException {
    Map<RevocationList.Entry, RevokedCertificate> fresh = new LinkedHashMap<>();
    for (RevokedCertificate certificate : revoked) {
      RevokedCertificate known = certificates.get(certificate.entry());
      // A certificate on hold may be revoked for good.
      if (known == null
          || (known.reason() == RevocationReason.CERTIFICATE_HOLD
              && certificate.reason() != RevocationReason.CERTIFICATE_HOLD)) {
        fresh.put(certificate.entry(), certificate);
      }
    }
    if (fresh.isEmpty() && dropped.isEmpty() && added.isEmpty() && lifted.isEmpty()) {
      return Optional.empty();
    }
    int entries = certificates.size() + identities.size() + fresh.size() + added.size();
    if (entries > MAX_ENTRIES && (!fresh.isEmpty() || !added.isEmpty())) {
      throw new IOException(
          file.file()
              + " would have "
              + entries
              + " revocations: expected at most "
              + MAX_ENTRIES
              + "; revoke the issuer instead, or wait until certificates have expired");
    }
    long bytes = listBytes(fresh.values(), added);
    if (bytes > MAX_LIST_BYTES && (!fresh.isEmpty() || !added.isEmpty())) {
      throw new IOException(
          file.file()
              + " would make a revocation list of up to "
              + bytes
              + " bytes: expected at most "
              + MAX_LIST_BYTES
              + "; revoke the issuer instead, or wait until certificates have expired");
    }
    return Optional.of(commit(List.copyOf(fresh.values()), dropped, added, lifted));
  }

  /** Bytes of the full list with what is added, at most: workloads take no larger one. */
  private long listBytes(Collection<RevokedCertificate> fresh, List<RevokedIdentity> added) {
    Map<X500Principal, Integer> issuerBytes = new HashMap<>();
    long bytes = 0;
    for (Collection<RevokedCertificate> part : List.of(certificates.values(), fresh)) {
      for (RevokedCertificate certificate : part) {
        bytes +=
            ENTRY_BYTES
                + issuerBytes.computeIfAbsent(
                    certificate.issuer(), name -> name.getEncoded().length);
      }
    }
    for (Collection<RevokedIdentity> part : List.of(identities.values(), added)) {
      for (RevokedIdentity identity : part) {
        for (String name : identity.names()) {
          bytes += name.length() + 4;
        }
      }
    }
    return bytes;
  }

  private long commit(
      List<RevokedCertificate> revoked,
      List<RevocationList.Entry> dropped,
      List<RevokedIdentity> added,
      List<String> lifted)
      throws IOException {
    long next = Math.max(number + 1, clock.instant().getEpochSecond());
    List<String> lines = new ArrayList<>();
    lines.add(RevocationLog.number(next));
    added.forEach(identity -> lines.add(RevocationLog.revoked(identity)));
    revoked.forEach(certificate -> lines.add(RevocationLog.revoked(certificate)));
    dropped.forEach(entry -> lines.add(RevocationLog.dropped(entry)));
    lifted.forEach(identity -> lines.add(RevocationLog.lifted(identity)));
    file.append(lines);
    number = next;
    RevocationList.Builder builder = list.change();
    for (RevokedCertificate certificate : revoked) {
      certificates.put(certificate.entry(), certificate);
      builder.revoke(certificate.issuer(), certificate.serial().toByteArray());
    }
    for (RevocationList.Entry entry : dropped) {
      certificates.remove(entry);
      builder.lift(entry.issuer(), entry.serial().toByteArray());
    }
    for (RevokedIdentity identity : added) {
      identities.put(identity.identity(), identity);
    }
    for (String identity : lifted) {
      RevokedIdentity old = identities.remove(identity);
      if (old != null) {
        old.names().forEach(builder::lift);
      }
    }
    // Two identities may share a name: it is lifted with the last of them.
    if (!lifted.isEmpty() || !added.isEmpty()) {
      identities.values().forEach(identity -> identity.names().forEach(builder::revoke));
    }
    list = builder.build(next);
    remember(new RevocationChange(next, revoked, dropped, added, lifted));
    try {
      compact();
    } catch (IOException e) {
      log.warn("{} cannot be written anew, it goes on growing: {}", file.file(), e.getMessage());
    }
    listeners.forEach(Runnable::run);
    return next;
  }

  private void remember(RevocationChange change) {
    history.addLast(change);
    historyEntries += change.size();
    while (history.size() > MAX_HISTORY || historyEntries > MAX_HISTORY_ENTRIES) {
      RevocationChange forgotten = history.removeFirst();
      historyEntries -= forgotten.size();
      oldest = forgotten.number();
    }
  }

  private void compact() throws IOException {
    int live = certificates.size() + identities.size() + issuers.size() + 1;
    if (file.lines() <= MIN_COMPACTION || file.lines() <= 2L * live) {
      return;
    }
    List<String> lines = new ArrayList<>(live);
    lines.add(RevocationLog.number(number));
    issuers.values().forEach(issuer -> lines.add(RevocationLog.issuer(issuer)));
    identities.values().forEach(identity -> lines.add(RevocationLog.revoked(identity)));
    certificates.values().forEach(c -> lines.add(RevocationLog.revoked(c)));
    file.replace(lines);
  }

  /** Takes what the file says. */
  private final class Loading implements RevocationLog.Reader {
    @Override
    public void number(long read) {
      number = Math.max(number, read);
    }

    @Override
    public void issuer(KnownIssuer issuer) {
      put(issuer);
    }

    @Override
    public void revoked(RevokedCertificate certificate) {
      certificates.put(certificate.entry(), certificate);
    }

    @Override
    public void revoked(RevokedIdentity identity) {
      identities.put(identity.identity(), identity);
    }

    @Override
    public void dropped(RevocationList.Entry entry) {
      certificates.remove(entry);
    }

    @Override
    public void lifted(String identity) {
      identities.remove(identity);
    }
  }
}
