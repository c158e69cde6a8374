package io.signetmesh.audit.tlog;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;

/**
 * A witness's signature of a checkpoint with the time at which it was given (C2SP {@code
 * tlog-cosignature}, Ed25519, v1). It says that the witness has seen no other history of the log.
 */
public final class Cosignature {
  private static final int TIME_BYTES = 8;
  private static final int BYTES = TIME_BYTES + 64;

  private Cosignature() {}

  /**
   * Cosigns a checkpoint. The caller has verified that it is consistent with all that it signed
   * before.
   *
   * @param witness a key of type {@link NoteKey.Type#COSIGNATURE}
   * @param text of the checkpoint
   * @throws IllegalArgumentException when the key is of another type
   */
  public static SignedNote.Line sign(NoteSigner witness, String text, Instant now) {
    if (witness.key().type() != NoteKey.Type.COSIGNATURE) {
      throw new IllegalArgumentException(
          "key " + witness.key().name() + " signs notes of its own: expected a witness's");
    }
    long time = now.getEpochSecond();
    byte[] signature = witness.sign(message(time, text));
    return witness.line(
        ByteBuffer.allocate(TIME_BYTES + signature.length).putLong(time).put(signature).array());
  }

  static boolean verifies(NoteKey key, String text, byte[] timed) {
    if (timed.length != BYTES) {
      return false;
    }
    long time = ByteBuffer.wrap(timed).getLong();
    return time >= 0
        && key.verifies(message(time, text), Arrays.copyOfRange(timed, TIME_BYTES, timed.length));
  }

  /**
   * When a witness signed.
   *
   * @throws MalformedLogException when the line is no cosignature
   */
  public static Instant time(SignedNote.Line line) throws MalformedLogException {
    byte[] timed = line.signature();
    long time = timed.length == BYTES ? ByteBuffer.wrap(timed).getLong() : -1;
    if (time < 0 || time > Instant.MAX.getEpochSecond()) {
      throw new MalformedLogException(
          "signature of " + line.name() + ": expected a cosignature with its time");
    }
    return Instant.ofEpochSecond(time);
  }

  private static byte[] message(long time, String text) {
    return ("cosignature/v1\ntime " + time + "\n" + text).getBytes(StandardCharsets.UTF_8);
  }
}
