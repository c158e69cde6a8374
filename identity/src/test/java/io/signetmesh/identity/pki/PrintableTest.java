package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrintableTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u009b", "\u0085", "\u202e", "\u2028", "\u2029", "\u200b", "\u001b", "\n", "\u007f", "\"",
        "\ud800"
      })
  void nothingThatATerminalObeysComesThrough(String character) {
    assertThat(WorkloadIdentity.printable("a" + character + "b")).isEqualTo("\"a?b\"");
  }

  @Test
  void lettersOfAllScriptsDo() {
    assertThat(WorkloadIdentity.printable("w\u00e9b \u4e16 \ud83d\ude00"))
        .isEqualTo("\"w\u00e9b \u4e16 \ud83d\ude00\"");
  }
}
