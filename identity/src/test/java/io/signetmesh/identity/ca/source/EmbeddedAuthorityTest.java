package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EmbeddedAuthorityTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");

  @TempDir Path directory;

  private Instant now = START;
  private final InstantSource clock = () -> now;

  private EmbeddedAuthority open() throws Exception {
    return EmbeddedAuthority.open(state(), "signet", "cluster.local", clock);
  }

  private Path state() {
    return directory.resolve("state");
  }

  @Test
  void keysAndDirectoriesAreForTheOwnerOnly() throws Exception {
    open();

    assertThat(mode(state())).isEqualTo("rwx------");
    assertThat(mode(state().resolve("ca"))).isEqualTo("rwx------");
    assertThat(mode(state().resolve("ca/anchor.key"))).isEqualTo("rw-------");
    assertThat(mode(state().resolve("ca/issuer.pem"))).isEqualTo("rw-------");
    try (Stream<Path> files = Files.list(state().resolve("ca"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("anchor.crt", "anchor.key", "issuer.pem");
    }
  }

  @Test
  void anchorAllowsOneCaBelowAndTheIssuerNone() throws Exception {
    EmbeddedAuthority authority = open();

    X509Certificate anchor = authority.anchor();
    X509Certificate issuer = authority.current().certificate();
    assertThat(anchor.getBasicConstraints()).isEqualTo(1);
    assertThat(issuer.getBasicConstraints()).isZero();
    assertThat(anchor.getSubjectX500Principal().getName())
        .isEqualTo("CN=root.signet.cluster.local");
    assertThat(issuer.getSubjectX500Principal().getName())
        .isEqualTo("CN=identity.signet.cluster.local");
    assertThat(PrivateKeys.isP256(anchor.getPublicKey())).isTrue();
    assertThat(PrivateKeys.isP256(issuer.getPublicKey())).isTrue();
    assertThat(anchor.getSerialNumber().bitLength()).isBetween(64, 128);
    assertThat(anchor.getKeyUsage()[5]).isTrue();
    assertThat(anchor.getKeyUsage()[0]).isFalse();
    issuer.verify(anchor.getPublicKey());
  }

  @Test
  void restartKeepsAnchorAndIssuer() throws Exception {
    EmbeddedAuthority first = open();
    now = START.plus(Duration.ofDays(30));

    EmbeddedAuthority second = open();

    assertThat(second.anchor()).isEqualTo(first.anchor());
    assertThat(second.current().certificate()).isEqualTo(first.current().certificate());
  }

  @Test
  void issuerIsMadeAnewUnderTheSameAnchorWhenAThirdOfItsLifeIsLeft() throws Exception {
    EmbeddedAuthority authority = open();
    X509Certificate first = authority.current().certificate();
    now = START.plus(Duration.ofDays(243));
    assertThat(authority.current().certificate()).isEqualTo(first);

    now = START.plus(Duration.ofDays(244));
    X509Certificate second = authority.current().certificate();

    assertThat(second).isNotEqualTo(first);
    assertThat(second.getPublicKey()).isNotEqualTo(first.getPublicKey());
    second.verify(authority.anchor().getPublicKey());
    assertThat(open().current().certificate()).isEqualTo(second);
    assertThat(mode(state().resolve("ca/issuer.pem"))).isEqualTo("rw-------");
  }

  @Test
  void issuerNeverOutlivesTheAnchor() throws Exception {
    EmbeddedAuthority authority = open();
    now = START.plus(Duration.ofDays(3600));

    X509Certificate issuer = authority.current().certificate();

    assertThat(issuer.getNotAfter()).isEqualTo(authority.anchor().getNotAfter());
    assertThat(authority.current().certificate()).isSameAs(issuer);
  }

  @Test
  void expiredAnchorIsAnErrorAndNothingIsMadeAnew() throws Exception {
    X509Certificate anchor = open().anchor();
    now = anchor.getNotAfter().toInstant().plusSeconds(1);

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("anchor.crt: trust anchor expired at");
    now = START;
    assertThat(open().anchor()).isEqualTo(anchor);
  }

  @ParameterizedTest
  @ValueSource(strings = {"anchor.key", "issuer.pem"})
  void keyThatOthersCanReadIsRefused(String name) throws Exception {
    open();
    Path file = state().resolve("ca").resolve(name);
    for (String mode : List.of("rw-r-----", "rw----r--", "rw--w----")) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));

      assertThatThrownBy(this::open)
          .isInstanceOf(PkiException.class)
          .hasMessageContaining(name + " is open to others (" + mode + "): expected rw-------");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"anchor.crt", "anchor.key", "issuer.pem"})
  void missingFileIsAnErrorAndNotANewCa(String name) throws Exception {
    X509Certificate anchor = open().anchor();
    Path file = state().resolve("ca").resolve(name);
    byte[] content = Files.readAllBytes(file);
    Files.delete(file);

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining(name + " is missing from the CA");

    assertThat(file).doesNotExist();
    Files.write(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    assertThat(open().anchor()).isEqualTo(anchor);
  }

  @ParameterizedTest
  @ValueSource(strings = {"anchor.crt", "anchor.key", "issuer.pem"})
  void garbledFileIsNamedInTheErrorWithoutItsContent(String name) throws Exception {
    open();
    Path file = state().resolve("ca").resolve(name);
    Files.writeString(file, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHNlY3JldA==\n-----END");

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining(name)
        .message()
        .doesNotContain("c2VjcmV0");
  }

  @Test
  void keyOfAnotherAnchorIsRefused(@TempDir Path other) throws Exception {
    open();
    EmbeddedAuthority.open(other, "signet", "cluster.local", clock);
    Files.write(
        state().resolve("ca/anchor.key"), Files.readAllBytes(other.resolve("ca/anchor.key")));

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("the private key does not belong to any of the 1 trust anchors");
  }

  @Test
  void whatACrashLeftWhileTheCaWasMadeIsNoHindrance() throws Exception {
    Path leftover = Files.createDirectories(state().resolve(".ca.new"));
    Files.writeString(leftover.resolve("anchor.key"), "half a ke");

    EmbeddedAuthority authority = open();

    assertThat(leftover).doesNotExist();
    assertThat(open().anchor()).isEqualTo(authority.anchor());
  }

  private static String mode(Path file) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }
}
