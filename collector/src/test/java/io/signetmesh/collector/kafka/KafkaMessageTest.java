package io.signetmesh.collector.kafka;

import static io.signetmesh.collector.log.Logs.NOW;
import static io.signetmesh.collector.log.Logs.id;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.entry.LogEntry;
import java.io.IOException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class KafkaMessageTest {
  static byte[] entry(boolean isForeign, String rest) throws IOException {
    byte[] line = ("{\"sequence\":1," + rest + "}").getBytes(UTF_8);
    return new LogEntry("node-1", id(1), NOW, isForeign, LogEntry.Line.of(line)).bytes();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"time\":\"x\"",
        "\"decision\":{\"workload\":\"shop/web\",\"count\":99999999999999999999}"
      })
  void whatCannotBeReadHasTheKeyOfItsWriterAndItsTime(String rest) throws Exception {
    KafkaMessage message = KafkaMessage.of(3, entry(false, rest));
    assertThat(message.key()).isEqualTo("node-1");
    assertThat(message.received()).isEqualTo(NOW.toEpochMilli());
  }

  @Test
  void whatIsNoEntryHasAKeyOfItsOwn() {
    assertThat(KafkaMessage.of(7, new byte[] {1}).key()).isEqualTo("#7");
  }

  @Test
  void theKeyIsNoClaimOfAWriterThatDoesNotSpeakForTheWorkload() throws Exception {
    String rest = "\"decision\":{\"workload\":\"shop/web\",\"verdict\":\"allow\"}";
    assertThat(KafkaMessage.of(1, entry(false, rest)).key()).isEqualTo("shop/web");
    assertThat(KafkaMessage.of(1, entry(true, rest)).key()).isEqualTo("node-1");
  }

  @Test
  void anEntryIsLeftOutOnlyForWhatItIsItself() {
    assertThat(KafkaSender.isRefusal(new InvalidRecordException("a"), false)).isTrue();
    assertThat(KafkaSender.isRefusal(new RecordTooLargeException("a"), false)).isTrue();
    // One of its batch is, and it is not said which.
    assertThat(KafkaSender.isRefusal(new KafkaException("a"), true)).isTrue();
    assertThat(KafkaSender.isRefusal(new KafkaException("a"), false)).isFalse();
    assertThat(KafkaSender.isRefusal(new TopicAuthorizationException("a"), true)).isFalse();
    assertThat(KafkaSender.isRefusal(new InvalidTimestampException("a"), false)).isFalse();
  }

  @Test
  void aTopicThatIsCompactedIsWarnedOf() {
    KafkaTopic topic = KafkaTopic.parse("kafka://127.0.0.1:9092/audit");
    assertThat(new KafkaPlace("c", "t", "delete").warning(topic)).isNull();
    assertThat(new KafkaPlace("c", "t", "compact,delete").warning(topic))
        .isEqualTo(
            "cleanup.policy of kafka://127.0.0.1:9092/audit is 'compact,delete': expected delete; a"
                + " compacted topic keeps the last entry of a workload only");
    assertThat(new KafkaPlace("c", "t", null).warning(topic)).contains("do not say");
  }
}
