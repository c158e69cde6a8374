package io.signetmesh.collector.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class IntakeBudgetTest {
  private final IntakeBudget budget = new IntakeBudget(100);

  @Test
  void aWriterHoldsAsMuchAsItLeaves() {
    assertThat(budget.take("a", 50)).isTrue();
    assertThat(budget.take("a", 1)).isFalse();
    assertThat(budget.take("b", 25)).isTrue();
    assertThat(budget.take("b", 1)).isFalse();
    assertThat(budget.take("c", 12)).isTrue();

    budget.give("a", 50);
    assertThat(budget.take("b", 1)).isTrue();
    assertThat(budget.taken()).isEqualTo(38);
  }

  @Test
  void whoWaitsIsAskedInTurnsByWriterWhenThereIsRoom() {
    List<String> asked = new ArrayList<>();
    assertThat(budget.take("x", 50)).isTrue();
    budget.ask("a", () -> asked.add("a1"));
    budget.ask("a", () -> asked.add("a2"));
    budget.ask("a", () -> asked.add("a3"));
    budget.ask("b", () -> asked.add("b1"));
    budget.ask("b", () -> asked.add("b2"));
    assertThat(asked).isEmpty();

    budget.give("x", 10);
    assertThat(asked).containsExactly("a1", "b1");
    budget.give("x", 40);
    assertThat(asked).containsExactly("a1", "b1", "a2", "b2", "a3");

    budget.ask("c", () -> asked.add("c1"));
    assertThat(asked).endsWith("c1");
  }

  @Test
  void streamsThatHaveEndedAreNotKept() {
    List<String> asked = new ArrayList<>();
    Runnable ended = () -> {};
    assertThat(budget.take("x", 50)).isTrue();
    for (int i = 0; i < 1_000; i++) {
      budget.ask("a", ended);
      budget.forget("a", ended);
    }
    assertThat(budget.waiting()).isZero();
    budget.ask("a", ended);
    budget.ask("a", () -> asked.add("a"));
    budget.ask("b", () -> asked.add("b"));
    budget.forget("a", ended);
    assertThat(budget.waiting()).isEqualTo(2);
    budget.give("x", 10);
    assertThat(asked).containsExactly("a", "b");
  }
}
