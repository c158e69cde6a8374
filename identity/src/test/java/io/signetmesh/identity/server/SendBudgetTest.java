package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SendBudgetTest {
  private final SendBudget budget = new SendBudget(100);
  private final List<String> called = new ArrayList<>();
  private final SendBudget.Waiter first = () -> called.add("first");
  private final SendBudget.Waiter second = () -> called.add("second");

  @Test
  void whoFindsItSpentIsCalledInTheOrderOfAsking() {
    assertThat(budget.take("a", 80, () -> {})).isTrue();
    assertThat(budget.take("b", 30, first)).isFalse();
    assertThat(budget.take("c", 30, second)).isFalse();
    assertThat(budget.take("b", 30, first)).isFalse();

    budget.giveBack("a", 80).forEach(SendBudget.Waiter::retry);

    assertThat(called).containsExactly("first", "second");
    assertThat(budget.take("b", 30, first)).isTrue();
    assertThat(budget.spent()).isEqualTo(30);
  }

  @Test
  void messageLargerThanTheBudgetPassesAlone() {
    assertThat(budget.take("a", 500, first)).isTrue();
    assertThat(budget.take("b", 1, second)).isFalse();
  }

  @Test
  void ownerHasAnEighthOrOneMessageSoThatItKeepsNobodyOut() {
    assertThat(budget.take("slow", 10, first)).isTrue();
    assertThat(budget.take("slow", 10, second)).isFalse();
    assertThat(budget.take("starting", 10, () -> {})).isTrue();
    assertThat(budget.take("small", 6, () -> {})).isTrue();
    assertThat(budget.take("small", 6, () -> {})).isTrue();
    assertThat(budget.take("small", 1, () -> {})).isFalse();

    budget.giveBack("slow", 10).forEach(SendBudget.Waiter::retry);

    assertThat(called).containsExactly("second");
    assertThat(budget.take("slow", 10, second)).isTrue();
  }

  @Test
  void whoIsGoneIsNotCalled() {
    budget.take("a", 100, () -> {});
    budget.take("b", 10, first);

    budget.forget(first);

    assertThat(budget.giveBack("a", 100)).isEmpty();
  }
}
