package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.authorize.RequestTarget;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.ClientAccounts;
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
import io.signetmesh.proxy.inbound.AuditedDecisions;
import io.signetmesh.proxy.inbound.HttpInbound;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Inbound HTTP: every request is decided on under the policy in force at that moment and then
 * forwarded to the local application over pooled connections. Requests that lose their right while
 * they are in flight are cut.
 */
public final class DefaultHttpInbound implements HttpInbound {
  private static final String OVERLOADED = "too many requests in flight";

  private final HttpConfig config;
  private final Connector connector;
  private final AuditLog audit;
  private final InstantSource clock;
  private final Map<ProxyLoop, Loop> loops = new java.util.concurrent.ConcurrentHashMap<>();

  public DefaultHttpInbound(
      HttpConfig config, Connector connector, AuditLog audit, InstantSource clock) {
    this.config = config;
    this.connector = connector;
    this.audit = audit;
    this.clock = clock;
  }

  @Override
  public void serve(
      ProxyLoop loop, Channel channel, InboundConnection connection, HttpVersion version) {
    Loop state = loops.computeIfAbsent(loop, Loop::new);
    Connection factory = new Connection(state, channel, connection, version);
    if (version == HttpVersion.HTTP1) {
      new Http1ServerConnection(loop, config, factory).install(channel);
    } else {
      Http2ServerConnection.install(loop, config, factory, channel);
    }
  }

  /** State of one loop; confined to it. */
  private final class Loop {
    private final ProxyLoop loop;
    private final Map<InetSocketAddress, UpstreamPool> pools = new HashMap<>();
    private final SampledRecords overloads;
    private final SlowBodies slowBodies;
    private final ClientAccounts clients;
    private final InFlight inFlight = new InFlight();

    Loop(ProxyLoop loop) {
      this.loop = loop;
      this.overloads = new SampledRecords(loop.eventLoop());
      this.slowBodies = new SlowBodies(loop.eventLoop(), loop.pace());
      this.clients = new ClientAccounts(loop.eventLoop().ticker()::nanoTime);
    }

    private Future<Channel> dial(InetSocketAddress target, PortPolicy policy) {
      return connector
          .connectLocal(loop, target)
          .addListener(
              dialed -> {
                if (dialed.isSuccess()) {
                  policy.served();
                }
              });
    }

    UpstreamPool pool(InetSocketAddress target, PortPolicy policy) {
      UpstreamPool pool = pools.get(target);
      if (pool == null) {
        pool =
            new UpstreamPool(
                loop,
                config,
                session -> dial(target, policy),
                // Applications on this host do not vanish, and some end connections over PINGs.
                Http2KeepAlive.OFF,
                empty -> pools.remove(target, empty));
        pools.put(target, pool);
      }
      return pool;
    }
  }

  /** One client connection. */
  private final class Connection implements ExchangeFactory {
    private final Loop state;
    private final Channel client;
    private final InboundConnection inbound;
    private final HttpVersion version;
    private final PortPolicy.Registration registration;
    private final Attributes attributes = new Attributes();
    private final ClientAccount account;
    private @Nullable InboundExchange first;
    private @Nullable Decision lastTrial;
    private @Nullable TrialVerdict lastTrialVerdict;

    Connection(Loop state, Channel client, InboundConnection inbound, HttpVersion version) {
      this.state = state;
      this.client = client;
      this.inbound = inbound;
      this.version = version;
      this.account = state.clients.open(inbound.client());
      this.registration = inbound.policy().onChange(state.loop.eventLoop(), this::policyChanged);
    }

    @Override
    public Exchange begin(
        ServerStream server, Channel channel, Http2Headers head, boolean end, boolean upgrade) {
      InboundExchange exchange = new InboundExchange(this, server, channel, head, end, upgrade);
      exchange.next = first;
      if (first != null) {
        first.previous = exchange;
      }
      first = exchange;
      exchange.begin(state.inFlight, ConnectionMemory.of(channel));
      try {
        exchange.decideAndSend();
      } catch (RuntimeException | Error e) {
        // No server connection knows of it yet: what was counted for it is given back here.
        exchange.requestAborted(Http2Error.INTERNAL_ERROR.code());
        throw e;
      }
      if (!end && !exchange.done() && head.contains(HeaderNames.CONTENT_LENGTH)) {
        exchange.body = state.slowBodies.watch(exchange, exchange::bodyTooSlow);
      }
      return exchange;
    }

    /** Decisions are made when a policy is compiled, so that few become many records. */
    @SuppressWarnings("ReferenceEquality")
    private TrialVerdict trial(Decision decision) {
      TrialVerdict verdict = lastTrialVerdict;
      if (verdict == null || lastTrial != decision) {
        verdict = AuditedDecisions.trial(decision);
        lastTrial = decision;
        lastTrialVerdict = verdict;
      }
      return verdict;
    }

    private void remove(InboundExchange exchange) {
      if (exchange.previous != null) {
        exchange.previous.next = exchange.next;
      } else {
        first = exchange.next;
      }
      if (exchange.next != null) {
        exchange.next.previous = exchange.previous;
      }
    }

    private void policyChanged(ServerPolicy policy) {
      List<InboundExchange> live = new ArrayList<>();
      for (InboundExchange e = first; e != null; e = e.next) {
        live.add(e);
      }
      for (InboundExchange exchange : live) {
        exchange.recheck(policy);
      }
      state.loop.flushDirty();
      if (!inbound.policy().isWatched()) {
        // Nobody tells of changes any more.
        client.close();
      }
    }

    @Override
    public ClientAccount account() {
      return account;
    }

    @Override
    public void exhausted(ClientAccount.Waste by) {
      inbound.metrics().exhausted();
      malformed(null, null, "connection: too many " + by.text());
    }

    /** Probing clients are seen too. */
    @Override
    public void malformed(
        @Nullable CharSequence method, @Nullable CharSequence target, String why) {
      ServerPolicy current = inbound.policy().current();
      audit.record(
          new DecisionEvent(
              clock.millis(),
              inbound.audited(),
              current == null ? "none" : current.server().label(),
              version == HttpVersion.HTTP2 ? "http/2" : "http/1",
              method == null ? null : method.toString(),
              target == null ? null : RecordedTarget.of(target),
              Verdict.DENY,
              Reason.PROTOCOL_ERROR.code(),
              null,
              null,
              why,
              current == null ? 0 : current.generation(),
              DecisionMode.ENFORCE,
              null));
    }

    @Override
    public void closed() {
      state.clients.close(inbound.client(), account);
      registration.close();
    }
  }

  private final class InboundExchange extends Exchange {
    private final Connection connection;
    private final Channel channel;
    private final boolean upgrade;
    private @Nullable InboundExchange previous;
    private @Nullable InboundExchange next;
    private @Nullable ServerPolicy policy;
    private SlowBodies.@Nullable Body body;
    private @Nullable AsciiString origProto;
    private String path = "";
    private @Nullable Decision granted;
    private @Nullable Http2Headers received;
    private @Nullable CharSequence receivedPath;
    private @Nullable CharSequence forwards;
    private List<CharSequence> upgrades = List.of();
    private boolean authorityAdded;
    private boolean outdated;

    InboundExchange(
        Connection connection,
        ServerStream server,
        Channel channel,
        Http2Headers head,
        boolean end,
        boolean upgrade) {
      super(server, head, end);
      this.connection = connection;
      this.channel = channel;
      this.upgrade = upgrade;
    }

    private void bodyTooSlow() {
      record(policy, Verdict.DENY, Reason.PROTOCOL_ERROR, null, "body: not complete in time", null);
      giveUp(Failure.REQUEST_TIMEOUT);
    }

    void decideAndSend() {
      InboundConnection inbound = connection.inbound;
      Http2Headers head = request();
      CharSequence proto = head.get(HeaderNames.L5D_ORIG_PROTO);
      HeaderNames.removeInternal(head);
      if (proto != null && inbound.peerIsProxy() && connection.version == HttpVersion.HTTP2) {
        origProto = AsciiString.of(proto);
      }
      ServerPolicy current = inbound.policy().current();
      receivedPath = head.path();
      path = RecordedTarget.of(head.path());
      if (current == null) {
        record(null, Verdict.DENY, Reason.NO_POLICY, null, null, null);
        fail(Failure.UNAUTHORIZED);
        return;
      }
      policy = current;
      if (connection.state.inFlight.requests() > config.maxInFlight() || beyondShare()) {
        connection.state.overloads.add(
            more ->
                record(
                    current,
                    Verdict.DENY,
                    Reason.OVERLOAD,
                    null,
                    more == 0
                        ? OVERLOADED
                        : OVERLOADED + "; " + more + " more of any client have no record",
                    null));
        fail(Failure.OVERLOADED);
        return;
      }
      CharSequence target = head.path();
      if (target == null || !RequestPath.isTarget(target)) {
        refuseUnsafe(current, "the target is no path", Failure.BAD_REQUEST);
        return;
      }
      if (current.matchesPaths() && !normalize(current, head, target)) {
        return;
      }
      if (current.matchesMethods() && RequestMethod.isMisspelt(head.method())) {
        record(current, Verdict.DENY, Reason.PROTOCOL_ERROR, null, RequestMethod.MISSPELT, null);
        fail(Failure.BAD_REQUEST);
        return;
      }
      if (MaxForwards.isMalformed(head)) {
        record(current, Verdict.DENY, Reason.PROTOCOL_ERROR, null, RequestSyntax.NO_FORWARDS, null);
        fail(Failure.BAD_REQUEST);
        return;
      }
      Attributes attributes = attributes(head.path());
      Client client = inbound.client();
      Decision early = current.decideBeforeRoute(client);
      if (early != null) {
        inbound.metrics().denied(current);
        record(current, early, current.trialRequest(client, attributes));
        fail(Failure.UNAUTHORIZED);
        return;
      }
      Route route = route(current, attributes);
      if (route == null) {
        refuseWithoutRoute(current, attributes);
        return;
      }
      // What the proxy answers itself costs the application nothing.
      Decision decision =
          isForwarded(route)
              ? current.decideRequest(client, route)
              : current.authorizeRequest(client, route);
      Decision trial =
          decision.reason() == Reason.RATE_LIMITED
              ? null
              : current.trialRequest(client, attributes);
      record(current, decision, trial);
      if (!decision.allowed()) {
        inbound.metrics().denied(current, route, decision);
        fail(
            decision.reason() == Reason.RATE_LIMITED ? Failure.RATE_LIMITED : Failure.UNAUTHORIZED);
        return;
      }
      granted = decision;
      count(inbound.metrics().authorized(current, route, decision));
      if (prepare(route)) {
        send();
      }
    }

    /** Puts the path in its normal form for all that follows; false: refused, it has none. */
    @SuppressWarnings("ReferenceEquality") // A normal path is returned as it is.
    private boolean normalize(ServerPolicy current, Http2Headers head, CharSequence sent) {
      CharSequence normal = RequestPath.normalize(sent);
      if (normal == null) {
        refuseUnsafe(current, RequestPath.refusal(sent), Failure.UNSAFE_PATH);
        return false;
      }
      if (normal != sent) {
        head.path(normal);
        path = RecordedTarget.of(normal);
      }
      return true;
    }

    private void refuseWithoutRoute(ServerPolicy current, Attributes attributes) {
      Client client = connection.inbound.client();
      Decision decision = current.decideWithoutRoute(client, attributes);
      switch (decision.reason()) {
        case UNSAFE_PATH -> refuseUnsafe(current, decision.detail(), Failure.UNSAFE_PATH);
        case NO_ROUTE -> {
          connection.inbound.metrics().routeNotFound(current);
          record(current, decision, current.trialRequest(client, attributes));
          fail(Failure.NO_ROUTE);
        }
        default -> {
          connection.inbound.metrics().denied(current);
          record(current, decision, current.trialRequest(client, attributes));
          fail(Failure.UNAUTHORIZED);
        }
      }
    }

    private void refuseUnsafe(ServerPolicy current, @Nullable String why, Failure failure) {
      connection.inbound.metrics().unsafePath(current);
      record(current, Verdict.DENY, Reason.UNSAFE_PATH, null, why, null);
      fail(failure);
    }

    /** The head as the client sent it, with its path in the form that is given. */
    private Attributes attributes(@Nullable CharSequence form) {
      Attributes attributes = connection.attributes;
      attributes.head = request();
      attributes.path = form == null ? "" : form;
      attributes.expressions.reset();
      return attributes;
    }

    private static @Nullable Route route(ServerPolicy current, Attributes attributes) {
      ServerPolicy.Protocol protocol = current.protocol();
      if (protocol == ServerPolicy.Protocol.OPAQUE || protocol == ServerPolicy.Protocol.TLS) {
        return null;
      }
      return current.route(attributes);
    }

    /** Whether requests of a route reach the application. */
    private static boolean isForwarded(Route route) {
      List<Route.Filter> filters = route.filters();
      for (int i = 0; i < filters.size(); i++) {
        if (!(filters.get(i) instanceof Route.Filter.RequestHeaders)) {
          return false;
        }
      }
      return true;
    }

    /** A rate limits what begins, not what is under way: it is not asked again. */
    void recheck(ServerPolicy changed) {
      if (done()) {
        return;
      }
      policy = changed;
      if (sent()) {
        // Should it be sent once more, then as that policy has it.
        outdated = true;
      }
      Client client = connection.inbound.client();
      restore();
      Attributes attributes = attributes(receivedPath);
      CharSequence normal =
          changed.matchesPaths() ? RequestPath.normalize(attributes.path) : attributes.path;
      path = RecordedTarget.of(normal == null ? attributes.path : normal);
      if (normal == null) {
        record(changed, Verdict.DENY, Reason.UNSAFE_PATH, null, null, null);
      } else if (changed.matchesMethods() && RequestMethod.isMisspelt(attributes.method())) {
        record(changed, Verdict.DENY, Reason.PROTOCOL_ERROR, null, RequestMethod.MISSPELT, null);
      } else {
        attributes.path = normal;
        Decision early = changed.decideBeforeRoute(client);
        Route route = early == null ? route(changed, attributes) : null;
        Decision decision =
            early != null
                ? early
                : route == null
                    ? changed.decideWithoutRoute(client, attributes)
                    : changed.authorizeRequest(client, route);
        if (decision.allowed() && route != null) {
          granted = decision;
          if (!sent()) {
            outdated = false;
            request().path(normal);
            prepare(route);
          }
          return;
        }
        record(changed, decision, changed.trialRequest(client, attributes));
      }
      if (tunnel()) {
        // A cut, which an end of the stream would not tell.
        Endings.reset(channel);
      } else {
        cut();
      }
    }

    /**
     * Makes of the head that was allowed the one that is sent; false: the request has been
     * answered. What is changed is kept, so that {@link #restore} can take it back.
     */
    private boolean prepare(Route route) {
      Http2Headers head = request();
      String identity = connection.inbound.client().identity();
      if (identity != null) {
        head.set(HeaderNames.L5D_CLIENT_ID, identity);
      }
      if (!applyFilters(route)) {
        return false;
      }
      forwards = head.get(MaxForwards.NAME);
      if (!MaxForwards.count(head)) {
        answerAsLast();
        return false;
      }
      authorityAdded = head.authority() == null;
      if (authorityAdded) {
        // An HTTP/1.0 request may name no host; what is sent on must.
        head.authority(NetUtil.toSocketAddressString(connection.inbound.target()));
      }
      if (!upgrade && head.contains(HeaderNames.UPGRADE)) {
        upgrades = head.getAllAndRemove(HeaderNames.UPGRADE);
      }
      return true;
    }

    /**
     * Takes back what {@link #prepare} has changed: a change of policy is judged by what the client
     * asked for, and what is sent after it is made of that anew.
     */
    private void restore() {
      Http2Headers head = request();
      Http2Headers unchanged = received;
      if (unchanged != null) {
        received = null;
        head.clear();
        head.setAll(unchanged);
      } else {
        if (forwards != null) {
          head.set(MaxForwards.NAME, forwards);
        }
        if (authorityAdded) {
          head.remove(Http2Headers.PseudoHeaderName.AUTHORITY.value());
        }
        if (!upgrades.isEmpty()) {
          head.set(HeaderNames.UPGRADE, upgrades);
        }
      }
      head.remove(HeaderNames.L5D_CLIENT_ID);
      forwards = null;
      authorityAdded = false;
      upgrades = List.of();
      CharSequence path = receivedPath;
      if (path != null) {
        head.path(path);
      }
    }

    private boolean applyFilters(Route route) {
      List<Route.Filter> filters = route.filters();
      if (!filters.isEmpty()) {
        received = new DefaultHttp2Headers(false, 16).setAll(request());
      }
      for (int i = 0; i < filters.size(); i++) {
        switch (filters.get(i)) {
          case Route.Filter.RequestHeaders change -> {
            if (!apply(change)) {
              fail(Failure.INVALID_POLICY);
              return false;
            }
          }
          case Route.Filter.Redirect redirect -> {
            redirect(redirect);
            return false;
          }
          case Route.Filter.Fail fail -> {
            fail(Failure.INVALID_POLICY);
            return false;
          }
        }
      }
      return true;
    }

    /** False where a change would say something else than the message is. */
    private boolean apply(Route.Filter.RequestHeaders change) {
      Http2Headers head = request();
      for (Route.Filter.Header header : change.add()) {
        AsciiString name = AsciiString.of(header.name());
        if (HeaderNames.isOfTheProxy(name) || HeaderNames.HOST.contentEquals(name)) {
          return false;
        }
        head.add(name, header.value());
      }
      for (Route.Filter.Header header : change.set()) {
        AsciiString name = AsciiString.of(header.name());
        if (HeaderNames.isOfTheProxy(name)) {
          return false;
        }
        if (!HeaderNames.HOST.contentEquals(name)) {
          head.set(name, header.value());
        } else if (RequestTarget.isAuthority(header.value())) {
          head.authority(header.value());
        } else {
          return false;
        }
      }
      for (String name : change.remove()) {
        if (HeaderNames.isOfTheProxy(name)) {
          return false;
        }
        head.remove(AsciiString.of(name));
      }
      return true;
    }

    private void redirect(Route.Filter.Redirect redirect) {
      if (grpc()) {
        fail(Failure.REDIRECTED);
        return;
      }
      Http2Headers head = request();
      String from = head.path() == null ? "/" : head.path().toString();
      String authority = head.authority() == null ? "" : head.authority().toString();
      Http2Headers answer = new DefaultHttp2Headers(false, 4);
      answer.status(Integer.toString(redirect.status()));
      answer.set(HeaderNames.LOCATION, redirect.location(from, authority));
      answer.set(HeaderNames.CONTENT_LENGTH, HeaderNames.ZERO);
      answer(answer, false);
    }

    private void send() {
      InetSocketAddress target = connection.inbound.target();
      UpstreamPool pool = connection.state.pool(target, connection.inbound.policy());
      AsciiString original = origProto;
      if (original != null) {
        if (OriginalForm.isAbsolute(original)) {
          setAbsoluteForm();
        }
        pool.sendHttp1(this);
      } else if (connection.version == HttpVersion.HTTP1) {
        pool.sendHttp1(this);
      } else if (speaksHttp1()) {
        pool.sendHttp1(this);
      } else {
        pool.sendHttp2(this);
      }
    }

    /** Whether the Server says that the application speaks HTTP/1, whatever its client speaks. */
    private boolean speaksHttp1() {
      ServerPolicy decided = policy;
      return decided != null && decided.protocol() == ServerPolicy.Protocol.HTTP1;
    }

    @Override
    protected void retry() {
      if (mayBeSent()) {
        send();
      }
    }

    @SuppressWarnings("ReferenceEquality") // Each change of policy makes another one.
    @Override
    public boolean mayBeSent() {
      ServerPolicy now = connection.inbound.policy().current();
      if (now != null && (now != policy || outdated)) {
        recheck(now);
      }
      return !done();
    }

    @Override
    public ClientAccount account() {
      return connection.account;
    }

    @Override
    protected boolean otherUpstreams() {
      return false;
    }

    @Override
    protected boolean informationalHeaders() {
      return connection.inbound.peerIsProxy() && connection.inbound.client().identity() != null;
    }

    @Override
    protected void onResponseHead(Http2Headers head) {
      HeaderNames.removeOfTheMesh(head);
      if (origProto != null) {
        head.set(HeaderNames.L5D_ORIG_PROTO, HeaderNames.ORIG_HTTP_11);
      }
    }

    @Override
    protected void onFailure(Failure failure) {
      ProxyError error = failure.error();
      if (error != null) {
        connection.inbound.metrics().failed(policy, error);
      }
    }

    @Override
    protected void onTunnel(String into) {
      ServerPolicy current = policy;
      if (current != null) {
        connection.inbound.metrics().tunnel(current);
        record(current, Verdict.ALLOW, Reason.TUNNEL, granted, into, null);
      }
    }

    @Override
    protected void onDialFailed() {}

    @Override
    protected void onDone() {
      SlowBodies.Body watched = body;
      if (watched != null) {
        watched.ended();
      }
      connection.remove(this);
    }

    private void record(ServerPolicy current, Decision decision, @Nullable Decision trial) {
      record(
          current,
          decision.allowed() ? Verdict.ALLOW : Verdict.DENY,
          decision.reason(),
          decision,
          decision.detail(),
          trial);
    }

    private void record(
        @Nullable ServerPolicy current,
        Verdict verdict,
        Reason reason,
        @Nullable Decision decision,
        @Nullable String detail,
        @Nullable Decision trial) {
      if (current != null && trial != null) {
        connection.inbound.metrics().tried(current, verdict == Verdict.ALLOW, trial);
      }
      CharSequence method = request().method();
      audit.record(
          new DecisionEvent(
              clock.millis(),
              connection.inbound.audited(),
              current == null ? "none" : current.server().label(),
              grpc()
                  ? "grpc"
                  : connection.version == HttpVersion.HTTP2 && origProto == null
                      ? "http/2"
                      : "http/1",
              method == null ? null : method.toString(),
              path,
              verdict,
              reason.code(),
              decision == null ? null : decision.authorizationLabel(),
              decision == null ? null : decision.failedAttribute(),
              detail,
              current == null ? 0 : current.generation(),
              AuditedDecisions.mode(decision),
              trial == null ? null : connection.trial(trial)));
    }
  }

  /** Reused view of the head that is being routed. */
  private static final class Attributes implements RequestAttributes {
    private final ExpressionWork expressions = new ExpressionWork();
    private Http2Headers head = new DefaultHttp2Headers(false, 2);
    private CharSequence path = "";

    @Override
    public ExpressionWork expressions() {
      return expressions;
    }

    @Override
    public CharSequence method() {
      CharSequence method = head.method();
      return method == null ? "" : method;
    }

    @Override
    public CharSequence path() {
      return path;
    }

    @Override
    public CharSequence authority() {
      CharSequence authority = head.authority();
      return authority == null ? "" : authority;
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      if (HeaderNames.HOST.contentEquals(lowerCaseName)) {
        return head.authority();
      }
      if (HeaderNames.COOKIE.contentEquals(lowerCaseName)) {
        List<CharSequence> crumbs = head.getAll(HeaderNames.COOKIE);
        if (crumbs.size() > 1) {
          return RequestAttributes.cookie(crumbs);
        }
      }
      return head.get(lowerCaseName);
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      if (HeaderNames.HOST.contentEquals(lowerCaseName)
          || HeaderNames.COOKIE.contentEquals(lowerCaseName)) {
        return false;
      }
      return RequestAttributes.differ(head.valueIterator(lowerCaseName));
    }
  }
}
