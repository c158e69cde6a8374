package io.signetmesh.jwt.key;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.Base64URL;
import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.Printable;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.NamedParameterSpec;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads one JWK (RFC 7517 section 4) as a key that verifies signatures. */
final class JwkReader {
  private static final int MIN_RSA = 2048;
  private static final int MAX_RSA = 8192;

  /** Bits of a public exponent: the time of a verification grows with them. */
  private static final int MAX_EXPONENT = 32;

  private static final int MAX_KEY_ID = 256;

  private static final Set<String> SECRET = Set.of("d", "p", "q", "dp", "dq", "qi", "oth", "k");

  /** What keys for signatures of tokens have in {@code use}; the second is of SPIFFE bundles. */
  private static final Set<String> USES = Set.of("sig", "jwt-svid");

  /** The field's prime of Ed25519, 2^255 - 19. */
  private static final BigInteger ED25519_PRIME =
      BigInteger.ONE.shiftLeft(255).subtract(BigInteger.valueOf(19));

  /** The y of two of the four points of order 8; the other two have its negative. */
  private static final BigInteger ORDER_8 =
      new BigInteger("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16);

  /** The y of all points of small order: under such a key, strangers can make signatures. */
  private static final Set<BigInteger> WEAK_ED25519 =
      Set.of(
          BigInteger.ZERO,
          BigInteger.ONE,
          ED25519_PRIME.subtract(BigInteger.ONE),
          ORDER_8,
          ED25519_PRIME.subtract(ORDER_8));

  private final JsonValue.Members jwk;

  private JwkReader(JsonValue.Members jwk) {
    this.jwk = jwk;
  }

  /**
   * Reads a key.
   *
   * @throws UnusableKeyException when it is malformed, weak, has private parts or is for something
   *     else
   */
  static VerificationKey read(JsonValue.Members jwk) throws UnusableKeyException {
    return new JwkReader(jwk).key();
  }

  private VerificationKey key() throws UnusableKeyException {
    if (jwk.duplicate()) {
      throw bad("a member is there twice");
    }
    String kty = required("kty");
    for (String name : SECRET) {
      if (jwk.get(name) != null) {
        throw bad(
            kty.equals("oct")
                ? "a symmetric key: whoever reads it can sign"
                : "has the private part " + name + ": whoever reads it can sign");
      }
    }
    String use = optional("use");
    if (use != null && !USES.contains(use)) {
      throw ignored("use is " + shown(use) + ", not \"sig\"");
    }
    requireVerify();
    KeyType type = type(kty);
    SignatureAlgorithm algorithm = algorithm(type);
    String keyId = optional("kid");
    if (keyId != null && keyId.length() > MAX_KEY_ID) {
      throw bad("kid of " + keyId.length() + " characters: expected at most " + MAX_KEY_ID);
    }
    return switch (type) {
      case RSA -> rsa(keyId, use, algorithm);
      case ED25519 -> edwards(keyId, use, algorithm);
      case P256, P384, P521 -> elliptic(type, keyId, use, algorithm);
    };
  }

  private void requireVerify() throws UnusableKeyException {
    JsonValue operations = jwk.get("key_ops");
    if (operations == null) {
      return;
    }
    if (!(operations instanceof JsonValue.Elements(List<JsonValue> values))) {
      throw bad("key_ops is no array");
    }
    if (!values.contains(new JsonValue.Text("verify"))) {
      throw ignored("key_ops has no \"verify\"");
    }
  }

  private KeyType type(String kty) throws UnusableKeyException {
    if (kty.equals("RSA")) {
      return KeyType.RSA;
    }
    if (kty.equals("oct")) {
      throw bad("a symmetric key: expected a public key");
    }
    if (!kty.equals("EC") && !kty.equals("OKP")) {
      throw ignored("kty is " + shown(kty) + ": expected EC, RSA or OKP");
    }
    String crv = required("crv");
    KeyType type = KeyType.ofCurve(kty, crv);
    if (type == null) {
      throw ignored(
          "curve "
              + shown(crv)
              + ": expected "
              + (kty.equals("EC") ? "P-256, P-384 or P-521" : "Ed25519"));
    }
    return type;
  }

  private @Nullable SignatureAlgorithm algorithm(KeyType type) throws UnusableKeyException {
    String name = optional("alg");
    if (name == null) {
      return null;
    }
    // RFC 9864 gives EdDSA with Ed25519 a name of its own.
    SignatureAlgorithm algorithm =
        SignatureAlgorithm.of(name.equals("Ed25519") ? SignatureAlgorithm.EdDSA.name() : name);
    if (algorithm == null) {
      throw ignored("alg is " + shown(name) + ": expected one of " + SignatureAlgorithm.names());
    }
    if (algorithm.keyType() != type) {
      throw bad("alg is " + name + ", which has other keys");
    }
    return algorithm;
  }

  private VerificationKey rsa(
      @Nullable String keyId, @Nullable String use, @Nullable SignatureAlgorithm algorithm)
      throws UnusableKeyException {
    BigInteger modulus = new BigInteger(1, bytes("n"));
    BigInteger exponent = new BigInteger(1, bytes("e"));
    int bits = modulus.bitLength();
    if (bits < MIN_RSA || bits > MAX_RSA) {
      throw bad("RSA modulus of " + bits + " bits: expected " + MIN_RSA + " to " + MAX_RSA);
    }
    if (!modulus.testBit(0)) {
      throw bad("RSA modulus is even");
    }
    if (exponent.bitLength() > MAX_EXPONENT) {
      throw bad(
          "RSA exponent of " + exponent.bitLength() + " bits: expected at most " + MAX_EXPONENT);
    }
    if (exponent.compareTo(BigInteger.TWO) <= 0 || !exponent.testBit(0)) {
      throw bad("RSA exponent " + exponent + ": expected an odd number of 3 or more");
    }
    RSAKey key = new RSAKey.Builder(Base64URL.encode(modulus), Base64URL.encode(exponent)).build();
    try {
      return finished(KeyType.RSA, keyId, use, algorithm, key, key.toRSAPublicKey());
    } catch (JOSEException e) {
      throw bad("no RSA key");
    }
  }

  private VerificationKey elliptic(
      KeyType type,
      @Nullable String keyId,
      @Nullable String use,
      @Nullable SignatureAlgorithm algorithm)
      throws UnusableKeyException {
    Base64URL x = coordinate(type, "x");
    Base64URL y = coordinate(type, "y");
    try {
      // Refuses what is not on the curve.
      ECKey key = new ECKey.Builder(curve(type), x, y).build();
      return finished(type, keyId, use, algorithm, key, key.toECPublicKey());
    } catch (JOSEException | IllegalStateException e) {
      throw bad("x and y are no point of " + curve(type).getName());
    }
  }

  private VerificationKey edwards(
      @Nullable String keyId, @Nullable String use, @Nullable SignatureAlgorithm algorithm)
      throws UnusableKeyException {
    Base64URL x = coordinate(KeyType.ED25519, "x");
    byte[] bytes = bytes("x");
    boolean odd = bytes[bytes.length - 1] < 0;
    byte[] bigEndian = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      bigEndian[bytes.length - 1 - i] = bytes[i];
    }
    bigEndian[0] &= 0x7f;
    BigInteger y = new BigInteger(1, bigEndian);
    if (y.compareTo(ED25519_PRIME) >= 0 || WEAK_ED25519.contains(y)) {
      throw bad("x is no public key of Ed25519, or a weak one");
    }
    OctetKeyPair key = new OctetKeyPair.Builder(Curve.Ed25519, x).build();
    try {
      PublicKey made =
          KeyFactory.getInstance("Ed25519")
              .generatePublic(
                  new EdECPublicKeySpec(NamedParameterSpec.ED25519, new EdECPoint(odd, y)));
      return finished(KeyType.ED25519, keyId, use, algorithm, key, made);
    } catch (GeneralSecurityException e) {
      throw bad("x is no public key of Ed25519");
    }
  }

  private VerificationKey finished(
      KeyType type,
      @Nullable String keyId,
      @Nullable String use,
      @Nullable SignatureAlgorithm algorithm,
      JWK key,
      PublicKey made)
      throws UnusableKeyException {
    try {
      byte[] thumbprint = key.computeThumbprint().decode();
      ProviderKeys keys = new ProviderKeys(type, made);
      keys.requireUsable();
      return new VerificationKey(
          type, keyId, algorithm, keys, canonical(key, keyId, use, algorithm), thumbprint);
    } catch (JOSEException | GeneralSecurityException e) {
      throw bad("no public key that a signature can be verified with");
    }
  }

  /** The JWK with members in the order of their names. */
  private static String canonical(
      JWK key,
      @Nullable String keyId,
      @Nullable String use,
      @Nullable SignatureAlgorithm algorithm) {
    TreeMap<String, String> members = new TreeMap<>();
    key.getRequiredParams().forEach((name, value) -> members.put(name, value.toString()));
    if (keyId != null) {
      members.put("kid", keyId);
    }
    if (use != null) {
      members.put("use", use);
    }
    if (algorithm != null) {
      members.put("alg", algorithm.name());
    }
    StringBuilder text = new StringBuilder();
    members.forEach(
        (name, value) ->
            text.append(text.isEmpty() ? '{' : ',')
                .append(JsonText.quoted(name))
                .append(':')
                .append(JsonText.quoted(value)));
    return text.append('}').toString();
  }

  private Base64URL coordinate(KeyType type, String name) throws UnusableKeyException {
    byte[] bytes = bytes(name);
    if (bytes.length != type.coordinate()) {
      throw bad(name + " of " + bytes.length + " bytes: expected " + type.coordinate());
    }
    return new Base64URL(required(name));
  }

  private byte[] bytes(String name) throws UnusableKeyException {
    byte[] bytes = Base64Url.decode(required(name));
    if (bytes == null || bytes.length == 0) {
      throw bad(name + " is not base64url without padding");
    }
    return bytes;
  }

  private String required(String name) throws UnusableKeyException {
    String value = optional(name);
    if (value == null) {
      throw bad(name + " is missing");
    }
    return value;
  }

  private @Nullable String optional(String name) throws UnusableKeyException {
    JsonValue value = jwk.get(name);
    if (value == null) {
      return null;
    }
    if (value instanceof JsonValue.Text(String text)) {
      return text;
    }
    throw bad(name + " is no text");
  }

  private static Curve curve(KeyType type) {
    Curve curve = type.curve();
    if (curve == null) {
      throw new IllegalStateException(type + " has no curve");
    }
    return curve;
  }

  private static String shown(String text) {
    return "\"" + Printable.cut(text, 32) + "\"";
  }

  private static UnusableKeyException bad(String reason) {
    return new UnusableKeyException(KeyFinding.Kind.BAD, reason);
  }

  private static UnusableKeyException ignored(String reason) {
    return new UnusableKeyException(KeyFinding.Kind.IGNORED, reason);
  }
}
