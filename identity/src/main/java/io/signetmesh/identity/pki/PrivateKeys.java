package io.signetmesh.identity.pki;

import io.signetmesh.identity.crypto.Signatures;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.pkcs.RSAPrivateKey;
import org.bouncycastle.asn1.sec.ECPrivateKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.crypto.ec.CustomNamedCurves;
import org.bouncycastle.math.ec.FixedPointCombMultiplier;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;
import org.jspecify.annotations.Nullable;

/**
 * Generates and reads private keys. Generated keys are ECDSA P-256, the one curve that every peer
 * of the mesh accepts. Files are PKCS#8 (RFC 5958) in PEM or DER, or SEC 1 (RFC 5915) or PKCS#1
 * (RFC 8017) in PEM. ECDSA, RSA and Ed25519 keys can be read; the caller decides which kinds it
 * accepts.
 */
public final class PrivateKeys {
  private static final int MAX_FILE = 64 * 1024;

  /** Object identifiers of the kinds that are read, and what the JDK calls them. */
  private static final Map<String, String> ALGORITHMS =
      Map.of(
          X9ObjectIdentifiers.id_ecPublicKey.getId(),
          "EC",
          PKCSObjectIdentifiers.rsaEncryption.getId(),
          "RSA",
          EdECObjectIdentifiers.id_Ed25519.getId(),
          "Ed25519");

  private PrivateKeys() {}

  /** A fresh ECDSA P-256 key pair. */
  public static KeyPair generate() {
    try {
      KeyPairGenerator generator = Signatures.ecKeys();
      generator.initialize(new ECGenParameterSpec("secp256r1"), new SecureRandom());
      return generator.generateKeyPair();
    } catch (NoSuchAlgorithmException | InvalidAlgorithmParameterException e) {
      throw new IllegalStateException("every JDK has P-256", e);
    }
  }

  /**
   * Reads the one private key of a file.
   *
   * @throws PkiException when the file holds no unencrypted key of a supported kind, or more than
   *     one object
   */
  public static PrivateKey read(Path file) throws IOException, PkiException {
    long size = Files.size(file);
    if (size > MAX_FILE) {
      throw new PkiException(
          file + ": " + size + " bytes: expected a private key, at most " + MAX_FILE);
    }
    byte[] content = Files.readAllBytes(file);
    if (content.length > 0 && content[0] == 0x30) {
      return parsePkcs8(file.toString(), content);
    }
    return parsePem(file.toString(), new String(content, StandardCharsets.ISO_8859_1));
  }

  /**
   * Reads the one private key of a PEM text.
   *
   * @param source named in errors
   * @throws PkiException as {@link #read}
   */
  public static PrivateKey parsePem(String source, String text) throws PkiException {
    PemObject object;
    try (PemReader reader = new PemReader(new StringReader(text))) {
      object = reader.readPemObject();
      // OpenSSL writes the curve in an object of its own before a SEC 1 key.
      if (object != null && object.getType().equals("EC PARAMETERS")) {
        object = reader.readPemObject();
      }
      if (object != null && reader.readPemObject() != null) {
        throw new PkiException(source + ": more than one PEM object: expected one private key");
      }
    } catch (IOException | RuntimeException e) {
      throw new PkiException(source + ": not a well-formed private key in PEM", e);
    }
    if (object == null) {
      throw new PkiException(source + ": no private key in PEM found");
    }
    return switch (object.getType()) {
      case "PRIVATE KEY" -> parsePkcs8(source, object.getContent());
      case "EC PRIVATE KEY" -> parsePkcs8(source, sec1ToPkcs8(source, object.getContent()));
      case "RSA PRIVATE KEY" -> parsePkcs8(source, pkcs1ToPkcs8(source, object.getContent()));
      case "ENCRYPTED PRIVATE KEY" ->
          throw new PkiException(
              source + ": the private key is encrypted: expected it unencrypted");
      default ->
          throw new PkiException(
              source + " holds a " + object.getType() + ": expected a PRIVATE KEY (PKCS#8)");
    };
  }

  /**
   * Parses PKCS#8 in DER (RFC 5958).
   *
   * @param source named in errors
   * @throws PkiException when the bytes are not an ECDSA, RSA or Ed25519 private key
   */
  public static PrivateKey parsePkcs8(String source, byte[] der) throws PkiException {
    try {
      String oid =
          PrivateKeyInfo.getInstance(ASN1Primitive.fromByteArray(der))
              .getPrivateKeyAlgorithm()
              .getAlgorithm()
              .getId();
      String algorithm = ALGORITHMS.get(oid);
      if (algorithm == null) {
        throw new PkiException(
            source
                + ": private key of the unknown algorithm "
                + oid
                + ": expected ECDSA, RSA or Ed25519");
      }
      return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
    } catch (PkiException e) {
      throw e;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      // The cause may quote key bytes: left out.
      throw new PkiException(source + ": not a private key in PKCS#8 (ECDSA, RSA or Ed25519)");
    }
  }

  /** PKCS#8 in PEM. */
  public static String toPem(PrivateKey key) {
    return "-----BEGIN PRIVATE KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded())
        + "\n-----END PRIVATE KEY-----\n";
  }

  /** Whether the two keys are a pair; checked by a test signature. */
  public static boolean matches(PrivateKey privateKey, PublicKey publicKey) {
    return matches(privateKey, publicKey, null);
  }

  /**
   * Whether the two keys are a pair; checked by a test signature.
   *
   * @param provider computes the signature: the provider of the token that holds the key; null for
   *     a key in memory
   */
  public static boolean matches(
      PrivateKey privateKey, PublicKey publicKey, @Nullable Provider provider) {
    String algorithm =
        switch (privateKey.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "RSA" -> "SHA256withRSA";
          case "EdDSA" -> "Ed25519";
          default -> privateKey.getAlgorithm();
        };
    try {
      byte[] probe = "signet key check".getBytes(StandardCharsets.US_ASCII);
      Signature signature =
          provider == null ? Signatures.of(algorithm) : Signature.getInstance(algorithm, provider);
      signature.initSign(privateKey);
      signature.update(probe);
      byte[] signed = signature.sign();
      Signature verification = Signatures.of(algorithm);
      verification.initVerify(publicKey);
      verification.update(probe);
      return verification.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /**
   * The public half of an ECDSA P-256 private key.
   *
   * @throws PkiException when the key is of another kind
   */
  public static PublicKey publicKey(PrivateKey privateKey) throws PkiException {
    if (!(privateKey instanceof java.security.interfaces.ECPrivateKey ec)
        || !EllipticCurves.isP256(ec.getParams())) {
      throw new PkiException(
          privateKey.getAlgorithm() + " private key: expected an ECDSA key on P-256");
    }
    var point =
        new FixedPointCombMultiplier()
            .multiply(CustomNamedCurves.getByName("secp256r1").getG(), ec.getS())
            .normalize();
    try {
      return KeyFactory.getInstance("EC")
          .generatePublic(
              new ECPublicKeySpec(
                  new ECPoint(
                      point.getAffineXCoord().toBigInteger(),
                      point.getAffineYCoord().toBigInteger()),
                  ec.getParams()));
    } catch (GeneralSecurityException e) {
      throw new PkiException("private key has no valid public half");
    }
  }

  /** Whether the key is an ECDSA key on P-256. */
  public static boolean isP256(PublicKey key) {
    return key instanceof ECPublicKey ec && EllipticCurves.isP256(ec.getParams());
  }

  /** Whether the key is an ECDSA key on P-384. */
  public static boolean isP384(PublicKey key) {
    return key instanceof ECPublicKey ec && EllipticCurves.isP384(ec.getParams());
  }

  private static byte[] pkcs1ToPkcs8(String source, byte[] pkcs1) throws PkiException {
    try {
      return new PrivateKeyInfo(
              new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
              RSAPrivateKey.getInstance(pkcs1))
          .getEncoded();
    } catch (IOException | RuntimeException e) {
      throw new PkiException(source + ": not an RSA private key in PKCS#1");
    }
  }

  private static byte[] sec1ToPkcs8(String source, byte[] sec1) throws PkiException {
    try {
      ECPrivateKey key = ECPrivateKey.getInstance(sec1);
      return new PrivateKeyInfo(
              new AlgorithmIdentifier(
                  X9ObjectIdentifiers.id_ecPublicKey, key.getParametersObject()),
              key)
          .getEncoded();
    } catch (IOException | RuntimeException e) {
      throw new PkiException(source + ": not an ECDSA private key in SEC 1");
    }
  }
}
