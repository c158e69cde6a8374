package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.audit.Verdict;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.TrialRequest;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.MaxForwards;
import io.signetmesh.proxy.http.exchange.OriginalForm;
import io.signetmesh.proxy.http.exchange.ProxyAnswer;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.metrics.ProxyError;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One inbound request: decided on under the policy in force, forwarded to the application, and cut
 * when a change of policy takes its right away.
 *
 * <p>Longer than 500 lines: it has all that can become of one request.
 */
final class InboundExchange extends Exchange implements ExchangeProofs.Asker {
  private static final String OVERLOADED = "too many requests in flight";
  private static final String PROOFS_WAIT = "too many requests wait for tokens or policy bundles";

  private final InboundRequests connection;
  private final Channel channel;
  private final AllowedHead allowedHead;
  @Nullable InboundExchange previous;
  @Nullable InboundExchange next;
  private @Nullable ServerPolicy policy;
  private SlowBodies.@Nullable Body body;
  private @Nullable AsciiString origProto;
  private String path = "";
  private @Nullable Route route; // That the request took when it was last decided on.
  private @Nullable Decision granted;
  private @Nullable ExchangeProofs proofs;
  private boolean outdated;
  private boolean passedOver; // A connection came while the request waited for its proofs.

  InboundExchange(
      InboundRequests connection,
      ServerStream server,
      Channel channel,
      Http2Headers head,
      boolean end,
      boolean upgrade) {
    super(server, head, end);
    this.connection = connection;
    this.channel = channel;
    this.allowedHead = new AllowedHead(head, connection.inbound, upgrade);
  }

  /** Ends the request if the body that it announces does not come. */
  void watchBody(SlowBodies bodies) {
    body = bodies.watch(this, this::bodyTooSlow);
  }

  private void bodyTooSlow() {
    record(policy, Reason.PROTOCOL_ERROR, "body: not complete in time");
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
    allowedHead.received();
    path = RecordedTarget.of(head.path());
    decide();
  }

  /** Decides under the policy in force, before anything is sent. */
  private void decide() {
    InboundConnection inbound = connection.inbound;
    Http2Headers head = request();
    route = null;
    ServerPolicy current = inbound.policy().current();
    if (current == null) {
      record(null, Reason.NO_POLICY, null);
      fail(Failure.UNAUTHORIZED);
      return;
    }
    policy = current;
    if (connection.state.inFlight.requests() > connection.state.config.maxInFlight()
        || beyondShare()) {
      refuseOverloaded(current, OVERLOADED);
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
      record(current, Reason.PROTOCOL_ERROR, RequestMethod.MISSPELT);
      fail(Failure.BAD_REQUEST);
      return;
    }
    if (MaxForwards.isMalformed(head)) {
      record(current, Reason.PROTOCOL_ERROR, RequestSyntax.NO_FORWARDS);
      fail(Failure.BAD_REQUEST);
      return;
    }
    HeadAttributes attributes = connection.attributes.of(head, head.path());
    @Nullable Client client = inbound.client();
    Decision early = current.decideBeforeRoute(client);
    if (early != null) {
      inbound.metrics().denied(current);
      record(current, client, early, attributes);
      fail(Failure.UNAUTHORIZED);
      return;
    }
    Route taken = attributes.route(current);
    if (taken == null) {
      refuseWithoutRoute(current, attributes);
      return;
    }
    route = taken;
    client = proven(current, client, taken);
    if (client == null) {
      return;
    }
    // What the proxy answers itself costs the application nothing.
    Decision decision =
        taken.reachesApplication()
            ? current.decideRequest(client, taken)
            : current.authorizeRequest(client, taken);
    if (ExchangeProofs.isShed(proofs, decision)) {
      refuseOverloaded(current, PROOFS_WAIT);
      return;
    }
    if (!record(current, client, decision, attributes)) {
      record(current, Reason.AUDIT_UNAVAILABLE, null);
      fail(Failure.UNRECORDED);
      return;
    }
    if (!decision.allowed()) {
      inbound.metrics().denied(current, taken, decision);
      refuse(decision);
      return;
    }
    granted = decision;
    count(inbound.metrics().authorized(current, taken, decision));
    if (prepare(taken)) {
      send();
    }
  }

  @Override
  public void answered() {
    if (done()) {
      return;
    }
    ServerPolicy now = connection.inbound.policy().current();
    if (granted == null) {
      allowedHead.restore();
      decide();
    } else if (now == null) {
      cutOff();
    } else {
      recheck(now);
    }
    connection.state.loop.flushDirty();
  }

  @Override
  public boolean hasBegun() {
    return granted != null;
  }

  private @Nullable Client proven(ServerPolicy by, Client client, Route route) {
    List<TokenAuthentication> needed = by.tokens(client, route);
    if (ExchangeProofs.areNeeded(by, needed)) {
      return proofs().prove(by, client, route, needed, request(), allowedHead.receivedPath());
    }
    if (proofs != null) {
      proofs.areNotNeeded();
    }
    return client;
  }

  private ExchangeProofs proofs() {
    if (proofs == null) {
      proofs = new ExchangeProofs(connection.state, connection.inbound, this);
    }
    return proofs;
  }

  private void refuse(Decision decision) {
    var tokens = ExchangeProofs.known(proofs).tokens();
    fail(
        Failure.of(decision.reason()),
        TokenChallenge.of(decision.reason(), tokens, connection.state.tokens::proofNonce));
  }

  private void refuseOverloaded(ServerPolicy current, String why) {
    connection.state.overloads.add(why, text -> record(current, Reason.OVERLOAD, text));
    fail(Failure.OVERLOADED);
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

  private void refuseWithoutRoute(ServerPolicy current, HeadAttributes attributes) {
    Client client = connection.inbound.client();
    Decision decision = current.decideWithoutRoute(client, attributes);
    boolean noRoute = decision.reason() == Reason.NO_ROUTE;
    if (decision.reason() == Reason.UNSAFE_PATH) {
      refuseUnsafe(current, decision.detail(), Failure.UNSAFE_PATH);
      return;
    }
    if (noRoute) {
      connection.inbound.metrics().routeNotFound(current);
    } else {
      connection.inbound.metrics().denied(current);
    }
    record(current, client, decision, attributes);
    fail(noRoute ? Failure.NO_ROUTE : Failure.UNAUTHORIZED);
  }

  private void refuseUnsafe(ServerPolicy current, @Nullable String why, Failure failure) {
    connection.inbound.metrics().unsafePath(current);
    record(current, Reason.UNSAFE_PATH, why);
    fail(failure);
  }

  /** A rate limits what begins, not what is under way: it is not asked again. */
  void recheck(ServerPolicy changed) {
    if (done()) {
      return;
    }
    if (granted == null && proofs != null && proofs.isWaiting()) {
      // What has not begun is decided under the policy that is in force when it may.
      proofs.policyChanged();
      return;
    }
    policy = changed;
    route = null;
    if (sent()) {
      // Should it be sent once more, then as that policy has it.
      outdated = true;
    }
    @Nullable Client client = connection.inbound.client();
    allowedHead.restore();
    HeadAttributes attributes = connection.attributes.of(request(), allowedHead.receivedPath());
    CharSequence normal =
        changed.matchesPaths() ? RequestPath.normalize(attributes.path()) : attributes.path();
    path = RecordedTarget.of(normal == null ? attributes.path() : normal);
    if (normal == null) {
      record(changed, Reason.UNSAFE_PATH, null);
    } else if (changed.matchesMethods() && RequestMethod.isMisspelt(attributes.method())) {
      record(changed, Reason.PROTOCOL_ERROR, RequestMethod.MISSPELT);
    } else {
      attributes.path(normal);
      Decision early = changed.decideBeforeRoute(client);
      Route taken = early == null ? attributes.route(changed) : null;
      route = taken;
      if (taken != null) {
        early = changed.refuseWhateverIsProved(client, taken);
      }
      client = taken == null || early != null ? client : proven(changed, client, taken);
      if (client == null) {
        return;
      }
      Decision decision =
          early != null
              ? early
              : taken == null
                  ? changed.decideWithoutRoute(client, attributes)
                  : changed.authorizeRequest(client, taken);
      if (decision.allowed() && taken != null) {
        granted = decision;
        if (!sent()) {
          outdated = false;
          request().path(normal);
          if (prepare(taken) && passedOver) {
            passedOver = false;
            send();
          }
        }
        return;
      }
      record(changed, client, decision, attributes);
    }
    cutOff();
  }

  @Override
  public void gaveUp() {
    record(policy, Reason.OVERLOAD, PROOFS_WAIT);
    cutOff();
    connection.state.loop.flushDirty();
  }

  private void cutOff() {
    if (tunnel()) {
      Endings.reset(channel); // A cut, which an end of the stream would not tell.
    } else {
      cut();
    }
  }

  /** Makes of the head that was allowed the one that is sent; false: the request was answered. */
  private boolean prepare(Route route) {
    Route.Filter stops =
        allowedHead.apply(
            route.filters(),
            policy == null ? Set.of() : policy.tokenFields(),
            ExchangeProofs.known(proofs).tokens());
    if (stops instanceof Route.Filter.Redirect redirect) {
      redirect(redirect);
      return false;
    }
    if (stops != null) {
      fail(Failure.FILTER_FAILED);
      return false;
    }
    if (!allowedHead.countForward()) {
      answerAsLast();
      return false;
    }
    allowedHead.complete();
    return true;
  }

  private void redirect(Route.Filter.Redirect redirect) {
    if (grpc()) {
      fail(Failure.REDIRECTED);
      return;
    }
    answer(ProxyAnswer.redirect(request(), redirect), false);
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
    } else if (connection.version == HttpVersion.HTTP1 || speaksHttp1()) {
      pool.sendHttp1(this);
    } else {
      pool.sendHttp2(this);
    }
  }

  /** Whether the Server says that the application speaks HTTP/1, whatever its client speaks. */
  private boolean speaksHttp1() {
    return policy != null && policy.protocol() == ServerPolicy.Protocol.HTTP1;
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
    if (!done() && proofs != null && proofs.isWaiting()) {
      passedOver = true;
      return false;
    }
    return !done();
  }

  @Override
  public ClientAccount account() {
    return connection.account();
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
  protected void onRequestTrailers(Http2Headers trailers) {
    TokenFields.strip(trailers, policy, ExchangeProofs.known(proofs).tokens());
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
    if (policy != null) {
      connection.inbound.metrics().tunnel(policy);
      RequestRecords.Outcome outcome =
          new RequestRecords.Outcome(
              Verdict.ALLOW,
              Reason.TUNNEL,
              granted,
              into,
              route,
              null,
              ExchangeProofs.known(proofs));
      if (!admit(policy, outcome)) {
        record(policy, Reason.AUDIT_UNAVAILABLE, into);
        // Once both sides are joined.
        channel.eventLoop().execute(this::cutOff);
      }
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
    if (proofs != null) {
      proofs.close();
    }
    connection.remove(this);
  }

  /**
   * Records a decision with that of the dry run, if there is one.
   *
   * @return false when it allows and cannot be recorded: the request is to be refused
   */
  private boolean record(
      ServerPolicy by, Client client, Decision decision, HeadAttributes attributes) {
    boolean limited = decision.reason() == Reason.RATE_LIMITED;
    TrialRequest trial = limited ? null : by.trialByRego(client, attributes);
    if (trial != null) {
      Consumer<Decision> record =
          connection.records.later(
              by, protocol(), request().method(), path, outcome(decision, null));
      if (record == null) {
        return false;
      }
      proofs().tryOut(by, trial, client, request(), allowedHead.receivedPath(), record);
      return true;
    }
    RequestRecords.Outcome whole =
        outcome(decision, limited ? null : by.trialRequest(client, attributes));
    if (decision.allowed()) {
      return admit(by, whole);
    }
    record(by, whole);
    return true;
  }

  private boolean admit(ServerPolicy by, RequestRecords.Outcome outcome) {
    return connection.records.admit(by, protocol(), request().method(), path, outcome);
  }

  private RequestRecords.Outcome outcome(Decision decision, @Nullable Decision trial) {
    return RequestRecords.Outcome.of(decision, route, trial, ExchangeProofs.known(proofs));
  }

  /** Records a refusal of which no policy was asked. */
  private void record(@Nullable ServerPolicy current, Reason reason, @Nullable String detail) {
    record(current, RequestRecords.Outcome.refused(reason, detail, ExchangeProofs.known(proofs)));
  }

  private String protocol() {
    boolean http2 = connection.version == HttpVersion.HTTP2 && origProto == null;
    return grpc() ? "grpc" : http2 ? "http/2" : "http/1";
  }

  private void record(@Nullable ServerPolicy current, RequestRecords.Outcome outcome) {
    connection.records.request(current, protocol(), request().method(), path, outcome);
  }
}
