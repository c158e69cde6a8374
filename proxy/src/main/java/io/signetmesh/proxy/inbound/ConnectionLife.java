package io.signetmesh.proxy.inbound;

import io.linkerd.transport.Header;
import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.Verdict;
import io.signetmesh.identity.pki.DuplexTls;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.CountedConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.http.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of one inbound connection: the one place where it goes from a {@link ConnectionState} to
 * the next.
 *
 * <p>A decision is never older than the policy that it is recorded with. The connection is
 * registered for changes before the policy of its port is first read, a change is looked at in the
 * state that it meets, and each state that waited is left by a look at the policy in force ({@link
 * #proceed}, {@link #dialed}): what is held is still held then, so that the connection is treated
 * as if it had just come.
 *
 * <p>Confined to the connection's loop.
 */
final class ConnectionLife {
  private static final Logger log = LoggerFactory.getLogger(ConnectionLife.class);

  private final Channel channel;
  private final ProxyLoop loop;
  private final InboundAccept.Services services;
  private final ConnectionRecords records;
  private final Runnable accepted;
  private final @Nullable ConnectionMemory memory;
  private ConnectionState state = new ConnectionState.Accepted();
  private HeldReads held;
  private Arrival arrival = Arrival.PLAINTEXT;
  private @Nullable Destination destination;
  private @Nullable Detection detection;

  /**
   * Where a connection goes, with the policy that it is under.
   *
   * @param target address that the client asked for
   */
  private record Destination(
      InetSocketAddress target, PortPolicy policy, PortPolicy.Registration registration) {}

  /**
   * The look for HTTP, which may be begun again by a change of policy but does not get longer by
   * that.
   *
   * @param begunNanos {@link System#nanoTime} of its beginning
   */
  private record Detection(long begunNanos) {}

  /** A decision that allowed a connection, under one policy. */
  private record Allowed(ServerPolicy policy, Treatment treatment, Decision decision) {}

  /**
   * @param held holds what the client sends until the state that it is for is entered
   * @param accepted runs when the handlers of the protocol are in place
   */
  ConnectionLife(
      Channel channel,
      ProxyLoop loop,
      InboundAccept.Services services,
      HeldReads held,
      Runnable accepted) {
    this.channel = channel;
    this.loop = loop;
    this.services = services;
    this.records = new ConnectionRecords(channel, services);
    this.held = held;
    this.accepted = accepted;
    this.memory = ConnectionMemory.of(channel);
    if (memory != null) {
      memory.onShed(this::shed);
    }
    channel.closeFuture().addListener(closed -> gone());
  }

  /**
   * The client has closed the connection, or it was cut. Bytes that came before are still for the
   * application, if they are allowed: whoever waits now goes on within its time.
   */
  private void gone() {
    boolean waiting =
        !(state instanceof Handshake || state instanceof ServingHttp || state instanceof Relaying);
    if (!(waiting && held.size() > 0) && !(state instanceof Relaying)) {
      to(new ConnectionState.Closed());
    }
  }

  // ---- the door

  private void to(ConnectionState next) {
    if (state instanceof ConnectionState.Closed) {
      next.leave();
      return;
    }
    state.leave();
    state = next;
    if (next instanceof ConnectionState.Closed || next instanceof ServingHttp) {
      // Serving HTTP registers on its own, before this registration ends.
      next.enter();
      Destination known = destination;
      if (known != null) {
        known.registration().close();
      }
    } else {
      next.enter();
    }
  }

  /** What the connection is at. */
  ConnectionState state() {
    return state;
  }

  /** Begins with a connection that is for a known address. */
  void start(InetSocketAddress target) {
    bind(target, this::sniffTls);
  }

  /** Begins with a connection to the proxy's own port, whose transport header will tell. */
  void startDirect() {
    sniffTls();
  }

  /** Refuses a connection to an address that is not the workload's. */
  void refuseForeign(InetSocketAddress target) {
    refuse(target, Reason.FOREIGN_ADDRESS, "tcp");
  }

  /** Finds the policy of a target, waiting for the first one. */
  private void bind(InetSocketAddress target, Runnable then) {
    if (services.ownListener().test(services.application(target))) {
      refuse(target, Reason.FOREIGN_ADDRESS, "tcp");
      return;
    }
    InetAddress source =
        channel.remoteAddress() instanceof InetSocketAddress remote ? remote.getAddress() : null;
    PortPolicy policy = services.policies().forPort(target.getPort(), source);
    destination =
        new Destination(
            target, policy, policy.onChange(loop.eventLoop(), changed -> policyChanged()));
    if (policy.current() != null) {
      then.run();
      return;
    }
    to(
        new AwaitingPolicy(
            policy.await(loop.eventLoop()),
            then,
            () -> refuse(target, Reason.NO_POLICY, arrival.isMeshTls() ? "tls" : "tcp")));
  }

  private void policyChanged() {
    Destination known = destination;
    if (known == null) {
      return;
    }
    ServerPolicy now = known.policy().current();
    if (now != null) {
      state.policyChanged(now);
    }
    if (!known.policy().isWatched() && !(state instanceof ConnectionState.Closed)) {
      // Nobody tells of changes any more.
      refuse(known.target(), Reason.NO_POLICY, arrival.label());
    }
  }

  private Treatment treatment(ServerPolicy policy) {
    return Treatment.of(policy, arrival, services.detectTimeout());
  }

  /** Goes on as the policy in force has it. */
  private void proceed() {
    ServerPolicy now = current();
    Treatment treatment = treatment(now);
    switch (treatment) {
      case Treatment.Relay relay -> decide(now, treatment);
      case Treatment.Http(HttpVersion version) -> serve(version);
      case Treatment.Detect detect -> detect(detect);
      case Treatment.Refuse(Reason reason) -> {
        services.metrics().inboundTcpFailed(target(), ProxyError.UNEXPECTED);
        records.refused(audited(), now, arrival.label(), reason);
        close();
      }
    }
  }

  private void close() {
    to(new ConnectionState.Closed());
    channel.close();
  }

  /** Ends what was begun, so that nobody takes it for an end. */
  private void cut() {
    to(new ConnectionState.Closed());
    Endings.reset(channel);
  }

  // ---- sniffing

  private void sniffTls() {
    to(new Sniffing(held, services.detectTimeout(), this::sniffed, this::notSniffed));
  }

  private void sniffed(ClientHello.Result found) {
    switch (found) {
      case ClientHello.Result.NotTls plain -> plaintext();
      case ClientHello.Result.Tls hello -> {
        if (services.serverName().equals(hello.serverName())) {
          handshake();
        } else {
          foreignTls();
        }
      }
      case ClientHello.Result.Oversized oversized -> {
        failed(ProxyError.UNEXPECTED);
        deny(Reason.TLS_HANDSHAKE, "tls", "the ClientHello is too long");
      }
    }
  }

  /** Time or input ended before it was clear whether TLS is spoken. */
  private void notSniffed() {
    if (destination != null && current().protocol() == ServerPolicy.Protocol.OPAQUE) {
      // The server may be the one to speak first.
      plaintext();
      return;
    }
    failed(ProxyError.TLS_DETECTION_TIMEOUT);
    if (held.size() == 0) {
      // Nothing was asked for: a probe of the port, or a client that has gone.
      close();
    } else {
      deny(Reason.PROTOCOL_ERROR, "tcp", "the ClientHello ends early or not in time");
    }
  }

  private void plaintext() {
    if (destination == null) {
      refuse(local(), Reason.TLS_REQUIRED, "tcp");
    } else {
      proceed();
    }
  }

  private void foreignTls() {
    arrival = Arrival.FOREIGN_TLS;
    if (destination == null) {
      refuse(local(), Reason.PROTOCOL_ERROR, "tls");
    } else {
      proceed();
    }
  }

  // ---- handshake

  private void handshake() {
    boolean direct = destination == null;
    SslHandler tls;
    try {
      tls = (direct ? services.directTls() : services.tls()).newHandler(channel.alloc());
    } catch (SSLException e) {
      log.error("no TLS context for a connection from {}", channel.remoteAddress(), e);
      handshakeFailed(e);
      return;
    }
    tls.setHandshakeTimeoutMillis(services.handshakeTimeout().toMillis());
    if (memory != null) {
      memory.tls();
    }
    HeldReads encrypted = held;
    held = new HeldReads();
    to(new Handshake(channel, tls, encrypted, held, () -> established(tls), this::handshakeFailed));
  }

  private void handshakeFailed(Throwable cause) {
    failed(ProxyError.IO);
    log.debug("handshake with {}: {}", channel.remoteAddress(), cause.toString());
    deny(Reason.TLS_HANDSHAKE, "tls", innermost(cause));
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

  private void established(SslHandler tls) {
    arrival = Arrival.meshTls(MeshSslContexts.peer(tls).orElse(null), NegotiatedGroup.of(channel));
    String identity = arrival.identity();
    if (memory != null && identity != null) {
      memory.identified(identity);
    }
    try {
      DuplexTls.takeOver(channel, tls);
    } catch (SSLException e) {
      handshakeFailed(e);
      return;
    }
    if (destination != null) {
      proceed();
    } else if (arrival.identity() == null) {
      refuse(local(), Reason.IDENTITY_REQUIRED, "tls");
    } else if (!TransportHeader.ALPN.equals(tls.applicationProtocol())) {
      refuse(local(), Reason.PROTOCOL_ERROR, "tls");
    } else {
      to(
          new ReadingHeader(
              held,
              services.detectTimeout(),
              this::headerRead,
              () -> refuse(local(), Reason.PROTOCOL_ERROR, "tls"),
              () -> {
                failed(ProxyError.IO);
                deny(Reason.PROTOCOL_ERROR, "tls", "the transport header ends early or too late");
              }));
    }
  }

  // ---- transport header

  private void headerRead(Header header) {
    if (!header.getName().isEmpty() || header.getPort() == local().getPort()) {
      // Gateways are not served, and a proxy never forwards to itself.
      refuse(local(), Reason.PROTOCOL_ERROR, "tls");
      return;
    }
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
            arrival.identity());
    arrival = arrival.direct(session);
    bind(new InetSocketAddress(local().getAddress(), header.getPort()), this::proceed);
  }

  // ---- detection

  private void detect(Treatment.Detect treatment) {
    Detection begun = detection;
    if (begun == null) {
      begun = new Detection(System.nanoTime());
      detection = begun;
    }
    Duration spent = Duration.ofNanos(System.nanoTime() - begun.begunNanos());
    Duration left = treatment.timeout().minus(spent);
    to(
        new Detecting(
            held,
            treatment,
            left.isNegative() ? Duration.ZERO : left,
            this::treatment,
            found -> detected(treatment, found),
            this::proceed));
  }

  private void detected(Treatment.Detect treatment, HttpDetection found) {
    ServerPolicy now = current();
    if (!treatment(now).equals(treatment)) {
      proceed();
      return;
    }
    Detection begun = detection;
    services
        .metrics()
        .inboundDetected(
            now,
            target().getPort(),
            found,
            begun == null ? 0 : System.nanoTime() - begun.begunNanos());
    HttpVersion version =
        switch (found) {
          case HTTP1 -> HttpVersion.HTTP1;
          case HTTP2 -> HttpVersion.HTTP2;
          default -> treatment.otherwise();
        };
    if (version == null) {
      decide(now, treatment);
    } else {
      serve(version);
    }
  }

  // ---- HTTP

  private void serve(HttpVersion version) {
    if (!channel.isActive()) {
      // Nobody waits for an answer.
      close();
      return;
    }
    to(new ServingHttp(() -> serveHttp(version)));
  }

  private void serveHttp(HttpVersion version) {
    Destination known = destination();
    String identity = arrival.identity();
    count(current());
    InboundConnection connection =
        new InboundConnection(
            client(),
            services.application(known.target()),
            known.policy(),
            audited(),
            identity != null,
            services.metrics().inboundHttp(known.target(), arrival.status()));
    services.http().serve(loop, channel, connection, version);
    if (memory != null) {
      memory.answers(true);
    }
    // First: what the bytes held bring may make HTTP stop reading.
    channel.config().setAutoRead(true);
    handOver();
    loop.flushDirty();
  }

  // ---- bytes

  /** One decision for the connection. */
  private void decide(ServerPolicy policy, Treatment treatment) {
    Decision decision = policy.decideConnection(client());
    records.decided(audited(), policy, client(), decision, arrival.label());
    if (!decision.allowed()) {
      services.metrics().inboundTcpDenied(target(), arrival.status(), policy);
      cut();
      return;
    }
    services.metrics().inboundTcpAllowed(target(), arrival.status(), policy, decision);
    dial(new Allowed(policy, treatment, decision));
  }

  private void dial(Allowed allowed) {
    InetSocketAddress target = target();
    to(
        new Dialling(
            () -> services.connector().connectLocal(loop, services.application(target)),
            application -> dialed(allowed, application),
            cause -> {
              services.metrics().inboundTcpFailed(target, ProxyError.IO);
              log.debug("application {}: {}", target, cause.toString());
              cut();
            },
            now -> {
              if (isTreatedAlike(allowed, now)) {
                mayGoOn(allowed, now);
              } else {
                proceed();
              }
            }));
  }

  private boolean isTreatedAlike(Allowed allowed, ServerPolicy now) {
    return treatment(now).equals(allowed.treatment());
  }

  @SuppressWarnings("ReferenceEquality") // A policy that is in force again is as good as another.
  private void dialed(Allowed allowed, Channel application) {
    destination().policy().served();
    ServerPolicy now = current();
    if (now != allowed.policy()) {
      if (!isTreatedAlike(allowed, now)) {
        Endings.reset(application);
        proceed();
        return;
      }
      if (!mayGoOn(allowed, now)) {
        Endings.reset(application);
        return;
      }
    }
    count(now);
    to(
        new Relaying(
            loop,
            channel,
            application,
            this::handOver,
            changed -> mayGoOn(allowed, changed),
            () -> to(new ConnectionState.Closed())));
  }

  /** Looks at an allowed connection under another policy; false: it is on record and closed. */
  private boolean mayGoOn(Allowed allowed, ServerPolicy now) {
    Decision decision = now.decideConnection(client());
    boolean looked = allowed.treatment() instanceof Treatment.Detect;
    boolean treated = treatment(now).letsRelayGoOn(looked);
    if (decision.allowed() && treated) {
      return true;
    }
    if (decision.allowed()) {
      // Each request on the port is decided on from now on, and in bytes there are none.
      records.of(audited(), now, arrival.label(), Verdict.DENY, Reason.PROTOCOL_ERROR);
    } else {
      records.decided(audited(), now, client(), decision, arrival.label());
    }
    services.metrics().inboundTcpTerminated(target(), arrival.status(), now, allowed.decision());
    if (!(state instanceof Relaying)) {
      cut();
    }
    return false;
  }

  // ---- parts

  /** Counts the connection from here on; its transport handlers are in place. */
  private void count(ServerPolicy policy) {
    channel
        .pipeline()
        .addLast(
            "count",
            new CountedConnection(
                services.metrics().inboundAccepted(target(), arrival.status(), policy)));
  }

  /** The handlers of the protocol are in place: what was held is theirs. */
  private void handOver() {
    accepted.run();
    held.release();
  }

  private Client client() {
    return arrival.client(((InetSocketAddress) channel.remoteAddress()).getAddress());
  }

  private AuditedConnection audited() {
    return records.connection(target(), arrival);
  }

  private ServerPolicy current() {
    ServerPolicy current = destination().policy().current();
    if (current == null) {
      throw new IllegalStateException("policy was awaited and is gone");
    }
    return current;
  }

  private Destination destination() {
    Destination known = destination;
    if (known == null) {
      throw new IllegalStateException("connection reached its protocol without a port");
    }
    return known;
  }

  private InetSocketAddress target() {
    return destination().target();
  }

  private InetSocketAddress local() {
    return (InetSocketAddress) channel.localAddress();
  }

  private void failed(ProxyError error) {
    Destination known = destination;
    services.metrics().inboundTcpFailed(known == null ? local() : known.target(), error);
  }

  /** Nothing becomes of a connection whose policy was not asked. */
  private void refuse(InetSocketAddress target, Reason reason, String label) {
    if (reason == Reason.FOREIGN_ADDRESS) {
      services.metrics().inboundTcpForeign();
    } else {
      services.metrics().inboundTcpFailed(target, ProxyError.UNEXPECTED);
    }
    records.denied(records.connection(target, arrival), reason, label, null, null);
    close();
  }

  /** The client holds more than it may: the connection is closed after this. */
  private void shed(String why) {
    Destination known = destination;
    records.denied(
        records.connection(known == null ? local() : known.target(), arrival),
        Reason.OVERLOAD,
        arrival.label(),
        null,
        why);
    // What waits is not decided on any more.
    to(new ConnectionState.Closed());
  }

  private void deny(Reason reason, String label, String detail) {
    Destination known = destination;
    records.denied(
        records.connection(known == null ? local() : known.target(), arrival),
        reason,
        label,
        reason == Reason.TLS_HANDSHAKE ? "tls" : null,
        detail);
    close();
  }
}
