package io.signetmesh.identity.channel.send;

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
  void whoDoesNotWaitLeavesNothingBehind() {
    assertThat(budget.take("a", 80, () -> {})).isTrue();
    assertThat(budget.takeNow("b", 30)).isFalse();
    assertThat(budget.takeNow("c", 30)).isFalse();
    assertThat(budget.take("d", 30, first)).isFalse();

    assertThat(budget.giveBack("a", 80)).containsExactly(first);
    assertThat(budget.takeNow("b", 10)).isTrue();
    assertThat(budget.takeNow("b", 10)).as("an eighth, or one message").isFalse();
    assertThat(budget.spent()).isEqualTo(10);
    assertThat(budget.giveBack("b", 10)).isEmpty();
    assertThat(budget.takeNow("b", 10)).isTrue();
  }

  /** Else each message that is taken would wake all that wait. */
  @Test
  void onlyThoseAreCalledForWhomThereIsRoom() {
    int waiting = 1_000;
    List<Sender> turns = new ArrayList<>();
    List<Sender> sending = List.of(new Sender("owner-0", turns));
    assertThat(budget.take("owner-0", 100, sending.getFirst())).isTrue();
    for (int i = 0; i < waiting; i++) {
      Sender sender = new Sender("owner-" + i % 100, turns);
      assertThat(budget.take(sender.owner, 50, sender)).isFalse();
      assertThat(budget.take(sender.owner, 50, sender)).as("asks again").isFalse();
    }
    int calls = 0;
    for (int i = 0; i < waiting; i++) {
      for (Sender sender : sending) {
        List<SendBudget.Waiter> next = budget.giveBack(sender.owner, i == 0 ? 100 : 50);
        calls += next.size();
        next.forEach(SendBudget.Waiter::retry);
      }
      sending = List.copyOf(turns);
      turns.clear();
      sending.forEach(one -> assertThat(budget.take(one.owner, 50, one)).isTrue());
    }
    assertThat(calls).isEqualTo(waiting);
  }

  /** Notes when it is called. */
  private static final class Sender implements SendBudget.Waiter {
    private final String owner;
    private final List<Sender> turns;

    Sender(String owner, List<Sender> turns) {
      this.owner = owner;
      this.turns = turns;
    }

    @Override
    public void retry() {
      turns.add(this);
    }
  }

  @Test
  void ownersTakeTurns() {
    List<Sender> called = new ArrayList<>();
    Sender sending = new Sender("a", called);
    budget.take("a", 100, sending);
    for (String name : List.of("b", "b", "c", "d")) {
      budget.take(name, 60, new Sender(name, called));
    }
    List<String> turns = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      budget.giveBack(sending.owner, i == 0 ? 100 : 60).forEach(SendBudget.Waiter::retry);
      assertThat(called).hasSize(1);
      sending = called.removeFirst();
      turns.add(sending.owner);
      assertThat(budget.take(sending.owner, 60, sending)).isTrue();
    }
    assertThat(turns).containsExactly("b", "c", "d", "b");
  }

  @Test
  void whoIsGoneIsNotCalled() {
    budget.take("a", 100, () -> {});
    budget.take("b", 10, first);

    budget.forget(first);

    assertThat(budget.giveBack("a", 100)).isEmpty();
  }

  @Test
  void whoComesNewDoesNotGoBeforeOneWhoWaitsForALargeMessage() {
    List<String> owners = List.of("a", "b", "c", "d", "e", "f", "g", "h");
    owners.forEach(owner -> assertThat(budget.take(owner, 12, () -> {})).isTrue());
    assertThat(budget.take("large", 12, first)).isFalse();

    // The room that is left would do for them.
    assertThat(budget.takeNow("new", 4)).isFalse();
    assertThat(budget.take("new", 4, second)).isFalse();

    // Nor do they while it is on its way.
    assertThat(budget.giveBack("a", 12)).containsExactly(first, second);
    assertThat(budget.take("newer", 2, () -> called.add("newer"))).isFalse();
    assertThat(budget.take("large", 12, first)).isTrue();
    assertThat(budget.take("new", 4, second)).isTrue();
    assertThat(called).isEmpty();
  }

  @Test
  void whoWasCalledAndDoesNotComeKeepsNobodyOut() {
    assertThat(budget.take("a", 100, () -> {})).isTrue();
    assertThat(budget.take("b", 100, first)).isFalse();
    assertThat(budget.take("c", 12, second)).isFalse();
    budget.release("a", 100);
    assertThat(called).containsExactly("first");
    budget.callNext();
    assertThat(called).containsExactly("first", "second");
    assertThat(budget.take("c", 12, second)).isTrue();
  }

  @Test
  void whoIsCalledMayGiveBackWhatCallsOthersWithoutNesting() {
    int owners = 20_000;
    assertThat(budget.take("before", 100, () -> {})).isTrue();
    int[] done = new int[1];
    for (int i = 0; i < owners; i++) {
      String owner = "o" + i;
      SendBudget.Waiter[] waiter = new SendBudget.Waiter[1];
      waiter[0] =
          () -> {
            assertThat(budget.take(owner, 100, waiter[0])).isTrue();
            done[0]++;
            budget.release(owner, 100);
          };
      assertThat(budget.take(owner, 100, waiter[0])).isFalse();
    }
    budget.release("before", 100);
    assertThat(done[0]).isEqualTo(owners);
    assertThat(budget.spent()).isZero();
  }
}
