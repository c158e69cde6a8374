package io.signetmesh.policy.rego;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.TestPolicies;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is a bundle, and what is none. */
final class KnownBundleTest {
  private static ByteString packed(String name, byte[] content) {
    return TestPolicies.packed(Map.of(name, content));
  }

  @Test
  void aBundleIsKeptByteForByte() {
    KnownBundle bundle = TestPolicies.bundle(1);
    assertThat(bundle.isThere()).as(bundle.unavailable()).isTrue();
    assertThat(bundle).hasToString(bundle.content().size() + " bytes");
  }

  @Test
  void equalBytesAreKeptOnce() {
    ByteString content = TestPolicies.bundle(1).content();
    KnownBundle first = KnownBundle.of(ByteString.copyFrom(content.toByteArray()));
    KnownBundle second = KnownBundle.of(ByteString.copyFrom(content.toByteArray()));
    assertThat(second).isSameAs(first);
    assertThat(KnownBundle.of(TestPolicies.bundle(2).content())).isNotEqualTo(first);
  }

  @Test
  void halfABundleIsNone() {
    ByteString packed = TestPolicies.largeBundle(1);
    for (int size : new int[] {3, 10, packed.size() / 2, packed.size() - 1}) {
      assertThat(KnownBundle.of(packed.substring(0, size)).unavailable())
          .as("%s bytes", size)
          .startsWith("no proxy can use it: the bundle is no whole gzipped tar");
    }
    byte[] changed = packed.toByteArray();
    changed[packed.size() / 2] ^= 1;
    assertThat(KnownBundle.of(ByteString.copyFrom(changed)).isThere()).isFalse();
  }

  @Test
  void somethingElseOrNothingIsNone() {
    for (String text : new String[] {"", "<html>", "{\"keys\": []}"}) {
      assertThat(KnownBundle.of(ByteString.copyFromUtf8(text)).unavailable())
          .contains("expected a gzipped tar");
    }
    assertThat(KnownBundle.of(TestPolicies.packed(new byte[0])).isThere()).isFalse();
  }

  @Test
  void anArchiveWithoutAPolicyThatAProxyCouldRunIsNone() {
    assertThat(KnownBundle.of(packed("data.json", new byte[] {'{', '}'})).unavailable())
        .startsWith("no proxy can use it: the bundle has no policy.wasm");
    assertThat(KnownBundle.of(packed("policy.wasm", new byte[100])).unavailable())
        .startsWith("no proxy can use it: ");
    assertThat(KnownBundle.of(packed("image.png", new byte[100])).unavailable())
        .startsWith("no proxy can use it: the bundle has an entry \"image.png\"");
  }

  @Test
  void whatIsTooLargeIsNone() {
    assertThat(KnownBundle.of(ByteString.copyFrom(new byte[(1 << 20) + 1])).unavailable())
        .isEqualTo("the bundle has more than 1048576 bytes");
    ByteString bomb = packed("a.rego", new byte[(4 << 20) + 1]);
    assertThat(bomb.size()).isLessThan(10_000);
    assertThat(KnownBundle.of(bomb).isThere()).isFalse();
  }
}
