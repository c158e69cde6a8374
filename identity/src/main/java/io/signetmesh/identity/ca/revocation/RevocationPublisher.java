package io.signetmesh.identity.ca.revocation;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.identity.pki.crl.CrlWriter;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import javax.security.auth.x500.X500Principal;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signs revocation lists with the issuer in use. A list is valid for 24 hours. A new one is signed
 * after six hours, after each change and when the issuer changes. Lists are signed on the first
 * request and shared by all later ones. Thread-safe.
 */
public final class RevocationPublisher {
  /** How long a list is good for. */
  static final Duration VALIDITY = Duration.ofHours(24);

  /** After this time it is signed again. */
  static final Duration REFRESH = Duration.ofHours(6);

  /** Readers may be a little behind. */
  private static final Duration BACKDATE = Duration.ofMinutes(5);

  private static final Logger log = LoggerFactory.getLogger(RevocationPublisher.class);

  private final RevocationStore store;
  private final CertificateAuthority authority;
  private final InstantSource clock;
  private @Nullable Publication current;

  /** Since this number all lists have the same issuer: delta CRLs need that. */
  private long sameIssuerSince;

  /**
   * Creates a publisher.
   *
   * @param authority must have been asked for its issuer
   */
  public RevocationPublisher(
      RevocationStore store, CertificateAuthority authority, InstantSource clock)
      throws IOException, PkiException {
    this.store = store;
    this.authority = authority;
    this.clock = clock;
    know(issuer());
  }

  /**
   * The newest version.
   *
   * @throws IOException when the issuer cannot be read
   * @throws PkiException when the issuer cannot be used
   */
  public synchronized Publication current() throws IOException, PkiException {
    Publication seen = current;
    if (seen != null && seen.number() == store.number()) {
      return seen;
    }
    Issuer issuer = issuer();
    RevocationStore.State state = store.state();
    if (seen == null || !name(seen.issuer).equals(name(issuer))) {
      sameIssuerSince = state.number();
    }
    Publication made = new Publication(state, issuer, sameIssuerSince);
    current = made;
    return made;
  }

  /** Signs a new list when one is due or another issuer is in use. Call it every few seconds. */
  public void refresh() {
    try {
      Publication seen = current();
      Issuer issuer = issuer();
      boolean isDue =
          !clock.instant().isBefore(seen.thisUpdate.plus(BACKDATE).plus(REFRESH))
              || clock.instant().isBefore(seen.thisUpdate);
      if (isDue || !issuer.isSame(seen.issuer)) {
        know(issuer);
        store.reissue();
      }
    } catch (IOException | PkiException | RuntimeException e) {
      log.error("the revocation list cannot be signed again", e);
    }
  }

  private void know(Issuer issuer) throws IOException {
    for (X509Certificate certificate : issuer.crossCertificates()) {
      store.knowIssuer(KnownIssuer.of(certificate));
    }
    for (X509Certificate certificate : issuer.chain()) {
      store.knowIssuer(KnownIssuer.of(certificate));
    }
  }

  /** The issuer that signs, or the last one while there is none that could sign leaves. */
  private Issuer issuer() throws IOException, PkiException {
    try {
      return authority.requireIssuer();
    } catch (IOException | PkiException e) {
      Issuer last = authority.issuerInUse();
      if (last == null) {
        throw e;
      }
      return last;
    }
  }

  private static X500Principal name(Issuer issuer) {
    return issuer.certificate().getSubjectX500Principal();
  }

  /** The lists of one version. */
  public final class Publication {
    private final RevocationStore.State state;
    private final Issuer issuer;
    private final long deltasFrom;
    private final Instant thisUpdate;
    private final Map<Long, byte[]> deltas = new HashMap<>();
    private byte @Nullable [] full;
    private byte @Nullable [] direct;

    private Publication(RevocationStore.State state, Issuer issuer, long deltasFrom) {
      this.state = state;
      this.issuer = issuer;
      this.deltasFrom = deltasFrom;
      this.thisUpdate = clock.instant().minus(BACKDATE).truncatedTo(ChronoUnit.SECONDS);
    }

    /** CRL number. */
    public long number() {
      return state.number();
    }

    /**
     * {@code thisUpdate} of the lists, a few minutes before they were made, for clocks that differ.
     */
    public Instant thisUpdate() {
      return thisUpdate;
    }

    /** Whether the issuer may sign lists. An issuer without revocations needs no list. */
    public boolean isSignable() {
      try {
        Crl.requireSigner(issuer.certificate());
        return true;
      } catch (PkiException e) {
        return false;
      }
    }

    /** Whether nothing is listed. */
    public boolean isEmpty() {
      return state.certificates().isEmpty() && state.identities().isEmpty();
    }

    /** The certificate that signed the lists and the CA certificates above it, in DER. */
    public List<byte[]> signerChain() {
      return Stream.concat(
              issuer.chain().stream(), issuer.crossCertificates(clock.instant()).stream())
          .map(Certificates::der)
          .toList();
    }

    /**
     * The full list for workloads, in DER. It is an indirect CRL when certificates of another
     * issuer are listed. The array must not be changed.
     *
     * @throws PkiException when the issuer cannot sign it
     */
    public synchronized byte[] full() throws PkiException {
      byte[] made = full;
      if (made == null) {
        made = sign(0, entries(state.certificates()), names(state.identities()), List.of());
        full = made;
      }
      return made;
    }

    /**
     * The full list for other verifiers, in DER. It leaves out certificates of other issuers,
     * because few verifiers accept an indirect CRL. The array must not be changed.
     *
     * @throws PkiException when the issuer cannot sign it
     */
    public synchronized byte[] direct() throws PkiException {
      byte[] made = direct;
      if (made == null) {
        List<RevokedCertificate> own =
            state.certificates().stream().filter(c -> c.issuer().equals(name(issuer))).toList();
        made =
            own.size() == state.certificates().size()
                ? full()
                : sign(0, entries(own), names(state.identities()), List.of());
        direct = made;
      }
      return made;
    }

    /**
     * The shortest list that updates a client with an older one, in DER: a delta CRL, or the full
     * list when the older one is no longer known. The array must not be changed.
     *
     * @param base number of the list that the client holds; 0 for none
     * @throws PkiException when the issuer cannot sign it
     */
    public synchronized byte[] since(long base) throws PkiException {
      if (base < deltasFrom || base >= number()) {
        return full();
      }
      byte[] known = deltas.get(base);
      if (known != null) {
        return known;
      }
      Optional<List<RevocationChange>> changes = store.changesAfter(base);
      if (changes.isEmpty()) {
        return full();
      }
      byte[] made = delta(base, changes.get());
      if (made.length > Crl.MAX_BYTES) {
        // What is lifted is in no full list, which is bounded.
        return full();
      }
      deltas.put(base, made);
      return made;
    }

    private byte[] delta(long base, List<RevocationChange> changes) throws PkiException {
      Map<RevocationList.Entry, CrlWriter.Entry> entries = new LinkedHashMap<>();
      Set<String> lifted = new LinkedHashSet<>();
      Set<String> revoked = new LinkedHashSet<>();
      for (RevocationChange change : changes) {
        if (change.number() > number()) {
          break;
        }
        for (RevocationList.Entry dropped : change.dropped()) {
          entries.put(
              dropped,
              new CrlWriter.Entry(
                  dropped.issuer(),
                  dropped.serial(),
                  thisUpdate,
                  RevocationReason.REMOVE_FROM_CRL));
        }
        for (RevokedCertificate certificate : change.revoked()) {
          entries.put(certificate.entry(), entry(certificate));
        }
        change.lifted().forEach(i -> lifted.addAll(RevokedIdentity.names(i)));
        change.identities().forEach(i -> revoked.addAll(i.names()));
      }
      // What counts is what is revoked now.
      Set<String> now = new HashSet<>(names(state.identities()));
      revoked.retainAll(now);
      lifted.removeAll(now);
      return sign(base, List.copyOf(entries.values()), List.copyOf(revoked), List.copyOf(lifted));
    }

    private byte[] sign(
        long base, List<CrlWriter.Entry> entries, List<String> identities, List<String> lifted)
        throws PkiException {
      CrlWriter.Content content =
          new CrlWriter.Content(
              number(),
              base,
              thisUpdate,
              thisUpdate.plus(BACKDATE).plus(VALIDITY),
              entries,
              identities,
              lifted);
      return issuer.sign(signer -> CrlWriter.sign(content, issuer.certificate(), signer));
    }

    private static List<String> names(List<RevokedIdentity> identities) {
      Set<String> names = new LinkedHashSet<>();
      identities.forEach(identity -> names.addAll(identity.names()));
      return List.copyOf(names);
    }

    private static List<CrlWriter.Entry> entries(List<RevokedCertificate> certificates) {
      List<CrlWriter.Entry> entries = new ArrayList<>(certificates.size());
      certificates.forEach(certificate -> entries.add(entry(certificate)));
      return entries;
    }

    private static CrlWriter.Entry entry(RevokedCertificate certificate) {
      return new CrlWriter.Entry(
          certificate.issuer(),
          certificate.serial(),
          certificate.revokedAt(),
          certificate.reason());
    }
  }
}
