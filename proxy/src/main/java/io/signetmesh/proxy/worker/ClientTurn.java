package io.signetmesh.proxy.worker;

import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.memory.ClientNetwork;

/** Whose turn the work for a client is. */
public final class ClientTurn {
  private ClientTurn() {}

  /** The identity of a client or, where it has none, its network. */
  public static Object of(Client client) {
    String identity = client.identity();
    return identity == null ? ClientNetwork.of(client.address()) : identity;
  }
}
