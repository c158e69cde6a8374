package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What README.md tells newcomers to write and to type. */
final class ReadmeTest {
  private static String readme() throws IOException {
    return Files.readString(SignetProcess.launcher().resolveSibling("README.md"));
  }

  private static List<String> found(String pattern) throws IOException {
    return Pattern.compile(pattern, Pattern.DOTALL)
        .matcher(readme())
        .results()
        .map((MatchResult match) -> match.group(1))
        .toList();
  }

  @Test
  void itsManifestsAreValid() throws Exception {
    assertThat(found("```yaml\n(.*?)```"))
        .isNotEmpty()
        .allSatisfy(
            yaml -> {
              Manifests manifests =
                  new ManifestReader(AdmissionRules::check).read("README.md", yaml);
              assertThat(manifests.findings()).isEmpty();
              assertThat(manifests.objects()).isNotEmpty();
            });
  }

  @Test
  void itsCommandsExist() throws Exception {
    assertThat(found("`signet ([a-z]+)"))
        .isNotEmpty()
        .allSatisfy(name -> assertThat(Signet.commandLine().getSubcommands()).containsKey(name));
  }

  /**
   * After a change, make the picture again: {@code ./signet policy matrix -f examples/quickstart -o
   * svg > docs/quickstart-access.svg}.
   */
  @Test
  void itsPictureIsThatOfTheQuickstart() throws Exception {
    String picture = "docs/quickstart-access.svg";
    assertThat(readme()).contains("](" + picture + ")");
    CommandRun drawn =
        CommandRun.of(
            "policy",
            "matrix",
            "-f",
            SignetProcess.launcher().resolveSibling("examples/quickstart").toString(),
            "-o",
            "svg");
    assertThat(drawn.ended(ExitCode.OK).out())
        .isEqualTo(Files.readString(SignetProcess.launcher().resolveSibling(picture)));
  }

  @Test
  void itsLinksLeadSomewhere() throws Exception {
    assertThat(found("\\]\\((?!http)([^)#]+)"))
        .isNotEmpty()
        .allSatisfy(link -> assertThat(SignetProcess.launcher().resolveSibling(link)).exists());
  }
}
