package io.signetmesh.identity.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkloadTokensTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  @TempDir Path state;

  private Instant now = START;
  private final InstantSource clock = () -> now;
  private WorkloadTokens tokens;

  @BeforeEach
  void open() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
  }

  @Test
  void holderIsTheServiceAccountThatTheTokenWasIssuedTo() throws Exception {
    String token = tokens.issue("shop", "web", Duration.ofHours(1));

    assertThat(tokens.holder(bytes(token))).isEqualTo(WEB);
    assertThat(tokens.holder(bytes(token + "\n"))).isEqualTo(WEB);
  }

  @Test
  void tokenIsGoodUntilItExpiresAndOutlivesARestart() throws Exception {
    String token = tokens.issue("shop", "web", Duration.ofHours(1));
    now = START.plusSeconds(3599);
    assertThat(WorkloadTokens.open(state, "signet", "cluster.local", clock).holder(bytes(token)))
        .isEqualTo(WEB);

    now = START.plusSeconds(3600);

    assertRefused(token, Reason.EXPIRED, "expired at 2026-03-01T13:00:00Z");
  }

  @Test
  void lifetimesOutOfRangeAreRefused() {
    for (Duration lifetime :
        List.of(Duration.ZERO, Duration.ofSeconds(-1), Duration.ofDays(365).plusSeconds(1))) {
      assertThatThrownBy(() -> tokens.issue("shop", "web", lifetime))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("token lifetime " + lifetime);
    }
  }

  @Test
  void claimsThatAreMissingOrOfAnotherMeshAreRefused() throws Exception {
    assertThat(tokens.holder(bytes(signed(claims -> claims)))).isEqualTo(WEB);

    assertRefused(
        signed(c -> c.issuer("identity.other.cluster.local")),
        Reason.ISSUER,
        "issued by \"identity.other.cluster.local\"");
    assertRefused(signed(c -> c.issuer(null)), Reason.ISSUER, "issued by nobody");
    assertRefused(
        signed(c -> c.audience("kubernetes.default.svc")),
        Reason.AUDIENCE,
        "expected identity.l5d.io");
    assertRefused(signed(c -> c.audience((String) null)), Reason.AUDIENCE, "for audience []");
    assertRefused(signed(c -> c.expirationTime(null)), Reason.NOT_AUTHENTICATED, "without exp");
    assertRefused(signed(c -> c.notBeforeTime(null)), Reason.NOT_AUTHENTICATED, "without nbf");
    assertRefused(signed(c -> c.issueTime(null)), Reason.NOT_AUTHENTICATED, "without iat");
    assertRefused(signed(c -> c.jwtID(null)), Reason.NOT_AUTHENTICATED, "without an id");
    assertRefused(
        signed(c -> c.notBeforeTime(Date.from(START.plusSeconds(11)))),
        Reason.CLOCK,
        "not valid before");
    assertRefused(
        signed(c -> c.issueTime(Date.from(START.plusSeconds(11)))),
        Reason.CLOCK,
        "issued in the future");
    for (String subject :
        List.of(
            "web",
            "system:serviceaccount:shop",
            "system:serviceaccount:shop:web:more",
            "system:node:shop:web",
            "system:serviceaccount::web",
            "system:serviceaccount:shop:Web",
            "system:serviceaccount:shop:web.shop")) {
      assertRefused(signed(c -> c.subject(subject)), Reason.MALFORMED, "has subject");
    }
    assertRefused(signed(c -> c.subject(null)), Reason.MALFORMED, "has subject nobody");
  }

  @Test
  void aTokenHasOneTextOnly() {
    String token = tokens.issue("shop", "web", Duration.ofHours(1));
    int signature = token.lastIndexOf('.') + 1;
    // 64 bytes end with a character of which four bits do not count.
    char last = token.charAt(token.length() - 1);
    String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char same = alphabet.charAt(alphabet.indexOf(last) + 1);

    for (String variant :
        List.of(
            token.substring(0, signature) + ":" + token.substring(signature),
            token.substring(0, signature + 9) + " " + token.substring(signature + 9),
            token + "==",
            "\0" + token,
            token + "\1",
            token.substring(0, token.length() - 1) + same)) {
      assertRefused(variant, Reason.MALFORMED, "is not a signed JWT");
    }
  }

  @Test
  void otherAlgorithmsThanEs256AreRefusedWhateverTheKey() throws Exception {
    byte[] publicKey = Files.readAllBytes(state.resolve("token.key"));
    JWTClaimsSet claims = claims().build();
    assertRefused(new PlainJWT(claims).serialize(), Reason.MALFORMED, "not a signed JWT");
    // A verifier that lets the token choose would take the key for an HMAC secret.
    SignedJWT mac = new SignedJWT(new JWSHeader(JWSAlgorithm.HS256), claims);
    mac.sign(new MACSigner(publicKey));
    assertRefused(mac.serialize(), Reason.NOT_AUTHENTICATED, "\"HS256\": expected ES256");
  }

  @Test
  void foreignAndChangedTokensAreRefusedWithoutQuotingThem() throws Exception {
    String token = tokens.issue("shop", "web", Duration.ofHours(1));
    String[] parts = token.split("\\.", -1);
    String other = tokens.issue("shop", "cart", Duration.ofHours(1)).split("\\.", -1)[1];
    String spliced = parts[0] + "." + other + "." + parts[2];

    AttestationException refused =
        assertRefused(spliced, Reason.NOT_AUTHENTICATED, "not signed by the token key");

    assertThat(refused).message().doesNotContain(other).doesNotContain(parts[2]);
    assertRefused(
        sign(claims().build(), (ECPrivateKey) PrivateKeys.generate().getPrivate()),
        Reason.NOT_AUTHENTICATED,
        "not signed by the token key");
    for (String garbage : List.of("x", "a.b.c", "..", parts[0] + "." + parts[1], "\0".repeat(99))) {
      assertRefused(garbage, Reason.MALFORMED, "is not a signed JWT");
    }
    assertRefused("", Reason.MALFORMED, "token of 0 bytes");
    assertRefused("a".repeat(8193), Reason.MALFORMED, "token of 8193 bytes");
  }

  @Test
  void keyIsSecretAndOneThatOthersCanReadIsRefused() throws Exception {
    Path key = state.resolve("token.key");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
        .isEqualTo("rw-------");
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("token.key is open to others");
  }

  private String signed(UnaryOperator<JWTClaimsSet.Builder> change) throws Exception {
    return sign(
        change.apply(claims()).build(),
        (ECPrivateKey) PrivateKeys.read(state.resolve("token.key")));
  }

  private static String sign(JWTClaimsSet claims, ECPrivateKey key) throws Exception {
    SignedJWT token =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).type(JOSEObjectType.JWT).build(), claims);
    JWSSigner signer = new ECDSASigner(key);
    token.sign(signer);
    return token.serialize();
  }

  private static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .issuer("identity.signet.cluster.local")
        .subject("system:serviceaccount:shop:web")
        .audience("identity.l5d.io")
        .issueTime(Date.from(START))
        .notBeforeTime(Date.from(START))
        .expirationTime(Date.from(START.plusSeconds(60)))
        .jwtID("1");
  }

  private AttestationException assertRefused(String token, Reason reason, String why) {
    AttestationException refused =
        catchThrowableOfType(AttestationException.class, () -> tokens.holder(bytes(token)));
    assertThat(refused).as("not refused: %s", why).isNotNull();
    assertThat(refused).hasMessageContaining(why);
    assertThat(refused.reason()).isEqualTo(reason);
    if (token.length() > 20) {
      assertThat(refused).message().doesNotContain(token);
    }
    return refused;
  }

  private static byte[] bytes(String token) {
    return token.getBytes(StandardCharsets.ISO_8859_1);
  }
}
