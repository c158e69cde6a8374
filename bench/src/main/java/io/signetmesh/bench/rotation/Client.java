package io.signetmesh.bench.rotation;

import java.io.IOException;

/** A connection that is kept and repeats nothing. Not thread-safe. */
interface Client extends AutoCloseable {
  /** Longest wait for a connection or an answer. */
  int TIMEOUT_MILLIS = 10_000;

  /** Opens connections. */
  @FunctionalInterface
  interface Opener {
    Client open() throws IOException;
  }

  /**
   * A request and its answer.
   *
   * @throws IOException when there is no good answer within ten seconds
   */
  void ask() throws IOException, InterruptedException;

  /** Whether the other side has announced that the connection ends: that is its own choice. */
  boolean isEnding();

  @Override
  void close() throws IOException;
}
