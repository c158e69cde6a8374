package io.signetmesh.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of workloads as proxies write them. */
final class WorkloadRefTest {
  @Test
  void bothFormsOfAPodAreRead() {
    WorkloadRef web = WorkloadRef.pod("shop", "web-1.a");
    assertThat(WorkloadRef.parse("shop:web-1.a")).isEqualTo(web);
    assertThat(WorkloadRef.parse("{\"ns\":\"shop\",\"pod\":\"web-1.a\"}")).isEqualTo(web);
    assertThat(WorkloadRef.parse(" {\"ns\":\"shop\",\"pod\":\"web-1.a\",\"nodeName\":\"n\"}"))
        .isEqualTo(web);
  }

  @Test
  void externalWorkloadsAreAnotherKind() {
    WorkloadRef vm = WorkloadRef.parse("{\"ns\":\"shop\",\"external_workload\":\"vm\"}");
    assertThat(vm).isEqualTo(WorkloadRef.externalWorkload("shop", "vm"));
    assertThat(vm).isNotEqualTo(WorkloadRef.pod("shop", "vm"));
    assertThat(vm).hasToString("shop/vm (external)");
  }

  @Test
  void whatIsWrittenIsReadAgain() {
    for (WorkloadRef ref :
        new WorkloadRef[] {
          WorkloadRef.pod("shop", "web"), WorkloadRef.externalWorkload("shop", "vm.1")
        }) {
      assertThat(WorkloadRef.parse(ref.toWire())).isEqualTo(ref);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "web",
        "shop:",
        ":web",
        "Shop:web",
        "shop:web:8080",
        "shop:../web",
        "shop:web\n",
        "-shop:web",
        "shop:web..1",
        "{}",
        "{\"ns\":\"shop\"}",
        "{\"pod\":\"web\"}",
        "{\"ns\":\"shop\",\"pod\":null}",
        "{\"ns\":\"shop\",\"pod\":1}",
        "{\"ns\":[\"shop\"],\"pod\":\"web\"}",
        "{\"ns\":\"shop\",\"pod\":\"web\",\"external_workload\":\"vm\"}",
        "{\"ns\":\"shop\",\"pod\":\"web\",\"pod\":\"api\"}",
        "{\"ns\":\"shop\",\"pod\":\"web\"} x",
        "{\"ns\":\"shop\",\"pod\":\"web\"",
        "{\"ns\":\"\",\"pod\":\"web\"}"
      })
  void anythingElseIsRefused(String wire) {
    assertThatThrownBy(() -> WorkloadRef.parse(wire)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void lengthsAreBounded() {
    assertThatThrownBy(() -> WorkloadRef.parse("shop:" + "a".repeat(2_000)))
        .hasMessageContaining("2005 characters");
    assertThatThrownBy(() -> WorkloadRef.pod("a".repeat(64), "web")).hasMessageContaining("label");
    assertThatThrownBy(() -> WorkloadRef.pod("shop", "a".repeat(254)))
        .hasMessageContaining("subdomain");
    assertThat(WorkloadRef.pod("a".repeat(63), "a".repeat(253)).name()).hasSize(253);
  }

  @Test
  void messagesNeverHoldControlCharacters() {
    assertThatThrownBy(() -> WorkloadRef.parse("shop:we\u0007b"))
        .hasMessageContaining("we\\u0007b")
        .message()
        .doesNotContain("\u0007");
  }

  @Test
  void orderIsThatOfNamespaceNameAndKind() {
    assertThat(WorkloadRef.pod("a", "z")).isLessThan(WorkloadRef.pod("b", "a"));
    assertThat(WorkloadRef.pod("a", "a")).isLessThan(WorkloadRef.pod("a", "b"));
    assertThat(WorkloadRef.pod("a", "a")).isLessThan(WorkloadRef.externalWorkload("a", "a"));
    assertThat(WorkloadRef.pod("a", "a")).isEqualByComparingTo(WorkloadRef.pod("a", "a"));
  }
}
