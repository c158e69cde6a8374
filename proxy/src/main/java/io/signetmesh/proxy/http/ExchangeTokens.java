package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.audit.AuditedToken;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenQuestion;
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
 */
final class ExchangeTokens {
  /** Questions of one request that workers may be asked; each change of policy may ask another. */
  private static final int MAX_QUESTIONS = 16;

  private final TokenChecks checks;
  private final EventExecutor loop;
  private TokenProofs proofs = TokenProofs.NONE;
  private boolean waiting;
  private @Nullable Future<?> holding;
  private TokenChecks.@Nullable Answer held;
  private @Nullable Asker waitingAsker;
  private long since;
  private int asked;

  /** Whether the dry run is left without its tokens, because there was no time for them. */
  private boolean trialGivenUp;

  /** Who asks. */
  interface Asker {
    /** The answer is there: ask again. */
    void answered();

    /** There is no answer, and there will be none: the request has to be refused. */
    void unanswered();

    /** Whether the request may wait for a key of its issuer: it has not begun yet. */
    boolean mayWait();
  }

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

  /** Whether the request waits for workers. */
  boolean isWaiting() {
    return waiting;
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
   * @return null when workers have to be asked: the asker is told later, or has been told that
   *     there is no room
   */
  @Nullable Client prove(
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      Http2Headers head,
      @Nullable CharSequence path,
      Asker asker) {
    if (proofs.cover(needed) && (trialGivenUp || proofs.cover(trial))) {
      return client.with(proofs);
    }
    CharSequence authority = head.authority();
    TokenQuestion question =
        checks.question(
            needed,
            trialGivenUp ? List.of() : trial,
            new TokenFields.View(head, path == null ? "" : path),
            authority == null ? "" : authority,
            client,
            since);
    since = question.epochMillis();
    TokenProofs known = checks.known(question);
    if (known != null) {
      proofs = known;
      return client.with(known);
    }
    waiting = true;
    boolean optional = needed.isEmpty();
    if (++asked <= MAX_QUESTIONS
        && !(optional && checks.isBusy())
        && checks.verify(question, answer -> tell(answer, asker, optional))) {
      return null;
    }
    waiting = false;
    if (optional) {
      trialGivenUp = true;
      return client.with(proofs);
    }
    asker.unanswered();
    return null;
  }

  /** By a worker. */
  private void tell(TokenChecks.Answer answer, Asker asker, boolean optional) {
    try {
      loop.execute(() -> take(answer, asker, optional));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and the request with it.
      answer.release();
    }
  }

  private void take(TokenChecks.Answer answer, Asker asker, boolean optional) {
    TokenProofs found = answer.proofs();
    if (found != null && answer.holdMillis() > 0 && asker.mayWait()) {
      held = answer;
      waitingAsker = asker;
      holding =
          loop.schedule(
              () -> {
                release();
                end(found, asker);
              },
              answer.holdMillis(),
              TimeUnit.MILLISECONDS);
      return;
    }
    answer.release();
    if (found == null && optional) {
      trialGivenUp = true;
      end(proofs, asker);
    } else {
      end(found, asker);
    }
  }

  private void end(@Nullable TokenProofs found, Asker asker) {
    waiting = false;
    if (found == null) {
      asker.unanswered();
    } else {
      proofs = found;
      asker.answered();
    }
  }

  /** The policy has changed: a request that waits for a key may go on with the keys that came. */
  void policyChanged() {
    Asker asker = waitingAsker;
    if (release() && asker != null) {
      waiting = false;
      asker.answered();
    }
  }

  /** The request is over. */
  void close() {
    release();
  }

  /** Ends the wait for a key; false: there is none. */
  private boolean release() {
    Future<?> timer = holding;
    TokenChecks.Answer answer = held;
    holding = null;
    held = null;
    waitingAsker = null;
    if (timer == null || answer == null) {
      return false;
    }
    timer.cancel(false);
    answer.release();
    return true;
  }
}
