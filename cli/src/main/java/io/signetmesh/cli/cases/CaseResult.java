package io.signetmesh.cli.cases;

import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.crds.manifest.Position;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The result of a case.
 *
 * @param test the case
 * @param position position of the case in its file
 * @param before what the proxy would do with each call in {@code before}
 * @param answer what the proxy would do with the tested call; null when the case cannot be run
 * @param problem why the case cannot be run; null when it can
 * @param differences what is not as expected; empty when everything is
 * @param nanos duration of the case in nanoseconds
 */
public record CaseResult(
    PolicyCase test,
    Position position,
    List<Answer> before,
    @Nullable Answer answer,
    @Nullable String problem,
    List<Difference> differences,
    long nanos) {
  /** Copies the lists. */
  public CaseResult {
    before = List.copyOf(before);
    differences = List.copyOf(differences);
  }

  /** Whether the case ran and everything is as expected. */
  public boolean passed() {
    return problem == null && differences.isEmpty();
  }

  /**
   * A field whose value is not the expected one.
   *
   * @param field name of the field in {@code expect}; for a call in {@code before}, with the prefix
   *     {@code before[0].}
   * @param expected value that the case states
   * @param found actual value
   */
  public record Difference(String field, String expected, String found) {}
}
