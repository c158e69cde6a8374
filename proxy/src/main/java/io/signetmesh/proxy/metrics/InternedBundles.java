package io.signetmesh.proxy.metrics;

import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Bundles of cells by what their labels are made of, kept for as long as somebody holds them.
 *
 * @param <K> key, with value equality
 * @param <V> bundle
 */
final class InternedBundles<K, V> {
  private final ConcurrentHashMap<K, Held<K, V>> bundles = new ConcurrentHashMap<>();
  private final ReferenceQueue<V> dropped = new ReferenceQueue<>();
  private final Function<K, V> maker;

  InternedBundles(Function<K, V> maker) {
    this.maker = maker;
  }

  V get(K key) {
    Held<K, V> held = bundles.get(key);
    V known = held == null ? null : held.get();
    return known == null ? make(key) : known;
  }

  private V make(K key) {
    forgetDropped();
    V made = maker.apply(key);
    while (true) {
      Held<K, V> winner =
          bundles.compute(
              key,
              (same, old) ->
                  old != null && old.get() != null ? old : new Held<>(same, made, dropped));
      @Nullable V result = winner.get();
      if (result != null) {
        return result;
      }
    }
  }

  int size() {
    forgetDropped();
    return bundles.size();
  }

  private void forgetDropped() {
    Object held;
    while ((held = dropped.poll()) != null) {
      if (held instanceof Held<?, ?> gone) {
        bundles.remove(gone.key, gone);
      }
    }
  }

  private static final class Held<K, V> extends WeakReference<V> {
    final K key;

    Held(K key, V bundle, ReferenceQueue<V> queue) {
      super(bundle, queue);
      this.key = key;
    }
  }
}
