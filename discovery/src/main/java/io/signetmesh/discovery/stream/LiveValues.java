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
 * Values computed from the topology, kept up to date while someone follows them. All followers of a
 * key share one value, so a change costs one computation per key, not one per stream. Thread-safe.
 *
 * @param <K> key; equal keys share a value
 * @param <V> value, immutable
 */
public final class LiveValues<K, V> implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LiveValues.class);

  private final TopologySource source;
  private final Computation<K, V> computation;
  private final ConcurrentHashMap<K, Entry> entries = new ConcurrentHashMap<>();
  private final TopologySource.Subscription subscription;

  /** Creates values computed from this topology. */
  public LiveValues(TopologySource source, Computation<K, V> computation) {
    this.source = source;
    this.computation = computation;
    this.subscription = source.onChange(() -> entries.values().forEach(Entry::refresh));
  }

  /** Computes the value once, without following it. */
  public V get(K key) {
    return computation.compute(source.current(), key, null);
  }

  /**
   * Follows the value until the result is closed.
   *
   * @param onChange called after each change, on any thread; must not block
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

  /** Number of keys that are followed. */
  public int size() {
    return entries.size();
  }

  /** No longer follows the topology. Values keep their last state. */
  @Override
  public void close() {
    subscription.close();
  }

  /**
   * Computes the value of a key.
   *
   * @param <K> key
   * @param <V> value
   */
  @FunctionalInterface
  public interface Computation<K, V> {
    /**
     * Computes the value of a key.
     *
     * @param topology current state of the cluster
     * @param key the key
     * @param previous the former value, null at first; return this same instance if nothing has
     *     changed
     */
    V compute(Topology topology, K key, @Nullable V previous);
  }

  /**
   * A value that is followed.
   *
   * @param <V> type of the value
   */
  public interface Following<V> extends AutoCloseable {
    /** The newest value. */
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
