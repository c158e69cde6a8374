package io.signetmesh.audit.tlog;

import java.util.List;
import java.util.regex.Pattern;

/**
 * What a log says of itself: it has so many entries, and this is their root (C2SP {@code
 * tlog-checkpoint}).
 *
 * @param origin name of the log: one line, not empty
 * @param size number of entries
 * @param root root of the tree over them
 * @param extensions further lines, not empty
 */
public record Checkpoint(String origin, long size, TreeHash root, List<String> extensions) {
  private static final Pattern SIZE = Pattern.compile("0|[1-9][0-9]{0,18}");

  /** Checks the lines. */
  public Checkpoint {
    extensions = List.copyOf(extensions);
    if (!isLine(origin) || size < 0 || !extensions.stream().allMatch(Checkpoint::isLine)) {
      throw new IllegalArgumentException(
          "checkpoint of \"" + origin + "\", size " + size + ": expected lines that are not empty");
    }
    if (size == 0 && !root.equals(TreeHash.EMPTY)) {
      throw new IllegalArgumentException(
          "checkpoint of an empty log with root " + root + ": expected " + TreeHash.EMPTY);
    }
  }

  /** Without extensions. */
  public Checkpoint(String origin, long size, TreeHash root) {
    this(origin, size, root, List.of());
  }

  private static boolean isLine(String text) {
    return !text.isEmpty() && text.chars().noneMatch(c -> c < ' ');
  }

  /**
   * Parses the text of a checkpoint.
   *
   * @throws MalformedLogException when it has another form
   */
  public static Checkpoint parse(String text) throws MalformedLogException {
    String[] lines = text.split("\n", -1);
    if (lines.length < 4 || !lines[lines.length - 1].isEmpty()) {
      throw new MalformedLogException(
          "a checkpoint of " + (lines.length - 1) + " lines: expected origin, size and root hash");
    }
    if (!SIZE.matcher(lines[1]).matches()) {
      throw new MalformedLogException("tree size \"" + lines[1] + "\": expected a decimal number");
    }
    try {
      return new Checkpoint(
          lines[0],
          Long.parseLong(lines[1]),
          TreeHash.parse(lines[2]),
          List.of(lines).subList(3, lines.length - 1));
    } catch (IllegalArgumentException e) {
      throw new MalformedLogException("checkpoint: " + e.getMessage(), e);
    }
  }

  /**
   * Opens a checkpoint of a log.
   *
   * @param log verifies it; its name has to be the origin
   * @throws MalformedLogException when it is malformed, of another log, or not signed by it
   */
  public static Checkpoint open(byte[] note, NoteKey log) throws MalformedLogException {
    SignedNote signed = SignedNote.parse(note);
    if (signed.verify(List.of(log)).isEmpty()) {
      throw new MalformedLogException("the checkpoint is not signed by " + log);
    }
    Checkpoint checkpoint = parse(signed.text());
    if (!checkpoint.origin.equals(log.name())) {
      throw new MalformedLogException(
          "a checkpoint of log \"" + checkpoint.origin + "\": expected \"" + log.name() + "\"");
    }
    return checkpoint;
  }

  /** The text of the note. */
  public String text() {
    StringBuilder text = new StringBuilder(origin + "\n" + size + "\n" + root + "\n");
    extensions.forEach(line -> text.append(line).append('\n'));
    return text.toString();
  }
}
