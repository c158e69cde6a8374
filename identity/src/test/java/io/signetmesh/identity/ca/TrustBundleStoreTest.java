package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrustBundleStoreTest {
  private static final X509Certificate ONE = TestPki.create("one").anchor().getCertificate();
  private static final X509Certificate TWO = TestPki.create("two").anchor().getCertificate();

  @TempDir Path state;

  @Test
  void versionGrowsByOneWithEachChangeAndOverRestarts() throws Exception {
    TrustBundleStore store = open();
    assertThat(store.get().version()).isEqualTo(1);

    assertThat(store.setBundle(List.of(ONE, TWO)).version()).isEqualTo(2);
    assertThat(store.setBundle(List.of(ONE, TWO)).version()).isEqualTo(2);

    TrustBundleStore again = open();
    assertThat(again.get()).isEqualTo(store.get());
    assertThat(again.setBundle(List.of(TWO)).version()).isEqualTo(3);
  }

  @Test
  void listenersHearOfTheBundleInForceAndOfEachLaterOneUntilTheyLeave() throws Exception {
    TrustBundleStore store = open();
    List<Long> heard = new ArrayList<>();
    TrustBundleStore.Registration registration =
        store.onChange(bundle -> heard.add(bundle.version()));
    store.setBundle(List.of(TWO));
    store.setBundle(List.of(TWO));
    registration.remove();
    registration.remove();
    store.setBundle(List.of(ONE));

    assertThat(heard).containsExactly(1L, 2L);
  }

  @Test
  void listenersHearOfARetiredAnchorWithTheBundleThatItLeaves() throws Exception {
    TrustBundleStore store = open();
    store.setBundle(List.of(ONE, TWO));
    String one = HexFormat.of().formatHex(Certificates.sha256(ONE));
    List<String> heard = new ArrayList<>();
    store.onChange(bundle -> heard.add(bundle.version() + " " + store.retired()));

    store.retire(List.of(one));
    assertThat(store.retired()).containsExactly(one);
    assertThat(open().retired()).containsExactly(one);
    store.setBundle(List.of(TWO));
    store.unretire(List.of(one));

    assertThat(heard).containsExactly("2 []", "3 [" + one + "]", "3 []");
  }

  @Test
  void bundleThatCannotBeKeptIsNotPutInForce() throws Exception {
    TrustBundleStore store = open();
    TrustBundle before = store.get();
    // A directory of this name cannot be replaced by a file.
    Path file = state.resolve("trust-bundle.json");
    Files.delete(file);
    Files.createDirectories(file.resolve("full"));

    assertThatThrownBy(() -> store.setBundle(List.of(TWO))).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> store.setBundle(List.of()))
        .hasMessageContaining("expected at least one");

    assertThat(store.get()).isSameAs(before);
  }

  @Test
  void fileThatIsNoBundleOrOfAnotherTrustDomainIsAnError() throws Exception {
    open();
    assertThatThrownBy(() -> TrustBundleStore.open(state, "other.example", List.of(ONE)))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("is of trust domain cluster.local: expected other.example");
    for (String content :
        List.of("", "{", "{}", "[]", "{\"version\": 1, \"trustDomain\": \"cluster.local\"}")) {
      Files.writeString(state.resolve("trust-bundle.json"), content);

      assertThatThrownBy(this::open)
          .as(content)
          .isInstanceOf(PkiException.class)
          .hasMessageContaining("trust-bundle.json");
    }
  }

  private TrustBundleStore open() throws Exception {
    return TrustBundleStore.open(state, "cluster.local", List.of(ONE));
  }
}
