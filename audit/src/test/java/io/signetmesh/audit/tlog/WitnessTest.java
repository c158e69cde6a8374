package io.signetmesh.audit.tlog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A witness sees one history of a log. */
final class WitnessTest {
  private static final NoteSigner LOG = Keys.log("example.com/audit");
  private static final NoteSigner KEY = Keys.witness("example.com/witness");
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  private final Map<String, Checkpoint> kept = new HashMap<>();
  private final MemoryTiles store = new MemoryTiles();
  private @Nullable IOException failure;
  private final Witness witness =
      new Witness(
          KEY,
          List.of(LOG.key()),
          new Witness.Memory() {
            @Override
            public @Nullable Checkpoint last(String origin) {
              return kept.get(origin);
            }

            @Override
            public void keep(Checkpoint checkpoint) throws IOException {
              if (failure != null) {
                throw failure;
              }
              kept.put(checkpoint.origin(), checkpoint);
            }
          },
          InstantSource.fixed(NOW));
  private LogWriter writer = create(store);

  @BeforeEach
  void begin() throws Exception {
    writer.append(entries("a", 300));
  }

  @Test
  void aLogThatGrowsIsCosigned() throws Exception {
    SignedNote first = cosigned(request(writer, store, 0));
    writer.append(entries("b", 300));
    SignedNote second = cosigned(request(writer, store, 300));
    SignedNote same = cosigned(request(writer, store, 600));

    for (SignedNote note : List.of(first, second, same)) {
      assertThat(SignedNote.parse(note.bytes()).verify(List.of(LOG.key(), KEY.key())))
          .containsExactly(LOG.key(), KEY.key());
    }
    assertThat(kept.get("example.com/audit")).isEqualTo(writer.checkpoint());
  }

  /** The operator shows one history to the witness, and another one to somebody else. */
  @Test
  void aSplitViewIsNotCosigned() throws Exception {
    MemoryTiles others = new MemoryTiles(store);
    LogWriter other = LogWriter.open(others, LOG, 300);
    witness.cosign(request(writer, store, 0));
    writer.append(entries("b", 100));
    other.append(entries("c", 100));
    witness.cosign(request(writer, store, 300));
    Checkpoint seen = writer.checkpoint();

    // The same size with another root; then a larger one, with each proof that can be made.
    assertRefused(request(other, others, 400), WitnessRefusal.Kind.INCONSISTENT);
    other.append(entries("d", 50));
    for (long claimed : new long[] {0, 300, 400}) {
      List<TreeHash> proof = new LogReader(others, 450).consistency(claimed);
      assertRefused(new AddCheckpoint(400, proof, other.note()), WitnessRefusal.Kind.INCONSISTENT);
    }
    assertThat(kept.get("example.com/audit")).isEqualTo(seen);
    writer.append(entries("e", 1));
    witness.cosign(request(writer, store, 400));
  }

  @Test
  void whatIsNotTheNextCheckpointIsRefused() throws Exception {
    witness.cosign(request(writer, store, 0));
    writer.append(entries("b", 1));

    assertThat(assertRefused(request(writer, store, 0), WitnessRefusal.Kind.OTHER_SIZE).size())
        .isEqualTo(300);
    assertRefused(
        new AddCheckpoint(302, List.of(), writer.note()), WitnessRefusal.Kind.BAD_REQUEST);
    assertRefused(
        new AddCheckpoint(300, List.of(), writer.note()), WitnessRefusal.Kind.INCONSISTENT);
    NoteSigner stranger = Keys.log("example.com/other");
    assertRefused(
        new AddCheckpoint(
            0,
            List.of(),
            stranger.sign(new Checkpoint("example.com/other", 0, TreeHash.EMPTY).text())),
        WitnessRefusal.Kind.UNKNOWN_LOG);
    NoteSigner thief = Keys.log("example.com/audit");
    assertRefused(
        new AddCheckpoint(300, List.of(), thief.sign(writer.checkpoint().text())),
        WitnessRefusal.Kind.NOT_SIGNED);
    SignedNote.Line own = writer.note().signatures().getFirst();
    byte[] bad = own.signature();
    bad[0] ^= 1;
    assertRefused(
        new AddCheckpoint(
            300,
            List.of(),
            new SignedNote(
                writer.note().text(), List.of(new SignedNote.Line(own.name(), own.id(), bad)))),
        WitnessRefusal.Kind.NOT_SIGNED);
    assertRefused(
        new AddCheckpoint(0, List.of(), LOG.sign("example.com/audit\n")),
        WitnessRefusal.Kind.BAD_REQUEST);
  }

  @Test
  void whatCannotBeRememberedIsNotCosigned() throws Exception {
    failure = new IOException("No space left on device");

    assertThatThrownBy(() -> witness.cosign(request(writer, store, 0))).isSameAs(failure);
    failure = null;
    witness.cosign(request(writer, store, 0));
  }

  @Test
  void aRequestIsReadAsItWasWritten() throws Exception {
    writer.append(entries("b", 77));
    AddCheckpoint request = request(writer, store, 300);

    assertThat(AddCheckpoint.parse(request.bytes())).isEqualTo(request);
    String text = new String(request.bytes(), StandardCharsets.UTF_8);
    for (String bad :
        List.of(
            text.replace("old 300", "old 0300"),
            text.replace("old 300", "new 300"),
            text.replace("old 300\n", "old 300\nhash\n"),
            text.replace("old 300\n", "old 300\n" + (TreeHash.EMPTY + "\n").repeat(64)),
            text.replace("\n\n", "\n"),
            "")) {
      assertThatThrownBy(() -> AddCheckpoint.parse(bad.getBytes(StandardCharsets.UTF_8)))
          .as(bad)
          .isInstanceOf(MalformedLogException.class);
    }
  }

  private SignedNote cosigned(AddCheckpoint request) throws Exception {
    return request.checkpoint().with(witness.cosign(request));
  }

  private WitnessRefusal assertRefused(AddCheckpoint request, WitnessRefusal.Kind kind) {
    WitnessRefusal refusal =
        catchThrowableOfType(WitnessRefusal.class, () -> witness.cosign(request));
    assertThat(refusal).isNotNull();
    assertThat(refusal.kind()).isEqualTo(kind);
    return refusal;
  }

  private static AddCheckpoint request(LogWriter writer, TileStore store, long oldSize)
      throws IOException {
    LogReader reader = new LogReader(store, writer.checkpoint().size());
    return new AddCheckpoint(oldSize, reader.consistency(oldSize), writer.note());
  }

  private static LogWriter create(TileStore store) {
    try {
      return LogWriter.create(store, LOG);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<byte[]> entries(String of, int count) {
    List<byte[]> entries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      entries.add((of + i).getBytes(StandardCharsets.UTF_8));
    }
    return entries;
  }
}
