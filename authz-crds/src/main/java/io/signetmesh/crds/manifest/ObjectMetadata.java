package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.crds.text.Quoted;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What every object has: its name and namespace, its labels and annotations. */
final class ObjectMetadata {
  private ObjectMetadata() {}

  /** Key of the object, even of an invalid one; null when name or namespace cannot be read. */
  static @Nullable ResourceKey key(YamlNode.Mapping root, ResourceKind kind) {
    if (!(root.value("metadata").orElse(null) instanceof YamlNode.Mapping metadata)) {
      return null;
    }
    Optional<String> name = metadata.text("name");
    Optional<String> namespace = metadata.text("namespace");
    if (name.isEmpty() || (kind.namespaced() && namespace.isEmpty())) {
      return null;
    }
    return new ResourceKey(
        kind.group(), kind.kind(), kind.namespaced() ? namespace.get() : "", name.get());
  }

  /** Reports what is wrong with the metadata of an object, once. */
  static void check(
      YamlNode.Mapping root, ResourceKind kind, UnreadFields unread, DocumentFindings found) {
    YamlNode metadata = root.value("metadata").orElse(null);
    if (!(metadata instanceof YamlNode.Mapping mapping)) {
      if ((metadata == null || Binder.isAbsent(metadata)) && unread.isRead("metadata")) {
        found.error(root.position(), "", "required field \"metadata\" missing");
      }
      return;
    }
    name(mapping, "name", kind.nameFormat(), unread, found);
    if (kind.namespaced()) {
      name(mapping, "namespace", TextFormat.LABEL, unread, found);
    } else if (unread.isRead("metadata.namespace")
        && mapping.value("namespace").filter(node -> !Binder.isAbsent(node)).isPresent()) {
      found.error(
          FieldPositions.find(mapping, "namespace"),
          "metadata.namespace",
          "a " + kind.kind() + " has no namespace");
    }
    labels(mapping, unread, found);
  }

  /**
   * The object in the default namespace, when there is one and the object says nothing of a
   * namespace, not even misspelt.
   *
   * @param namespace the default namespace; null for none
   */
  static YamlNode.Mapping withNamespace(YamlNode.Mapping root, @Nullable String namespace) {
    if (namespace == null) {
      return root;
    }
    List<YamlNode.Entry> entries = new ArrayList<>(root.entries());
    entries.replaceAll(
        entry ->
            entry.key().equals("metadata") && entry.value() instanceof YamlNode.Mapping metadata
                ? new YamlNode.Entry(entry.position(), entry.key(), in(namespace, metadata))
                : entry);
    return new YamlNode.Mapping(root.position(), List.copyOf(entries));
  }

  private static YamlNode.Mapping in(String namespace, YamlNode.Mapping metadata) {
    List<YamlNode.Entry> entries = new ArrayList<>(metadata.entries());
    entries.removeIf(entry -> entry.key().equals("namespace") && Binder.isAbsent(entry.value()));
    for (YamlNode.Entry entry : entries) {
      if (entry.key().equals("namespace")
          || NearestName.of(entry.key(), List.of("namespace")).isPresent()) {
        return metadata;
      }
    }
    Position position = metadata.position();
    entries.add(
        new YamlNode.Entry(
            position, "namespace", new YamlNode.Scalar(position, YamlNode.Type.STRING, namespace)));
    return new YamlNode.Mapping(position, List.copyOf(entries));
  }

  private static void name(
      YamlNode.Mapping metadata,
      String field,
      TextFormat format,
      UnreadFields unread,
      DocumentFindings found) {
    YamlNode name = metadata.value(field).orElse(null);
    if (name == null || Binder.isAbsent(name)) {
      if (unread.isRead("metadata." + field)) {
        found.error(
            metadata.position(),
            "metadata",
            "required field "
                + Quoted.text(field)
                + " missing"
                + (field.equals("namespace")
                    ? ": write it, or give the namespace of all such objects with"
                        + " --default-namespace"
                    : ""));
      }
    } else if (name instanceof YamlNode.Scalar scalar
        && scalar.isText()
        && !format.matches(scalar.text())) {
      found.error(
          scalar.position(),
          "metadata." + field,
          Quoted.text(scalar.text()) + " is not " + format.description());
    }
  }

  private static void labels(
      YamlNode.Mapping metadata, UnreadFields unread, DocumentFindings found) {
    for (String field : List.of("labels", "annotations")) {
      if (!(metadata.value(field).orElse(null) instanceof YamlNode.Mapping pairs)) {
        continue;
      }
      for (YamlNode.Entry pair : pairs.entries()) {
        if (!LabelSyntax.isKey(pair.key())) {
          found.error(
              pair.position(),
              "metadata." + field,
              Quoted.text(pair.key()) + " is not a key: expected " + LabelSyntax.KEY_DESCRIPTION);
          unread.add("metadata." + field + "[\"" + pair.key() + "\"]");
        }
        if (field.equals("labels")
            && pair.value() instanceof YamlNode.Scalar scalar
            && scalar.isText()
            && !LabelSyntax.isValue(scalar.text())) {
          found.error(
              scalar.position(),
              "metadata.labels." + pair.key(),
              Quoted.text(scalar.text())
                  + " is not a label value: expected "
                  + LabelSyntax.VALUE_DESCRIPTION);
        }
      }
    }
  }

  /** Syntax of labels and of the keys of annotations. */
  private static final class LabelSyntax {
    static final String KEY_DESCRIPTION =
        "up to 63 letters, digits, '-', '_' or '.', with an optional DNS prefix and '/'";
    static final String VALUE_DESCRIPTION =
        "up to 63 letters, digits, '-', '_' or '.', starting and ending with a letter or digit";

    private static final Pattern NAME =
        Pattern.compile("(?=.{1,63}$)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");

    private LabelSyntax() {}

    static boolean isKey(String key) {
      int slash = key.indexOf('/');
      return slash < 0
          ? NAME.matcher(key).matches()
          : TextFormat.SUBDOMAIN.matches(key.substring(0, slash))
              && NAME.matcher(key.substring(slash + 1)).matches();
    }

    static boolean isValue(String value) {
      return value.isEmpty() || NAME.matcher(value).matches();
    }
  }
}
