package io.signetmesh.jwt.claim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.StrictJson;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.ClaimValue;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClaimRequirementTest {
  /** Values and claims in JSON, which mean the same or not. */
  private static final List<String> SCALARS =
      List.of(
          "\"a\"",
          "\"b\"",
          "\"1\"",
          "\"true\"",
          "\"\"",
          "1",
          "1.0",
          "10e-1",
          "2",
          "0",
          "-0.0",
          "true",
          "false");

  private static ClaimValue value(String json) {
    return switch (json(json)) {
      case JsonValue.Text(String text) -> ClaimValue.newBuilder().setText(text).build();
      case JsonValue.Numeral(String text) -> ClaimValue.newBuilder().setNumber(text).build();
      case JsonValue.Truth(boolean truth) -> ClaimValue.newBuilder().setTruth(truth).build();
      default -> throw new AssertionError(json);
    };
  }

  private static ClaimRule.Values values(List<String> json) {
    ClaimRule.Values.Builder values = ClaimRule.Values.newBuilder();
    json.forEach(one -> values.addValues(value(one)));
    return values.build();
  }

  private static JsonValue json(String text) {
    try {
      return StrictJson.parse(text.getBytes(StandardCharsets.UTF_8));
    } catch (Exception e) {
      throw new AssertionError(text, e);
    }
  }

  private static ClaimRule rule(String operator, String... json) {
    ClaimRule.Builder rule = ClaimRule.newBuilder().addPath("c");
    switch (operator) {
      case "equals" -> rule.setEquals(value(json[0]));
      case "anyOf" -> rule.setAnyOf(values(List.of(json)));
      case "allOf" -> rule.setAllOf(values(List.of(json)));
      case "noneOf" -> rule.setNoneOf(values(List.of(json)));
      case "matches" -> rule.setMatches(json[0]);
      case "exists" -> rule.setExists(Boolean.parseBoolean(json[0]));
      default -> throw new AssertionError(operator);
    }
    return rule.build();
  }

  private static boolean holds(ClaimRule rule, String claims) {
    return ClaimRequirement.compile(rule).holds((JsonValue.Members) json(claims));
  }

  @Provide
  Arbitrary<String> scalars() {
    return Arbitraries.of(SCALARS);
  }

  @Provide
  Arbitrary<String> claims() {
    Arbitrary<String> scalars = Arbitraries.of(SCALARS);
    Arbitrary<String> odd = Arbitraries.of("null", "{}", "{\"a\":1}", "[\"a\"]", "[]");
    return Arbitraries.frequencyOf(
        net.jqwik.api.Tuple.of(4, scalars),
        net.jqwik.api.Tuple.of(1, odd),
        net.jqwik.api.Tuple.of(
            4,
            Arbitraries.frequencyOf(
                    net.jqwik.api.Tuple.of(5, scalars), net.jqwik.api.Tuple.of(1, odd))
                .list()
                .ofMaxSize(4)
                .map(list -> "[" + String.join(",", list) + "]")));
  }

  @Provide
  Arbitrary<List<String>> lists() {
    return scalars().list().ofMinSize(1).ofMaxSize(3);
  }

  /** Equality in the plainest words. */
  private static boolean same(JsonValue one, JsonValue other) {
    if (one instanceof JsonValue.Numeral(String left)
        && other instanceof JsonValue.Numeral(String right)) {
      return new BigDecimal(left).compareTo(new BigDecimal(right)) == 0;
    }
    return (one instanceof JsonValue.Text || one instanceof JsonValue.Truth) && one.equals(other);
  }

  private static boolean isIn(JsonValue value, List<String> list) {
    return list.stream().anyMatch(one -> same(value, json(one)));
  }

  private static boolean compound(JsonValue value) {
    return value instanceof JsonValue.Members || value instanceof JsonValue.Elements;
  }

  private static @Nullable List<JsonValue> elements(JsonValue value) {
    return value instanceof JsonValue.Elements(List<JsonValue> elements) ? elements : null;
  }

  @Property(tries = 3000)
  void agreesWithAModel(@ForAll("lists") List<String> wanted, @ForAll("claims") String claim) {
    String claims = "{\"c\":" + claim + "}";
    JsonValue value = json(claim);
    List<JsonValue> elements = elements(value);
    String[] list = wanted.toArray(String[]::new);

    assertThat(holds(rule("equals", wanted.getFirst()), claims))
        .isEqualTo(same(value, json(wanted.getFirst())));
    assertThat(holds(rule("anyOf", list), claims))
        .isEqualTo(
            elements == null
                ? isIn(value, wanted)
                : elements.stream().anyMatch(element -> isIn(element, wanted)));
    assertThat(holds(rule("allOf", list), claims))
        .isEqualTo(
            wanted.stream()
                .allMatch(
                    one ->
                        elements == null
                            ? same(value, json(one))
                            : elements.stream().anyMatch(element -> same(element, json(one)))));
    assertThat(holds(rule("noneOf", list), claims))
        .isEqualTo(
            elements == null
                ? !compound(value) && !isIn(value, wanted)
                : elements.stream()
                    .noneMatch(element -> compound(element) || isIn(element, wanted)));
    assertThat(holds(rule("exists", "true"), claims)).isTrue();
    assertThat(holds(rule("exists", "false"), claims)).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "equals  | \"a\"   | false",
        "anyOf   | \"a\"   | false",
        "allOf   | \"a\"   | false",
        "noneOf  | \"a\"   | true",
        "matches | .*      | false",
        "exists  | true    | false",
        "exists  | false   | true"
      })
  void anAbsentClaimHolds(String operator, String argument, boolean expected) {
    ClaimRule rule = rule(operator, argument);
    ClaimRule inside = rule.toBuilder().clearPath().addPath("a").addPath("c").build();

    assertThat(holds(rule, "{}")).isEqualTo(expected);
    assertThat(holds(inside, "{}")).isEqualTo(expected);
    assertThat(holds(inside, "{\"a\":{}}")).isEqualTo(expected);
    assertThat(holds(inside, "{\"a\":null}")).isEqualTo(expected);
    // Nobody can say what is in there.
    for (String other : List.of("[{\"c\":\"a\"}]", "[]", "\"c\"", "7", "true")) {
      assertThat(holds(inside, "{\"a\":" + other + "}")).as(other).isFalse();
    }
  }

  @Test
  void aDotIsPartOfAName() {
    ClaimRule rule =
        ClaimRule.newBuilder()
            .addPath("kubernetes.io")
            .addPath("namespace")
            .setEquals(value("\"shop\""))
            .build();

    assertThat(holds(rule, "{\"kubernetes.io\":{\"namespace\":\"shop\"}}")).isTrue();
    assertThat(holds(rule, "{\"kubernetes\":{\"io\":{\"namespace\":\"shop\"}}}")).isFalse();
    assertThat(ClaimRequirement.compile(rule))
        .hasToString("\"kubernetes.io\".namespace equals \"shop\"");
  }

  @ParameterizedTest
  @CsvSource({
    "a+,      '\"aaa\"',          true",
    "a+,      '\"aab\"',          false",
    "a+,      '\"baa\"',          false",
    "a+,      '[\"b\",\"aa\"]',   true",
    "a+,      '[\"b\",[\"aa\"]]', false",
    "a|ab,    '\"ab\"',           true",
    "1,       1,                  false",
    "true,    true,               false",
    "'',      '\"\"',             true",
    ".*,      null,               false",
    "(?i)a,   '\"A\"',            true",
    "'a.b',   '\"a\\nb\"',        false"
  })
  void aRegularExpressionMatchesTheWholeText(String regex, String claim, boolean expected) {
    assertThat(holds(rule("matches", regex), "{\"c\":" + claim + "}")).isEqualTo(expected);
  }

  @Test
  void aRegularExpressionTakesLinearTime() {
    ClaimRule rule = rule("matches", "(a*)*(a|aa)+(.*a){10}b");

    assertThat(holds(rule, "{\"c\":\"" + "a".repeat(4000) + "\"}")).isFalse();
    assertThat(holds(rule("matches", "a*"), "{\"c\":\"" + "a".repeat(4096) + "\"}")).isTrue();
    assertThat(holds(rule("matches", "a*"), "{\"c\":\"" + "a".repeat(4097) + "\"}")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"(", "[a", "*", "(?=a)", "(a)\\1", "a{1001}", "((a{100}){100}){100}", "\\p{Foo}"})
  void aRegularExpressionThatIsNoneOrTooLargeIsRefused(String regex) {
    assertThatThrownBy(() -> ClaimRequirement.compile(rule("matches", regex)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("claim c: regular expression " + JsonText.quoted(regex));
  }

  @Test
  void aRuleThatIsNotKnownIsRefused() {
    assertThatThrownBy(() -> ClaimRequirement.compile(ClaimRule.newBuilder().addPath("c").build()))
        .hasMessage("claim c: no operator that this version knows");
    assertThatThrownBy(
            () -> ClaimRequirement.compile(ClaimRule.newBuilder().setExists(true).build()))
        .hasMessage("path of 0 names: expected 1 to 32");
    assertThatThrownBy(
            () ->
                ClaimRequirement.compile(
                    ClaimRule.newBuilder()
                        .addPath("c")
                        .setAnyOf(ClaimRule.Values.getDefaultInstance())
                        .build()))
        .hasMessage("claim c: no values: expected at least one");
    assertThatThrownBy(
            () ->
                ClaimRequirement.compile(
                    ClaimRule.newBuilder()
                        .addPath("c")
                        .setEquals(ClaimValue.getDefaultInstance())
                        .build()))
        .hasMessage("claim c: value of unknown type");
    for (String number : List.of("", "x", "1e1000", "01", "\"1\"", "NaN")) {
      assertThatThrownBy(
              () ->
                  ClaimRequirement.compile(
                      ClaimRule.newBuilder()
                          .addPath("c")
                          .setEquals(ClaimValue.newBuilder().setNumber(number))
                          .build()))
          .hasMessageStartingWith("claim c: number ");
    }
  }

  @Test
  void manyValuesAreShownInPart() {
    String[] many = new String[20];
    for (int i = 0; i < many.length; i++) {
      many[i] = String.valueOf(i);
    }

    assertThat(ClaimRequirement.compile(rule("noneOf", many)))
        .hasToString("c none of 0, 1, 2, 3, 4, 5, 6, 7 and 12 more");
  }
}
