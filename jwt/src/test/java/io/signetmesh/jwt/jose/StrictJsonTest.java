package io.signetmesh.jwt.jose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.jwt.ThreadCpu;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StrictJsonTest {
  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Provide
  static Arbitrary<JsonValue> values() {
    return values(4);
  }

  private static Arbitrary<JsonValue> values(int depth) {
    Arbitrary<String> texts =
        Arbitraries.strings().withChars("a\"\\\n\0/é\u2028").withChars('b', 'c').ofMaxLength(6);
    Arbitrary<JsonValue> scalars =
        Arbitraries.oneOf(
            texts.map(JsonValue.Text::new),
            Arbitraries.of("0", "-0", "1.50", "1E5", "-12e-3").map(JsonValue.Numeral::new),
            Arbitraries.of(true, false).map(JsonValue.Truth::new),
            Arbitraries.just(new JsonValue.Nothing()));
    if (depth == 0) {
      return scalars;
    }
    return Arbitraries.oneOf(
        scalars,
        values(depth - 1).list().ofMaxSize(3).map(JsonValue.Elements::new),
        Arbitraries.maps(texts, values(depth - 1))
            .ofMaxSize(3)
            .map(map -> new JsonValue.Members(new LinkedHashMap<>(map), false)));
  }

  @Property(tries = 300)
  void whatIsWrittenIsReadAsTheSame(@ForAll("values") JsonValue value) throws Exception {
    assertThat(StrictJson.parse(bytes(JsonText.of(value)))).isEqualTo(value);
  }

  /** Cutting a text makes it another text, and mostly none. */
  @Property(tries = 300)
  void noTextEndsInTheMiddle(@ForAll("values") JsonValue value) {
    String text = JsonText.of(new JsonValue.Elements(List.of(value)));
    for (int end = 0; end < text.length(); end++) {
      String part = text.substring(0, end);
      assertThatThrownBy(() -> StrictJson.parse(bytes(part)))
          .isInstanceOf(MalformedException.class);
    }
  }

  @Test
  void depthIsBounded() throws Exception {
    assertThat(StrictJson.parse(bytes("[".repeat(32) + "]".repeat(32)))).isNotNull();
    assertThatThrownBy(() -> StrictJson.parse(bytes("[".repeat(33) + "]".repeat(33))))
        .isInstanceOf(MalformedException.class);
  }

  @Test
  void numbersAreBounded() throws Exception {
    assertThat(StrictJson.parse(bytes("9".repeat(64))))
        .isEqualTo(new JsonValue.Numeral("9".repeat(64)));
    assertThat(StrictJson.parse(bytes("-1.5E+999"))).isEqualTo(new JsonValue.Numeral("-1.5E+999"));
    for (String number :
        List.of("9".repeat(65), "1e1000", "1e-1000", "1e+0001", "0." + "1".repeat(63))) {
      assertThatThrownBy(() -> StrictJson.parse(bytes(number)))
          .isInstanceOf(MalformedException.class);
    }
  }

  @Test
  void aNameThatIsThereTwiceIsMarkedWhereItMayBe() throws Exception {
    JsonValue value = StrictJson.parseMarked("[{\"a\":1,\"a\":2},{\"a\":1}]");

    assertThat(value)
        .isEqualTo(
            new JsonValue.Elements(
                List.of(
                    new JsonValue.Members(Map.of("a", new JsonValue.Numeral("1")), true),
                    new JsonValue.Members(Map.of("a", new JsonValue.Numeral("1")), false))));
    assertThatThrownBy(() -> StrictJson.parse(bytes("[{\"a\":1,\"a\":2}]")))
        .hasMessage("an object has a name twice");
  }

  /** Names whose hash codes are equal take no longer than others. */
  @Test
  void namesThatCollideAreRead() throws Exception {
    List<String> names = new ArrayList<>(List.of(""));
    for (int i = 0; i < 12; i++) {
      List<String> longer = new ArrayList<>();
      for (String name : names) {
        longer.add(name + "Aa");
        longer.add(name + "BB");
      }
      names = longer;
    }
    StringBuilder text = new StringBuilder("{");
    for (String name : names) {
      text.append(text.length() == 1 ? "" : ",").append('"').append(name).append("\":1");
    }

    long begun = ThreadCpu.nanos();
    JsonValue value = StrictJson.parse(bytes(text.append('}').toString()));

    assertThat(((JsonValue.Members) value).values()).hasSize(4096);
    assertThat(ThreadCpu.nanos() - begun).isLessThan(5_000_000_000L);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "nul",
        "tru",
        "True",
        "[1,]",
        "{\"a\"}",
        "{a:1}",
        "[1 2]",
        "\"\\x\"",
        "\"\\u12\"",
        "1.",
        ".5",
        "-",
        "1e",
        "\u00a01"
      })
  void whatIsNoJsonIsRefused(String text) {
    assertThatThrownBy(() -> StrictJson.parse(bytes(text))).isInstanceOf(MalformedException.class);
  }

  @Test
  void messagesQuoteNothing() {
    assertThatThrownBy(() -> StrictJson.parse(bytes("{\"password\":secret}")))
        .hasMessage("not JSON at character 13")
        .hasNoCause();
  }

  @Test
  void charactersBeyondTheBasicPlaneAreRead() throws Exception {
    assertThat(StrictJson.parse(bytes("\"\\ud83d\\ude00\uD83D\uDE00\"")))
        .isEqualTo(new JsonValue.Text("\uD83D\uDE00\uD83D\uDE00"));
  }
}
