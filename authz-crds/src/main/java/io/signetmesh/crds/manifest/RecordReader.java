package io.signetmesh.crds.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads files that hold lists of records, as strictly as {@link ManifestReader} reads manifests.
 * Whatever a record type and its {@code crds.schema} annotations do not allow is an error with
 * file, line and column. A file is YAML or JSON of up to 32 MiB; each document in it is a list.
 * Safe for use by several threads.
 */
public final class RecordReader {
  private final JsonMapper mapper =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  /**
   * A record and its position.
   *
   * @param value the record
   * @param position start of the record; it knows the positions of its fields
   */
  public record Located<T>(T value, Position position) {}

  /**
   * The content of a file.
   *
   * @param records the valid records, in the order of the file
   * @param findings what is wrong with the file; when there is an error, records are missing
   */
  public record Records<T>(List<Located<T>> records, List<ManifestFinding> findings) {
    /** Copies its arguments. */
    public Records {
      records = List.copyOf(records);
      findings = List.copyOf(findings);
    }

    /** Whether every record of the file was read: there is no error. */
    public boolean isComplete() {
      return findings.stream().noneMatch(ManifestFinding::isError);
    }
  }

  /** Reads a file. If it cannot be read, an error is among the findings. */
  public <T extends Record> Records<T> readFile(Path file, Class<T> type) {
    String source = file.toString();
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(ManifestReader.MAX_FILE_BYTES + 1);
    } catch (NoSuchFileException e) {
      return unreadable(source, "cannot be read: there is no such file");
    } catch (IOException e) {
      return unreadable(source, "cannot be read: " + e);
    }
    if (bytes.length > ManifestReader.MAX_FILE_BYTES) {
      return unreadable(source, "is longer than 32 MiB");
    }
    try {
      return read(
          source,
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString(),
          type);
    } catch (CharacterCodingException e) {
      return unreadable(source, "is not UTF-8");
    }
  }

  /**
   * Reads text.
   *
   * @param source name of the text in positions; the text is JSON when it ends with {@code .json}
   */
  public <T extends Record> Records<T> read(String source, String text, Class<T> type) {
    Reading<T> reading = new Reading<>(source, type);
    YamlStream.read(source, source.endsWith(".json") ? text.replace('\t', ' ') : text, reading);
    return new Records<>(reading.records, reading.findings.all());
  }

  private static <T> Records<T> unreadable(String source, String message) {
    return new Records<>(
        List.of(),
        List.of(
            new ManifestFinding(
                ManifestFinding.Severity.ERROR, new Position(source, 1, 1), null, "", message)));
  }

  private final class Reading<T extends Record> implements YamlStream.Sink {
    private final Class<T> type;
    private final VersionSchema schemas;
    private final DocumentFindings findings = new DocumentFindings(null);
    private final List<Located<T>> records = new ArrayList<>();

    Reading(String source, Class<T> type) {
      this.type = type;
      this.schemas = new VersionSchema("", source, mapper);
    }

    @Override
    public void unreadable(YamlStream.Problem problem) {
      findings.error(problem.position(), "", problem.message());
    }

    @Override
    public void document(YamlNode root, List<YamlStream.Problem> problems) {
      problems.forEach(problem -> findings.error(problem.position(), "", problem.message()));
      if (!(root instanceof YamlNode.Sequence sequence)) {
        findings.error(root.position(), "", "expected a list, found " + root.description());
        return;
      }
      Binder binder = new Binder(mapper, schemas, findings);
      for (int i = 0; i < sequence.items().size(); i++) {
        record(binder, sequence.items().get(i), "[" + i + "]");
      }
    }

    private void record(Binder binder, YamlNode item, String path) {
      JsonNode bound = binder.bind(item, mapper.constructType(type), path);
      if (bound == null || !binder.unread().isRead(path)) {
        return;
      }
      try {
        Position position =
            item instanceof YamlNode.Mapping mapping
                ? item.position().with(FieldTable.of(mapping))
                : item.position();
        records.add(new Located<>(mapper.treeToValue(bound, type), position));
      } catch (JsonProcessingException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        findings.error(item.position(), path, String.valueOf(cause.getMessage()));
      }
    }
  }
}
