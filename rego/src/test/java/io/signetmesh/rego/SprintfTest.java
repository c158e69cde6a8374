package io.signetmesh.rego;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class SprintfTest {
  @Test
  void agreesWithOpa() throws Exception {
    PolicyCode code = TestBundles.code(TestBundles.bundle("sprintf"));
    byte[] results =
        code.instance(256, TestBundles.BUDGET)
            .evaluate(code.entrypoints().getOrDefault("sprintf/texts", -1), "{}".getBytes(UTF_8));
    ObjectMapper json = new ObjectMapper();
    assertThat(json.readTree(results).get(0).get("result"))
        .isEqualTo(json.readTree(TestBundles.texts("sprintf")));
  }

  @Test
  void whatWouldGrowIsRefused() {
    assertThatThrownBy(() -> format("%257d", "[1]")).hasMessageContaining("width");
    assertThatThrownBy(() -> format("%.999f", "[1.5]")).hasMessageContaining("width");
    assertThatThrownBy(
            () -> format("%s".repeat(300), "[" + args("\"" + "a".repeat(300) + "\"") + "]"))
        .hasMessageContaining("65536");
    assertThatThrownBy(() -> format("", "[" + args("\"" + "a".repeat(300) + "\"") + "]"))
        .hasMessageContaining("65536");
    assertThatThrownBy(() -> format("%c", "[65]")).hasMessageContaining("verb %c");
    assertThatThrownBy(() -> Sprintf.format("1".getBytes(UTF_8), "[]".getBytes(UTF_8)))
        .hasMessageContaining("a string and an array");
    assertThatThrownBy(() -> Sprintf.format("\"\"".getBytes(UTF_8), "[".getBytes(UTF_8)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void numbersOfManyDigitsAreTexts() {
    assertThat(format("%v %v", "[1e999, " + "9".repeat(40) + "]"))
        .isEqualTo("1e999 " + "9".repeat(40));
  }

  private static String args(String value) {
    return (value + ",").repeat(299) + value;
  }

  private static String format(String format, String values) {
    return Sprintf.format(("\"" + format + "\"").getBytes(UTF_8), values.getBytes(UTF_8));
  }
}
