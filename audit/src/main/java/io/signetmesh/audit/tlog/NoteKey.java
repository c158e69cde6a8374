package io.signetmesh.audit.tlog;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/**
 * A public Ed25519 key that verifies signatures of notes (C2SP {@code signed-note}).
 *
 * @param name name of the key: not empty, without blanks, control characters and {@code +}; that of
 *     a log is the origin of its checkpoints
 * @param type what it signs
 * @param publicKey the key
 */
public record NoteKey(String name, Type type, PublicKey publicKey) {
  /** DER before the 32 bytes of an Ed25519 key (RFC 8410, section 4). */
  private static final byte[] DER_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

  private static final int KEY_BYTES = 32;

  /** What is signed. */
  public enum Type {
    /** The text of the note. */
    NOTE(1),
    /** A checkpoint, with the time at which a witness saw it ({@code tlog-cosignature}, v1). */
    COSIGNATURE(4);

    private final byte code;

    Type(int code) {
      this.code = (byte) code;
    }
  }

  /** Checks name and kind of key. */
  public NoteKey {
    requireName(name);
    byte[] der = publicKey.getEncoded();
    if (der.length != DER_PREFIX.length + KEY_BYTES
        || !Arrays.equals(der, 0, DER_PREFIX.length, DER_PREFIX, 0, DER_PREFIX.length)) {
      throw new IllegalArgumentException(
          "key " + name + " is " + publicKey.getAlgorithm() + ": expected Ed25519");
    }
  }

  /** Refuses what cannot be the name of a key. */
  static void requireName(String name) {
    if (name.isEmpty()
        || name.length() > 255
        || name.chars().anyMatch(c -> c == '+' || c < ' ' || Character.isSpaceChar(c))
        || name.chars().anyMatch(Character::isWhitespace)) {
      throw new IllegalArgumentException(
          "key name \"" + name + "\": expected 1 to 255 characters without blanks and +");
    }
  }

  /**
   * Parses a verifier key: {@code name+id+key}, the id in 8 hexadecimal digits, the key in base64
   * with its type in front.
   *
   * @throws IllegalArgumentException when it has another form, another type, or an id that is not
   *     that of the key
   */
  public static NoteKey parse(String text) {
    String[] parts = text.split("\\+", 3);
    if (parts.length != 3) {
      throw new IllegalArgumentException(
          "verifier key \"" + text + "\": expected name+id+key, with the key in base64");
    }
    byte[] key;
    try {
      key = Base64.getDecoder().decode(parts[2]);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("verifier key \"" + text + "\": " + e.getMessage(), e);
    }
    for (Type type : Type.values()) {
      if (key.length == KEY_BYTES + 1 && key[0] == type.code) {
        NoteKey parsed = new NoteKey(parts[0], type, publicKey(key, 1));
        if (parsed.toString().equals(text)) {
          return parsed;
        }
        throw new IllegalArgumentException(
            "verifier key \"" + text + "\": expected \"" + parsed + "\" for this key");
      }
    }
    throw new IllegalArgumentException(
        "verifier key \"" + text + "\": expected an Ed25519 key of type 1 or 4, 33 bytes with it");
  }

  private static PublicKey publicKey(byte[] from, int offset) {
    byte[] der = Arrays.copyOf(DER_PREFIX, DER_PREFIX.length + KEY_BYTES);
    System.arraycopy(from, offset, der, DER_PREFIX.length, KEY_BYTES);
    try {
      return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("not an Ed25519 key: " + e.getMessage(), e);
    }
  }

  private byte[] typed() {
    byte[] der = publicKey.getEncoded();
    byte[] typed = Arrays.copyOfRange(der, DER_PREFIX.length - 1, der.length);
    typed[0] = type.code;
    return typed;
  }

  /** The id in signatures: the first four bytes of a hash over name, type and key. */
  public int id() {
    MessageDigest digest = TreeHash.sha256();
    digest.update(name.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) '\n');
    byte[] hash = digest.digest(typed());
    return (hash[0] & 0xff) << 24
        | (hash[1] & 0xff) << 16
        | (hash[2] & 0xff) << 8
        | (hash[3] & 0xff);
  }

  /** Whether a signature over bytes is by this key. */
  boolean verifies(byte[] signed, byte[] signature) {
    try {
      Signature verification = Signature.getInstance("Ed25519");
      verification.initVerify(publicKey);
      verification.update(signed);
      return verification.verify(signature);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** The verifier key as text, which {@link #parse} reads. */
  @Override
  public String toString() {
    return name
        + "+"
        + HexFormat.of().toHexDigits(id())
        + "+"
        + Base64.getEncoder().encodeToString(typed());
  }
}
