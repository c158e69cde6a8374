package io.signetmesh.rego;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class RegoBundlesTest {
  @Test
  void bundlesOfOpaPass() {
    for (String name : new String[] {"mesh", "roles", "regex", "sprintf"}) {
      assertThatCode(() -> RegoBundles.check(TestBundles.bundle(name))).doesNotThrowAnyException();
    }
  }

  @Test
  void whatIsNoBundleIsRefused() {
    assertRefused("no gzip".getBytes(UTF_8), "the bundle is no whole gzipped tar");
    assertRefused(TestBundles.gzip("no tar".getBytes(UTF_8)), "the bundle is no whole gzipped tar");
    assertRefused(
        TestBundles.gzip(TestBundles.tar(Map.of("data.json", "{}".getBytes(UTF_8)))),
        "the bundle has no policy.wasm");
    assertRefused(TestBundles.bundleOf("no module".getBytes(UTF_8)), "policy.wasm is broken");
    assertRefused(new byte[RegoBundles.MAX_SIZE + 1], "at most 1,048,576 are read");
  }

  private static void assertRefused(byte[] content, String error) {
    assertThatThrownBy(() -> RegoBundles.check(content))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining(error);
  }
}
