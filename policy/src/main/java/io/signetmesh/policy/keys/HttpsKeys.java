package io.signetmesh.policy.keys;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
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
import io.signetmesh.crds.text.Quoted;
import io.signetmesh.crds.token.KeyUrl;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.policy.keys.KeyFetchException.Kind;
import io.signetmesh.policy.token.KeyLocation;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Fetches key sets over HTTPS. A fetch, with the configuration document where there is one, takes
 * at most {@link #LIMIT}, and each answer has at most {@link #MAX_BYTES}. Redirects are not
 * followed. A connection goes to an address that was checked ({@link KeyNetworks}), not to a name
 * that may have another address by then. Safe for use by several threads.
 */
public final class HttpsKeys implements KeyFetcher, AutoCloseable {
  /** Time for a whole fetch. */
  public static final Duration LIMIT = Duration.ofSeconds(10);

  /** Longest answer, in bytes. */
  public static final int MAX_BYTES = 256 * 1024;

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

  private final KeyNetworks networks;
  private final Resolver resolver;
  private final Duration limit;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("policy-key-sets", true), NioIoHandler.newFactory());
  private volatile @Nullable SslContext trustedByDefault;

  /** Finds the addresses of names. */
  @FunctionalInterface
  interface Resolver {
    /** The addresses of a host, at least one; a literal address is its own. */
    InetAddress[] resolve(String host) throws UnknownHostException;
  }

  /**
   * @param networks addresses that keys may be fetched from
   */
  public HttpsKeys(KeyNetworks networks) {
    this(networks, InetAddress::getAllByName, LIMIT);
  }

  HttpsKeys(KeyNetworks networks, Resolver resolver, Duration limit) {
    this.networks = networks;
    this.resolver = resolver;
    this.limit = limit;
  }

  @Override
  public String fetch(KeyLocation location) throws KeyFetchException {
    long deadline = System.nanoTime() + limit.toNanos();
    return switch (location.kind()) {
      case KEY_SET -> get(location.url(), location.caBundle(), deadline);
      case DISCOVERY -> get(keySetUrl(location, deadline), location.caBundle(), deadline);
    };
  }

  @Override
  public void close() {
    group.shutdownGracefully(0, 1_000, TimeUnit.MILLISECONDS);
  }

  /** The URL that a configuration document names. */
  private String keySetUrl(KeyLocation location, long deadline) throws KeyFetchException {
    String text = get(location.url(), location.caBundle(), deadline);
    JsonNode document;
    try {
      document = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new KeyFetchException(Kind.CONTENT, location + " is not JSON");
    }
    String issuer = document.path("issuer").textValue();
    if (!location.issuer().equals(issuer)) {
      throw new KeyFetchException(
          Kind.ISSUER,
          location
              + " is of issuer "
              + (issuer == null ? "none" : Quoted.text(issuer))
              + ": expected "
              + Quoted.text(location.issuer()));
    }
    String url = document.path("jwks_uri").textValue();
    if (url == null) {
      throw new KeyFetchException(Kind.CONTENT, location + " has no jwks_uri");
    }
    String problem = KeyUrl.problem(url).orElse(null);
    if (problem == null && location.url().startsWith("https:") && !url.startsWith("https:")) {
      problem = "expected https://";
    }
    if (problem != null) {
      throw new KeyFetchException(
          Kind.CONTENT,
          "jwks_uri of " + location + " is " + Quoted.text(KeyUrl.shown(url)) + ": " + problem);
    }
    return url;
  }

  private String get(String whole, String trust, long deadline) throws KeyFetchException {
    URI uri = URI.create(whole);
    String url = KeyUrl.shown(whole);
    List<InetAddress> addresses = addresses(url, host(uri));
    KeyFetchException first = null;
    for (InetAddress address : addresses) {
      try {
        return get(url, uri, address, trust, deadline);
      } catch (KeyFetchException e) {
        if (e.kind() != Kind.CONNECTION) {
          throw e;
        }
        first = first == null ? e : first;
      }
    }
    throw first == null
        ? new KeyFetchException(Kind.NAME, url + ": its host has no address")
        : first;
  }

  /** Addresses of a host that keys may be fetched from, the first of them. */
  private List<InetAddress> addresses(String url, String host) throws KeyFetchException {
    InetAddress[] all;
    try {
      all = resolver.resolve(host);
    } catch (UnknownHostException e) {
      throw new KeyFetchException(Kind.NAME, url + ": its host has no address");
    }
    List<InetAddress> allowed = new ArrayList<>();
    for (InetAddress address : all) {
      if (networks.allow(address) && allowed.size() < MAX_ADDRESSES) {
        allowed.add(address);
      }
    }
    if (allowed.isEmpty() && all.length > 0) {
      throw new KeyFetchException(
          Kind.ADDRESS,
          url
              + ": its host has no address of the internet; --key-set-networks of the policy"
              + " controller names others that keys may be fetched from");
    }
    return allowed;
  }

  /**
   * @param url the URL as errors show it
   */
  private String get(String url, URI uri, InetAddress address, String trust, long deadline)
      throws KeyFetchException {
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
                        .addLast(new KeyExchange(url, uri, answer, MAX_BYTES));
                  }
                })
            .connect(new InetSocketAddress(address, port));
    connected.addListener(
        done -> {
          if (!done.isSuccess()) {
            answer.completeExceptionally(
                new KeyFetchException(Kind.CONNECTION, url + " cannot be reached"));
          }
        });
    try {
      return text(url, answer.get(millisLeft(deadline), TimeUnit.MILLISECONDS));
    } catch (TimeoutException e) {
      throw new KeyFetchException(
          Kind.TIMEOUT, url + " has not answered in " + limit.toSeconds() + " s");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof KeyFetchException failure
          ? failure
          : new KeyFetchException(Kind.CONNECTION, url + ": " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KeyFetchException(Kind.CONNECTION, url + ": the controller is being closed");
    } finally {
      connected.channel().close();
    }
  }

  private static long millisLeft(long deadline) {
    return Math.max(0, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()));
  }

  private static String text(String url, byte[] bytes) throws KeyFetchException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new KeyFetchException(Kind.CONTENT, url + " is not UTF-8");
    }
  }

  private static String host(URI uri) {
    String host = uri.getHost();
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private SslContext context(String trust) throws KeyFetchException {
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
      throw new KeyFetchException(Kind.TLS, "caBundle cannot be used: " + e.getMessage());
    }
  }
}
