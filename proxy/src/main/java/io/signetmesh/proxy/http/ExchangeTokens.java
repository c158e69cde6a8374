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
  private @Nullable Asker held;
  private long since;
  private int asked;

  /** Who asks. */
  interface Asker {
    /** The answer is there: ask again. */
    void answered();

    /** There is no answer, and there will be none: the request has to be refused. */
    void unanswered();
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
   * @param needed what is asked
   * @param head the head as the client sent it
   * @param path its path and query as the client sent them; null for none
   * @return null when workers have to be asked: the asker is told later, or has been told that
   *     there is no room
   */
  @Nullable Client prove(
      Client client,
      List<TokenAuthentication> needed,
      Http2Headers head,
      @Nullable CharSequence path,
      Asker asker) {
    if (proofs.cover(needed)) {
      return client.with(proofs);
    }
    CharSequence authority = head.authority();
    TokenQuestion question =
        checks.question(
            needed,
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
    if (++asked > MAX_QUESTIONS || !checks.verify(question, answer -> tell(answer, asker))) {
      waiting = false;
      asker.unanswered();
    }
    return null;
  }

  /** By a worker. */
  private void tell(TokenChecks.Answer answer, Asker asker) {
    try {
      loop.execute(() -> take(answer, asker));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and the request with it.
    }
  }

  private void take(TokenChecks.Answer answer, Asker asker) {
    TokenProofs found = answer.proofs();
    if (found != null && answer.holdMillis() > 0) {
      held = asker;
      holding =
          loop.schedule(
              () -> {
                holding = null;
                end(found, asker);
              },
              answer.holdMillis(),
              TimeUnit.MILLISECONDS);
      return;
    }
    end(found, asker);
  }

  private void end(@Nullable TokenProofs found, Asker asker) {
    waiting = false;
    held = null;
    if (found == null) {
      asker.unanswered();
    } else {
      proofs = found;
      asker.answered();
    }
  }

  /** The policy has changed: a request that waits for a key may go on with the keys that came. */
  void policyChanged() {
    Future<?> timer = holding;
    Asker asker = held;
    if (timer != null && asker != null) {
      timer.cancel(false);
      holding = null;
      held = null;
      waiting = false;
      asker.answered();
    }
  }

  /** The request is over. */
  void close() {
    Future<?> timer = holding;
    if (timer != null) {
      timer.cancel(false);
      holding = null;
      held = null;
    }
  }
}
