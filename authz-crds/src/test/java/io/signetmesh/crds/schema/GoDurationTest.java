package io.signetmesh.crds.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GoDurationTest {
  @ParameterizedTest
  @CsvSource({
    "0, PT0S",
    "10s, PT10S",
    "1h30m, PT1H30M",
    "1.5s, PT1.5S",
    ".5s, PT0.5S",
    "1.s, PT1S",
    "100us, PT0.0001S",
    "100µs, PT0.0001S",
    "1ms1ns, PT0.001000001S",
    "-2m, PT-2M",
    "+2m, PT2M",
    "0.9ns, PT0S",
    "9223372036854775807ns, PT2562047H47M16.854775807S"
  })
  void readsWhatGoReads(String text, Duration expected) {
    assertThat(GoDuration.parse(text)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-",
        "10",
        "s",
        "1d",
        "1 s",
        "1s ",
        "1e3s",
        ".s",
        "--1s",
        "9223372036854775808ns",
        "300000000h",
        "1s1"
      })
  void refusesTheRest(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GoDuration.parse(text))
        .withMessageStartingWith("\"" + text + "\" is not a duration");
  }

  @Test
  void boundsItsMessage() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GoDuration.parse("1".repeat(1_000_000) + "s"))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(200));
  }
}
