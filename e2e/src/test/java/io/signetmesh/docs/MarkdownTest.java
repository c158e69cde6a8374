package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Markdown documents have short lines, and their links inside the repository lead somewhere. */
final class MarkdownTest {
  private static final int MAX_LINE = 120;

  /** {@code [text](target)}, or {@code [name]: target} for {@code [text][name]}. */
  private static final Pattern LINK = Pattern.compile("]\\(([^()\\s]+)\\)|^\\[[^]]+]: +(\\S+)");

  private static final Pattern DEFINITION = Pattern.compile("^\\[([^]]+)]: +\\S+$");

  /** {@code [`Name`]}, which a definition in the document gives its target. */
  private static final Pattern REFERENCE = Pattern.compile("\\[(`[^`]+`)](?![(:\\[])");

  private static final Pattern HEADING = Pattern.compile("#{1,6} +(.+?)(?: +#+)?");
  private static final Pattern FENCE = Pattern.compile("\\s*(?:```|~~~).*");
  private static final Pattern ELSEWHERE = Pattern.compile("[a-z][a-z+.-]*:.*");

  /** Rows of tables and words without a space, such as URLs, cannot be broken. */
  private static boolean isUnbreakable(String line) {
    return line.startsWith("|") || !line.strip().contains(" ");
  }

  @Test
  void linesAreShort() throws Exception {
    List<String> tooLong = new ArrayList<>();
    for (Path document : Repository.documents()) {
      List<String> lines = Files.readAllLines(document);
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i);
        if (line.codePointCount(0, line.length()) > MAX_LINE && !isUnbreakable(line)) {
          tooLong.add(document + ":" + (i + 1) + ": " + line.length() + " characters");
        }
      }
    }
    assertThat(tooLong).isEmpty();
  }

  @Test
  void linksLeadSomewhere() throws Exception {
    List<Path> documents = Repository.documents();
    Map<Path, Set<String>> anchors = new HashMap<>();
    for (Path document : documents) {
      anchors.put(document.toRealPath(), anchors(document));
    }
    List<String> broken = new ArrayList<>();
    int links = 0;
    for (Path document : documents) {
      for (String line : outsideOfCode(document)) {
        Matcher link = LINK.matcher(line);
        while (link.find()) {
          links++;
          String target = link.group(1) == null ? link.group(2) : link.group(1);
          if (!leadsSomewhere(document, target, anchors)) {
            broken.add(document + ": " + target);
          }
        }
      }
    }
    assertThat(broken).isEmpty();
    assertThat(links).isGreaterThan(50);
  }

  /** A definition that shares its line with other text is none, and its references are dead. */
  @Test
  void referencesAreDefined() throws Exception {
    List<String> undefined = new ArrayList<>();
    int references = 0;
    for (Path document : Repository.documents()) {
      List<String> lines = outsideOfCode(document);
      Set<String> defined = new HashSet<>();
      for (String line : lines) {
        Matcher definition = DEFINITION.matcher(line);
        if (definition.matches()) {
          defined.add(definition.group(1));
        }
      }
      for (String line : lines) {
        Matcher reference = REFERENCE.matcher(line);
        while (reference.find()) {
          references++;
          if (!defined.contains(reference.group(1))) {
            undefined.add(document + ": " + reference.group());
          }
        }
      }
    }
    assertThat(undefined).isEmpty();
    assertThat(references).isGreaterThan(10);
  }

  private static boolean leadsSomewhere(Path document, String link, Map<Path, Set<String>> anchors)
      throws IOException {
    if (ELSEWHERE.matcher(link).matches()) {
      return true;
    }
    String[] parts = link.split("#", 2);
    Path target = parts[0].isEmpty() ? document : document.resolveSibling(parts[0]);
    if (!Files.exists(target)) {
      return false;
    }
    return parts.length == 1
        || anchors.getOrDefault(target.toRealPath(), Set.of()).contains(parts[1]);
  }

  /** Names of the headings, as GitHub makes them. */
  private static Set<String> anchors(Path document) throws IOException {
    Set<String> anchors = new HashSet<>();
    for (String line : outsideOfCode(document)) {
      Matcher heading = HEADING.matcher(line);
      if (heading.matches()) {
        String name =
            heading
                .group(1)
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} _-]", "")
                .replace(' ', '-');
        String unique = name;
        for (int i = 1; !anchors.add(unique); i++) {
          unique = name + "-" + i;
        }
      }
    }
    return anchors;
  }

  private static List<String> outsideOfCode(Path document) throws IOException {
    List<String> lines = new ArrayList<>();
    boolean code = false;
    for (String line : Files.readAllLines(document)) {
      if (FENCE.matcher(line).matches()) {
        code = !code;
      } else if (!code) {
        lines.add(line);
      }
    }
    return lines;
  }
}
