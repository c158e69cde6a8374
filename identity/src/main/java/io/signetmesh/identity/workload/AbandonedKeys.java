package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.Status;
import io.signetmesh.identity.pki.Certificates;
import java.security.PublicKey;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The last keys that a leaf was asked for and that were given up without one. The control plane may
 * have issued it, and its answer may be lost: nobody has to wait for that leaf.
 */
final class AbandonedKeys {
  private static final int MAX = 16;

  private final Deque<ByteString> newestFirst = new ArrayDeque<>();

  /** A key is used no more. */
  void add(PublicKey key) {
    newestFirst.addFirst(ByteString.copyFrom(Certificates.sha256(key)));
    if (newestFirst.size() > MAX) {
      newestFirst.removeLast();
    }
  }

  /** The same after a call that failed. What the control plane has refused has no leaf. */
  void add(PublicKey key, Throwable failure) {
    Metadata trailers = Status.trailersFromThrowable(failure);
    if (trailers == null || !trailers.containsKey(RefusalTrailers.REASON)) {
      add(key);
    }
  }

  /** SHA-256 of each SubjectPublicKeyInfo, the newest first. */
  List<ByteString> digests() {
    return List.copyOf(newestFirst);
  }
}
