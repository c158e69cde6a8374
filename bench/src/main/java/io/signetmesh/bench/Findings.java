package io.signetmesh.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a run has found: figures by name, and the goals that were missed. Not thread-safe. */
public final class Findings {
  private final Map<String, Object> figures = new LinkedHashMap<>();
  private final List<String> missed = new ArrayList<>();

  /** Keeps a figure. */
  public void put(String name, Object value) {
    figures.put(name, value);
  }

  /** Keeps that a goal was missed. */
  public void miss(String goal) {
    missed.add(goal);
  }

  /** As {@link #miss(String)}, unless the goal was met. */
  public void expect(boolean met, String goal) {
    if (!met) {
      missed.add(goal);
    }
  }

  /**
   * Writes the figures as JSON, and prints what was missed.
   *
   * @param json null to write no file
   * @param met what to print when nothing was missed
   * @return the exit code: 0 when all goals were met, else 1
   */
  public int end(PrintStream out, @Nullable Path json, String met) throws IOException {
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), figures);
    }
    missed.forEach(goal -> out.println("missed: " + goal));
    out.println(missed.isEmpty() ? met : "not met");
    return missed.isEmpty() ? 0 : 1;
  }
}
