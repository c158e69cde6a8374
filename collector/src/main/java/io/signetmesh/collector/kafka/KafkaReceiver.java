package io.signetmesh.collector.kafka;

import java.io.IOException;
import java.util.List;

/** Takes messages. */
interface KafkaReceiver extends AutoCloseable {
  /** Messages of a delivery at most, and bytes after which there are no more. */
  int MAX_MESSAGES = 4_096;

  int MAX_BYTES = 4 << 20;

  /**
   * Delivers messages: they are acknowledged by all replicas in sync when this returns.
   *
   * @param messages at most {@link #MAX_MESSAGES}
   * @throws IOException when it is not known of all of them
   */
  void deliver(List<KafkaMessage> messages) throws IOException;

  @Override
  void close();

  /** Makes a receiver. */
  @FunctionalInterface
  interface Opener {
    /** A new one. */
    KafkaReceiver open() throws IOException;
  }
}
