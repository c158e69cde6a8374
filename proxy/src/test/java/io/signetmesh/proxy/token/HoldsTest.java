package io.signetmesh.proxy.token;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HoldsTest {
  private final Holds holds = new Holds();

  @Test
  void aClientHasFewPlacesAndGetsThemBack() {
    List<Holds.Hold> taken = new ArrayList<>();
    for (int i = 0; i < Holds.MAX_PER_CLIENT; i++) {
      taken.add(holds.take("eve"));
    }
    assertThat(taken).doesNotContainNull();
    assertThat(holds.take("eve")).isNull();
    assertThat(holds.take("alice")).isNotNull();
    taken.getFirst().close();
    taken.getFirst().close();
    assertThat(holds.take("eve")).isNotNull();
    assertThat(holds.take("eve")).isNull();
  }

  @Test
  void allClientsTogetherHaveABoundedNumber() {
    List<Holds.Hold> taken = new ArrayList<>();
    for (int i = 0; i < Holds.MAX; i++) {
      taken.add(holds.take("client-" + i));
    }
    assertThat(taken).doesNotContainNull();
    assertThat(holds.take("alice")).isNull();
    taken.forEach(Holds.Hold::close);
    assertThat(holds.size()).isZero();
    assertThat(holds.take("alice")).isNotNull();
  }
}
