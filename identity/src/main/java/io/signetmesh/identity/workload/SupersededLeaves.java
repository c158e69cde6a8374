package io.signetmesh.identity.workload;

import io.signetmesh.identity.pki.Certificates;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The last leaves that were replaced before their end. Their keys are gone: whoever waits for them
 * to expire need not.
 */
final class SupersededLeaves {
  private static final int MAX = 16;

  /** Hexadecimal digits of the longest serial number (RFC 5280 section 4.1.2.2): 20 bytes. */
  private static final int MAX_SERIAL = 40;

  private final Deque<Leaf> newestFirst = new ArrayDeque<>();

  private record Leaf(String serial, Instant end) {}

  /** A leaf is served no more. */
  void add(X509Certificate leaf) {
    String serial = Certificates.serial(leaf);
    if (serial.length() > MAX_SERIAL) {
      return;
    }
    newestFirst.addFirst(new Leaf(serial, leaf.getNotAfter().toInstant()));
    if (newestFirst.size() > MAX) {
      newestFirst.removeLast();
    }
  }

  /** Serial numbers of those that have not expired, the newest first. */
  List<String> serials(Instant now) {
    newestFirst.removeIf(leaf -> now.isAfter(leaf.end));
    return newestFirst.stream().map(Leaf::serial).toList();
  }
}
