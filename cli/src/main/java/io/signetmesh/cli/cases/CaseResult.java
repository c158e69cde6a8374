package io.signetmesh.cli.cases;

import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.crds.manifest.Position;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of a case.
 *
 * @param test the case
 * @param position where it stands
 * @param before what the proxy would do with the calls before
 * @param answer what the proxy would do; null when that could not be asked
 * @param problem why it could not; null when it could
 * @param differences what was expected and is not so
 * @param nanos time it took
 */
public record CaseResult(
    PolicyCase test,
    Position position,
    List<Answer> before,
    @Nullable Answer answer,
    @Nullable String problem,
    List<Difference> differences,
    long nanos) {
  /** Copies its lists. */
  public CaseResult {
    before = List.copyOf(before);
    differences = List.copyOf(differences);
  }

  /** Whether everything is as expected. */
  public boolean passed() {
    return problem == null && differences.isEmpty();
  }

  /**
   * A field that is not as expected.
   *
   * @param field its name in {@code expect}, of a call before after {@code before[0].}
   * @param expected what the case states
   * @param found what is so
   */
  public record Difference(String field, String expected, String found) {}
}
