package io.signetmesh.collector.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.signetmesh.collector.export.ExportLine;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Delivers messages by an idempotent producer: what it tries again itself is in the topic once, and
 * in order. Not thread-safe. After a failure it has to be closed, and another one made.
 */
final class KafkaSender implements KafkaReceiver {
  /** Header with the id of the entry, by which a receiver drops what it gets twice. */
  static final String ID = "id";

  /** How long the brokers may take to acknowledge a message, with all attempts. */
  private static final Duration DELIVERY = Duration.ofSeconds(60);

  /** How long they may take to answer a request, or to say where the topic is. */
  private static final Duration ANSWER = Duration.ofSeconds(15);

  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
  private static final Duration CLOSE = Duration.ofSeconds(2);

  /** Memory of messages on their way. */
  private static final int BUFFER_BYTES = 16 << 20;

  private static final int BATCH_BYTES = 128 << 10;
  private static final int LINGER_MILLIS = 5;

  private final KafkaSettings settings;
  private final String origin;
  private final KafkaProducer<byte[], byte[]> producer;

  private KafkaSender(
      KafkaSettings settings, String origin, KafkaProducer<byte[], byte[]> producer) {
    this.settings = settings;
    this.origin = origin;
    this.producer = producer;
  }

  /**
   * A sender. Brokers are asked with the first delivery.
   *
   * @param origin name of the log
   * @throws IOException when the settings cannot be used, or no broker's name can be resolved
   */
  static KafkaSender open(KafkaSettings settings, String origin) throws IOException {
    Map<String, Object> config = new HashMap<>(settings.properties());
    config.put(
        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, String.join(",", settings.topic().brokers()));
    config.putIfAbsent(ProducerConfig.CLIENT_ID_CONFIG, "signet-audit");
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    config.put(ProducerConfig.ACKS_CONFIG, "all");
    config.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, (int) DELIVERY.toMillis());
    config.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis());
    config.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, ANSWER.toMillis());
    config.put(ProducerConfig.BUFFER_MEMORY_CONFIG, (long) BUFFER_BYTES);
    config.put(ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);
    config.put(ProducerConfig.LINGER_MS_CONFIG, LINGER_MILLIS);
    config.put(ProducerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, LONGEST_PAUSE.toMillis());
    // The name in the broker's certificate is the one that was asked for.
    config.put(SslConfigs.SSL_ENDPOINT_IDENTIFICATION_ALGORITHM_CONFIG, "https");
    config.put(SslConfigs.SSL_ENABLED_PROTOCOLS_CONFIG, "TLSv1.3,TLSv1.2");
    // Nothing about this process is told to the brokers, or to JMX.
    config.put(ProducerConfig.ENABLE_METRICS_PUSH_CONFIG, false);
    config.put(ProducerConfig.METRIC_REPORTER_CLASSES_CONFIG, "");
    ByteArraySerializer bytes = new ByteArraySerializer();
    try {
      return new KafkaSender(settings, origin, new KafkaProducer<>(config, bytes, bytes));
    } catch (KafkaException e) {
      throw failed(settings, e);
    }
  }

  @Override
  public void deliver(List<KafkaMessage> messages) throws IOException {
    List<Future<RecordMetadata>> sent = new ArrayList<>(messages.size());
    long deadline = System.nanoTime() + DELIVERY.plus(ANSWER).toNanos();
    try {
      for (KafkaMessage message : messages) {
        Future<RecordMetadata> one = producer.send(record(message));
        sent.add(one);
        if (one.isDone()) {
          // Failed: each further one would wait for the brokers anew.
          one.get();
        }
      }
      for (Future<RecordMetadata> one : sent) {
        one.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException | InterruptException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while delivering entries to " + settings);
    } catch (ExecutionException e) {
      throw failed(settings, e.getCause() == null ? e : e.getCause());
    } catch (TimeoutException e) {
      throw new IOException(settings + " has not acknowledged entries within " + DELIVERY, e);
    } catch (KafkaException e) {
      throw failed(settings, e);
    }
  }

  private ProducerRecord<byte[], byte[]> record(KafkaMessage message) {
    String id = ExportLine.id(origin, message.index());
    return new ProducerRecord<>(
        settings.topic().name(),
        null,
        message.received(),
        message.key() == null ? null : message.key().getBytes(UTF_8),
        message.value(),
        List.of(new RecordHeader(ID, id.getBytes(UTF_8))));
  }

  private static IOException failed(KafkaSettings settings, Throwable cause) {
    Throwable deepest = cause;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    String why = String.valueOf(cause.getMessage());
    if (deepest != cause) {
      why += ": " + deepest.getMessage();
    }
    return new IOException(settings + " does not take entries: " + why, cause);
  }

  /** Gives up what is on its way; waits for threads for at most two seconds. */
  @Override
  public void close() {
    boolean isInterrupted = Thread.interrupted();
    try {
      producer.close(isInterrupted ? Duration.ZERO : CLOSE);
    } catch (KafkaException e) {
      // Nothing that was to be delivered is lost by it: the cursor is behind it.
    } finally {
      if (isInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
