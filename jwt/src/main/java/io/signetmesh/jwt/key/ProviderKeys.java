package io.signetmesh.jwt.key;

import io.signetmesh.identity.crypto.Signatures;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAKey;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A public key in the form of the provider that verifies with it. The native provider is the faster
 * one for all algorithms (docs/benchmarks.md); the JDK does what it does not.
 */
final class ProviderKeys {
  private static final Logger log = LoggerFactory.getLogger(ProviderKeys.class);

  private final KeyType type;
  private final PublicKey key;

  /** The key for the native provider, of its own if it has a factory: not translated each time. */
  private volatile @Nullable PublicKey own;

  ProviderKeys(KeyType type, PublicKey key) {
    this.type = type;
    this.key = key;
  }

  /** Bits of an RSA modulus or of a coordinate. */
  int bits() {
    return key instanceof RSAKey rsa ? rsa.getModulus().bitLength() : type.coordinate() * 8;
  }

  /**
   * Refuses a key that cannot be used. Does not load the native provider.
   *
   * @throws GeneralSecurityException when the JDK does not take the key
   */
  void requireUsable() throws GeneralSecurityException {
    for (SignatureAlgorithm algorithm : SignatureAlgorithm.values()) {
      if (algorithm.keyType() == type) {
        initialized(Signatures.of(algorithm.jca()), algorithm, key);
        return;
      }
    }
  }

  /**
   * Creates a verifier.
   *
   * @throws GeneralSecurityException when no provider takes the key
   */
  Signature verifier(SignatureAlgorithm algorithm) throws GeneralSecurityException {
    return verifier(algorithm, Signatures.nativeProvider());
  }

  /**
   * Creates a verifier of a provider if it can be, or else of another.
   *
   * @param provider the native one; null while there is none
   */
  Signature verifier(SignatureAlgorithm algorithm, @Nullable Provider provider)
      throws GeneralSecurityException {
    if (provider != null && provider.getService("Signature", algorithm.jca()) != null) {
      try {
        PublicKey translated = own;
        if (translated == null) {
          translated = translate(provider);
          own = translated;
        }
        return initialized(Signature.getInstance(algorithm.jca(), provider), algorithm, translated);
      } catch (GeneralSecurityException | RuntimeException e) {
        log.debug("a key for {} is not taken by {}: {}", algorithm, provider, e.toString());
      }
    }
    return initialized(Signatures.of(algorithm.jca()), algorithm, key);
  }

  private static Signature initialized(
      Signature signature, SignatureAlgorithm algorithm, PublicKey key)
      throws GeneralSecurityException {
    if (algorithm.parameters() != null) {
      signature.setParameter(algorithm.parameters());
    }
    signature.initVerify(key);
    return signature;
  }

  private PublicKey translate(Provider provider) {
    if (provider.getService("KeyFactory", type.jca()) == null) {
      return key;
    }
    try {
      return (PublicKey) KeyFactory.getInstance(type.jca(), provider).translateKey(key);
    } catch (GeneralSecurityException | RuntimeException e) {
      return key;
    }
  }
}
