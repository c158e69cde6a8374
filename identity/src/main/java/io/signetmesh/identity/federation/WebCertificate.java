package io.signetmesh.identity.federation;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Certificate and key of the bundle endpoint for profile {@code https_web}, read again when the
 * files change: looked at by connections, once a second at most. What is not valid is not taken;
 * the earlier pair stays.
 */
final class WebCertificate implements Supplier<WebCertificate.Pair> {
  private static final Logger log = LoggerFactory.getLogger(WebCertificate.class);

  private final BundleEndpoint.WebFiles files;
  private final InstantSource clock;
  private volatile Pair current;
  private volatile Instant lookAt;
  private String seen;

  /** A certificate chain, leaf first, with its key. */
  record Pair(List<X509Certificate> chain, PrivateKey key) {}

  private WebCertificate(
      BundleEndpoint.WebFiles files, InstantSource clock, String seen, Pair current) {
    this.files = files;
    this.clock = clock;
    this.seen = seen;
    this.current = current;
    this.lookAt = clock.instant().plusSeconds(1);
  }

  static WebCertificate open(BundleEndpoint.WebFiles files, InstantSource clock)
      throws IOException, PkiException {
    String state = state(files);
    return new WebCertificate(files, clock, state, read(files));
  }

  LiveSslContext<Pair> context() {
    return new LiveSslContext<>(this, WebCertificate::build);
  }

  @Override
  public Pair get() {
    return clock.instant().isBefore(lookAt) ? current : look();
  }

  private synchronized Pair look() {
    if (clock.instant().isBefore(lookAt)) {
      return current;
    }
    lookAt = clock.instant().plusSeconds(1);
    try {
      String now = state(files);
      if (!now.equals(seen)) {
        current = read(files);
        seen = now;
        log.info("the bundle endpoint has another certificate");
      }
    } catch (IOException | PkiException e) {
      log.warn("the certificate of the bundle endpoint stays as it is: {}", e.getMessage());
    }
    return current;
  }

  private static SslContext build(Pair pair) throws SSLException {
    return SslContextBuilder.forServer(pair.key(), pair.chain())
        .sslProvider(SslProvider.OPENSSL_REFCNT)
        .protocols("TLSv1.3", "TLSv1.2")
        .build();
  }

  private static Pair read(BundleEndpoint.WebFiles files) throws IOException, PkiException {
    StateFiles.requireSecret(files.key());
    List<X509Certificate> chain = Certificates.readPem(files.certificates());
    PrivateKey key = PrivateKeys.read(files.key());
    if (!PrivateKeys.matches(key, chain.getFirst().getPublicKey())) {
      throw new PkiException(
          files.key() + " is not the key of the first certificate in " + files.certificates());
    }
    try {
      ReferenceCountUtil.release(build(new Pair(chain, key)));
    } catch (SSLException | IllegalArgumentException e) {
      throw new PkiException(
          files.certificates() + " and " + files.key() + " make no TLS server", e);
    }
    return new Pair(chain, key);
  }

  private static String state(BundleEndpoint.WebFiles files) throws IOException {
    StringBuilder state = new StringBuilder();
    for (var file : List.of(files.certificates(), files.key())) {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      state
          .append(attributes.lastModifiedTime())
          .append('/')
          .append(attributes.size())
          .append('/')
          .append(attributes.fileKey())
          .append('|');
    }
    return state.toString();
  }
}
