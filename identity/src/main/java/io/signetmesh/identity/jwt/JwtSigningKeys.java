package io.signetmesh.identity.jwt;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ECDSA P-256 keys that sign JWT-SVIDs. They are generated here and kept in the state directory
 * ({@code jwt-signing.json}, mode 0600). A key signs for a day. The next key is published an hour
 * before it signs. A key stays published until the last token that it may have signed has expired.
 * An unpublished key signs nothing. Thread-safe.
 */
public final class JwtSigningKeys {
  private static final Logger log = LoggerFactory.getLogger(JwtSigningKeys.class);

  /** How long a key signs. */
  static final Duration PERIOD = Duration.ofDays(1);

  /** How long a key is published before it signs: time for everyone to learn of it. */
  static final Duration LEAD = Duration.ofHours(1);

  /** How long a key is published after its successor signs: the longest token, and clocks. */
  static final Duration RETENTION = JwtSvidIssuer.LIFETIME.plusMinutes(5);

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_FILE = 64 * 1024;

  private final Path file;
  private final Publisher publisher;
  private final InstantSource clock;
  private volatile List<SigningKey> keys;

  /** Publishes the public keys to verifiers. */
  public interface Publisher {
    /** The keys that are published now. */
    List<JwtAuthority> published();

    /**
     * Publishes these keys and no others.
     *
     * @throws IOException when that cannot be kept; the earlier ones stay
     */
    void publish(List<JwtAuthority> authorities) throws IOException;
  }

  /**
   * A key.
   *
   * @param authority its public half
   * @param privateKey never printed
   * @param usedFrom when it begins to sign
   */
  record SigningKey(JwtAuthority authority, PrivateKey privateKey, Instant usedFrom) {
    static SigningKey of(PrivateKey key, Instant usedFrom) throws PkiException {
      var publicKey = PrivateKeys.publicKey(key);
      String keyId = HexFormat.of().formatHex(Certificates.sha256(publicKey), 0, 16);
      return new SigningKey(new JwtAuthority(keyId, publicKey), key, usedFrom);
    }

    @Override
    public String toString() {
      return "SigningKey[" + authority.keyId() + ", from " + usedFrom + "]";
    }
  }

  private JwtSigningKeys(
      Path file, Publisher publisher, InstantSource clock, List<SigningKey> keys) {
    this.file = file;
    this.publisher = publisher;
    this.clock = clock;
    this.keys = keys;
  }

  /**
   * Loads the keys of a state directory, or makes the first key, and publishes them.
   *
   * @throws IOException when a file cannot be read or written
   * @throws PkiException when the file is readable by others or malformed; no key is made then
   */
  public static JwtSigningKeys open(Path stateDirectory, Publisher publisher, InstantSource clock)
      throws IOException, PkiException {
    Path file = stateDirectory.resolve("jwt-signing.json");
    List<SigningKey> keys = List.of();
    if (Files.exists(file)) {
      StateFiles.requireSecret(file);
      keys = read(file);
    } else {
      StateFiles.createDirectory(stateDirectory);
    }
    JwtSigningKeys opened = new JwtSigningKeys(file, publisher, clock, keys);
    opened.rotate();
    return opened;
  }

  /**
   * Makes and publishes the next key when it is due, and withdraws keys whose last token has
   * expired. Call it every few minutes.
   *
   * @throws IOException when a change cannot be stored; the keys stay as they were
   */
  public synchronized void rotate() throws IOException {
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    List<SigningKey> next = new ArrayList<>(keys);
    if (next.isEmpty()) {
      next.add(fresh(now));
    } else if (!now.isBefore(next.getLast().usedFrom.plus(PERIOD).minus(LEAD))) {
      next.add(fresh(now.plus(LEAD)));
    }
    while (next.size() > 1 && !now.isBefore(next.get(1).usedFrom.plus(RETENTION))) {
      next.removeFirst();
    }
    // Published before it is kept: a key that is kept has been published for as long as it says.
    List<JwtAuthority> authorities = next.stream().map(SigningKey::authority).toList();
    if (!publisher.published().equals(authorities)) {
      publisher.publish(authorities);
    }
    if (!next.equals(keys)) {
      write(file, next);
      keys = List.copyOf(next);
      log.info("JWT signing keys: {}", next);
    }
  }

  /** The key that signs now: the newest that everyone knows; empty when nobody knows one. */
  Optional<SigningKey> current() {
    Instant now = clock.instant();
    List<JwtAuthority> published = publisher.published();
    List<SigningKey> known =
        keys.stream().filter(key -> published.contains(key.authority)).toList();
    // A clock that was set back makes even the oldest key one of the future: it is published.
    return known.reversed().stream()
        .filter(key -> !key.usedFrom.isAfter(now))
        .findFirst()
        .or(() -> known.stream().findFirst());
  }

  private static SigningKey fresh(Instant usedFrom) {
    KeyPair pair = PrivateKeys.generate();
    try {
      return SigningKey.of(pair.getPrivate(), usedFrom);
    } catch (PkiException e) {
      throw new IllegalStateException("a fresh key is on P-256", e);
    }
  }

  private static List<SigningKey> read(Path file) throws IOException, PkiException {
    if (Files.size(file) > MAX_FILE) {
      throw new PkiException(file + " has more than " + MAX_FILE + " bytes");
    }
    List<SigningKey> keys = new ArrayList<>();
    try {
      JsonNode json = JSON.readTree(file.toFile());
      if (!json.isArray() || json.isEmpty()) {
        throw new PkiException(file + ": expected a list of JWT signing keys");
      }
      for (JsonNode key : json) {
        keys.add(
            SigningKey.of(
                PrivateKeys.parsePem(file.toString(), key.path("key").asText()),
                Instant.parse(key.path("usedFrom").asText())));
      }
    } catch (JacksonException | DateTimeException e) {
      // The cause may quote key bytes: left out.
      throw new PkiException(file + ": not a list of JWT signing keys in JSON");
    }
    return List.copyOf(keys);
  }

  private static void write(Path file, List<SigningKey> keys) throws IOException {
    ArrayNode json = JSON.createArrayNode();
    for (SigningKey key : keys) {
      json.addObject()
          .put("kid", key.authority.keyId())
          .put("usedFrom", key.usedFrom.toString())
          .put("key", PrivateKeys.toPem(key.privateKey));
    }
    StateFiles.writeSecret(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
  }
}
