package io.signetmesh.proxy.token;

import io.signetmesh.jwt.Binding;
import io.signetmesh.jwt.DpopProofs;
import io.signetmesh.jwt.HeadFields;
import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenFinder;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.worker.ClientTurn;
import io.signetmesh.proxy.worker.FairWorkers;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Answers what the tokens of requests prove, for one proxy. What came of a token is remembered by
 * the SHA-256 of the whole token and by the authentication with its keys, so it ends when either
 * changes. Times are looked at for each request anew. Safe for use by several threads.
 */
public final class TokenChecks implements AutoCloseable {
  /** Questions that may wait before those of dry runs are left out. */
  private static final int BUSY = 64;

  private final FairWorkers.Lane lane;

  /** For requests in flight, whose right may be gone. */
  private final FairWorkers.Lane again;

  private final InstantSource clock;
  private final BiConsumer<String, String> unknownKey;
  private final TokenMetrics metrics;
  private final Verifier verifier;
  private final DpopProofs proofs = new DpopProofs();
  private final UnknownKeys unknownKeys = new UnknownKeys();
  private final Holds holds = new Holds();
  private final TokenCache results = new TokenCache();

  /**
   * @param workers verify what is not known
   * @param unknownKey told the name of an authentication, and the id of a key that a token named
   *     and its key set does not have
   */
  public TokenChecks(
      FairWorkers workers,
      InstantSource clock,
      BiConsumer<String, String> unknownKey,
      TokenMetrics metrics) {
    this(workers, clock, unknownKey, metrics, TokenAuthentication::verify);
  }

  /**
   * As the other constructor, for tokens that somebody else verifies: what is asked about without
   * being sent has no signature.
   *
   * @param verifier verifies what is not remembered
   */
  public TokenChecks(
      FairWorkers workers,
      InstantSource clock,
      BiConsumer<String, String> unknownKey,
      TokenMetrics metrics,
      Verifier verifier) {
    this.lane = workers.lane();
    this.again = lane.urgent();
    this.clock = clock;
    this.unknownKey = unknownKey;
    this.metrics = metrics;
    this.verifier = verifier;
    metrics.waiting(() -> lane.waiting() + again.waiting());
  }

  /** Verifies tokens, as {@link TokenAuthentication#verify(byte[])} does. */
  @FunctionalInterface
  public interface Verifier {
    /** What comes of a token, but for times and what depends on the request. */
    TokenResult verify(TokenAuthentication authentication, byte[] token);
  }

  /**
   * Reads the tokens of a request.
   *
   * @param needed what the policy in force asks of them
   * @param trial what the dry run asks of them
   * @param head the head as the client sent it
   * @param authority authority of the request; empty when it has none
   * @param epochMillis time of the request, in milliseconds since the Unix epoch
   * @param before an earlier question of the same request; null: there was none
   */
  public TokenQuestion question(
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      HeadFields head,
      CharSequence authority,
      Client client,
      long epochMillis,
      @Nullable TokenQuestion before) {
    return TokenQuestion.of(needed, trial, head, authority, client, epochMillis, proofs, before);
  }

  /** The time now, in milliseconds since the Unix epoch. */
  public long now() {
    return clock.millis();
  }

  /**
   * The answer, if all tokens are remembered and none needs a proof of possession; else null. As
   * {@link #known} of a question, without making one.
   *
   * @param needed what the policy in force asks of the tokens
   * @param trial what the dry run asks of them
   * @param head the head as the client sent it
   * @param epochMillis time of the request, in milliseconds since the Unix epoch
   */
  public @Nullable TokenProofs remembered(
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      HeadFields head,
      Client client,
      long epochMillis) {
    if (!trial.isEmpty() && !needed.containsAll(trial)) {
      return null;
    }
    byte[] buffer = TokenQuestion.BUFFER.get();
    TokenProof[] answers = new TokenProof[needed.size()];
    for (int i = 0; i < answers.length; i++) {
      TokenAuthentication authentication = needed.get(i);
      int length = TokenFinder.find(authentication, head, buffer);
      if (length == TokenFinder.NONE) {
        answers[i] = TokenProof.MISSING;
        continue;
      }
      TokenResult result = length < 0 ? null : results.get(buffer, length, authentication);
      if (result == null || authentication.boundTo() == Binding.DPOP) {
        return null;
      }
      TokenFailure failure = result.failureAt(epochMillis);
      if (failure == null && authentication.boundTo() == Binding.CERTIFICATE) {
        failure = certificate(client, result);
      }
      answers[i] = new TokenProof(result, failure);
    }
    return TokenProofs.enforced(needed, answers, epochMillis);
  }

  /** The answer, if nothing has to be verified for it; else null. */
  public @Nullable TokenProofs known(TokenQuestion question) {
    return isKnown(question) ? answer(question, false) : null;
  }

  /** Whether nothing has to be verified to answer a question. */
  private boolean isKnown(TokenQuestion question) {
    List<TokenAuthentication> authentications = question.authentications();
    for (int i = 0; i < authentications.size(); i++) {
      byte[] token = question.token(i);
      if (token == null) {
        continue;
      }
      TokenAuthentication authentication = authentications.get(i);
      TokenResult result = results.get(token, token.length, authentication);
      if (result == null) {
        return false;
      }
      question.result(i, result);
      if (authentication.boundTo() == Binding.DPOP
          && result.failureAt(question.epochMillis()) == null) {
        return false;
      }
    }
    return true;
  }

  /** Answers a question on the calling thread, which must be no event loop. */
  public TokenProofs answer(TokenQuestion question) {
    TokenProofs known = known(question);
    if (known != null) {
      return known;
    }
    Answer answer = verified(question);
    answer.release();
    return Objects.requireNonNull(answer.proofs());
  }

  /**
   * Has a question answered by the workers.
   *
   * @param hasBegun whether the request is in flight, and is decided again: it comes first, and has
   *     room of its own
   * @param isOver whether nobody waits any more; called on any thread
   * @param answer given the answer, once. Called by a worker, or by whoever closes this
   * @return false when too much waits: nobody is told
   */
  public boolean verify(
      TokenQuestion question, boolean hasBegun, BooleanSupplier isOver, Consumer<Answer> answer) {
    boolean taken =
        (hasBegun ? again : lane)
            .submit(
                ClientTurn.of(question.client()),
                question.bytes(),
                new FairWorkers.Work() {
                  private boolean told;

                  @Override
                  public void run() {
                    Answer found = verified(question);
                    told = true;
                    answer.accept(found);
                  }

                  @Override
                  public boolean isOver() {
                    return isOver.getAsBoolean();
                  }

                  @Override
                  public void giveUp() {
                    if (!told) {
                      answer.accept(Answer.NONE);
                    }
                  }
                });
    if (!taken) {
      metrics.shed();
    }
    return taken;
  }

  /**
   * What came of a question.
   *
   * @param proofs the answer; null when there is none: the request must be refused
   * @param holdMillis how long the request may wait for the key of its issuer, 0 to {@link
   *     UnknownKeys#HOLD_MILLIS}
   * @param hold its place among those that wait; null when it may not
   */
  public record Answer(@Nullable TokenProofs proofs, long holdMillis, Holds.@Nullable Hold hold) {
    static final Answer NONE = new Answer(null, 0, null);

    /** The request waits no more. */
    public void release() {
      if (hold != null) {
        hold.close();
      }
    }
  }

  private Answer verified(TokenQuestion question) {
    List<TokenAuthentication> authentications = question.authentications();
    long now = clock.millis();
    long until = 0;
    boolean signed = false;
    for (int i = 0; i < authentications.size(); i++) {
      byte[] token = question.token(i);
      if (token == null) {
        continue;
      }
      TokenAuthentication authentication = authentications.get(i);
      TokenResult result = question.result(i);
      if (result == null) {
        result = verified(token, authentication);
        question.result(i, result);
      }
      signed |= result.principal() != null;
      String unknown = result.unknownKeyId();
      if (unknown != null) {
        Object client = ClientTurn.of(question.client());
        long held = unknownKeys.holdUntil(authentication.name(), unknown, client, now);
        if (held > 0) {
          // Only then: clients that make up keys would crowd out the reports of others.
          unknownKey.accept(authentication.name(), unknown);
        }
        // For a dry run nobody waits.
        until = i < question.enforced() ? Math.max(until, held) : until;
      }
    }
    if (signed) {
      remember(question);
    }
    TokenProofs answer = answer(question, true);
    Holds.Hold hold = until == 0 ? null : holds.take(ClientTurn.of(question.client()));
    return new Answer(answer, hold == null ? 0 : until - now, hold);
  }

  /**
   * Remembers what came of a request with a token that somebody has signed, also what its other
   * authentications said. What nobody signed is not remembered: whoever makes such tokens would
   * push out the others.
   */
  private void remember(TokenQuestion question) {
    for (int i = 0; i < question.authentications().size(); i++) {
      byte[] token = question.token(i);
      TokenResult result = question.result(i);
      if (token != null && result != null && result.isFinal()) {
        results.put(token, question.authentications().get(i), result);
      }
    }
  }

  private TokenResult verified(byte[] token, TokenAuthentication authentication) {
    // Another request may have brought the same token meanwhile.
    TokenResult known = results.get(token, token.length, authentication);
    if (known != null) {
      return known;
    }
    metrics.verified();
    return verifier.verify(authentication, token);
  }

  /**
   * @param withProofs whether proofs of possession are looked at; each may be looked at once
   */
  private TokenProofs answer(TokenQuestion question, boolean withProofs) {
    List<TokenAuthentication> authentications = question.authentications();
    DpopProofs.RequestProof possession = withProofs ? question.possession() : null;
    List<TokenProof> answers = new ArrayList<>(authentications.size());
    for (int i = 0; i < authentications.size(); i++) {
      answers.add(proof(question, i, possession));
    }
    return new TokenProofs(authentications, answers, question.enforced(), question.epochMillis());
  }

  private static TokenProof proof(
      TokenQuestion question, int index, DpopProofs.@Nullable RequestProof possession) {
    TokenFailure refused = question.refused(index);
    if (refused != null) {
      return TokenProof.refused(refused);
    }
    TokenResult result = question.result(index);
    byte[] token = question.token(index);
    if (result == null || token == null) {
      return TokenProof.MISSING;
    }
    List<TokenAuthentication> authentications = question.authentications();
    TokenFailure failure = result.failureAt(question.epochMillis());
    if (failure == null) {
      failure =
          switch (authentications.get(index).boundTo()) {
            case NONE -> null;
            case CERTIFICATE -> certificate(question.client(), result);
            case DPOP ->
                possession(
                    question, result, token, possession, authentications.get(index).clockSkew());
          };
    }
    return new TokenProof(result, failure);
  }

  private static @Nullable TokenFailure certificate(Client client, TokenResult result) {
    Thumbprint wanted = result.certificate();
    if (wanted == null) {
      return TokenFailure.BINDING_MISSING;
    }
    Thumbprint shown = client.certificate();
    return shown != null && wanted.equals(shown) ? null : TokenFailure.CERTIFICATE_MISMATCH;
  }

  private static @Nullable TokenFailure possession(
      TokenQuestion question,
      TokenResult result,
      byte[] token,
      DpopProofs.@Nullable RequestProof possession,
      Duration skew) {
    Thumbprint key = result.proofKey();
    if (key == null) {
      return TokenFailure.BINDING_MISSING;
    }
    return possession == null
        ? TokenFailure.PROOF_MISSING
        : possession.check(token, key, question.epochMillis(), skew);
  }

  /** Counts what came of the tokens of a request. Call it once for each decision. */
  public void count(TokenProofs decided) {
    for (int i = 0; i < decided.size(); i++) {
      metrics.checked(decided.authentication(i), decided.proof(i));
    }
  }

  /** Whether so much waits that what is optional should not. */
  public boolean isBusy() {
    return lane.waiting() > BUSY;
  }

  /** A nonce for the next proof of possession (RFC 9449 section 9). */
  public String proofNonce() {
    return proofs.nonce(clock.millis());
  }

  /** Gives up what waits. */
  @Override
  public void close() {
    lane.close();
    again.close();
  }
}
