package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ContentBudget;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
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
   * An object that counts where an authentication refers to it.
   *
   * @param position where it is written
   * @param object null when it cannot be read
   * @param findings why it cannot be read
   */
  record Held(Position position, @Nullable ContentHolder object, List<ManifestFinding> findings) {
    /** The same without the bundles that a budget has no room for. */
    Held bounded(ContentBudget budget) {
      ContentHolder whole = object;
      ContentHolder bounded = whole == null ? null : whole.bounded(budget);
      return bounded == whole ? this : new Held(position, bounded, findings);
    }

    /** The object is given twice, so neither form of it counts. */
    Held and(ResourceKey key, Held second) {
      return new Held(position, null, List.of(Manifests.duplicate(key, position, second.position)));
    }
  }

  /**
   * Adds an object that counts if an authentication, here or elsewhere, refers to it. Objects of
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
    Map<String, String> texts = new LinkedHashMap<>();
    Map<String, byte[]> bytes = Map.of();
    if (key.kind().equals(ContentHolder.SECRET)) {
      encoded(root, "data", found).forEach((name, content) -> texts.put(name, text(content)));
      strings(root, "stringData", found).forEach((name, at) -> texts.put(name, at.text()));
    } else {
      strings(root, "data", found).forEach((name, at) -> texts.put(name, at.text()));
      bytes = encoded(root, "binaryData", found);
    }
    return new Held(
        root.position(),
        found.hasErrors() ? null : new ContentHolder(key, texts, bytes),
        found.all());
  }

  /** A string of an object, and where it is written. */
  private record Written(String text, Position position) {}

  private static Map<String, Written> strings(
      YamlNode.Mapping root, String field, DocumentFindings found) {
    YamlNode data = root.value(field).orElse(null);
    if (data == null || Binder.isAbsent(data)) {
      return Map.of();
    }
    if (!(data instanceof YamlNode.Mapping mapping)) {
      found.error(data.position(), field, "expected an object, found " + data.description());
      return Map.of();
    }
    Map<String, Written> strings = new LinkedHashMap<>();
    for (YamlNode.Entry entry : mapping.entries()) {
      if (entry.value() instanceof YamlNode.Scalar scalar && scalar.isText()) {
        strings.put(entry.key(), new Written(scalar.text(), entry.position()));
      } else {
        found.error(
            entry.position(),
            field + "." + entry.key(),
            "expected a string, found " + entry.value().description());
      }
    }
    return strings;
  }

  private static Map<String, byte[]> encoded(
      YamlNode.Mapping root, String field, DocumentFindings found) {
    Map<String, byte[]> contents = new LinkedHashMap<>();
    strings(root, field, found)
        .forEach(
            (name, written) -> {
              byte[] bytes = decoded(written.text());
              if (bytes == null) {
                found.error(written.position(), field + "." + name, "expected base64");
              } else {
                contents.put(name, bytes);
              }
            });
    return contents;
  }

  /** Null when it is not base64. */
  private static byte @Nullable [] decoded(String base64) {
    // The decoder passes over what is none.
    if (!base64.chars().allMatch(c -> Character.isWhitespace(c) || c == '=' || isBase64(c))) {
      return null;
    }
    try {
      return Base64.getMimeDecoder().decode(base64.strip());
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** The text of a value of a Secret; empty when it is no text. */
  private static String text(byte[] content) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
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
