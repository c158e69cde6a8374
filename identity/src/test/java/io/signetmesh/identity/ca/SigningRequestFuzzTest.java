package io.signetmesh.identity.ca;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SigningRequestFuzzTest {
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  static Stream<Arguments> requests() {
    return Stream.of(
        Arguments.of((Object) SigningRequest.create(WEB.dnsName(), PrivateKeys.generate())),
        Arguments.of((Object) SigningRequest.create("a".repeat(200), PrivateKeys.generate())),
        Arguments.of((Object) new byte[] {0x30, (byte) 0x84, 0x7f, (byte) 0xff, 1, 1}),
        Arguments.of((Object) new byte[] {0x30, (byte) 0x80, 0x30, (byte) 0x80}));
  }

  /** Whatever comes, the outcome is a request or an ordinary refusal. */
  @MethodSource("requests")
  @FuzzTest(maxDuration = "10m")
  void bytesOfARequest(byte[] der) {
    try {
      SigningRequest request = SigningRequest.parse(der);
      request.requireNames(WEB);
      request.requirePossession();
    } catch (PkiException e) {
      // Refused, as it should be.
    }
  }
}
