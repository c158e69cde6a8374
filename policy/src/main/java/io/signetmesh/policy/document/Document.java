package io.signetmesh.policy.document;

import com.google.protobuf.ByteString;
import java.util.List;

/** A key set or a policy bundle, or why there is none. */
public interface Document {
  /** What of it is used, in a form that makes an equal document; empty when there is none. */
  ByteString content();

  /** Usable keys of a key set, or bytes of a bundle; 0 when there is none. */
  int size();

  /** Parts that are not used, one sentence each without a full stop. */
  List<String> problems();

  /** Why there is none, one sentence without a full stop; empty when there is one. */
  String unavailable();

  /** Whether there is one. */
  default boolean isThere() {
    return unavailable().isEmpty();
  }

  /** Whether the same of both is used. */
  default boolean isLike(Document other) {
    return content().equals(other.content());
  }
}
