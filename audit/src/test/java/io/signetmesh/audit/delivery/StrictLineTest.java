package io.signetmesh.audit.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StrictLineTest {
  private static boolean isRecord(String line) {
    byte[] bytes = line.getBytes(UTF_8);
    return StrictLine.isRecord(bytes, 0, bytes.length);
  }

  @Test
  void whatACollectorRefusesIsNoRecord() {
    assertThat(isRecord("{\"sequence\":1}")).isTrue();
    assertThat(isRecord("{\"a\":" + "[".repeat(30) + "]".repeat(30) + "}")).isTrue();
    assertThat(isRecord("{\"a\":" + "[".repeat(31) + "]".repeat(31) + "}")).isFalse();
    assertThat(isRecord("\ufeff{\"sequence\":1}")).isFalse();
    assertThat(isRecord(" {\"sequence\":1}")).isFalse();
    assertThat(isRecord("{\"sequence\":1} ")).isFalse();
    assertThat(isRecord("")).isFalse();
    byte[] malformed = "{\"a\":\"x\"}".getBytes(UTF_8);
    malformed[6] = (byte) 0xff;
    assertThat(StrictLine.isRecord(malformed, 0, malformed.length)).isFalse();
  }
}
