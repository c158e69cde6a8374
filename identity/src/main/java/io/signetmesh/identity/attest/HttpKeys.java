package io.signetmesh.identity.attest;

import com.nimbusds.jose.util.JSONObjectUtils;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.text.ParseException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * Keys over HTTPS: at a URL, or at the one that the issuer names by OpenID Connect Discovery 1.0.
 * Follows no redirects; a fetch takes at most ten seconds and {@link KeySource#MAX_BYTES} bytes.
 */
final class HttpKeys implements KeySource, AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int OK = 200;

  private final HttpClient client;
  private final @Nullable URI keys;
  private final @Nullable String issuer;

  private HttpKeys(HttpClient client, @Nullable URI keys, @Nullable String issuer) {
    this.client = client;
    this.keys = keys;
    this.issuer = issuer;
  }

  /** The keys at a URL. */
  static HttpKeys at(URI keys, @Nullable Path trust) throws IOException, PkiException {
    return new HttpKeys(client(trust), requireSecure(keys), null);
  }

  /** The keys that an issuer names at {@code <issuer>/.well-known/openid-configuration}. */
  static HttpKeys discovered(String issuer, @Nullable Path trust) throws IOException, PkiException {
    requireSecure(URI.create(issuer));
    return new HttpKeys(client(trust), null, issuer);
  }

  /**
   * Refuses what is not HTTPS; HTTP is for a loopback address only.
   *
   * @throws IllegalArgumentException when the URL is any other
   */
  static URI requireSecure(URI uri) {
    String scheme = String.valueOf(uri.getScheme());
    String host = uri.getHost();
    boolean secure =
        host != null
            && uri.getUserInfo() == null
            && (scheme.equals("https") || (scheme.equals("http") && isLoopback(host)));
    if (!secure) {
      throw new IllegalArgumentException(
          WorkloadIdentity.printable(uri.toString()) + ": expected an https URL");
    }
    return uri;
  }

  /**
   * The URL of keys that an issuer names: HTTP only when the issuer is at a loopback address too.
   *
   * @throws IllegalArgumentException when the URL is any other
   */
  static URI keysUrl(String issuer, String uri) {
    URI url = requireSecure(URI.create(uri));
    String issuerHost = URI.create(issuer).getHost();
    if (!String.valueOf(url.getScheme()).equals("https")
        && (issuerHost == null || !isLoopback(issuerHost))) {
      throw new IllegalArgumentException(
          WorkloadIdentity.printable(uri) + ": expected an https URL");
    }
    return url;
  }

  @Override
  public String fetch() throws IOException {
    URI at = keys;
    String name = issuer;
    if (at == null && name != null) {
      at = discover(name);
    }
    return get(Objects.requireNonNull(at));
  }

  @Override
  public void close() {
    client.shutdownNow();
  }

  private URI discover(String name) throws IOException {
    URI at = URI.create(name.replaceFirst("/$", "") + "/.well-known/openid-configuration");
    try {
      var document = JSONObjectUtils.parse(get(at));
      String told = JSONObjectUtils.getString(document, "issuer");
      if (!name.equals(told)) {
        throw new IOException(
            at + " is of issuer " + SignedToken.quoted(told) + ": expected \"" + name + "\"");
      }
      String uri = JSONObjectUtils.getString(document, "jwks_uri");
      if (uri == null) {
        throw new IOException(at + " has no jwks_uri");
      }
      return keysUrl(name, uri);
    } catch (ParseException e) {
      throw new IOException(at + " is not JSON", e);
    } catch (IllegalArgumentException e) {
      throw new IOException("jwks_uri of " + at + ": " + e.getMessage(), e);
    }
  }

  private String get(URI at) throws IOException {
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(
            HttpRequest.newBuilder(at)
                .timeout(LIMIT)
                .header("Accept", "application/json")
                .GET()
                .build(),
            HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofByteArray(), MAX_BYTES));
    try {
      // The client's own limit ends with the headers.
      HttpResponse<byte[]> response = answer.get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      if (response.statusCode() != OK) {
        throw new IOException(at + " answers " + response.statusCode() + ": expected 200");
      }
      return new String(response.body(), StandardCharsets.UTF_8);
    } catch (TimeoutException e) {
      throw new IOException(at + " has not answered in " + LIMIT.toSeconds() + " s", e);
    } catch (ExecutionException e) {
      throw new IOException(at + " cannot be fetched: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(at + " cannot be fetched: interrupted", e);
    } finally {
      answer.cancel(true);
    }
  }

  private static boolean isLoopback(String host) {
    try {
      String literal =
          host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
      return InetAddress.ofLiteral(literal).isLoopbackAddress();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static HttpClient client(@Nullable Path trust) throws IOException, PkiException {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(5))
            .followRedirects(HttpClient.Redirect.NEVER)
            .version(HttpClient.Version.HTTP_1_1);
    if (trust != null) {
      List<X509Certificate> anchors = Certificates.readPem(trust);
      try {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        for (int i = 0; i < anchors.size(); i++) {
          store.setCertificateEntry("anchor-" + i, anchors.get(i));
        }
        TrustManagerFactory trusted =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trusted.getTrustManagers(), null);
        builder.sslContext(tls);
      } catch (GeneralSecurityException e) {
        throw new PkiException(trust + " cannot be used as trust anchors: " + e.getMessage(), e);
      }
    }
    return builder.build();
  }
}
