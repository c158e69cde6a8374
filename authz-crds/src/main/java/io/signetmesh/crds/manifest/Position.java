package io.signetmesh.crds.manifest;

/**
 * A place in a manifest.
 *
 * @param source file, or name of the stream
 * @param line line, from 1
 * @param column column in characters, from 1
 */
public record Position(String source, int line, int column) {
  /** {@code source:line:column}. */
  @Override
  public String toString() {
    return source + ":" + line + ":" + column;
  }
}
