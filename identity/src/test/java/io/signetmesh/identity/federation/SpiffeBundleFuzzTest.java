package io.signetmesh.identity.federation;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SpiffeBundleFuzzTest {
  static Stream<Arguments> bundles() {
    return Stream.of(
            SpiffeBundle.of(TestPki.create("fuzz").trust(), Duration.ofMinutes(5)).toJson(),
            "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"jwt-svid\",\"kid\":\"a\",\"n\":\"AQ\",\"e\":\"AQAB\"}]}"
                .getBytes(StandardCharsets.UTF_8))
        .map(json -> Arguments.of((Object) json));
  }

  /** Whatever comes, the outcome is a bundle that can be written or an ordinary refusal. */
  @MethodSource("bundles")
  @FuzzTest(maxDuration = "10m")
  void bytesOfABundle(byte[] json) {
    try {
      SpiffeBundle.parse("fuzz", json).toJson();
    } catch (PkiException e) {
      // Refused, as it should be.
    }
  }
}
