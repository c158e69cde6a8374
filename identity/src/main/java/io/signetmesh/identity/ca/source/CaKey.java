package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.PublicKey;

/**
 * The private key of a CA certificate, as a file keeps it: the key itself, or where it is in a
 * PKCS#11 token. A token is asked only when something has to be signed. So a CA whose token is away
 * goes on with the issuer that it has.
 */
public sealed interface CaKey {
  /**
   * Does something with the key. A token has 10 seconds for it, and does one thing at a time.
   *
   * @throws PkiException when the token cannot be used, or from the work
   */
  <T> T use(Use<T> work) throws PkiException;

  /** Something that is done with a key. */
  @FunctionalInterface
  interface Use<T> {
    /** Called once, for a token on another thread. */
    T with(SigningKey key) throws PkiException;
  }

  /** The content of a file, mode 0600, that {@link #parse} reads. */
  String stored();

  /**
   * Whether this is the private key of a public key; checked by a test signature.
   *
   * @throws PkiException when the token cannot be used
   */
  default boolean matches(PublicKey publicKey) throws PkiException {
    return use(key -> key.matches(publicKey));
  }

  /** A key in memory. */
  static CaKey of(PrivateKey key) {
    return new InMemory(key);
  }

  /**
   * Reads the content of a file.
   *
   * @param file for messages
   * @param content a private key in PEM or DER, or the PKCS#11 URI of one (RFC 7512)
   * @throws PkiException when it is neither
   */
  static CaKey parse(String file, byte[] content) throws PkiException {
    String text = new String(content, StandardCharsets.ISO_8859_1).strip();
    if (text.startsWith(Pkcs11Uri.SCHEME)) {
      try {
        return new InToken(Pkcs11Uri.parse(text));
      } catch (IllegalArgumentException e) {
        throw new PkiException(file + ": " + e.getMessage(), e);
      }
    }
    try {
      return new InMemory(SourceFiles.key(Path.of(file), content));
    } catch (RefusedMaterialException e) {
      throw new PkiException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * A key in memory. Never printed.
   *
   * @param key the key
   */
  record InMemory(PrivateKey key) implements CaKey {
    @Override
    public <T> T use(Use<T> work) throws PkiException {
      return work.with(SigningKey.of(key));
    }

    @Override
    public String stored() {
      return PrivateKeys.toPem(key);
    }

    @Override
    public String toString() {
      return "key in memory";
    }
  }

  /**
   * A key in a token, which never exports it.
   *
   * @param config where it is
   */
  record InToken(Pkcs11Token.Config config) implements CaKey {
    @Override
    public <T> T use(Use<T> work) throws PkiException {
      Pkcs11Token token = Pkcs11Token.shared(config);
      return token.call(() -> work.with(token.key()));
    }

    @Override
    public String stored() {
      return Pkcs11Uri.format(config) + "\n";
    }

    @Override
    public String toString() {
      return "key '" + config.keyLabel() + "' in token '" + config.token() + "'";
    }
  }

  /** The key as material of a source. */
  static CaKey read(Path file, byte[] content) throws RefusedMaterialException {
    try {
      return parse(file.toString(), content);
    } catch (PkiException e) {
      throw new RefusedMaterialException(Reason.MALFORMED, String.valueOf(e.getMessage()), e);
    }
  }
}
