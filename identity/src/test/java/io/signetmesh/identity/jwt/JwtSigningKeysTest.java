package io.signetmesh.identity.jwt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JwtSigningKeysTest {
  private static final Instant START = Instant.parse("2026-11-28T12:00:00Z");

  @TempDir Path state;

  private Instant now = START;
  private final Published published = new Published();

  /** What is published, and whether publishing works. */
  private static final class Published implements JwtSigningKeys.Publisher {
    private List<JwtAuthority> authorities = List.of();
    private boolean broken;

    @Override
    public List<JwtAuthority> published() {
      return authorities;
    }

    @Override
    public void publish(List<JwtAuthority> next) throws IOException {
      if (broken) {
        throw new IOException("disk full");
      }
      authorities = next;
    }
  }

  @Test
  void firstKeySignsAtOnceAndIsASecretFile() throws Exception {
    JwtSigningKeys keys = open();

    assertThat(published.authorities).hasSize(1);
    assertThat(keys.current().orElseThrow().authority())
        .isEqualTo(published.authorities.getFirst());
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(state.resolve("jwt-signing.json"))))
        .isEqualTo("rw-------");
  }

  @Test
  void nextKeyIsPublishedAnHourBeforeItSigns() throws Exception {
    JwtSigningKeys keys = open();
    JwtAuthority first = published.authorities.getFirst();

    pass(keys, JwtSigningKeys.PERIOD.minus(JwtSigningKeys.LEAD).minusSeconds(1));
    assertThat(published.authorities).containsExactly(first);
    pass(keys, Duration.ofSeconds(1));
    assertThat(published.authorities).hasSize(2).startsWith(first);
    JwtAuthority second = published.authorities.get(1);
    pass(keys, JwtSigningKeys.LEAD.minusSeconds(1));
    assertThat(keys.current().orElseThrow().authority()).isEqualTo(first);
    pass(keys, Duration.ofSeconds(1));
    assertThat(keys.current().orElseThrow().authority()).isEqualTo(second);
  }

  @Test
  void aKeyStaysPublishedUntilItsLastTokenHasExpired() throws Exception {
    JwtSigningKeys keys = open();
    JwtAuthority first = published.authorities.getFirst();
    pass(keys, JwtSigningKeys.PERIOD.minus(JwtSigningKeys.LEAD));
    pass(keys, JwtSigningKeys.LEAD);

    pass(keys, JwtSvidIssuer.LIFETIME);
    assertThat(published.authorities).contains(first);
    pass(keys, JwtSigningKeys.RETENTION.minus(JwtSvidIssuer.LIFETIME));
    assertThat(published.authorities).hasSize(1).doesNotContain(first);
  }

  @Test
  void aServerThatWasAwayPublishesTheNextKeyBeforeItSigns() throws Exception {
    open();
    JwtAuthority first = published.authorities.getFirst();

    now = now.plus(Duration.ofDays(10));
    JwtSigningKeys keys = open();

    assertThat(published.authorities).hasSize(2).startsWith(first);
    assertThat(keys.current().orElseThrow().authority()).isEqualTo(first);
  }

  @Test
  void restartKeepsTheKeys() throws Exception {
    JwtSigningKeys.SigningKey before = open().current().orElseThrow();
    List<JwtAuthority> authorities = published.authorities;

    assertThat(open().current()).contains(before);
    assertThat(published.authorities).isEqualTo(authorities);
  }

  @Test
  void aKeyThatCannotBePublishedSignsNothing() throws Exception {
    JwtSigningKeys keys = open();
    JwtAuthority first = published.authorities.getFirst();
    published.broken = true;

    now = now.plus(JwtSigningKeys.PERIOD);
    assertThatThrownBy(keys::rotate).isInstanceOf(IOException.class);
    now = now.plus(JwtSigningKeys.LEAD);
    assertThat(keys.current().orElseThrow().authority()).isEqualTo(first);
    published.authorities = List.of();
    assertThat(keys.current()).isEmpty();
  }

  @Test
  void keysThatOthersMayReadAreRefused() throws Exception {
    open();
    Path file = state.resolve("jwt-signing.json");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("is open to others");
  }

  @Test
  void aFileThatCannotBeUnderstoodIsRefusedAndNotReplaced() throws Exception {
    open();
    Path file = state.resolve("jwt-signing.json");
    Files.writeString(file, "[{\"key\":\"secret text\"}]");

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("jwt-signing.json")
        .hasMessageNotContaining("secret text");
    assertThat(Files.readString(file)).contains("secret text");
  }

  private JwtSigningKeys open() throws Exception {
    return JwtSigningKeys.open(state, published, () -> now);
  }

  private void pass(JwtSigningKeys keys, Duration time) throws IOException {
    now = now.plus(time);
    keys.rotate();
  }
}
