package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.identity.pki.DuplexTls;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.CountedConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.detect.ClientHello;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.inbound.ConnectionDecisions.Allowed;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of one inbound connection: the one door between its {@link ConnectionState}s. States
 * tell it what they found; it looks at the policy in force and chooses the next one.
 *
 * <p>A decision is never older than the policy that it is recorded with. The connection is
 * registered for changes before the policy of its port is first read. A change is looked at in the
 * state that it meets. Each state that waited is left by a look at the policy in force ({@link
 * #proceed}, {@link #dialed}): what is held is still held then, so that the connection is treated
 * as if it had just come.
 *
 * <p>Confined to the connection's loop.
 *
 * <p>Longer than 500 lines: it is the only door between ten states, and what ends a connection must
 * find it in each of them.
 */
final class ConnectionLife {
  private static final Logger log = LoggerFactory.getLogger(ConnectionLife.class);

  private final Channel channel;
  private final ProxyLoop loop;
  private final InboundAccept.Services services;
  private final ConnectionRecords records;
  private final ConnectionDecisions decisions;
  private final Runnable accepted;
  private final @Nullable ConnectionMemory memory;
  private final ClientTrust trust;
  private ConnectionState state = new ConnectionState.Accepted();
  private HeldReads held;
  private InboundTransport transport = InboundTransport.PLAINTEXT;
  private @Nullable PortBinding binding;
  private @Nullable DetectionTime detection;

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
    this.decisions = new ConnectionDecisions(records, services.metrics());
    this.held = held;
    this.accepted = accepted;
    this.trust = new ClientTrust(channel, this::trustEnded, this::cutAll);
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
      if (next instanceof ConnectionState.Closed) {
        trust.close();
      }
      PortBinding known = binding;
      if (known != null) {
        known.close();
      }
    } else {
      next.enter();
    }
  }

  /** Begins with a connection that is for a known address. */
  void start(InetSocketAddress target) {
    bind(target, this::sniff);
  }

  /** Begins with the first bytes. A connection to the proxy's own port has no target yet. */
  void sniff() {
    to(new Sniffing(held, services.detectTimeout(), this::sniffed, this::notSniffed));
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
    binding = new PortBinding(target, policy, loop.eventLoop(), changed -> policyChanged());
    if (policy.current() != null) {
      then.run();
      return;
    }
    to(
        new AwaitingPolicy(
            policy.await(loop.eventLoop()),
            then,
            () -> refuse(target, Reason.NO_POLICY, transport.isMeshTls() ? "tls" : "tcp")));
  }

  private void policyChanged() {
    PortBinding known = binding;
    if (known == null) {
      return;
    }
    ServerPolicy now = known.policy().current();
    if (now != null) {
      try {
        state.policyChanged(now);
      } catch (RuntimeException | Error e) {
        // Nobody knows whether the policy allows it.
        cutAll();
        throw e;
      }
    }
    if (!known.policy().isWatched() && !(state instanceof ConnectionState.Closed)) {
      // Nobody tells of changes any more.
      refuse(known.target(), Reason.NO_POLICY, transport.label());
    }
  }

  private Treatment treatment(ServerPolicy policy) {
    return Treatment.of(policy, transport, services.detectTimeout());
  }

  /** Goes on as the policy in force has it. */
  private void proceed() {
    ServerPolicy now = binding().inForce();
    Treatment treatment = treatment(now);
    switch (treatment) {
      case Treatment.Relay relay -> decide(now, treatment);
      case Treatment.Http(HttpVersion version) -> serve(version);
      case Treatment.Detect detect -> detect(detect);
      case Treatment.Refuse(Reason reason) -> {
        records.refused(target(), transport, now, reason);
        close();
      }
    }
  }

  private void close() {
    to(new ConnectionState.Closed());
    channel.close();
  }

  /** The client is trusted no more, whatever it was allowed. */
  private void trustEnded(Reason reason, String why) {
    String label = state instanceof ServingHttp http ? http.label() : transport.label();
    ServerPolicy policy = binding == null ? null : binding.policy().current();
    records.trustEnded(audited(), policy, label, reason, why);
  }

  /** Cuts the connection, and the one to the application with it. */
  private void cutAll() {
    try {
      if (state instanceof Relaying relaying) {
        relaying.cut();
      }
    } finally {
      cut();
    }
  }

  /** Ends what was begun, so that nobody takes it for an end. */
  private void cut() {
    try {
      to(new ConnectionState.Closed());
    } finally {
      Endings.reset(channel);
    }
  }

  // ---- sniffing

  private void sniffed(ClientHello.Result found) {
    switch (found) {
      case ClientHello.Result.NotTls plain -> plaintext();
      case ClientHello.Result.Tls hello -> {
        if (services.serverName().equals(hello.serverName())) {
          handshake();
        } else {
          arrived(InboundTransport.FOREIGN_TLS, Reason.PROTOCOL_ERROR, "tls");
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
    if (binding != null && binding.inForce().protocol() == ServerPolicy.Protocol.OPAQUE) {
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
    arrived(InboundTransport.PLAINTEXT, Reason.TLS_REQUIRED, "tcp");
  }

  /**
   * @param direct why a direct connection that arrives so is refused
   */
  private void arrived(InboundTransport found, Reason direct, String label) {
    transport = found;
    if (binding == null) {
      refuse(local(), direct, label);
    } else {
      proceed();
    }
  }

  // ---- handshake and transport header

  private void handshake() {
    if (memory != null) {
      memory.tls();
    }
    HeldReads encrypted = held;
    held = new HeldReads();
    to(
        new Handshake(
            channel,
            loop.handshakes(),
            binding == null ? services.directTls() : services.tls(),
            services.handshakeTimeout(),
            encrypted,
            held,
            this::established,
            this::handshakeFailed));
  }

  private void handshakeFailed(Throwable cause) {
    failed(ProxyError.IO);
    log.debug("handshake with {}: {}", channel.remoteAddress(), cause.toString());
    deny(Reason.TLS_HANDSHAKE, "tls", Handshake.reason(cause));
  }

  private void established(SslHandler tls) {
    transport =
        InboundTransport.meshTls(
            MeshSslContexts.verifiedPeer(tls).orElse(null), NegotiatedGroup.of(channel));
    String identity = transport.identity();
    if (memory != null && identity != null) {
      memory.identified(identity);
    }
    try {
      DuplexTls.takeOver(channel, tls);
    } catch (SSLException e) {
      handshakeFailed(e);
      return;
    }
    trust.follow(services.peers(), tls);
    if (state instanceof ConnectionState.Closed) {
      return;
    }
    if (binding != null) {
      proceed();
    } else if (transport.identity() == null) {
      refuse(local(), Reason.IDENTITY_REQUIRED, "tls");
    } else if (!TransportHeader.ALPN.equals(tls.applicationProtocol())) {
      refuse(local(), Reason.PROTOCOL_ERROR, "tls");
    } else {
      to(
          new ReadingHeader(
              held,
              services.detectTimeout(),
              local().getPort(),
              this::headerRead,
              () -> refuse(local(), Reason.PROTOCOL_ERROR, "tls"),
              () -> {
                failed(ProxyError.IO);
                deny(Reason.PROTOCOL_ERROR, "tls", "the transport header ends early or too late");
              }));
    }
  }

  private void headerRead(ReadingHeader.Direct asked) {
    services
        .metrics()
        .inboundTransportHeader(asked.sessionLabel(), asked.port(), transport.identity());
    transport = transport.direct(asked.session());
    bind(new InetSocketAddress(local().getAddress(), asked.port()), this::proceed);
  }

  // ---- detection

  private void detect(Treatment.Detect treatment) {
    DetectionTime time = detection;
    if (time == null) {
      time = new DetectionTime(System::nanoTime);
      detection = time;
    }
    DetectionTime begun = time;
    to(
        new Detecting(
            held,
            treatment,
            begun.leftOf(treatment.timeout()),
            this::treatment,
            found -> detected(treatment, begun, found),
            this::proceed));
  }

  private void detected(Treatment.Detect treatment, DetectionTime time, HttpDetection found) {
    ServerPolicy now = binding().inForce();
    if (!treatment(now).equals(treatment)) {
      proceed();
      return;
    }
    services.metrics().inboundDetected(now, target().getPort(), found, time.spentNanos());
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
    PortBinding known = binding();
    count(known.inForce());
    to(
        new ServingHttp(
            loop, channel, services, records, known, transport, version, this::handOver));
  }

  // ---- bytes

  /** One decision for the connection. */
  private void decide(ServerPolicy policy, Treatment treatment) {
    Allowed allowed = decisions.decide(target(), transport, policy, treatment);
    if (allowed == null) {
      cut();
    } else {
      dial(allowed);
    }
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
              if (allowed.isTreatedAs(treatment(now))) {
                mayGoOn(allowed, now);
              } else {
                proceed();
              }
            }));
  }

  @SuppressWarnings("ReferenceEquality") // A policy that is in force again is as good as another.
  private void dialed(Allowed allowed, Channel application) {
    binding().policy().markServed();
    ServerPolicy now = binding().inForce();
    if (now != allowed.policy()) {
      if (!allowed.isTreatedAs(treatment(now))) {
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
    if (decisions.stillAllows(target(), transport, allowed, now, treatment(now))) {
      return true;
    }
    if (!(state instanceof Relaying)) {
      cut();
    }
    return false;
  }

  // ---- parts

  /** Counts the connection from here on; its transport handlers are in place. */
  private void count(ServerPolicy policy) {
    CountedConnection.add(
        channel, services.metrics().inboundAccepted(target(), transport.status(), policy));
  }

  /** The handlers of the protocol are in place: what was held is theirs. */
  private void handOver() {
    accepted.run();
    held.release();
  }

  private PortBinding binding() {
    PortBinding known = binding;
    if (known == null) {
      throw new IllegalStateException("connection reached its protocol without a port");
    }
    return known;
  }

  private InetSocketAddress target() {
    return binding().target();
  }

  private InetSocketAddress local() {
    return (InetSocketAddress) channel.localAddress();
  }

  /** The target; the proxy's own address while it is not known. */
  private InetSocketAddress targetOrLocal() {
    PortBinding known = binding;
    return known == null ? local() : known.target();
  }

  private void failed(ProxyError error) {
    services.metrics().inboundTcpFailed(targetOrLocal(), error);
  }

  /** Nothing becomes of a connection whose policy was not asked. */
  private void refuse(InetSocketAddress target, Reason reason, String label) {
    records.refusedUnasked(target, transport, reason, label);
    close();
  }

  private void deny(Reason reason, String label, String detail) {
    String attribute = reason == Reason.TLS_HANDSHAKE ? "tls" : null;
    records.denied(audited(), reason, label, attribute, detail);
    close();
  }

  /** The client holds more than it may: the connection is closed after this. */
  private void shed(String why) {
    records.denied(audited(), Reason.OVERLOAD, transport.label(), null, why);
    // What waits is not decided on any more.
    to(new ConnectionState.Closed());
  }

  private AuditedConnection audited() {
    return records.connection(targetOrLocal(), transport);
  }
}
