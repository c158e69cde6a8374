package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.collector.verify.TrustedKeys;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** By whom a checkpoint has to be signed. */
final class KeyOptions {
  @Option(
      names = "--key",
      paramLabel = "VKEY",
      converter = NoteKeyConverter.class,
      description = {
        "Verifier key of the log, as in c2sp.org/signed-note (name+id+key), or a file that has it."
            + " Get it from the collector's operator, not from where the log is."
      })
  private @Nullable NoteKey key;

  @Option(
      names = "--witness-key",
      paramLabel = "VKEY",
      converter = NoteKeyConverter.class,
      description = {
        "Verifier key of a witness that has to have cosigned the checkpoint, or a file that has it."
            + " May be given more than once; all are needed."
      })
  private List<NoteKey> witnesses = new ArrayList<>();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  /** Whether any was given. */
  boolean isGiven() {
    return key != null || !witnesses.isEmpty();
  }

  /** The keys: that of the log is needed. */
  TrustedKeys keys() {
    NoteKey log = key;
    if (log == null) {
      throw new ParameterException(spec.commandLine(), "Missing required option: '--key=VKEY'");
    }
    try {
      return new TrustedKeys(log, witnesses);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
