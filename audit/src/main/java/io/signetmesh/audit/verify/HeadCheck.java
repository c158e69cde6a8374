package io.signetmesh.audit.verify;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Checks the signature of a head, and whether its certificate is one to trust. */
@FunctionalInterface
public interface HeadCheck {
  /**
   * Checks a signature.
   *
   * @param statement what was signed
   * @param certificates DER, leaf first
   * @param time when it was signed, as the head states
   * @return what is wrong, in words for people; null when nothing is
   */
  @Nullable String fault(
      byte[] statement, byte[] signature, List<byte[]> certificates, Instant time);
}
