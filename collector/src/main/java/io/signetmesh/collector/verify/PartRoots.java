package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.RangeProof;
import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.audit.tlog.TreeRoot;
import io.signetmesh.collector.export.ExportLine;
import io.signetmesh.collector.query.EntryParser;
import io.signetmesh.collector.query.UnreadableEntryException;
import io.signetmesh.collector.verify.Finding.Kind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Two roots over the entries of a part: by what the entries hash to, and by the hashes that the
 * lines say. If the second leads to the checkpoint, an entry that does not fit its hash is the one
 * that was changed; if the first does, the hash is.
 */
final class PartRoots {
  private final RangeProof proof;
  private final Checkpoint checkpoint;
  private final Findings findings;
  private final TreeRoot byEntries;
  private final TreeRoot byHashes;
  private final List<Finding> differing = new ArrayList<>();
  private boolean lacks;

  PartRoots(RangeProof proof, Checkpoint checkpoint, Findings findings) {
    this.proof = proof;
    this.checkpoint = checkpoint;
    this.findings = findings;
    this.byEntries = proof.before();
    this.byHashes = proof.before();
  }

  /** An entry is not there: no root follows. */
  void lack() {
    lacks = true;
  }

  void add(ExportLine line, String where, @Nullable SequenceCheck sequences) {
    TreeHash hash = TreeHash.ofEntry(line.entry());
    byEntries.add(hash);
    byHashes.add(line.leaf());
    boolean isSame = hash.equals(line.leaf());
    if (!isSame && differing.size() < CheckResult.MAX_FINDINGS) {
      differing.add(
          new Finding(
              Kind.CHANGED,
              line.index(),
              line.index() + 1,
              where,
              "the entry has another content than its hash says"));
    }
    if (sequences == null) {
      return;
    }
    if (!isSame) {
      sequences.passOver(1);
      return;
    }
    try {
      sequences.add(EntryParser.parse(line.index(), line.entry()));
    } catch (UnreadableEntryException e) {
      sequences.passOver(1);
      findings.add(
          Kind.UNREADABLE, line.index(), line.index() + 1, where, String.valueOf(e.getMessage()));
    }
  }

  /** Reports what does not lead to the checkpoint. */
  void end() {
    if (lacks) {
      differing.forEach(findings);
      return;
    }
    boolean areHashesGood = proof.root(byHashes).equals(checkpoint.root());
    boolean areEntriesGood = proof.root(byEntries).equals(checkpoint.root());
    if (areEntriesGood && !areHashesGood) {
      for (Finding one : differing) {
        findings.add(
            Kind.HASHES,
            one.from(),
            one.to(),
            one.where(),
            "the hash has changed; the entry is good");
      }
    } else {
      differing.forEach(findings);
      if (!areHashesGood && differing.isEmpty()) {
        findings.add(
            Kind.CHANGED,
            proof.from(),
            proof.to(),
            "the part",
            "the entries, or the proof in the header, lead to another root than the checkpoint"
                + " says; which is not known");
      }
    }
  }
}
