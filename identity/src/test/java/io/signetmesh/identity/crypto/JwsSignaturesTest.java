package io.signetmesh.identity.crypto;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class JwsSignaturesTest {
  private static KeyPair elliptic() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static KeyPair rsa() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  private static String signed(JWSAlgorithm algorithm, JWSSigner signer) throws Exception {
    JWSObject token = new JWSObject(new JWSHeader(algorithm), new Payload("text"));
    token.sign(signer);
    return token.serialize();
  }

  @BeforeEach
  void useNative() {
    Signatures.useNative();
  }

  @Test
  void tokensOfWorkloadsAndOfKubernetesAreVerifiedByTheNativeProvider() throws Exception {
    KeyPair ec = elliptic();
    KeyPair rsa = rsa();
    JWSVerifier es256 =
        JwsSignatures.fastest(new ECDSAVerifier((ECPublicKey) ec.getPublic()), JWSAlgorithm.ES256);
    JWSVerifier rs256 =
        JwsSignatures.fastest(
            new RSASSAVerifier((RSAPublicKey) rsa.getPublic()), JWSAlgorithm.RS256);

    assertThat(es256.getJCAContext().getProvider()).isNotNull();
    assertThat(es256.getJCAContext().getProvider())
        .isSameAs(Signatures.provider("SHA256withECDSA"));
    assertThat(rs256.getJCAContext().getProvider()).isSameAs(Signatures.provider("SHA256withRSA"));

    String byEc =
        signed(
            JWSAlgorithm.ES256,
            JwsSignatures.fastest(
                new ECDSASigner((ECPrivateKey) ec.getPrivate()), JWSAlgorithm.ES256));
    String byRsa = signed(JWSAlgorithm.RS256, new RSASSASigner(rsa.getPrivate()));
    assertThat(JWSObject.parse(byEc).verify(es256)).isTrue();
    assertThat(JWSObject.parse(byEc).verify(new ECDSAVerifier((ECPublicKey) ec.getPublic())))
        .isTrue();
    assertThat(JWSObject.parse(byRsa).verify(rs256)).isTrue();
    assertThat(
            JWSObject.parse(signed(JWSAlgorithm.RS256, new RSASSASigner(rsa().getPrivate())))
                .verify(rs256))
        .isFalse();
    assertThat(
            JWSObject.parse(
                    signed(
                        JWSAlgorithm.ES256,
                        new ECDSASigner((ECPrivateKey) elliptic().getPrivate())))
                .verify(es256))
        .isFalse();
  }

  @Test
  void anAlgorithmThatTheProviderDoesNotHaveStaysWithTheJdk() throws Exception {
    JWSVerifier verifier =
        JwsSignatures.fastest(
            new RSASSAVerifier((RSAPublicKey) rsa().getPublic()), JWSAlgorithm.PS256);
    assertThat(verifier.getJCAContext().getProvider()).isNull();
  }
}
