package io.signetmesh.policy.model;

import java.util.List;

/**
 * A NetworkAuthentication: a set of client networks.
 *
 * @param ref the object
 * @param origin where it is written
 * @param networks matched when any entry matches
 */
public record NetworkModel(ObjectRef ref, String origin, List<NetworkMatch> networks)
    implements PolicyObject {
  /** Copies the list. */
  public NetworkModel {
    networks = List.copyOf(networks);
  }
}
