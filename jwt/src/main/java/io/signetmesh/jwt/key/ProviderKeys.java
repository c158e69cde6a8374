package io.signetmesh.jwt.key;

import io.signetmesh.identity.crypto.Signatures;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAKey;
import org.jspecify.annotations.Nullable;

/**
 * A public key in the form of the provider that verifies with it. The native provider takes a key
 * of its own at once and translates others at each verification.
 */
final class ProviderKeys {
  private final KeyType type;
  private final PublicKey key;
  private volatile @Nullable Native made;

  /**
   * A key of the native provider.
   *
   * @param provider null when there is none
   * @param key null when it does not take the key
   */
  private record Native(@Nullable Provider provider, @Nullable PublicKey key) {}

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
    Native fast = made;
    if (fast == null) {
      fast = translate();
      made = fast;
    }
    Provider provider = fast.provider();
    PublicKey own = fast.key();
    if (provider != null
        && own != null
        && provider.getService("Signature", algorithm.jca()) != null) {
      return initialized(Signature.getInstance(algorithm.jca(), provider), algorithm, own);
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

  private Native translate() {
    Provider provider = Signatures.nativeProvider();
    if (provider == null) {
      return new Native(null, null);
    }
    try {
      KeyFactory factory = KeyFactory.getInstance(type.jca(), provider);
      return new Native(provider, (PublicKey) factory.translateKey(key));
    } catch (GeneralSecurityException | RuntimeException e) {
      return new Native(provider, null);
    }
  }
}
