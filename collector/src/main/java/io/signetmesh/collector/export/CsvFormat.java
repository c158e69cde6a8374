package io.signetmesh.collector.export;

import io.signetmesh.collector.query.AuditEntry;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Comma-separated values (RFC 4180) with a header line, in UTF-8. A spreadsheet takes a cell that
 * begins with certain characters for a formula: such a text, and one that begins with an
 * apostrophe, has an apostrophe in front. Who reads the file by a program takes that one away.
 */
public final class CsvFormat implements RecordFormat {
  /** Also in the wide forms that some spreadsheets take for the same. */
  private static final String FORMULA = "=+-@'\uff1d\uff0b\uff0d\uff20";

  @Override
  public byte[] head() {
    return bytes(String.join(",", EntryFields.NAMES));
  }

  @Override
  public byte[] entry(String id, AuditEntry entry) {
    Map<String, Object> fields = EntryFields.of(id, entry);
    List<String> cells =
        EntryFields.NAMES.stream().map(name -> cell(fields.getOrDefault(name, ""))).toList();
    return bytes(String.join(",", cells));
  }

  private static byte[] bytes(String line) {
    return (line + "\r\n").getBytes(StandardCharsets.UTF_8);
  }

  private static String cell(Object value) {
    if (!(value instanceof String chosen)) {
      return value.toString();
    }
    String text = SafeText.of(chosen);
    if (!text.isEmpty() && FORMULA.indexOf(text.charAt(0)) >= 0) {
      text = "'" + text;
    }
    boolean isQuoted =
        text.chars().anyMatch(c -> c == ',' || c == '"') || !text.equals(text.strip());
    return isQuoted ? "\"" + text.replace("\"", "\"\"") + "\"" : text;
  }
}
