package io.signetmesh.proxy.http.exchange;

import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.memory.ClientNetwork;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * The accounts of a loop's clients, by identity, or by source address for clients without one. What
 * a client has spent stays after its connections have ended. Confined to its loop.
 */
public final class ClientAccounts {
  /** Accounts without connections that are kept, oldest first out. */
  private static final int KEPT = 4096;

  private final LongSupplier nanoTime;
  private final Map<Object, ClientAccount> accounts = new LinkedHashMap<>();

  public ClientAccounts(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** The account of a client that opens a connection. Return it with {@link #close}. */
  public ClientAccount open(Client client) {
    ClientAccount account =
        accounts.computeIfAbsent(key(client), unknown -> new ClientAccount(nanoTime));
    account.connections++;
    return account;
  }

  /** A connection of the client is closed. */
  public void close(Client client, ClientAccount account) {
    account.connections--;
    if (account.isForgettable()) {
      accounts.remove(key(client), account);
    } else if (accounts.size() > KEPT) {
      forgetOldest();
    }
  }

  int size() {
    return accounts.size();
  }

  private void forgetOldest() {
    Iterator<ClientAccount> oldest = accounts.values().iterator();
    // Those with connections are bounded by these; a few of them do not stop the search.
    for (int looked = 0; looked < 64 && accounts.size() > KEPT && oldest.hasNext(); looked++) {
      if (oldest.next().connections == 0) {
        oldest.remove();
      }
    }
  }

  private static Object key(Client client) {
    String identity = client.identity();
    if (identity != null) {
      return identity;
    }
    return ClientNetwork.of(client.address());
  }
}
