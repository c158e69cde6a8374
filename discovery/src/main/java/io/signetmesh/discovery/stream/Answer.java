package io.signetmesh.discovery.stream;

import io.grpc.Status;

/**
 * What a stream sends next: a state, or its end.
 *
 * @param <T> type of the state
 */
public sealed interface Answer<T> {
  /**
   * The state to send.
   *
   * @param <T> type of the state
   * @param value the state
   */
  record State<T>(T value) implements Answer<T> {}

  /**
   * The stream ends with an error.
   *
   * @param <T> type of the state
   * @param code gRPC status code, not OK
   * @param message what is wrong and what was expected
   */
  record End<T>(Status.Code code, String message) implements Answer<T> {
    /** The gRPC status to end the stream with. */
    public Status status() {
      return code.toStatus().withDescription(message);
    }
  }
}
