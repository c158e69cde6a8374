package io.signetmesh.rotation;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rotations of a mesh, each in a file of its own in the directory {@code rotations} of the
 * state directory. A file is replaced atomically and is on the disk when a write returns. Versions
 * count the writes of a rotation. Conditions are kept in memory. Thread-safe.
 *
 * <p>The file of a rotation that was superseded also holds the record with which its successor
 * began. So one write ends the one and begins the other. That record counts until the successor has
 * a file of its own.
 */
public final class FileRotationStore implements RotationStore {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SUFFIX = ".json";
  private static final String SUCCESSOR = "successor";
  private static final Logger log = LoggerFactory.getLogger(FileRotationStore.class);

  private final Path directory;
  private final List<Numbered> rotations;
  private final Map<String, List<Condition>> conditions = new HashMap<>();

  private FileRotationStore(Path directory, List<Numbered> rotations) {
    this.directory = directory;
    this.rotations = rotations;
  }

  /**
   * A rotation.
   *
   * @param number its number among all: a clock that was set does not change their order
   * @param writes how often it was written
   */
  private record Numbered(long number, long writes, Rotation rotation) {
    Kept kept() {
      return new Kept(rotation, Long.toString(writes));
    }
  }

  /**
   * Reads the rotations of a state directory.
   *
   * @throws PkiException when a file is malformed, or two rotations are under way
   */
  public static FileRotationStore open(Path stateDirectory) throws IOException, PkiException {
    Path directory = stateDirectory.resolve("rotations");
    StateFiles.createDirectory(directory);
    List<Numbered> read = new ArrayList<>();
    List<Numbered> successors = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      for (Path file : files) {
        JsonNode json = json(file);
        read.add(read(file, json));
        if (json.has(SUCCESSOR)) {
          successors.add(read(file, json.get(SUCCESSOR)));
        }
      }
    }
    read.sort(
        Comparator.comparingLong(Numbered::number).thenComparing(r -> r.rotation.startedAt()));
    for (Numbered successor : successors) {
      // One that is not the newest had a file, whoever has taken it away.
      if (read.getLast().number < successor.number) {
        write(directory, successor);
        read.add(successor);
      }
    }
    List<String> underWay =
        read.stream().map(Numbered::rotation).filter(r -> !r.isDone()).map(Rotation::id).toList();
    if (underWay.size() > 1) {
      throw new PkiException(
          directory + ": rotations " + underWay + " are under way: expected at most one");
    }
    return new FileRotationStore(directory, read);
  }

  @Override
  public synchronized List<Kept> kept() {
    return rotations.stream().map(Numbered::kept).toList();
  }

  @Override
  public synchronized Kept put(Rotation rotation, String version) throws IOException {
    Numbered numbered = next(rotation, version);
    write(directory, numbered);
    replace(numbered);
    return numbered.kept();
  }

  @Override
  public synchronized void supersede(Rotation ended, String version, Rotation successor)
      throws IOException {
    if (!ended.isDone() || successor.isDone() || find(successor.id()) != null) {
      throw new IllegalArgumentException(
          "rotations "
              + ended.id()
              + " and "
              + successor.id()
              + ": expected one that has ended, and a new one that has not");
    }
    Numbered last = next(ended, version);
    Numbered first = new Numbered(Math.max(last.number, lastNumber()) + 1, 1, successor);
    ObjectNode json = json(last);
    json.set(SUCCESSOR, json(first));
    write(directory, ended.id(), json);
    replace(last);
    replace(first);
    try {
      write(directory, first);
    } catch (IOException e) {
      // It has begun all the same: what is in the other file counts.
      log.warn("rotation {} has no file of its own yet", successor.id(), e);
    }
  }

  /**
   * The next form of a rotation.
   *
   * @param version of the form that it was made from
   */
  private Numbered next(Rotation rotation, String version) throws StaleRotationException {
    Rotation current = current();
    if (current != null && !current.id().equals(rotation.id())) {
      throw new RotationRefusedException("rotation " + current.id() + " is under way");
    }
    @Nullable Numbered known = find(rotation.id());
    String found = known == null ? NEW : known.kept().version();
    if (!found.equals(version)) {
      throw new StaleRotationException(rotation.id(), version, found);
    }
    return known == null
        ? new Numbered(lastNumber() + 1, 1, rotation)
        : new Numbered(known.number, known.writes + 1, rotation);
  }

  private long lastNumber() {
    return rotations.isEmpty() ? 0 : rotations.getLast().number;
  }

  private void replace(Numbered numbered) {
    rotations.removeIf(one -> one.rotation.id().equals(numbered.rotation.id()));
    rotations.add(numbered);
  }

  private static void write(Path directory, Numbered numbered) throws IOException {
    write(directory, numbered.rotation.id(), json(numbered));
  }

  private static void write(Path directory, String id, ObjectNode json) throws IOException {
    StateFiles.writeSecret(
        directory.resolve(id + SUFFIX),
        JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n");
  }

  private @Nullable Numbered find(String id) {
    return rotations.stream().filter(one -> one.rotation.id().equals(id)).findAny().orElse(null);
  }

  @Override
  public synchronized void report(String rotation, List<Condition> now) {
    conditions.keySet().retainAll(Set.of(rotation));
    conditions.put(rotation, List.copyOf(now));
  }

  @Override
  public synchronized List<Condition> conditions(String rotation) {
    return conditions.getOrDefault(rotation, List.of());
  }

  private static ObjectNode json(Numbered numbered) {
    Rotation rotation = numbered.rotation;
    ObjectNode json = JSON.createObjectNode();
    json.put("id", rotation.id());
    json.put("number", numbered.number);
    json.put("writes", numbered.writes);
    rotation.before().forEach(json.putArray("before")::add);
    rotation.after().forEach(json.putArray("after")::add);
    json.put("compromised", rotation.compromised());
    json.put("reversed", rotation.reversed());
    json.put("renewWindow", rotation.renewWindow().toString());
    json.put("crossSigned", rotation.crossSigned());
    ArrayNode waived = json.putArray("waived");
    for (Waiver waiver : rotation.waivers().values()) {
      ObjectNode entry = waived.addObject().put("identity", waiver.identity());
      waiver.serials().forEach(entry.putArray("serials")::add);
      entry.put("silent", waiver.silent());
    }
    ArrayNode log = json.putArray("log");
    for (Rotation.Entry entry : rotation.log()) {
      log.addObject()
          .put("at", entry.at().toString())
          .put("who", entry.who())
          .put("phase", entry.phase().name())
          .put("what", entry.what())
          .put("why", entry.why());
    }
    return json;
  }

  private static JsonNode json(Path file) throws IOException, PkiException {
    try {
      return JSON.readTree(file.toFile());
    } catch (JacksonException e) {
      throw malformed(file, e);
    }
  }

  private static PkiException malformed(Path file, Exception e) {
    return new PkiException(file + ": not the record of a rotation: " + e.getMessage(), e);
  }

  private static Numbered read(Path file, JsonNode json) throws PkiException {
    try {
      List<Rotation.Entry> log = new ArrayList<>();
      for (JsonNode entry : json.required("log")) {
        log.add(
            new Rotation.Entry(
                Instant.parse(text(entry, "at")),
                text(entry, "who"),
                Phase.valueOf(text(entry, "phase")),
                text(entry, "what"),
                text(entry, "why")));
      }
      Rotation rotation =
          new Rotation(
              text(json, "id"),
              AnchorSet.of(strings(json.required("before"))),
              AnchorSet.of(strings(json.required("after"))),
              flag(json, "compromised"),
              flag(json, "reversed"),
              Duration.parse(text(json, "renewWindow")),
              // Earlier versions did not go without.
              !json.has("crossSigned") || flag(json, "crossSigned"),
              waivers(json.required("waived")),
              log);
      return new Numbered(number(json.path("number")), number(json.path("writes")), rotation);
    } catch (IllegalArgumentException | DateTimeException e) {
      throw malformed(file, e);
    }
  }

  private static Map<String, Waiver> waivers(JsonNode array) {
    Map<String, Waiver> waivers = new TreeMap<>();
    for (JsonNode entry : array) {
      // Earlier versions kept the name only. Of leaves that are reported, it then says nothing.
      Waiver waiver =
          entry.isTextual()
              ? new Waiver(entry.textValue(), new TreeSet<>(), true)
              : new Waiver(
                  text(entry, "identity"),
                  new TreeSet<>(strings(entry.required("serials"))),
                  flag(entry, "silent"));
      waivers.put(waiver.identity(), waiver);
    }
    return waivers;
  }

  private static String text(JsonNode json, String field) {
    JsonNode value = json.required(field);
    if (!value.isTextual()) {
      throw new IllegalArgumentException(field + " is " + value + ": expected a string");
    }
    return value.textValue();
  }

  /** Records of earlier versions have none: they are older than those that do. */
  private static long number(JsonNode value) {
    if (!value.isMissingNode() && !value.canConvertToLong()) {
      throw new IllegalArgumentException("a number is " + value + ": expected an integer");
    }
    return value.asLong(0);
  }

  private static boolean flag(JsonNode json, String field) {
    JsonNode value = json.required(field);
    if (!value.isBoolean()) {
      throw new IllegalArgumentException(field + " is " + value + ": expected true or false");
    }
    return value.booleanValue();
  }

  private static Set<String> strings(JsonNode array) {
    Set<String> strings = new TreeSet<>();
    for (JsonNode value : array) {
      if (!value.isTextual()) {
        throw new IllegalArgumentException(value + " in a list: expected a string");
      }
      strings.add(value.textValue());
    }
    return strings;
  }
}
