package io.signetmesh.audit.tlog;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A proof in a file that an entry is in a log (C2SP {@code tlog-proof}, v1). Parsing verifies
 * nothing.
 *
 * @param index of the entry, 0 or more
 * @param extra what else the file holds, which nothing vouches for; null when there is none
 * @param hashes siblings from the leaf to the root, at most 63
 * @param checkpoint of the log, with its signatures
 */
@SuppressWarnings("ArrayRecordComponent") // copied; proofs are not compared
public record EntryProof(
    long index, byte @Nullable [] extra, List<TreeHash> hashes, SignedNote checkpoint) {
  /** Largest file that is read, bytes. */
  public static final int MAX_BYTES = 256 * 1024;

  private static final String FIRST_LINE = "c2sp.org/tlog-proof@v1";
  private static final String EXTRA = "extra ";
  private static final String INDEX = "index ";
  private static final int MAX_HASHES = 63;
  private static final Pattern NUMBER = Pattern.compile("0|[1-9][0-9]{0,18}");

  /** Checks the index, and copies. */
  public EntryProof {
    if (index < 0 || hashes.size() > MAX_HASHES) {
      throw new IllegalArgumentException(
          "proof of entry "
              + index
              + " with "
              + hashes.size()
              + " hashes: expected 0 or more, and at most "
              + MAX_HASHES);
    }
    extra = extra == null ? null : extra.clone();
    hashes = List.copyOf(hashes);
  }

  @Override
  public byte @Nullable [] extra() {
    return extra == null ? null : extra.clone();
  }

  /**
   * Parses a proof.
   *
   * @throws MalformedLogException when it has another form
   */
  public static EntryProof parse(byte[] file) throws MalformedLogException {
    if (file.length > MAX_BYTES) {
      throw new MalformedLogException(
          "a proof of " + file.length + " bytes: expected at most " + MAX_BYTES);
    }
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(file)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedLogException("a proof: expected UTF-8", e);
    }
    int blank = text.indexOf("\n\n");
    if (blank < 0) {
      throw new MalformedLogException("a proof: expected an empty line before the checkpoint");
    }
    String[] lines = text.substring(0, blank).split("\n", -1);
    int at = 0;
    if (!lines[at++].equals(FIRST_LINE)) {
      throw new MalformedLogException("a proof: expected the first line " + FIRST_LINE);
    }
    try {
      byte[] extra = null;
      if (at < lines.length && lines[at].startsWith(EXTRA)) {
        extra = Base64.getDecoder().decode(lines[at++].substring(EXTRA.length()));
      }
      String index = at < lines.length ? lines[at++] : "";
      if (!index.startsWith(INDEX) || !NUMBER.matcher(index.substring(INDEX.length())).matches()) {
        throw new MalformedLogException("a proof: expected a line with the index of the entry");
      }
      List<TreeHash> hashes = new ArrayList<>();
      while (at < lines.length && hashes.size() <= MAX_HASHES) {
        hashes.add(TreeHash.parse(lines[at++]));
      }
      EntryProof proof =
          new EntryProof(
              Long.parseLong(index.substring(INDEX.length())),
              extra,
              hashes,
              SignedNote.parse(text.substring(blank + 2).getBytes(StandardCharsets.UTF_8)));
      if (!Arrays.equals(proof.bytes(), file)) {
        throw new MalformedLogException("a proof: base64 has spare bits that are not zero");
      }
      return proof;
    } catch (IllegalArgumentException e) {
      throw new MalformedLogException("a proof: " + e.getMessage(), e);
    }
  }

  /**
   * Verifies the proof.
   *
   * @param entry the bytes of the entry
   * @param log verifies the checkpoint
   * @return the checkpoint that the entry is proved by
   * @throws MalformedLogException when the checkpoint is not by the log, or the entry is not the
   *     one at the index
   */
  public Checkpoint verify(byte[] entry, NoteKey log) throws MalformedLogException {
    Checkpoint trusted = Checkpoint.open(checkpoint.bytes(), log);
    if (!Proofs.isIncluded(
        TreeHash.ofEntry(entry), index, trusted.size(), hashes, trusted.root())) {
      throw new MalformedLogException(
          "the proof does not lead from entry "
              + index
              + " to the root of the checkpoint of "
              + trusted.size()
              + " entries");
    }
    return trusted;
  }

  /** The file, which {@link #parse} reads. */
  public byte[] bytes() {
    StringBuilder text = new StringBuilder(FIRST_LINE).append('\n');
    if (extra != null) {
      text.append(EXTRA).append(Base64.getEncoder().encodeToString(extra)).append('\n');
    }
    text.append(INDEX).append(index).append('\n');
    hashes.forEach(hash -> text.append(hash).append('\n'));
    return text.append('\n').append(checkpoint).toString().getBytes(StandardCharsets.UTF_8);
  }
}
