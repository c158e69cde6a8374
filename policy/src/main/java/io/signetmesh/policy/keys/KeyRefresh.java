package io.signetmesh.policy.keys;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.time.InstantSource;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads that fetch key sets, and the clock that drives them. */
public final class KeyRefresh implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(KeyRefresh.class);
  private static final long TICK_MILLIS = 200;
  private static final long IDLE_SECONDS = 30;

  private final KeySets sets;
  private final HttpsKeys fetcher;
  private final ExecutorService fetches;
  private final ScheduledExecutorService ticks;

  private KeyRefresh(KeySets sets, HttpsKeys fetcher, ExecutorService fetches) {
    this.sets = sets;
    this.fetcher = fetcher;
    this.fetches = fetches;
    this.ticks =
        Executors.newSingleThreadScheduledExecutor(new DefaultThreadFactory("policy-keys", true));
  }

  /**
   * Makes what fetches; nothing is fetched before {@link #start}.
   *
   * @throws IOException when the directory for key sets cannot be made
   */
  public static KeyRefresh open(KeySetSettings settings, InstantSource clock) throws IOException {
    KeySetMemory memory =
        settings.directory() == null ? KeySetMemory.none() : new KeySetFiles(settings.directory());
    HttpsKeys fetcher = new HttpsKeys(new KeyNetworks(settings.networks()));
    ExecutorService fetches =
        new ThreadPoolExecutor(
            0,
            KeySets.MAX_FETCHES,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            new DefaultThreadFactory("policy-key-fetch", true));
    return new KeyRefresh(
        new KeySets(fetcher, memory, fetches, clock, RandomGenerator.getDefault()),
        fetcher,
        fetches);
  }

  /** The key sets. */
  public KeySets sets() {
    return sets;
  }

  /** Publishes what is remembered, and then goes on with what is fetched. */
  public void start(KeySets.Sink sink) {
    sets.tick(sink);
    sets.forgetOthers();
    ticks.scheduleWithFixedDelay(
        () -> {
          try {
            sets.tick(sink);
          } catch (RuntimeException | Error e) {
            // A clock that stopped would end all keys in time, with nobody told.
            LOG.error("key sets: a step failed", e);
          }
        },
        TICK_MILLIS,
        TICK_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  /** Stops without waiting for what is under way. */
  @Override
  public void close() {
    sets.close();
    ticks.shutdownNow();
    fetches.shutdownNow();
    fetcher.close();
  }
}
