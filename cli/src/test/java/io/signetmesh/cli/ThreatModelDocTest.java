package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The documents about security name tests and classes that exist, and every promise has a test. */
final class ThreatModelDocTest {
  private static final String THREAT_MODEL = "docs/security/threat-model.md";

  /** A test class, or a method of one. */
  private static final Pattern TEST =
      Pattern.compile("`(\\w+(?:Test|IT|Properties))(?:\\.(\\w+))?`");

  private static final Pattern CLASS = Pattern.compile("`([A-Z]\\w+)`");

  /** An item of a list, with what holds it and its tests as items below. */
  private static final Pattern PROMISE =
      Pattern.compile("(?m)^- (.*)\n  - Held by: (.*)\n  - Tests: (.*)$");

  /** A line that goes on with the item of a list before it. */
  private static final Pattern CONTINUATION = Pattern.compile("\n ++(?!-)");

  /** An entry that names its tests. */
  private record Promise(String text, String code, String tests) {}

  private static String text(String document) throws IOException {
    return Files.readString(SignetProcess.launcher().resolveSibling(document));
  }

  /** Texts of the Java files below {@code src/main} or {@code src/test}, by the class's name. */
  private static Map<String, String> sources(String kind) throws IOException {
    Map<String, String> sources = new HashMap<>();
    Path root = SignetProcess.launcher().resolveSibling("");
    try (Stream<Path> modules = Files.list(root)) {
      for (Path module : modules.toList()) {
        Path directory = module.resolve("src").resolve(kind).resolve("java");
        if (!Files.isDirectory(directory)) {
          continue;
        }
        try (Stream<Path> files = Files.walk(directory)) {
          for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
            String name = file.getFileName().toString().replace(".java", "");
            sources.merge(name, Files.readString(file), String::concat);
          }
        }
      }
    }
    return sources;
  }

  private static List<Promise> promises() throws IOException {
    return PROMISE
        .matcher(CONTINUATION.matcher(text(THREAT_MODEL)).replaceAll(" "))
        .results()
        .map(
            promise ->
                new Promise(
                    Objects.requireNonNull(promise.group(1)),
                    Objects.requireNonNull(promise.group(2)),
                    Objects.requireNonNull(promise.group(3))))
        .toList();
  }

  private static List<String> missing(String text, Map<String, String> tests) {
    return TEST.matcher(text)
        .results()
        .filter(
            name -> {
              String source = tests.get(name.group(1));
              return source == null
                  || (name.group(2) != null
                      && !Pattern.compile("(?m)^ +void " + name.group(2) + "\\(")
                          .matcher(source)
                          .find());
            })
        .map(name -> name.group())
        .toList();
  }

  @Test
  void everyPromiseHasATest() throws Exception {
    List<Promise> promises = promises();
    assertThat(promises).hasSizeGreaterThan(60);
    assertThat(promises)
        .hasSameSizeAs(text(THREAT_MODEL).lines().filter(l -> l.startsWith("  - Tests:")).toList())
        .hasSameSizeAs(
            text(THREAT_MODEL).lines().filter(l -> l.startsWith("  - Held by:")).toList());
    assertThat(
            promises.stream()
                .filter(promise -> !TEST.matcher(promise.tests()).find())
                .map(Promise::text))
        .isEmpty();
  }

  @Test
  void everyAttackerHasPromises() throws Exception {
    String attackers = text(THREAT_MODEL).split("\n## Attackers\n", 2)[1].split("\n## ", 2)[0];
    assertThat(attackers.split("\n### "))
        .filteredOn(Predicate.not(String::isBlank))
        .hasSizeGreaterThan(5)
        .allSatisfy(section -> assertThat(section).contains("\n  - Tests: "));
  }

  @Test
  void whatHoldsAPromiseExists() throws Exception {
    Map<String, String> code = sources("main");
    assertThat(
            promises().stream()
                .flatMap(promise -> CLASS.matcher(promise.code()).results())
                .map(name -> name.group(1))
                .filter(name -> !code.containsKey(name)))
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"docs/security/identity.md, 5, 60", "docs/security/trust-rotation.md, 1, 12"})
  void everyThreatHasATest(String document, int leastTables, int leastThreats) throws Exception {
    List<String> tables =
        Pattern.compile("(?m)^\\| threat \\|.*\n\\|[-|]+\n((?:\\|.*\n)+)")
            .matcher(text(document))
            .results()
            .map(table -> Objects.requireNonNull(table.group(1)))
            .toList();
    List<String> threats = tables.stream().flatMap(String::lines).toList();

    assertThat(tables).hasSizeGreaterThanOrEqualTo(leastTables);
    assertThat(threats).hasSizeGreaterThan(leastThreats);
    assertThat(threats.stream().filter(threat -> !TEST.matcher(threat).find())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        THREAT_MODEL,
        "docs/security/identity.md",
        "docs/security/trust-rotation.md",
        "docs/security/hardening.md",
        "docs/security/audit-format.md",
        "docs/security/policy-reference.md",
        "docs/architecture.md"
      })
  void theTestsThatItNamesExist(String document) throws Exception {
    assertThat(missing(text(document), sources("test"))).isEmpty();
  }
}
