package io.signetmesh.identity.workload;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.HexFormat;

/**
 * What the control plane asks of workloads whose leaf another key has signed.
 *
 * @param id names the request, 1 to 64 printable ASCII characters
 * @param issuerKey SHA-256 of the SubjectPublicKeyInfo of the issuer in force, lower-case
 *     hexadecimal
 * @param window time to renew within, at most 24 h; zero: as soon as possible
 */
record RenewalRequest(String id, String issuerKey, Duration window) {
  private static final int MAX_ID = 64;
  private static final int DIGEST = 32;
  private static final Duration MAX_WINDOW = Duration.ofHours(24);

  /**
   * Reads a request.
   *
   * @throws PkiException when a field is out of its bounds
   */
  static RenewalRequest parse(io.signetmesh.v1.RenewalRequest message) throws PkiException {
    String id = message.getId();
    if (id.isEmpty() || id.length() > MAX_ID || !id.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      throw new PkiException(
          "renewal request has id "
              + WorkloadIdentity.printable(id)
              + ": expected 1 to "
              + MAX_ID
              + " printable ASCII characters");
    }
    String source = "renewal request " + WorkloadIdentity.printable(id);
    int digest = message.getIssuerKeySha256().size();
    if (digest != DIGEST) {
      throw new PkiException(
          source + " has an issuer_key_sha256 of " + digest + " bytes: expected " + DIGEST);
    }
    Duration window;
    try {
      window = Duration.ofSeconds(message.getWindow().getSeconds(), message.getWindow().getNanos());
    } catch (ArithmeticException | DateTimeException e) {
      throw new PkiException(
          source + " has a window that is no duration: expected 0 to " + MAX_WINDOW, e);
    }
    if (window.isNegative() || window.compareTo(MAX_WINDOW) > 0) {
      throw new PkiException(
          source + " has a window of " + window + ": expected 0 to " + MAX_WINDOW);
    }
    return new RenewalRequest(
        id, HexFormat.of().formatHex(message.getIssuerKeySha256().toByteArray()), window);
  }
}
