package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.audit.AuditedToken;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenQuestion;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the tokens of one request prove, as far as somebody asked. The request waits while workers
 * verify them, and for a moment when its issuer seems to have a new key. Confined to a loop.
 *
 * <p>The time of the request is the time of its first question. A request in flight is decided
 * again as of that time: a token that has ended since does not end it, a key that was withdrawn
 * does.
 *
 * <p>When workers have no room, a request that has not begun is decided as if nobody could tell
 * what its tokens prove. One that has begun goes on, and is looked at again a little later.
 */
final class ExchangeTokens {
  /** Questions that workers may be asked before the request begins. */
  private static final int MAX_QUESTIONS = 16;

  private static final long RETRY_MILLIS = 1_000;

  /** Looks at a request in flight that workers may have no room for, before it is cut. */
  private static final int MAX_RETRIES = 30;

  private final TokenChecks checks;
  private final EventExecutor loop;
  private TokenProofs proofs = TokenProofs.NONE;
  private @Nullable TokenQuestion last;
  private boolean waiting;
  private @Nullable Future<?> timer;
  private @Nullable Held held;
  private int asked;
  private int retries;
  private boolean shed;
  private boolean closed;

  /** Whether the dry run is left without its tokens, because there was no time for them. */
  private boolean trialGivenUp;

  /** Who asks. */
  interface Asker {
    /** The answer is there: ask again. */
    void answered();

    /** Whether the request has begun: it is not decided for the first time. */
    boolean hasBegun();

    /** A request that has begun has waited too long for an answer: it has to be cut. */
    void gaveUp();
  }

  /** A request that waits for a key of its issuer. */
  private record Held(TokenChecks.Answer answer, Asker asker) {}

  /**
   * @param loop runs what workers have to tell
   */
  ExchangeTokens(TokenChecks checks, EventExecutor loop) {
    this.checks = checks;
    this.loop = loop;
  }

  /** What is known of the tokens of a request; null: nobody has asked. */
  static TokenProofs proofs(@Nullable ExchangeTokens tokens) {
    return tokens == null ? TokenProofs.NONE : tokens.proofs;
  }

  /** Whether the request waits for an answer. */
  boolean isWaiting() {
    return waiting;
  }

  /**
   * Whether a request is refused only because there was no room to find out what its tokens prove.
   *
   * @param tokens of the request; null: nobody has asked
   */
  static boolean isShed(@Nullable ExchangeTokens tokens, Decision decision) {
    return tokens != null
        && tokens.shed
        && (decision.reason() == Reason.TOKEN_INVALID
            || decision.reason() == Reason.DENIED_BY_POLICY);
  }

  /** Whom the first token names whose signature was verified; null: nobody. */
  @Nullable AuditedToken audited() {
    for (int i = 0; i < proofs.size(); i++) {
      TokenPrincipal principal = proofs.proof(i).principal();
      if (principal != null) {
        return new AuditedToken(
            principal.issuer(), principal.subject(), principal.id(), principal.keyId());
      }
    }
    return null;
  }

  /**
   * The client with what its request proves.
   *
   * @param needed what the policy in force asks for
   * @param trial what the dry run asks for
   * @param head the head as the client sent it
   * @param path its path and query as the client sent them; null for none
   * @return null when the request has to wait: the asker is told later
   */
  @Nullable Client prove(
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      Http2Headers head,
      @Nullable CharSequence path,
      Asker asker) {
    if (proofs.cover(needed) && (trialGivenUp || proofs.cover(trial))) {
      proofs = proofs.of(needed, trial);
      return client.with(proofs);
    }
    List<TokenAuthentication> tried = trialGivenUp ? List.of() : trial;
    TokenQuestion question = question(client, needed, tried, head, path);
    last = question;
    TokenProofs known = checks.known(question);
    if (known != null) {
      take(known);
      return client.with(known);
    }
    TokenProofs enough = enough(question, client, needed, tried, head, path);
    boolean ask =
        (++asked <= MAX_QUESTIONS || asker.hasBegun()) && !(enough != null && checks.isBusy());
    if (ask && checks.verify(question, answer -> tell(answer, asker, needed, enough))) {
      waiting = true;
      return null;
    }
    return unanswered(asker, needed, enough) ? client.with(proofs) : null;
  }

  private void take(TokenProofs found) {
    proofs = found;
    checks.count(found);
  }

  private TokenQuestion question(
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      Http2Headers head,
      @Nullable CharSequence path) {
    CharSequence authority = head.authority();
    return checks.question(
        needed,
        trial,
        new TokenFields.View(head, path == null ? "" : path),
        authority == null ? "" : authority,
        client,
        last);
  }

  /** The answer for the policy in force, if only the dry run needs workers; else null. */
  private @Nullable TokenProofs enough(
      TokenQuestion whole,
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      Http2Headers head,
      @Nullable CharSequence path) {
    if (needed.isEmpty()) {
      return TokenProofs.none(whole.epochMillis());
    }
    return trial.isEmpty() ? null : checks.known(question(client, needed, List.of(), head, path));
  }

  /** Goes on without an answer; false: not now. */
  private boolean unanswered(
      Asker asker, List<TokenAuthentication> needed, @Nullable TokenProofs enough) {
    if (enough != null) {
      trialGivenUp = true;
      take(enough);
      return true;
    }
    if (asker.hasBegun()) {
      retryLater(asker);
      return false;
    }
    shed = true;
    trialGivenUp = true;
    take(
        new TokenProofs(
            needed,
            Collections.nCopies(needed.size(), TokenProof.refused(TokenFailure.KEYS_UNAVAILABLE)),
            needed.size(),
            last == null ? 0 : last.epochMillis()));
    return true;
  }

  private void retryLater(Asker asker) {
    if (++retries > MAX_RETRIES) {
      asker.gaveUp();
      return;
    }
    waiting = true;
    timer =
        loop.schedule(
            () -> {
              timer = null;
              waiting = false;
              asker.answered();
            },
            RETRY_MILLIS,
            TimeUnit.MILLISECONDS);
  }

  /** By a worker. */
  private void tell(
      TokenChecks.Answer answer,
      Asker asker,
      List<TokenAuthentication> needed,
      @Nullable TokenProofs enough) {
    try {
      loop.execute(() -> take(answer, asker, needed, enough));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and the request with it.
      answer.release();
    }
  }

  private void take(
      TokenChecks.Answer answer,
      Asker asker,
      List<TokenAuthentication> needed,
      @Nullable TokenProofs enough) {
    if (closed) {
      answer.release();
      return;
    }
    TokenProofs found = answer.proofs();
    if (found != null && answer.holdMillis() > 0 && !asker.hasBegun()) {
      held = new Held(answer, asker);
      timer =
          loop.schedule(
              () -> {
                release();
                take(found);
                asker.answered();
              },
              answer.holdMillis(),
              TimeUnit.MILLISECONDS);
      return;
    }
    answer.release();
    waiting = false;
    if (found != null) {
      take(found);
      if (asker.hasBegun()) {
        asked = 0;
        retries = 0;
      }
      asker.answered();
    } else if (unanswered(asker, needed, enough)) {
      asker.answered();
    }
  }

  /** The policy has changed: a request that waits for a key may go on with the keys that came. */
  void policyChanged() {
    Held waits = held;
    if (waits != null) {
      release();
      waits.asker().answered();
    }
  }

  /** The request is over. */
  void close() {
    closed = true;
    release();
  }

  /** Ends all waiting. */
  private void release() {
    if (timer != null) {
      timer.cancel(false);
      timer = null;
    }
    Held waits = held;
    if (waits != null) {
      held = null;
      waits.answer().release();
    }
    waiting = false;
  }
}
