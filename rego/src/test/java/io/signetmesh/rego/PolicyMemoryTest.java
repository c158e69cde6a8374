package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PolicyMemoryTest {
  private static final int PAGE = 1 << 16;

  private static MemoryBudget.Share budget(int pages) {
    return new MemoryBudget((long) pages * PAGE, owner -> false).share("shop");
  }

  private static PolicyMemory of(PolicyMemory memory, int maximum, MemoryBudget.Share budget) {
    return PolicyMemory.of(memory.snapshot(), 1, maximum, budget);
  }

  @Test
  void isPutBackWhateverWasWritten() {
    Random random = new Random(7);
    MemoryBudget.Share budget = budget(10_000);
    PolicyMemory first = new PolicyMemory(3, 40, budget);
    for (int i = 0; i < 1000; i++) {
      first.writeLong(random.nextInt(2 * PAGE), random.nextLong());
    }
    PolicyMemory.Snapshot snapshot = first.snapshot();
    byte[] bytes = first.readBytes(0, 3 * PAGE);
    PolicyMemory memory = PolicyMemory.of(snapshot, 3, 40, budget);
    for (int round = 0; round < 50; round++) {
      memory.grow(random.nextInt(3));
      int end = memory.pages() * PAGE - 8;
      for (int i = 0; i < 100; i++) {
        int address = random.nextInt(end);
        switch (random.nextInt(7)) {
          case 0 -> memory.writeByte(address, (byte) 1);
          case 1 -> memory.writeShort(address, (short) -1);
          case 2 -> memory.writeI32(address, -1);
          case 3 -> memory.writeLong(address, -1);
          case 4 -> memory.writeF32(address, 1.5f);
          case 5 -> memory.writeF64(address, 1.5);
          default -> memory.write(address, new byte[] {1, 2, 3, 4, 5}, 1, 3);
        }
      }
      memory.restore(snapshot);
      assertThat(memory.pages()).isEqualTo(3);
      assertThat(memory.readBytes(0, 3 * PAGE)).isEqualTo(bytes);
      memory.grow(10);
      assertThat(memory.readBytes(3 * PAGE, 10 * PAGE)).containsOnly(0);
      memory.restore(snapshot);
    }
  }

  @Test
  void valuesCrossBlocks() {
    PolicyMemory.Snapshot snapshot = new PolicyMemory(1, 1, budget(10)).snapshot();
    PolicyMemory memory = PolicyMemory.of(snapshot, 1, 1, budget(10));
    memory.writeLong(4092, -1);
    memory.writeShort(8191, (short) -1);
    memory.writeI32(12287, -1);
    memory.writeF64(16381, Double.NaN);
    memory.restore(snapshot);
    assertThat(memory.readBytes(0, PAGE)).containsOnly(0);
  }

  @Test
  void growsToItsMaximum() {
    PolicyMemory memory = new PolicyMemory(1, 4, budget(20));
    assertThat(memory.grow(3)).isEqualTo(1);
    assertThat(memory.exhausted()).isFalse();
    assertThat(memory.grow(1)).isEqualTo(-1);
    assertThat(memory.exhausted()).isTrue();
    assertThat(memory.grow(-1)).isEqualTo(-1);
    assertThat(memory.pages()).isEqualTo(4);
    assertThatThrownBy(() -> memory.writeByte(4 * PAGE, (byte) 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> memory.readInt(-4)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> memory.text(4 * PAGE, 10))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void takesAllOfItsBytesFromTheBudgetAndGivesThemBack() {
    MemoryBudget.Share budget = budget(200);
    PolicyMemory first = new PolicyMemory(1, 1000, budget);
    first.writeByte(7, (byte) 1);
    assertThat(budget.budget().used()).isEqualTo(PAGE);
    PolicyMemory.Snapshot snapshot = first.snapshot();
    assertThat(budget.budget().used()).isEqualTo(PAGE + snapshot.size());
    first.release();
    PolicyMemory memory = PolicyMemory.of(snapshot, 1, 1000, budget);
    assertThat(memory.grow(31)).isEqualTo(1);
    assertThat(budget.budget().used()).isEqualTo(32 * PAGE + snapshot.size());
    assertThat(memory.grow(968)).isEqualTo(-1);
    assertThat(memory.exhausted()).isTrue();
    memory.restore(snapshot);
    assertThat(memory.exhausted()).isFalse();
    assertThat(memory.size()).isEqualTo(PAGE);
    assertThat(memory.read(7)).isEqualTo((byte) 1);
    assertThat(budget.budget().used()).isEqualTo(PAGE + snapshot.size());
    memory.release();
    assertThat(budget.budget().used()).isEqualTo(snapshot.size());
  }

  @Test
  void isNotMadeWithoutABudget() {
    MemoryBudget.Share budget = budget(2);
    PolicyMemory.Snapshot snapshot = new PolicyMemory(1, 1, budget(10)).snapshot();
    assertThatThrownBy(() -> new PolicyMemory(3, 3, budget))
        .isInstanceOf(MemoryBudget.ExhaustedException.class);
    PolicyMemory memory = PolicyMemory.of(snapshot, 1, 1, budget);
    assertThatThrownBy(() -> PolicyMemory.of(snapshot, 1, 1, budget))
        .isInstanceOf(MemoryBudget.ExhaustedException.class);
    memory.release();
    assertThat(budget.budget().used()).isZero();
  }

  @Test
  void snapshotsTakeNothingForZeros() {
    PolicyMemory memory = new PolicyMemory(1024, 1024, budget(3000));
    memory.writeByte(1024 * PAGE - 1, (byte) 1);
    assertThat(memory.snapshot().size()).isEqualTo(4096);
  }

  @Test
  void oneOwnerLeavesMemoryForTheOthers() {
    MemoryBudget budget = new MemoryBudget(100, owner -> false);
    MemoryBudget.Share greedy = budget.share("greedy");
    while (greedy.take(1)) {}
    assertThat(budget.used()).isEqualTo(50);
    MemoryBudget.Share other = budget.share("other");
    assertThat(other.take(25)).isTrue();
    assertThat(other.take(1)).isFalse();
    greedy.give(50);
    other.give(25);
    assertThat(budget.used()).isZero();
  }

  @Test
  void whatIsIdleIsGivenBackBeforeAnythingIsRefused() {
    MemoryBudget.Share[] idle = new MemoryBudget.Share[1];
    MemoryBudget budget =
        new MemoryBudget(
            100,
            owner -> {
              idle[0].give(40);
              return true;
            });
    idle[0] = budget.share("shop");
    assertThat(idle[0].take(40)).isTrue();
    assertThat(idle[0].take(50)).isTrue();
    assertThat(budget.used()).isEqualTo(50);
  }

  @Test
  void whoHasMostLosesWhatIsIdleFirstAndNobodyLosesItToOneThatHasMore() {
    Map<String, Integer> idle = new HashMap<>(Map.of("large", 3, "middle", 3, "small", 3));
    Map<String, MemoryBudget.Share> shares = new HashMap<>();
    MemoryBudget budget =
        new MemoryBudget(
            100,
            owner -> {
              int left = idle.getOrDefault(owner, 0);
              if (left == 0) {
                return false;
              }
              idle.put(owner, left - 1);
              Objects.requireNonNull(shares.get(owner)).give(5);
              return true;
            });
    for (String owner : List.of("small", "middle", "large", "new")) {
      shares.put(owner, budget.share(owner));
    }
    assertThat(Objects.requireNonNull(shares.get("large")).take(40)).isTrue();
    assertThat(Objects.requireNonNull(shares.get("middle")).take(25)).isTrue();
    assertThat(Objects.requireNonNull(shares.get("small")).take(15)).isTrue();

    // 80 are used: 25 more fit when 5 are given up, 30 when another 5 are.
    assertThat(Objects.requireNonNull(shares.get("new")).take(25)).isTrue();
    assertThat(idle).containsEntry("large", 2).containsEntry("middle", 3).containsEntry("small", 3);

    // It has more than each of the others would have to give it.
    assertThat(Objects.requireNonNull(shares.get("new")).take(20)).isFalse();
    assertThat(idle).containsEntry("large", 2).containsEntry("middle", 3).containsEntry("small", 3);
  }

  @Test
  void textsHaveABound() {
    PolicyMemory memory = new PolicyMemory(1, 1, budget(10));
    memory.write(10, new byte[] {'a', 'b', 'c', 0}, 0, 4);
    assertThat(memory.text(10, 3)).containsExactly('a', 'b', 'c');
    assertThat(memory.text(10, 2)).isNull();
  }
}
