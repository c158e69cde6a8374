package io.signetmesh.proxy.authorize.compile;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.signetmesh.proxy.authorize.PolicyBundles;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.ServerPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Compiles the controller's message into a {@link ServerPolicy}, and validates it by the rules of
 * Linkerd's proxy. It fails closed: an invalid message becomes a policy that refuses everything.
 *
 * <p>Two things differ from Linkerd's proxy. The localhost authorization is added only where the
 * kernel redirects traffic, because elsewhere any process of the host can connect from 127.0.0.1.
 * The authorization of audit mode is evaluated last, so that what another authorization allows is
 * not reported as allowed by audit only.
 */
public final class PolicyCompiler {
  private static final String AUDIT = "audit";

  private final boolean localhost;
  private final LongSupplier nanos;
  private final TokenAuthentications tokens = new TokenAuthentications();
  private final RegoAuthentications rego = new RegoAuthentications();

  /**
   * @param localhost whether clients from 127.0.0.1 and ::1 are the workload itself
   * @param nanos monotonic time for rate limits, as {@link System#nanoTime}
   */
  public PolicyCompiler(boolean localhost, LongSupplier nanos) {
    this.localhost = localhost;
    this.nanos = nanos;
  }

  /** The first policy of a port; see {@link #compile(Server, ServerPolicy)}. */
  public ServerPolicy compile(Server message) {
    return compile(message, null);
  }

  /** The bundles of a message, for {@link #compile(Server, ServerPolicy, PolicyBundles)}. */
  public PolicyBundles bundles(Server message) {
    return rego.bundles(message);
  }

  /** Compiles a message with all its policy bundles, however long that takes. */
  public ServerPolicy compile(Server message, @Nullable ServerPolicy before) {
    PolicyBundles bundles = bundles(message);
    while (!bundles.areReady()) {
      bundles.compileNext();
    }
    return compile(message, before, bundles);
  }

  /** The policy that refuses everything, in the place of a message that cannot be compiled. */
  public ServerPolicy refusing(Server message, @Nullable ServerPolicy before, String why) {
    return CompiledServerPolicy.invalid(message.getSignetGeneration(), why, limiter(before));
  }

  private static @Nullable RateLimiter limiter(@Nullable ServerPolicy before) {
    return before instanceof CompiledServerPolicy compiled ? compiled.lastLimiter() : null;
  }

  /**
   * Compiles a message. The policy never grants more than the message. An error in the dry-run
   * policy makes the dry run refuse everything, and does not affect the enforced policy.
   *
   * @param before the policy of the same port that this one replaces, whose spent rate limit moves
   *     to the new one; null when there is none
   * @param bundles those of the message; none of them is compiled here
   */
  public ServerPolicy compile(
      Server message, @Nullable ServerPolicy before, PolicyBundles bundles) {
    long generation = message.getSignetGeneration();
    CompiledServerPolicy trial = null;
    if (message.hasSignetTrial()) {
      // A dry run takes nothing from a limit.
      trial = compile(message.getSignetTrial(), generation, null, null, bundles);
    }
    return compile(message, generation, trial, limiter(before), bundles);
  }

  private CompiledServerPolicy compile(
      Server message,
      long generation,
      @Nullable CompiledServerPolicy trial,
      @Nullable RateLimiter before,
      PolicyBundles bundles) {
    try {
      return compileChecked(message, generation, trial, before, bundles);
    } catch (InvalidPolicyException | ArithmeticException | IllegalArgumentException e) {
      return CompiledServerPolicy.invalid(generation, String.valueOf(e.getMessage()), before);
    }
  }

  private CompiledServerPolicy compileChecked(
      Server message,
      long generation,
      @Nullable CompiledServerPolicy trial,
      @Nullable RateLimiter before,
      PolicyBundles bundles)
      throws InvalidPolicyException {
    String name = message.getLabelsOrDefault("name", "");
    if (name.isEmpty()) {
      throw new InvalidPolicyException("server has no label 'name'");
    }
    ResourceRef server = server(message, name);
    AuthorizationReader authorizations =
        new AuthorizationReader(
            localhost,
            server,
            tokens.compile(message.getSignetJwtAuthenticationsList()),
            rego.compile(message.getSignetRegoAuthenticationsList(), bundles));
    List<Authz> real = new ArrayList<>();
    List<Authz> audit = new ArrayList<>();
    split(message.getAuthorizationsList(), real, audit);
    ServerRules rules =
        new ServerRules(
            authorizations.denials(message.getSignetDenialsList(), generation),
            authorizations.denials(ofConnections(message), generation),
            authorizations.index(real, true, generation),
            authorizations.audit(audit, generation));
    if (!message.hasProtocol()) {
      throw new InvalidPolicyException("server " + name + " has no protocol");
    }
    Protocol protocol = protocol(message.getProtocol());
    RouteReader routes = new RouteReader(authorizations, generation);
    routes.http(protocol.http());
    routes.grpc(protocol.grpc());
    if (protocol.http().isEmpty() && protocol.grpc().isEmpty()) {
      // Routes that are attached and have no rules match nothing; only where there is no route at
      // all, all match.
      routes.all();
    }
    HttpLocalRateLimit limit = protocol.limit();
    RateLimiter limiter = limit == null ? null : limiter(limit, server, before);
    return new CompiledServerPolicy(
        server,
        generation,
        protocol.kind(),
        protocol.detectTimeout(),
        rules,
        new RouteTable(routes.entries()),
        limiter,
        limiter == null ? before : limiter,
        trial,
        null,
        TokenAuthentications.Places.of(
            message.getSignetJwtAuthenticationsList(),
            message.getSignetTrial().getSignetJwtAuthenticationsList()));
  }

  /**
   * What the message says of the port's protocol.
   *
   * @param detectTimeout longest look for HTTP
   * @param limit rate of requests; null: none
   */
  private record Protocol(
      ServerPolicy.Protocol kind,
      Duration detectTimeout,
      List<HttpRoute> http,
      List<GrpcRoute> grpc,
      @Nullable HttpLocalRateLimit limit) {

    Protocol(ServerPolicy.Protocol kind) {
      this(kind, List.of(), List.of(), null);
    }

    Protocol(
        ServerPolicy.Protocol kind,
        List<HttpRoute> http,
        List<GrpcRoute> grpc,
        @Nullable HttpLocalRateLimit limit) {
      this(kind, Duration.ofSeconds(10), http, grpc, limit);
    }
  }

  private static Protocol protocol(ProxyProtocol message) throws InvalidPolicyException {
    return switch (message.getKindCase()) {
      case DETECT -> {
        ProxyProtocol.Detect detect = message.getDetect();
        yield new Protocol(
            ServerPolicy.Protocol.DETECT,
            detectTimeout(detect),
            detect.getHttpRoutesList(),
            List.of(),
            detect.hasHttpLocalRateLimit() ? detect.getHttpLocalRateLimit() : null);
      }
      case HTTP1 -> {
        ProxyProtocol.Http1 http1 = message.getHttp1();
        yield new Protocol(
            ServerPolicy.Protocol.HTTP1,
            http1.getRoutesList(),
            List.of(),
            http1.hasLocalRateLimit() ? http1.getLocalRateLimit() : null);
      }
      case HTTP2 -> {
        ProxyProtocol.Http2 http2 = message.getHttp2();
        yield new Protocol(
            ServerPolicy.Protocol.HTTP2,
            http2.getRoutesList(),
            List.of(),
            http2.hasLocalRateLimit() ? http2.getLocalRateLimit() : null);
      }
      case GRPC -> {
        ProxyProtocol.Grpc grpc = message.getGrpc();
        yield new Protocol(
            ServerPolicy.Protocol.GRPC,
            List.of(),
            grpc.getRoutesList(),
            grpc.hasSignetLocalRateLimit() ? grpc.getSignetLocalRateLimit() : null);
      }
      case OPAQUE -> new Protocol(ServerPolicy.Protocol.OPAQUE);
      case TLS -> new Protocol(ServerPolicy.Protocol.TLS);
      case KIND_NOT_SET -> throw new InvalidPolicyException("protocol is unknown");
      default -> throw new InvalidPolicyException("protocol is unknown");
    };
  }

  private static Duration detectTimeout(ProxyProtocol.Detect detect) throws InvalidPolicyException {
    if (!detect.hasTimeout()) {
      throw new InvalidPolicyException("detect has no timeout");
    }
    Duration timeout =
        Duration.ofSeconds(detect.getTimeout().getSeconds(), detect.getTimeout().getNanos());
    if (timeout.isNegative()) {
      throw new InvalidPolicyException("detect timeout " + timeout + " is negative");
    }
    return timeout;
  }

  private static ResourceRef server(Server message, String name) {
    if (name.startsWith("default:")) {
      return new ResourceRef("", "default", name.substring("default:".length()));
    }
    String group = message.getLabelsOrDefault("group", "policy.linkerd.io");
    String kind = message.getLabelsOrDefault("kind", "server").toLowerCase(Locale.ROOT);
    return new ResourceRef(kind.equals("default") ? "" : group, kind, name);
  }

  // ---- authorizations

  private static void split(List<Authz> all, List<Authz> real, List<Authz> audit) {
    for (Authz authz : all) {
      boolean audited =
          authz.getMetadata().getKindCase() == Metadata.KindCase.DEFAULT
              && authz.getMetadata().getDefault().equals(AUDIT);
      (audited ? audit : real).add(authz);
    }
  }

  /**
   * The denials for connections that are not read as HTTP. Where the protocol is detected, bytes
   * that detection does not take for HTTP may be requests to the application all the same, so
   * whoever is denied on any route is denied there.
   */
  private static List<Authz> ofConnections(Server message) {
    Set<Authz> denials = new LinkedHashSet<>(message.getSignetDenialsList());
    message
        .getProtocol()
        .getDetect()
        .getHttpRoutesList()
        .forEach(route -> denials.addAll(route.getSignetDenialsList()));
    return List.copyOf(denials);
  }

  // ---- rate limits

  private RateLimiter limiter(
      HttpLocalRateLimit message, ResourceRef server, @Nullable RateLimiter before)
      throws InvalidPolicyException {
    List<RateLimiter.Rates.Override> overrides = new ArrayList<>();
    for (HttpLocalRateLimit.Override override : message.getOverridesList()) {
      long rate = Integer.toUnsignedLong(override.getLimit().getRequestsPerSecond());
      if (rate > 0) {
        Set<String> identities = new LinkedHashSet<>();
        override
            .getClients()
            .getIdentitiesList()
            .forEach(identity -> identities.add(identity.getName()));
        overrides.add(new RateLimiter.Rates.Override(rate, identities));
      }
    }
    return new RateLimiter(
        message.hasMetadata() ? AuthorizationReader.ref(message.getMetadata()) : server,
        nanos,
        new RateLimiter.Rates(
            Integer.toUnsignedLong(message.getTotal().getRequestsPerSecond()),
            Integer.toUnsignedLong(message.getIdentity().getRequestsPerSecond()),
            overrides),
        before);
  }
}
