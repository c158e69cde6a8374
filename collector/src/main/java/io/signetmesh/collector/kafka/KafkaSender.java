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
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * Delivers messages by an idempotent producer: what it tries again itself is in the topic once, and
 * in order. Not thread-safe.
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
    Map<String, Object> config = common(settings);
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    config.put(ProducerConfig.ACKS_CONFIG, "all");
    config.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, (int) DELIVERY.toMillis());
    config.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis());
    config.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, ANSWER.toMillis());
    config.put(ProducerConfig.BUFFER_MEMORY_CONFIG, (long) BUFFER_BYTES);
    config.put(ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);
    config.put(ProducerConfig.LINGER_MS_CONFIG, LINGER_MILLIS);
    ByteArraySerializer bytes = new ByteArraySerializer();
    try {
      return new KafkaSender(settings, origin, new KafkaProducer<>(config, bytes, bytes));
    } catch (KafkaException e) {
      throw failed(settings, e);
    }
  }

  /** What a client that delivers and one that asks have in common. */
  private static Map<String, Object> common(KafkaSettings settings) {
    Map<String, Object> config = new HashMap<>(settings.properties());
    config.put(
        CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, String.join(",", settings.topic().brokers()));
    config.putIfAbsent(CommonClientConfigs.CLIENT_ID_CONFIG, "signet-audit");
    config.put(CommonClientConfigs.RECONNECT_BACKOFF_MAX_MS_CONFIG, LONGEST_PAUSE.toMillis());
    // The name in the broker's certificate is the one that was asked for.
    config.put(SslConfigs.SSL_ENDPOINT_IDENTIFICATION_ALGORITHM_CONFIG, "https");
    config.put(SslConfigs.SSL_ENABLED_PROTOCOLS_CONFIG, "TLSv1.3,TLSv1.2");
    // Nothing about this process is told to the brokers, or to JMX.
    config.put(CommonClientConfigs.ENABLE_METRICS_PUSH_CONFIG, false);
    config.put(CommonClientConfigs.METRIC_REPORTER_CLASSES_CONFIG, "");
    return config;
  }

  @Override
  public KafkaPlace place() throws IOException {
    Map<String, Object> config = common(settings);
    config.remove(ProducerConfig.COMPRESSION_TYPE_CONFIG);
    config.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis());
    config.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis());
    long deadline = System.nanoTime() + ANSWER.multipliedBy(2).toNanos();
    String topic = settings.topic().name();
    Admin admin = null;
    try {
      admin = Admin.create(config);
      ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
      Future<String> cluster = admin.describeCluster().clusterId();
      Future<TopicDescription> described =
          admin.describeTopics(List.of(topic)).topicNameValues().get(topic);
      Future<Config> configured = admin.describeConfigs(List.of(resource)).values().get(resource);
      return new KafkaPlace(
          String.valueOf(answer(cluster, deadline)),
          answer(Objects.requireNonNull(described), deadline).topicId().toString(),
          cleanup(Objects.requireNonNull(configured), deadline));
    } catch (InterruptedException | InterruptException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while asking for " + settings);
    } catch (ExecutionException e) {
      throw failed(settings, e.getCause() == null ? e : e.getCause());
    } catch (TimeoutException e) {
      throw new IOException(settings + " has not answered within " + ANSWER.multipliedBy(2), e);
    } catch (KafkaException e) {
      throw failed(settings, e);
    } finally {
      if (admin != null) {
        admin.close(CLOSE);
      }
    }
  }

  private static <T> T answer(Future<T> one, long deadline)
      throws InterruptedException, ExecutionException, TimeoutException {
    return one.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  /** Null when the brokers do not say it: that takes a right which who delivers need not have. */
  private static @Nullable String cleanup(Future<Config> configured, long deadline)
      throws InterruptedException, TimeoutException {
    try {
      ConfigEntry policy = answer(configured, deadline).get(TopicConfig.CLEANUP_POLICY_CONFIG);
      return policy == null ? null : policy.value();
    } catch (ExecutionException e) {
      return null;
    }
  }

  @Override
  public void deliver(List<KafkaMessage> messages) throws IOException {
    List<Future<RecordMetadata>> sent = new ArrayList<>(messages.size());
    long deadline = System.nanoTime() + DELIVERY.plus(ANSWER).toNanos();
    Throwable refused = null;
    try {
      for (KafkaMessage message : messages) {
        Future<RecordMetadata> one = producer.send(record(message));
        sent.add(one);
        if (one.isDone()) {
          // Failed: each further one would wait for the brokers anew.
          refusal(one, deadline, messages.size() > 1);
        }
      }
      for (Future<RecordMetadata> one : sent) {
        Throwable why = refusal(one, deadline, messages.size() > 1);
        refused = refused == null ? why : refused;
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
    if (refused != null) {
      throw new RefusedEntryException(
          settings + " refuses an entry: " + refused.getMessage(), refused);
    }
  }

  /** Why a message is refused, by itself or with others; null when it is in the topic. */
  private static @Nullable Throwable refusal(
      Future<RecordMetadata> one, long deadline, boolean hasOthers)
      throws InterruptedException, ExecutionException, TimeoutException {
    try {
      one.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      return null;
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause != null && isRefusal(cause, hasOthers)) {
        return cause;
      }
      throw e;
    }
  }

  /**
   * Whether a message itself is why it is not taken. A right that is missing, or a time that the
   * topic does not take, is no reason to leave an entry out: an operator corrects it.
   *
   * @param hasOthers whether it was delivered with others: what one of them is refused for, is told
   *     of all of its batch in general terms
   */
  static boolean isRefusal(Throwable cause, boolean hasOthers) {
    return cause instanceof InvalidRecordException
        || cause instanceof RecordTooLargeException
        || cause instanceof RecordBatchTooLargeException
        || (hasOthers && cause.getClass() == KafkaException.class);
  }

  private ProducerRecord<byte[], byte[]> record(KafkaMessage message) {
    String id = ExportLine.id(origin, message.index());
    return new ProducerRecord<>(
        settings.topic().name(),
        null,
        message.received(),
        message.key().getBytes(UTF_8),
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
