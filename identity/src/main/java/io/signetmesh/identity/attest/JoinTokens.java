package io.signetmesh.identity.attest;

import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.state.RecordFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Join tokens. Each is valid for one certificate of one identity, until it expires. They are for
 * workloads that have no other evidence at first, such as those on VMs; later these renew with
 * their certificate.
 *
 * <p>A token is {@code signet-join-<id>-<secret>}: an id of 16 hexadecimal digits, which appears in
 * audit records, and 256 random bits. The state directory keeps only the SHA-256 of the secret, in
 * {@code join-tokens.log}, mode 0600.
 *
 * <p>A token is marked as used on the disk before the certificate is handed out. When the response
 * is lost, the workload needs another token. Tokens stay known for a week after their end, so that
 * a replay can be distinguished from a guess. Thread-safe.
 */
public final class JoinTokens implements Attestor, AutoCloseable {
  /** Longest validity of a token. */
  public static final Duration MAX_LIFETIME = Duration.ofDays(7);

  /** Most tokens that may be known at the same time. */
  public static final int MAX_TOKENS = 10_000;

  /** Most tokens that one call creates. */
  public static final int MAX_COUNT = 1_000;

  private static final Logger log = LoggerFactory.getLogger(JoinTokens.class);
  private static final String PREFIX = "signet-join-";

  /** Kind of the evidence, in the record of issued leaves. */
  public static final String KIND = "join-token";

  private static final int ID_DIGITS = 16;
  private static final int SECRET_BYTES = 32;
  private static final int MAX_TEXT = 128;
  private static final Duration REMEMBERED = Duration.ofDays(7);
  private static final int MIN_COMPACTION = 100;

  private final String controlPlaneNamespace;
  private final String trustDomain;
  private final InstantSource clock;
  private final AttemptLimit attempts;
  private final SecureRandom random = new SecureRandom();
  private final Object lock = new Object();

  // Guarded by lock.
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final RecordFile file;

  /** State of a token. */
  public enum State {
    UNUSED,
    USED,
    REVOKED,
    EXPIRED
  }

  /**
   * A token without its secret.
   *
   * @param id 16 hexadecimal digits
   * @param identity DNS name of the workload that it is for
   * @param endedAt when it was used or revoked; null when it was neither
   */
  public record Token(
      String id,
      String identity,
      Instant createdAt,
      Instant expiresAt,
      State state,
      @Nullable Instant endedAt) {}

  /**
   * A token that was created.
   *
   * @param secret the complete token that the workload sends; it is not available again
   */
  public record Created(Token token, String secret) {
    @Override
    public String toString() {
      return "Created[" + token + "]";
    }
  }

  private static final class Entry {
    private final String id;
    private final byte[] digest;
    private final String identity;
    private final Instant createdAt;
    private final Instant expiresAt;
    private State state = State.UNUSED;
    private @Nullable Instant endedAt;

    Entry(String id, byte[] digest, String identity, Instant createdAt, Instant expiresAt) {
      this.id = id;
      this.digest = digest;
      this.identity = identity;
      this.createdAt = createdAt;
      this.expiresAt = expiresAt;
    }

    State state(Instant now) {
      return state == State.UNUSED && !now.isBefore(expiresAt) ? State.EXPIRED : state;
    }

    Token token(Instant now) {
      return new Token(id, identity, createdAt, expiresAt, state(now), endedAt);
    }

    String line() {
      return "new "
          + id
          + ' '
          + HexFormat.of().formatHex(digest)
          + ' '
          + identity
          + ' '
          + createdAt.getEpochSecond()
          + ' '
          + expiresAt.getEpochSecond();
    }

    List<String> lines() {
      return endedAt == null ? List.of(line()) : List.of(line(), end(state, id, endedAt));
    }

    static String end(State state, String id, Instant at) {
      return (state == State.USED ? "used " : "revoked ") + id + ' ' + at.getEpochSecond();
    }
  }

  private JoinTokens(
      Path path, String controlPlaneNamespace, String trustDomain, InstantSource clock)
      throws IOException, PkiException {
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
    this.clock = clock;
    this.attempts = new AttemptLimit(clock);
    this.file =
        RecordFile.open(
            path, this::read, "join tokens that were made before cannot be used any more");
    forget();
  }

  /**
   * Reads the tokens of a state directory.
   *
   * @param controlPlaneNamespace control-plane namespace of the identities that tokens may be for
   * @param trustDomain trust domain of the identities that tokens may be for
   * @throws PkiException when the file is readable by others or damaged
   */
  public static JoinTokens open(
      Path stateDirectory, String controlPlaneNamespace, String trustDomain, InstantSource clock)
      throws IOException, PkiException {
    StateFiles.createDirectory(stateDirectory);
    return new JoinTokens(
        stateDirectory.resolve("join-tokens.log"), controlPlaneNamespace, trustDomain, clock);
  }

  /** Whether bytes have the form of a join token. */
  static boolean isOne(byte[] token) {
    return new String(token, StandardCharsets.ISO_8859_1).strip().startsWith(PREFIX);
  }

  /**
   * Creates tokens. They are on the disk when this returns.
   *
   * @param identity DNS name of a workload of this mesh
   * @param lifetime more than zero, at most {@link #MAX_LIFETIME}
   * @param count 1 to {@link #MAX_COUNT}
   * @throws IllegalArgumentException when a value is out of range
   * @throws IOException when the tokens cannot be stored, or more than {@link #MAX_TOKENS} would be
   *     known
   */
  public List<Created> create(String identity, Duration lifetime, int count) throws IOException {
    WorkloadIdentity workload = WorkloadIdentity.parseDnsName(identity);
    if (!workload.controlPlaneNamespace().equals(controlPlaneNamespace)
        || !workload.trustDomain().equals(trustDomain)) {
      throw new IllegalArgumentException(
          "identity "
              + identity
              + ": expected one of this mesh, which ends with .serviceaccount.identity."
              + controlPlaneNamespace
              + "."
              + trustDomain);
    }
    if (!lifetime.isPositive() || lifetime.compareTo(MAX_LIFETIME) > 0) {
      throw new IllegalArgumentException(
          "lifetime of a join token " + lifetime + ": expected more than 0, at most 7 days");
    }
    if (count < 1 || count > MAX_COUNT) {
      throw new IllegalArgumentException(
          count + " join tokens at once: expected 1 to " + MAX_COUNT);
    }
    Instant now = Instant.ofEpochSecond(clock.instant().getEpochSecond());
    Instant end = now.plus(lifetime).plusNanos(999_999_999);
    List<Created> created = new ArrayList<>();
    synchronized (lock) {
      forget();
      if (entries.size() + count > MAX_TOKENS) {
        throw new IOException(
            entries.size()
                + " join tokens are known, "
                + count
                + " more are too many: expected at most "
                + MAX_TOKENS
                + "; they are forgotten a week after their end");
      }
      for (int i = 0; i < count; i++) {
        String id = HexFormat.of().formatHex(bytes(ID_DIGITS / 2));
        String secret =
            PREFIX
                + id
                + "-"
                + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes(SECRET_BYTES));
        Entry entry =
            new Entry(
                id,
                SignedToken.sha256(secret.getBytes(StandardCharsets.US_ASCII)),
                workload.dnsName(),
                now,
                Instant.ofEpochSecond(end.getEpochSecond()));
        file.append(entry.line());
        entries.put(id, entry);
        created.add(new Created(entry.token(now), secret));
      }
      file.sync();
    }
    return created;
  }

  /** The known tokens, in order of creation. */
  public List<Token> list() {
    Instant now = clock.instant();
    synchronized (lock) {
      return entries.values().stream().map(entry -> entry.token(now)).toList();
    }
  }

  /**
   * Revokes unused tokens.
   *
   * @param which selects the tokens
   * @return the tokens that this call revoked
   * @throws IOException when a revocation cannot be stored; tokens before it are revoked, the
   *     others are not
   */
  public List<Token> revoke(Predicate<Token> which) throws IOException {
    Instant now = clock.instant();
    List<Token> revoked = new ArrayList<>();
    synchronized (lock) {
      for (Entry entry : entries.values()) {
        if (entry.state(now) == State.UNUSED && which.test(entry.token(now))) {
          file.append(Entry.end(State.REVOKED, entry.id, now));
          entry.state = State.REVOKED;
          entry.endedAt = now;
          revoked.add(entry.token(now));
        }
      }
      file.sync();
    }
    return revoked;
  }

  /** Returns the workload of a join token. {@link Attested.Use#commit} marks the token as used. */
  @Override
  public Attested attest(Evidence evidence) throws AttestationException {
    Instant now = clock.instant();
    try {
      Entry entry = find(evidence.token());
      synchronized (lock) {
        requireUnused(entry, now);
      }
      return new Attested(
          WorkloadIdentity.parseDnsName(entry.identity), KIND, KIND, now, () -> use(entry));
    } catch (AttestationException e) {
      // Only now: a neighbour at the same address does not keep a good token from its use.
      if (!attempts.mayTry(evidence.address())) {
        throw new AttestationException(
            Reason.ATTEMPTS, "too many join tokens of this address were refused: try again later");
      }
      attempts.failed(evidence.address());
      throw e;
    }
  }

  @Override
  public void close() {
    file.close();
  }

  private Entry find(byte[] token) throws AttestationException {
    String text = new String(token, StandardCharsets.ISO_8859_1).strip();
    int dash = PREFIX.length() + ID_DIGITS;
    if (text.length() > MAX_TEXT || text.length() <= dash || text.charAt(dash) != '-') {
      throw new AttestationException(
          Reason.MALFORMED, "join token: expected " + PREFIX + "<id>-<secret>");
    }
    Entry entry;
    synchronized (lock) {
      entry = entries.get(text.substring(PREFIX.length(), dash));
    }
    byte[] digest = SignedToken.sha256(text.getBytes(StandardCharsets.ISO_8859_1));
    // An id that is unknown takes as long as a secret that is wrong.
    if (!MessageDigest.isEqual(entry == null ? new byte[SECRET_BYTES] : entry.digest, digest)
        || entry == null) {
      throw new AttestationException(
          Reason.JOIN_UNKNOWN,
          "the join token is not one of this control plane, or is forgotten by now");
    }
    return entry;
  }

  private void use(Entry entry) throws AttestationException {
    synchronized (lock) {
      Instant now = clock.instant();
      requireUnused(entry, now);
      try {
        file.append(Entry.end(State.USED, entry.id, now));
        entry.state = State.USED;
        entry.endedAt = now;
        file.sync();
      } catch (IOException e) {
        throw new AttestationException(
            Reason.UNAVAILABLE, "join token " + entry.id + " cannot be used up: " + e.getMessage());
      }
    }
  }

  private static void requireUnused(Entry entry, Instant now) throws AttestationException {
    String name = "join token " + entry.id;
    switch (entry.state(now)) {
      case UNUSED -> {}
      case USED ->
          throw new AttestationException(
              Reason.JOIN_USED,
              name
                  + " was used at "
                  + entry.endedAt
                  + ": a token is good for one certificate; when the answer was lost, make a new"
                  + " token, else somebody else has it");
      case REVOKED ->
          throw new AttestationException(
              Reason.JOIN_REVOKED, name + " was revoked at " + entry.endedAt);
      case EXPIRED ->
          throw new AttestationException(
              Reason.EXPIRED, name + " expired at " + entry.expiresAt + ", it is " + now + " here");
    }
  }

  /**
   * Drops tokens whose end is long ago. When the file cannot be written anew, it has them still:
   * the next start drops them again.
   */
  private void forget() {
    Instant before = clock.instant().minus(REMEMBERED);
    entries
        .values()
        .removeIf(
            entry -> (entry.endedAt == null ? entry.expiresAt : entry.endedAt).isBefore(before));
    if (file.lines() > MIN_COMPACTION && file.lines() > 3 * entries.size()) {
      try {
        file.rewrite(entries.values().stream().flatMap(entry -> entry.lines().stream()).toList());
      } catch (IOException e) {
        log.warn("{}; it goes on growing", e.getMessage());
      }
    }
  }

  private boolean read(String line) {
    String[] fields = line.split(" ", -1);
    try {
      if (fields.length == 6 && fields[0].equals("new")) {
        entries.put(
            fields[1],
            new Entry(
                fields[1],
                HexFormat.of().parseHex(fields[2]),
                fields[3],
                Instant.ofEpochSecond(Long.parseLong(fields[4])),
                Instant.ofEpochSecond(Long.parseLong(fields[5]))));
        return true;
      }
      Entry entry = fields.length == 3 ? entries.get(fields[1]) : null;
      if (entry == null || !(fields[0].equals("used") || fields[0].equals("revoked"))) {
        return false;
      }
      entry.state = fields[0].equals("used") ? State.USED : State.REVOKED;
      entry.endedAt = Instant.ofEpochSecond(Long.parseLong(fields[2]));
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  private byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }
}
