package io.signetmesh.discovery.stream;

import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.discovery.topology.TopologySource;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers to questions about the topology, kept up to date while someone follows them. All
 * followers of one question share one answer, so a change costs one computation per question and
 * not one per stream. Safe from any thread.
 *
 * @param <K> the question; equal questions share
 * @param <V> the answer, immutable
 */
public final class LiveValues<K, V> implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LiveValues.class);

  private final TopologySource source;
  private final Computation<K, V> computation;
  private final ConcurrentHashMap<K, Entry> entries = new ConcurrentHashMap<>();
  private final TopologySource.Subscription subscription;

  /** Follows a topology. */
  public LiveValues(TopologySource source, Computation<K, V> computation) {
    this.source = source;
    this.computation = computation;
    this.subscription = source.onChange(() -> entries.values().forEach(Entry::refresh));
  }

  /** Answers once, without following. */
  public V get(K key) {
    return computation.compute(source.current(), key, null);
  }

  /**
   * Follows the answer until the returned object is closed. {@code onChange} is called after each
   * change, from any thread, and must not block.
   */
  public Following<V> follow(K key, Runnable onChange) {
    // In the map before it is computed: a change of topology that comes between finds the entry,
    // and one that came before is seen by the computation.
    Entry entry =
        entries.compute(
            key,
            (k, existing) -> {
              Entry shared = existing == null ? new Entry(k) : existing;
              shared.followers.add(onChange);
              return shared;
            });
    entry.computeOnce();
    return new Following<>() {
      @Override
      public V value() {
        return entry.current();
      }

      @Override
      public void close() {
        entries.computeIfPresent(
            key,
            (k, existing) -> {
              existing.followers.remove(onChange);
              return existing.followers.isEmpty() ? null : existing;
            });
      }
    };
  }

  /** Number of questions that are followed. */
  public int size() {
    return entries.size();
  }

  /** Stops following the topology; answers stay as they are. */
  @Override
  public void close() {
    subscription.close();
  }

  /**
   * Makes an answer.
   *
   * @param <K> the question
   * @param <V> the answer
   */
  @FunctionalInterface
  public interface Computation<K, V> {
    /**
     * The answer to a question.
     *
     * @param topology state to answer from
     * @param key question
     * @param previous the answer so far, to be returned as it is when nothing that it depends on
     *     has changed; null at first
     */
    V compute(Topology topology, K key, @Nullable V previous);
  }

  /**
   * An answer that is followed.
   *
   * @param <V> the answer
   */
  public interface Following<V> extends AutoCloseable {
    /** The newest answer. */
    V value();

    @Override
    void close();
  }

  private final class Entry {
    private final K key;
    private final List<Runnable> followers = new CopyOnWriteArrayList<>();
    private volatile @Nullable V value;

    Entry(K key) {
      this.key = key;
    }

    synchronized void computeOnce() {
      if (value == null) {
        value = computation.compute(source.current(), key, null);
      }
    }

    void refresh() {
      synchronized (this) {
        V before = value;
        V after;
        try {
          after = computation.compute(source.current(), key, before);
        } catch (RuntimeException e) {
          // The others have to be told all the same; this one keeps what it said last.
          log.error("no new answer for {}", key, e);
          return;
        }
        if (after.equals(before)) {
          return;
        }
        value = after;
      }
      followers.forEach(Runnable::run);
    }

    V current() {
      V now = value;
      if (now == null) {
        throw new IllegalStateException("value of " + key + " read before it was computed");
      }
      return now;
    }
  }
}
