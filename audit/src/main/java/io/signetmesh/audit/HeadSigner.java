package io.signetmesh.audit;

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
