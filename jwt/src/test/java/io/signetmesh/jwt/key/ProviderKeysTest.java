package io.signetmesh.jwt.key;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.crypto.Signatures;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Provider;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProviderKeysTest {
  private static final byte[] TEXT = {1, 2, 3};

  @BeforeAll
  static void load() {
    Signatures.loadNative();
  }

  private static KeyPair pair(KeyType type) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(type.jca());
    switch (type) {
      case P256 -> generator.initialize(new ECGenParameterSpec("secp256r1"));
      case P384 -> generator.initialize(new ECGenParameterSpec("secp384r1"));
      case P521 -> generator.initialize(new ECGenParameterSpec("secp521r1"));
      case RSA -> generator.initialize(2048);
      case ED25519 -> {}
    }
    return generator.generateKeyPair();
  }

  private static byte[] signature(SignatureAlgorithm algorithm, KeyPair pair) throws Exception {
    Signature signer = Signature.getInstance(algorithm.jca());
    if (algorithm.parameters() != null) {
      signer.setParameter(algorithm.parameters());
    }
    signer.initSign(pair.getPrivate());
    signer.update(TEXT);
    return signer.sign();
  }

  private static boolean verifies(
      ProviderKeys keys,
      SignatureAlgorithm algorithm,
      @Nullable Provider provider,
      byte[] signature)
      throws Exception {
    Signature verifier = keys.verifier(algorithm, provider);
    if (provider != null) {
      assertThat(verifier.getProvider()).isEqualTo(provider);
    }
    verifier.update(TEXT);
    return verifier.verify(signature);
  }

  /** Both providers say the same; the native one does all of it, where it works. */
  @ParameterizedTest
  @EnumSource
  void theJdkAndTheNativeProviderVerifyEachAlgorithm(SignatureAlgorithm algorithm)
      throws Exception {
    KeyPair pair = pair(algorithm.keyType());
    ProviderKeys keys = new ProviderKeys(algorithm.keyType(), pair.getPublic());
    ProviderKeys others =
        new ProviderKeys(algorithm.keyType(), pair(algorithm.keyType()).getPublic());
    byte[] signature = signature(algorithm, pair);
    keys.requireUsable();

    assertThat(verifies(keys, algorithm, null, signature)).isTrue();
    assertThat(verifies(others, algorithm, null, signature)).isFalse();
    Provider fast = Signatures.nativeProvider();
    if (fast != null) {
      assertThat(verifies(keys, algorithm, fast, signature)).isTrue();
      assertThat(verifies(keys, algorithm, fast, signature)).isTrue();
      assertThat(verifies(others, algorithm, fast, signature)).isFalse();
    }
  }

  /** Says that it has an algorithm. */
  private static final class BrokenProvider extends Provider {
    private static final long serialVersionUID = 1L;

    BrokenProvider(String algorithm) {
      super("broken", "1", "for a test");
      put("Signature." + algorithm, "io.signetmesh.jwt.key.NoSuchClass");
    }
  }

  @ParameterizedTest
  @EnumSource
  void theJdkVerifiesWhatTheOtherDoesNot(SignatureAlgorithm algorithm) throws Exception {
    KeyPair pair = pair(algorithm.keyType());
    ProviderKeys keys = new ProviderKeys(algorithm.keyType(), pair.getPublic());
    Provider broken = new BrokenProvider(algorithm.jca());

    Signature verifier = keys.verifier(algorithm, broken);
    verifier.update(TEXT);
    assertThat(verifier.verify(signature(algorithm, pair))).isTrue();
  }
}
