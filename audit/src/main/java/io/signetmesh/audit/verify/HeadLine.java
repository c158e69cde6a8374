package io.signetmesh.audit.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.audit.JournalHead;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the lines of heads. */
final class HeadLine {
  private static final ObjectMapper JSON = new ObjectMapper();

  private HeadLine() {}

  /**
   * Reads the line of a head.
   *
   * @param line with its newline
   * @return null when a head was not written like that
   */
  static @Nullable JournalHead parse(byte[] line) {
    try {
      JsonNode node = JSON.readTree(line);
      JsonNode head = node.path("head");
      List<String> certificates = new ArrayList<>();
      head.path("certificates").forEach(one -> certificates.add(one.asText()));
      JournalHead read =
          new JournalHead(
              node.path("sequence").asLong(),
              Instant.parse(node.path("time").asText()).toEpochMilli(),
              head.path("journal").asText(),
              head.path("first").asLong(),
              head.path("sha256").asText(),
              head.path("previous").asText(),
              head.path("certificate").asText(),
              head.path("signature").asText(),
              certificates);
      // Whatever else could be in the line, it is not what was written.
      return Arrays.equals(read.line(), line) ? read : null;
    } catch (IOException | DateTimeException | ArithmeticException e) {
      return null;
    }
  }
}
