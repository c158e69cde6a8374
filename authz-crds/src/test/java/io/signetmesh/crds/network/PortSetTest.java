package io.signetmesh.crds.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ports as annotations write them. */
final class PortSetTest {
  @Test
  void numbersAndRangesArePorts() {
    PortSet ports = PortSet.parse(" 25, 9000-9002,,65535 ");
    assertThat(ports.contains(25)).isTrue();
    assertThat(ports.contains(8999)).isFalse();
    assertThat(ports.contains(9000)).isTrue();
    assertThat(ports.contains(9002)).isTrue();
    assertThat(ports.contains(9003)).isFalse();
    assertThat(ports.contains(65_535)).isTrue();
    assertThat(ports.contains(-1)).isFalse();
    assertThat(ports.others()).isEmpty();
    assertThat(ports).isEqualTo(PortSet.of(25, 9000, 9001, 9002, 65_535));
    assertThat(PortSet.parse("")).isEqualTo(PortSet.EMPTY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "65536", "9-8", "0-5", "1-65536", "-5", "5-", "1-2-3", "x", "80x"})
  void anythingElseIsKeptAsWritten(String entry) {
    PortSet ports = PortSet.parse("7," + entry + ",8");
    assertThat(ports.others()).containsExactly(entry);
    assertThat(ports.contains(7) && ports.contains(8)).isTrue();
  }

  @Test
  void aNameStandsForTheNumbersThatAWorkloadGivesIt() {
    PortSet ports = PortSet.parse("80,admin,other,Bad_Name");
    assertThat(ports.contains(9990, Map.of("admin", 9990))).isTrue();
    assertThat(ports.contains(9990, Map.of("else", 9990))).isFalse();
    assertThat(ports.contains(9990, Map.of("Bad_Name", 9990))).isFalse();
    PortSet resolved =
        ports.resolve(name -> name.equals("admin") ? Set.of(9990, 9991) : Set.<Integer>of());
    assertThat(resolved.contains(80) && resolved.contains(9990) && resolved.contains(9991))
        .isTrue();
    assertThat(resolved.others()).containsExactly("other", "Bad_Name");
    assertThat(ports.contains(9990)).isFalse();
  }

  @Test
  void aNumberThatIsNoPortIsRefused() {
    assertThatThrownBy(() -> PortSet.of(0)).hasMessageContaining("expected 1 to 65535");
    assertThatThrownBy(() -> PortSet.of(65_536)).hasMessageContaining("expected 1 to 65535");
  }
}
