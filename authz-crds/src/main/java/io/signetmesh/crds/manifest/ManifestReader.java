package io.signetmesh.crds.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.crds.text.Quoted;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads manifests strictly: YAML or JSON, several documents to a file, {@code v1/List} included.
 *
 * <p>These are errors, with file, line and column: unknown kinds, versions and fields; wrong types;
 * values out of range; missing fields; duplicate keys and objects; and violations of the {@link
 * Rules}. One reading finds all errors, up to 1000 per source. Each mistake is reported once: what
 * merely follows from a field that cannot be read is not reported. Safe for use by several threads.
 */
public final class ManifestReader {
  static final int MAX_FILE_BYTES = 32 * 1024 * 1024;
  private static final int MAX_LIST_DEPTH = 4;

  /** Bounds what is kept about a file of garbage. */
  private static final int MAX_FINDINGS = 1000;

  private static final Set<String> TOP_LEVEL =
      Set.of("apiVersion", "kind", "metadata", "spec", "status");

  private final Rules rules;
  private final @Nullable String defaultNamespace;
  private final JsonMapper mapper =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();
  private final Map<String, VersionSchema> schemas = new ConcurrentHashMap<>();

  /** Checks that an object must pass beyond its schema. */
  @FunctionalInterface
  public interface Rules {
    /**
     * Finds what is wrong with one object.
     *
     * @param object the object, complete except for the unread fields
     * @param unread fields that already have a finding; report nothing about them
     * @return the findings; empty when there are none
     */
    List<ManifestFinding> check(HasMetadata object, UnreadFields unread);
  }

  /**
   * Creates a reader.
   *
   * @param rules checks beyond the schema; {@code AdmissionRules::check} in production
   */
  public ManifestReader(Rules rules) {
    this(rules, null);
  }

  private ManifestReader(Rules rules, @Nullable String defaultNamespace) {
    this.rules = rules;
    this.defaultNamespace = defaultNamespace;
  }

  /** Model classes of the mesh's own kinds, without those of Kubernetes. */
  public static Set<Class<? extends HasMetadata>> meshKinds() {
    return ResourceKind.all().stream()
        .filter(ResourceKind::isMeshResource)
        .map(ResourceKind::type)
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Returns a reader that puts namespaced objects without a namespace into this one, as {@code
   * kubectl apply -n} does.
   *
   * @param namespace the namespace; null means that an object without a namespace is an error
   * @throws IllegalArgumentException when the namespace is not a DNS label (RFC 1123)
   */
  public ManifestReader withDefaultNamespace(@Nullable String namespace) {
    if (namespace != null && !TextFormat.LABEL.matches(namespace)) {
      throw new IllegalArgumentException(
          Quoted.text(namespace)
              + " is no name of a namespace: expected "
              + TextFormat.LABEL.description());
    }
    return new ManifestReader(rules, namespace);
  }

  /**
   * Reads text. What is wrong is among the findings.
   *
   * @param source name of the text in positions and findings; the text is JSON when it ends with
   *     {@code .json}
   */
  public Manifests read(String source, String text) {
    Reading reading = new Reading(source);
    // JSON may indent with tabs, YAML may not; within its strings JSON has none.
    String yaml = source.endsWith(".json") ? text.replace('\t', ' ') : text;
    YamlStream.read(source, yaml, reading);
    return reading.result();
  }

  /**
   * Reads a file of up to 32 MiB in UTF-8. A file that cannot be read, is longer, is not UTF-8 or
   * is empty is an error among the findings. (A file is empty while another process writes it.)
   */
  public Manifests readFile(Path file) {
    String source = file.toString();
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_FILE_BYTES + 1);
    } catch (IOException e) {
      return unreadable(source, "cannot be read: " + e);
    }
    return read(source, bytes);
  }

  /** Reads a file, or all manifests in a directory, as {@link ManifestDirectory} does. */
  public Manifests readPath(Path path) {
    return Files.isDirectory(path) ? new ManifestDirectory(path, this).read() : readFile(path);
  }

  /** Reads the bytes of a file. */
  Manifests read(String source, byte[] bytes) {
    if (bytes.length > MAX_FILE_BYTES) {
      return unreadable(source, "is longer than 32 MiB");
    }
    if (bytes.length == 0) {
      return unreadable(source, "is empty");
    }
    try {
      return read(
          source, StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException e) {
      return unreadable(source, "is not UTF-8");
    }
  }

  static Manifests unreadable(String source, String message) {
    ManifestFinding finding =
        new ManifestFinding(
            ManifestFinding.Severity.ERROR, new Position(source, 1, 1), null, "", message);
    return new Manifests(
        Map.of(), Map.of(), Set.of(), Set.of(source), List.of(finding), List.of(), Map.of());
  }

  /** One source being read. */
  private final class Reading implements YamlStream.Sink {
    private final String source;
    private final Map<ResourceKey, HasMetadata> valid = new LinkedHashMap<>();
    private final Map<ResourceKey, Position> positions = new LinkedHashMap<>();
    private final Set<ResourceKey> invalid = new HashSet<>();
    private final BoundedFindings findings = new BoundedFindings(MAX_FINDINGS);
    private final Map<String, PassedOver> passedOver = new LinkedHashMap<>();
    private final Map<ResourceKey, HolderReader.Held> holders = new LinkedHashMap<>();
    private boolean unreadable;

    Reading(String source) {
      this.source = source;
    }

    Manifests result() {
      valid.keySet().removeAll(invalid);
      return new Manifests(
          valid,
          positions,
          invalid,
          unreadable ? Set.of(source) : Set.of(),
          findings.all(),
          passedOver.values(),
          holders);
    }

    @Override
    public void unreadable(YamlStream.Problem problem) {
      unreadable = true;
      findings.add(
          new ManifestFinding(
              ManifestFinding.Severity.ERROR, problem.position(), null, "", problem.message()));
    }

    @Override
    public void document(YamlNode root, List<YamlStream.Problem> problems) {
      object(root, problems, 0);
    }

    private void object(YamlNode root, List<YamlStream.Problem> problems, int depth) {
      if (!(root instanceof YamlNode.Mapping written)) {
        refuse(
            root,
            "expected an object with apiVersion, kind and metadata, found " + root.description());
        return;
      }
      Optional<String> apiVersion = written.text("apiVersion");
      Optional<String> kindName = written.text("kind");
      if (apiVersion.isEmpty() || kindName.isEmpty()) {
        PassedOver ofTool = PassedOver.ofTool(source, written.position());
        if (ofTool != null && ForeignObjects.isNoObject(written)) {
          pass(ofTool, problems);
          return;
        }
        for (String field : List.of("apiVersion", "kind")) {
          if (written.text(field).isEmpty()) {
            refuse(written, field + " is missing or not a string");
          }
        }
        return;
      }
      if (apiVersion.get().equals("v1") && kindName.get().equals("List")) {
        list(written, problems, depth);
        return;
      }
      String group = ResourceKey.groupOf(apiVersion.get());
      String version =
          group.isEmpty() ? apiVersion.get() : apiVersion.get().substring(group.length() + 1);
      ResourceKind kind = ResourceKind.find(group, kindName.get()).orElse(null);
      if (kind == null && ForeignKinds.isForeign(group, kindName.get())) {
        YamlNode held = ForeignObjects.ofMeshIn(written);
        if (held != null) {
          refuse(
              held,
              "an object of the mesh in one of kind "
                  + Quoted.text(kindName.get())
                  + " of "
                  + Quoted.text(apiVersion.get())
                  + ", which is not read: give it by itself or in a List of apiVersion v1");
          return;
        }
        if (problems.isEmpty()) {
          HolderReader.hold(written, apiVersion.get(), kindName.get(), defaultNamespace, holders);
        }
        pass(new PassedOver(group, kindName.get(), 1, written.position()), problems);
        return;
      }
      if (kind == null) {
        refuse(written, ResourceKind.explainUnknown(group, kindName.get()));
        return;
      }
      YamlNode.Mapping mapping =
          kind.namespaced() ? ObjectMetadata.withNamespace(written, defaultNamespace) : written;
      if (RoutesElsewhere.contains(group, kind.kind(), mapping)) {
        pass(new PassedOver(group, kindName.get(), 1, written.position()), problems);
        routeElsewhere(mapping, kind);
        return;
      }
      ResourceKey key = ObjectMetadata.key(mapping, kind);
      DocumentFindings found = new DocumentFindings(key);
      for (YamlStream.Problem problem : problems) {
        found.error(problem.position(), "", problem.message());
      }
      HasMetadata object = null;
      if (kind.versions().contains(version)) {
        String replacement = kind.deprecated().get(version);
        if (replacement != null) {
          found.warning(
              FieldPositions.find(mapping, "apiVersion"),
              "apiVersion",
              version + " is deprecated: use " + kind.apiVersion(replacement));
        }
        object = bind(mapping, kind, version, key, found);
      } else {
        found.error(
            FieldPositions.find(mapping, "apiVersion"),
            "apiVersion",
            "%s is not served in %s, only in %s"
                .formatted(
                    kind.kind(),
                    Quoted.text(apiVersion.get()),
                    String.join(", ", kind.versions().stream().map(kind::apiVersion).toList())));
        ObjectMetadata.check(mapping, kind, new UnreadFields(), found);
      }
      record(
          key,
          object != null && kind.isMeshResource()
              ? mapping.position().with(FieldTable.of(mapping))
              : mapping.position(),
          object,
          found);
    }

    /** Keeps what a policy that names the route can be told of it, where that can be read. */
    private void routeElsewhere(YamlNode.Mapping written, ResourceKind kind) {
      ResourceKey key = ObjectMetadata.key(written, kind);
      if (key == null || !RoutesElsewhere.isTarget(kind.kind())) {
        return;
      }
      HasMetadata object =
          bind(
              RoutesElsewhere.withoutRules(written),
              kind,
              kind.versions().getLast(),
              key,
              new DocumentFindings(key));
      if (object != null) {
        record(key, written.position(), object, new DocumentFindings(key));
      }
    }

    private void record(
        @Nullable ResourceKey key,
        Position position,
        @Nullable HasMetadata object,
        DocumentFindings found) {
      found.all().forEach(findings::add);
      if (key == null) {
        unreadable = true;
        return;
      }
      Position first = positions.putIfAbsent(key, position);
      if (first != null) {
        findings.add(Manifests.duplicate(key, first, position));
        invalid.add(key);
      } else if (object == null || found.hasErrors()) {
        invalid.add(key);
      } else {
        valid.put(key, object);
      }
    }

    private void list(YamlNode.Mapping mapping, List<YamlStream.Problem> problems, int depth) {
      problems.forEach(this::unreadable);
      if (depth == MAX_LIST_DEPTH) {
        refuse(mapping, "lists of lists are not taken that deep");
        return;
      }
      for (YamlNode.Entry entry : mapping.entries()) {
        switch (entry.key()) {
          case "apiVersion", "kind", "metadata" -> {}
          case "items" -> {
            if (entry.value() instanceof YamlNode.Sequence items) {
              items.items().forEach(item -> object(item, List.of(), depth + 1));
            } else if (!Binder.isAbsent(entry.value())) {
              refuse(entry.value(), "items: expected a list, found " + entry.value().description());
            }
          }
          default ->
              unreadable(
                  new YamlStream.Problem(
                      entry.position(), "unknown field " + Quoted.text(entry.key())));
        }
      }
    }

    /** Keys that are there twice may be those that tell what it is. */
    private void pass(PassedOver one, List<YamlStream.Problem> problems) {
      problems.forEach(this::unreadable);
      if (passedOver.size() == MAX_FINDINGS && !passedOver.containsKey(one.name())) {
        unreadable(
            new YamlStream.Problem(one.first(), "one more kind that the mesh does not read"));
        return;
      }
      passedOver.merge(one.name(), one, PassedOver::and);
    }

    private void refuse(YamlNode node, String message) {
      unreadable(new YamlStream.Problem(node.position(), message));
    }
  }

  private @Nullable HasMetadata bind(
      YamlNode.Mapping root,
      ResourceKind kind,
      String version,
      @Nullable ResourceKey key,
      DocumentFindings found) {
    VersionSchema schema =
        schemas.computeIfAbsent(
            kind.apiVersion(version), _ -> new VersionSchema(kind.group(), version, mapper));
    Binder binder = new Binder(mapper, schema, found);
    UnreadFields unread = binder.unread();
    ObjectNode bound =
        kind.isMeshResource() ? bindMesh(root, kind, binder, found) : bindBean(root, kind, binder);
    ObjectMetadata.check(root, kind, unread, found);
    if (!(bound.get("metadata") instanceof ObjectNode)) {
      bound.set("metadata", JsonNodeFactory.instance.objectNode());
    }
    HasMetadata object;
    try {
      object = mapper.treeToValue(bound, kind.type());
    } catch (JsonProcessingException e) {
      if (!found.hasErrors()) {
        found.error(root.position(), "", "does not fit its model: " + e.getOriginalMessage());
      }
      return null;
    }
    if (object instanceof Server server
        && version.equals("v1alpha1")
        && unread.isRead("spec.podSelector")) {
      checkFirstSelector(server, root, found);
    }
    for (ManifestFinding finding : rules.check(object, unread)) {
      Position position = FieldPositions.find(root, unread.inManifest(finding.field()));
      found.add(
          new ManifestFinding(
              finding.severity(), position, key, finding.field(), finding.message()));
    }
    return key == null || found.hasErrors() ? null : object;
  }

  /** The first version of Server takes one form of selector at a time; later ones take both. */
  private static void checkFirstSelector(
      Server server, YamlNode.Mapping root, DocumentFindings found) {
    LabelSelector selector = server.spec().podSelector();
    if (selector == null) {
      return;
    }
    String expressions = "spec.podSelector.matchExpressions";
    boolean hasLabels = FieldPositions.has(root, "spec", "podSelector", "matchLabels");
    if (hasLabels == FieldPositions.has(root, "spec", "podSelector", "matchExpressions")) {
      found.error(
          FieldPositions.find(root, hasLabels ? expressions : "spec.podSelector"),
          "spec.podSelector",
          "exactly one of matchLabels and matchExpressions is required in v1alpha1");
    }
  }

  private ObjectNode bindMesh(
      YamlNode.Mapping root, ResourceKind kind, Binder binder, DocumentFindings found) {
    JavaType supertype = mapper.constructType(kind.type()).findSuperType(MeshResource.class);
    JavaType spec = supertype.containedType(0);
    Map<String, JavaType> parts = new LinkedHashMap<>();
    parts.put("metadata", mapper.constructType(ObjectMeta.class));
    parts.put("spec", spec);
    if (supertype.containedType(1).getRawClass() != Void.class) {
      parts.put("status", supertype.containedType(1));
    }
    UnreadFields unread = binder.unread();
    ObjectNode bound = JsonNodeFactory.instance.objectNode();
    Set<String> given = new HashSet<>();
    Set<String> misspelt = new HashSet<>();
    for (YamlNode.Entry entry : root.entries()) {
      JavaType type = parts.get(entry.key());
      if (type != null) {
        if (Binder.isAbsent(entry.value())) {
          continue;
        }
        given.add(entry.key());
        JsonNode value = binder.bind(entry.value(), type, entry.key());
        if (value != null) {
          bound.set(entry.key(), value);
        }
      } else if (!entry.key().equals("apiVersion") && !entry.key().equals("kind")) {
        boolean status = entry.key().equals("status");
        found.error(
            entry.position(),
            "",
            "unknown field "
                + Quoted.text(entry.key())
                + (status ? "" : NearestName.hint(entry.key(), TOP_LEVEL)));
        unread.addPartOf("");
        if (!status) {
          NearestName.of(entry.key(), TOP_LEVEL).ifPresent(misspelt::add);
        }
      }
    }
    misspelt.removeAll(given);
    misspelt.forEach(unread::add);
    if (!given.contains("spec") && kind.type() != GrpcRoute.class) {
      if (!misspelt.contains("spec")) {
        found.error(root.position(), "", "required field \"spec\" missing");
      }
      unread.add("spec");
    }
    if (!bound.has("spec") && !unread.isRead("spec")) {
      bound.set("spec", binder.placeholder(spec));
    }
    return bound;
  }

  private ObjectNode bindBean(YamlNode.Mapping root, ResourceKind kind, Binder binder) {
    JsonNode bound = binder.bind(root, mapper.constructType(kind.type()), "");
    return bound instanceof ObjectNode object ? object : JsonNodeFactory.instance.objectNode();
  }
}
