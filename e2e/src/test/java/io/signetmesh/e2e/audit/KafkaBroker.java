package io.signetmesh.e2e.audit;

import io.signetmesh.e2e.harness.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/**
 * A broker of Apache Kafka in a process of its own, which is its controller, too (KRaft). It keeps
 * its ports and its data when it is killed and started again.
 */
final class KafkaBroker implements AutoCloseable {
  /** Who may log in by TLS and a password. */
  static final String USER = "signet";

  static final String PASSWORD = "not-to-be-shown-4711";

  private static final String STORE_PASSWORD = "changeit";

  /** Written by the build of the module {@code kafka-broker}; tests run in the folder of theirs. */
  private static final Path CLASS_PATH = Path.of("kafka-broker", "target", "class-path");

  private static final Duration LIMIT = Duration.ofSeconds(90);

  private final Path directory;
  private final int port;
  private final int tlsPort;
  private @Nullable Process process;

  /** Makes its storage; it does not run yet. */
  KafkaBroker(Path directory) throws IOException, InterruptedException {
    this.directory = Files.createDirectories(directory);
    port = freePort();
    tlsPort = freePort();
    int controller = freePort();
    makeCertificate();
    Files.writeString(
        directory.resolve("server.properties"),
        """
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:%3$d
        controller.listener.names=CONTROLLER
        listeners=PLAINTEXT://127.0.0.1:%1$d,SASL_SSL://127.0.0.1:%2$d,CONTROLLER://127.0.0.1:%3$d
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        log.dirs=%4$s/data
        auto.create.topics.enable=false
        group.coordinator.new.enable=false
        offsets.topic.replication.factor=1
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        ssl.keystore.location=%4$s/broker.p12
        ssl.keystore.type=PKCS12
        ssl.keystore.password=%5$s
        sasl.enabled.mechanisms=PLAIN
        listener.name.sasl_ssl.plain.sasl.jaas.config=\
        org.apache.kafka.common.security.plain.PlainLoginModule required user_%6$s="%7$s";
        """
            .formatted(port, tlsPort, controller, directory, STORE_PASSWORD, USER, PASSWORD));
    Process formatting =
        java(
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            Uuid.randomUuid().toString(),
            "--config",
            directory.resolve("server.properties").toString());
    if (!formatting.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS) || formatting.exitValue() != 0) {
      formatting.destroyForcibly();
      throw new AssertionError("storage is not made: " + output());
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      return socket.getLocalPort();
    }
  }

  private void makeCertificate() throws IOException, InterruptedException {
    Path keytool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    String store = directory.resolve("broker.p12").toString();
    List<List<String>> commands =
        List.of(
            List.of(
                "-genkeypair -alias broker -keyalg EC -groupname secp256r1 -validity 2 -dname CN=broker"
                    .split(" ")),
            List.of("-exportcert", "-rfc", "-alias", "broker", "-file", trusted().toString()));
    for (List<String> command : commands) {
      List<String> all = new ArrayList<>(List.of(keytool.toString()));
      all.addAll(command);
      if (command.contains("-genkeypair")) {
        all.addAll(List.of("-ext", "san=ip:127.0.0.1"));
      }
      all.addAll(List.of("-storetype", "PKCS12", "-keystore", store, "-storepass", STORE_PASSWORD));
      Process made =
          new ProcessBuilder(all)
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("keytool.log").toFile())
              .start();
      if (made.waitFor() != 0) {
        throw new AssertionError(Files.readString(directory.resolve("keytool.log")));
      }
    }
  }

  private Process java(String... command) throws IOException {
    List<String> line =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-Xmx384m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                Files.readString(CLASS_PATH).strip()));
    line.addAll(List.of(command));
    return new ProcessBuilder(line)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("broker.log").toFile()))
        .start();
  }

  private String output() throws IOException {
    return Files.readString(directory.resolve("broker.log"));
  }

  /** Starts it, and waits until it serves. */
  void start() throws IOException {
    Process started = java("kafka.Kafka", directory.resolve("server.properties").toString());
    process = started;
    Await.until(
        "the broker serves",
        LIMIT,
        () -> {
          if (!started.isAlive()) {
            throw new AssertionError("the broker has ended: " + output());
          }
          try (Admin admin = admin()) {
            return !admin.describeCluster().nodes().get().isEmpty();
          }
        });
  }

  /** Kills it as kill -9 does. */
  void kill() throws InterruptedException {
    Process running = process;
    if (running != null) {
      running.destroyForcibly().waitFor();
    }
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  String tlsAddress() {
    return "127.0.0.1:" + tlsPort;
  }

  /** Its certificate, PEM. */
  Path trusted() {
    return directory.resolve("broker.pem");
  }

  private Admin admin() {
    return Admin.create(
        Map.of(
            "bootstrap.servers",
            address(),
            "default.api.timeout.ms",
            "5000",
            "request.timeout.ms",
            "4000"));
  }

  /** Makes a topic. */
  void create(String topic, int partitions) throws InterruptedException, ExecutionException {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }
  }

  /** Lets each client send so many bytes a second. */
  void limit(double bytes) throws InterruptedException, ExecutionException {
    Map<String, String> all = new TreeMap<>();
    all.put(ClientQuotaEntity.CLIENT_ID, null);
    try (Admin admin = admin()) {
      admin
          .alterClientQuotas(
              List.of(
                  new ClientQuotaAlteration(
                      new ClientQuotaEntity(all),
                      List.of(new ClientQuotaAlteration.Op("producer_byte_rate", bytes)))))
          .all()
          .get();
    }
  }

  /** All messages of a topic, those of a partition in their order. */
  List<ConsumerRecord<byte[], byte[]>> read(String topic) {
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(Map.of("bootstrap.servers", address()), bytes, bytes)) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo partition : consumer.partitionsFor(topic)) {
        partitions.add(new TopicPartition(topic, partition.partition()));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      long deadline = System.nanoTime() + LIMIT.toNanos();
      while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
        if (System.nanoTime() > deadline) {
          throw new AssertionError("not read to the end: " + all.size() + " messages");
        }
        consumer.poll(Duration.ofMillis(200)).forEach(all::add);
      }
    }
    return all;
  }

  /** Messages of a topic, as the broker counts them. */
  long count(String topic) {
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", address(), "default.api.timeout.ms", "5000"),
            bytes,
            bytes)) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(partition -> new TopicPartition(topic, partition.partition()))
              .toList();
      return consumer.endOffsets(partitions).values().stream().mapToLong(Long::longValue).sum();
    }
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
