package io.signetmesh.audit.tlog;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Proofs of ranges and of entries that are kept in files. */
final class RangeProofProperties {
  private static final NoteSigner SIGNER = Keys.log("example.com/audit");

  private static byte[] entry(long number) {
    return ("{\"sequence\":" + number + "}").getBytes(UTF_8);
  }

  private static LogWriter log(MemoryTiles store, int size) throws IOException {
    List<byte[]> entries = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      entries.add(entry(i));
    }
    LogWriter writer = LogWriter.create(store, SIGNER);
    writer.append(entries);
    return writer;
  }

  @Property(tries = 150)
  void theEntriesOfARangeLeadToTheRootAndNoOthersDo(
      @ForAll @IntRange(min = 0, max = 1500) int size, @ForAll Random random) throws IOException {
    MemoryTiles store = new MemoryTiles();
    LogWriter writer = log(store, size);
    int from = random.nextInt(size + 1);
    int to = from + random.nextInt(size - from + 1);

    RangeProof proof = RangeProof.of(new LogReader(store, size), from, to);

    TreeRoot tree = proof.before();
    for (int i = from; i < to; i++) {
      tree.add(TreeHash.ofEntry(entry(i)));
    }
    assertThat(proof.root(tree)).isEqualTo(writer.checkpoint().root());
    if (from < to) {
      int changed = from + random.nextInt(to - from);
      TreeRoot other = proof.before();
      for (int i = from; i < to; i++) {
        other.add(TreeHash.ofEntry(entry(i == changed ? size : i)));
      }
      assertThat(proof.root(other)).isNotEqualTo(writer.checkpoint().root());
      TreeRoot shorter = proof.before();
      assertThatThrownBy(() -> proof.root(shorter)).isInstanceOf(IllegalArgumentException.class);
    }
    List<TreeHash> longer = new ArrayList<>(proof.hashes());
    longer.add(TreeHash.EMPTY);
    assertThatThrownBy(() -> new RangeProof(proof.from(), proof.to(), proof.size(), longer))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected " + proof.hashes().size());
  }

  @SuppressWarnings("NullAway") // does not see the annotation of an array in a class file
  @Property(tries = 200)
  void aProofInAFileIsOfItsEntryAndEachChangedByteIsFound(
      @ForAll @IntRange(min = 1, max = 600) int size,
      @ForAll boolean withEntry,
      @ForAll Random random)
      throws IOException {
    MemoryTiles store = new MemoryTiles();
    LogWriter writer = log(store, size);
    int index = random.nextInt(size);
    byte[] entry = entry(index);
    EntryProof proof =
        new EntryProof(
            index,
            withEntry ? entry : null,
            new LogReader(store, size).inclusion(index),
            writer.note());

    byte[] file = proof.bytes();
    EntryProof read = EntryProof.parse(file);
    assertThat(read.bytes()).isEqualTo(file);
    assertThat(read.extra()).isEqualTo(withEntry ? entry : null);
    assertThat(read.verify(entry, SIGNER.key())).isEqualTo(writer.checkpoint());
    assertThatThrownBy(() -> read.verify(entry(size), SIGNER.key()))
        .isInstanceOf(MalformedLogException.class);

    int at = random.nextInt(file.length);
    file[at] ^= (byte) (1 + random.nextInt(255));
    assertThatThrownBy(
            () -> {
              EntryProof changed = EntryProof.parse(file);
              byte[] extra = changed.extra();
              changed.verify(extra == null ? entry : extra, SIGNER.key());
            })
        .isInstanceOf(MalformedLogException.class);
  }
}
