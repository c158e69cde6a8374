package io.signetmesh.identity.federation;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.AsymmetricJWK;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jose.util.Base64URL;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.text.ParseException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A trust bundle in the exchange format of SPIFFE: a JWK Set (SPIFFE Trust Domain and Bundle
 * section 4). The document does not name its trust domain; the reader must know it.
 *
 * @param sequence {@code spiffe_sequence}, 0 or more; null when the document has none
 * @param refreshHint {@code spiffe_refresh_hint}: how often to fetch the bundle; null when the
 *     document has none
 * @param anchors CA certificates, without duplicates; empty when no certificate is to be trusted
 * @param jwtAuthorities keys that JWT-SVIDs are signed with, each with its own key id
 */
public record SpiffeBundle(
    @Nullable Long sequence,
    @Nullable Duration refreshHint,
    List<X509Certificate> anchors,
    List<JwtAuthority> jwtAuthorities) {
  /** Largest accepted document, in bytes. */
  public static final int MAX_BYTES = 256 * 1024;

  /** Each handshake may have to look at all anchors of a domain. */
  private static final int MAX_ANCHORS = 64;

  private static final int MAX_JWT_AUTHORITIES = 64;
  private static final int MAX_KEYS = 512;

  private static final String X509_SVID = "x509-svid";
  private static final String JWT_SVID = "jwt-svid";
  private static final int MIN_RSA_BITS = 2048;

  /** Types of RFC 7518, RFC 8037; an entry of another is ignored. */
  private static final Set<String> KNOWN_TYPES = Set.of("EC", "RSA", "OKP", "oct");

  /** Parameters of private and symmetric keys: they have no place in what is published. */
  private static final List<String> SECRETS = List.of("d", "p", "q", "dp", "dq", "qi", "oth", "k");

  /** Bytes of an Ed25519 key, which end its SubjectPublicKeyInfo (RFC 8410 section 4). */
  private static final int ED25519_BYTES = 32;

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** Copies the lists. */
  public SpiffeBundle {
    anchors = List.copyOf(anchors);
    jwtAuthorities = List.copyOf(jwtAuthorities);
  }

  /** A bundle of the own trust domain. */
  public static SpiffeBundle of(TrustBundle bundle, Duration refreshHint) {
    return new SpiffeBundle(
        bundle.version(), refreshHint, bundle.anchors(), bundle.jwtAuthorities());
  }

  /** Whether both bundles have the same keys, whatever their sequence numbers. */
  public boolean sameKeys(SpiffeBundle other) {
    return anchors.equals(other.anchors) && jwtAuthorities.equals(other.jwtAuthorities);
  }

  /**
   * Parses a document. Entries of an unknown key type or use are ignored; any other invalid entry
   * makes the whole document invalid.
   *
   * @param source named in errors
   * @throws PkiException when the document is not a valid bundle; the message names the entry
   */
  public static SpiffeBundle parse(String source, byte[] document) throws PkiException {
    if (document.length > MAX_BYTES) {
      throw new PkiException(
          source + ": " + document.length + " bytes: expected at most " + MAX_BYTES);
    }
    JsonNode root;
    try {
      root = JSON.readTree(document);
    } catch (JacksonException e) {
      throw new PkiException(source + ": not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new PkiException(source + ": not JSON", e);
    }
    JsonNode keys = root.path("keys");
    if (!root.isObject() || !keys.isArray()) {
      throw new PkiException(source + ": expected a JSON object with an array \"keys\"");
    }
    if (keys.size() > MAX_KEYS) {
      throw new PkiException(source + ": " + keys.size() + " keys: expected at most " + MAX_KEYS);
    }
    Long sequence = integer(source, root, "spiffe_sequence");
    Long hint = integer(source, root, "spiffe_refresh_hint");
    List<X509Certificate> anchors = new ArrayList<>();
    List<JwtAuthority> authorities = new ArrayList<>();
    for (int i = 0; i < keys.size(); i++) {
      String entry = source + ": keys[" + i + "]";
      JsonNode key = keys.get(i);
      String type = required(entry, key, "kty");
      String use = required(entry, key, "use");
      if (!KNOWN_TYPES.contains(type)) {
        continue;
      }
      switch (use) {
        case X509_SVID -> addAnchor(entry, key, anchors);
        case JWT_SVID -> addAuthority(entry, key, authorities);
        default -> {}
      }
    }
    atMost(source, "x509-svid", anchors.size(), MAX_ANCHORS);
    atMost(source, "jwt-svid", authorities.size(), MAX_JWT_AUTHORITIES);
    return new SpiffeBundle(
        sequence, hint == null ? null : Duration.ofSeconds(hint), anchors, authorities);
  }

  /** Encodes the bundle as JSON in UTF-8. */
  public byte[] toJson() {
    List<Object> keys = new ArrayList<>();
    for (X509Certificate anchor : anchors) {
      keys.add(jwk(anchor.getPublicKey(), X509_SVID, null, anchor).toJSONObject());
    }
    for (JwtAuthority authority : jwtAuthorities) {
      keys.add(jwk(authority.key(), JWT_SVID, authority.keyId(), null).toJSONObject());
    }
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("keys", keys);
    if (sequence != null) {
      document.put("spiffe_sequence", sequence);
    }
    if (refreshHint != null) {
      document.put("spiffe_refresh_hint", refreshHint.toSeconds());
    }
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(document);
    } catch (JacksonException e) {
      throw new IllegalStateException("maps and lists of texts are JSON", e);
    }
  }

  /** The SPIFFE X509-SVID document, section 6.1: one certificate, and the key that is its own. */
  private static void addAnchor(String entry, JsonNode key, List<X509Certificate> anchors)
      throws PkiException {
    JsonNode chain = key.path("x5c");
    if (!chain.isArray() || chain.size() != 1 || !chain.get(0).isTextual()) {
      throw new PkiException(entry + ".x5c: expected an array of one certificate");
    }
    byte[] der;
    try {
      der = java.util.Base64.getDecoder().decode(chain.get(0).textValue());
    } catch (IllegalArgumentException e) {
      throw new PkiException(entry + ".x5c[0]: not Base64: " + e.getMessage(), e);
    }
    X509Certificate anchor = Certificates.parseDer(entry + ".x5c[0]", der);
    if (anchor.getBasicConstraints() < 0) {
      throw new PkiException(
          entry + ".x5c[0]: " + Certificates.describe(anchor) + ": expected a CA certificate");
    }
    if (!isSame(anchor.getPublicKey(), jwk(entry, key))) {
      throw new PkiException(
          entry
              + ": its key is not that of "
              + Certificates.describe(anchor)
              + ": expected the certificate's own");
    }
    if (anchors.contains(anchor)) {
      throw new PkiException(
          entry + ".x5c[0]: " + Certificates.describe(anchor) + " is listed twice");
    }
    anchors.add(anchor);
  }

  private static void addAuthority(String entry, JsonNode key, List<JwtAuthority> authorities)
      throws PkiException {
    String id = required(entry, key, "kid");
    PublicKey publicKey;
    try {
      publicKey =
          switch (jwk(entry, key)) {
            case ECKey ec when !ec.getCurve().equals(Curve.SECP256K1) -> ec.toPublicKey();
            case RSAKey rsa when rsa.size() >= MIN_RSA_BITS -> rsa.toPublicKey();
            default ->
                throw new PkiException(
                    entry
                        + ": expected a key of P-256, P-384 or P-521, or RSA of at least "
                        + MIN_RSA_BITS
                        + " bits");
          };
    } catch (JOSEException e) {
      throw new PkiException(entry + ": not a public key: " + e.getMessage(), e);
    }
    if (authorities.stream().anyMatch(other -> other.keyId().equals(id))) {
      throw new PkiException(
          entry + ".kid: " + WorkloadIdentity.printable(id) + " is listed twice");
    }
    // As proxies read it: what they would refuse must not keep the rest from them.
    try {
      authorities.add(JwtAuthority.parse(entry, id, publicKey.getEncoded()));
    } catch (IllegalArgumentException e) {
      throw new PkiException(entry + ".kid: " + e.getMessage(), e);
    }
  }

  private static JWK jwk(String entry, JsonNode key) throws PkiException {
    for (String secret : SECRETS) {
      if (key.has(secret)) {
        throw new PkiException(
            entry + "." + secret + ": part of a secret key: expected a public key");
      }
    }
    try {
      // Certificate and use are looked at here; the rest is the key.
      Map<String, Object> parameters = new LinkedHashMap<>();
      for (String name : List.of("kty", "crv", "x", "y", "n", "e")) {
        if (key.path(name).isTextual()) {
          parameters.put(name, key.path(name).textValue());
        }
      }
      return JWK.parse(parameters);
    } catch (ParseException | RuntimeException e) {
      throw new PkiException(entry + ": not a JSON Web Key: " + e.getMessage(), e);
    }
  }

  private static boolean isSame(PublicKey certified, JWK stated) {
    try {
      return switch (stated) {
        case OctetKeyPair pair ->
            certified instanceof EdECPublicKey ed
                && pair.getCurve().equals(Curve.Ed25519)
                && Arrays.equals(pair.getDecodedX(), ed25519(ed));
        case AsymmetricJWK asymmetric ->
            Arrays.equals(asymmetric.toPublicKey().getEncoded(), certified.getEncoded());
        default -> false;
      };
    } catch (JOSEException e) {
      return false;
    }
  }

  private static JWK jwk(
      PublicKey key, String use, @Nullable String id, @Nullable X509Certificate certificate) {
    List<Base64> chain =
        certificate == null ? null : List.of(Base64.encode(Certificates.der(certificate)));
    return switch (key) {
      case ECPublicKey ec ->
          new ECKey.Builder(Curve.forECParameterSpec(ec.getParams()), ec)
              .keyUse(new KeyUse(use))
              .keyID(id)
              .x509CertChain(chain)
              .build();
      case RSAPublicKey rsa ->
          new RSAKey.Builder(rsa).keyUse(new KeyUse(use)).keyID(id).x509CertChain(chain).build();
      case EdECPublicKey ed ->
          new OctetKeyPair.Builder(Curve.Ed25519, Base64URL.encode(ed25519(ed)))
              .keyUse(new KeyUse(use))
              .keyID(id)
              .x509CertChain(chain)
              .build();
      default -> throw new IllegalStateException("no JSON Web Key for " + key.getAlgorithm());
    };
  }

  private static byte[] ed25519(EdECPublicKey key) {
    byte[] der = key.getEncoded();
    return Arrays.copyOfRange(der, der.length - ED25519_BYTES, der.length);
  }

  private static String required(String entry, JsonNode key, String name) throws PkiException {
    JsonNode value = key.path(name);
    if (!value.isTextual() || value.textValue().isEmpty()) {
      throw new PkiException(entry + "." + name + ": expected a text that is not empty");
    }
    return value.textValue();
  }

  private static @Nullable Long integer(String source, JsonNode root, String name)
      throws PkiException {
    JsonNode value = root.path(name);
    if (value.isMissingNode()) {
      return null;
    }
    if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
      throw new PkiException(
          source
              + ": "
              + name
              + " "
              + WorkloadIdentity.printable(value.toString())
              + ": expected an integer from 0 to "
              + Long.MAX_VALUE);
    }
    return value.longValue();
  }

  private static void atMost(String source, String use, int count, int max) throws PkiException {
    if (count > max) {
      throw new PkiException(
          source + ": " + count + " keys of use " + use + ": expected at most " + max);
    }
  }

  @Override
  public String toString() {
    return "sequence "
        + (sequence == null ? "none" : sequence)
        + ", "
        + anchors.size()
        + " anchors, "
        + jwtAuthorities.size()
        + " JWT authorities";
  }
}
