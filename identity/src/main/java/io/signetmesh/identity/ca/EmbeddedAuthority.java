package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Anchor and issuer that are made at first start and kept in the state directory: the CA of an
 * installation that brings none. Directory {@code ca} holds {@code anchor.crt}, {@code anchor.key}
 * and {@code issuer.pem} (key and certificate); it appears whole or not at all. The anchor lives
 * ten years; the issuer lives one, and is made anew under the anchor when a third of that is left.
 */
public final class EmbeddedAuthority implements IssuerSource {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedAuthority.class);

  private static final String ISSUER = "issuer.pem";
  private static final Duration ANCHOR_LIFETIME = Duration.ofDays(3650);
  private static final Duration ISSUER_LIFETIME = Duration.ofDays(365);

  /** Peers may be a little behind. */
  private static final Duration BACKDATE = Duration.ofMinutes(5);

  private final Path directory;
  private final String issuerName;
  private final InstantSource clock;
  private final PrivateKey anchorKey;
  private final X509Certificate anchor;
  private volatile Issuer issuer;

  private EmbeddedAuthority(
      Path directory,
      String issuerName,
      InstantSource clock,
      PrivateKey anchorKey,
      X509Certificate anchor,
      Issuer issuer) {
    this.directory = directory;
    this.issuerName = issuerName;
    this.clock = clock;
    this.anchorKey = anchorKey;
    this.anchor = anchor;
    this.issuer = issuer;
  }

  /**
   * Loads the CA of a state directory, or makes it at first start.
   *
   * @param stateDirectory made with mode 0700 unless it is there
   * @throws PkiException when a file is missing from an existing CA, a key is readable by others or
   *     does not belong to its certificate, or the anchor has expired; nothing is then made anew
   */
  public static EmbeddedAuthority open(
      Path stateDirectory, String controlPlaneNamespace, String trustDomain, InstantSource clock)
      throws IOException, PkiException {
    Path directory = stateDirectory.resolve("ca");
    String suffix = controlPlaneNamespace + "." + trustDomain;
    if (!Files.exists(directory)) {
      create(stateDirectory, directory, suffix, clock.instant());
    }
    PrivateKey anchorKey = readKey(directory.resolve("anchor.key"));
    X509Certificate anchor = readOne(directory.resolve("anchor.crt"));
    Issuer.of(directory.resolve("anchor.crt").toString(), anchorKey, List.of(anchor));
    Instant now = clock.instant();
    if (now.isAfter(anchor.getNotAfter().toInstant())) {
      throw new PkiException(
          directory.resolve("anchor.crt")
              + ": trust anchor expired at "
              + anchor.getNotAfter().toInstant());
    }
    Issuer issuer = readIssuer(directory.resolve(ISSUER));
    var authority =
        new EmbeddedAuthority(directory, "identity." + suffix, clock, anchorKey, anchor, issuer);
    authority.current();
    return authority;
  }

  /** The trust anchor. */
  public X509Certificate anchor() {
    return anchor;
  }

  @Override
  public Issuer current() throws IOException, PkiException {
    Issuer current = issuer;
    return isDue(current) ? renew() : current;
  }

  private boolean isDue(Issuer current) {
    Instant end = current.certificate().getNotAfter().toInstant();
    return clock.instant().isAfter(end.minus(ISSUER_LIFETIME.dividedBy(3)))
        && end.isBefore(anchor.getNotAfter().toInstant());
  }

  private synchronized Issuer renew() throws IOException, PkiException {
    if (!isDue(issuer)) {
      return issuer;
    }
    KeyPair keys = PrivateKeys.generate();
    X509Certificate certificate = makeIssuer(issuerName, keys, anchorKey, anchor, clock.instant());
    writeIssuer(directory, keys.getPrivate(), certificate);
    Issuer renewed =
        Issuer.of(directory.resolve(ISSUER).toString(), keys.getPrivate(), List.of(certificate));
    issuer = renewed;
    log.info(
        "issuer renewed under the same anchor: {}, until {}",
        Certificates.describe(certificate),
        certificate.getNotAfter().toInstant());
    return renewed;
  }

  private static void create(Path state, Path directory, String suffix, Instant now)
      throws IOException {
    StateFiles.createDirectory(state);
    Path fresh = state.resolve(".ca.new");
    deleteFlat(fresh);
    StateFiles.createDirectory(fresh);
    KeyPair anchorKeys = PrivateKeys.generate();
    X509Certificate anchor =
        CertificateBuilder.anchor(
            "root." + suffix, anchorKeys, now.minus(BACKDATE), now.plus(ANCHOR_LIFETIME));
    KeyPair issuerKeys = PrivateKeys.generate();
    X509Certificate issuer =
        makeIssuer("identity." + suffix, issuerKeys, anchorKeys.getPrivate(), anchor, now);
    StateFiles.writeSecret(fresh.resolve("anchor.key"), PrivateKeys.toPem(anchorKeys.getPrivate()));
    StateFiles.writePublic(fresh.resolve("anchor.crt"), Certificates.toPem(List.of(anchor)));
    writeIssuer(fresh, issuerKeys.getPrivate(), issuer);
    Files.move(fresh, directory, StandardCopyOption.ATOMIC_MOVE);
    log.info("made a CA in {}: anchor {}", directory, Certificates.describe(anchor));
  }

  private static X509Certificate makeIssuer(
      String name, KeyPair keys, PrivateKey anchorKey, X509Certificate anchor, Instant now) {
    Instant anchorEnd = anchor.getNotAfter().toInstant();
    Instant end = now.plus(ISSUER_LIFETIME);
    Instant start = now.minus(BACKDATE);
    Instant anchorStart = anchor.getNotBefore().toInstant();
    return CertificateBuilder.issuer(
        name,
        keys.getPublic(),
        anchorKey,
        anchor,
        start.isBefore(anchorStart) ? anchorStart : start,
        end.isAfter(anchorEnd) ? anchorEnd : end);
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

  private static Issuer readIssuer(Path file) throws IOException, PkiException {
    requireFile(file);
    StateFiles.requireSecret(file);
    String text = Files.readString(file, StandardCharsets.ISO_8859_1);
    int split = text.indexOf("-----BEGIN CERTIFICATE-----");
    if (split < 0) {
      throw new PkiException(file + ": no certificate found: expected a private key and its chain");
    }
    return Issuer.of(
        file.toString(),
        PrivateKeys.parsePem(file.toString(), text.substring(0, split)),
        Certificates.parsePem(file.toString(), text.substring(split)));
  }

  private static PrivateKey readKey(Path file) throws IOException, PkiException {
    requireFile(file);
    StateFiles.requireSecret(file);
    return PrivateKeys.read(file);
  }

  private static X509Certificate readOne(Path file) throws IOException, PkiException {
    requireFile(file);
    List<X509Certificate> certificates = Certificates.readPem(file);
    if (certificates.size() != 1) {
      throw new PkiException(
          file + ": " + certificates.size() + " certificates: expected exactly one");
    }
    return certificates.getFirst();
  }

  private static void requireFile(Path file) throws PkiException {
    if (!Files.isRegularFile(file)) {
      throw new PkiException(
          file + " is missing from the CA: restore it, or remove the directory for a new CA");
    }
  }
}
