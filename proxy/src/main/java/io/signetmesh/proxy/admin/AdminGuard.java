package io.signetmesh.proxy.admin;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.Verdict;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.live.LivePeers.Registration;
import io.signetmesh.identity.live.LivePeers.Side;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RefusalStatus;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.inbound.AuditedDecisions;
import io.signetmesh.proxy.metrics.InboundHttpMetrics;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.TlsStatus;
import io.signetmesh.proxy.policy.PortPolicies;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Applies the inbound policy of the admin port, as Linkerd's proxy does: each request is authorized
 * like one to the application. Until the port has a policy, only the probes of the proxy itself are
 * answered.
 *
 * @param workload {@code namespace/name} for records
 * @param serverName name under which mesh TLS is terminated
 * @param tls contexts of mesh TLS
 * @param peers follows the trust in callers that have shown a certificate
 * @param watched whether the policy of the port is watched, which begins with the first certificate
 * @param policies policies of the workload's ports
 * @param audit gets a record of each refusal; allowed requests are only counted, because probes and
 *     scrapes never stop
 */
public record AdminGuard(
    String workload,
    String serverName,
    LiveSslContext<Credentials> tls,
    LivePeers peers,
    BooleanSupplier watched,
    PortPolicies policies,
    AuditLog audit,
    ProxyMetrics metrics,
    InstantSource clock) {

  /** Whether a request is one of the probes that tell how the proxy itself does. */
  static boolean isProbe(FullHttpRequest request) {
    String uri = request.uri();
    return uri.equals("/live") || uri.equals("/ready");
  }

  /** A handler that terminates mesh TLS. */
  SslHandler newTls(ByteBufAllocator allocator) throws SSLException {
    return tls.newHandler(allocator);
  }

  /** Has a connection end with the trust in its caller. To be called when TLS is established. */
  void follow(Channel channel, SslHandler handler) {
    VerifiedPeer peer = MeshSslContexts.verifiedPeer(handler).orElse(null);
    if (peer == null) {
      return;
    }
    Registration registration =
        peers.register(
            channel.eventLoop(),
            Side.ACCEPTED,
            peer,
            MeshSslContexts.ownLeaf(handler).orElse(null),
            new Followed(channel, peer.identity().name()));
    channel.closeFuture().addListener(closed -> registration.close());
  }

  /** A connection whose caller has shown a certificate. */
  private final class Followed implements LiveConnection {
    private final Channel channel;
    private final String caller;

    Followed(Channel channel, String caller) {
      this.channel = channel;
      this.caller = caller;
    }

    @Override
    public void notice(Notice notice) {
      channel.pipeline().fireUserEventTriggered(notice);
    }

    @Override
    public void record(Cause cause, String why) {
      Reason reason = Reason.ofCode(cause.code());
      metrics.peerLost("admin", reason);
      audit.record(
          new DecisionEvent(
              clock.millis(),
              new AuditedConnection(
                  workload,
                  (InetSocketAddress) channel.remoteAddress(),
                  local(channel),
                  caller,
                  "TLSv1.3",
                  NegotiatedGroup.of(channel)),
              "none",
              "http/1",
              null,
              null,
              Verdict.DENY,
              reason.code(),
              null,
              null,
              why,
              0,
              DecisionMode.ENFORCE,
              null));
    }

    @Override
    public void cut() {
      Endings.reset(channel);
    }
  }

  /** The policy of the admin port; null: it is not watched yet. */
  @Nullable PortPolicy policy(Channel channel) {
    return watched.getAsBoolean() ? policies.forPort(local(channel).getPort()) : null;
  }

  /** Decides about the requests of one connection. */
  Connection connection(Channel channel) {
    return new Connection(channel);
  }

  private static InetSocketAddress local(Channel channel) {
    return (InetSocketAddress) channel.localAddress();
  }

  /**
   * What becomes of a request that is not answered.
   *
   * @param status HTTP status
   * @param text one line for the client
   * @param location where it is sent instead; null: nowhere
   */
  record Refusal(int status, String text, @Nullable String location) {
    static Refusal of(RefusalStatus status, String text) {
      return new Refusal(status.http(), text, null);
    }
  }

  /** One connection to the admin port, confined to its loop. */
  final class Connection {
    private final Channel channel;
    private @Nullable Client client;
    private @Nullable AuditedConnection audited;
    private @Nullable InboundHttpMetrics counts;

    private Connection(Channel channel) {
      this.channel = channel;
    }

    /** Whether mesh TLS is spoken. */
    boolean isTls() {
      return channel.pipeline().get(SslHandler.class) != null;
    }

    /** Decides under the policy in force; null: the request is answered. */
    @Nullable Refusal decide(ServerPolicy current, FullHttpRequest request) {
      identify();
      Client known = client;
      InboundHttpMetrics counting = counts;
      if (known == null || counting == null) {
        throw new IllegalStateException("the client has not been identified");
      }
      String target = request.uri();
      if (!RequestPath.isTarget(target)) {
        counting.unsafePath(current);
        return refuse(current, request, Reason.UNSAFE_PATH, null, null, "the target is no path");
      }
      CharSequence path = target;
      if (current.matchesPaths()) {
        CharSequence normal = RequestPath.normalize(target);
        if (normal == null) {
          counting.unsafePath(current);
          return refuse(current, request, Reason.UNSAFE_PATH, null, null, "unsafe path");
        }
        path = normal;
      }
      String method = request.method().name();
      if (current.matchesMethods() && RequestMethod.isMisspelt(method)) {
        return refuse(current, request, Reason.PROTOCOL_ERROR, null, null, RequestMethod.MISSPELT);
      }
      if (isDecidedByConnection(current)) {
        Decision decision = current.decideConnection(known);
        if (decision.allowed()) {
          metrics.inboundTcpAllowed(local(channel), status(), current, decision);
          return null;
        }
        metrics.inboundTcpDenied(local(channel), status(), current);
        return refuse(
            current, request, decision.reason(), decision, current.trialConnection(known), null);
      }
      Attributes attributes = new Attributes(request, path, new ExpressionWork());
      Decision early = current.decideBeforeRoute(known);
      if (early != null) {
        counting.denied(current);
        return refuse(
            current, request, early.reason(), early, current.trialRequest(known, attributes), null);
      }
      Route route = current.route(attributes);
      if (route == null) {
        Decision decision = current.decideWithoutRoute(known, attributes);
        if (decision.reason() == Reason.NO_ROUTE) {
          counting.routeNotFound(current);
        } else {
          counting.denied(current);
        }
        return refuse(
            current,
            request,
            decision.reason(),
            decision,
            current.trialRequest(known, attributes),
            null);
      }
      Decision decision = current.decideRequest(known, route);
      Decision trial =
          decision.reason() == Reason.RATE_LIMITED ? null : current.trialRequest(known, attributes);
      if (!decision.allowed()) {
        counting.denied(current, route, decision);
        return refuse(current, request, decision.reason(), decision, trial, null);
      }
      if (trial != null) {
        counting.tried(current, true, trial);
      }
      // Not kept: what becomes of admin requests is not told apart from that of the application's.
      var unused = counting.authorized(current, route, decision);
      return filtered(route, path, attributes);
    }

    private boolean isDecidedByConnection(ServerPolicy current) {
      return current.protocol() == ServerPolicy.Protocol.OPAQUE
          || current.protocol() == ServerPolicy.Protocol.TLS;
    }

    /** Headers that a route changes are of no use here; all else that it does is done. */
    private @Nullable Refusal filtered(Route route, CharSequence path, Attributes attributes) {
      for (Route.Filter filter : route.filters()) {
        switch (filter) {
          case Route.Filter.RequestHeaders headers -> {}
          case Route.Filter.Redirect redirect -> {
            return new Refusal(
                redirect.status(),
                "redirected",
                redirect.location(path.toString(), attributes.authority().toString()));
          }
          case Route.Filter.Fail fail -> {
            return Refusal.of(RefusalStatus.FILTER_FAILED, "invalid policy");
          }
        }
      }
      return null;
    }

    private Refusal refuse(
        ServerPolicy current,
        FullHttpRequest request,
        Reason reason,
        @Nullable Decision decision,
        @Nullable Decision trial,
        @Nullable String detail) {
      AuditedConnection known = audited;
      InboundHttpMetrics counting = counts;
      if (known == null || counting == null) {
        throw new IllegalStateException("the client has not been identified");
      }
      if (trial != null) {
        counting.tried(current, false, trial);
      }
      String uri = request.uri();
      int query = uri.indexOf('?');
      audit.record(
          new DecisionEvent(
              clock.millis(),
              known,
              current.server().label(),
              "http/1",
              request.method().name(),
              query < 0 ? uri : uri.substring(0, query),
              Verdict.DENY,
              reason.code(),
              decision == null ? null : decision.authorizationLabel(),
              decision == null ? null : decision.failedAttribute(),
              decision == null ? detail : decision.detail(),
              current.generation(),
              decision == null ? DecisionMode.ENFORCE : AuditedDecisions.mode(decision),
              trial == null ? null : AuditedDecisions.trial(trial)));
      RefusalStatus status = RefusalStatus.of(reason);
      return Refusal.of(
          status, status == RefusalStatus.UNAUTHORIZED ? "unauthorized" : reason.code());
    }

    /** Once, when the first request has come: TLS is done by then. */
    private void identify() {
      if (client != null) {
        return;
      }
      InetSocketAddress remote = (InetSocketAddress) channel.remoteAddress();
      PeerIdentity peer = peer().orElse(null);
      boolean mesh = isTls();
      client =
          mesh
              ? Client.ofMeshTls(remote.getAddress(), peer == null ? List.of() : peer.names())
              : new Client(remote.getAddress(), false, null);
      audited =
          new AuditedConnection(
              workload,
              remote,
              local(channel),
              peer == null ? null : peer.name(),
              mesh ? "TLSv1.3" : null,
              mesh ? NegotiatedGroup.of(channel) : null);
      counts = metrics.inboundHttp(local(channel), status());
    }

    private Optional<PeerIdentity> peer() {
      SslHandler handler = channel.pipeline().get(SslHandler.class);
      return handler == null ? Optional.empty() : MeshSslContexts.peer(handler);
    }

    private TlsStatus status() {
      return isTls()
          ? new TlsStatus.FromClient(peer().map(PeerIdentity::name).orElse(null))
          : TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE;
    }
  }

  /** A request as routes see it. */
  private record Attributes(FullHttpRequest request, CharSequence path, ExpressionWork expressions)
      implements RequestAttributes {
    @Override
    public CharSequence method() {
      return request.method().name();
    }

    @Override
    public CharSequence authority() {
      return request.headers().get(HttpHeaderNames.HOST, "");
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      if (HttpHeaderNames.COOKIE.contentEquals(lowerCaseName)) {
        List<String> crumbs = request.headers().getAll(lowerCaseName);
        if (crumbs.size() > 1) {
          return RequestAttributes.cookie(List.copyOf(crumbs));
        }
      }
      return request.headers().get(lowerCaseName);
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return !HttpHeaderNames.COOKIE.contentEquals(lowerCaseName)
          && RequestAttributes.differ(request.headers().valueCharSequenceIterator(lowerCaseName));
    }
  }
}
