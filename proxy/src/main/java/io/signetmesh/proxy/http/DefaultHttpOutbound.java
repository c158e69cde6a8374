package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.concurrent.Future;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.InFlight;
import io.signetmesh.proxy.http.exchange.MaxForwards;
import io.signetmesh.proxy.http.exchange.OriginalForm;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.http.h1.Http1ServerConnection;
import io.signetmesh.proxy.http.h2.Http2ServerConnection;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.OutboundHttpMetrics;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.ResponseClass;
import io.signetmesh.proxy.outbound.HttpOutbound;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Outbound HTTP: every request of the local application goes to the endpoint that balancing picks,
 * over connections that all requests of a loop share. HTTP/1 requests to meshed peers cross as
 * HTTP/2 streams with {@code l5d-orig-proto}.
 */
public final class DefaultHttpOutbound implements HttpOutbound {
  private final HttpConfig config;
  private final Connector connector;
  private final ProxyMetrics metrics;
  private final Map<ProxyLoop, Loop> loops = new ConcurrentHashMap<>();

  public DefaultHttpOutbound(HttpConfig config, Connector connector, ProxyMetrics metrics) {
    this.config = config;
    this.connector = connector;
    this.metrics = metrics;
  }

  @Override
  public void serve(ProxyLoop loop, Channel channel, Upstream upstream, HttpVersion version) {
    Connection factory = new Connection(loops.computeIfAbsent(loop, Loop::new), upstream, version);
    if (version == HttpVersion.HTTP1) {
      new Http1ServerConnection(loop, config, factory).install(channel);
    } else {
      Http2ServerConnection.install(loop, config, factory, channel);
    }
  }

  /**
   * Has later requests open new connections, because the leaf or the trust bundle has changed;
   * requests in flight end where they are.
   */
  public void retireConnections() {
    for (Loop state : loops.values()) {
      state
          .loop
          .eventLoop()
          .execute(
              () -> {
                for (UpstreamPool pool : List.copyOf(state.pools.values())) {
                  pool.retireConnections();
                }
              });
    }
  }

  /**
   * What the peer proxy is told of a connection: nothing where its port takes bytes only, or it
   * would read requests on a port that has none.
   */
  private static Connector.Session session(Endpoint endpoint, Connector.Session spoken) {
    return endpoint.hint() == Endpoint.Hint.OPAQUE ? Connector.Session.OPAQUE : spoken;
  }

  /**
   * Proxies of peers are asked for a sign of life. Applications are not: servers of gRPC end
   * connections over PINGs that they do not expect.
   */
  private Http2KeepAlive keepAlive(Endpoint endpoint) {
    if (endpoint.tls() == null || endpoint.hint() == Endpoint.Hint.OPAQUE) {
      return Http2KeepAlive.OFF;
    }
    Http2KeepAlive configured = config.peerKeepAlive();
    if (configured != null) {
      return configured;
    }
    Http2KeepAlive said = endpoint.keepAlive();
    return said == null ? Http2KeepAlive.DEFAULT : said;
  }

  /** State of one loop; confined to it. */
  private final class Loop {
    private final ProxyLoop loop;
    private final Map<Endpoint, UpstreamPool> pools = new HashMap<>();
    private final InFlight inFlight = new InFlight();

    Loop(ProxyLoop loop) {
      this.loop = loop;
    }

    UpstreamPool pool(Endpoint endpoint) {
      UpstreamPool pool = pools.get(endpoint);
      if (pool == null) {
        pool =
            new UpstreamPool(
                loop,
                config,
                session -> connector.connect(loop, endpoint, session(endpoint, session)),
                keepAlive(endpoint),
                empty -> pools.remove(endpoint, empty));
        pools.put(endpoint, pool);
      }
      return pool;
    }
  }

  /** One connection of the application. */
  private final class Connection implements ExchangeFactory {
    private final Loop state;
    private final Upstream upstream;
    private final HttpVersion version;
    private final OutboundHttpMetrics counts;
    private final ClientAccount account;

    Connection(Loop state, Upstream upstream, HttpVersion version) {
      this.state = state;
      this.upstream = upstream;
      this.version = version;
      this.account = new ClientAccount(state.loop.eventLoop().ticker()::nanoTime);
      this.counts = metrics.outboundHttp(upstream.authority());
    }

    @Override
    public Exchange begin(
        ServerStream server, Channel channel, Http2Headers head, boolean end, boolean upgrade) {
      OutboundExchange exchange = new OutboundExchange(this, server, head, end, upgrade);
      exchange.begin(state.inFlight, ConnectionMemory.of(channel));
      try {
        begin(exchange, head);
      } catch (RuntimeException | Error e) {
        // No server connection knows of it yet: what was counted for it is given back here.
        exchange.requestAborted(Http2Error.INTERNAL_ERROR.code());
        throw e;
      }
      return exchange;
    }

    private void begin(OutboundExchange exchange, Http2Headers head) {
      exchange.prepare();
      if (state.inFlight.requests() > config.maxInFlight() || exchange.beyondShare()) {
        exchange.fail(Failure.OVERLOADED);
      } else if (!exchange.hasTarget() || MaxForwards.isMalformed(head)) {
        exchange.fail(Failure.BAD_REQUEST);
      } else if (!MaxForwards.count(head)) {
        exchange.answerAsLast();
      } else {
        exchange.pickAndSend();
      }
    }

    @Override
    public ClientAccount account() {
      return account;
    }

    @Override
    public void exhausted(ClientAccount.Waste by) {
      counts.failed(ProxyError.LOADSHED);
    }

    @Override
    public void malformed(
        @Nullable CharSequence method, @Nullable CharSequence target, String why) {}

    @Override
    public void closed() {}
  }

  private static final class OutboundExchange extends Exchange {
    private final Connection connection;
    private final boolean upgrade;
    private final @Nullable CharSequence requiredIdentity;
    private AsciiString form = HeaderNames.ORIG_HTTP_11;
    private @Nullable CharSequence asked;
    private final EndpointVerdict verdict = new EndpointVerdict();

    OutboundExchange(
        Connection connection,
        ServerStream server,
        Http2Headers head,
        boolean end,
        boolean upgrade) {
      super(server, head, end);
      this.connection = connection;
      this.upgrade = upgrade;
      this.requiredIdentity = head.getAndRemove(HeaderNames.L5D_REQUIRE_ID);
    }

    void prepare() {
      Http2Headers head = request();
      HeaderNames.removeInternal(head);
      form = OriginalForm.toOrigProto(absoluteForm(), http10());
      if (!upgrade) {
        head.remove(HeaderNames.UPGRADE);
      }
      head.scheme(HeaderNames.HTTP);
      asked = head.authority();
    }

    boolean hasTarget() {
      CharSequence target = request().path();
      return target != null && RequestPath.isTarget(target);
    }

    /** Policy may have come to forbid the destination since the connection was accepted. */
    private boolean isForbidden() {
      boolean forbidden = connection.upstream.protocol() == Upstream.Protocol.FORBIDDEN;
      if (forbidden) {
        fail(Failure.UNAUTHORIZED);
      }
      return forbidden;
    }

    /** A request that has waited is sent as policy and discovery have it when the wait ends. */
    @Override
    public boolean mayBeSent() {
      if (done() || isForbidden()) {
        return false;
      }
      Endpoint picked = verdict.endpoint();
      if (picked != null && !connection.upstream.leadsTo(picked)) {
        endCount();
        again();
        return false;
      }
      return true;
    }

    void pickAndSend() {
      if (isForbidden()) {
        return;
      }
      Upstream.Lease picked = connection.upstream.pick();
      if (picked != null) {
        send(picked);
        return;
      }
      connection
          .upstream
          .awaitPick(connection.state.loop.eventLoop())
          .addListener(
              (Future<Upstream.Lease> awaited) -> {
                if (awaited.isSuccess()) {
                  if (done() || isForbidden()) {
                    awaited.getNow().release();
                  } else {
                    send(awaited.getNow());
                  }
                } else {
                  fail(Failure.NO_ENDPOINT);
                }
              });
    }

    private void send(Upstream.Lease picked) {
      verdict.picked(picked);
      Endpoint endpoint = picked.endpoint();
      CharSequence required = requiredIdentity;
      if (required != null
          && (endpoint.tls() == null || !endpoint.tls().identity().contentEquals(required))) {
        fail(Failure.UNAVAILABLE);
        return;
      }
      count(connection.counts.to(endpoint));
      Http2Headers head = request();
      String override = endpoint.authorityOverride();
      CharSequence authority = override == null ? asked : override;
      // An HTTP/1.0 request may name no host; what is sent on must. An endpoint that was tried
      // before may have another name.
      head.authority(authority == null ? connection.upstream.authority() : authority);
      if (override != null) {
        head.remove(HeaderNames.HOST);
      }
      UpstreamPool pool = connection.state.pool(endpoint);
      boolean http1 = connection.version == HttpVersion.HTTP1;
      if (!http1) {
        pool.sendHttp2(this);
      } else if (endpoint.tls() != null && endpoint.hint() == Endpoint.Hint.HTTP2 && !upgrade) {
        head.set(HeaderNames.L5D_ORIG_PROTO, form);
        // Linkerd's proxy makes an HTTP/1 request of it again, and its Host of this header alone.
        head.set(HeaderNames.HOST, head.authority());
        pool.sendHttp2(this);
      } else {
        pool.sendHttp1(this);
      }
    }

    @Override
    protected void retry() {
      endCount();
      verdict.failed(elapsedNanos());
      again();
    }

    /** Sends the head to whichever endpoint is picked now. */
    private void again() {
      verdict.release();
      request().remove(HeaderNames.L5D_ORIG_PROTO);
      request().remove(HeaderNames.HOST);
      pickAndSend();
    }

    @Override
    public ClientAccount account() {
      return connection.account;
    }

    @Override
    protected boolean otherUpstreams() {
      return true;
    }

    @Override
    protected boolean informationalHeaders() {
      return true;
    }

    @Override
    protected void onResponseHead(Http2Headers head) {
      verdict.responded(elapsedNanos(), isFailure(head));
      if (verdict.isOfAProxy()
          && HeaderNames.hasToken(head.get(HeaderNames.L5D_PROXY_CONNECTION), HeaderNames.CLOSE)) {
        // The peer's proxy answered for its application and wants no more of this connection.
        server().closeAfterResponse();
      }
      HeaderNames.removeOfTheMesh(head);
    }

    @Override
    protected boolean isUnsent(Http2Headers response) {
      return verdict.isOfAProxy() && response.contains(HeaderNames.L5D_PROXY_UNSENT);
    }

    @Override
    protected void onUnsent() {
      verdict.refused(elapsedNanos());
    }

    /** A failure of the endpoint, not of the request: 5xx, or gRPC's counterparts of it. */
    private boolean isFailure(Http2Headers head) {
      CharSequence status = head.status();
      if (status != null && status.length() == 3 && status.charAt(0) == '5') {
        return true;
      }
      CharSequence grpcStatus = grpc() ? head.get(HeaderNames.GRPC_STATUS) : null;
      return grpcStatus != null
          && switch (ResponseClass.parseGrpcStatus(grpcStatus)) {
            // UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS
            case 2, 13, 14, 15 -> true;
            default -> false;
          };
    }

    @Override
    protected void onFailure(Failure failure) {
      if (failure == Failure.UNAVAILABLE) {
        verdict.failed(elapsedNanos());
      }
      ProxyError error = failure.error();
      if (error != null) {
        connection.counts.failed(error);
      }
    }

    @Override
    protected void onTunnel(String into) {}

    @Override
    protected void onDialFailed() {
      verdict.notReached();
    }

    @Override
    protected void onDone() {
      verdict.release();
    }
  }
}
