package io.signetmesh.audit.tlog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** What holds for each log. */
final class LogProperties {
  private static final NoteSigner SIGNER = Keys.log("example.com/audit");

  /** Roots are compared with a tree that is computed as the RFC defines it. */
  @Property(tries = 60)
  void howEntriesAreBatchedDoesNotMatter(
      @ForAll @Size(max = 12) List<@IntRange(min = 0, max = 700) Integer> batches,
      @ForAll @IntRange(max = 12) int reopened)
      throws IOException {
    MemoryTiles store = new MemoryTiles();
    LogWriter writer = LogWriter.create(store, SIGNER);
    List<byte[]> all = new ArrayList<>();
    for (int i = 0; i < batches.size(); i++) {
      if (i == reopened) {
        writer = LogWriter.open(store, SIGNER, 0);
      }
      List<byte[]> batch = entries(all.size(), batches.get(i));
      assertThat(writer.append(batch)).isEqualTo(all.size());
      all.addAll(batch);
      Checkpoint newest = Checkpoint.open(store.part("checkpoint"), SIGNER.key());
      assertThat(newest).isEqualTo(new Checkpoint("example.com/audit", all.size(), root(all)));
    }

    LogReader reader = new LogReader(store, all.size());
    assertThat(reader.root()).isEqualTo(root(all));
    List<byte[]> read = new ArrayList<>();
    for (long i = 0; i * TilePath.WIDTH < all.size(); i++) {
      read.addAll(reader.bundle(i));
    }
    assertThat(read).containsExactlyElementsOf(all);
    assertThat(LogVerifier.verify(store, writer.checkpoint(), done -> {})).isEmpty();
  }

  @Property(tries = 200)
  void whatIsInTheLogIsProvedAndNothingElse(
      @ForAll @IntRange(min = 1, max = 1500) int size, @ForAll Random random) throws IOException {
    MemoryTiles store = log(size);
    LogReader reader = new LogReader(store, size);
    TreeHash root = reader.root();
    long index = random.nextInt(size);
    TreeHash leaf = TreeHash.ofEntry(entry(index));

    List<TreeHash> proof = reader.inclusion(index);

    assertThat(Proofs.isIncluded(leaf, index, size, proof, root)).isTrue();
    assertThat(Proofs.isIncluded(TreeHash.ofEntry(entry(size)), index, size, proof, root))
        .isFalse();
    for (long other : new long[] {index - 1, index + 1, size, -1}) {
      assertThat(Proofs.isIncluded(leaf, other, size, proof, root)).isFalse();
    }
    assertThat(Proofs.isIncluded(leaf, index, size, proof, TreeHash.EMPTY)).isFalse();
    List<TreeHash> longer = new ArrayList<>(proof);
    longer.add(root);
    assertThat(Proofs.isIncluded(leaf, index, size, longer, root)).isFalse();
    if (!proof.isEmpty()) {
      assertThat(Proofs.isIncluded(leaf, index, size, proof.subList(0, proof.size() - 1), root))
          .isFalse();
      List<TreeHash> changed = new ArrayList<>(proof);
      changed.set(random.nextInt(proof.size()), TreeHash.EMPTY);
      assertThat(Proofs.isIncluded(leaf, index, size, changed, root)).isFalse();
    }
  }

  @Property(tries = 200)
  void aLogThatGrewIsProvedAndAnotherHistoryIsNot(
      @ForAll @IntRange(min = 0, max = 1500) int size, @ForAll Random random) throws IOException {
    LogReader reader = new LogReader(log(size), size);
    int first = random.nextInt(size + 1);
    TreeHash before = root(entries(0, first));
    TreeHash after = reader.root();

    List<TreeHash> proof = reader.consistency(first);

    assertThat(Proofs.isConsistent(first, before, size, after, proof)).isTrue();
    if (first > 0) {
      List<byte[]> other = entries(0, first);
      other.set(random.nextInt(first), entry(size));
      assertThat(Proofs.isConsistent(first, root(other), size, after, proof)).isFalse();
    }
    if (first > 0 && first < size) {
      assertThat(Proofs.isConsistent(first, before, size, before, proof)).isFalse();
      assertThat(Proofs.isConsistent(first - 1, before, size, after, proof)).isFalse();
      assertThat(Proofs.isConsistent(size, after, first, before, proof)).isFalse();
      List<TreeHash> changed = new ArrayList<>(proof);
      changed.set(random.nextInt(proof.size()), TreeHash.EMPTY);
      assertThat(Proofs.isConsistent(first, before, size, after, changed)).isFalse();
      List<TreeHash> longer = new ArrayList<>(proof);
      longer.add(after);
      assertThat(Proofs.isConsistent(first, before, size, after, longer)).isFalse();
    }
  }

  /** The process is killed after any write, or the disk fails there. */
  @Property(tries = 150)
  void afterACrashTheLogIsAsItWasOrAsItWasToBe(
      @ForAll @IntRange(min = 0, max = 700) int size,
      @ForAll @IntRange(min = 1, max = 700) int more,
      @ForAll @IntRange(max = 9) int writes,
      @ForAll boolean late,
      @ForAll After after)
      throws IOException {
    MemoryTiles store = log(size);
    LogWriter writer = LogWriter.open(store, SIGNER, 0);
    store.failAfter = writes;
    store.failLate = late;
    boolean hasFailed = false;
    try {
      writer.append(entries(size, more));
    } catch (IOException e) {
      hasFailed = true;
    }
    store.failAfter = -1;

    if (after == After.POWER_LOSS) {
      store.crash();
    }
    LogWriter next = after == After.GOES_ON ? writer : LogWriter.open(store, SIGNER, 0);
    List<byte[]> other = entries(100_000, 300);
    long first = next.append(other);

    assertThat(first)
        .isIn(hasFailed ? List.of((long) size, (long) size + more) : List.of((long) size + more));
    List<byte[]> all = entries(0, (int) first);
    all.addAll(other);
    assertThat(next.checkpoint().root()).isEqualTo(root(all));
    assertThat(LogVerifier.verify(store, next.checkpoint(), done -> {})).isEmpty();
    // Whatever somebody has read is the beginning of what the log is now.
    LogReader reader = new LogReader(store, next.checkpoint().size());
    for (String seen : store.seen) {
      Checkpoint before = Checkpoint.open(seen.getBytes(StandardCharsets.UTF_8), SIGNER.key());
      assertThat(
              Proofs.isConsistent(
                  before.size(),
                  before.root(),
                  next.checkpoint().size(),
                  next.checkpoint().root(),
                  reader.consistency(before.size())))
          .isTrue();
    }
  }

  /** What comes after a failed write. */
  enum After {
    GOES_ON,
    PROCESS_RESTARTS,
    POWER_LOSS
  }

  @Property(tries = 300)
  void eachChangedByteIsFoundAndItsPlace(
      @ForAll @IntRange(min = 1, max = 1000) int size, @ForAll Random random) throws IOException {
    MemoryTiles store = log(size);
    Checkpoint trusted = Checkpoint.open(store.part("checkpoint"), SIGNER.key());
    List<String> paths = new ArrayList<>(store.parts.keySet());
    paths.removeIf(path -> path.startsWith("checkpoint"));
    String path = paths.get(random.nextInt(paths.size()));
    byte[] part = store.part(path);
    part[random.nextInt(part.length)] ^= (byte) (1 << random.nextInt(8));

    List<Damage> damages = LogVerifier.verify(store, trusted, done -> {});

    assertThat(damages).isNotEmpty();
    assertThat(damages).allMatch(damage -> damage.part().toString().equals(path));
    assertThatThrownBy(() -> requireRootByEntries(store, trusted, path)).isNotNull();
  }

  private static void requireRootByEntries(MemoryTiles store, Checkpoint trusted, String path)
      throws IOException {
    if (!path.startsWith("tile/entries/")) {
      throw new IOException("the entries are good");
    }
    List<byte[]> all = new ArrayList<>();
    LogReader reader = new LogReader(store, trusted.size());
    for (long i = 0; i * TilePath.WIDTH < trusted.size(); i++) {
      all.addAll(reader.bundle(i));
    }
    if (!root(all).equals(trusted.root())) {
      throw new IOException("the entries are bad");
    }
  }

  @Property(tries = 300)
  void eachEditOfEntriesIsFoundAndNamed(
      @ForAll @IntRange(min = 3, max = 1000) int size,
      @ForAll Damage.Kind kind,
      @ForAll Random random)
      throws IOException {
    MemoryTiles store = log(size);
    Checkpoint trusted = Checkpoint.open(store.part("checkpoint"), SIGNER.key());
    TilePath path =
        new LogReader(store, size).tile(TilePath.ENTRIES, random.nextInt((size + 255) / 256));
    List<byte[]> entries = EntryBundle.decode(store.part(path.toString()));
    int at = random.nextInt(entries.size());
    long first = path.index() * TilePath.WIDTH;
    switch (kind) {
      case CHANGED -> entries.set(at, entry(size));
      case REMOVED -> entries.remove(at);
      case INSERTED -> entries.add(at, entry(size));
      case REORDERED -> {
        if (entries.size() < 2) {
          return;
        }
        at = Math.max(1, at);
        Collections.swap(entries, at - 1, at);
      }
      case FOREIGN -> {
        if (entries.size() < 2) {
          return;
        }
        entries.replaceAll(
            entry ->
                (new String(entry, StandardCharsets.UTF_8) + "x").getBytes(StandardCharsets.UTF_8));
      }
      default -> {
        return;
      }
    }
    store.parts.put(path.toString(), EntryBundle.encode(entries));

    List<Damage> damages = LogVerifier.verify(store, trusted, done -> {});

    assertThat(damages).singleElement().extracting(Damage::part).isEqualTo(path);
    Damage damage = damages.getFirst();
    if (kind == Damage.Kind.CHANGED && path.width() == 1) {
      assertThat(damage.kind()).isIn(Damage.Kind.CHANGED, Damage.Kind.FOREIGN);
    } else if (kind == Damage.Kind.REMOVED && path.width() == 1) {
      assertThat(damage.kind()).isIn(Damage.Kind.REMOVED, Damage.Kind.MISSING);
    } else {
      assertThat(damage.kind()).isEqualTo(kind);
    }
    assertThat(damage.from()).isLessThanOrEqualTo(first + at);
    assertThat(damage.to()).isGreaterThan(damage.from());
    if (kind == Damage.Kind.CHANGED || kind == Damage.Kind.REMOVED) {
      assertThat(damage.from()).isEqualTo(first + at);
      assertThat(damage.to()).isEqualTo(first + at + 1);
    }
  }

  @Property(tries = 100)
  void eachMissingPartIsFound(
      @ForAll @IntRange(min = 1, max = 1000) int size, @ForAll Random random) throws IOException {
    MemoryTiles store = log(size);
    Checkpoint trusted = Checkpoint.open(store.part("checkpoint"), SIGNER.key());
    List<String> paths = new ArrayList<>(store.parts.keySet());
    paths.removeIf(path -> path.startsWith("checkpoint"));
    String path = paths.get(random.nextInt(paths.size()));
    store.parts.remove(path);

    List<Damage> damages = LogVerifier.verify(store, trusted, done -> {});

    assertThat(damages)
        .singleElement()
        .matches(damage -> damage.kind() == Damage.Kind.MISSING)
        .matches(damage -> damage.part().toString().equals(path));
  }

  /** Whoever signs a checkpoint chooses its size. */
  @Example
  void aLogThatIsSaidToBeHugeIsNotLookedForInVain() throws IOException {
    Checkpoint huge =
        new Checkpoint("example.com/audit", Long.MAX_VALUE, TreeHash.ofEntry(new byte[1]));

    List<Damage> damages = LogVerifier.verify(new MemoryTiles(), huge, done -> {});

    assertThat(damages).hasSize(LogVerifier.MAX_DAMAGES);
    assertThat(new LogReader(new MemoryTiles(), Long.MAX_VALUE).tile(7, 0).width()).isEqualTo(127);
  }

  private static MemoryTiles log(int size) throws IOException {
    MemoryTiles store = new MemoryTiles();
    LogWriter.create(store, SIGNER).append(entries(0, size));
    return store;
  }

  private static List<byte[]> entries(long first, int count) {
    List<byte[]> entries = new ArrayList<>();
    for (long i = first; i < first + count; i++) {
      entries.add(entry(i));
    }
    return entries;
  }

  private static byte[] entry(long number) {
    return ("{\"sequence\":" + number + "}").getBytes(StandardCharsets.UTF_8);
  }

  /** RFC 6962, section 2.1, as it is written there. */
  private static TreeHash root(List<byte[]> entries) {
    if (entries.isEmpty()) {
      return TreeHash.EMPTY;
    }
    if (entries.size() == 1) {
      return TreeHash.ofEntry(entries.getFirst());
    }
    int left = Integer.highestOneBit(entries.size() - 1);
    return TreeHash.ofNode(
        root(entries.subList(0, left)), root(entries.subList(left, entries.size())));
  }
}
