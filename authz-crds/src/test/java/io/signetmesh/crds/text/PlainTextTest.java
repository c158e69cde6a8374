package io.signetmesh.crds.text;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.manifest.ManifestFinding;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlainTextTest {
  @ParameterizedTest
  @CsvSource({
    "web,web",
    "'caf\u00e9 \u65e5\u672c \ud83d\ude00','caf\u00e9 \u65e5\u672c \ud83d\ude00'",
    "'\u001b[31mred',\\u001b[31mred",
    "'\u009b31m',\\u009b31m",
    "'a\u202eb',a\\u202eb",
    "'a\u2028b',a\\u2028b",
    "'\ud83d',\\ud83d",
    "'\ude00x',\\ude00x"
  })
  void showsWhatATerminalObeysAsEscapes(String text, String shown) {
    assertThat(PlainText.of(text)).isEqualTo(shown);
  }

  @Test
  void tagsHiddenInSupplementaryPlanesAreShownTooAsEscapes() {
    assertThat(PlainText.of("a\udb40\udc41")).isEqualTo("a\\udb40\\udc41");
  }

  @Test
  void lineFeedsEndNoLineUnlessLinesAreMeant() {
    assertThat(PlainText.of("a\n2026 ERROR fake")).isEqualTo("a\\u000a2026 ERROR fake");
    assertThat(PlainText.linesOf("a\n\tb\r")).isEqualTo("a\n\tb\\u000d");
  }

  @Test
  void findingsArePlain() {
    ManifestFinding finding =
        new ManifestFinding(
            ManifestFinding.Severity.ERROR, null, null, "spec.x\u001b", "bad \"\u001b]0;x\n\"");

    assertThat(finding.toString()).isEqualTo("error: spec.x\\u001b: bad \"\\u001b]0;x\\u000a\"");
  }
}
