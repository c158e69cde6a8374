package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.manifest.RecordReader.Located;
import io.signetmesh.crds.manifest.RecordReader.Records;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RecordReaderTest {
  record Step(
      @Required String name, @Range(min = 1, max = 9) int count, @Nullable List<String> tags) {
    Step {
      if (name.equals("forbidden")) {
        throw new IllegalArgumentException("the name \"forbidden\" is taken");
      }
    }
  }

  private static Records<Step> read(String text) {
    return new RecordReader().read("steps.yaml", text, Step.class);
  }

  @Test
  void readsListsOfAllDocumentsWithTheirPlaces() {
    Records<Step> read =
        read(
            "- {name: one, count: 1}\n- name: two\n  count: 2\n  tags: [a]\n---\n- {name: three, count: 3}\n");
    assertThat(read.findings()).isEmpty();
    assertThat(read.isComplete()).isTrue();
    assertThat(read.records())
        .extracting(Located::value)
        .containsExactly(
            new Step("one", 1, null), new Step("two", 2, List.of("a")), new Step("three", 3, null));
    assertThat(read.records())
        .extracting(record -> record.position().toString())
        .containsExactly("steps.yaml:1:3", "steps.yaml:2:3", "steps.yaml:6:3");
    assertThat(read.records())
        .extracting(record -> record.position().of("count").toString())
        .containsExactly("steps.yaml:1:22", "steps.yaml:3:10", "steps.yaml:6:24");
  }

  @Test
  void findsEverythingThatIsWrongAndKeepsTheRest() {
    Records<Step> read =
        read(
            """
            - {name: one, cout: 1}
            - {count: 10}
            - {name: forbidden, count: 1}
            - {name: fine, count: 1}
            - text
            """);
    assertThat(read.isComplete()).isFalse();
    assertThat(read.findings().stream().map(ManifestFinding::toString))
        .satisfiesExactlyInAnyOrder(
            text ->
                assertThat(text)
                    .startsWith("steps.yaml:1:15: error: ")
                    .contains("\"cout\"", "did you mean \"count\"?"),
            text -> assertThat(text).startsWith("steps.yaml:2:").contains("10"),
            text -> assertThat(text).startsWith("steps.yaml:2:").contains("\"name\" missing"),
            text ->
                assertThat(text)
                    .startsWith("steps.yaml:3:3")
                    .contains("the name \"forbidden\" is taken"),
            text -> assertThat(text).startsWith("steps.yaml:5:3").contains("expected an object"));
    assertThat(read.records())
        .singleElement()
        .satisfies(one -> assertThat(one.value().name()).isEqualTo("fine"));
  }

  @Test
  void refusesWhatIsNoList() {
    assertThat(read("name: one\n").findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.toString()).contains("expected a list"));
  }

  @Test
  void reportsDuplicateKeysAndBrokenYaml() {
    assertThat(read("- {name: one, name: two, count: 1}\n").findings())
        .anySatisfy(finding -> assertThat(finding.message()).contains("duplicate key"));
    assertThat(read("- {name: one\n").isComplete()).isFalse();
  }

  @Test
  void reportsFilesThatCannotBeRead(@TempDir Path directory) throws Exception {
    RecordReader reader = new RecordReader();
    assertThat(reader.readFile(directory.resolve("none.yaml"), Step.class).findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.message()).contains("cannot be read"));
    Path binary = Files.write(directory.resolve("binary.yaml"), new byte[] {(byte) 0xff, 0});
    assertThat(reader.readFile(binary, Step.class).findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.message()).contains("is not UTF-8"));
  }
}
