package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Cosigns checkpoints of logs as long as each goes on from the last one (C2SP {@code
 * tlog-witness}). So whoever requires its cosignature sees the history that all others see. It is
 * to run under somebody else's control than the log. Thread-safe.
 */
public final class Witness {
  private final NoteSigner signer;
  private final Map<String, NoteKey> logs;
  private final Memory memory;
  private final InstantSource clock;

  /** What was cosigned last, by the origin of the log. It outlives the process. */
  public interface Memory {
    /**
     * The last checkpoint of a log; null when there is none.
     *
     * @throws IOException when it cannot be read: nothing is cosigned then
     */
    @Nullable Checkpoint last(String origin) throws IOException;

    /**
     * Keeps a checkpoint. It is durable when this returns.
     *
     * @throws IOException when it cannot be kept: it is not cosigned then
     */
    void keep(Checkpoint checkpoint) throws IOException;
  }

  /**
   * @param signer a key of type {@link NoteKey.Type#COSIGNATURE}
   * @param logs keys of the logs that are witnessed; each name is an origin
   */
  public Witness(NoteSigner signer, Collection<NoteKey> logs, Memory memory, InstantSource clock) {
    if (signer.key().type() != NoteKey.Type.COSIGNATURE) {
      throw new IllegalArgumentException("key " + signer.key().name() + ": expected a witness's");
    }
    this.signer = signer;
    this.logs = logs.stream().collect(Collectors.toMap(NoteKey::name, Function.identity()));
    this.memory = memory;
    this.clock = clock;
  }

  /** The key that verifies cosignatures. */
  public NoteKey key() {
    return signer.key();
  }

  /**
   * Cosigns a checkpoint.
   *
   * @return the cosignature, to be put behind the log's own signature
   * @throws WitnessRefusal when it is not cosigned, with the reason
   * @throws IOException when it cannot be remembered; it is not cosigned
   */
  public synchronized SignedNote.Line cosign(AddCheckpoint request)
      throws WitnessRefusal, IOException {
    Checkpoint checkpoint = opened(request.checkpoint());
    Checkpoint last = memory.last(checkpoint.origin());
    long size = last == null ? 0 : last.size();
    if (request.oldSize() > checkpoint.size()) {
      throw new WitnessRefusal(
          WitnessRefusal.Kind.BAD_REQUEST,
          size,
          "old size " + request.oldSize() + " is larger than " + checkpoint.size());
    }
    if (request.oldSize() != size) {
      throw new WitnessRefusal(
          WitnessRefusal.Kind.OTHER_SIZE,
          size,
          "the last checkpoint was of size " + size + ", not of " + request.oldSize());
    }
    TreeHash before = last == null ? TreeHash.EMPTY : last.root();
    if (!Proofs.isConsistent(size, before, checkpoint.size(), checkpoint.root(), request.proof())) {
      throw new WitnessRefusal(
          WitnessRefusal.Kind.INCONSISTENT,
          size,
          "the checkpoint of "
              + checkpoint.size()
              + " entries does not go on from that of "
              + size
              + " with root "
              + before);
    }
    memory.keep(checkpoint);
    return Cosignature.sign(signer, request.checkpoint().text(), clock.instant());
  }

  private Checkpoint opened(SignedNote note) throws WitnessRefusal {
    Checkpoint checkpoint;
    try {
      checkpoint = Checkpoint.parse(note.text());
    } catch (MalformedLogException e) {
      throw new WitnessRefusal(WitnessRefusal.Kind.BAD_REQUEST, 0, String.valueOf(e.getMessage()));
    }
    NoteKey log = logs.get(checkpoint.origin());
    if (log == null) {
      throw new WitnessRefusal(
          WitnessRefusal.Kind.UNKNOWN_LOG, 0, "no log \"" + checkpoint.origin() + "\" is known");
    }
    try {
      if (!note.verify(List.of(log)).isEmpty()) {
        return checkpoint;
      }
    } catch (MalformedLogException e) {
      throw new WitnessRefusal(WitnessRefusal.Kind.NOT_SIGNED, 0, String.valueOf(e.getMessage()));
    }
    throw new WitnessRefusal(
        WitnessRefusal.Kind.NOT_SIGNED, 0, "the checkpoint is not signed by " + log);
  }
}
