package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.security.KeyPair;
import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class SigningRequestProperties {
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final KeyPair KEYS = PrivateKeys.generate();
  private static final byte[] GOOD = SigningRequest.create(WEB.dnsName(), KEYS);

  @Property
  void requestOfAnyNameIsTakenForThatNameAndNoOther(
      @ForAll("labels") String account, @ForAll("labels") String namespace) throws PkiException {
    WorkloadIdentity identity = new WorkloadIdentity(account, namespace, "signet", "cluster.local");

    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), KEYS));

    request.requireNames(identity);
    request.requirePossession();
    assertThat(request.publicKey()).isEqualTo(KEYS.getPublic());
    assertThat(isFor(request, WEB)).isEqualTo(identity.equals(WEB));
  }

  @Property(tries = 2000)
  void requestWithOneByteChangedIsNeverTaken(
      @ForAll @IntRange(max = 10_000) int position,
      @ForAll @IntRange(min = 1, max = 255) int mask) {
    byte[] der = GOOD.clone();
    int at = position % der.length;
    der[at] ^= (byte) mask;

    assertThat(isTaken(der)).as("byte %d xor %d", at, mask).isFalse();
  }

  @Property
  void requestCutShortOrWithMoreBehindItIsNeverTaken(
      @ForAll @IntRange(max = 10_000) int length, @ForAll byte[] tail) {
    assertThat(isTaken(Arrays.copyOf(GOOD, length % GOOD.length))).isFalse();
    if (tail.length > 0) {
      byte[] longer = Arrays.copyOf(GOOD, GOOD.length + tail.length);
      System.arraycopy(tail, 0, longer, GOOD.length, tail.length);
      assertThat(isTaken(longer)).isFalse();
    }
  }

  @Property
  void anyBytesEndInAnOrdinaryRefusal(@ForAll byte[] bytes) {
    assertThat(isTaken(bytes)).isFalse();
  }

  @Provide
  Arbitrary<String> labels() {
    Arbitrary<String> label =
        Arbitraries.strings().withCharRange('a', 'z').numeric().ofMinLength(1).ofMaxLength(63);
    return Arbitraries.frequencyOf(
        net.jqwik.api.Tuple.of(9, label),
        net.jqwik.api.Tuple.of(1, Arbitraries.of("web", "shop", "a-b", "x")));
  }

  /** Any other exception than a refusal fails the property. */
  private static boolean isTaken(byte[] der) {
    try {
      SigningRequest request = SigningRequest.parse(der);
      request.requireNames(WEB);
      request.requirePossession();
      return true;
    } catch (PkiException e) {
      assertThat(e.getMessage()).hasSizeLessThan(4096);
      return false;
    }
  }

  private static boolean isFor(SigningRequest request, WorkloadIdentity identity) {
    try {
      request.requireNames(identity);
      return true;
    } catch (PkiException e) {
      return false;
    }
  }
}
