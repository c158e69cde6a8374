package io.signetmesh.identity.ca.source;

import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An issuer whose key is in a PKCS#11 token, such as an HSM. The key never leaves the token, which
 * does the signing and also holds the certificates. Uses SunPKCS11 without installing it in the
 * JVM.
 */
public final class Pkcs11Token implements AuthoritySource {
  /** Labels and paths go into the provider's configuration, where these mean nothing else. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9._/+@ -]{1,255}");

  /** How long a caller waits for a token. */
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** How long the objects of a key may take to be replaced. */
  private static final Duration REPLACED = Duration.ofMillis(500);

  private static final Duration LOOK_AGAIN = Duration.ofMillis(20);

  /** As many calls wait at most. */
  private static final int MAX_WAITING = 16;

  /** The places of CA keys. */
  private static final Map<Config, Pkcs11Token> SHARED = new ConcurrentHashMap<>();

  /** A token counts wrong PINs for all its keys. */
  private static final Map<List<String>, LoginGate> GATES = new ConcurrentHashMap<>();

  private final Config config;
  private final Path anchors;
  private final LoginGate gate;
  private final ThreadPoolExecutor calls =
      new ThreadPoolExecutor(
          1,
          1,
          LIMIT.toSeconds(),
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(MAX_WAITING),
          new DefaultThreadFactory("token", true));
  private @Nullable Provider provider;

  /**
   * Location of the key in a token.
   *
   * @param library path of the vendor's PKCS#11 module, e.g. {@code libsofthsm2.so}
   * @param token label of the token
   * @param pinFile the user PIN on one line; mode 0600
   * @param keyLabel label of the issuer's private key and certificate
   */
  public record Config(Path library, String token, Path pinFile, String keyLabel) {
    /** Refuses labels and paths that are empty or have other than plain characters. */
    public Config {
      for (String text : List.of(library.toString(), token, keyLabel)) {
        if (!PLAIN.matcher(text).matches()) {
          throw new IllegalArgumentException(
              "PKCS#11 library, token or key label '"
                  + text
                  + "': expected 1 to 255 letters, digits, blanks and . _ / + @ -");
        }
      }
    }
  }

  /**
   * Creates a source.
   *
   * @param anchors PEM: trust anchors
   */
  public Pkcs11Token(Config config, Path anchors) {
    this(config, anchors, new LoginGate(InstantSource.system()));
  }

  private Pkcs11Token(Config config, Path anchors, LoginGate gate) {
    this.gate = gate;
    this.config = config;
    this.anchors = anchors;
    calls.allowCoreThreadTimeOut(true);
  }

  /** The token with a CA key, the same one for the same place. */
  static Pkcs11Token shared(Config config) {
    return SHARED.computeIfAbsent(
        config,
        of ->
            new Pkcs11Token(
                of,
                Path.of(""),
                GATES.computeIfAbsent(
                    List.of(of.library().toString(), of.token()),
                    place -> new LoginGate(InstantSource.system()))));
  }

  /**
   * Asks the token for something, on a thread of its own: one that does not answer holds up nobody
   * for longer than {@link #LIMIT}.
   *
   * @throws PkiException when the token cannot be used or takes too long, or from the work
   */
  <T> T call(Callable<T> work) throws PkiException {
    return call(work, LIMIT);
  }

  /** The same with another limit. */
  <T> T call(Callable<T> work, Duration limit) throws PkiException {
    Future<T> answer;
    try {
      answer = calls.submit(work);
    } catch (RejectedExecutionException e) {
      throw new PkiException(this + " does not answer, and " + MAX_WAITING + " calls wait", e);
    }
    try {
      return answer.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new PkiException(this + " has not answered for " + limit.toMillis() + " ms", e);
    } catch (InterruptedException e) {
      answer.cancel(true);
      Thread.currentThread().interrupt();
      throw new PkiException(this + ": interrupted", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof PkiException known) {
        throw known;
      }
      throw new PkiException(
          cause instanceof RefusedMaterialException
              ? String.valueOf(cause.getMessage())
              : this + " cannot be used: " + (cause == null ? e : cause).getMessage(),
          e);
    }
  }

  /** The private key. */
  synchronized SigningKey key() throws RefusedMaterialException {
    KeyStore store = store();
    return new SigningKey(privateKey(store), store.getProvider());
  }

  /**
   * The private key, which is waited for: while its object or certificate is replaced, a token is
   * without it for a moment.
   */
  private SigningKey keyOfNow() throws RefusedMaterialException {
    long until = System.nanoTime() + REPLACED.toNanos();
    while (true) {
      try {
        return key();
      } catch (RefusedMaterialException e) {
        if (System.nanoTime() - until > 0 || Thread.interrupted()) {
          throw e;
        }
        LockSupport.parkNanos(LOOK_AGAIN.toNanos());
      }
    }
  }

  @Override
  public synchronized Snapshot read() throws RefusedMaterialException {
    byte[] trusted = SourceFiles.read(anchors);
    KeyStore store = store();
    List<X509Certificate> chain = chain(store);
    Map<String, byte[]> parts = new HashMap<>();
    parts.put("anchors", trusted);
    for (int i = 0; i < chain.size(); i++) {
      parts.put("certificate " + i, Certificates.der(chain.get(i)));
    }
    return Snapshot.of(
        parts,
        () ->
            new Material(
                new SigningKey(privateKey(store), store.getProvider())
                    .openedBy(() -> call(this::keyOfNow)),
                chain,
                SourceFiles.certificates(anchors, trusted)));
  }

  private List<X509Certificate> chain(KeyStore store) throws RefusedMaterialException {
    try {
      Certificate[] found = store.getCertificateChain(config.keyLabel());
      if (found == null || !store.isKeyEntry(config.keyLabel())) {
        throw new RefusedMaterialException(
            Reason.UNREADABLE,
            this + " holds no private key with a certificate under this label: expected both");
      }
      List<X509Certificate> chain = new ArrayList<>();
      for (Certificate certificate : found) {
        chain.add((X509Certificate) certificate);
      }
      return chain;
    } catch (GeneralSecurityException | RuntimeException e) {
      throw unusable(e);
    }
  }

  private PrivateKey privateKey(KeyStore store) throws RefusedMaterialException {
    try {
      if (store.getKey(config.keyLabel(), null) instanceof PrivateKey key) {
        return key;
      }
    } catch (GeneralSecurityException | RuntimeException e) {
      throw unusable(e);
    }
    throw new RefusedMaterialException(Reason.UNREADABLE, this + " holds no private key");
  }

  private RefusedMaterialException unusable(Exception e) {
    return new RefusedMaterialException(
        Reason.UNREADABLE, this + " cannot be used: " + e.getMessage(), e);
  }

  /** The token's objects of this moment. */
  KeyStore store() throws RefusedMaterialException {
    byte[] pin = SourceFiles.readSecret(config.pinFile());
    char[] characters = SourceFiles.characters(pin);
    try {
      gate.require(pin);
      Provider with = provider;
      if (with == null) {
        try {
          with = open();
        } catch (RefusedMaterialException e) {
          gate.failed(pin, false, e);
          throw e;
        }
        provider = with;
      }
      KeyStore store = KeyStore.getInstance("PKCS11", with);
      store.load(null, characters);
      gate.opened();
      return store;
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      boolean isPinRefused = LoginGate.isPinRefused(e);
      if (!isPinRefused) {
        // A token that went away is opened anew. One that refused the PIN is still there: each
        // provider costs a library session that is never given back.
        provider = null;
      }
      RefusedMaterialException refusal =
          new RefusedMaterialException(
              Reason.UNREADABLE,
              this
                  + " does not open with the PIN in "
                  + config.pinFile()
                  + ": "
                  + e.getMessage()
                  + (isPinRefused ? "; not tried again until the file has changed" : ""),
              e);
      gate.failed(pin, isPinRefused, refusal);
      throw refusal;
    } finally {
      Arrays.fill(characters, '\0');
      Arrays.fill(pin, (byte) 0);
    }
  }

  private Provider open() throws RefusedMaterialException {
    Provider template = Security.getProvider("SunPKCS11");
    if (template == null) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE, "this JVM has no SunPKCS11: expected the module jdk.crypto.cryptoki");
    }
    int slot = Pkcs11Slots.indexOf(config.library(), config.token());
    return template.configure(
        """
        --name = signet
        library = "%s"
        slotListIndex = %d
        attributes(generate, CKO_PRIVATE_KEY, *) = {
          CKA_PRIVATE = true
          CKA_SENSITIVE = true
          CKA_EXTRACTABLE = false
          CKA_SIGN = true
        }
        """
            .formatted(config.library(), slot));
  }

  /**
   * Makes an anchor and an issuer whose keys are generated in the token and cannot be extracted.
   * The anchor's label is the issuer's with {@code -anchor} appended.
   *
   * @param suffix control-plane namespace and trust domain, for the names of the certificates
   * @return the anchor; the issuer is in the token
   * @throws PkiException when the token already has an object with one of the labels, or cannot
   *     make such keys; the token is not changed then
   */
  public static X509Certificate create(
      Config config, String suffix, EmbeddedAuthority.Plan plan, Instant now) throws PkiException {
    if (plan.keyKind() == KeyKind.ED25519) {
      throw new PkiException(
          "key type ed25519 cannot be made in a token: expected p256, p384 or RSA");
    }
    Pkcs11Token token = new Pkcs11Token(config, Path.of(""));
    String anchorLabel = config.keyLabel() + "-anchor";
    try {
      KeyStore store = token.store();
      for (String label : List.of(config.keyLabel(), anchorLabel)) {
        if (store.containsAlias(label)) {
          throw new PkiException(
              token + " has an object with label " + label + ": nothing was changed");
        }
      }
      Provider provider = store.getProvider();
      KeyPairGenerator generator =
          KeyPairGenerator.getInstance(plan.keyKind().algorithm(), provider);
      plan.keyKind().initialize(generator);
      KeyPair above = generator.generateKeyPair();
      SigningKey anchorKey = new SigningKey(above.getPrivate(), provider);
      X509Certificate anchor =
          CertificateBuilder.anchor(
              "root." + suffix,
              above.getPublic(),
              anchorKey,
              EmbeddedAuthority.start(now),
              now.plus(plan.anchorLifetime()));
      KeyPair keys = generator.generateKeyPair();
      X509Certificate issuer =
          CertificateBuilder.issuer(
              "identity." + suffix,
              keys.getPublic(),
              anchorKey,
              anchor,
              EmbeddedAuthority.start(now),
              now.plus(plan.issuerLifetime()));
      store.setKeyEntry(anchorLabel, above.getPrivate(), null, new Certificate[] {anchor});
      store.setKeyEntry(config.keyLabel(), keys.getPrivate(), null, new Certificate[] {issuer});
      return anchor;
    } catch (RefusedMaterialException | GeneralSecurityException | RuntimeException e) {
      if (e instanceof PkiException known) {
        throw known;
      }
      throw new PkiException(
          token + ": keys cannot be generated in the token: " + e.getMessage(), e);
    }
  }

  /**
   * An anchor whose key is in a token.
   *
   * @param certificate the anchor
   * @param key its key
   */
  public record TokenAnchor(X509Certificate certificate, CaKey key) {}

  /**
   * The certificate under the label of a key; null when the token has no object with that label, or
   * only a key that {@link #createAnchor} left without a certificate when it was cut short.
   *
   * @param journal directory of {@link #createAnchor}
   * @throws PkiException when the token cannot be used, or has something else under the label
   */
  public static @Nullable TokenAnchor find(Config config, Path journal) throws PkiException {
    Pkcs11Token token = shared(config);
    return token.call(() -> token.find(new UnfinishedKeys(journal)));
  }

  private synchronized @Nullable TokenAnchor find(UnfinishedKeys journal)
      throws RefusedMaterialException, GeneralSecurityException, IOException, PkiException {
    KeyStore store = store();
    if (store.containsAlias(config.keyLabel())) {
      journal.end(config);
      return new TokenAnchor(chain(store).getFirst(), new CaKey.InToken(config));
    }
    journal.requireNoOther(config);
    return null;
  }

  /**
   * Makes an anchor whose key is generated in the token and cannot be extracted. A key that an
   * earlier call left without a certificate because the process was killed is deleted.
   *
   * @param name common name of the subject
   * @param journal directory for a file that says which key is being made
   * @throws PkiException when the token already has an object with the label that is of somebody
   *     else, or cannot make such a key
   */
  public static TokenAnchor createAnchor(
      Config config, String name, KeyKind kind, Instant from, Instant until, Path journal)
      throws PkiException {
    if (kind == KeyKind.ED25519) {
      throw new PkiException(
          "key type ed25519 cannot be made in a token: expected p256, p384 or RSA");
    }
    Pkcs11Token token = shared(config);
    return token.call(
        () -> token.createAnchor(name, kind, from, until, new UnfinishedKeys(journal)));
  }

  private synchronized TokenAnchor createAnchor(
      String name, KeyKind kind, Instant from, Instant until, UnfinishedKeys journal)
      throws PkiException {
    try {
      KeyStore store = store();
      if (store.containsAlias(config.keyLabel())) {
        throw new PkiException(
            this + " has an object with label " + config.keyLabel() + ": nothing was changed");
      }
      journal.clear(config);
      Provider with = store.getProvider();
      KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.algorithm(), with);
      kind.initialize(generator);
      KeyPair keys = generator.generateKeyPair();
      X509Certificate anchor =
          CertificateBuilder.anchor(
              name, keys.getPublic(), new SigningKey(keys.getPrivate(), with), from, until);
      // Until here the key is one of the session, which ends with the process.
      journal.begin(config, keys.getPublic());
      try {
        store.setKeyEntry(config.keyLabel(), keys.getPrivate(), null, new Certificate[] {anchor});
      } catch (GeneralSecurityException | RuntimeException e) {
        takeBack(journal, e);
        throw e;
      }
      journal.end(config);
      return new TokenAnchor(anchor, new CaKey.InToken(config));
    } catch (PkiException e) {
      throw e;
    } catch (IOException
        | RefusedMaterialException
        | GeneralSecurityException
        | RuntimeException e) {
      throw new PkiException(
          this
              + ": a key cannot be generated in the token: "
              + e.getMessage()
              + "; if a key is left under this label, the next attempt deletes it",
          e);
    }
  }

  /** Deletes a key that has no certificate. What cannot be deleted now is at the next attempt. */
  private void takeBack(UnfinishedKeys journal, Exception failure) {
    try {
      journal.clear(config);
    } catch (IOException | RefusedMaterialException | PkiException | RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  @Override
  public String toString() {
    return "token '" + config.token() + "', key '" + config.keyLabel() + "'";
  }
}
