package io.signetmesh.collector.kafka;

import java.io.IOException;
import java.util.List;

/** Takes messages. */
interface KafkaReceiver extends AutoCloseable {
  /** Messages of a delivery at most, and bytes after which there are no more. */
  int MAX_MESSAGES = 4_096;

  int MAX_BYTES = 4 << 20;

  /**
   * Asks where messages come to.
   *
   * @throws IOException when the brokers do not say it, or the topic does not exist
   */
  KafkaPlace place() throws IOException;

  /**
   * Delivers messages: they are acknowledged by all replicas in sync when this returns.
   *
   * @param messages at most {@link #MAX_MESSAGES}
   * @throws RefusedEntryException when one of them is refused each time; the receiver can be used
   *     on. Of more than one message it may be another reason: those are to be delivered in smaller
   *     deliveries, until the one that is refused is alone
   * @throws IOException when it is not known of all of them; the receiver is to be closed
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
