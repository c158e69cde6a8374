package io.signetmesh.collector.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class KafkaSettingsTest {
  private static final KafkaTopic TOPIC = KafkaTopic.parse("kafka://b:9092/audit");
  private static final String LOGIN =
      "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\""
          + " password=\"s3cret\";";

  @TempDir private Path directory;

  private KafkaSettings read(String... lines) throws IOException {
    Path file = directory.resolve("kafka.properties");
    Files.deleteIfExists(file);
    Files.write(file, List.of(lines));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    return KafkaSettings.read(TOPIC, file);
  }

  @Test
  void aTopicHasBrokersAndAName() {
    KafkaTopic topic = KafkaTopic.parse("kafka://a.example:9092,[fd00::1]:9093/audit.a_b-c");
    assertThat(topic.brokers()).containsExactly("a.example:9092", "[fd00::1]:9093");
    assertThat(topic.name()).isEqualTo("audit.a_b-c");
    assertThat(topic).hasToString("kafka://a.example:9092,[fd00::1]:9093/audit.a_b-c");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kafka://a:9092",
        "kafka://a:9092/",
        "kafka:///audit",
        "kafka://a/audit",
        "kafka://a:0/audit",
        "kafka://a:65536/audit",
        "kafka://a:9092,/audit",
        "kafka://user@a:9092/audit",
        "kafka://a:9092/audit/more",
        "kafka://a:9092/audit?acks=0",
        "kafka://a:9092/..",
        "http://a:9092/audit"
      })
  void whatIsNoTopicIsRefused(String text) {
    assertThatThrownBy(() -> KafkaTopic.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected kafka://HOST:PORT/TOPIC");
  }

  @Test
  void tlsAndALoginAreTakenAndShownNowhere() throws Exception {
    KafkaSettings settings =
        read(
            "security.protocol=SASL_SSL",
            "sasl.mechanism=PLAIN",
            "sasl.jaas.config=" + LOGIN,
            "ssl.truststore.type=PEM",
            "ssl.truststore.location=/etc/ca.pem");
    assertThat(settings.properties()).hasSize(5).containsEntry("sasl.jaas.config", LOGIN);
    assertThat(settings).hasToString("kafka://b:9092/audit");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "acks=0; acks' is not known",
        "interceptor.classes=a.B; is not known",
        "ssl.endpoint.identification.algorithm=; is not known",
        "ssl.engine.factory.class=a.B; is not known",
        "security.protocol=SASL_PLAINTEXT; passwords are sent over TLS only",
        "ssl.truststore.location=/a; has no effect with security.protocol PLAINTEXT",
        "sasl.mechanism=PLAIN; expected SASL_SSL",
        "compression.type=zstd; expected none or gzip"
      })
  void whatWouldNotBeVerifiedOrIsNotKnownIsRefused(String line, String why) {
    assertThatThrownBy(() -> read(line)).isInstanceOf(IOException.class).hasMessageContaining(why);
  }

  @Test
  void anotherLoginModuleIsRefusedWithoutShowingItsSecrets() {
    for (String login :
        List.of(
            "com.sun.security.auth.module.JndiLoginModule required password=\"s3cret\";",
            LOGIN + " a.B required;",
            LOGIN.replace(";", ""))) {
      assertThatThrownBy(
              () ->
                  read(
                      "security.protocol=SASL_SSL",
                      "sasl.mechanism=PLAIN",
                      "sasl.jaas.config=" + login))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("expected sasl.jaas.config with one PlainLoginModule")
          .hasMessageNotContaining("s3cret");
    }
  }

  @Test
  void clearTextOverANetworkHasToBeAskedFor() throws Exception {
    String expected = "expected security.protocol=SSL or SASL_SSL, or security.protocol=PLAINTEXT";
    assertThatThrownBy(() -> KafkaSettings.read(TOPIC, null))
        .hasMessageContaining("kafka://b:9092/audit is not on a loopback address")
        .hasMessageContaining(expected);
    assertThatThrownBy(() -> read("client.id=a"))
        .hasMessageContaining("kafka.properties has no security.protocol")
        .hasMessageContaining(expected);
    assertThat(read("security.protocol=PLAINTEXT").properties()).hasSize(1);
    for (String brokers : List.of("127.0.0.2:1", "localhost:1,[::1]:2", "LOCALHOST:1")) {
      KafkaTopic topic = KafkaTopic.parse("kafka://" + brokers + "/audit");
      assertThat(KafkaSettings.read(topic, null).properties()).isEmpty();
    }
    for (String brokers : List.of("localhost:1,10.0.0.1:2", "127.a.example:1", "[fd00::1]:1")) {
      KafkaTopic topic = KafkaTopic.parse("kafka://" + brokers + "/audit");
      assertThatThrownBy(() -> KafkaSettings.read(topic, null)).hasMessageContaining(expected);
    }
  }

  @Test
  void aFileThatIsOpenToOthersIsRefused() throws Exception {
    read("security.protocol=PLAINTEXT");
    Path file = directory.resolve("kafka.properties");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThatThrownBy(() -> KafkaSettings.read(TOPIC, file))
        .hasMessageContaining("is open to others");
    assertThatThrownBy(() -> KafkaSettings.read(TOPIC, directory.resolve("none")))
        .hasMessageContaining("does not exist: expected properties of Kafka's client");
  }
}
