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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The rotations of a mesh, each in a file of its own in the directory {@code rotations} of the
 * state directory. A file is replaced atomically and is on the disk when a write returns.
 * Thread-safe.
 */
public final class RotationStore {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SUFFIX = ".json";

  private final Path directory;
  private final List<Numbered> rotations;

  private RotationStore(Path directory, List<Numbered> rotations) {
    this.directory = directory;
    this.rotations = rotations;
  }

  /** A rotation, and its number among all: a clock that was set does not change their order. */
  private record Numbered(long number, Rotation rotation) {}

  /**
   * Reads the rotations of a state directory.
   *
   * @throws PkiException when a file is malformed, or two rotations are under way
   */
  public static RotationStore open(Path stateDirectory) throws IOException, PkiException {
    Path directory = stateDirectory.resolve("rotations");
    StateFiles.createDirectory(directory);
    List<Numbered> read = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      for (Path file : files) {
        read.add(read(file));
      }
    }
    read.sort(
        Comparator.comparingLong(Numbered::number).thenComparing(r -> r.rotation.startedAt()));
    List<String> underWay =
        read.stream().map(Numbered::rotation).filter(r -> !r.isDone()).map(Rotation::id).toList();
    if (underWay.size() > 1) {
      throw new PkiException(
          directory + ": rotations " + underWay + " are under way: expected at most one");
    }
    return new RotationStore(directory, read);
  }

  /** The rotation that is under way; null when there is none. */
  public synchronized @Nullable Rotation current() {
    return rotations.stream()
        .map(Numbered::rotation)
        .filter(r -> !r.isDone())
        .findFirst()
        .orElse(null);
  }

  /** All rotations, oldest first. */
  public synchronized List<Rotation> all() {
    return rotations.stream().map(Numbered::rotation).toList();
  }

  /** Fingerprints of the anchors that rotations took away and none brought back since. */
  public synchronized Set<String> retired() {
    Set<String> retired = new HashSet<>();
    for (Rotation rotation : all()) {
      if (rotation.isDone()) {
        // What was aborted has retired nothing: its new anchor may be tried again.
        rotation.staying().forEach(retired::remove);
        if (!rotation.reversed()) {
          rotation.leaving().forEach(retired::add);
        }
      }
    }
    return retired;
  }

  /**
   * Keeps a rotation: a new one, or the newer form of a known one.
   *
   * @throws RotationRefusedException when another one is under way
   * @throws IOException when it cannot be written; the store is as before
   */
  public synchronized void put(Rotation rotation) throws IOException {
    Rotation current = current();
    if (current != null && !current.id().equals(rotation.id())) {
      throw new RotationRefusedException("rotation " + current.id() + " is under way");
    }
    long number =
        rotations.stream()
            .filter(known -> known.rotation.id().equals(rotation.id()))
            .mapToLong(Numbered::number)
            .findAny()
            .orElseGet(() -> rotations.isEmpty() ? 1 : rotations.getLast().number + 1);
    Numbered numbered = new Numbered(number, rotation);
    StateFiles.writeSecret(
        directory.resolve(rotation.id() + SUFFIX),
        JSON.writerWithDefaultPrettyPrinter().writeValueAsString(write(numbered)) + "\n");
    rotations.removeIf(known -> known.rotation.id().equals(rotation.id()));
    rotations.add(numbered);
  }

  private static ObjectNode write(Numbered numbered) {
    Rotation rotation = numbered.rotation;
    ObjectNode json = JSON.createObjectNode();
    json.put("id", rotation.id());
    json.put("number", numbered.number);
    rotation.before().forEach(json.putArray("before")::add);
    rotation.after().forEach(json.putArray("after")::add);
    json.put("compromised", rotation.compromised());
    json.put("reversed", rotation.reversed());
    json.put("renewWindow", rotation.renewWindow().toString());
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

  private static Numbered read(Path file) throws IOException, PkiException {
    try {
      JsonNode json = JSON.readTree(file.toFile());
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
              waivers(json.required("waived")),
              log);
      return new Numbered(number(json.path("number")), rotation);
    } catch (JacksonException | IllegalArgumentException | DateTimeException e) {
      throw new PkiException(file + ": not the record of a rotation: " + e.getMessage(), e);
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
      throw new IllegalArgumentException("number is " + value + ": expected an integer");
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
