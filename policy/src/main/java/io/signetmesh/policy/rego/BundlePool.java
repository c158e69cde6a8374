package io.signetmesh.policy.rego;

import com.google.protobuf.ByteString;
import java.lang.ref.WeakReference;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One object for equal bundles, wherever they come from, as long as somebody uses it. Bundles are
 * told apart by SHA-256 of their bytes. Safe for use by several threads.
 */
final class BundlePool {
  /** The pool of the process. */
  static final BundlePool SHARED = new BundlePool();

  private static final int FEWEST = 64;

  // Guarded by this.
  private final Map<ByteString, WeakReference<KnownBundle>> byDigest = new HashMap<>();
  private int cleanAt = FEWEST;

  /**
   * The bundle that some bytes are.
   *
   * @param reading makes it when it is not known; what is unavailable is not kept
   */
  KnownBundle get(ByteString content, Function<ByteString, KnownBundle> reading) {
    ByteString digest = sha256(content);
    KnownBundle known = find(digest);
    if (known != null) {
      return known;
    }
    KnownBundle read = reading.apply(content);
    return read.isThere() ? add(digest, read) : read;
  }

  private synchronized @Nullable KnownBundle find(ByteString digest) {
    WeakReference<KnownBundle> known = byDigest.get(digest);
    return known == null ? null : known.get();
  }

  private synchronized KnownBundle add(ByteString digest, KnownBundle bundle) {
    WeakReference<KnownBundle> known = byDigest.get(digest);
    KnownBundle first = known == null ? null : known.get();
    if (first != null) {
      return first;
    }
    byDigest.put(digest, new WeakReference<>(bundle));
    if (byDigest.size() >= cleanAt) {
      byDigest.values().removeIf(reference -> reference.refersTo(null));
      cleanAt = Math.max(FEWEST, 2 * byDigest.size());
    }
    return bundle;
  }

  private static ByteString sha256(ByteString content) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
    content.asReadOnlyByteBufferList().forEach(digest::update);
    return ByteString.copyFrom(digest.digest());
  }
}
