package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.authorize.TrialRequest;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoRequest;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenQuestion;
import io.signetmesh.proxy.worker.ClientTurn;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What one request proves, as far as somebody asked: first by its tokens, then to policy bundles,
 * which get to know the claims of tokens that pass. The request waits while workers find out, and
 * for a moment when its issuer seems to have a new key. Confined to a loop.
 *
 * <p>The time of the request is the time of its first question. A request in flight is decided
 * again as of that time: a token that has ended since does not end it, a key that was withdrawn
 * does. What is known of the request is asked again only when the question changes.
 *
 * <p>When workers have no room, a request that has not begun is decided as if nobody could tell
 * what it proves. One that has begun takes its turn among those of its client ({@link ProofTurns}),
 * goes on meanwhile, and is cut when nobody can tell in time.
 *
 * <p>Longer than 500 lines: questions about tokens and to bundles share what a request waits for.
 */
final class ExchangeProofs {
  /** Questions that workers may be asked before the request begins. */
  private static final int MAX_QUESTIONS = 16;

  /** Least time until a request in flight asks again; at most twice that, by chance. */
  private static final long RETRY_MILLIS = 200;

  private final TokenChecks checks;
  private final RegoChecks rego;
  private final ProofTurns turns;
  private final EventExecutor loop;
  private final InboundConnection inbound;
  private final Asker asker;
  private final long epochMillis;
  private RequestProofs proofs = RequestProofs.NONE;
  private @Nullable TokenQuestion last;
  private boolean waiting;
  private @Nullable Future<?> timer;
  private TokenChecks.@Nullable Answer held;
  private int asked;
  private ProofTurns.@Nullable Turn doubt;
  private int ticket;
  private boolean shed;
  private volatile boolean closed;

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

  /**
   * @param state whose loop runs what workers have to tell
   */
  ExchangeProofs(InboundLoop state, InboundConnection inbound, Asker asker) {
    this.checks = state.tokens;
    this.rego = state.rego;
    this.turns = state.proofTurns;
    this.loop = state.loop.eventLoop();
    this.inbound = inbound;
    this.asker = asker;
    this.epochMillis = checks.now();
  }

  /** What is known of a request; null: nobody has asked. */
  static RequestProofs known(@Nullable ExchangeProofs proofs) {
    return proofs == null ? RequestProofs.NONE : proofs.proofs;
  }

  /** Whether a decision on requests that take a route needs any proof. */
  static boolean areNeeded(ServerPolicy by, List<TokenAuthentication> needed) {
    return !needed.isEmpty() || !by.trialTokens().isEmpty() || by.asksRego();
  }

  /** Whether the request waits for an answer. */
  boolean isWaiting() {
    return waiting;
  }

  /**
   * Whether a request is refused only because there was no room to find out what it proves.
   *
   * @param proofs of the request; null: nobody has asked
   */
  static boolean isShed(@Nullable ExchangeProofs proofs, Decision decision) {
    return proofs != null
        && proofs.shed
        && switch (decision.reason()) {
          case TOKEN_INVALID, TOKEN_REQUIRED, CLAIM_MISMATCH -> true;
          case REGO_FAILED, REGO_DENIED, DENIED_BY_POLICY -> true;
          default -> false;
        };
  }

  /**
   * The client with what its request proves to a policy.
   *
   * @param head the head as the client sent it
   * @param path its path and query as the client sent them; null for none
   * @return null when the request has to wait: the asker is told later
   */
  @Nullable Client prove(
      ServerPolicy by,
      Client client,
      Route route,
      List<TokenAuthentication> needed,
      Http2Headers head,
      @Nullable CharSequence path) {
    // What a request in flight waits for may be what a changed policy asks for, too.
    Client proven = waiting ? null : known(by, client, route, needed, head, path);
    if (proven != null) {
      endDoubt(true);
    } else if (asker.hasBegun()) {
      turn(client);
    }
    return proven;
  }

  private ProofTurns.Turn turn(Client client) {
    ProofTurns.Turn now = doubt;
    if (now == null) {
      now = turns.begin(ClientTurn.of(client), this::haveTurn, asker::gaveUp);
      doubt = now;
    }
    return now;
  }

  /** Whether workers may be asked now; else the request waits for its turn. */
  private boolean mayAsk(Client client) {
    waiting = asker.hasBegun() && !turn(client).take();
    return !waiting;
  }

  private void haveTurn() {
    waiting = false;
    asker.answered();
  }

  private @Nullable Client known(
      ServerPolicy by,
      Client client,
      Route route,
      List<TokenAuthentication> needed,
      Http2Headers head,
      @Nullable CharSequence path) {
    if (!byTokens(client, needed, by.trialTokens(), head, path)) {
      return null;
    }
    if (!by.asksRego()) {
      if (!proofs.rego().isEmpty()) {
        proofs = new RequestProofs(proofs.tokens(), List.of());
      }
      return client.with(proofs);
    }
    return byRego(by, client, route, head, path) ? client.with(proofs) : null;
  }

  // ---- tokens

  /** Finds out what the tokens prove; false: the request has to wait. */
  private boolean byTokens(
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      Http2Headers head,
      @Nullable CharSequence path) {
    TokenProofs tokens = proofs.tokens();
    if (tokens.cover(needed) && (trialGivenUp || tokens.cover(trial))) {
      proofs = proofs.with(tokens.of(needed, trial));
      return true;
    }
    List<TokenAuthentication> tried = trialGivenUp ? List.of() : trial;
    TokenProofs remembered =
        checks.remembered(needed, tried, view(head, path), client, epochMillis);
    if (remembered != null) {
      take(remembered);
      return true;
    }
    TokenQuestion question = question(client, needed, tried, head, path);
    last = question;
    TokenProofs known = checks.known(question);
    if (known != null) {
      take(known);
      return true;
    }
    TokenProofs enough = enough(client, needed, tried, head, path);
    if (enough == null && !mayAsk(client)) {
      return false;
    }
    int number = ++ticket;
    boolean ask =
        (++asked <= MAX_QUESTIONS || asker.hasBegun()) && !(enough != null && checks.isBusy());
    if (ask
        && checks.verify(
            question,
            asker.hasBegun(),
            () -> closed,
            answer -> tell(number, answer, needed, enough))) {
      waiting = true;
      return false;
    }
    return unanswered(needed, enough);
  }

  private void take(TokenProofs found) {
    proofs = proofs.with(found);
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
        view(head, path),
        authority == null ? "" : authority,
        client,
        epochMillis,
        last);
  }

  private static TokenFields.View view(Http2Headers head, @Nullable CharSequence path) {
    return new TokenFields.View(head, path == null ? "" : path);
  }

  /** The answer for the policy in force, if only the dry run needs workers; else null. */
  private @Nullable TokenProofs enough(
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      Http2Headers head,
      @Nullable CharSequence path) {
    if (needed.isEmpty()) {
      return TokenProofs.none(epochMillis);
    }
    return trial.isEmpty() ? null : checks.known(question(client, needed, List.of(), head, path));
  }

  /** Goes on without an answer; false: not now. */
  private boolean unanswered(List<TokenAuthentication> needed, @Nullable TokenProofs enough) {
    if (enough != null) {
      trialGivenUp = true;
      take(enough);
      return true;
    }
    if (asker.hasBegun()) {
      retryLater();
      return false;
    }
    shed = true;
    trialGivenUp = true;
    take(
        new TokenProofs(
            needed,
            Collections.nCopies(needed.size(), TokenProof.refused(TokenFailure.KEYS_UNAVAILABLE)),
            needed.size(),
            epochMillis));
    return true;
  }

  /** By a worker. */
  private void tell(
      int number,
      TokenChecks.Answer answer,
      List<TokenAuthentication> needed,
      @Nullable TokenProofs enough) {
    try {
      loop.execute(() -> take(number, answer, needed, enough));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and the request with it.
      answer.release();
    }
  }

  private void take(
      int number,
      TokenChecks.Answer answer,
      List<TokenAuthentication> needed,
      @Nullable TokenProofs enough) {
    if (closed || number != ticket) {
      answer.release();
      return;
    }
    TokenProofs found = answer.proofs();
    if (found != null && answer.holdMillis() > 0 && !asker.hasBegun()) {
      held = answer;
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
      goOn();
    } else if (unanswered(needed, enough)) {
      asker.answered();
    }
  }

  // ---- policy bundles

  /** Finds out what policy bundles say; false: the request has to wait. */
  private boolean byRego(
      ServerPolicy by, Client client, Route route, Http2Headers head, @Nullable CharSequence path) {
    RequestProofs known = new RequestProofs(proofs.tokens(), List.of());
    RegoQuestion next = by.nextRego(client.with(known), route);
    while (next != null) {
      RegoProof answer = proofs.rego(next);
      if (answer == null) {
        break;
      }
      known = known.with(answer);
      next = by.nextRego(client.with(known), route);
    }
    // What no rule asks any more is forgotten.
    proofs = known;
    if (next == null || (shed && !asker.hasBegun())) {
      return true;
    }
    if (!mayAsk(client)) {
      return false;
    }
    int number = ++ticket;
    if ((++asked <= MAX_QUESTIONS || asker.hasBegun())
        && rego.ask(
            request(by, client, head, path),
            client.with(known),
            new RegoChecks.Waiter(asker.hasBegun(), () -> closed),
            one -> by.nextRego(one, route),
            answer -> tell(() -> take(number, answer)))) {
      waiting = true;
      return false;
    }
    return unanswered();
  }

  private RegoRequest request(
      ServerPolicy by, Client client, Http2Headers head, @Nullable CharSequence path) {
    List<TokenAuthentication> verified = proofs.tokens().authentications();
    if (verified.isEmpty()) {
      return RegoHead.of(inbound, by, head, path, RegoRequest.Claims.NONE, epochMillis, 0);
    }
    TokenQuestion tokens = question(client, verified, List.of(), head, path);
    return RegoHead.of(inbound, by, head, path, tokens::claims, epochMillis, tokens.bytes());
  }

  private void take(int number, @Nullable RequestProofs answer) {
    if (closed || number != ticket) {
      return;
    }
    waiting = false;
    if (answer != null) {
      proofs = answer;
      goOn();
    } else if (unanswered()) {
      asker.answered();
    }
  }

  /** Goes on without an answer; false: not now. */
  private boolean unanswered() {
    if (asker.hasBegun()) {
      retryLater();
      return false;
    }
    shed = true;
    return true;
  }

  /** By a worker. */
  private void tell(Runnable what) {
    try {
      loop.execute(what);
    } catch (RejectedExecutionException e) {
      // The loop has ended, and the request with it.
    }
  }

  /**
   * Has a dry run asked for its verdict, while the request goes on.
   *
   * @param by the policy in force, whose dry run it is
   * @param client with what the request proves
   * @param verdict given the verdict, once: at once when nothing has to be asked for it, or there
   *     is no room
   */
  void tryOut(
      ServerPolicy by,
      TrialRequest trial,
      Client client,
      Http2Headers head,
      @Nullable CharSequence path,
      Consumer<Decision> verdict) {
    Client proven = client.with(proofs);
    boolean asked =
        trial.next(proven) != null
            && rego.askForTrial(
                request(by, client, head, path),
                proven,
                trial::next,
                answer -> {
                  Decision decision = trial.decide(answer == null ? proven : client.with(answer));
                  try {
                    loop.execute(() -> verdict.accept(decision));
                  } catch (RejectedExecutionException e) {
                    // The loop has ended: nothing else uses what the verdict goes to.
                    verdict.accept(decision);
                  }
                });
    if (!asked) {
      verdict.accept(trial.decide(proven));
    }
  }

  // ---- waiting

  private void goOn() {
    if (asker.hasBegun()) {
      asked = 0;
    }
    asker.answered();
  }

  private void retryLater() {
    waiting = true;
    timer =
        loop.schedule(
            () -> {
              timer = null;
              waiting = false;
              asker.answered();
            },
            RETRY_MILLIS + ThreadLocalRandom.current().nextLong(RETRY_MILLIS),
            TimeUnit.MILLISECONDS);
  }

  /** The request needs to prove nothing any more: an answer on its way does not count. */
  void areNotNeeded() {
    ticket++;
    release();
    endDoubt(true);
  }

  private void endDoubt(boolean decided) {
    if (doubt != null) {
      ProofTurns.Turn over = doubt;
      doubt = null;
      over.end(decided);
    }
  }

  /** The policy has changed: a request that waits for a key may go on with the keys that came. */
  void policyChanged() {
    if (held != null) {
      release();
      asker.answered();
    }
  }

  /** The request is over. */
  void close() {
    closed = true;
    ticket++;
    release();
    endDoubt(false);
  }

  /** Ends all waiting. */
  private void release() {
    if (timer != null) {
      timer.cancel(false);
      timer = null;
    }
    TokenChecks.Answer waits = held;
    if (waits != null) {
      held = null;
      waits.release();
    }
    waiting = false;
  }
}
