package io.signetmesh.cli.identity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaCommandsTest {
  @TempDir Path files;

  @ParameterizedTest
  @CsvSource({"p256,ECDSA P-256", "p384,ECDSA P-384", "ed25519,Ed25519", "rsa2048,RSA 2048"})
  void caOfEachKeyTypeIsMadeAndShown(String type, String key) throws Exception {
    Path state = files.resolve("state");

    CommandRun made =
        CommandRun.of("identity", "ca", "init", "--state", state.toString(), "--key-type", type)
            .ended(ExitCode.OK);

    assertThat(made.out()).contains("made a CA in " + state.resolve("ca"), "trust anchor: ");
    CommandRun shown = show(state).ended(ExitCode.OK);
    assertThat(shown.out().lines())
        .contains(
            "Issuer       ok",
            "Trust anchor ok",
            "Subject      CN=identity.linkerd.cluster.local",
            "Subject      CN=root.linkerd.cluster.local",
            "Health: ok")
        .anyMatch(line -> line.startsWith("Key          " + key + ", signed with "))
        .anyMatch(line -> line.startsWith("SHA-256"))
        .anyMatch(line -> line.startsWith("Serial"))
        .anyMatch(line -> line.startsWith("Valid") && line.contains(" days left)"));
    assertThat(shown.out()).doesNotContain("PRIVATE");
  }

  @Test
  void caThatIsThereIsNeverOverwritten() throws Exception {
    Path state = files.resolve("state");
    init(state).ended(ExitCode.OK);
    byte[] before = Files.readAllBytes(state.resolve("ca/anchor.key"));

    CommandRun again = init(state).ended(ExitCode.CONFIGURATION);

    assertThat(again.err())
        .contains(state.resolve("ca") + " exists: expected a state directory without a CA")
        .contains("nothing was changed");
    assertThat(Files.readAllBytes(state.resolve("ca/anchor.key"))).isEqualTo(before);
  }

  @Test
  void issuerThatEndsSoonIsAWarningAndTheExitCodeSaysSo() throws Exception {
    Path state = files.resolve("state");
    init(state, "--issuer-lifetime", "24h", "--anchor-lifetime", "30d").ended(ExitCode.OK);

    CommandRun shown = show(state).ended(ExitCode.NEGATIVE);

    assertThat(shown.out().lines())
        .contains("Issuer       ok", "Trust anchor warn", "Health: warn")
        .anyMatch(
            line ->
                line.startsWith("  warn: trust anchor \"CN=root.linkerd.cluster.local\"")
                    && line.endsWith("add its successor beside it now"));
  }

  @Test
  void checkSaysNothingOfAHealthyCaAndFailsAtTheThresholds() throws Exception {
    Path state = files.resolve("state");
    init(state, "--issuer-lifetime", "24h", "--anchor-lifetime", "92d").ended(ExitCode.OK);

    assertThat(check(state).ended(ExitCode.OK).out()).isEmpty();
    CommandRun issuer = check(state, "--issuer-left", "25h").ended(ExitCode.NEGATIVE);
    CommandRun anchor = check(state, "--anchor-left", "93d").ended(ExitCode.NEGATIVE);

    assertThat(issuer.out().lines())
        .singleElement()
        .asString()
        .startsWith("warn: issuer \"CN=identity.linkerd.cluster.local\"")
        .endsWith("renew it");
    assertThat(anchor.out().lines())
        .singleElement()
        .asString()
        .startsWith("warn: trust anchor \"CN=root.linkerd.cluster.local\"");
    check(state, "--issuer-left", "23h", "--anchor-left", "91d").ended(ExitCode.OK);
    JsonNode json =
        check(state, "--issuer-left", "25h", "-o", "json").ended(ExitCode.NEGATIVE).json();
    assertThat(json.path("health").asText()).isEqualTo("warn");
    assertThat(json.path("findings").path(0).path("level").asText()).isEqualTo("warn");
    assertThat(json.path("findings").path(0).path("message").asText()).contains("ends soon");
    assertThat(check(state, "-o", "json").ended(ExitCode.OK).json().path("findings")).isEmpty();
    check(files.resolve("other")).ended(ExitCode.CONFIGURATION);
    check(state, "--issuer-left", "soon").ended(ExitCode.USAGE);
  }

  @Test
  void caIsShownAsJsonAndAsPem() throws Exception {
    Path state = files.resolve("state");
    init(state).ended(ExitCode.OK);

    JsonNode json = show(state, "-o", "json").ended(ExitCode.OK).json();

    assertThat(json.path("health").asText()).isEqualTo("ok");
    assertThat(json.path("findings")).isEmpty();
    assertThat(json.path("issuer").path(0).path("ca").asBoolean()).isTrue();
    assertThat(json.path("trustAnchors").path(0).path("key").asText()).isEqualTo("ECDSA P-256");
    assertThat(show(state, "-o", "pem").ended(ExitCode.OK).out())
        .containsOnlyOnce(Files.readString(state.resolve("ca/anchor.crt")));
  }

  @Test
  void issuerOfTheUsersOwnIsShown() throws Exception {
    Path state = files.resolve("state");
    init(state).ended(ExitCode.OK);
    Path directory = Files.createDirectory(files.resolve("issuer"));
    String issuer = Files.readString(state.resolve("ca/issuer.pem"));
    int split = issuer.indexOf("-----BEGIN CERTIFICATE-----");
    Files.writeString(directory.resolve("tls.key"), issuer.substring(0, split));
    Files.writeString(directory.resolve("tls.crt"), issuer.substring(split));
    Files.copy(state.resolve("ca/anchor.crt"), directory.resolve("ca.crt"));

    CommandRun shown =
        CommandRun.of("identity", "ca", "show", "--issuer-directory", directory.toString())
            .ended(ExitCode.OK);

    assertThat(shown.out()).isEqualToIgnoringNewLines(show(state).out());
  }

  @Test
  void wrongOptionsAreNamed() {
    assertUsage("expected --state DIR, or where an issuer of your own is", List.of());
    assertUsage(
        "expected --issuer-certificates and --issuer-key together",
        List.of("--issuer-certificates", "a", "--trust-anchors", "c"));
    assertUsage(
        "--issuer-certificates and --issuer-key: expected --trust-anchors with it",
        List.of("--issuer-certificates", "a", "--issuer-key", "b"));
    assertUsage(
        "expected one issuer, not several: --issuer-directory; --issuer-pkcs12",
        List.of("--issuer-directory", "a", "--issuer-pkcs12", "b", "--issuer-password-file", "c"));
    assertUsage(
        "--trust-anchors: expected an issuer with it", List.of("--trust-anchors", "anchors"));
    CommandRun type =
        CommandRun.of(
                "identity", "ca", "init", "--state", files.toString(), "--key-type", "rsa1024")
            .ended(ExitCode.USAGE);
    assertThat(type.err()).contains("key type rsa1024: expected p256, p384, ed25519, rsa2048");
    CommandRun missing =
        CommandRun.of("identity", "ca", "show", "--state", files.toString())
            .ended(ExitCode.CONFIGURATION);
    assertThat(missing.err()).contains("the CA cannot be read: ", "is missing from the CA");
  }

  private static void assertUsage(String message, List<String> options) {
    List<String> arguments = new ArrayList<>(List.of("identity", "ca", "show"));
    arguments.addAll(options);
    assertThat(CommandRun.of(arguments.toArray(String[]::new)).ended(ExitCode.USAGE).err())
        .contains(message);
  }

  private static CommandRun init(Path state, String... options) {
    return run("init", state, options);
  }

  private static CommandRun show(Path state, String... options) {
    return run("show", state, options);
  }

  private static CommandRun check(Path state, String... options) {
    return run("check", state, options);
  }

  private static CommandRun run(String command, Path state, String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("identity", "ca", command, "--state", state.toString()));
    arguments.addAll(List.of(options));
    return CommandRun.of(arguments.toArray(String[]::new));
  }
}
