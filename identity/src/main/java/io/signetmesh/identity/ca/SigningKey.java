package io.signetmesh.identity.ca;

import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/**
 * A private key of a CA: in memory, or in a PKCS#11 token, which signs with the key and never
 * exports it. Never printed.
 *
 * @param privateKey the key, or the handle of one in a token
 * @param provider the token; null for a key in memory
 */
public record SigningKey(PrivateKey privateKey, @Nullable Provider provider) {
  /** A key in memory. */
  public static SigningKey of(PrivateKey privateKey) {
    return new SigningKey(privateKey, null);
  }

  /** Whether this is the private key of a public key; checked by a test signature. */
  public boolean matches(PublicKey publicKey) {
    return PrivateKeys.matches(privateKey, publicKey, provider);
  }

  /**
   * Makes a signer for certificates and revocation lists.
   *
   * @param kind kind of this key; selects the signature algorithm
   * @throws PkiException when the key cannot be used
   */
  public ContentSigner contentSigner(KeyKind kind) throws PkiException {
    JcaContentSignerBuilder builder = new JcaContentSignerBuilder(kind.signature());
    Provider with = provider == null ? Signatures.provider(kind.signature()) : provider;
    if (with != null) {
      builder.setProvider(with);
    }
    try {
      return builder.build(privateKey);
    } catch (OperatorCreationException e) {
      throw new PkiException("private key cannot sign with " + kind.signature(), e);
    }
  }

  @Override
  public String toString() {
    return provider == null ? "key in memory" : "key in token " + provider.getName();
  }
}
