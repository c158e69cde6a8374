package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the documents for contributors say of the code is so. */
final class ArchitectureDocTest {
  private static final String ARCHITECTURE = "docs/architecture.md";
  private static final String TESTING = "docs/testing.md";

  /** A class, or a member of one, between backticks. */
  private static final Pattern NAME =
      Pattern.compile("`([A-Z]\\w*[a-z]\\w*)(?:\\.([a-zA-Z_]\\w*))?(?:\\([^`]*\\))?`");

  private static final Pattern TYPE =
      Pattern.compile("\\b(?:class|record|interface|enum)\\s+([A-Z]\\w*)");
  private static final Pattern MESSAGE =
      Pattern.compile("(?m)^\\s*(?:message|service|rpc|enum)\\s+([A-Z]\\w*)");
  private static final Pattern PARTICIPANT =
      Pattern.compile("(?m)^ *participant \\w+ as ([A-Z]\\w+)");
  private static final Pattern DIAGRAM =
      Pattern.compile("```mermaid\nstateDiagram-v2\n(.*?)```", Pattern.DOTALL);
  private static final Pattern MODULES =
      Pattern.compile("```mermaid\nflowchart BT\n(.*?)```", Pattern.DOTALL);
  private static final Pattern DEPENDENCY =
      Pattern.compile(
          "<dependency>\\s*<groupId>io\\.signetmesh</groupId>\\s*"
              + "<artifactId>([^<]+)</artifactId>.*?</dependency>",
          Pattern.DOTALL);

  /** Modules that use whatever they need. */
  private static final Set<String> ON_TOP = Set.of("cli", "testkit", "e2e", "bench");

  private static final Pattern PERMITS = Pattern.compile("permits\\s+([^{]+)\\{");
  private static final Pattern EXAMPLE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  /** Names of the JDK and of libraries. */
  private static final Set<String> OTHER_NAMES = Set.of("ByteBuffer", "Clock", "CommandSpec");

  private static String section(String text, String heading) {
    String[] parts = text.split("\n## " + Pattern.quote(heading) + "\n", 2);
    assertThat(parts).as(heading).hasSize(2);
    return parts[1].split("\n## ", 2)[0];
  }

  @Test
  void theTableOfPlacesNamesAClassInEachRow() throws Exception {
    List<String> rows =
        section(Repository.text(ARCHITECTURE), "Where is")
            .lines()
            .filter(line -> line.startsWith("|"))
            .skip(2)
            .toList();
    assertThat(rows).hasSizeGreaterThan(5);
    assertThat(rows).allSatisfy(row -> assertThat(missing(row, "main")).isEmpty());
    assertThat(rows)
        .allSatisfy(row -> assertThat(NAME.matcher(row.split("\\|", -1)[2]).find()).isTrue());
  }

  @ParameterizedTest
  @ValueSource(strings = {ARCHITECTURE, TESTING, "CONTRIBUTING.md"})
  void theClassesThatItNamesExist(String document) throws Exception {
    String text = Repository.text(document);
    if (document.equals(ARCHITECTURE)) {
      // It has the old names, too.
      text = text.replace(section(text, "Names"), "");
    }
    assertThat(NAME.matcher(text).results().count()).isGreaterThan(10);
    assertThat(missing(text, "main", "test")).isEmpty();
  }

  @Test
  void theDiagramsOfDataFlowsShowClassesThatExist() throws Exception {
    String names =
        PARTICIPANT
            .matcher(Repository.text(ARCHITECTURE))
            .results()
            .map(match -> "`" + match.group(1) + "`")
            .collect(Collectors.joining(" "));
    assertThat(NAME.matcher(names).results().count()).isGreaterThan(10);
    assertThat(missing(names, "main")).isEmpty();
  }

  private static Set<String> missing(String text, String... kinds) throws IOException {
    Map<String, String> classes = Repository.classes(kinds);
    Set<String> types = new HashSet<>();
    classes.values().forEach(source -> types.addAll(names(TYPE, source)));
    String wire =
        Repository.files(Repository.path("proxy-api/src/main/proto"), ".proto").stream()
            .map(ArchitectureDocTest::read)
            .collect(Collectors.joining("\n"));
    types.addAll(names(MESSAGE, wire));
    Set<String> missing = new TreeSet<>();
    Matcher name = NAME.matcher(text);
    while (name.find()) {
      String type = Objects.requireNonNull(name.group(1));
      String member = name.group(2);
      String source = classes.getOrDefault(type, "") + wire;
      boolean exists = types.contains(type) && (member == null || hasWord(source, member));
      if (!exists && !OTHER_NAMES.contains(type)) {
        missing.add(name.group());
      }
    }
    return missing;
  }

  private static boolean hasWord(String text, String word) {
    return Pattern.compile("\\b" + word + "\\b").matcher(text).find();
  }

  private static Set<String> names(Pattern pattern, String text) {
    return pattern
        .matcher(text)
        .results()
        .map((MatchResult match) -> Objects.requireNonNull(match.group(1)))
        .collect(Collectors.toSet());
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "States of an inbound connection, ConnectionState",
    "States of an outbound connection, OutboundState"
  })
  void theDiagramHasTheStatesOfTheCode(String heading, String type) throws Exception {
    String section = section(Repository.text(ARCHITECTURE), heading);
    Matcher diagram = DIAGRAM.matcher(section);
    assertThat(diagram.find()).isTrue();
    Set<String> drawn = new TreeSet<>();
    for (String line : diagram.group(1).lines().toList()) {
      String arrow = line.split(":", 2)[0];
      Arrays.stream(arrow.split("-->", -1))
          .map(String::strip)
          .filter(state -> !state.equals("[*]"))
          .forEach(drawn::add);
    }
    Matcher permits = PERMITS.matcher(Objects.requireNonNull(Repository.classes("main").get(type)));
    assertThat(permits.find()).isTrue();
    Set<String> states =
        Arrays.stream(permits.group(1).split(",", -1))
            .map(state -> state.strip().replaceFirst(".*\\.", ""))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(drawn).isEqualTo(states);
    assertThat(states).allSatisfy(state -> assertThat(section).contains("- **" + state + ".** "));
  }

  @Test
  void theDiagramOfTheModulesHasTheDependenciesOfTheBuild() throws Exception {
    Matcher diagram = MODULES.matcher(Repository.text(ARCHITECTURE));
    assertThat(diagram.find()).isTrue();
    Set<String> drawn = arrows(diagram.group(1));
    assertThat(drawn).contains("cli --> proxy", "e2e --> testkit", "bench --> testkit");
    Set<String> built = new TreeSet<>();
    Path root = Repository.path("");
    for (Path pom : Repository.files(root, "/pom.xml")) {
      String module = root.relativize(pom).getName(0).toString();
      boolean shown = !module.equals("pom.xml") && !ON_TOP.contains(module);
      Matcher dependency = DEPENDENCY.matcher(Files.readString(pom));
      while (shown && dependency.find()) {
        if (!dependency.group().contains("<scope>test")) {
          built.add(module + " --> " + dependency.group(1));
        }
      }
    }
    drawn.removeIf(arrow -> ON_TOP.contains(arrow.split(" ", 2)[0]));
    assertThat(drawn).isEqualTo(built);
  }

  private static Set<String> arrows(String diagram) {
    return diagram
        .lines()
        .map(line -> line.strip().replaceFirst(" -\\. .* \\.-> ", " --> "))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void theExampleOfTheHarnessIsARealTest() throws Exception {
    Matcher example = EXAMPLE.matcher(Repository.text(TESTING));
    assertThat(example.find()).isTrue();
    String test = Objects.requireNonNull(Repository.classes("test").get("HarnessExampleIT"));
    assertThat(withoutSpace(test)).contains(withoutSpace(example.group(1)));
    assertThat(example.group(1).lines().count()).isLessThanOrEqualTo(20);
  }

  /** Line breaks and indentation differ. */
  private static String withoutSpace(String code) {
    return code.replaceAll("\\s", "");
  }
}
