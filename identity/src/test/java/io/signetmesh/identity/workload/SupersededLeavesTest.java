package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TestPki;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SupersededLeavesTest {
  private final TestPki pki = TestPki.create("mesh");
  private final SupersededLeaves superseded = new SupersededLeaves();

  private X509Certificate leaf(Duration valid) {
    return pki.certificate("web.example", b -> b.notAfter(TestPki.START.plus(valid))).leaf();
  }

  @Test
  void theNewestSixteenAreKept() {
    List<String> serials = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      X509Certificate leaf = leaf(Duration.ofHours(1));
      superseded.add(leaf);
      serials.addFirst(Certificates.serial(leaf));
    }

    assertThat(superseded.serials(TestPki.START)).isEqualTo(serials.subList(0, 16));
  }

  @Test
  void thoseThatHaveExpiredAreForgotten() {
    X509Certificate lasting = leaf(Duration.ofHours(2));
    superseded.add(lasting);
    superseded.add(leaf(Duration.ofHours(1)));

    assertThat(superseded.serials(TestPki.START.plus(Duration.ofHours(1)))).hasSize(2);
    assertThat(superseded.serials(TestPki.START.plus(Duration.ofMinutes(61))))
        .containsExactly(Certificates.serial(lasting));
    assertThat(superseded.serials(TestPki.START.plus(Duration.ofHours(3)))).isEmpty();
  }
}
