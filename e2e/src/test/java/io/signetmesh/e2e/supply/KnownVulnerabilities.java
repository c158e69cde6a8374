package io.signetmesh.e2e.supply;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.maven.artifact.versioning.ComparableVersion;

/**
 * Vulnerabilities of libraries, one file each in the format of the <a
 * href="https://ossf.github.io/osv-schema/">Open Source Vulnerability schema</a>, of which the
 * ranges of type {@code ECOSYSTEM} for Maven and the lists of versions are read.
 */
final class KnownVulnerabilities {
  private static final JsonMapper JSON = new JsonMapper();

  private final List<JsonNode> entries;

  private KnownVulnerabilities(List<JsonNode> entries) {
    this.entries = entries;
  }

  /** Reads all {@code *.json} files of a directory; one that is no entry is an error. */
  static KnownVulnerabilities read(Path directory) throws IOException {
    List<JsonNode> entries = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
        JsonNode entry = JSON.readTree(file.toFile());
        if (!entry.path("id").isTextual() || entry.path("affected").isEmpty()) {
          throw new IOException(file + ": expected an OSV entry with id and affected packages");
        }
        entries.add(entry);
      }
    }
    return new KnownVulnerabilities(entries);
  }

  int size() {
    return entries.size();
  }

  /**
   * Ids of what is known of one version of a package.
   *
   * @param name {@code group:artifact}
   */
  List<String> of(String name, String version) {
    List<String> found = new ArrayList<>();
    for (JsonNode entry : entries) {
      for (JsonNode affected : entry.path("affected")) {
        JsonNode subject = affected.path("package");
        if (subject.path("ecosystem").asText().equals("Maven")
            && subject.path("name").asText().equals(name)
            && isAffected(affected, version)) {
          found.add(entry.path("id").asText());
          break;
        }
      }
    }
    return found;
  }

  private static boolean isAffected(JsonNode affected, String version) {
    for (JsonNode listed : affected.path("versions")) {
      if (listed.asText().equals(version)) {
        return true;
      }
    }
    ComparableVersion asked = new ComparableVersion(version);
    for (JsonNode range : affected.path("ranges")) {
      if (range.path("type").asText().equals("ECOSYSTEM") && isWithin(range, asked)) {
        return true;
      }
    }
    return false;
  }

  /** Events in the order of their versions, as the schema has them evaluated. */
  private static boolean isWithin(JsonNode range, ComparableVersion asked) {
    boolean within = false;
    for (JsonNode event : range.path("events")) {
      if (event.has("introduced")) {
        String from = event.path("introduced").asText();
        if (from.equals("0") || asked.compareTo(new ComparableVersion(from)) >= 0) {
          within = true;
        }
      } else if (event.has("fixed")) {
        if (asked.compareTo(new ComparableVersion(event.path("fixed").asText())) >= 0) {
          within = false;
        }
      } else if (event.has("last_affected")
          && asked.compareTo(new ComparableVersion(event.path("last_affected").asText())) > 0) {
        within = false;
      }
    }
    return within;
  }
}
