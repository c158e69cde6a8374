package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The first entry that a log still has, when those before it were deleted. Their hashes stay, so
 * that the others can be proven. It is a note (C2SP {@code signed-note}) of two lines, the origin
 * with a blank and {@code minimum-index} behind it, and the index: no checkpoint begins like that.
 * Entries that are missing without such a note were not deleted by the log's operator.
 */
public final class MinimumIndex {
  private static final Pattern FORM =
      Pattern.compile("(\\S+) minimum-index\n(0|[1-9][0-9]{0,18})\n");

  private MinimumIndex() {}

  /**
   * Reads the note of a log.
   *
   * @param log verifies it
   * @return 0 when there is none
   * @throws MalformedLogException when it is of another form or log, or not signed by it
   */
  public static long read(TileStore store, NoteKey log) throws IOException {
    byte @Nullable [] found = store.get(TileStore.MINIMUM);
    if (found == null) {
      return 0;
    }
    SignedNote note = SignedNote.parse(found);
    if (note.verify(List.of(log)).isEmpty()) {
      throw new MalformedLogException(TileStore.MINIMUM + " is not signed by " + log);
    }
    Matcher matcher = FORM.matcher(note.text());
    if (!matcher.matches() || !matcher.group(1).equals(log.name())) {
      throw new MalformedLogException(
          TileStore.MINIMUM + " of another form: expected \"" + log.name() + " minimum-index\"");
    }
    try {
      long index = Long.parseLong(matcher.group(2));
      if (index % TilePath.WIDTH != 0) {
        throw new MalformedLogException(
            TileStore.MINIMUM + " is " + index + ": expected the first entry of a bundle");
      }
      return index;
    } catch (NumberFormatException e) {
      throw new MalformedLogException(TileStore.MINIMUM + ": " + e.getMessage(), e);
    }
  }

  /**
   * Refuses an index beyond the end of a log: by it, each log would be complete.
   *
   * @param size entries of a checkpoint that is as new as the note, or newer
   * @throws MalformedLogException when the index is larger
   */
  public static void requireWithin(long index, long size) throws MalformedLogException {
    if (index > size) {
      throw new MalformedLogException(
          TileStore.MINIMUM
              + " is "
              + index
              + ": expected at most "
              + size
              + ", the entries of the checkpoint");
    }
  }

  /** Writes the note of a log. */
  static void write(TileStore store, NoteSigner signer, long index) throws IOException {
    String text = signer.key().name() + " minimum-index\n" + index + "\n";
    store.put(TileStore.MINIMUM, signer.sign(text).bytes());
  }
}
