package io.signetmesh.discovery.stream;

import io.grpc.Status;

/**
 * What a stream has to say: a state, or that it ends.
 *
 * @param <T> the state
 */
public sealed interface Answer<T> {
  /**
   * The state to send.
   *
   * @param value the state
   * @param <T> the state
   */
  record State<T>(T value) implements Answer<T> {}

  /**
   * The stream ends, with an error code.
   *
   * @param code code, not OK
   * @param message what is wrong and what was expected
   * @param <T> the state
   */
  record End<T>(Status.Code code, String message) implements Answer<T> {
    /** The status to end with. */
    public Status status() {
      return code.toStatus().withDescription(message);
    }
  }
}
