package io.signetmesh.policy.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How many streams a node has. */
final class NodeBudgetTest {
  private static final Caller NODE = caller("node-n1");
  private static final Caller OTHER = caller("node-n2");
  private static final Caller WORKLOAD = caller("web");

  private final NodeBudget budget =
      new NodeBudget(caller -> caller.equals(NODE) || caller.equals(OTHER), 2, "policy streams");

  @Test
  void aNodeHasAsManyAsItMayAndTakesNothingFromOthers() {
    Runnable first = budget.take(NODE);
    budget.take(NODE);

    assertThatThrownBy(() -> budget.take(NODE))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED))
        .hasMessageContaining("has 2 policy streams already");
    budget.take(OTHER);
    List<Runnable> workloads = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      workloads.add(budget.take(WORKLOAD));
    }
    assertThat(workloads).hasSize(10);
    first.run();
    budget.take(NODE);
  }

  /** A stream that is refused may be cancelled, too. */
  @Test
  void roomIsGivenBackOnceHoweverOftenAStreamEnds() {
    Runnable first = budget.take(NODE);
    budget.take(NODE);

    first.run();
    first.run();
    budget.take(NODE);

    assertThatThrownBy(() -> budget.take(NODE)).isInstanceOf(StatusRuntimeException.class);
  }

  private static Caller caller(String account) {
    String name = account + ".signet.serviceaccount.identity.signet.cluster.local";
    return new Caller.Identified(new PeerIdentity(name, List.of(name)));
  }
}
