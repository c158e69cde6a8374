package io.signetmesh.walls;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.docs.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Words that Signet no longer uses stay away from sources, documents and manifests. The table of
 * names in docs/architecture.md has the word for each.
 */
final class RetiredWordsTest {
  private static final String TABLE = "## Names";

  /** What each stands for now, and what finds it. Names on the wire and in records stay. */
  private static final Map<String, String> RETIRED =
      Map.ofEntries(
          Map.entry("slip: typo", "\\b[Ss]lips?\\b|[a-z]Slips?\\b"),
          // policy-mended is an act in audit records.
          Map.entry("mend: correct", "(?<!policy-)\\b[Mm]end(?:s|ed|ing)?\\b|Mending"),
          Map.entry("world: enforced or dry-run policy", "\\b[Ww]orlds?\\b|World"),
          Map.entry("on trial: dry run", "\\b[Oo]n trial\\b|\\b[Oo]nly tried\\b"),
          Map.entry("fact: model, attribute", "\\b[Ff]acts?\\b|[a-z]Facts?\\b"),
          Map.entry("standing: status", "\\b[Ss]tandings?\\b|[a-z]Standings?\\b"),
          // ObjectReach is an enum on the wire, reach a field of that type.
          Map.entry(
              "reach (noun): scope",
              "\\b(?:the|a|its|whose) reach\\b|\\bReaches\\b"
                  + "|\\b(?!ObjectReach\\b|[gs]etReach\\b)\\w*[a-z]Reach(?:es)?\\b"),
          Map.entry("to bear on: to affect", "\\b[Bb]ear(?:s|ing)? on\\b"),
          Map.entry("shadows: shadowed policies", "Shadows\\b"),
          Map.entry("examine: lint, check", "[Ee]xamin"),
          Map.entry("diagnosis: finding, explanation", "[Dd]iagnos"),
          Map.entry("forge: builder, test CA", "\\b[Ff]orge\\b|[a-z]Forge\\b"),
          Map.entry("journey: data flow, path of a request", "[Jj]ourney"));

  private static final List<String> SUFFIXES = List.of(".java", ".md", ".proto", ".yaml", ".yml");

  static List<String> words() {
    return RETIRED.keySet().stream().sorted().toList();
  }

  @ParameterizedTest
  @MethodSource("words")
  void nobodyUsesTheWord(String word) throws Exception {
    Pattern pattern = Pattern.compile(RETIRED.get(word));
    List<String> found = new ArrayList<>();
    for (String suffix : SUFFIXES) {
      for (Path file : Repository.files(Repository.path(""), suffix)) {
        if (!file.endsWith("RetiredWordsTest.java")) {
          find(pattern, file, found);
        }
      }
    }
    assertThat(found).isEmpty();
  }

  @Test
  void theTableOfNamesIsWhereItIsLookedFor() throws Exception {
    assertThat(Files.readAllLines(Repository.path("docs/architecture.md"))).contains(TABLE);
    assertThat(Repository.files(Repository.path(""), ".java")).hasSizeGreaterThan(1_000);
  }

  private static void find(Pattern pattern, Path file, List<String> found) throws IOException {
    List<String> lines = Files.readAllLines(file);
    boolean table = false;
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (file.endsWith("docs/architecture.md") && line.startsWith("## ")) {
        table = line.equals(TABLE);
      }
      if (!table && pattern.matcher(line).find()) {
        found.add(file + ":" + (i + 1) + ": " + line.strip());
      }
    }
  }
}
