package io.signetmesh.identity.federation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import java.nio.charset.StandardCharsets;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpiffeBundleTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final X509Certificate ANCHOR = TestPki.create("a").anchor().getCertificate();

  private static X509Certificate anchor(UnaryOperator<CertificateBuilder> key) {
    return TestPki.selfSigned(key.apply(TestPki.ca("CN=anchor", 1))).getCertificate();
  }

  private static SpiffeBundle parse(byte[] json) throws PkiException {
    return SpiffeBundle.parse("bundle", json);
  }

  private static SpiffeBundle bundle(X509Certificate... anchors) {
    return new SpiffeBundle(7L, Duration.ofSeconds(60), List.of(anchors), List.of());
  }

  /** A bundle of one anchor with something changed. */
  private static byte[] changed(Consumer<ObjectNode> change) throws Exception {
    ObjectNode root = (ObjectNode) JSON.readTree(bundle(ANCHOR).toJson());
    change.accept(root);
    return JSON.writeValueAsBytes(root);
  }

  private static byte[] changedKey(Consumer<ObjectNode> change) throws Exception {
    return changed(root -> change.accept((ObjectNode) root.path("keys").get(0)));
  }

  private static void assertRefused(byte[] json, String... reasons) {
    assertThatThrownBy(() -> parse(json))
        .isInstanceOf(PkiException.class)
        .hasMessageContainingAll(reasons);
  }

  @Test
  void everyKindOfAnchorComesBackAsItWas() throws Exception {
    SpiffeBundle all =
        bundle(
            anchor(CertificateBuilder::ecp256),
            anchor(key -> key.algorithm(Algorithm.ecp384)),
            anchor(key -> key.algorithm(Algorithm.ed25519)),
            anchor(CertificateBuilder::rsa2048));

    assertThat(parse(all.toJson())).isEqualTo(all);
  }

  @Test
  void jwtAuthoritiesComeBackAsTheyWere() throws Exception {
    KeyPairGenerator rsa = KeyPairGenerator.getInstance("RSA");
    rsa.initialize(2048);
    SpiffeBundle all =
        new SpiffeBundle(
            1L,
            null,
            List.of(ANCHOR),
            List.of(
                new JwtAuthority("one", anchor(CertificateBuilder::ecp256).getPublicKey()),
                new JwtAuthority("two", rsa.generateKeyPair().getPublic())));

    assertThat(parse(all.toJson())).isEqualTo(all);
  }

  @Test
  void sequenceAndHintMayBeMissing() throws Exception {
    SpiffeBundle read =
        parse(changed(root -> root.remove(List.of("spiffe_sequence", "spiffe_refresh_hint"))));

    assertThat(read).isEqualTo(new SpiffeBundle(null, null, List.of(ANCHOR), List.of()));
  }

  @Test
  void bundleWithoutKeysIsOneThatTrustsNobody() throws Exception {
    SpiffeBundle read = parse("{\"keys\": []}".getBytes(StandardCharsets.UTF_8));

    assertThat(read.anchors()).isEmpty();
    assertThat(new ForeignBundle("b.example", 1, read, "").trust()).isEmpty();
  }

  @Test
  void unknownUseTypeAndParametersAreIgnored() throws Exception {
    assertThat(parse(changedKey(key -> key.put("use", "wit-svid"))).anchors()).isEmpty();
    assertThat(parse(changedKey(key -> key.put("use", "X509-SVID"))).anchors()).isEmpty();
    assertThat(parse(changedKey(key -> key.put("kty", "AKP"))).anchors()).isEmpty();
    assertThat(parse(changed(root -> root.put("other", 1))).anchors()).containsExactly(ANCHOR);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"keys\": {}}",
        "{\"keys\": []} x",
        "{\"keys\": [], \"keys\": []}",
        "{\"keys\": [1]}",
        "{\"keys\": [{}]}",
        "{\"keys\": [{\"kty\": \"EC\"}]}",
        "{\"keys\": [], \"spiffe_sequence\": -1}",
        "{\"keys\": [], \"spiffe_sequence\": 1.5}",
        "{\"keys\": [], \"spiffe_sequence\": \"1\"}",
        "{\"keys\": [], \"spiffe_sequence\": 9223372036854775808}",
        "{\"keys\": [], \"spiffe_refresh_hint\": null}"
      })
  void whatIsNoBundleIsRefused(String json) {
    assertRefused(json.getBytes(StandardCharsets.UTF_8), "bundle");
  }

  @Test
  void oneWrongEntryMakesTheWholeDocumentWrong() throws Exception {
    String other = Base64.getEncoder().encodeToString(Certificates.der(anchor(b -> b.ecp256())));
    assertRefused(changedKey(key -> key.remove("x5c")), "keys[0].x5c", "array of one");
    assertRefused(changedKey(key -> key.putArray("x5c")), "keys[0].x5c", "array of one");
    assertRefused(
        changedKey(key -> key.withArray("x5c").add(other)), "keys[0].x5c", "array of one");
    assertRefused(changedKey(key -> key.putArray("x5c").add("!")), "keys[0].x5c[0]", "Base64");
    assertRefused(changedKey(key -> key.putArray("x5c").add("AAAA")), "keys[0].x5c[0]", "X.509");
    assertRefused(changedKey(key -> key.putArray("x5c").add(other)), "its key is not that of");
    assertRefused(changedKey(key -> key.remove("x")), "keys[0]", "JSON Web Key");
    assertRefused(changedKey(key -> key.put("d", "AAAA")), "keys[0].d", "secret");
    assertRefused(changedKey(key -> key.put("use", "jwt-svid")), "keys[0].kid");
    assertRefused(
        changed(root -> root.withArray("keys").add(root.path("keys").get(0))), "listed twice");
  }

  @Test
  void leafIsNoAnchor() throws Exception {
    X509Certificate leaf = TestPki.create("b").certificate("web.example").leaf();

    assertRefused(bundle(leaf).toJson(), "keys[0].x5c[0]", "expected a CA certificate");
  }

  @Test
  void jwtAuthoritiesNeedDistinctIdsAndStrongKeys() throws Exception {
    KeyPairGenerator rsa = KeyPairGenerator.getInstance("RSA");
    rsa.initialize(1024);
    JwtAuthority weak = new JwtAuthority("weak", rsa.generateKeyPair().getPublic());
    JwtAuthority good = new JwtAuthority("one", ANCHOR.getPublicKey());

    assertRefused(
        new SpiffeBundle(1L, null, List.of(), List.of(weak)).toJson(), "keys[0]", "2048 bits");
    assertRefused(
        new SpiffeBundle(1L, null, List.of(), List.of(good, good)).toJson(),
        "keys[1].kid",
        "listed twice");
  }

  @Test
  void whatProxiesWouldRefuseIsRefusedHere() throws Exception {
    ObjectNode root = (ObjectNode) JSON.readTree("{\"keys\": []}");
    byte[] modulus = new byte[5_000];
    Arrays.fill(modulus, (byte) 0x7f);
    root.withArray("keys")
        .addObject()
        .put("kty", "RSA")
        .put("use", "jwt-svid")
        .put("kid", "huge")
        .put("n", Base64.getUrlEncoder().withoutPadding().encodeToString(modulus))
        .put("e", "AQAB");

    assertRefused(JSON.writeValueAsBytes(root), "keys[0]", "public key");
    assertRefused(JSON.writeValueAsBytes(changedKid("x".repeat(129))), "keys[0]");
  }

  private static ObjectNode changedKid(String id) throws Exception {
    JwtAuthority authority = new JwtAuthority("one", ANCHOR.getPublicKey());
    ObjectNode root =
        (ObjectNode)
            JSON.readTree(new SpiffeBundle(1L, null, List.of(), List.of(authority)).toJson());
    ((ObjectNode) root.path("keys").get(0)).put("kid", id);
    return root;
  }

  @Test
  void hugeDocumentIsNotRead() {
    assertRefused(new byte[SpiffeBundle.MAX_BYTES + 1], "expected at most");
  }
}
