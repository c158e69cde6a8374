package io.signetmesh.crds.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class LinearExpressionTest {
  @ParameterizedTest
  @ValueSource(strings = {"", "/a/[^/]*", "/(a|b){2,3}/.{0,40}", "/v[0-9]+/.*", "(?i)/Admin.*"})
  void expressionsOfOrdinarySizeAreTaken(String expression) {
    assertThat(LinearExpression.problem(expression)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"(", "[a", "*", "(?<=a)b", "\\1"})
  void whatIsNoExpressionIsNamed(String expression) {
    assertThat(LinearExpression.problem(expression)).isPresent();
  }

  @Test
  void expressionsThatProxiesWouldNotTakeAreNamed() {
    assertThat(LinearExpression.problem("/x/.{0,1000}/y.{0,1000}")).isPresent();
    assertThat(LinearExpression.problem("a".repeat(4_097))).isPresent();
    assertThat(LinearExpression.problem("(a)".repeat(101))).isPresent();
  }

  @Test
  void expressionsThatBlowUpAreNamedWithoutCompilingThem() {
    String bomb = "(((((a{100}){100}){100}){100}){100}){100}";
    assertThat(
            assertTimeoutPreemptively(Duration.ofSeconds(5), () -> LinearExpression.problem(bomb)))
        .isPresent();
  }
}
