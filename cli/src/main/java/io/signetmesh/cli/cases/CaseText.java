package io.signetmesh.cli.cases;

import io.signetmesh.cli.cases.CaseResult.Difference;
import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.cli.simulate.AnswerText;
import io.signetmesh.crds.text.PlainText;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Formats results for people. */
public final class CaseText {
  private CaseText() {}

  /** What is wrong, on one line: {@code verdict: expected allow, found deny}. */
  static String summary(CaseResult result) {
    String problem = result.problem();
    return problem != null
        ? PlainText.of(problem)
        : result.differences().stream()
            .map(
                difference ->
                    difference.field()
                        + ": expected "
                        + difference.expected()
                        + ", found "
                        + difference.found())
            .map(PlainText::of)
            .collect(Collectors.joining("; "));
  }

  /**
   * What is wrong, one item per line: the position, the earlier calls, the tested call, each
   * difference, and the cause.
   */
  public static List<String> details(CaseResult result) {
    List<String> lines = new ArrayList<>();
    lines.add("at " + result.position());
    String problem = result.problem();
    if (problem != null) {
      lines.add(problem);
    }
    for (int i = 0; i < result.before().size(); i++) {
      Answer answer = result.before().get(i);
      lines.add(
          "before[%d]: %s, %s: %s"
              .formatted(
                  i, AnswerText.call(answer), answer.caller().text(), AnswerText.sentence(answer)));
    }
    Answer answer = result.answer();
    if (answer != null) {
      lines.add(
          result.test().workload()
              + " port "
              + result.test().port()
              + ", "
              + AnswerText.call(answer)
              + ", "
              + answer.caller().text());
    }
    int width = result.differences().stream().mapToInt(d -> d.field().length()).max().orElse(0) + 1;
    for (Difference difference : result.differences()) {
      String field = difference.field() + ":";
      lines.add("- " + pad(field, width) + " " + difference.expected());
      lines.add("+ " + pad(field, width) + " " + difference.found());
    }
    if (answer != null) {
      lines.add(AnswerText.sentence(answer));
    }
    return lines.stream().map(PlainText::of).toList();
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.length()));
  }
}
