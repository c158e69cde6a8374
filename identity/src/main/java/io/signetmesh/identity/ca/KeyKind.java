package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.util.List;
import java.util.Locale;

/** The kinds of keys that a CA of the mesh may have, with the signature algorithm of each. */
public enum KeyKind {
  /** ECDSA on NIST P-256. The default. */
  P256("p256", "ECDSA P-256", "SHA256withECDSA"),
  /** ECDSA on NIST P-384. */
  P384("p384", "ECDSA P-384", "SHA384withECDSA"),
  /** EdDSA on Curve25519 (RFC 8032, RFC 8410). */
  ED25519("ed25519", "Ed25519", "Ed25519"),
  /** RSA of 2048 bits, PKCS#1 v1.5 signatures. */
  RSA2048("rsa2048", "RSA 2048", "SHA256withRSA"),
  /** RSA of 3072 bits. */
  RSA3072("rsa3072", "RSA 3072", "SHA256withRSA"),
  /** RSA of 4096 bits. */
  RSA4096("rsa4096", "RSA 4096", "SHA256withRSA"),
  /** RSA of another size from 2048 to 4096 bits: accepted, not made. */
  RSA("rsa", "RSA", "SHA256withRSA");

  private static final int LEAST_RSA_BITS = 2048;
  private static final int MOST_RSA_BITS = 4096;

  /** 65537 has 17 bits; a longer exponent makes each check as dear as signing. */
  private static final int MOST_EXPONENT_BITS = 33;

  private final String option;
  private final String text;
  private final String signature;

  KeyKind(String option, String text, String signature) {
    this.option = option;
    this.text = text;
    this.signature = signature;
  }

  /** The kinds that {@link #generate} makes. */
  public static List<KeyKind> generated() {
    return List.of(P256, P384, ED25519, RSA2048, RSA3072, RSA4096);
  }

  /**
   * The kind with a name, e.g. {@code p384}.
   *
   * @throws IllegalArgumentException when the name is not one of {@link #generated}
   */
  public static KeyKind parse(String name) {
    for (KeyKind kind : generated()) {
      if (kind.option.equals(name.toLowerCase(Locale.ROOT))) {
        return kind;
      }
    }
    throw new IllegalArgumentException(
        "key type " + name + ": expected p256, p384, ed25519, rsa2048, rsa3072 or rsa4096");
  }

  /**
   * The kind of a CA's key.
   *
   * @param whose named in errors
   * @throws PkiException when a CA of the mesh may not have such a key; the message names the key
   */
  public static KeyKind of(String whose, PublicKey key) throws PkiException {
    switch (key) {
      case ECPublicKey ec when PrivateKeys.isP256(ec) -> {
        return P256;
      }
      case ECPublicKey ec when PrivateKeys.isP384(ec) -> {
        return P384;
      }
      case EdECPublicKey ed when ed.getParams().getName().equals("Ed25519") -> {
        return ED25519;
      }
      case RSAPublicKey rsa when isAccepted(rsa) -> {
        return switch (rsa.getModulus().bitLength()) {
          case 2048 -> RSA2048;
          case 3072 -> RSA3072;
          case 4096 -> RSA4096;
          default -> RSA;
        };
      }
      default ->
          throw new PkiException(
              whose
                  + " has a key of type "
                  + describe(key)
                  + ": expected ECDSA P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits");
    }
  }

  private static boolean isAccepted(RSAPublicKey rsa) {
    int bits = rsa.getModulus().bitLength();
    return bits >= LEAST_RSA_BITS
        && bits <= MOST_RSA_BITS
        && rsa.getPublicExponent().bitLength() <= MOST_EXPONENT_BITS
        && rsa.getPublicExponent().testBit(0)
        && rsa.getPublicExponent().bitLength() > 1;
  }

  /** Describes a key of any kind in logs and errors: {@code RSA 1024}, {@code ECDSA secp521r1}. */
  public static String describe(PublicKey key) {
    return switch (key) {
      case ECPublicKey ec when PrivateKeys.isP256(ec) -> P256.text;
      case ECPublicKey ec when PrivateKeys.isP384(ec) -> P384.text;
      case ECPublicKey ec ->
          "ECDSA on another curve of " + ec.getParams().getOrder().bitLength() + " bits";
      case RSAPublicKey rsa when rsa.getPublicExponent().bitLength() > MOST_EXPONENT_BITS ->
          "RSA "
              + rsa.getModulus().bitLength()
              + " with an exponent of "
              + rsa.getPublicExponent().bitLength()
              + " bits";
      case RSAPublicKey rsa -> "RSA " + rsa.getModulus().bitLength();
      case EdECPublicKey ed -> ed.getParams().getName();
      default -> key.getAlgorithm();
    };
  }

  /** JCA name of the signature algorithm, e.g. {@code SHA256withECDSA}. */
  public String signature() {
    return signature;
  }

  /** Generates a key pair in memory. */
  public KeyPair generate() {
    try {
      return switch (this) {
        case P256 -> PrivateKeys.generate();
        case ED25519 -> KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        default -> {
          KeyPairGenerator generator = KeyPairGenerator.getInstance(this == P384 ? "EC" : "RSA");
          initialize(generator);
          yield generator.generateKeyPair();
        }
      };
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK makes " + text, e);
    }
  }

  /**
   * Initializes a generator, which may be a token's, for this kind.
   *
   * @throws GeneralSecurityException when the generator cannot make such keys
   */
  public void initialize(KeyPairGenerator generator) throws GeneralSecurityException {
    switch (this) {
      case P256 -> generator.initialize(new ECGenParameterSpec("secp256r1"));
      case P384 -> generator.initialize(new ECGenParameterSpec("secp384r1"));
      case RSA2048 -> generator.initialize(LEAST_RSA_BITS);
      case RSA3072 -> generator.initialize(3072);
      case RSA4096 -> generator.initialize(MOST_RSA_BITS);
      default -> throw new GeneralSecurityException(text + " keys are not made this way");
    }
  }

  /** JCA name of the key algorithm: {@code EC}, {@code RSA} or {@code Ed25519}. */
  public String algorithm() {
    return switch (this) {
      case P256, P384 -> "EC";
      case ED25519 -> "Ed25519";
      default -> "RSA";
    };
  }

  /** Name of the kind on the command line, e.g. {@code p384}. */
  public String option() {
    return option;
  }

  @Override
  public String toString() {
    return text;
  }
}
