package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.token.KeyHolder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the entries of ConfigMaps and Secrets. Whether an object counts, and so whether its
 * mistakes are told, depends on other objects. Findings never show a value.
 */
final class HolderReader {
  private HolderReader() {}

  /**
   * An object that counts where a JWTAuthentication refers to it.
   *
   * @param position where it is written
   * @param object null when it cannot be read
   * @param findings why it cannot be read
   */
  record Held(Position position, @Nullable KeyHolder object, List<ManifestFinding> findings) {
    /** The object is given twice, so neither form of it counts. */
    Held and(ResourceKey key, Held second) {
      return new Held(position, null, List.of(Manifests.duplicate(key, position, second.position)));
    }
  }

  /**
   * Adds an object that counts if a JWTAuthentication, here or elsewhere, refers to it. Objects of
   * other kinds, and those without a name, are not added.
   *
   * @param defaultNamespace namespace of an object that names none; null for none
   */
  static void hold(
      YamlNode.Mapping written,
      String apiVersion,
      String kindName,
      @Nullable String defaultNamespace,
      Map<ResourceKey, Held> held) {
    ResourceKind kind = ResourceKind.findHolder(apiVersion, kindName);
    ResourceKey key =
        kind == null
            ? null
            : ObjectMetadata.key(ObjectMetadata.withNamespace(written, defaultNamespace), kind);
    if (key != null) {
      held.merge(key, read(key, written), (one, other) -> one.and(key, other));
    }
  }

  private static Held read(ResourceKey key, YamlNode.Mapping root) {
    DocumentFindings found = new DocumentFindings(key);
    Map<String, String> entries = new LinkedHashMap<>();
    boolean secret = key.kind().equals(KeyHolder.SECRET);
    entries(root, "data", secret, entries, found);
    if (secret) {
      entries(root, "stringData", false, entries, found);
    }
    return new Held(
        root.position(), found.hasErrors() ? null : new KeyHolder(key, entries), found.all());
  }

  private static void entries(
      YamlNode.Mapping root,
      String field,
      boolean encoded,
      Map<String, String> entries,
      DocumentFindings found) {
    YamlNode data = root.value(field).orElse(null);
    if (data == null || Binder.isAbsent(data)) {
      return;
    }
    if (!(data instanceof YamlNode.Mapping mapping)) {
      found.error(data.position(), field, "expected an object, found " + data.description());
      return;
    }
    for (YamlNode.Entry entry : mapping.entries()) {
      if (!(entry.value() instanceof YamlNode.Scalar scalar) || !scalar.isText()) {
        found.error(
            entry.position(),
            field + "." + entry.key(),
            "expected a string, found " + entry.value().description());
        continue;
      }
      String text = encoded ? decoded(scalar.text()) : scalar.text();
      if (text == null) {
        found.error(entry.position(), field + "." + entry.key(), "expected base64");
      } else {
        entries.put(entry.key(), text);
      }
    }
  }

  /** The text of a value of a Secret, empty when it is no text; null when it is not base64. */
  private static @Nullable String decoded(String base64) {
    byte[] bytes;
    try {
      bytes = Base64.getMimeDecoder().decode(base64.strip());
      // The decoder passes over what is none.
      if (!base64.chars().allMatch(c -> Character.isWhitespace(c) || c == '=' || isBase64(c))) {
        return null;
      }
    } catch (IllegalArgumentException e) {
      return null;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return "";
    }
  }

  private static boolean isBase64(int c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '+'
        || c == '/';
  }
}
