package io.signetmesh.policy.rego;

import com.google.protobuf.ByteString;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.policy.document.Document;
import io.signetmesh.rego.InvalidRegoException;
import io.signetmesh.rego.RegoBundles;
import java.util.List;

/**
 * A policy bundle, or why there is none.
 *
 * @param content the bundle as {@code opa build -t wasm} writes it; empty when there is none
 * @param unavailable why there is none, one sentence without a full stop; empty when there is one
 */
public record KnownBundle(ByteString content, String unavailable) implements Document {
  /** Largest bundle, in bytes. */
  public static final int MAX_BYTES = ContentHolder.MAX_BUNDLE;

  /** No bundle. */
  public static KnownBundle none(String why) {
    return new KnownBundle(ByteString.EMPTY, PlainText.of(why));
  }

  /**
   * The bundle that some bytes should be. It is unpacked and its policy is looked at, but not
   * compiled: whether its rules and functions are known is left to proxies. Equal bytes are one
   * object in memory.
   */
  public static KnownBundle of(ByteString content) {
    if (content.size() > MAX_BYTES) {
      return none("the bundle has more than " + MAX_BYTES + " bytes");
    }
    // RFC 1952 section 2.3.1.
    if (content.size() < 3 || content.byteAt(0) != 0x1f || content.byteAt(1) != (byte) 0x8b) {
      return none("it is no bundle: expected a gzipped tar, as opa build -t wasm writes it");
    }
    return BundlePool.SHARED.get(content, KnownBundle::checked);
  }

  private static KnownBundle checked(ByteString content) {
    try {
      RegoBundles.check(content.toByteArray());
    } catch (InvalidRegoException e) {
      return none("no proxy can use it: " + e.getMessage());
    }
    return new KnownBundle(content, "");
  }

  @Override
  public int size() {
    return content.size();
  }

  @Override
  public List<String> problems() {
    return List.of();
  }

  /** The size alone. */
  @Override
  public String toString() {
    return isThere() ? content.size() + " bytes" : unavailable;
  }
}
