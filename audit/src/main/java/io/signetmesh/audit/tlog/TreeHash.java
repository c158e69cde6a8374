package io.signetmesh.audit.tlog;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;

/**
 * A SHA-256 hash of a node of the tree (RFC 6962, section 2.1). Immutable.
 *
 * <p>A leaf is {@code SHA-256(0x00 || entry)}, a node {@code SHA-256(0x01 || left || right)}. The
 * root of the empty tree is the hash of no bytes.
 */
public final class TreeHash {
  /** Length of a hash in bytes. */
  public static final int BYTES = 32;

  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  /** The root of the tree without entries. */
  public static final TreeHash EMPTY = new TreeHash(sha256().digest());

  private final byte[] bytes;

  private TreeHash(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The hash of an entry. */
  public static TreeHash ofEntry(byte[] entry) {
    MessageDigest digest = sha256();
    digest.update(LEAF);
    return new TreeHash(digest.digest(entry));
  }

  /** The hash of a node with two children. */
  public static TreeHash ofNode(TreeHash left, TreeHash right) {
    MessageDigest digest = sha256();
    digest.update(NODE);
    digest.update(left.bytes);
    return new TreeHash(digest.digest(right.bytes));
  }

  /**
   * Reads a hash.
   *
   * @param from 32 bytes from {@code offset} on, which are copied
   * @throws IllegalArgumentException when there are fewer
   */
  public static TreeHash read(byte[] from, int offset) {
    if (offset < 0 || from.length - offset < BYTES) {
      throw new IllegalArgumentException(
          from.length - offset + " bytes at offset " + offset + ": expected the 32 of a hash");
    }
    return new TreeHash(Arrays.copyOfRange(from, offset, offset + BYTES));
  }

  /**
   * Reads a hash from standard base64 with padding.
   *
   * @throws IllegalArgumentException when it is not the one base64 form of 32 bytes
   */
  public static TreeHash parse(String base64) {
    byte[] bytes = Base64.getDecoder().decode(base64);
    if (bytes.length != BYTES || !Base64.getEncoder().encodeToString(bytes).equals(base64)) {
      throw new IllegalArgumentException(
          "hash \"" + base64 + "\": expected 32 bytes in standard base64, which are 44 characters");
    }
    return new TreeHash(bytes);
  }

  /** Appends the 32 bytes to a buffer at an offset. */
  void write(byte[] to, int offset) {
    System.arraycopy(bytes, 0, to, offset, BYTES);
  }

  /** The 32 bytes; a copy. */
  public byte[] bytes() {
    return bytes.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TreeHash hash && Arrays.equals(bytes, hash.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** Standard base64, as in checkpoints. */
  @Override
  public String toString() {
    return Base64.getEncoder().encodeToString(bytes);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }
}
