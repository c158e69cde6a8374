package io.signetmesh.rotation.authority;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.authority.RotationKeys.KeyedChain;
import io.signetmesh.rotation.authority.RotationKeys.Mark;
import io.signetmesh.rotation.authority.RotationKeys.Part;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RotationKeysTest {
  private static final String FIRST = "1".repeat(16);
  private static final String SECOND = "2".repeat(16);

  @TempDir Path state;

  private RotationKeys keys;
  private X509Certificate anchor;

  @BeforeEach
  void keep() throws Exception {
    keys = new RotationKeys(state);
    KeyPair pair = KeyKind.P256.generate();
    anchor =
        CertificateBuilder.anchor(
            "root", pair, Instant.now().minusSeconds(60), Instant.now().plusSeconds(8_000_000));
    for (String rotation : List.of(FIRST, SECOND)) {
      keys.keep(
          rotation, Part.ANCHOR, new KeyedChain(CaKey.of(pair.getPrivate()), List.of(anchor)));
      keys.keepAnchors(rotation, List.of(anchor));
      keys.mark(rotation, Mark.BEGUN, AnchorSet.NONE);
    }
  }

  @Test
  void certificatesOfAnchorsOutliveTheKeysAsLongAsTheyAreAskedFor() throws Exception {
    keys.settle(FIRST);
    keys.settle(SECOND);
    assertThat(files()).containsExactlyInAnyOrder(left(FIRST), left(SECOND));

    keys.deleteAllBut(List.of(), List.of(SECOND));
    assertThat(files()).containsExactly(left(SECOND));
    assertThat(keys.anchors(SECOND)).containsExactly(anchor);
    assertThat(keys.anchors(FIRST)).isEmpty();

    keys.deleteAllBut(List.of(SECOND), List.of());
    assertThat(files()).containsExactly(left(SECOND));
    keys.deleteAllBut(List.of(), List.of());
    assertThat(files()).isEmpty();
  }

  /** One that has been superseded, before the process was killed. */
  @Test
  void ofARotationThatEndedWithoutHavingSettledTheCertificatesAreKept() throws Exception {
    keys.deleteAllBut(List.of(SECOND), List.of(FIRST));

    assertThat(files()).containsExactlyInAnyOrder(left(FIRST), SECOND);
    assertThat(keys.anchors(FIRST)).containsExactly(anchor);
    assertThat(keys.has(FIRST, Part.ANCHOR)).isFalse();
    assertThat(keys.has(SECOND, Part.ANCHOR)).isTrue();
  }

  private List<String> files() throws Exception {
    try (var all = Files.list(keys.directory())) {
      return all.map(file -> file.getFileName().toString()).toList();
    }
  }

  private static String left(String rotation) {
    return rotation + ".anchors.crt";
  }
}
