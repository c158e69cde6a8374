package io.signetmesh.bench.rotation;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** When a server has issued certificates, by its audit journal. */
final class IssuanceJournal {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ISSUED = "\"act\":\"certificate-issued\"";

  private IssuanceJournal() {}

  /** The times of all certificates in a file of the journal. */
  static List<Instant> times(Path file) throws IOException {
    List<Instant> times = new ArrayList<>();
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      String line;
      while ((line = in.readLine()) != null) {
        if (line.contains(ISSUED)) {
          times.add(Instant.parse(JSON.readTree(line).path("time").asText()));
        }
      }
    }
    return times;
  }
}
