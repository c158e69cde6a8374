package io.signetmesh.crds;

import io.fabric8.kubernetes.api.model.HasMetadata;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.WeakHashMap;

/**
 * A ConfigMap or Secret that a {@link ContentUser} refers to, reduced to the entries that may be
 * JWK sets or policy bundles. Of the others only the names are kept, and the contents are never in
 * a text for people.
 */
public final class ContentHolder extends MeshResource<ContentHolder.Entries, Void> {
  /** Kind of the one. */
  public static final String CONFIG_MAP = "ConfigMap";

  /** Kind of the other. */
  public static final String SECRET = "Secret";

  /** Largest policy bundle that is kept, in bytes. */
  public static final int MAX_BUNDLE = 1 << 20;

  /** Longest text that is kept, in characters; as long as a key set may be. */
  private static final int MAX_TEXT = 262_144;

  private final String kind;

  /**
   * Creates an object without bundles.
   *
   * @param key of kind ConfigMap or Secret of the core group
   * @param texts contents by name; those that cannot be JWK sets are dropped
   * @throws IllegalArgumentException when the key is one of another kind
   */
  public ContentHolder(ResourceKey key, Map<String, String> texts) {
    this(key, texts, Map.of());
  }

  /**
   * Creates an object.
   *
   * @param key of kind ConfigMap or Secret of the core group
   * @param texts contents by name; those that cannot be JWK sets are dropped
   * @param bytes binary contents by name; those that cannot be bundles are dropped
   * @throws IllegalArgumentException when the key is one of another kind
   */
  public ContentHolder(ResourceKey key, Map<String, String> texts, Map<String, byte[]> bytes) {
    super(MeshResource.named(key.namespace(), key.name()), Entries.of(texts, bytes), null);
    if (!isHolder(key)) {
      throw new IllegalArgumentException(key + ": expected a ConfigMap or a Secret");
    }
    this.kind = key.kind();
  }

  private ContentHolder(ContentHolder whole, Entries entries) {
    super(MeshResource.named(whole.namespace(), whole.name()), entries, null);
    this.kind = whole.kind;
  }

  /**
   * The same object without the bundles that a budget has no room for; this one when it has room
   * for all.
   */
  public ContentHolder bounded(ContentBudget budget) {
    Map<String, Content> kept = new TreeMap<>();
    Map<String, String> refused = new TreeMap<>(spec().refused());
    spec()
        .bundles()
        .forEach(
            (name, content) -> {
              String why = budget.take(namespace(), content);
              if (why == null) {
                kept.put(name, content);
              } else {
                refused.put(name, "entry " + name + " " + why);
              }
            });
    return kept.size() == spec().bundles().size()
        ? this
        : new ContentHolder(this, new Entries(spec().byName(), kept, refused));
  }

  /** Whether the key is that of a ConfigMap or Secret. */
  public static boolean isHolder(ResourceKey key) {
    return key.group().isEmpty() && (key.kind().equals(CONFIG_MAP) || key.kind().equals(SECRET));
  }

  /** The ConfigMaps and Secrets that some objects refer to. */
  public static Set<ResourceKey> referredBy(Collection<? extends HasMetadata> objects) {
    Set<ResourceKey> keys = new LinkedHashSet<>();
    for (HasMetadata object : objects) {
      if (object instanceof ContentUser user) {
        keys.addAll(user.holders());
      }
    }
    return keys;
  }

  @Override
  public String getApiVersion() {
    return "v1";
  }

  @Override
  public String getKind() {
    return kind;
  }

  /**
   * Entries of a ConfigMap or Secret.
   *
   * @param byName texts by name; empty for what cannot be a JWK set
   * @param bundles contents that may be policy bundles, by name; each name is in {@code byName},
   *     too
   * @param refused why contents that may be policy bundles are not kept, by name; each name is in
   *     {@code byName}, too
   */
  public record Entries(
      Map<String, String> byName, Map<String, Content> bundles, Map<String, String> refused) {
    /** Copies the maps. */
    public Entries {
      byName = Collections.unmodifiableMap(new TreeMap<>(byName));
      bundles = Collections.unmodifiableMap(new TreeMap<>(bundles));
      refused = Collections.unmodifiableMap(new TreeMap<>(refused));
    }

    private static Entries of(Map<String, String> texts, Map<String, byte[]> bytes) {
      Map<String, String> byName = new TreeMap<>();
      Map<String, Content> bundles = new TreeMap<>();
      texts.forEach((name, text) -> byName.put(name, mayBeKeySet(text) ? text : ""));
      bytes.forEach(
          (name, content) -> {
            byName.putIfAbsent(name, "");
            if (mayBeBundle(content)) {
              bundles.put(name, Content.of(content));
            }
          });
      return new Entries(byName, bundles, Map.of());
    }

    private static boolean mayBeKeySet(String text) {
      return text.length() <= MAX_TEXT && text.contains("\"keys\"");
    }

    /** Whether it begins as gzip does (RFC 1952 section 2.3.1). */
    private static boolean mayBeBundle(byte[] content) {
      return content.length <= MAX_BUNDLE
          && content.length > 2
          && content[0] == 0x1f
          && content[1] == (byte) 0x8b;
    }

    /** The names alone. */
    @Override
    public String toString() {
      return "entries " + byName.keySet();
    }
  }

  /**
   * Bytes that do not change. Equal contents are one object in memory, as long as somebody uses it:
   * they are told apart by SHA-256.
   */
  public static final class Content {
    // Guarded by itself.
    private static final Map<Content, WeakReference<Content>> KNOWN = new WeakHashMap<>();

    private final byte[] bytes;
    private final byte[] digest;

    private Content(byte[] bytes, byte[] digest) {
      this.bytes = bytes;
      this.digest = digest;
    }

    static Content of(byte[] bytes) {
      byte[] digest;
      try {
        digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every JDK has SHA-256", e);
      }
      synchronized (KNOWN) {
        WeakReference<Content> reference = KNOWN.get(new Content(new byte[0], digest));
        Content known = reference == null ? null : reference.get();
        if (known == null) {
          known = new Content(bytes.clone(), digest);
          KNOWN.put(known, new WeakReference<>(known));
        }
        return known;
      }
    }

    /** The bytes, which cannot be written. They are no copy. */
    public ByteBuffer asReadOnlyBuffer() {
      return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
    }

    /** Number of bytes. */
    public int size() {
      return bytes.length;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Content that && Arrays.equals(digest, that.digest);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(digest);
    }

    /** The size alone. */
    @Override
    public String toString() {
      return bytes.length + " bytes";
    }
  }
}
