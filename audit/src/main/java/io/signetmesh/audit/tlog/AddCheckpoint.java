package io.signetmesh.audit.tlog;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A request to a witness: a checkpoint, and the proof that it goes on from one that the witness has
 * cosigned (C2SP {@code tlog-witness}, {@code add-checkpoint}).
 *
 * @param oldSize size of the checkpoint that the witness has cosigned last; 0 for none
 * @param proof consistency proof, at most 63 hashes
 * @param checkpoint signed by the log
 */
public record AddCheckpoint(long oldSize, List<TreeHash> proof, SignedNote checkpoint) {
  /** Largest request that is read, bytes. */
  public static final int MAX_BYTES = SignedNote.MAX_BYTES + 4096;

  private static final int MAX_PROOF = 63;
  private static final Pattern OLD = Pattern.compile("old (0|[1-9][0-9]{0,18})");

  /** Checks the ranges and copies the list. */
  public AddCheckpoint {
    proof = List.copyOf(proof);
    if (oldSize < 0 || proof.size() > MAX_PROOF) {
      throw new IllegalArgumentException(
          "old size "
              + oldSize
              + " with "
              + proof.size()
              + " hashes: expected 0 or more, and at most "
              + MAX_PROOF);
    }
  }

  /**
   * Parses the body of a request.
   *
   * @throws MalformedLogException when it has another form
   */
  public static AddCheckpoint parse(byte[] body) throws MalformedLogException {
    if (body.length > MAX_BYTES) {
      throw new MalformedLogException(
          "a request of " + body.length + " bytes: expected at most " + MAX_BYTES);
    }
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedLogException("a request: expected UTF-8", e);
    }
    int blank = text.indexOf("\n\n");
    if (blank < 0) {
      throw new MalformedLogException("a request: expected an empty line before the checkpoint");
    }
    String[] lines = text.substring(0, blank).split("\n", -1);
    if (!OLD.matcher(lines[0]).matches()) {
      throw new MalformedLogException(
          "\"" + lines[0] + "\": expected old and the size of the last checkpoint");
    }
    if (lines.length - 1 > MAX_PROOF) {
      throw new MalformedLogException(
          "a proof of " + (lines.length - 1) + " hashes: expected at most " + MAX_PROOF);
    }
    List<TreeHash> proof = new ArrayList<>();
    for (int i = 1; i < lines.length; i++) {
      try {
        proof.add(TreeHash.parse(lines[i]));
      } catch (IllegalArgumentException e) {
        throw new MalformedLogException("line " + (i + 1) + ": " + e.getMessage(), e);
      }
    }
    long oldSize;
    try {
      oldSize = Long.parseLong(lines[0].substring("old ".length()));
    } catch (NumberFormatException e) {
      throw new MalformedLogException("\"" + lines[0] + "\": expected a size below 2^63", e);
    }
    return new AddCheckpoint(
        oldSize,
        proof,
        SignedNote.parse(text.substring(blank + 2).getBytes(StandardCharsets.UTF_8)));
  }

  /** The body of the request. */
  public byte[] bytes() {
    StringBuilder text = new StringBuilder("old " + oldSize + "\n");
    proof.forEach(hash -> text.append(hash).append('\n'));
    return (text + "\n" + checkpoint).getBytes(StandardCharsets.UTF_8);
  }
}
