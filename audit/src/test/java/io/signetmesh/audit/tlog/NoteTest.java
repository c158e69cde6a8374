package io.signetmesh.audit.tlog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Notes, checkpoints and cosignatures. */
final class NoteTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  /** The example of C2SP signed-note. */
  private static final String EXAMPLE_KEY =
      "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

  private static final String EXAMPLE =
      """
      This is an example message.

      \u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
      """;

  @Test
  void theExampleOfTheSpecificationVerifies() throws Exception {
    NoteKey key = NoteKey.parse(EXAMPLE_KEY);
    SignedNote note = SignedNote.parse(bytes(EXAMPLE));

    assertThat(key).hasToString(EXAMPLE_KEY);
    assertThat(note.text()).isEqualTo("This is an example message.\n");
    assertThat(note.verify(List.of(key))).containsExactly(key);
    assertThat(note).hasToString(EXAMPLE);
  }

  @Test
  void aChangedTextIsRefusedAndAnUnknownKeyVouchesForNothing() throws Exception {
    NoteKey key = NoteKey.parse(EXAMPLE_KEY);
    SignedNote changed = SignedNote.parse(bytes(EXAMPLE.replace("an example", "no example")));

    assertThatThrownBy(() -> changed.verify(List.of(key)))
        .isInstanceOf(MalformedLogException.class)
        .hasMessageContaining("the signature by " + EXAMPLE_KEY + " is wrong");
    assertThat(changed.verify(List.of(Keys.log("example.com/foo").key()))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "text\n",
        "text\n\n",
        "text\n\n\u2014 name\n",
        "text\n\n\u2014 name AAAAAA==\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n\u2014 name AAAAAAAA",
        "te\u0007xt\n\n\u2014 name AAAAAAAA\n",
        "text\n\n\u2014 na+me AAAAAAAA\n",
        "text\n\n\u2014 name *\n",
      })
  void aNoteOfAnotherFormIsRefused(String note) {
    assertThatThrownBy(() -> SignedNote.parse(bytes(note)))
        .isInstanceOf(MalformedLogException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "name",
        "name+530d903a",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+Aeky",
        "exam ple+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
      })
  void aVerifierKeyOfAnotherFormIsRefused(String key) {
    assertThatThrownBy(() -> NoteKey.parse(key))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("key");
  }

  @Test
  void aCheckpointIsOpenedByTheKeyOfItsLogOnly() throws Exception {
    NoteSigner log = Keys.log("example.com/audit");
    Checkpoint checkpoint =
        new Checkpoint("example.com/audit", 1, TreeHash.ofEntry(new byte[1]), List.of("more"));
    byte[] note = log.sign(checkpoint.text()).bytes();

    assertThat(Checkpoint.open(note, log.key())).isEqualTo(checkpoint);
    assertThatThrownBy(() -> Checkpoint.open(note, Keys.log("example.com/audit").key()))
        .hasMessageContaining("is not signed by example.com/audit+");
    NoteSigner other = Keys.log("example.com/other");
    assertThatThrownBy(() -> Checkpoint.open(other.sign(checkpoint.text()).bytes(), other.key()))
        .hasMessage("a checkpoint of log \"example.com/audit\": expected \"example.com/other\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "log\n1\n",
        "log\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n9999999999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
        "log\n1\n47DEQpj8HBSa\n",
        "log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
        "log\n0\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n",
        "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
      })
  void aCheckpointOfAnotherFormIsRefused(String text) {
    assertThatThrownBy(() -> Checkpoint.parse(text)).isInstanceOf(MalformedLogException.class);
  }

  @Test
  void aWitnessVouchesForTextAndTime() throws Exception {
    NoteSigner log = Keys.log("example.com/audit");
    NoteSigner witness = Keys.witness("example.com/witness");
    SignedNote note = log.sign(new Checkpoint("example.com/audit", 0, TreeHash.EMPTY).text());

    SignedNote.Line line = Cosignature.sign(witness, note.text(), NOW);
    SignedNote cosigned = SignedNote.parse(note.with(line).bytes());

    assertThat(cosigned.verify(List.of(log.key(), witness.key())))
        .containsExactly(log.key(), witness.key());
    assertThat(Cosignature.time(cosigned.signatures().get(1))).isEqualTo(NOW);
    assertThat(NoteKey.parse(witness.key().toString())).isEqualTo(witness.key());
    byte[] later = line.signature();
    later[7]++;
    SignedNote moved = note.with(new SignedNote.Line(line.name(), line.id(), later));
    assertThatThrownBy(() -> moved.verify(List.of(witness.key()))).hasMessageContaining("is wrong");
  }

  @Test
  void aKeySignsOnlyWhatItIsFor() {
    NoteSigner log = Keys.log("log");
    NoteSigner witness = Keys.witness("witness");

    assertThatThrownBy(() -> witness.sign("text\n")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Cosignature.sign(log, "text\n", NOW))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new NoteSigner(log.key(), witness.privateKey()))
        .hasMessageContaining("is not that of its public key");
    assertThat(log.toString()).doesNotContain(log.privateKey().toString());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
