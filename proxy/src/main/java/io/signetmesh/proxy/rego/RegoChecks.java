package io.signetmesh.proxy.rego;

import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.worker.ClientTurn;
import io.signetmesh.proxy.worker.FairWorkers;
import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.rego.RegoAuthentication;
import io.signetmesh.rego.RegoInput;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks policy bundles about requests, for one proxy. Each port has a lane of its own among the
 * workers, so that a bundle that takes all its time leaves as much of it to other ports. Dry runs
 * have workers of their own. Nothing is remembered from one request for another. Safe for use by
 * several threads.
 */
public final class RegoChecks implements AutoCloseable {
  /** After so much time with one request, no further bundle is asked about it. */
  private static final Duration MAX_TIME = Duration.ofSeconds(2);

  /** Requests that may wait before those of dry runs are left out. */
  private static final int BUSY = 64;

  private static final RegoAnswer TOO_LATE =
      new RegoAnswer(
          RegoAnswer.Outcome.OUT_OF_TIME, "the bundles asked before took the time of the request");

  private final FairWorkers workers;
  private final RegoMetrics metrics;
  private final Asker asker;
  private final LongSupplier nanos;
  private final Map<Integer, Lanes> lanes = new ConcurrentHashMap<>();
  private final FairWorkers.Lane trialLane;
  private volatile boolean closed;

  /**
   * Of a port.
   *
   * @param begin for requests that have not begun
   * @param again for those in flight, whose right may be gone
   */
  private record Lanes(FairWorkers.Lane begin, FairWorkers.Lane again) {
    static Lanes of(FairWorkers workers) {
      FairWorkers.Lane begin = workers.lane();
      return new Lanes(begin, begin.urgent());
    }

    int waiting() {
      return begin.waiting() + again.waiting();
    }

    void close() {
      begin.close();
      again.close();
    }
  }

  /**
   * Who waits for an answer.
   *
   * @param hasBegun whether the request is in flight, and is decided again: it comes first, and has
   *     room of its own
   * @param isOver whether nobody waits any more; called on any thread
   */
  public record Waiter(boolean hasBegun, BooleanSupplier isOver) {
    /** A request that has not begun. */
    public static final Waiter NEW = new Waiter(false, () -> false);
  }

  /** Asks a bundle, as {@link RegoAuthentication#ask} does. */
  @FunctionalInterface
  public interface Asker {
    /** What comes of a question, whatever the bundle does. */
    RegoAnswer ask(RegoAuthentication authentication, RegoInput input, Instant now);
  }

  /**
   * Asks bundles on threads of the process.
   *
   * @param workers ask for the policy in force
   * @param trials ask for dry runs
   */
  public RegoChecks(FairWorkers workers, FairWorkers trials, RegoMetrics metrics) {
    this(workers, trials, metrics, RegoAuthentication::ask, System::nanoTime);
  }

  /**
   * As the other constructor, with other answers.
   *
   * @param nanos monotonic time, as {@link System#nanoTime}
   */
  public RegoChecks(
      FairWorkers workers,
      FairWorkers trials,
      RegoMetrics metrics,
      Asker asker,
      LongSupplier nanos) {
    this.workers = workers;
    this.metrics = metrics;
    this.asker = asker;
    this.nanos = nanos;
    this.trialLane = trials.lane();
    metrics.waiting(() -> lanes.values().stream().mapToInt(Lanes::waiting).sum());
  }

  /**
   * Has all bundles asked that a decision depends on.
   *
   * @param client with what the request proves so far
   * @param waiter who waits for the answer
   * @param next the next question, given the client with all answers so far; null: there is none
   * @param answer given all that the request proves, or null when there is no answer, once. Called
   *     by a worker, or by whoever closes this
   * @return false when too much waits: nobody is told
   */
  public boolean ask(
      RegoRequest request,
      Client client,
      Waiter waiter,
      Function<Client, @Nullable RegoQuestion> next,
      Consumer<@Nullable RequestProofs> answer) {
    if (closed) {
      return false;
    }
    Lanes of = lanes.computeIfAbsent(request.port(), port -> Lanes.of(workers));
    FairWorkers.Lane lane = waiter.hasBegun() ? of.again() : of.begin();
    boolean taken = submit(lane, request, client, waiter.isOver(), next, answer);
    if (!taken) {
      metrics.shed();
    }
    return taken;
  }

  /** The same for a dry run, which is left out when there is little room. */
  public boolean askForTrial(
      RegoRequest request,
      Client client,
      Function<Client, @Nullable RegoQuestion> next,
      Consumer<@Nullable RequestProofs> answer) {
    return trialLane.waiting() < BUSY
        && submit(trialLane, request, client, () -> false, next, answer);
  }

  private boolean submit(
      FairWorkers.Lane lane,
      RegoRequest request,
      Client client,
      BooleanSupplier isOver,
      Function<Client, @Nullable RegoQuestion> next,
      Consumer<@Nullable RequestProofs> answer) {
    return lane.submit(
        ClientTurn.of(client),
        request.bytes(),
        new FairWorkers.Work() {
          private boolean told;

          @Override
          public void run() {
            RequestProofs found =
                answer(request, client, asked -> isOver() ? null : next.apply(asked));
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
              told = true;
              answer.accept(null);
            }
          }
        });
  }

  /** Asks on the calling thread, which must be no event loop. */
  public RequestProofs answer(
      RegoRequest request, Client client, Function<Client, @Nullable RegoQuestion> next) {
    RequestProofs known = client.proofs();
    RequestProofs proofs = known == null ? RequestProofs.NONE : known;
    long begin = nanos.getAsLong();
    Client asked = client.with(proofs);
    RegoQuestion question = next.apply(asked);
    while (question != null) {
      proofs = proofs.with(answer(request, asked, question, begin));
      asked = client.with(proofs);
      question = next.apply(asked);
    }
    return proofs;
  }

  private RegoProof answer(RegoRequest request, Client client, RegoQuestion question, long begin) {
    RegoAuthentication authentication = question.authentication();
    long now = nanos.getAsLong();
    RegoAnswer answer =
        now - begin > MAX_TIME.toNanos()
            ? TOO_LATE
            : asker.ask(
                authentication,
                request.input(question, client),
                Instant.ofEpochMilli(request.epochMillis()));
    metrics.asked(authentication.name(), answer.outcome(), nanos.getAsLong() - now);
    return new RegoProof(question, answer);
  }

  /** Gives up what waits. */
  @Override
  public void close() {
    closed = true;
    lanes.values().forEach(Lanes::close);
    trialLane.close();
  }
}
