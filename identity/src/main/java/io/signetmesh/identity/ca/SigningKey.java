package io.signetmesh.identity.ca;

import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import java.io.IOException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.time.Duration;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/**
 * A private key of a CA: in memory, or in a PKCS#11 token, which signs with the key and never
 * exports it. Never printed. Thread-safe.
 *
 * <p>A token gives out handles of its keys, which end with the token's session, and with each
 * change of the object (PKCS#11 2.40, section 2.6). When a signature fails, a key that can be
 * opened again asks for another handle and signs with that.
 */
public final class SigningKey {
  /** A token that fails is asked for another handle once in this time. */
  private static final long REOPEN_AFTER_NANOS = Duration.ofSeconds(1).toNanos();

  private final @Nullable Opener opener;
  private volatile Handle handle;
  private long lastOpened;
  private boolean opened;

  /** Something that is signed. It may be called twice. */
  @FunctionalInterface
  public interface Signing<T> {
    /**
     * Signs.
     *
     * @throws PkiException when it cannot be signed
     */
    T with(ContentSigner signer) throws PkiException, IOException;
  }

  /** Gives another handle of the same key of a token. */
  @FunctionalInterface
  public interface Opener {
    /**
     * Opens the key.
     *
     * @throws PkiException when the token cannot be used now; after a bounded time
     */
    SigningKey open() throws PkiException;
  }

  /**
   * @param provider the token; null for a key in memory
   */
  private record Handle(PrivateKey key, @Nullable Provider provider) {
    ContentSigner signer(KeyKind kind) throws PkiException {
      JcaContentSignerBuilder builder = new JcaContentSignerBuilder(kind.signature());
      Provider with = provider == null ? Signatures.provider(kind.signature()) : provider;
      if (with != null) {
        builder.setProvider(with);
      }
      try {
        return builder.build(key);
      } catch (OperatorCreationException e) {
        throw new PkiException("private key cannot sign with " + kind.signature(), e);
      }
    }
  }

  private SigningKey(Handle handle, @Nullable Opener opener) {
    this.handle = handle;
    this.opener = opener;
  }

  /**
   * Creates a key that is used as long as its handle is good.
   *
   * @param privateKey the key, or the handle of one in a token
   * @param provider the token; null for a key in memory
   */
  public SigningKey(PrivateKey privateKey, @Nullable Provider provider) {
    this(new Handle(privateKey, provider), null);
  }

  /** A key in memory. */
  public static SigningKey of(PrivateKey privateKey) {
    return new SigningKey(privateKey, null);
  }

  /** The same key, which is opened again when its handle has become bad. */
  public SigningKey openedBy(Opener opener) {
    return new SigningKey(handle, opener);
  }

  /** The key, or the handle of one in a token. */
  public PrivateKey privateKey() {
    return handle.key();
  }

  /** Whether this is the private key of a public key; checked by a test signature. */
  public boolean matches(PublicKey publicKey) {
    Handle used = handle;
    try {
      return matches(used, publicKey);
    } catch (RuntimeException e) {
      // What a token throws when its handle is bad.
      try {
        another(used, e, publicKey);
        return true;
      } catch (PkiException failed) {
        throw e;
      }
    }
  }

  private static boolean matches(Handle handle, PublicKey publicKey) {
    return PrivateKeys.matches(handle.key(), publicKey, handle.provider());
  }

  /**
   * Makes a signer that is used once, soon, with a key that has just been opened or is in memory.
   *
   * @param kind kind of this key; selects the signature algorithm
   * @throws PkiException when the key cannot be used
   */
  public ContentSigner contentSigner(KeyKind kind) throws PkiException {
    return handle.signer(kind);
  }

  /**
   * Signs. When the token fails, the key is opened again and signs once more.
   *
   * @param kind kind of this key; selects the signature algorithm
   * @param publicKey the public half: a key that is opened again must still be that one
   * @throws PkiException when the key cannot be used; the message has the token's own word for what
   *     is wrong, such as {@code CKR_TOKEN_NOT_PRESENT}
   */
  public <T> T sign(KeyKind kind, PublicKey publicKey, Signing<T> work)
      throws PkiException, IOException {
    Handle used = handle;
    try {
      return work.with(used.signer(kind));
    } catch (RuntimeException failure) {
      try {
        return work.with(another(used, failure, publicKey).signer(kind));
      } catch (RuntimeException again) {
        again.addSuppressed(failure);
        throw new PkiException(causes(again), again);
      }
    }
  }

  /**
   * Another handle than the one that failed, of the same key: one of another key is never used.
   * Whoever waits here gets what the first one got.
   */
  private synchronized Handle another(Handle failed, RuntimeException failure, PublicKey publicKey)
      throws PkiException {
    if (handle != failed) {
      return handle;
    }
    long now = System.nanoTime();
    if (opener == null || (opened && now - lastOpened < REOPEN_AFTER_NANOS)) {
      throw new PkiException(causes(failure), failure);
    }
    try {
      Handle fresh = opener.open().handle;
      if (!matches(fresh, publicKey)) {
        throw new PkiException(
            "the token has another private key under this label than the issuer's certificate is"
                + " for: expected the issuer's key, or the certificate of the new one beside it");
      }
      handle = fresh;
      return fresh;
    } catch (PkiException e) {
      e.addSuppressed(failure);
      throw e;
    } finally {
      opened = true;
      lastOpened = System.nanoTime();
    }
  }

  /** The provider only says that something failed; what it was is in the last cause. */
  private static String causes(Throwable failure) {
    StringBuilder text = new StringBuilder(failure.toString());
    Throwable cause = failure.getCause();
    for (int i = 0; cause != null && i < 5; i++) {
      text.append("; ").append(cause);
      cause = cause.getCause();
    }
    return text.toString();
  }

  @Override
  public String toString() {
    Provider provider = handle.provider();
    return provider == null ? "key in memory" : "key in token " + provider.getName();
  }
}
