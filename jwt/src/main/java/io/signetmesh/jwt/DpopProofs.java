package io.signetmesh.jwt;

import io.signetmesh.jwt.jose.CompactJws;
import io.signetmesh.jwt.jose.MalformedException;
import io.signetmesh.jwt.proof.ProofNonces;
import io.signetmesh.jwt.proof.ProofUri;
import io.signetmesh.jwt.proof.UsedProofs;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * Checks proofs of possession (RFC 9449): one for each workload, which remembers the proofs that
 * were used. Bounded: 16 MB at the very most, which some 1,000 proofs a second of one key, or 2,000
 * of many, fill. Thread-safe. Nothing here throws for any bytes.
 */
public final class DpopProofs {
  /** How old a proof may be, beside the tolerated difference of clocks. */
  public static final Duration MAX_AGE = Duration.ofSeconds(60);

  /** Longest proof, in characters. */
  public static final int MAX_PROOF = 8 * 1024;

  private static final int CAPACITY = 256 * 1024;
  private static final int SALT = 16;

  private final boolean nonceRequired;
  private final ProofNonces nonces = new ProofNonces();
  private final UsedProofs used;

  /** Keeps strangers from choosing where a proof is remembered. */
  private final byte[] salt = new byte[SALT];

  /** Each proof has to have a nonce of this process, so that none is made in advance. */
  public DpopProofs() {
    this(true, CAPACITY);
  }

  DpopProofs(boolean nonceRequired, int capacity) {
    this.nonceRequired = nonceRequired;
    this.used = new UsedProofs(capacity);
    new SecureRandom().nextBytes(salt);
  }

  /**
   * Proofs need no nonce, and one that is there is not looked at. So a client of many replicas does
   * not have to learn the nonce of each; a proof that somebody else gets hold of is good once at
   * each replica while it is young.
   */
  public static DpopProofs withoutNonces() {
    return new DpopProofs(false, CAPACITY);
  }

  /**
   * Checks the proof of a request. A proof is good once: call it once for a request, or use {@link
   * #of}. Takes 50 to 500 µs: not for event loops.
   *
   * @param scheme scheme of the request's URI, {@code http} or {@code https}
   * @param authority authority of the request's URI, as the client wrote it
   * @param token the access token
   * @param jkt {@link TokenResult#proofKey()} of the token
   * @param epochMillis now
   * @param skew tolerated difference of clocks
   * @return null when it proves possession; or PROOF_MISSING, PROOF_INVALID, PROOF_NONCE or
   *     PROOF_REPLAYED
   */
  public @Nullable TokenFailure check(
      HeadFields head,
      String scheme,
      String authority,
      byte[] token,
      Thumbprint jkt,
      long epochMillis,
      Duration skew) {
    return of(head, scheme, authority, "").check(token, jkt, epochMillis, skew);
  }

  /**
   * The proof of a request, to be kept with the request. Copies what it needs of the head.
   *
   * @param scheme scheme of the request's URI, {@code http} or {@code https}
   * @param authority authority of the request's URI, as the client wrote it
   * @param client who sent the request, such as an identity or an address: clients share the room
   *     for used proofs
   */
  public RequestProof of(HeadFields head, String scheme, String authority, String client) {
    Iterator<? extends CharSequence> fields = head.values("dpop").iterator();
    if (!fields.hasNext()) {
      return new RequestProof(null, "", scheme, authority, "", client);
    }
    CharSequence field = fields.next();
    // More than one is as good as one that is none.
    boolean readable = !fields.hasNext() && field.length() <= MAX_PROOF;
    return new RequestProof(
        readable ? field.toString() : "",
        head.method().toString(),
        scheme,
        authority,
        head.path().toString(),
        client);
  }

  /** Nonce for clients, in {@code DPoP-Nonce} (RFC 9449 section 8); good for 150 to 300 s. */
  public String nonce(long epochMillis) {
    return nonces.at(epochMillis);
  }

  /** Whether proofs have to have a nonce. */
  public boolean nonceRequired() {
    return nonceRequired;
  }

  /**
   * The proof of one request. It can be checked again: for another authentication, or because
   * policy changed. The request's own use of the proof is not a replay, and its time counts as of
   * the first check. Thread-safe.
   */
  public final class RequestProof {
    private final @Nullable String field;
    private final String method;
    private final String scheme;
    private final String authority;
    private final String target;
    private final String client;

    private long arrival = Long.MIN_VALUE;
    private @Nullable DpopProof proof;
    private @Nullable String uri;
    private @Nullable Boolean signed;
    private @Nullable TokenFailure use;
    private boolean isUsed;

    private RequestProof(
        @Nullable String field,
        String method,
        String scheme,
        String authority,
        String target,
        String client) {
      this.field = field;
      this.method = method;
      this.scheme = scheme;
      this.authority = authority;
      this.target = target;
      this.client = client;
    }

    /** As {@link DpopProofs#check}. */
    public synchronized @Nullable TokenFailure check(
        byte[] token, Thumbprint jkt, long epochMillis, Duration skew) {
      if (field == null) {
        return TokenFailure.PROOF_MISSING;
      }
      if (arrival == Long.MIN_VALUE) {
        arrival = epochMillis;
        read(field);
      }
      if (proof == null || uri == null) {
        return TokenFailure.PROOF_INVALID;
      }
      // The key first: the signature is checked with none that a stranger has chosen.
      if (!proof.key().equals(jkt) || !proof.isFor(method, uri, token)) {
        return TokenFailure.PROOF_INVALID;
      }
      if (signed == null) {
        signed = proof.isSigned();
      }
      if (!signed) {
        return TokenFailure.PROOF_INVALID;
      }
      if (nonceRequired && (proof.nonce() == null || !nonces.isGood(proof.nonce(), arrival))) {
        return TokenFailure.PROOF_NONCE;
      }
      long tolerated = skew.toMillis();
      long end = proof.issued() + MAX_AGE.toMillis() + tolerated;
      if (arrival >= end || arrival < proof.issued() - tolerated) {
        return TokenFailure.PROOF_INVALID;
      }
      if (!isUsed) {
        // Under another authentication it may be good for longer.
        use = use(proof, end) ? null : TokenFailure.PROOF_REPLAYED;
        isUsed = true;
      }
      return use;
    }

    private void read(String text) {
      try {
        // What is no ASCII becomes '?', which is no base64url.
        proof = DpopProof.of(CompactJws.parse(text.getBytes(StandardCharsets.US_ASCII)));
        uri = ProofUri.normal(scheme, authority, target);
      } catch (MalformedException e) {
        proof = null;
      }
    }

    private boolean use(DpopProof used, long end) {
      ByteBuffer digest = ByteBuffer.wrap(digest(used.key().bytes(), used.id()));
      ByteBuffer key = ByteBuffer.wrap(digest(used.key().bytes(), ""));
      ByteBuffer sender = ByteBuffer.wrap(digest(new byte[0], client));
      return DpopProofs.this.used.use(
          sender.getInt(), key.getInt(), digest.getLong(), digest.getLong(), end, arrival);
    }
  }

  private byte[] digest(byte[] key, String id) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(salt);
      sha256.update(key);
      return sha256.digest(id.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
