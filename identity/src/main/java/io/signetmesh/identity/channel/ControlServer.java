package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.InternalNettyServerCredentials;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.identity.channel.send.SendBudget;
import io.signetmesh.identity.channel.send.SendTurn;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A gRPC server of the control plane. It accepts HTTP/2 with prior knowledge (RFC 9113 section 3.3)
 * over TLS 1.3, with or without ALPN {@code h2}. It requests a client certificate. A certificate
 * that does not verify fails the handshake. Calls without a certificate get UNAUTHENTICATED, except
 * for methods that need none. {@link Caller#current} returns the caller. All servers of a process
 * share the limit on connections.
 *
 * <p>A connection ends with the trust in its caller: at once when the caller is revoked, and,
 * announced by a GOAWAY, with all its calls when the caller's certificate ends. A connection
 * without a certificate ends after a minute, plus 15 s for calls that are still open; clients then
 * reconnect.
 */
public final class ControlServer implements AutoCloseable {
  /** Time for TLS, and again for the client's HTTP/2 preface and settings. */
  private static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(10);

  /** Far above what a proxy watches; bounds what one client can hold open. */
  private static final int MAX_CALLS_PER_CONNECTION = 10_000;

  /** What proxies ask and report takes some KiB. */
  private static final int MAX_REQUEST_BYTES = 64 * 1024;

  /**
   * What a client may send without being processed, in a call and on the connection. Twice the
   * largest message, because half of a window may be open only.
   */
  private static final int MIN_WINDOW = 64 * 1024;

  /**
   * Connections that the kernel holds until they are accepted. A server that starts makes some
   * hundred handshakes a second, and its clients give up after 10 s. With a longer queue it would
   * work for those that are gone, and the others would be late for it. Whoever finds no place here
   * knocks again by TCP's own rules.
   */
  private static final int BACKLOG = 512;

  private static final int MAX_METADATA_BYTES = 4 * 1024;

  /** Largest read of a socket, and so what a record or frame that has not come whole keeps. */
  private static final int MAX_READ = 16 * 1024;

  /** Between two looks at who waits to be sent an answer: who was called may not have wanted it. */
  private static final long TURN_MILLIS = 1_000;

  private final Server server;
  private final InetSocketAddress address;
  private final ExecutorService workers;
  private final @Nullable LiveSslContext<?> tls;
  private final @Nullable TrustWatch trust;
  private final Future<?> turns;

  private ControlServer(
      Server server,
      ExecutorService workers,
      @Nullable LiveSslContext<?> tls,
      @Nullable TrustWatch trust,
      ControlLoops loops) {
    this.server = server;
    this.address = (InetSocketAddress) server.getListenSockets().getFirst();
    this.workers = workers;
    this.tls = tls;
    this.trust = trust;
    this.turns =
        loops
            .group()
            .scheduleWithFixedDelay(
                loops.sends()::callNext, TURN_MILLIS, TURN_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Transport security of connections. */
  public sealed interface Security {
    /**
     * Mutual TLS.
     *
     * @param credentials gives the newest credentials; new handshakes use them
     * @param clock the time at which clients' certificates must be valid
     * @param openMethods full names of methods ({@code package.Service/Method}) that callers
     *     without a certificate may use
     */
    record MutualTls(
        Supplier<Credentials> credentials, InstantSource clock, Set<String> openMethods)
        implements Security {
      /** Copies the set. */
      public MutualTls {
        openMethods = Set.copyOf(openMethods);
      }
    }

    /** No protection; only on a loopback address. Callers are {@link Caller.TrustedLocal}. */
    record Cleartext() implements Security {}
  }

  /**
   * Configuration of a server.
   *
   * @param address address to bind; port 0 selects a free port
   * @param security transport security of connections
   * @param workers number of threads that serve calls
   * @param maxRequestBytes largest accepted message, in bytes
   * @param maxCalls most open calls of one connection; with {@code maxRequestBytes} it limits the
   *     memory that a client can make the server hold
   * @param maxCallsOf most open calls of one connection to single methods, by full name ({@code
   *     package.Service/Method}), on a connection with a certificate or of a trusted caller
   */
  public record Config(
      InetSocketAddress address,
      Security security,
      int workers,
      int maxRequestBytes,
      int maxCalls,
      Map<String, Integer> maxCallsOf) {
    /** A configuration without limits on single methods. */
    public Config(
        InetSocketAddress address,
        Security security,
        int workers,
        int maxRequestBytes,
        int maxCalls) {
      this(address, security, workers, maxRequestBytes, maxCalls, Map.of());
    }

    /** Refuses cleartext on an address that other hosts can reach. */
    public Config {
      maxCallsOf = Map.copyOf(maxCallsOf);
      InetAddress host = address.getAddress();
      if (host == null) {
        throw new IllegalArgumentException("listen address " + address + " cannot be resolved");
      }
      if (security instanceof Security.Cleartext && !host.isLoopbackAddress()) {
        throw new IllegalArgumentException(
            "listen address "
                + host.getHostAddress()
                + ": cleartext is served on a loopback address only");
      }
    }

    /** Two workers and messages up to 64 KiB. */
    public static Config of(InetSocketAddress address, Security security) {
      return new Config(address, security, 2, MAX_REQUEST_BYTES, MAX_CALLS_PER_CONNECTION);
    }
  }

  /**
   * Binds and serves.
   *
   * @throws IOException when the address cannot be bound or the TLS context cannot be built
   */
  public static ControlServer start(
      Config config, ControlLoops loops, List<? extends BindableService> services)
      throws IOException {
    return start(config, loops, services, UncertifiedAge.DEFAULT, CallLimits.Times.DEFAULT);
  }

  static ControlServer start(
      Config config,
      ControlLoops loops,
      List<? extends BindableService> services,
      UncertifiedAge age,
      CallLimits.Times times)
      throws IOException {
    LiveSslContext<Credentials> tls =
        switch (config.security()) {
          case Security.MutualTls mutual ->
              new LiveSslContext<>(
                  mutual.credentials(),
                  credentials ->
                      MeshSslContexts.server(
                          credentials, ClientCertificate.OPTIONAL, List.of("h2"), mutual.clock()));
          case Security.Cleartext() -> null;
        };
    TrustWatch trust =
        config.security() instanceof Security.MutualTls(var credentials, var clock, var openMethods)
            ? new TrustWatch(() -> credentials.get().peers(), clock, loops.group())
            : null;
    ServedConnections served =
        new ServedConnections(
            loops,
            CallLimits.certified(
                config.maxCalls(), config.maxRequestBytes(), times, config.maxCallsOf()),
            CallLimits.uncertified(openMethods(config.security()), config.maxRequestBytes(), times),
            new MemoryExhaustion());
    ServerCredentials negotiation =
        InternalNettyServerCredentials.create(
            tls == null || trust == null
                ? new PlainNegotiator(HANDSHAKE_TIMEOUT, served)
                : new TlsServerNegotiator(
                    tls, HANDSHAKE_TIMEOUT, served, loops.connections(), age, trust));
    ExecutorService workers =
        Executors.newFixedThreadPool(
            config.workers(), new DefaultThreadFactory("control-calls", true));
    try {
      if (tls != null) {
        tls.refresh();
      }
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(config.address(), negotiation)
              .bossEventLoopGroup(loops.group())
              .workerEventLoopGroup(loops.group())
              .channelType(NioServerSocketChannel.class)
              .withOption(ChannelOption.SO_BACKLOG, BACKLOG)
              .withChildOption(ChannelOption.TCP_NODELAY, true)
              .withChildOption(
                  ChannelOption.RECVBUF_ALLOCATOR,
                  new AdaptiveRecvByteBufAllocator(512, 2_048, MAX_READ))
              .executor(workers)
              .handshakeTimeout(HANDSHAKE_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
              .maxInboundMessageSize(config.maxRequestBytes())
              .maxInboundMetadataSize(MAX_METADATA_BYTES)
              .flowControlWindow(Math.max(MIN_WINDOW, 2 * config.maxRequestBytes() + 16))
              .maxConcurrentCallsPerConnection(config.maxCalls())
              // Rust's HTTP/2 client measures the bandwidth with pings, several a second.
              .permitKeepAliveTime(10, TimeUnit.MILLISECONDS)
              .permitKeepAliveWithoutCalls(true)
              // Proxies that vanish are gone within half a minute; those that live ask themselves.
              .keepAliveTime(15, TimeUnit.SECONDS)
              .keepAliveTimeout(10, TimeUnit.SECONDS)
              .maxRstFramesPerWindow(10_000, 30)
              .intercept(new CallerInterceptor(openMethods(config.security()), loops.sends()));
      services.forEach(builder::addService);
      return new ControlServer(builder.build().start(), workers, tls, trust, loops);
    } catch (IOException | RuntimeException e) {
      workers.shutdownNow();
      if (tls != null) {
        tls.close();
      }
      throw e;
    }
  }

  /** The bound address, also after {@link #close}. */
  public InetSocketAddress address() {
    return address;
  }

  /** Stops listening, cancels the calls in progress and waits up to 10 s for the end. */
  @Override
  public void close() {
    TrustWatch watch = trust;
    if (watch != null) {
      watch.close();
    }
    turns.cancel(false);
    server.shutdownNow();
    try {
      server.awaitTermination(5, TimeUnit.SECONDS);
      // A call that is being served still writes its end to the control loops.
      workers.shutdown();
      workers.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    workers.shutdownNow();
    if (tls != null) {
      tls.close();
    }
  }

  private static Set<String> openMethods(Security security) {
    return security instanceof Security.MutualTls mutual ? mutual.openMethods() : Set.of();
  }

  /** Puts the caller of the connection into the context of each call, and turns strangers away. */
  private static final class CallerInterceptor implements ServerInterceptor {
    private final Set<String> openMethods;
    private final SendBudget sends;

    CallerInterceptor(Set<String> openMethods, SendBudget sends) {
      this.openMethods = openMethods;
      this.sends = sends;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      Caller caller = call.getAttributes().get(ServedConnections.CALLER);
      CallGuard guard = call.getAttributes().get(ServedConnections.GUARD);
      String stream = headers.get(CallGuard.STREAM);
      String method = call.getMethodDescriptor().getFullMethodName();
      // The connection's guard has looked already; nothing is served that it did not see.
      if (caller == null
          || guard == null
          || stream == null
          || (caller instanceof Caller.Unidentified && !openMethods.contains(method))) {
        call.close(
            Status.UNAUTHENTICATED.withDescription(
                method + " needs a client certificate; the connection has none"),
            new Metadata());
        return new ServerCall.Listener<>() {};
      }
      String address = address(call.getAttributes());
      CallCharge<Q, A> charge = new CallCharge<>(call, guard, Integer.parseInt(stream));
      return charge.following(
          Contexts.interceptCall(
              SendTurn.in(
                      Context.current(),
                      sends,
                      caller instanceof Caller.Unidentified ? address : caller.toString())
                  .withValue(Caller.KEY, caller)
                  .withValue(Caller.PEER, call.getAttributes().get(ServedConnections.PEER))
                  .withValue(Caller.ADDRESS, address),
              charge,
              headers,
              next));
    }

    private static String address(Attributes attributes) {
      SocketAddress remote = attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
      return remote instanceof InetSocketAddress inet && inet.getAddress() != null
          ? inet.getAddress().getHostAddress() + ":" + inet.getPort()
          : String.valueOf(remote);
    }
  }
}
