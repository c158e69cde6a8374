package io.signetmesh.collector.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.Proofs;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How far an export has come. It is written after what it covers is with the receiver: after a
 * crash some records are delivered again, and none is left out.
 *
 * @param next entry that is exported next
 * @param bytes length of the output up to there
 * @param format that was written
 * @param filter in words; empty when all entries are exported
 * @param note checkpoint of the log at that time
 * @param place what the receiver said of itself; empty when it says nothing, or an earlier version
 *     wrote the cursor
 */
public record ExportCursor(
    long next, long bytes, String format, String filter, SignedNote note, String place) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Reads a cursor.
   *
   * @return null when there is no file
   * @throws MalformedLogException when it is no cursor
   * @throws IOException when it cannot be read
   */
  public static @Nullable ExportCursor read(Path file) throws IOException {
    if (!Files.exists(file)) {
      return null;
    }
    JsonNode node;
    try {
      node = JSON.readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      throw new MalformedLogException(file + " is no cursor of an export", e);
    }
    long next = node.path("next").asLong(-1);
    long bytes = node.path("bytes").asLong(-1);
    if (next < 0 || bytes < 0) {
      throw new MalformedLogException(file + " is no cursor of an export");
    }
    return new ExportCursor(
        next,
        bytes,
        node.path("format").asText(),
        node.path("filter").asText(),
        SignedNote.parse(node.path("checkpoint").asText().getBytes(StandardCharsets.UTF_8)),
        node.path("place").asText());
  }

  /** Writes the cursor in place of what was there, with mode 0600. */
  public void write(Path file) throws IOException {
    StateFiles.writeSecret(
        file,
        JSON.createObjectNode()
                .put("next", next)
                .put("bytes", bytes)
                .put("format", format)
                .put("filter", filter)
                .put("checkpoint", note.toString())
                .put("place", place)
                .toPrettyString()
            + "\n");
  }

  /**
   * Refuses another receiver than what was exported went to.
   *
   * @param found what the receiver says of itself
   * @throws MalformedLogException when the cursor is of another one
   */
  public void requirePlace(String found) throws MalformedLogException {
    if (!place.isEmpty() && !place.equals(found)) {
      throw new MalformedLogException(
          "the receiver is " + found + ": expected " + place + ", which the cursor is of");
    }
  }

  /**
   * Refuses a log that does not continue what was exported.
   *
   * @throws MalformedLogException when it is another log, was set back, or has another history
   */
  public void requireContinued(LogDirectory log) throws IOException {
    Checkpoint before = Checkpoint.parse(note.text());
    if (!before.origin().equals(log.origin())) {
      throw new MalformedLogException(
          "the cursor is of log " + before.origin() + ": expected " + log.origin());
    }
    if (before.size() > log.size() || next > log.size()) {
      throw new MalformedLogException(
          "the log has "
              + log.size()
              + " entries, and had "
              + Math.max(before.size(), next)
              + " when the cursor was written: it was set back");
    }
    if (!Proofs.isConsistent(
        before.size(),
        before.root(),
        log.size(),
        log.checkpoint().root(),
        log.reader().consistency(before.size()))) {
      throw new MalformedLogException(
          "the first "
              + before.size()
              + " entries of the log are not those of when the cursor was written");
    }
  }
}
