package io.signetmesh.proxy.inbound;

import io.linkerd.transport.Header;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.concurrent.Future;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.Verdict;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.CountedConnection;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.forward.HttpSniffer;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.http.HttpInbound;
import io.signetmesh.proxy.http.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.TlsStatus;
import io.signetmesh.proxy.policy.PortPolicies;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * First handler of an inbound connection. Steps: where was it going; the policy of that port,
 * waited for; TLS by server name; protocol; then either HTTP, which decides per request, or one
 * decision for the connection.
 *
 * <p>Differs from Linkerd on purpose: nothing is served before the port's policy has arrived; mesh
 * TLS is terminated on opaque ports too, because that only adds an identity; and on a port whose
 * policy says HTTP the application gets nothing but requests that were decided for, whatever a peer
 * says of its connection. Otherwise a client could hand the application headers that only proxies
 * may set.
 */
public final class InboundAccept extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(InboundAccept.class);

  private final ProxyLoop loop;
  private final Listener listener;
  private final Services services;
  private @Nullable InetSocketAddress target;
  private @Nullable PortPolicy policy;
  private boolean direct;
  private @Nullable String group;
  private TlsStatus status = TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE;
  private HeldReads held = new HeldReads();

  /**
   * How a listener knows where its connections were going.
   *
   * @param port application port that all connections of the listener are for; 0: the original
   *     destination or the transport header tells
   * @param redirected whether the nat table redirects connections to the listener
   */
  public record Listener(int port, boolean redirected) {}

  /**
   * What inbound connections need.
   *
   * @param workload {@code namespace/name} for records
   * @param serverName name under which this proxy terminates TLS
   * @param addresses addresses of the workload that may be asked for; empty: any
   * @param application address at which the application listens; null: the one asked for
   * @param ownListener whether the proxy itself listens at an address: nobody is forwarded to its
   *     admin server, for which the client would come from this host, nor to its outbound
   *     listeners, which would lend the client the workload's identity
   * @param tls contexts for connections that are not direct
   * @param directTls contexts for direct connections, with the transport header's ALPN
   */
  public record Services(
      String workload,
      String serverName,
      Set<InetAddress> addresses,
      @Nullable InetAddress application,
      Predicate<InetSocketAddress> ownListener,
      Supplier<Credentials> credentials,
      LiveSslContext<Credentials> tls,
      LiveSslContext<Credentials> directTls,
      PortPolicies policies,
      Connector connector,
      HttpInbound http,
      AuditLog audit,
      ProxyMetrics metrics,
      Duration detectTimeout,
      Duration handshakeTimeout,
      InstantSource clock) {}

  public InboundAccept(ProxyLoop loop, Listener listener, Services services) {
    this.loop = loop;
    this.listener = listener;
    this.services = services;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    Channel channel = ctx.channel();
    channel.pipeline().addLast("held", held);
    InetSocketAddress local = (InetSocketAddress) channel.localAddress();
    if (listener.port() != 0) {
      target = new InetSocketAddress(local.getAddress(), listener.port());
    } else {
      InetSocketAddress original = listener.redirected() ? OriginalDestination.of(channel) : null;
      if (original != null && original.getPort() != local.getPort()) {
        if (!services.addresses().isEmpty()
            && !services.addresses().contains(original.getAddress())) {
          refuse(channel, original, "none", Reason.FOREIGN_ADDRESS, 0, "tcp");
          return;
        }
        target = original;
      } else {
        direct = true;
      }
    }
    InetSocketAddress wanted = target;
    if (wanted == null) {
      sniffTls(channel);
    } else {
      awaitPolicy(channel, wanted, () -> sniffTls(channel));
    }
  }

  private void awaitPolicy(Channel channel, InetSocketAddress wanted, Runnable then) {
    if (services.ownListener().test(application(wanted))) {
      refuse(channel, wanted, "none", Reason.FOREIGN_ADDRESS, 0, "tcp");
      return;
    }
    PortPolicy found = services.policies().forPort(wanted.getPort());
    policy = found;
    if (found.current() != null) {
      then.run();
      return;
    }
    found
        .await(loop.eventLoop())
        .addListener(
            (Future<ServerPolicy> arrived) -> {
              if (!channel.isActive()) {
                return;
              }
              if (arrived.isSuccess()) {
                then.run();
              } else {
                refuse(channel, wanted, "none", Reason.NO_POLICY, 0, "tcp");
              }
            });
  }

  // ---- TLS

  private void sniffTls(Channel channel) {
    held.inspect(
        services.detectTimeout(),
        ClientHello::inspect,
        found -> {
          switch (found) {
            case ClientHello.Result.NotTls plain -> detectedPlain(channel);
            case ClientHello.Result.Tls hello -> detectedTls(channel, hello.serverName());
            case ClientHello.Result.Oversized oversized -> {
              failed(channel, ProxyError.UNEXPECTED);
              deny(channel, Reason.TLS_HANDSHAKE, "tls", "the ClientHello is too long");
            }
          }
        },
        () -> undetected(channel));
  }

  /** Time or input ended before it was clear whether TLS is spoken. */
  private void undetected(Channel channel) {
    if (target != null && current().protocol() == ServerPolicy.Protocol.OPAQUE) {
      // The server may be the one to speak first.
      detectedPlain(channel);
      return;
    }
    failed(channel, ProxyError.TLS_DETECTION_TIMEOUT);
    if (held.size() == 0) {
      // Nothing was asked for: a probe of the port, or a client that has gone.
      channel.close();
    } else {
      deny(channel, Reason.PROTOCOL_ERROR, "tcp", "the ClientHello ends early or not in time");
    }
  }

  private void detectedPlain(Channel channel) {
    InetSocketAddress wanted = target;
    if (wanted == null) {
      refuse(channel, local(channel), "none", Reason.TLS_REQUIRED, 0, "tcp");
    } else {
      dispatch(channel, wanted, null, "tcp");
    }
  }

  private void detectedTls(Channel channel, @Nullable String serverName) {
    if (!services.serverName().equals(serverName)) {
      InetSocketAddress wanted = target;
      if (wanted == null) {
        refuse(channel, local(channel), "none", Reason.PROTOCOL_ERROR, 0, "tls");
      } else {
        // TLS of the application's own: its bytes go through untouched.
        status = new TlsStatus.Opaque(serverName == null ? "" : serverName);
        passThrough(channel, wanted);
      }
      return;
    }
    SslHandler tls;
    try {
      tls = (direct ? services.directTls() : services.tls()).newHandler(channel.alloc());
    } catch (SSLException e) {
      log.error("no TLS context for a connection from {}", channel.remoteAddress(), e);
      handshakeFailed(channel, e);
      return;
    }
    tls.setHandshakeTimeoutMillis(services.handshakeTimeout().toMillis());
    HeldReads encrypted = held;
    held = new HeldReads();
    channel.pipeline().addLast("tls-group", NegotiatedGroup.onServer());
    channel.pipeline().addLast("tls", tls);
    channel
        .pipeline()
        .addLast(
            "tls-done",
            new ChannelInboundHandlerAdapter() {
              @Override
              public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                if (event instanceof SslHandshakeCompletionEvent done) {
                  if (done.isSuccess()) {
                    ctx.pipeline().remove(this);
                    established(channel, tls);
                  } else {
                    handshakeFailed(channel, done.cause());
                  }
                }
                ctx.fireUserEventTriggered(event);
              }

              @Override
              public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                ctx.close();
              }
            });
    channel.pipeline().addLast("held-tls", held);
    channel.config().setAutoRead(true);
    encrypted.release();
  }

  private void handshakeFailed(Channel channel, Throwable cause) {
    failed(channel, ProxyError.IO);
    log.debug("handshake with {}: {}", channel.remoteAddress(), cause.toString());
    deny(channel, Reason.TLS_HANDSHAKE, "tls", innermost(cause));
  }

  /** TLS wraps what was found wrong with a certificate in what says nothing. */
  private static String innermost(Throwable cause) {
    Throwable found = cause;
    for (int i = 0; i < 8 && found.getCause() != null; i++) {
      found = found.getCause();
    }
    if (found instanceof ClosedChannelException) {
      return "the client closed the connection";
    }
    String message = found.getMessage();
    return message == null ? found.getClass().getSimpleName() : message;
  }

  private void established(Channel channel, SslHandler tls) {
    group = NegotiatedGroup.of(channel);
    TlsClient client = new TlsClient(MeshSslContexts.peer(tls).orElse(null));
    String identity = client.identity();
    status = new TlsStatus.FromClient(identity);
    channel.config().setAutoRead(false);
    InetSocketAddress wanted = target;
    if (wanted != null) {
      dispatch(channel, wanted, client, "tcp");
      return;
    }
    if (identity == null) {
      refuse(channel, local(channel), "none", Reason.IDENTITY_REQUIRED, 0, "tls");
    } else if (!TransportHeader.ALPN.equals(tls.applicationProtocol())) {
      refuse(channel, local(channel), "none", Reason.PROTOCOL_ERROR, 0, "tls");
    } else {
      readHeader(channel, client);
    }
  }

  /** A client on a session that this proxy terminated. */
  private record TlsClient(@Nullable PeerIdentity peer) {
    @Nullable String identity() {
      return peer == null ? null : peer.name();
    }
  }

  // ---- direct connections

  /** Reads the transport header of a direct connection. */
  private void readHeader(Channel channel, TlsClient client) {
    held.inspect(
        services.detectTimeout(),
        bytes -> {
          try {
            Header header = TransportHeader.decode(bytes);
            return header == null ? null : Optional.of(header);
          } catch (TransportHeader.InvalidHeaderException e) {
            log.debug("from {}: {}", channel.remoteAddress(), e.getMessage());
            return Optional.<Header>empty();
          }
        },
        header -> {
          if (header.isPresent()) {
            accept(channel, header.get(), client);
          } else {
            refuse(channel, local(channel), "none", Reason.PROTOCOL_ERROR, 0, "tls");
          }
        },
        () -> {
          failed(channel, ProxyError.IO);
          deny(
              channel, Reason.PROTOCOL_ERROR, "tls", "the transport header ends early or too late");
        });
  }

  private void accept(Channel channel, Header header, TlsClient client) {
    if (!header.getName().isEmpty() || header.getPort() == local(channel).getPort()) {
      // Gateways are not served, and a proxy never forwards to itself.
      refuse(channel, local(channel), "none", Reason.PROTOCOL_ERROR, 0, "tls");
      return;
    }
    InetSocketAddress wanted = new InetSocketAddress(local(channel).getAddress(), header.getPort());
    target = wanted;
    HttpVersion session =
        switch (header.getSessionProtocol().getKindCase()) {
          case HTTP1 -> HttpVersion.HTTP1;
          case HTTP2 -> HttpVersion.HTTP2;
          case KIND_NOT_SET -> null;
        };
    services
        .metrics()
        .inboundTransportHeader(
            session == null ? "" : session == HttpVersion.HTTP1 ? "http/1" : "http/2",
            header.getPort(),
            null,
            client.identity());
    awaitPolicy(
        channel,
        wanted,
        () -> {
          if (session != null) {
            serveHttp(channel, wanted, client, session);
          } else if (current().protocol() == ServerPolicy.Protocol.DETECT) {
            // The peer has looked already, and found no HTTP.
            relay(channel, wanted, client, "tcp");
          } else {
            // What the peer does not call HTTP is still held to it where policy says HTTP.
            dispatch(channel, wanted, client, "tcp");
          }
        });
  }

  // ---- protocol

  private void dispatch(
      Channel channel, InetSocketAddress wanted, @Nullable TlsClient tls, String label) {
    ServerPolicy current = current();
    switch (current.protocol()) {
      case OPAQUE, TLS -> relay(channel, wanted, tls, label);
      case HTTP2, GRPC -> serveHttp(channel, wanted, tls, HttpVersion.HTTP2);
      case HTTP1 -> {
        if (tls == null) {
          serveHttp(channel, wanted, null, HttpVersion.HTTP1);
        } else {
          // A peer proxy may send HTTP/2 with l5d-orig-proto. Whatever else comes is HTTP/1, or an
          // error: never bytes for the application that no request was decided for.
          detect(
              channel,
              wanted,
              tls,
              services.detectTimeout(),
              () -> serveHttp(channel, wanted, tls, HttpVersion.HTTP1));
        }
      }
      case DETECT ->
          detect(
              channel,
              wanted,
              tls,
              current.detectTimeout(),
              () -> relay(channel, wanted, tls, label));
    }
  }

  /**
   * Finds out which HTTP is spoken, and serves it.
   *
   * @param otherwise run when it is none, or cannot be found out in time
   */
  private void detect(
      Channel channel,
      InetSocketAddress wanted,
      @Nullable TlsClient tls,
      Duration timeout,
      Runnable otherwise) {
    long started = System.nanoTime();
    held.inspect(
        timeout,
        HttpSniffer::inspect,
        found -> {
          detected(wanted, found, started);
          switch (found) {
            case HTTP1 -> serveHttp(channel, wanted, tls, HttpVersion.HTTP1);
            case HTTP2 -> serveHttp(channel, wanted, tls, HttpVersion.HTTP2);
            default -> otherwise.run();
          }
        },
        () -> {
          detected(wanted, HttpDetection.READ_TIMEOUT, started);
          otherwise.run();
        });
  }

  private void detected(InetSocketAddress wanted, HttpDetection found, long startedNanos) {
    services
        .metrics()
        .inboundDetected(current(), wanted.getPort(), found, System.nanoTime() - startedNanos);
  }

  private void serveHttp(
      Channel channel, InetSocketAddress wanted, @Nullable TlsClient tls, HttpVersion version) {
    count(channel, wanted);
    String identity = tls == null ? null : tls.identity();
    InboundConnection connection =
        new InboundConnection(
            client(channel, tls),
            application(wanted),
            portPolicy(),
            audited(channel, wanted, identity, tls != null),
            identity != null,
            services.metrics().inboundHttp(wanted, status));
    services.http().serve(loop, channel, connection, version);
    handOver(channel);
    channel.config().setAutoRead(true);
    loop.flushDirty();
  }

  private void passThrough(Channel channel, InetSocketAddress wanted) {
    if (readsHttpOnly(current())) {
      refuse(
          channel,
          wanted,
          current().server().label(),
          Reason.PROTOCOL_ERROR,
          current().generation(),
          "tls");
      return;
    }
    relay(channel, wanted, null, "tls");
  }

  /** Whether nothing but requests that were decided for may reach the application. */
  private static boolean readsHttpOnly(ServerPolicy policy) {
    return switch (policy.protocol()) {
      case HTTP1, HTTP2, GRPC -> true;
      case DETECT, OPAQUE, TLS -> false;
    };
  }

  private void relay(
      Channel channel, InetSocketAddress wanted, @Nullable TlsClient tls, String label) {
    ServerPolicy current = current();
    Client client = client(channel, tls);
    AuditedConnection audited = audited(channel, wanted, client.identity(), tls != null);
    Decision decision = current.decideConnection(client);
    record(audited, wanted, current, client, decision, label);
    if (decision.allowed()) {
      services.metrics().inboundTcpAllowed(wanted, status, current, decision);
    } else {
      services.metrics().inboundTcpDenied(wanted, status, current);
      channel.close();
      return;
    }
    services
        .connector()
        .connectLocal(loop, application(wanted))
        .addListener(
            (Future<Channel> dialed) -> {
              if (!dialed.isSuccess()) {
                services.metrics().inboundTcpFailed(wanted, ProxyError.IO);
                log.debug("application {}: {}", wanted, dialed.cause().toString());
                channel.close();
                return;
              }
              Live live = new Live(portPolicy(), client, wanted, decision, audited, label);
              join(channel, dialed.getNow(), live);
            });
  }

  private void join(Channel channel, Channel application, Live connection) {
    count(channel, connection.target);
    connection.relay = TcpRelay.join(loop, channel, application, connection::close);
    connection.register();
    handOver(channel);
    loop.flushDirty();
    // The policy may have changed while the application was dialled.
    ServerPolicy now = connection.policy.current();
    if (now != null) {
      connection.recheck(now);
    }
  }

  /** A relayed connection, looked at again whenever policy changes. */
  private final class Live {
    private final PortPolicy policy;
    private final Client client;
    private final InetSocketAddress target;
    private final Decision allowed;
    private final AuditedConnection audited;
    private final String label;
    private @Nullable TcpRelay relay;
    private PortPolicy.@Nullable Registration registration;
    private boolean closed;

    Live(
        PortPolicy policy,
        Client client,
        InetSocketAddress target,
        Decision allowed,
        AuditedConnection audited,
        String label) {
      this.policy = policy;
      this.client = client;
      this.target = target;
      this.allowed = allowed;
      this.audited = audited;
      this.label = label;
    }

    void register() {
      if (!closed) {
        registration = policy.onChange(loop.eventLoop(), this::recheck);
      }
    }

    void recheck(ServerPolicy changed) {
      if (closed) {
        return;
      }
      Decision decision = changed.decideConnection(client);
      if (decision.allowed() && !readsHttpOnly(changed)) {
        return;
      }
      if (decision.allowed()) {
        // Each request on the port is decided on from now on, and in bytes there are none.
        record(audited, changed, label, Verdict.DENY, Reason.PROTOCOL_ERROR, null, null);
      } else {
        record(audited, target, changed, client, decision, label);
      }
      services.metrics().inboundTcpTerminated(target, status, changed, allowed);
      TcpRelay live = relay;
      if (live != null) {
        live.cut();
      }
    }

    void close() {
      closed = true;
      PortPolicy.Registration held = registration;
      if (held != null) {
        held.close();
      }
    }
  }

  // ---- parts

  /** Counts the connection from here on; its transport handlers are in place. */
  private void count(Channel channel, InetSocketAddress wanted) {
    channel
        .pipeline()
        .addLast(
            "count",
            new CountedConnection(services.metrics().inboundAccepted(wanted, status, current())));
  }

  private void failed(Channel channel, ProxyError error) {
    services.metrics().inboundTcpFailed(target == null ? local(channel) : target, error);
  }

  /** The handlers of the protocol are in place: what was held is theirs. */
  private void handOver(Channel channel) {
    if (channel.pipeline().context(this) != null) {
      channel.pipeline().remove(this);
    }
    held.release();
  }

  private ServerPolicy current() {
    ServerPolicy current = portPolicy().current();
    if (current == null) {
      throw new IllegalStateException("policy was awaited and is gone");
    }
    return current;
  }

  private PortPolicy portPolicy() {
    PortPolicy found = policy;
    if (found == null) {
      throw new IllegalStateException("connection reached its protocol without a port");
    }
    return found;
  }

  private static InetSocketAddress local(Channel channel) {
    return (InetSocketAddress) channel.localAddress();
  }

  private InetSocketAddress application(InetSocketAddress wanted) {
    InetAddress address = services.application();
    return address == null ? wanted : new InetSocketAddress(address, wanted.getPort());
  }

  private static Client client(Channel channel, @Nullable TlsClient tls) {
    InetAddress address = ((InetSocketAddress) channel.remoteAddress()).getAddress();
    if (tls == null) {
      return new Client(address, false, null);
    }
    PeerIdentity peer = tls.peer();
    return Client.ofMeshTls(address, peer == null ? List.of() : peer.names());
  }

  private AuditedConnection audited(
      Channel channel, InetSocketAddress wanted, @Nullable String identity, boolean tls) {
    return new AuditedConnection(
        services.workload(),
        (InetSocketAddress) channel.remoteAddress(),
        wanted,
        identity,
        tls ? "TLSv1.3" : null,
        tls ? group : null);
  }

  private void record(
      AuditedConnection audited,
      InetSocketAddress wanted,
      ServerPolicy current,
      Client client,
      Decision decision,
      String label) {
    Decision trial = current.trialConnection(client);
    if (trial != null) {
      services.metrics().inboundTcpTried(wanted, current, decision.allowed(), trial);
    }
    record(
        audited,
        current,
        label,
        decision.allowed() ? Verdict.ALLOW : Verdict.DENY,
        decision.reason(),
        decision,
        trial);
  }

  private void record(
      AuditedConnection audited,
      ServerPolicy current,
      String label,
      Verdict verdict,
      Reason reason,
      @Nullable Decision decision,
      @Nullable Decision trial) {
    services
        .audit()
        .record(
            new DecisionEvent(
                services.clock().millis(),
                audited,
                current.server().label(),
                label,
                null,
                null,
                verdict,
                reason.code(),
                decision == null ? null : decision.authorizationLabel(),
                decision == null ? null : decision.failedAttribute(),
                decision == null ? null : decision.detail(),
                current.generation(),
                AuditedDecisions.mode(decision),
                trial == null ? null : AuditedDecisions.trial(trial)));
  }

  private void refuse(
      Channel channel,
      InetSocketAddress wanted,
      String server,
      Reason reason,
      long generation,
      String label) {
    services.metrics().inboundTcpFailed(wanted, ProxyError.UNEXPECTED);
    deny(channel, wanted, server, reason, generation, label, null, null);
  }

  /** Records that nothing became of a connection, before its policy was asked, and closes it. */
  private void deny(Channel channel, Reason reason, String label, String detail) {
    InetSocketAddress wanted = target == null ? local(channel) : target;
    String failed = reason == Reason.TLS_HANDSHAKE ? "tls" : null;
    deny(channel, wanted, "none", reason, 0, label, failed, detail);
  }

  private void deny(
      Channel channel,
      InetSocketAddress wanted,
      String server,
      Reason reason,
      long generation,
      String label,
      @Nullable String failedAttribute,
      @Nullable String detail) {
    boolean tls = status instanceof TlsStatus.FromClient;
    String identity = status instanceof TlsStatus.FromClient(String proven) ? proven : null;
    services
        .audit()
        .record(
            new DecisionEvent(
                services.clock().millis(),
                audited(channel, wanted, identity, tls),
                server,
                label,
                null,
                null,
                Verdict.DENY,
                reason.code(),
                null,
                failedAttribute,
                detail,
                generation,
                DecisionMode.ENFORCE,
                null));
    channel.close();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    log.debug("inbound connection from {}", ctx.channel().remoteAddress(), cause);
    ctx.close();
  }
}
