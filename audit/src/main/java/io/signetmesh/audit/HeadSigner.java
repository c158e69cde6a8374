package io.signetmesh.audit;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Signs the heads of a journal, with the key by which its workload proves its identity. */
@FunctionalInterface
public interface HeadSigner {
  /**
   * Signs a statement. Is called about once a second by the thread that writes journals, and must
   * not wait for anything.
   *
   * @param statement what {@link JournalHead#statement()} says
   * @return null while there is no key: no head is written then, and the next one covers more
   */
  @Nullable Signed sign(byte[] statement);

  /**
   * Checks a head of an earlier process, which is the last line before those of this one: the chain
   * goes on after it. Is called once at a start, and must not wait for anything.
   *
   * @param statement what was signed
   * @param certificates DER, leaf first
   * @param time when it was signed, as the head states
   * @return whether it is signed by the same workload; without this, the chain is broken at each
   *     start
   */
  default boolean accepts(
      byte[] statement, byte[] signature, List<byte[]> certificates, Instant time) {
    return false;
  }

  /**
   * A signature.
   *
   * @param signature by the key of the first certificate
   * @param certificates DER, leaf first, then those towards the trust anchor, without the anchor
   */
  @SuppressWarnings("ArrayRecordComponent") // Made to be written at once, never compared.
  record Signed(byte[] signature, List<byte[]> certificates) {
    /** Copies the list. */
    public Signed {
      certificates = List.copyOf(certificates);
      if (certificates.isEmpty()) {
        throw new IllegalArgumentException("no certificate: expected that of the key");
      }
    }
  }
}
