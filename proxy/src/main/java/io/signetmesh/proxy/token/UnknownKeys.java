package io.signetmesh.proxy.token;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Keys that tokens named and that their key sets do not have. A request with such a key may wait
 * for a moment, because its issuer may have begun to use a new key that the controller is about to
 * fetch. A key that did not come in that time is waited for again only later. Bounded in all, and
 * for each client. Safe for use by several threads.
 */
final class UnknownKeys {
  /** How long requests wait for a key, from the first one that names it. */
  static final long HOLD_MILLIS = 3_000;

  /** How long nobody waits for a key that did not come. */
  static final long FORGET_MILLIS = 30_000;

  static final int MAX_KEYS = 128;
  static final int MAX_KEYS_PER_CLIENT = 8;

  private final Map<Key, Seen> seen = new LinkedHashMap<>();
  private final Map<Object, Integer> byClient = new LinkedHashMap<>();

  private record Key(String authentication, String keyId) {}

  private record Seen(long since, Object client) {}

  /**
   * Notes a key.
   *
   * @param client who named it
   * @param millis time
   * @return until when requests with it may wait; 0: they may not
   */
  synchronized long holdUntil(String authentication, String keyId, Object client, long millis) {
    forget(millis);
    Key key = new Key(authentication, keyId);
    Seen known = seen.get(key);
    if (known == null) {
      int own = byClient.getOrDefault(client, 0);
      if (seen.size() >= MAX_KEYS || own >= MAX_KEYS_PER_CLIENT) {
        return 0;
      }
      known = new Seen(millis, client);
      seen.put(key, known);
      byClient.put(client, own + 1);
    }
    long until = known.since() + HOLD_MILLIS;
    return millis < until ? until : 0;
  }

  private void forget(long millis) {
    Iterator<Seen> oldest = seen.values().iterator();
    while (oldest.hasNext()) {
      Seen first = oldest.next();
      // Clocks may be set back.
      if (Math.abs(millis - first.since()) < FORGET_MILLIS) {
        return;
      }
      oldest.remove();
      byClient.computeIfPresent(first.client(), (client, keys) -> keys == 1 ? null : keys - 1);
    }
  }

  synchronized int size() {
    return seen.size();
  }
}
