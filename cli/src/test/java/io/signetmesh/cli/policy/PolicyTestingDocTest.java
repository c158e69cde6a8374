package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.cases.CaseRun;
import io.signetmesh.cli.cases.PolicyCase;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.crds.manifest.RecordReader.Records;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What docs/policy-testing.md and the example say of case files. */
final class PolicyTestingDocTest {
  private static Path repository(String path) throws IOException {
    return SignetProcess.launcher().resolveSibling(path);
  }

  @Test
  void itsExamplesAreFilesOfCases(@TempDir Path directory) throws Exception {
    Matcher yaml =
        Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(repository("docs/policy-testing.md")));
    List<Integer> sizes = new ArrayList<>();
    while (yaml.find()) {
      Records<PolicyCase> read =
          CaseRun.read(Files.writeString(directory.resolve("cases.yaml"), yaml.group(1)));
      assertThat(read.findings()).isEmpty();
      sizes.add(read.records().size());
    }
    assertThat(sizes).containsExactly(3, 2, 3);
  }

  @Test
  void describesEveryField() throws Exception {
    String text = Files.readString(repository("docs/policy-testing.md"));
    assertThat(
            Arrays.stream(PolicyCase.Expectation.class.getRecordComponents())
                .map(RecordComponent::getName))
        .allSatisfy(field -> assertThat(text).contains("| `" + field + "` |"));
    assertThat(
            Arrays.stream(PolicyCase.class.getRecordComponents())
                .map(RecordComponent::getName)
                .filter(field -> !List.of("client", "request").contains(field)))
        .allSatisfy(field -> assertThat(text).contains("| `" + field + "` |"));
    assertThat(
            Arrays.stream(PolicyCase.RequestCase.class.getRecordComponents())
                .map(RecordComponent::getName))
        .allSatisfy(field -> assertThat(text).contains("| `request." + field + "` |"));
    assertThat(
            Arrays.stream(PolicyCase.ClientCase.class.getRecordComponents())
                .map(RecordComponent::getName))
        .allSatisfy(field -> assertThat(text).contains("| `client." + field + "` |"));
  }

  @Test
  void theQuickstartPassesItsCases() throws Exception {
    CommandRun run =
        CommandRun.of(
            "policy",
            "test",
            "-f",
            repository("examples/quickstart").toString(),
            "-t",
            repository("examples/policy-cases.yaml").toString());
    assertThat(run.ended(ExitCode.OK).out()).contains("8 cases, all as expected");
  }
}
