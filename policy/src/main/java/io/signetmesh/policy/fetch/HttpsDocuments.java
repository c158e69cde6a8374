package io.signetmesh.policy.fetch;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.protobuf.ByteString;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.crds.network.FetchUrl;
import io.signetmesh.crds.text.Quoted;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.fetch.FetchException.Kind;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Fetches key sets and policy bundles over HTTPS. A fetch, with the look for addresses and with the
 * configuration document where there is one, takes at most {@link #LIMIT}. An answer has at most
 * 256 KiB, a bundle at most 1 MiB. Redirects are not followed. A connection goes to an address that
 * was checked ({@link FetchNetworks}), not to a name that may have another address by then. Safe
 * for use by several threads.
 */
public final class HttpsDocuments implements DocumentFetcher, AutoCloseable {
  /** Time for a whole fetch. */
  public static final Duration LIMIT = Duration.ofSeconds(10);

  private static final String ACCEPT_KEYS = "application/jwk-set+json, application/json";
  private static final String ACCEPT_BUNDLE =
      "application/gzip, application/octet-stream;q=0.9, */*;q=0.1";

  /**
   * Looks for addresses at the same time. One that hangs has a thread for longer than its fetch.
   */
  private static final int MAX_LOOKS = 64;

  private static final int MAX_ADDRESSES = 4;
  private static final long CONNECT_MILLIS = 3_000;
  private static final int HTTPS_PORT = 443;
  private static final int HTTP_PORT = 80;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(32).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final FetchNetworks networks;
  private final Resolver resolver;
  private final Duration limit;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("policy-https", true), NioIoHandler.newFactory());
  private final ExecutorService looks =
      new ThreadPoolExecutor(
          0,
          MAX_LOOKS,
          10,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          new DefaultThreadFactory("policy-names", true));
  private volatile @Nullable SslContext trustedByDefault;

  /** Finds the addresses of names. */
  @FunctionalInterface
  interface Resolver {
    /** The addresses of a host, at least one; a literal address is its own. */
    InetAddress[] resolve(String host) throws UnknownHostException;
  }

  /**
   * @param networks addresses that documents may be fetched from
   */
  public HttpsDocuments(FetchNetworks networks) {
    this(networks, InetAddress::getAllByName, LIMIT);
  }

  HttpsDocuments(FetchNetworks networks, Resolver resolver, Duration limit) {
    this.networks = networks;
    this.resolver = resolver;
    this.limit = limit;
  }

  @Override
  public ByteString fetch(DocumentLocation location) throws FetchException {
    long deadline = System.nanoTime() + limit.toNanos();
    String trust = location.caBundle();
    return switch (location.kind()) {
      case KEY_SET -> get(location.url(), DocumentForm.KEY_SET, trust, deadline);
      case DISCOVERY -> get(keySetUrl(location, deadline), DocumentForm.KEY_SET, trust, deadline);
      case BUNDLE -> get(location.url(), DocumentForm.BUNDLE, trust, deadline);
      case BUNDLE_FILE ->
          throw new FetchException(Kind.FILE, location + " is not fetched from a server");
    };
  }

  @Override
  public void close() {
    looks.shutdownNow();
    group.shutdownGracefully(0, 1_000, TimeUnit.MILLISECONDS);
  }

  /** The URL that a configuration document names. */
  private String keySetUrl(DocumentLocation location, long deadline) throws FetchException {
    ByteString content = get(location.url(), DocumentForm.KEY_SET, location.caBundle(), deadline);
    JsonNode document;
    try {
      document = JSON.readTree(text(location.toString(), content));
    } catch (JsonProcessingException e) {
      throw new FetchException(Kind.CONTENT, location + " is not JSON");
    }
    String issuer = document.path("issuer").textValue();
    if (!location.issuer().equals(issuer)) {
      throw new FetchException(
          Kind.ISSUER,
          location
              + " is of issuer "
              + (issuer == null ? "none" : Quoted.text(issuer))
              + ": expected "
              + Quoted.text(location.issuer()));
    }
    String url = document.path("jwks_uri").textValue();
    if (url == null) {
      throw new FetchException(Kind.CONTENT, location + " has no jwks_uri");
    }
    String problem = FetchUrl.problem(url).orElse(null);
    if (problem == null && location.url().startsWith("https:") && !url.startsWith("https:")) {
      problem = "expected https://";
    }
    if (problem != null) {
      throw new FetchException(
          Kind.CONTENT,
          "jwks_uri of " + location + " is " + Quoted.text(FetchUrl.shown(url)) + ": " + problem);
    }
    return url;
  }

  private ByteString get(String whole, DocumentForm form, String trust, long deadline)
      throws FetchException {
    URI uri = URI.create(whole);
    String url = FetchUrl.shown(whole);
    List<InetAddress> addresses = addresses(url, host(uri), deadline);
    FetchException first = null;
    for (InetAddress address : addresses) {
      try {
        return get(url, uri, address, form, trust, deadline);
      } catch (FetchException e) {
        if (e.kind() != Kind.CONNECTION) {
          throw e;
        }
        first = first == null ? e : first;
      }
    }
    throw first == null ? new FetchException(Kind.NAME, url + ": its host has no address") : first;
  }

  /** Addresses of a host that documents may be fetched from, the first of them. */
  private List<InetAddress> addresses(String url, String host, long deadline)
      throws FetchException {
    InetAddress[] all = resolved(url, host, deadline);
    List<InetAddress> allowed = new ArrayList<>();
    for (InetAddress address : all) {
      if (networks.allow(address) && allowed.size() < MAX_ADDRESSES) {
        allowed.add(address);
      }
    }
    if (allowed.isEmpty() && all.length > 0) {
      throw new FetchException(
          Kind.ADDRESS,
          url
              + ": its host has no address of the internet; --key-set-networks of the policy"
              + " controller names others that it may fetch from");
    }
    return allowed;
  }

  /** All addresses of a host. The system's resolver has no deadline, so it has a thread. */
  private InetAddress[] resolved(String url, String host, long deadline) throws FetchException {
    Future<InetAddress[]> look;
    try {
      look = looks.submit(() -> resolver.resolve(host));
    } catch (RejectedExecutionException e) {
      throw new FetchException(
          Kind.TIMEOUT, url + ": the addresses of too many other hosts are being looked for");
    }
    try {
      return look.get(millisLeft(deadline), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      look.cancel(true);
      throw new FetchException(
          Kind.TIMEOUT, url + ": no address of its host was found in " + limit.toSeconds() + " s");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownHostException) {
        throw new FetchException(Kind.NAME, url + ": its host has no address");
      }
      throw new FetchException(Kind.NAME, url + ": its host cannot be looked for: " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw closed(url);
    }
  }

  private static FetchException closed(String url) {
    return new FetchException(Kind.CONNECTION, url + ": the controller is being closed");
  }

  /**
   * @param url the URL as errors show it
   */
  private ByteString get(
      String url, URI uri, InetAddress address, DocumentForm form, String trust, long deadline)
      throws FetchException {
    boolean tls = uri.getScheme().equals("https");
    int port = uri.getPort() > 0 ? uri.getPort() : tls ? HTTPS_PORT : HTTP_PORT;
    String host = host(uri);
    SslContext context = tls ? context(trust) : null;
    CompletableFuture<byte[]> answer = new CompletableFuture<>();
    ChannelFuture connected =
        new Bootstrap()
            .group(group)
            .channel(NioSocketChannel.class)
            .option(
                ChannelOption.CONNECT_TIMEOUT_MILLIS,
                (int) Math.max(1, Math.min(CONNECT_MILLIS, millisLeft(deadline))))
            .handler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if (context != null) {
                      SslHandler handler = context.newHandler(channel.alloc(), host, port);
                      handler.setHandshakeTimeoutMillis(limit.toMillis());
                      channel.pipeline().addLast(handler);
                    }
                    channel
                        .pipeline()
                        .addLast(new HttpClientCodec(4_096, 16_384, 16_384, true))
                        .addLast(
                            new DocumentExchange(
                                url,
                                uri,
                                answer,
                                form == DocumentForm.BUNDLE ? ACCEPT_BUNDLE : ACCEPT_KEYS,
                                form.maxBytes()));
                  }
                })
            .connect(new InetSocketAddress(address, port));
    connected.addListener(
        done -> {
          if (!done.isSuccess()) {
            answer.completeExceptionally(
                new FetchException(Kind.CONNECTION, url + " cannot be reached"));
          }
        });
    try {
      return ByteString.copyFrom(answer.get(millisLeft(deadline), TimeUnit.MILLISECONDS));
    } catch (TimeoutException e) {
      throw new FetchException(
          Kind.TIMEOUT, url + " has not answered in " + limit.toSeconds() + " s");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof FetchException failure
          ? failure
          : new FetchException(Kind.CONNECTION, url + ": " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw closed(url);
    } finally {
      connected.channel().close();
    }
  }

  private static long millisLeft(long deadline) {
    return Math.max(0, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()));
  }

  private static String text(String url, ByteString bytes) throws FetchException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.asReadOnlyByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw new FetchException(Kind.CONTENT, url + " is not UTF-8");
    }
  }

  private static String host(URI uri) {
    String host = uri.getHost();
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private SslContext context(String trust) throws FetchException {
    SslContext known = trustedByDefault;
    if (trust.isEmpty() && known != null) {
      return known;
    }
    try {
      SslContextBuilder builder =
          SslContextBuilder.forClient()
              .sslProvider(SslProvider.JDK)
              .protocols("TLSv1.3", "TLSv1.2")
              .endpointIdentificationAlgorithm("HTTPS");
      if (!trust.isEmpty()) {
        builder.trustManager(
            Certificates.parsePem("caBundle", trust).toArray(X509Certificate[]::new));
      }
      SslContext context = builder.build();
      if (trust.isEmpty()) {
        trustedByDefault = context;
      }
      return context;
    } catch (SSLException | PkiException e) {
      throw new FetchException(Kind.TLS, "caBundle cannot be used: " + e.getMessage());
    }
  }
}
