package io.signetmesh.policy.facts;

import java.util.List;

/**
 * A NetworkAuthentication: a set of client networks.
 *
 * @param ref the object
 * @param origin where it is written
 * @param networks matched when any entry matches
 */
public record NetworkFact(ObjectRef ref, String origin, List<NetworkMatch> networks)
    implements Fact {
  /** Copies the list. */
  public NetworkFact {
    networks = List.copyOf(networks);
  }
}
