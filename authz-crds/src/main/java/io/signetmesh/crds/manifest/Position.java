package io.signetmesh.crds.manifest;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A position in a manifest: source, line and column. The position of an object also knows those of
 * its fields.
 */
public final class Position {
  private final String source;
  private final int line;
  private final int column;
  private final @Nullable FieldTable fields;

  /**
   * Creates a position that knows no fields.
   *
   * @param source file, or name of the text that was read
   * @param line line, from 1
   * @param column column in characters, from 1
   */
  public Position(String source, int line, int column) {
    this(source, line, column, null);
  }

  private Position(String source, int line, int column, @Nullable FieldTable fields) {
    this.source = source;
    this.line = line;
    this.column = column;
    this.fields = fields;
  }

  /** The same place, of the object that has these fields. */
  Position with(FieldTable table) {
    return new Position(source, line, column, table);
  }

  /** File, or name of the text that was read. */
  public String source() {
    return source;
  }

  /** Line, from 1. */
  public int line() {
    return line;
  }

  /** Column in characters, from 1. */
  public int column() {
    return column;
  }

  /**
   * Position of a field of the object at this position. For a field that is not written, it is the
   * position of the innermost field that encloses it. When no fields are known, it is this
   * position.
   *
   * @param path path of the field, such as {@code spec.networks[0].cidr}
   */
  public Position of(String path) {
    int[] found = fields == null ? null : fields.find(path);
    return found == null ? this : new Position(source, found[0], found[1]);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Position that
        && line == that.line
        && column == that.column
        && source.equals(that.source)
        && Objects.equals(fields, that.fields);
  }

  @Override
  public int hashCode() {
    return Objects.hash(source, line, column);
  }

  /** {@code source:line:column}. */
  @Override
  public String toString() {
    return source + ":" + line + ":" + column;
  }
}
