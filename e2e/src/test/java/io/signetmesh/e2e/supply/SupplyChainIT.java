package io.signetmesh.e2e.supply;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What ships: its bill of materials, and what is known against it. */
class SupplyChainIT {
  private static JsonNode bill;
  private static KnownVulnerabilities known;

  @BeforeAll
  static void read() throws Exception {
    bill = new JsonMapper().readTree(file("cli/target/bom.json").toFile());
    known = KnownVulnerabilities.read(file("supply-chain/osv"));
  }

  @Test
  void nothingThatShipsHasAKnownVulnerability() {
    List<String> found = new ArrayList<>();
    for (JsonNode component : bill.path("components")) {
      String name = component.path("group").asText() + ":" + component.path("name").asText();
      String version = component.path("version").asText();
      known.of(name, version).forEach(id -> found.add(name + " " + version + ": " + id));
    }

    assertThat(found).isEmpty();
    assertThat(known.size()).isPositive();
  }

  /** Compared by SHA-256, so the jars that ship are the ones that the bill means. */
  @Test
  void billOfMaterialsHasEveryJarThatShips() throws Exception {
    assertThat(bill.path("bomFormat").asText()).isEqualTo("CycloneDX");
    Set<String> hashes = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (JsonNode component : bill.path("components")) {
      names.add(component.path("name").asText() + "-" + component.path("version").asText());
      for (JsonNode hash : component.path("hashes")) {
        if (hash.path("alg").asText().equals("SHA-256")) {
          hashes.add(hash.path("content").asText());
        }
      }
    }
    List<String> missing = new ArrayList<>();
    try (Stream<Path> jars = Files.list(file("cli/target/dist/lib"))) {
      for (Path jar : jars.filter(j -> j.toString().endsWith(".jar")).sorted().toList()) {
        String name = jar.getFileName().toString();
        // Our own modules are rebuilt; some others ship without the signatures that they came with.
        Path signed = file("cli/target/signed").resolve(name);
        boolean listed =
            name.contains("-SNAPSHOT")
                ? name.startsWith("cli-") || names.contains(name.replace(".jar", ""))
                : Files.exists(signed)
                    ? hashes.contains(sha256(signed)) && contentOf(jar).equals(contentOf(signed))
                    : hashes.contains(sha256(jar));
        if (!listed) {
          missing.add(name);
        }
      }
    }

    assertThat(missing).isEmpty();
  }

  /** Checksums of what is in a jar, without its manifest and signatures. */
  private static Map<String, Long> contentOf(Path jar) throws IOException {
    Map<String, Long> content = new TreeMap<>();
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      zip.stream()
          .filter(entry -> !entry.isDirectory())
          .filter(entry -> !entry.getName().matches("META-INF/([^/]+\\.(SF|DSA|RSA)|MANIFEST.MF)"))
          .forEach(entry -> content.put(entry.getName(), entry.getCrc()));
    }
    return content;
  }

  @ParameterizedTest
  @CsvSource({
    "1.5.21, true",
    "1.5.35, true",
    "1.5.36, false",
    "1.6.0, false",
    "1.6.0-rc1, true",
    "1.10, false"
  })
  void vulnerabilityHoldsUpToTheVersionThatFixesIt(
      String version, boolean affected, @TempDir Path directory) throws Exception {
    Files.writeString(
        directory.resolve("entry.json"),
        """
        {"id": "TEST-1", "affected": [{
          "package": {"ecosystem": "Maven", "name": "org.example:lib"},
          "ranges": [{"type": "ECOSYSTEM", "events": [
            {"introduced": "0"}, {"fixed": "1.5.36"},
            {"introduced": "1.6.0-alpha"}, {"fixed": "1.6.0"}]}]}]}
        """);
    KnownVulnerabilities entries = KnownVulnerabilities.read(directory);

    assertThat(entries.of("org.example:lib", version).isEmpty()).isEqualTo(!affected);
    assertThat(entries.of("org.example:other", version)).isEmpty();
  }

  @Test
  void aFileThatDiffersFromItsListedHashIsNamed(@TempDir Path repository) throws Exception {
    String listed = Files.readAllLines(file("supply-chain/artifacts.sha256")).getFirst();
    Path artifact = repository.resolve(listed.substring(66));
    Files.createDirectories(artifact.getParent());
    Files.writeString(artifact, "something else");

    Process check = check(repository);
    String said = new String(check.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(check.waitFor()).isEqualTo(1);
    assertThat(said).contains(listed.substring(66));
  }

  @Test
  void aRepositoryWithNothingOfTheListIsNoFault(@TempDir Path repository) throws Exception {
    assertThat(check(repository).waitFor()).isZero();
  }

  /** Nothing could differ from a list that is not there, or that nobody can read. */
  @ParameterizedTest
  @ValueSource(strings = {"", "no hash  antlr/antlr.jar\n"})
  void aListThatCannotBeReadIsAFault(String list, @TempDir Path copy) throws Exception {
    Path script = Files.createDirectories(copy.resolve("supply-chain")).resolve("artifacts");
    Files.copy(file("supply-chain/artifacts"), script, StandardCopyOption.COPY_ATTRIBUTES);
    Files.writeString(script.resolveSibling("artifacts.sha256"), list);

    assertThat(check(script, copy, "files").waitFor()).isEqualTo(1);
  }

  @Test
  void aBuildWhoseArtifactsCannotBeToldIsAFault(@TempDir Path copy) throws Exception {
    Path script = Files.createDirectories(copy.resolve("supply-chain")).resolve("artifacts");
    Files.copy(file("supply-chain/artifacts"), script, StandardCopyOption.COPY_ATTRIBUTES);
    Files.copy(file("supply-chain/artifacts.sha256"), script.resolveSibling("artifacts.sha256"));

    // There is no Maven build there.
    assertThat(check(script, copy, "check").waitFor()).isNotZero();
  }

  private static Process check(Path repository) throws IOException {
    return check(file("supply-chain/artifacts"), repository, "files");
  }

  private static Process check(Path script, Path repository, String what) throws IOException {
    ProcessBuilder check = new ProcessBuilder(script.toAbsolutePath().toString(), what);
    check.environment().put("MAVEN_REPOSITORY", repository.toString());
    return check.start();
  }

  /** Tests run in the folder of their module. */
  private static Path file(String path) {
    return Path.of("..").resolve(path);
  }

  private static String sha256(Path file) throws IOException {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
