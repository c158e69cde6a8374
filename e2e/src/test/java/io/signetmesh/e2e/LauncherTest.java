package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What {@code ./signet} knows about the build. */
class LauncherTest {
  private static final Pattern WATCHED = Pattern.compile("for module in ([a-z -]+); do");
  private static final Pattern OWN_JAR = Pattern.compile("([a-z-]+)-[0-9.]+(-SNAPSHOT)?[.]jar");

  @Test
  void aChangeInAnyModuleOfTheCommandLineBuildsItAnew() throws IOException {
    Path launcher = SignetProcess.launcher();
    Matcher watched = WATCHED.matcher(Files.readString(launcher));
    assertThat(watched.find()).isTrue();

    assertThat(watched.group(1).split(" ")).containsExactlyInAnyOrderElementsOf(modules(launcher));
  }

  /** The modules of this project that the command line runs from. */
  private static List<String> modules(Path launcher) throws IOException {
    Path root = launcher.resolveSibling("");
    try (Stream<Path> jars = Files.list(root.resolve("cli/target/dist/lib"))) {
      return jars.map(jar -> OWN_JAR.matcher(jar.getFileName().toString()))
          .filter(Matcher::matches)
          .map(jar -> jar.group(1))
          .filter(module -> Files.exists(root.resolve(module).resolve("pom.xml")))
          .toList();
    }
  }
}
