package io.signetmesh.proxy.token;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Requests that wait for a key of their issuer. Nobody has authorized them, so there are few of
 * them, in all and of each client: they must not take the place of others. Safe for use by several
 * threads.
 */
final class Holds {
  static final int MAX = 256;
  static final int MAX_PER_CLIENT = 32;

  private final Map<Object, Integer> byClient = new HashMap<>();
  private int all;

  /** A place for one request. Give it back, once. */
  final class Hold implements AutoCloseable {
    private final Object client;
    private boolean closed;

    private Hold(Object client) {
      this.client = client;
    }

    @Override
    public void close() {
      synchronized (Holds.this) {
        if (!closed) {
          closed = true;
          all--;
          byClient.computeIfPresent(client, (key, held) -> held == 1 ? null : held - 1);
        }
      }
    }
  }

  /** A place; null when there is none. */
  synchronized @Nullable Hold take(Object client) {
    int own = byClient.getOrDefault(client, 0);
    if (all >= MAX || own >= MAX_PER_CLIENT) {
      return null;
    }
    all++;
    byClient.put(client, own + 1);
    return new Hold(client);
  }

  synchronized int size() {
    return all;
  }
}
