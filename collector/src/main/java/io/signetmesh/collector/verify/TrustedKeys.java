package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.Cosignature;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.collector.verify.CheckResult.Witnessed;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * By whom a checkpoint has to be signed.
 *
 * @param log key of the log
 * @param witnesses keys of witnesses, all of which have to have cosigned it
 */
public record TrustedKeys(NoteKey log, List<NoteKey> witnesses) {
  /** Checks the types of the keys. */
  public TrustedKeys {
    witnesses = List.copyOf(witnesses);
    if (log.type() != NoteKey.Type.NOTE) {
      throw new IllegalArgumentException("key " + log.name() + " is a witness's: expected a log's");
    }
    for (NoteKey witness : witnesses) {
      if (witness.type() != NoteKey.Type.COSIGNATURE) {
        throw new IllegalArgumentException(
            "key " + witness.name() + " is a log's: expected a witness's");
      }
    }
  }

  /**
   * Opens a checkpoint.
   *
   * @throws MalformedLogException when it is not the one form of a note, or not signed by the log
   */
  Checkpoint open(byte[] note) throws MalformedLogException {
    if (!Arrays.equals(SignedNote.parse(note).bytes(), note)) {
      throw new MalformedLogException("the checkpoint is not the one form of its note");
    }
    return Checkpoint.open(note, log);
  }

  /**
   * Says which witnesses have cosigned a checkpoint.
   *
   * @throws MalformedLogException when one of them has not
   */
  List<Witnessed> witnessed(SignedNote note) throws MalformedLogException {
    List<NoteKey> signed = note.verify(witnesses);
    List<Witnessed> witnessed = new ArrayList<>();
    for (NoteKey witness : witnesses) {
      if (!signed.contains(witness)) {
        throw new MalformedLogException("the checkpoint is not cosigned by " + witness);
      }
      for (SignedNote.Line line : note.signatures()) {
        if (line.name().equals(witness.name()) && line.id() == witness.id()) {
          witnessed.add(new Witnessed(witness.name(), Cosignature.time(line)));
          break;
        }
      }
    }
    return witnessed;
  }
}
