package io.signetmesh.audit.tlog;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.List;

/**
 * A text with signatures (C2SP {@code signed-note}). Parsing verifies nothing.
 *
 * @param text ends with a newline
 * @param signatures in the order of their lines
 */
public record SignedNote(String text, List<Line> signatures) {
  /** Largest note that is read, bytes. */
  public static final int MAX_BYTES = 64 * 1024;

  private static final int MAX_SIGNATURES = 32;
  private static final String DASH = "\u2014 ";

  /**
   * One signature.
   *
   * @param name of the key
   * @param id of the key
   * @param signature what follows the id
   */
  public record Line(String name, int id, byte[] signature) {
    /** Copies the bytes. */
    public Line {
      NoteKey.requireName(name);
      signature = signature.clone();
    }

    /** The bytes; a copy. */
    @Override
    public byte[] signature() {
      return signature.clone();
    }

    boolean isBy(NoteKey key) {
      return id == key.id() && name.equals(key.name());
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Line line
          && id == line.id
          && name.equals(line.name)
          && Arrays.equals(signature, line.signature);
    }

    @Override
    public int hashCode() {
      return 31 * name.hashCode() + id;
    }

    /** The line without its newline. */
    @Override
    public String toString() {
      byte[] all = ByteBuffer.allocate(4 + signature.length).putInt(id).put(signature).array();
      return DASH + name + " " + Base64.getEncoder().encodeToString(all);
    }
  }

  /** Checks the text and copies the list. */
  public SignedNote {
    if (!text.endsWith("\n") || text.chars().anyMatch(c -> c < ' ' && c != '\n')) {
      throw new IllegalArgumentException(
          "the text of a note: expected lines without control characters, each with its end");
    }
    signatures = List.copyOf(signatures);
  }

  /**
   * Parses a note.
   *
   * @throws MalformedLogException when it has another form, no signature or more than 32, or more
   *     than {@link #MAX_BYTES}
   */
  public static SignedNote parse(byte[] note) throws MalformedLogException {
    if (note.length > MAX_BYTES) {
      throw new MalformedLogException(
          "a note of " + note.length + " bytes: expected at most " + MAX_BYTES);
    }
    String all;
    try {
      all = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(note)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedLogException("a note: expected UTF-8", e);
    }
    int blank = all.lastIndexOf("\n\n");
    if (blank < 0 || !all.endsWith("\n")) {
      throw new MalformedLogException(
          "a note: expected a text, an empty line and signatures, each with its end");
    }
    List<Line> lines = new ArrayList<>();
    String[] written = all.substring(blank + 2).split("\n", -1);
    for (int i = 0; i < written.length - 1; i++) {
      lines.add(line(written[i]));
    }
    if (lines.isEmpty() || lines.size() > MAX_SIGNATURES) {
      throw new MalformedLogException(
          "a note with " + lines.size() + " signatures: expected 1 to " + MAX_SIGNATURES);
    }
    try {
      return new SignedNote(all.substring(0, blank + 1), lines);
    } catch (IllegalArgumentException e) {
      throw new MalformedLogException(String.valueOf(e.getMessage()), e);
    }
  }

  private static Line line(String text) throws MalformedLogException {
    try {
      int blank = text.indexOf(' ', DASH.length());
      if (text.startsWith(DASH) && blank > 0) {
        byte[] all = Base64.getDecoder().decode(text.substring(blank + 1));
        if (all.length > 4) {
          return new Line(
              text.substring(DASH.length(), blank),
              ByteBuffer.wrap(all).getInt(),
              Arrays.copyOfRange(all, 4, all.length));
        }
      }
    } catch (IllegalArgumentException e) {
      throw new MalformedLogException("signature line \"" + text + "\": " + e.getMessage(), e);
    }
    throw new MalformedLogException(
        "signature line \"" + text + "\": expected an em dash, the key's name, id and signature");
  }

  /**
   * Verifies the note by keys that are known.
   *
   * @return the keys that have signed it; those of unknown keys are left out
   * @throws MalformedLogException when a signature of a known key is wrong
   */
  public List<NoteKey> verify(Collection<NoteKey> known) throws MalformedLogException {
    List<NoteKey> verified = new ArrayList<>();
    for (Line line : signatures) {
      for (NoteKey key : known) {
        if (!line.isBy(key) || verified.contains(key)) {
          continue;
        }
        boolean isGood =
            switch (key.type()) {
              case NOTE -> key.verifies(text.getBytes(StandardCharsets.UTF_8), line.signature);
              case COSIGNATURE -> Cosignature.verifies(key, text, line.signature);
            };
        if (!isGood) {
          throw new MalformedLogException("the signature by " + key + " is wrong");
        }
        verified.add(key);
      }
    }
    return verified;
  }

  /** The same note with a further signature. */
  public SignedNote with(Line signature) {
    List<Line> longer = new ArrayList<>(signatures);
    longer.add(signature);
    return new SignedNote(text, longer);
  }

  /** The note in UTF-8, which {@link #parse} reads. */
  public byte[] bytes() {
    return toString().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    StringBuilder all = new StringBuilder(text).append('\n');
    signatures.forEach(line -> all.append(line).append('\n'));
    return all.toString();
  }
}
