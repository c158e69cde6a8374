package io.signetmesh.proxy.http;

import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Exchanges that wait for room on a connection: clients take turns, so that none waits behind all
 * the requests of another. Confined to its loop.
 */
final class FairQueue {
  private final Map<ClientAccount, ArrayDeque<Exchange>> clients = new LinkedHashMap<>();

  void add(Exchange exchange) {
    clients.computeIfAbsent(exchange.account(), first -> new ArrayDeque<>()).add(exchange);
  }

  boolean isEmpty() {
    return clients.isEmpty();
  }

  /** The next exchange that is not over yet; null: there is none. */
  @Nullable Exchange poll() {
    while (!clients.isEmpty()) {
      Iterator<Map.Entry<ClientAccount, ArrayDeque<Exchange>>> first =
          clients.entrySet().iterator();
      Map.Entry<ClientAccount, ArrayDeque<Exchange>> turn = first.next();
      ClientAccount client = turn.getKey();
      ArrayDeque<Exchange> queue = turn.getValue();
      first.remove();
      Exchange next = queue.poll();
      while (next != null && next.done()) {
        next = queue.poll();
      }
      if (!queue.isEmpty()) {
        clients.put(client, queue);
      }
      if (next != null) {
        return next;
      }
    }
    return null;
  }

  /** Everything that waits, which waits no more. */
  List<Exchange> clear() {
    List<Exchange> all = new ArrayList<>();
    clients.values().forEach(all::addAll);
    clients.clear();
    return all;
  }
}
