package io.signetmesh.identity.federation;

import io.signetmesh.identity.federation.ForeignDomain.Profile;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Fetches the bundle of a foreign trust domain from its endpoint (SPIFFE Federation section 5.2):
 * one GET on a connection of its own, so that nothing of an earlier session counts. Redirects are
 * not followed: the URL that is configured is the one that is trusted.
 */
final class BundleFetch implements BundleSource {
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  private final TrustBundle own;
  private final InstantSource clock;
  private final Duration limit;

  /**
   * @param own bundle of the own trust domain: what it vouches for is not the endpoint
   * @param limit for the whole fetch
   */
  BundleFetch(TrustBundle own, InstantSource clock, Duration limit) {
    this.own = own;
    this.clock = clock;
    this.limit = limit;
  }

  @Override
  public SpiffeBundle fetch(ForeignDomain domain, @Nullable TrustBundle trusted)
      throws IOException, PkiException, InterruptedException {
    String source = "bundle of " + domain.trustDomain() + " at " + domain.url();
    SSLParameters parameters = new SSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
    HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT_LIMIT)
            .sslContext(context(source, domain, trusted))
            .sslParameters(parameters)
            .build();
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(
            HttpRequest.newBuilder(domain.url())
                .header("Accept", "application/json")
                .timeout(limit)
                .GET()
                .build(),
            HttpResponse.BodyHandlers.limiting(
                HttpResponse.BodyHandlers.ofByteArray(), SpiffeBundle.MAX_BYTES));
    try {
      HttpResponse<byte[]> response = answer.get(limit.toMillis(), TimeUnit.MILLISECONDS);
      int status = response.statusCode();
      if (status != 200) {
        throw new PkiException(
            source
                + ": status "
                + status
                + (status >= 300 && status < 400
                    ? ", a redirect: expected 200, redirects are not followed"
                    : ": expected 200"));
      }
      return SpiffeBundle.parse(source, response.body());
    } catch (TimeoutException e) {
      throw new IOException(source + ": no answer within " + limit.toSeconds() + " s", e);
    } catch (ExecutionException e) {
      throw new IOException(source + ": " + reason(e), e);
    } finally {
      answer.cancel(true);
      client.shutdownNow();
    }
  }

  /** The innermost message: what TLS wraps says least. */
  private static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null && cause.getCause() != cause) {
      cause = cause.getCause();
    }
    String message = cause.getMessage();
    return message == null ? cause.getClass().getSimpleName() : message;
  }

  private SSLContext context(String source, ForeignDomain domain, @Nullable TrustBundle trusted)
      throws IOException, PkiException {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      switch (domain.profile()) {
        case Profile.Web(Path authorities) ->
            context.init(null, authorities == null ? null : ofFile(authorities), null);
        case Profile.Spiffe spiffe -> {
          if (trusted == null) {
            throw new PkiException(
                source
                    + ": the domain has no anchors left to authenticate its endpoint: expected"
                    + " another initialBundle");
          }
          ChainVerifier verifier =
              ChainVerifier.of(PeerTrust.of(own).withFederated(List.of(trusted)), clock);
          context.init(
              null, new TrustManager[] {new EndpointTrust(verifier, spiffe.endpointId())}, null);
        }
      }
      return context;
    } catch (GeneralSecurityException e) {
      throw new PkiException(source + ": TLS cannot be set up: " + e.getMessage(), e);
    }
  }

  private static TrustManager[] ofFile(Path authorities)
      throws IOException, PkiException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int count = 0;
    for (X509Certificate authority : Certificates.readPem(authorities)) {
      store.setCertificateEntry("ca-" + count++, authority);
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  /** Takes the server with one SPIFFE id, for which its own trust domain vouches; no host names. */
  private static final class EndpointTrust extends X509ExtendedTrustManager {
    private static final X509Certificate[] NONE = {};

    private final ChainVerifier verifier;
    private final String id;

    EndpointTrust(ChainVerifier verifier, String id) {
      this.verifier = verifier;
      this.id = id;
    }

    private void check(X509Certificate[] chain) throws CertificateException {
      PeerIdentity peer = verifier.verify(List.of(chain), ChainVerifier.Purpose.SERVER);
      if (!peer.federated() || !peer.name().equals(id)) {
        throw new CertificateException(
            "the endpoint is " + peer.name() + ": expected endpointSpiffeId " + id);
      }
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      check(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
        throws CertificateException {
      check(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      check(chain);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      throw new CertificateException("there are no clients here");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
        throws CertificateException {
      throw new CertificateException("there are no clients here");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      throw new CertificateException("there are no clients here");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return NONE;
    }
  }
}
