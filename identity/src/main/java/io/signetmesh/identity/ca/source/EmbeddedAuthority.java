package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.IssuerSource;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.state.FileSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The CA of an installation that brings none: anchor and issuer are made at the first start and
 * kept in the state directory. Directory {@code ca} holds {@code anchor.crt}, {@code anchor.key}
 * (see {@link CaKey}) and {@code issuer.pem} (key, certificate and chain), and is created
 * atomically. By default the anchor is valid for ten years and the issuer for one. The issuer is
 * renewed under the anchor when a third of its validity is left.
 *
 * <p>All certificates of {@code anchor.crt} are trust anchors. The one whose key is in {@code
 * anchor.key} is the CA's own: the issuer has to be under it. So an operator replaces the anchor by
 * adding the new one, then the new key and issuer, then removing the old one. A set that does not
 * fit together is refused. The optional {@code cross.pem} has cross-certificates of the issuer,
 * which a rotation of the anchor puts there for a while.
 *
 * <p>Longer than 500 lines: what the files are, and which of them fit together, is in one place.
 */
public final class EmbeddedAuthority implements AuthoritySource, IssuerSource {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedAuthority.class);

  private static final String ISSUER = "issuer.pem";
  private static final String ANCHOR = "anchor.crt";
  private static final String ANCHOR_KEY = "anchor.key";
  private static final String CROSS = "cross.pem";
  private static final String BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----";
  private static final Duration ANCHOR_LIFETIME = Duration.ofDays(3650);
  private static final Duration ISSUER_LIFETIME = Duration.ofDays(365);

  /** Between two attempts to renew the issuer by a token that is away. */
  private static final Duration RENEW_AGAIN = Duration.ofMinutes(1);

  /** Between two messages about it. */
  private static final Duration WARN_AGAIN = Duration.ofHours(1);

  /** Peers may be a little behind. */
  private static final Duration BACKDATE = Duration.ofMinutes(5);

  private final Path directory;
  private final FileSet fileSet;
  private final String issuerName;
  private final InstantSource clock;
  private @Nullable Loaded loaded;
  private Instant warnedAt = Instant.EPOCH;
  private Instant renewFrom = Instant.EPOCH;

  private EmbeddedAuthority(Path directory, String issuerName, InstantSource clock) {
    this.directory = directory;
    this.fileSet = new FileSet(directory, Set.of(ANCHOR));
    this.issuerName = issuerName;
    this.clock = clock;
  }

  /** The files of one digest. The own anchor is the one whose key is there. */
  private record Loaded(
      String digest,
      CaKey anchorKey,
      X509Certificate own,
      List<X509Certificate> anchors,
      PrivateKey issuerKey,
      Issuer issuer) {}

  /**
   * All keys and certificates of a CA.
   *
   * @param anchorKey key of the CA's own anchor
   * @param anchor the CA's own anchor
   * @param anchors all trust anchors, the own one among them
   * @param issuerKey key of the issuer
   * @param chain issuer first, then the CA certificates towards the own anchor
   * @param crossCertificates of the issuer, under other anchors
   */
  public record Ca(
      CaKey anchorKey,
      X509Certificate anchor,
      List<X509Certificate> anchors,
      PrivateKey issuerKey,
      List<X509Certificate> chain,
      List<X509Certificate> crossCertificates) {
    /** Copies the lists. */
    public Ca {
      anchors = List.copyOf(anchors);
      chain = List.copyOf(chain);
      crossCertificates = List.copyOf(crossCertificates);
    }

    /** The same CA with other trust anchors. */
    public Ca withAnchors(List<X509Certificate> other) {
      return new Ca(anchorKey, anchor, other, issuerKey, chain, crossCertificates);
    }

    /** The same CA, without cross-certificates. */
    public Ca withoutCrossCertificates() {
      return new Ca(anchorKey, anchor, anchors, issuerKey, chain, List.of());
    }

    @Override
    public String toString() {
      return "Ca[" + Certificates.describe(chain.getFirst()) + "]";
    }
  }

  /**
   * Key kind and validity of a new CA.
   *
   * @param keyKind kind of both keys
   * @param anchorLifetime validity of the anchor from now, not below {@code issuerLifetime}
   * @param issuerLifetime validity of the issuer from now, at least 1 hour; an issuer never
   *     outlives its anchor
   */
  public record Plan(KeyKind keyKind, Duration anchorLifetime, Duration issuerLifetime) {
    /** ECDSA P-256; the anchor is valid for ten years, the issuer for one. */
    public static final Plan DEFAULT = new Plan(KeyKind.P256, ANCHOR_LIFETIME, ISSUER_LIFETIME);

    /** Refuses lifetimes that are out of range. */
    public Plan {
      if (issuerLifetime.compareTo(Duration.ofHours(1)) < 0
          || anchorLifetime.compareTo(issuerLifetime) < 0) {
        throw new IllegalArgumentException(
            "anchor lifetime "
                + anchorLifetime
                + " and issuer lifetime "
                + issuerLifetime
                + ": expected 1 hour or more, and the anchor's not below the issuer's");
      }
    }
  }

  /**
   * Makes the CA of a state directory.
   *
   * @throws PkiException when a CA exists; it is not changed
   */
  public static EmbeddedAuthority create(
      Path stateDirectory,
      String controlPlaneNamespace,
      String trustDomain,
      Plan plan,
      InstantSource clock)
      throws IOException, PkiException {
    Path directory = stateDirectory.resolve("ca");
    if (Files.exists(directory)) {
      throw new PkiException(
          directory + " exists: expected a state directory without a CA; nothing was changed");
    }
    make(
        stateDirectory,
        directory,
        controlPlaneNamespace + "." + trustDomain,
        plan,
        clock.instant());
    return open(stateDirectory, controlPlaneNamespace, trustDomain, clock);
  }

  /**
   * Loads the CA of a state directory, or makes it at the first start.
   *
   * @param stateDirectory created with mode 0700 unless it exists
   * @throws PkiException when a file is missing from an existing CA, a key is readable by others or
   *     does not belong to its certificate, the anchor has expired, or the mesh trusts another CA;
   *     nothing is replaced then
   */
  public static EmbeddedAuthority open(
      Path stateDirectory, String controlPlaneNamespace, String trustDomain, InstantSource clock)
      throws IOException, PkiException {
    Path directory = stateDirectory.resolve("ca");
    String suffix = controlPlaneNamespace + "." + trustDomain;
    if (!Files.exists(directory)) {
      requireNoBundle(directory, stateDirectory.resolve(TrustBundleStore.FILE));
      make(stateDirectory, directory, suffix, Plan.DEFAULT, clock.instant());
    }
    var authority = new EmbeddedAuthority(directory, "identity." + suffix, clock);
    authority.fileSet.recover();
    authority.current();
    return authority;
  }

  /**
   * The certificates of a CA, without its keys.
   *
   * @param chain the issuer first, then the CA certificates towards its anchor
   * @param anchors the trust anchors
   */
  public record Shown(List<X509Certificate> chain, List<X509Certificate> anchors) {}

  /**
   * Reads the certificates of a state directory. It reads no key and creates nothing.
   *
   * @throws PkiException when there is no CA, or one of its files cannot be used
   */
  public static Shown certificates(Path stateDirectory) throws IOException, PkiException {
    Path directory = stateDirectory.resolve("ca");
    Path file = directory.resolve(ISSUER);
    Path anchors = directory.resolve(ANCHOR);
    try {
      requireFile(file);
      requireFile(anchors);
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      int split = text.indexOf(BEGIN_CERTIFICATE);
      return new Shown(
          Certificates.parsePem(file.toString(), split < 0 ? "" : text.substring(split)),
          Certificates.readPem(anchors));
    } catch (RefusedMaterialException e) {
      throw new PkiException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * The CA's own trust anchor, whose key it has.
   *
   * @throws PkiException when the files cannot be used
   */
  public X509Certificate anchor() throws PkiException {
    return require().own;
  }

  /**
   * All trust anchors.
   *
   * @throws PkiException when the files cannot be used
   */
  public List<X509Certificate> anchors() throws PkiException {
    return require().anchors;
  }

  /**
   * All keys and certificates in the files now, after a change that was cut short is completed.
   *
   * @throws IOException when that change cannot be completed
   * @throws PkiException when the files cannot be used
   */
  public synchronized Ca ca() throws IOException, PkiException {
    fileSet.recover();
    Loaded now = require();
    return new Ca(
        now.anchorKey,
        now.own,
        now.anchors,
        now.issuerKey,
        now.issuer.chain(),
        now.issuer.crossCertificates());
  }

  /**
   * Replaces all files as one change, which is read like any other one. A crash leaves the files
   * before or after it.
   *
   * @throws PkiException when keys and certificates do not fit together; nothing has changed
   * @throws IOException when the files cannot be written; tried again with the next call or start
   */
  public synchronized void replace(Ca ca) throws IOException, PkiException {
    fileSet.recover();
    Contents contents =
        new Contents(
            ascii(Certificates.toPem(ca.anchors)),
            ascii(ca.anchorKey.stored()),
            ascii(PrivateKeys.toPem(ca.issuerKey) + Certificates.toPem(ca.chain)),
            ascii(ca.crossCertificates.isEmpty() ? "" : Certificates.toPem(ca.crossCertificates)));
    try {
      parse(contents);
    } catch (RefusedMaterialException e) {
      throw new PkiException(String.valueOf(e.getMessage()), e);
    }
    if (!require().digest.equals(contents.digest())) {
      fileSet.replace(
          Map.of(
              ANCHOR,
              contents.anchors,
              ANCHOR_KEY,
              contents.anchorKey,
              ISSUER,
              contents.issuer,
              CROSS,
              contents.cross));
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /**
   * Makes an issuer certificate of this CA's name under an anchor.
   *
   * @param key public key of the issuer
   * @param life validity from now, cut off at the anchor's end
   * @throws PkiException when the anchor's key cannot be used, e.g. because its token is away, or
   *     is another one
   */
  public X509Certificate makeIssuer(
      PublicKey key, CaKey anchorKey, X509Certificate anchor, Duration life) throws PkiException {
    return makeIssuer(issuerName, key, anchorKey, anchor, life, clock.instant());
  }

  /** The issuer in the files now, renewed when that is due. */
  @Override
  public Issuer current() throws IOException, PkiException {
    renew(require().digest);
    return require().issuer;
  }

  @Override
  public Snapshot read() throws RefusedMaterialException {
    Contents files = files();
    return new Snapshot(
        files.digest(),
        () -> {
          Loaded now = parse(files);
          return new Material(
              now.issuer.key(), now.issuer.chain(), now.anchors, now.issuer.crossCertificates());
        });
  }

  /** Writes a new issuer under the own anchor when a third of the life of the old one is left. */
  @Override
  public synchronized void renew(String digest) throws IOException, PkiException {
    Loaded now = require();
    if (!now.digest.equals(digest) || !isDue(now) || clock.instant().isBefore(renewFrom)) {
      return;
    }
    X509Certificate old = now.issuer.certificate();
    Duration lifetime =
        Duration.between(
            old.getNotBefore().toInstant().plus(BACKDATE), old.getNotAfter().toInstant());
    KeyPair keys;
    X509Certificate certificate;
    try {
      // The token is asked first: as long as it is away, this is tried again and again.
      if (!now.anchorKey.matches(now.own.getPublicKey())) {
        throw new PkiException(
            now.anchorKey + " does not belong to " + Certificates.describe(now.own));
      }
      keys = now.issuer.keyKind().generate();
      certificate =
          makeIssuer(
              issuerName, keys.getPublic(), now.anchorKey, now.own, lifetime, clock.instant());
    } catch (PkiException e) {
      notRenewed(old, e);
      return;
    }
    if (!require().digest.equals(digest)) {
      // An operator replaces the CA at this moment.
      return;
    }
    fileSet.replace(
        Map.of(
            ISSUER,
            ascii(PrivateKeys.toPem(keys.getPrivate()) + Certificates.toPem(List.of(certificate))),
            CROSS,
            new byte[0]));
    log.info(
        "issuer renewed under the same anchor: {}, until {}",
        Certificates.describe(certificate),
        certificate.getNotAfter().toInstant());
  }

  /** The issuer is good to its end, and the token may come back before that. */
  private void notRenewed(X509Certificate old, PkiException why) {
    Instant now = clock.instant();
    renewFrom = now.plus(RENEW_AGAIN);
    if (now.isAfter(warnedAt.plus(WARN_AGAIN))) {
      warnedAt = now;
      log.error("the issuer is not renewed: {}; it ends at {}", why.getMessage(), end(old));
    }
  }

  private static Instant end(X509Certificate certificate) {
    return certificate.getNotAfter().toInstant();
  }

  private boolean isDue(Loaded now) {
    X509Certificate current = now.issuer.certificate();
    Instant end = current.getNotAfter().toInstant();
    Duration life = Duration.between(current.getNotBefore().toInstant(), end);
    // A new issuer has no cross-certificates: while they are needed, it comes as late as can be.
    int part = now.issuer.crossCertificates().isEmpty() ? 3 : 10;
    return clock.instant().isAfter(end.minus(life.dividedBy(part)))
        && end.isBefore(now.own.getNotAfter().toInstant());
  }

  private Loaded require() throws PkiException {
    try {
      return load();
    } catch (RefusedMaterialException e) {
      throw new PkiException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Parses the files, unless they are those of the last time. */
  private synchronized Loaded load() throws RefusedMaterialException {
    Contents files = files();
    Loaded known = loaded;
    if (known == null || !known.digest.equals(files.digest())) {
      known = parse(files);
      loaded = known;
    }
    requireInTime(known.own);
    return known;
  }

  /** Contents of the files; that of the cross-certificates is empty when there are none. */
  private record Contents(byte[] anchors, byte[] anchorKey, byte[] issuer, byte[] cross) {
    String digest() {
      return SourceFiles.digest(
          Map.of(ANCHOR, anchors, ANCHOR_KEY, anchorKey, ISSUER, issuer, CROSS, cross));
    }
  }

  private Contents files() throws RefusedMaterialException {
    for (String name : List.of(ANCHOR, ANCHOR_KEY, ISSUER)) {
      requireFile(directory.resolve(name));
    }
    return new Contents(
        SourceFiles.readTrusted(directory.resolve(ANCHOR)),
        SourceFiles.readSecret(directory.resolve(ANCHOR_KEY)),
        SourceFiles.readSecret(directory.resolve(ISSUER)),
        Files.exists(directory.resolve(CROSS))
            ? SourceFiles.readTrusted(directory.resolve(CROSS))
            : new byte[0]);
  }

  private Loaded parse(Contents files) throws RefusedMaterialException {
    Path anchorFile = directory.resolve(ANCHOR);
    Path keyFile = directory.resolve(ANCHOR_KEY);
    Path issuerFile = directory.resolve(ISSUER);
    List<X509Certificate> anchors = SourceFiles.certificates(anchorFile, files.anchors);
    CaKey anchorKey = CaKey.read(keyFile, files.anchorKey);
    String text = new String(files.issuer, StandardCharsets.ISO_8859_1);
    int split = text.indexOf(BEGIN_CERTIFICATE);
    if (split < 0) {
      throw new RefusedMaterialException(
          Reason.MALFORMED,
          issuerFile + ": no certificate found: expected a private key and its chain");
    }
    PrivateKey key =
        SourceFiles.key(issuerFile, text.substring(0, split).getBytes(StandardCharsets.ISO_8859_1));
    List<X509Certificate> chain =
        SourceFiles.certificates(
            issuerFile, text.substring(split).getBytes(StandardCharsets.ISO_8859_1));
    Issuer issuer;
    try {
      issuer = Issuer.of(issuerFile.toString(), key, chain);
      if (files.cross.length > 0) {
        Path crossFile = directory.resolve(CROSS);
        issuer =
            issuer.withCrossCertificates(
                crossFile.toString(), SourceFiles.certificates(crossFile, files.cross));
      }
    } catch (PkiException | RuntimeException e) {
      throw new RefusedMaterialException(Reason.KEY_MISMATCH, String.valueOf(e.getMessage()), e);
    }
    X509Certificate own = own(anchorFile, keyFile, anchors, anchorKey, issuer.chain().getLast());
    requireUnder(issuerFile, issuer.chain().getLast(), own);
    requireInTime(own);
    return new Loaded(files.digest(), anchorKey, own, anchors, key, issuer);
  }

  /**
   * The anchor whose key the CA has: of several certificates of that key, the one that ends last.
   * While the token of the key is away, the anchor that the issuer is under is taken for it.
   *
   * @param last CA certificate of the issuer's chain
   */
  private static X509Certificate own(
      Path file, Path keyFile, List<X509Certificate> anchors, CaKey key, X509Certificate last)
      throws RefusedMaterialException {
    List<X509Certificate> found;
    try {
      found =
          key.use(
              opened ->
                  anchors.stream()
                      .filter(anchor -> opened.matches(anchor.getPublicKey()))
                      .toList());
    } catch (PkiException e) {
      log.warn(
          "{}: the key of the trust anchor cannot be used, so the issuer cannot be renewed: {}",
          keyFile,
          e.getMessage());
      found = anchors.stream().filter(anchor -> isUnder(last, anchor)).toList();
    }
    return found.stream()
        .max((a, b) -> a.getNotAfter().compareTo(b.getNotAfter()))
        .orElseThrow(
            () ->
                new RefusedMaterialException(
                    Reason.KEY_MISMATCH,
                    keyFile
                        + ": the private key does not belong to any of the "
                        + anchors.size()
                        + " trust anchors in "
                        + file));
  }

  private static boolean isUnder(X509Certificate last, X509Certificate anchor) {
    try {
      if (!last.equals(anchor)) {
        Signatures.verify(last, anchor.getPublicKey());
      }
      return true;
    } catch (GeneralSecurityException | RuntimeException e) {
      return false;
    }
  }

  /** Renewal goes on under the own anchor: an issuer under another one would not last. */
  private static void requireUnder(Path file, X509Certificate last, X509Certificate own)
      throws RefusedMaterialException {
    try {
      if (!last.equals(own)) {
        Signatures.verify(last, own.getPublicKey());
      }
    } catch (GeneralSecurityException | RuntimeException e) {
      throw new RefusedMaterialException(
          Reason.UNTRUSTED,
          file
              + ": "
              + Certificates.describe(last)
              + " is not signed by "
              + Certificates.describe(own)
              + ", the trust anchor of "
              + ANCHOR_KEY,
          e);
    }
  }

  private void requireInTime(X509Certificate own) throws RefusedMaterialException {
    Instant end = own.getNotAfter().toInstant();
    if (clock.instant().isAfter(end)) {
      throw new RefusedMaterialException(
          Reason.EXPIRED, directory.resolve(ANCHOR) + ": trust anchor expired at " + end);
    }
  }

  private static void make(Path state, Path directory, String suffix, Plan plan, Instant now)
      throws IOException, PkiException {
    StateFiles.createDirectory(state);
    Path fresh = state.resolve(".ca.new");
    deleteFlat(fresh);
    StateFiles.createDirectory(fresh);
    KeyPair anchorKeys = plan.keyKind().generate();
    X509Certificate anchor =
        CertificateBuilder.anchor(
            "root." + suffix, anchorKeys, now.minus(BACKDATE), now.plus(plan.anchorLifetime()));
    KeyPair issuerKeys = plan.keyKind().generate();
    X509Certificate issuer =
        makeIssuer(
            "identity." + suffix,
            issuerKeys.getPublic(),
            CaKey.of(anchorKeys.getPrivate()),
            anchor,
            plan.issuerLifetime(),
            now);
    StateFiles.writeSecret(fresh.resolve("anchor.key"), PrivateKeys.toPem(anchorKeys.getPrivate()));
    StateFiles.writePublic(fresh.resolve("anchor.crt"), Certificates.toPem(List.of(anchor)));
    writeIssuer(fresh, issuerKeys.getPrivate(), issuer);
    Files.move(fresh, directory, StandardCopyOption.ATOMIC_MOVE);
    log.info("made a CA in {}: anchor {}", directory, Certificates.describe(anchor));
  }

  /** An empty volume in place of the CA must not give the mesh another one. */
  private static void requireNoBundle(Path directory, Path bundle) throws PkiException {
    if (Files.exists(bundle)) {
      throw new PkiException(
          directory
              + " is missing, and "
              + bundle.getFileName()
              + " is of another CA: restore it; or, to trust another CA from now on, move "
              + bundle
              + " away and give all workloads the new anchor");
    }
  }

  /** When what is made now begins. */
  public static Instant start(Instant now) {
    return now.minus(BACKDATE);
  }

  private static X509Certificate makeIssuer(
      String name,
      PublicKey key,
      CaKey anchorKey,
      X509Certificate anchor,
      Duration lifetime,
      Instant now)
      throws PkiException {
    Instant anchorEnd = anchor.getNotAfter().toInstant();
    Instant end = now.plus(lifetime);
    Instant start = now.minus(BACKDATE);
    Instant anchorStart = anchor.getNotBefore().toInstant();
    return anchorKey.use(
        signer -> {
          if (!signer.matches(anchor.getPublicKey())) {
            throw new PkiException(
                anchorKey + " does not belong to " + Certificates.describe(anchor));
          }
          return CertificateBuilder.issuer(
              name,
              key,
              signer,
              anchor,
              start.isBefore(anchorStart) ? anchorStart : start,
              end.isAfter(anchorEnd) ? anchorEnd : end);
        });
  }

  /** Removes what a crash during creation left: a directory of files. */
  private static void deleteFlat(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      try (var files = Files.newDirectoryStream(directory)) {
        for (Path file : files) {
          Files.delete(file);
        }
      }
      Files.delete(directory);
    }
  }

  /** Key and certificate in one file, so that a renewal replaces both at once. */
  private static void writeIssuer(Path directory, PrivateKey key, X509Certificate certificate)
      throws IOException {
    StateFiles.writeSecret(
        directory.resolve(ISSUER),
        PrivateKeys.toPem(key) + Certificates.toPem(List.of(certificate)));
  }

  private static void requireFile(Path file) throws RefusedMaterialException {
    if (!Files.isRegularFile(file)) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE, file + " is missing from the CA: restore it");
    }
  }

  @Override
  public String toString() {
    return directory.toString();
  }
}
