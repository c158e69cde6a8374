package io.signetmesh.identity.crypto;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.X509Certificate;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Computes and verifies signatures, and generates keys. A control-plane server calls {@link
 * #useNative()} at its start: from then on the Amazon Corretto Crypto Provider (AWS-LC) does the
 * work, 4 to 25 times as fast as the JDK. The provider is used as an instance and never installed
 * in the JVM, so TLS and libraries are not affected.
 *
 * <p>The JDK does the work where the native library is missing or fails its self-tests, and in a
 * proxy, which starts faster and uses less memory without it. Thread-safe.
 */
public final class Signatures {
  private static final Logger log = LoggerFactory.getLogger(Signatures.class);

  /** Whether somebody has begun to load the native provider. */
  private static final AtomicBoolean LOADING = new AtomicBoolean();

  private static volatile @Nullable Provider fast;
  private static volatile @Nullable Provider made;

  private Signatures() {}

  /** Loads the native provider, unless that was tried before. */
  private static final class Native {
    static final @Nullable Provider PROVIDER = load();

    private static @Nullable Provider load() {
      try {
        AmazonCorrettoCryptoProvider.INSTANCE.assertHealthy();
        // By a cast, which is checked when it runs. Where the compiler sees that it is a Provider,
        // the
        // JVM has to see that too when it links this class, and loads the other from its signed
        // JAR:
        // half a second of each start, since classes of an ahead-of-time cache are linked at once.
        Object instance = AmazonCorrettoCryptoProvider.INSTANCE;
        Provider provider = (Provider) instance;
        Signature.getInstance("SHA256withECDSA", provider);
        log.debug("signatures are computed by {}", provider.getInfo());
        return provider;
      } catch (GeneralSecurityException | RuntimeException | LinkageError e) {
        log.warn(
            "signatures are computed by the JDK, several times as slowly: no native provider ({})",
            e.toString());
        return null;
      }
    }
  }

  /**
   * The native provider, for those who verify many signatures of strangers whatever the process
   * uses otherwise. Does not wait: the first call begins to load it in a thread of its own, which
   * takes 0.1 to 2 s.
   *
   * @return null while it is being loaded, and when it does not work
   */
  public static @Nullable Provider nativeProvider() {
    if (LOADING.compareAndSet(false, true)) {
      Thread thread = new Thread(Signatures::loadNative, "native-signatures");
      thread.setDaemon(true);
      thread.start();
    }
    return made;
  }

  /** Loads the native provider, unless that was tried before, and waits for it. */
  public static void loadNative() {
    LOADING.set(true);
    try {
      made = Native.PROVIDER;
    } catch (LinkageError e) {
      // The class itself is not there.
      log.warn("signatures are computed by the JDK: no native provider ({})", e.toString());
    }
  }

  /** Uses the native provider from now on, if it works. */
  public static void useNative() {
    loadNative();
    fast = made;
  }

  /**
   * Creates a signature of the fastest provider that has the algorithm.
   *
   * @throws NoSuchAlgorithmException when no provider has the algorithm
   */
  public static Signature of(String algorithm) throws NoSuchAlgorithmException {
    Provider provider = fast;
    if (provider != null && provider.getService("Signature", algorithm) != null) {
      return Signature.getInstance(algorithm, provider);
    }
    return Signature.getInstance(algorithm);
  }

  /** The provider for an algorithm; null to let the JDK select one. */
  public static @Nullable Provider provider(String algorithm) {
    Provider provider = fast;
    return provider != null && provider.getService("Signature", algorithm) != null
        ? provider
        : null;
  }

  /** Creates an uninitialized generator of elliptic-curve keys. */
  public static KeyPairGenerator ecKeys() throws NoSuchAlgorithmException {
    Provider provider = fast;
    return provider == null
        ? KeyPairGenerator.getInstance("EC")
        : KeyPairGenerator.getInstance("EC", provider);
  }

  /**
   * Verifies the signature of a certificate.
   *
   * @throws GeneralSecurityException when the signature is not by the key
   */
  public static void verify(X509Certificate certificate, PublicKey key)
      throws GeneralSecurityException {
    Provider provider = provider(certificate.getSigAlgName());
    try {
      if (provider == null) {
        certificate.verify(key);
      } else {
        certificate.verify(key, provider);
      }
    } catch (RuntimeException e) {
      throw new SignatureException("signature cannot be checked", e);
    }
  }
}
