package io.signetmesh.e2e.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.e2e.harness.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The audit log in Apache Kafka: a real broker, which is killed and started again. */
@Timeout(300)
final class KafkaIT {
  private static final String TOPIC = "audit.of-the_mesh";
  private static final Duration LIMIT = Duration.ofSeconds(120);

  @TempDir Path directory;

  private final List<AutoCloseable> open = new ArrayList<>();
  private KafkaBroker broker;

  @BeforeEach
  void makeBroker() throws Exception {
    broker = new KafkaBroker(directory.resolve("broker"));
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable one : open.reversed()) {
      one.close();
    }
    broker.close();
  }

  private SignetProcess signet(String name, String... arguments) throws IOException {
    SignetProcess process =
        SignetProcess.start(name, directory.resolve(name + ".log"), Map.of(), List.of(arguments));
    open.add(process);
    return process;
  }

  private SignetProcess export(String name, String address, String... more) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of(
                "audit",
                "export",
                "--log",
                directory.resolve("audit").resolve(CollectorLog.TILES).toString(),
                "--endpoint",
                "kafka://" + address + "/" + TOPIC));
    all.addAll(List.of(more));
    return signet(name, all.toArray(String[]::new));
  }

  private static void ended(SignetProcess process, int code) throws InterruptedException {
    assertThat(process.awaitExit(LIMIT)).isTrue();
    assertThat(process.exitCode()).as(() -> process.lastLines(20).toString()).isEqualTo(code);
  }

  /**
   * After what came twice was dropped by its id, the topic has what the log has, byte by byte, and
   * that of each workload in its order.
   *
   * @return messages of the topic
   */
  private int requireSame(String origin) throws IOException {
    List<byte[]> entries = WrittenLog.entries(directory.resolve("audit"));
    List<ConsumerRecord<byte[], byte[]>> messages = broker.read(TOPIC);
    Map<String, byte[]> seen = new TreeMap<>();
    Map<String, Integer> partitions = new HashMap<>();
    Map<String, List<Long>> order = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> message : messages) {
      String id = new String(message.headers().lastHeader("id").value(), UTF_8);
      String key = new String(message.key(), UTF_8);
      assertThat(id).startsWith(origin + "#");
      assertThat(partitions.merge(key, message.partition(), (a, b) -> b))
          .isEqualTo(message.partition());
      byte[] before = seen.putIfAbsent(id, message.value());
      if (before == null) {
        long index = Long.parseLong(id.substring(origin.length() + 1));
        assertThat(message.value()).isEqualTo(entries.get((int) index));
        assertThat(new String(message.value(), UTF_8)).contains("\"workload\":\"" + key + "\"");
        order.computeIfAbsent(key, _ -> new ArrayList<>()).add(index);
      } else {
        assertThat(message.value()).isEqualTo(before);
      }
    }
    assertThat(seen).hasSize(entries.size());
    assertThat(order).hasSize(5);
    assertThat(order.values())
        .allSatisfy(
            indices -> {
              List<Long> sorted = new ArrayList<>(indices);
              Collections.sort(sorted);
              assertThat(indices).isEqualTo(sorted);
            });
    return messages.size();
  }

  @Test
  void anExportHasEachEntryAlsoWhenItsBrokerIsKilled() throws Exception {
    WrittenLog.write(directory.resolve("audit"), 1, 20_000);
    broker.start();
    broker.create(TOPIC, 3);
    // Some 7 MB, so that it takes a while.
    broker.limit(1_500_000);
    String cursor = directory.resolve("cursor").toString();

    SignetProcess export = export("export", broker.address(), "--cursor", cursor);
    Await.until("some entries are there", LIMIT, () -> broker.count(TOPIC) > 1_000);
    broker.kill();
    assertThat(export.isAlive()).isTrue();
    assertThat(Path.of(cursor)).doesNotExist();
    broker.start();
    ended(export, 0);
    assertThat(export.lastLines(1)).containsExactly("20,000 records exported");
    requireSame(WrittenLog.ORIGIN);

    int before = broker.read(TOPIC).size();
    WrittenLog.write(directory.resolve("audit"), 20_001, 100);
    SignetProcess more = export("more", broker.address(), "--cursor", cursor);
    ended(more, 0);
    assertThat(more.lastLines(1)).containsExactly("100 records exported");
    assertThat(requireSame(WrittenLog.ORIGIN)).isEqualTo(before + 100);
  }

  @Test
  void recordsAndPasswordsGoToABrokerOnlyThatIsVerified() throws Exception {
    WrittenLog.write(directory.resolve("audit"), 1, 500);
    broker.start();
    broker.create(TOPIC, 2);
    Path properties = directory.resolve("kafka.properties");
    Files.createFile(
        properties,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    String login =
        """
        security.protocol=SASL_SSL
        sasl.mechanism=PLAIN
        compression.type=gzip
        sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
          username="%s" password="%s";
        """;
    String trust = "ssl.truststore.type=PEM\nssl.truststore.location=" + broker.trusted() + "\n";
    String[] option = {"--kafka-properties", properties.toString()};

    Files.writeString(properties, login.formatted(KafkaBroker.USER, KafkaBroker.PASSWORD));
    SignetProcess untrusted = export("untrusted", broker.tlsAddress(), option);
    ended(untrusted, 69);
    assertThat(String.join("\n", untrusted.lastLines(50)))
        .contains("kafka://" + broker.tlsAddress() + "/" + TOPIC)
        .doesNotContain(KafkaBroker.PASSWORD);

    Files.writeString(properties, login.formatted(KafkaBroker.USER, "wrong-4711") + trust);
    SignetProcess wrong = export("wrong", broker.tlsAddress(), option);
    ended(wrong, 69);
    assertThat(String.join("\n", wrong.lastLines(50)))
        .contains("Authentication failed")
        .doesNotContain("wrong-4711");
    assertThat(broker.count(TOPIC)).isZero();

    Files.writeString(properties, login.formatted(KafkaBroker.USER, KafkaBroker.PASSWORD) + trust);
    // The name of the certificate is 127.0.0.1: another one for the same broker is refused.
    SignetProcess other =
        export("other", broker.tlsAddress().replace("127.0.0.1", "localhost"), option);
    ended(other, 69);
    assertThat(broker.count(TOPIC)).isZero();

    ended(export("good", broker.tlsAddress(), option), 0);
    assertThat(requireSame(WrittenLog.ORIGIN)).isEqualTo(500);
  }

  @Test
  void aBrokerThatIsAwayCostsACollectorNothingButLag() throws Exception {
    int port = freePort();
    int admin = freePort();
    SignetProcess collector = collector(port, admin);
    AuditWriter writer = new AuditWriter(port);
    Await.until("the collector takes records", LIMIT, () -> get(admin, "/ready").contains("200"));

    writer.deliver(6_000);
    Await.until(
        "it has tried",
        LIMIT,
        () -> metric(admin, "signet_audit_collector_kafka_failures_total") > 0);
    assertThat(metric(admin, "signet_audit_collector_kafka_lag")).isEqualTo(6_000);
    assertThat(metric(admin, "signet_audit_collector_log_size")).isEqualTo(6_000);
    assertThat(get(admin, "/ready")).contains("200");

    broker.start();
    broker.create(TOPIC, 3);
    Await.until("it has caught up", LIMIT, () -> lag(admin) == 0);
    assertThat(requireSame("e2e.example/collector")).isGreaterThanOrEqualTo(6_000);

    broker.kill();
    writer.deliver(3_000);
    broker.start();
    writer.deliver(1_000);
    Await.until("it has caught up again", LIMIT, () -> lag(admin) == 0);

    // The cursor is durable: what was acknowledged is not sent anew.
    int messages = requireSame("e2e.example/collector");
    collector.kill();
    collector(port, admin);
    Await.until("the collector takes records", LIMIT, () -> get(admin, "/ready").contains("200"));
    writer.deliver(10);
    Await.until("it goes on", LIMIT, () -> lag(admin) == 0);
    assertThat(requireSame("e2e.example/collector")).isEqualTo(messages + 10);
    assertThat(metric(admin, "signet_audit_collector_kafka_lost_entries_total")).isZero();
  }

  private SignetProcess collector(int port, int admin) throws IOException {
    return signet(
        "collector",
        "audit",
        "collector",
        "--listen",
        "127.0.0.1:" + port,
        "--cleartext",
        "--directory",
        directory.resolve("audit").toString(),
        "--audit-origin",
        "e2e.example/collector",
        "--admin-addr",
        "127.0.0.1:" + admin,
        "--kafka",
        "kafka://" + broker.address() + "/" + TOPIC);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      return socket.getLocalPort();
    }
  }

  private static String get(int admin, String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> response =
          client.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + admin + path))
                  .timeout(Duration.ofSeconds(10))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      return response.statusCode() + "\n" + response.body();
    }
  }

  private static double lag(int admin) throws IOException, InterruptedException {
    return metric(admin, "signet_audit_collector_kafka_lag");
  }

  private static double metric(int admin, String name) throws IOException, InterruptedException {
    return get(admin, "/metrics")
        .lines()
        .filter(line -> line.startsWith(name + " ") || line.startsWith(name + "{"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no metric " + name));
  }
}
