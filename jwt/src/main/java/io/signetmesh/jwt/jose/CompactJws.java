package io.signetmesh.jwt.jose;

import java.nio.charset.StandardCharsets;

/** A JWS in compact form (RFC 7515 section 7.1) that was read and not verified. Immutable. */
public final class CompactJws {
  private final byte[] text;
  private final int payloadAt;
  private final int signatureAt;
  private final JsonValue.Members header;
  private final byte[] payload;
  private final byte[] signature;

  private CompactJws(
      byte[] text,
      int payloadAt,
      int signatureAt,
      JsonValue.Members header,
      byte[] payload,
      byte[] signature) {
    this.text = text;
    this.payloadAt = payloadAt;
    this.signatureAt = signatureAt;
    this.header = header;
    this.payload = payload;
    this.signature = signature;
  }

  /**
   * Reads a JWS.
   *
   * @param text kept, and not to be changed any more
   * @throws MalformedException when it has not three parts of base64url, or its header is no object
   *     of strict JSON
   */
  public static CompactJws parse(byte[] text) throws MalformedException {
    int first = -1;
    int second = -1;
    for (int i = 0; i < text.length; i++) {
      if (text[i] == '.') {
        if (second >= 0) {
          throw new MalformedException("more than three parts");
        } else if (first >= 0) {
          second = i;
        } else {
          first = i;
        }
      }
    }
    if (second < 0) {
      throw new MalformedException("fewer than three parts");
    }
    byte[] header = part("header", text, 0, first);
    byte[] payload = part("payload", text, first + 1, second);
    byte[] signature = part("signature", text, second + 1, text.length);
    return new CompactJws(
        text, first + 1, second + 1, object("header", header), payload, signature);
  }

  /** The header. */
  public JsonValue.Members header() {
    return header;
  }

  /**
   * Reads the payload as claims.
   *
   * @throws MalformedException when it is no object of strict JSON
   */
  public JsonValue.Members claims() throws MalformedException {
    return object("payload", payload);
  }

  /** The payload in base64url, as it was sent. */
  public String payloadText() {
    return new String(text, payloadAt, signatureAt - 1 - payloadAt, StandardCharsets.ISO_8859_1);
  }

  /** Verifies the signature in some way. */
  public boolean verify(Verifier verifier) {
    return verifier.verify(text, signatureAt - 1, signature);
  }

  /** Verifies a signature. */
  @FunctionalInterface
  public interface Verifier {
    /**
     * Whether a signature is right.
     *
     * @param text what is signed, from its first byte
     * @param length number of bytes that are signed
     */
    boolean verify(byte[] text, int length, byte[] signature);
  }

  private static byte[] part(String name, byte[] text, int from, int to) throws MalformedException {
    byte[] bytes = Base64Url.decode(text, from, to);
    if (bytes == null) {
      throw new MalformedException(name + " is not base64url without padding");
    }
    return bytes;
  }

  /**
   * Reads an object of strict JSON.
   *
   * @param name what it is, for messages
   * @throws MalformedException when it is none
   */
  public static JsonValue.Members object(String name, byte[] json) throws MalformedException {
    try {
      if (StrictJson.parse(json) instanceof JsonValue.Members members) {
        return members;
      }
    } catch (MalformedException e) {
      throw new MalformedException(name + ": " + e.getMessage());
    }
    throw new MalformedException(name + " is no JSON object");
  }
}
