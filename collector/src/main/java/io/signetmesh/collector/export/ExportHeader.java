package io.signetmesh.collector.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.RangeProof;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TreeHash;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The first line of an export in JSON Lines: of which range of which log it is, with the checkpoint
 * and, unless records are left out, the proof that the range is complete. An export that was
 * resumed has one before each part.
 *
 * @param note the checkpoint with its signatures
 * @param from first entry of the range
 * @param to entry after the last one
 * @param filter what selects records, in words; null when all entries of the range are there
 * @param proof that the range is complete; null with a filter
 */
public record ExportHeader(
    SignedNote note, long from, long to, @Nullable String filter, @Nullable RangeProof proof) {
  private static final String PREFIX = "{\"export\":";
  private static final int VERSION = 1;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Checks that there is either a filter or a proof. */
  public ExportHeader {
    if ((filter == null) == (proof == null)) {
      throw new IllegalArgumentException("expected either a filter or a proof");
    }
  }

  /** Whether a line is meant as a header. */
  public static boolean isHeader(byte[] line) {
    byte[] prefix = PREFIX.getBytes(StandardCharsets.US_ASCII);
    return line.length > prefix.length
        && Arrays.equals(line, 0, prefix.length, prefix, 0, prefix.length);
  }

  /**
   * Parses a header. Nothing is verified, but that the line is the one form of what it says.
   *
   * @throws MalformedLogException when it has another form
   */
  public static ExportHeader parse(byte[] line) throws MalformedLogException {
    try {
      JsonNode all = JSON.readTree(line).path("export");
      if (all.path("version").asInt() != VERSION) {
        throw new MalformedLogException("an export of another version: expected " + VERSION);
      }
      SignedNote note =
          SignedNote.parse(all.path("checkpoint").asText().getBytes(StandardCharsets.UTF_8));
      Checkpoint checkpoint = Checkpoint.parse(note.text());
      long from = all.path("from").asLong(-1);
      long to = all.path("to").asLong(-1);
      JsonNode filter = all.get("filter");
      RangeProof proof = null;
      if (filter == null) {
        List<TreeHash> hashes = new ArrayList<>();
        for (JsonNode hash : all.path("proof")) {
          hashes.add(TreeHash.parse(hash.asText()));
        }
        proof = new RangeProof(from, to, checkpoint.size(), hashes);
      }
      ExportHeader header =
          new ExportHeader(note, from, to, filter == null ? null : filter.asText(), proof);
      if (!Arrays.equals(header.bytes(), line)) {
        throw new MalformedLogException("the header of an export is not the form of what it says");
      }
      return header;
    } catch (MalformedLogException e) {
      throw e;
    } catch (IOException | IllegalArgumentException e) {
      throw new MalformedLogException("the header of an export: " + e.getMessage(), e);
    }
  }

  /** Name of the log, which nothing vouches for before the checkpoint is verified. */
  public String origin() {
    try {
      return Checkpoint.parse(note.text()).origin();
    } catch (MalformedLogException e) {
      throw new IllegalStateException("checked before", e);
    }
  }

  /** The line without its newline. */
  public byte[] bytes() {
    ObjectNode all = JSON.createObjectNode();
    ObjectNode export = all.putObject("export");
    export.put("version", VERSION);
    export.put("origin", origin());
    export.put("from", from);
    export.put("to", to);
    export.put("checkpoint", note.toString());
    if (filter != null) {
      export.put("filter", filter);
    }
    if (proof != null) {
      ArrayNode hashes = export.putArray("proof");
      proof.hashes().forEach(hash -> hashes.add(hash.toString()));
    }
    try {
      return JSON.writeValueAsBytes(all);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("texts and numbers are JSON", e);
    }
  }
}
