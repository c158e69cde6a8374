package io.signetmesh.policy.document;

import java.time.Duration;

/** A document that an object needs and the controller fetches. */
public interface DocumentNeed {
  /** Where it is. */
  DocumentLocation location();

  /** Longest time between two fetches. */
  Duration refreshInterval();

  /** How long the last good document that could be fetched is used. */
  Duration maxAge();
}
