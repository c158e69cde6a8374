package io.signetmesh.audit.tlog;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.util.List;

/**
 * A private Ed25519 key that signs notes. Never printed.
 *
 * @param key the public half
 * @param privateKey the private half
 */
public record NoteSigner(NoteKey key, PrivateKey privateKey) {
  /** Refuses a key that is not the private half. */
  public NoteSigner {
    byte[] probe = "signet key check".getBytes(StandardCharsets.US_ASCII);
    if (!key.verifies(probe, sign(privateKey, probe))) {
      throw new IllegalArgumentException(
          "the private key of " + key.name() + " is not that of its public key");
    }
  }

  /**
   * Signs a text.
   *
   * @param text ends with a newline
   * @throws IllegalArgumentException when the key is a witness's
   */
  public SignedNote sign(String text) {
    if (key.type() != NoteKey.Type.NOTE) {
      throw new IllegalArgumentException("key " + key.name() + " signs checkpoints of others only");
    }
    return new SignedNote(text, List.of(line(sign(text.getBytes(StandardCharsets.UTF_8)))));
  }

  SignedNote.Line line(byte[] signature) {
    return new SignedNote.Line(key.name(), key.id(), signature);
  }

  byte[] sign(byte[] bytes) {
    return sign(privateKey, bytes);
  }

  private static byte[] sign(PrivateKey key, byte[] bytes) {
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(key);
      signature.update(bytes);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("the key cannot sign: " + e.getMessage(), e);
    }
  }

  @Override
  public String toString() {
    return "NoteSigner[" + key + "]";
  }
}
