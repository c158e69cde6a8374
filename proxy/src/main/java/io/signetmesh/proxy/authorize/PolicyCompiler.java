package io.signetmesh.proxy.authorize;

import com.google.protobuf.Message;
import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.http_types.Headers;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.path.RoutePath;
import io.signetmesh.proxy.authorize.AuthorizationIndex.Authentication;
import io.signetmesh.proxy.authorize.AuthorizationIndex.Authorization;
import io.signetmesh.proxy.authorize.AuthorizationIndex.Effect;
import io.signetmesh.proxy.authorize.IpBits.Prefix;
import io.signetmesh.proxy.authorize.NetworkIndex.Network;
import io.signetmesh.proxy.authorize.RouteEntry.HostPattern;
import io.signetmesh.proxy.authorize.RouteEntry.PathPattern;
import io.signetmesh.proxy.authorize.RouteEntry.ValuePattern;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Compiles the controller's message into a {@link ServerPolicy}, checking it by the rules of
 * Linkerd's proxy. What the message does not say clearly grants nothing: a message that breaks a
 * rule becomes a policy that refuses everything.
 *
 * <p>Two differences from Linkerd's proxy. The localhost authorization is added only where the
 * kernel redirects traffic, since elsewhere any process of the host can come from 127.0.0.1. And
 * the authorization of audit mode is asked last, so that what a real policy allows is not reported
 * as allowed for the audit only.
 */
public final class PolicyCompiler {

  private static final ResourceRef LOCALHOST = new ResourceRef("", "default", "localhost");
  private static final String AUDIT = "audit";

  private final boolean localhost;
  private final LongSupplier nanos;

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

  /**
   * The policy of a message; never null, never more than the message grants. An error in the policy
   * that is only tried makes that refuse everything, and changes nothing for the one in force.
   *
   * @param before the policy of the same port that this one takes the place of: a rate limit goes
   *     on with what is spent of it; null when there is none
   */
  public ServerPolicy compile(Server message, @Nullable ServerPolicy before) {
    long generation = message.getSignetGeneration();
    CompiledServerPolicy trial = null;
    if (message.hasSignetTrial()) {
      // What is tried takes nothing from a limit.
      trial = compile(message.getSignetTrial(), generation, null, null);
    }
    RateLimiter limiter =
        before instanceof CompiledServerPolicy compiled ? compiled.lastLimiter() : null;
    return compile(message, generation, trial, limiter);
  }

  private CompiledServerPolicy compile(
      Server message,
      long generation,
      @Nullable CompiledServerPolicy trial,
      @Nullable RateLimiter before) {
    try {
      return compileChecked(message, generation, trial, before);
    } catch (InvalidPolicyException | ArithmeticException | IllegalArgumentException e) {
      return CompiledServerPolicy.invalid(generation, String.valueOf(e.getMessage()), before);
    }
  }

  private CompiledServerPolicy compileChecked(
      Server message,
      long generation,
      @Nullable CompiledServerPolicy trial,
      @Nullable RateLimiter before)
      throws InvalidPolicyException {
    String name = message.getLabelsOrDefault("name", "");
    if (name.isEmpty()) {
      throw new InvalidPolicyException("server has no label 'name'");
    }
    ResourceRef server = server(message, name);
    List<Authz> real = new ArrayList<>();
    List<Authz> audit = new ArrayList<>();
    split(message.getAuthorizationsList(), real, audit);
    CompiledServerPolicy.Rules rules =
        new CompiledServerPolicy.Rules(
            denials(message.getSignetDenialsList(), generation),
            denials(ofConnections(message), generation),
            index(real, true, generation),
            audit.isEmpty()
                ? null
                : new AuthorizationIndex(authorizations(audit), Effect.AUDIT, generation));
    if (!message.hasProtocol()) {
      throw new InvalidPolicyException("server " + name + " has no protocol");
    }
    ProxyProtocol protocol = message.getProtocol();
    List<RouteEntry> entries = new ArrayList<>();
    HttpLocalRateLimit limit = null;
    Duration timeout = Duration.ofSeconds(10);
    ServerPolicy.Protocol kind;
    int attached = 0;
    switch (protocol.getKindCase()) {
      case DETECT -> {
        kind = ServerPolicy.Protocol.DETECT;
        if (!protocol.getDetect().hasTimeout()) {
          throw new InvalidPolicyException("detect has no timeout");
        }
        timeout =
            Duration.ofSeconds(
                protocol.getDetect().getTimeout().getSeconds(),
                protocol.getDetect().getTimeout().getNanos());
        if (timeout.isNegative()) {
          throw new InvalidPolicyException("detect timeout " + timeout + " is negative");
        }
        attached = protocol.getDetect().getHttpRoutesCount();
        httpRoutes(protocol.getDetect().getHttpRoutesList(), entries, generation);
        limit =
            protocol.getDetect().hasHttpLocalRateLimit()
                ? protocol.getDetect().getHttpLocalRateLimit()
                : null;
      }
      case HTTP1 -> {
        kind = ServerPolicy.Protocol.HTTP1;
        attached = protocol.getHttp1().getRoutesCount();
        httpRoutes(protocol.getHttp1().getRoutesList(), entries, generation);
        limit =
            protocol.getHttp1().hasLocalRateLimit()
                ? protocol.getHttp1().getLocalRateLimit()
                : null;
      }
      case HTTP2 -> {
        kind = ServerPolicy.Protocol.HTTP2;
        attached = protocol.getHttp2().getRoutesCount();
        httpRoutes(protocol.getHttp2().getRoutesList(), entries, generation);
        limit =
            protocol.getHttp2().hasLocalRateLimit()
                ? protocol.getHttp2().getLocalRateLimit()
                : null;
      }
      case GRPC -> {
        kind = ServerPolicy.Protocol.GRPC;
        attached = protocol.getGrpc().getRoutesCount();
        grpcRoutes(protocol.getGrpc().getRoutesList(), entries, generation);
        limit =
            protocol.getGrpc().hasSignetLocalRateLimit()
                ? protocol.getGrpc().getSignetLocalRateLimit()
                : null;
      }
      case OPAQUE -> kind = ServerPolicy.Protocol.OPAQUE;
      case TLS -> kind = ServerPolicy.Protocol.TLS;
      case KIND_NOT_SET -> throw new InvalidPolicyException("protocol is unknown");
      default -> throw new InvalidPolicyException("protocol is unknown");
    }
    if (attached == 0) {
      // Routes that are attached and have no rules match nothing; only where there is no route at
      // all, all match.
      CompiledRoute all =
          new CompiledRoute(new ResourceRef("", "default", "default"), List.of(), null, null);
      entries.add(new RouteEntry(all, null, null, List.of(), List.of(), null));
    }
    RateLimiter limiter = limit == null ? null : limiter(limit, server, before);
    return new CompiledServerPolicy(
        server,
        generation,
        kind,
        timeout,
        rules,
        new RouteTable(entries),
        limiter,
        limiter == null ? before : limiter,
        trial,
        null);
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

  private static @Nullable AuthorizationIndex denials(List<Authz> messages, long generation)
      throws InvalidPolicyException {
    return messages.isEmpty()
        ? null
        : new AuthorizationIndex(authorizations(messages), Effect.DENY, generation);
  }

  private static List<Authorization> authorizations(List<Authz> messages)
      throws InvalidPolicyException {
    List<Authorization> authorizations = new ArrayList<>();
    for (Authz message : messages) {
      authorizations.add(authorization(message));
    }
    return authorizations;
  }

  private AuthorizationIndex index(List<Authz> messages, boolean withLocalhost, long generation)
      throws InvalidPolicyException {
    List<Authorization> authorizations = authorizations(messages);
    if (withLocalhost && localhost) {
      authorizations.add(
          new Authorization(
              LOCALHOST,
              List.of(
                  new Network(
                      new Prefix(IpBits.MAPPED_HIGH, IpBits.mappedLow(0x7f00_0001), 128),
                      List.of()),
                  new Network(new Prefix(0, 1, 128), List.of())),
              new Authentication.None(),
              true));
    }
    return new AuthorizationIndex(authorizations, Effect.ALLOW, generation);
  }

  /**
   * Holds a message that states conditions to what this proxy knows. A field of a later version may
   * be one more condition: left out, the others would grant more than is written.
   */
  private static void known(Message conditions, String of) throws InvalidPolicyException {
    Map<Integer, ?> unknown = conditions.getUnknownFields().asMap();
    if (!unknown.isEmpty()) {
      throw new InvalidPolicyException(
          of
              + " has the field "
              + unknown.keySet().iterator().next()
              + " of "
              + conditions.getDescriptorForType().getFullName()
              + ", which this proxy does not know: expected fields of its own version");
    }
  }

  private static Authorization authorization(Authz message) throws InvalidPolicyException {
    ResourceRef ref;
    if (message.getMetadata().getKindCase() != Metadata.KindCase.KIND_NOT_SET) {
      ref = ref(message.getMetadata());
    } else if (!message.getLabelsOrDefault("name", "").isEmpty()) {
      ref =
          new ResourceRef(
              message.getLabelsOrDefault("group", ""),
              message.getLabelsOrDefault("kind", "authorization"),
              message.getLabelsOrThrow("name"));
    } else {
      throw new InvalidPolicyException("an authorization has neither metadata nor a name");
    }
    String name = "authorization " + ref.label();
    known(message, name);
    if (message.getNetworksCount() == 0) {
      throw new InvalidPolicyException(name + " has no networks");
    }
    List<Network> networks = new ArrayList<>();
    for (io.linkerd.proxy.inbound.Network network : message.getNetworksList()) {
      known(network, name);
      if (!network.hasNet()) {
        throw new InvalidPolicyException(name + " has a network without address");
      }
      List<Prefix> except = new ArrayList<>();
      for (IPNetwork hole : network.getExceptList()) {
        except.add(prefix(hole, ref));
      }
      networks.add(new Network(prefix(network.getNet(), ref), List.copyOf(except)));
    }
    return new Authorization(
        ref, List.copyOf(networks), authentication(message.getAuthentication(), ref));
  }

  private static Authentication authentication(Authn message, ResourceRef ref)
      throws InvalidPolicyException {
    known(message, "authorization " + ref.label());
    return switch (message.getPermitCase()) {
      case UNAUTHENTICATED -> new Authentication.None();
      case MESHTLS -> {
        Authn.PermitMeshTLS tls = message.getMeshTLS();
        known(tls, "authorization " + ref.label());
        known(tls.getIdentities(), "authorization " + ref.label());
        yield switch (tls.getClientsCase()) {
          case UNAUTHENTICATED -> new Authentication.MeshTls();
          case IDENTITIES -> {
            List<String> exact = new ArrayList<>();
            tls.getIdentities().getIdentitiesList().forEach(id -> exact.add(id.getName()));
            List<List<String>> suffixes = new ArrayList<>();
            tls.getIdentities()
                .getSuffixesList()
                .forEach(suffix -> suffixes.add(List.copyOf(suffix.getPartsList())));
            yield new Authentication.Identities(List.copyOf(exact), List.copyOf(suffixes));
          }
          case CLIENTS_NOT_SET ->
              throw new InvalidPolicyException(
                  "authorization " + ref.label() + " asks for mesh TLS of unknown clients");
        };
      }
      case PERMIT_NOT_SET ->
          throw new InvalidPolicyException(
              "authorization " + ref.label() + " has no known authentication");
    };
  }

  private static Prefix prefix(IPNetwork message, ResourceRef ref) throws InvalidPolicyException {
    IPAddress ip = message.getIp();
    int length = message.getPrefixLen();
    return switch (ip.getIpCase()) {
      case IPV4 -> {
        check(length, 32, ref);
        yield new Prefix(
            IpBits.MAPPED_HIGH, IpBits.mappedLow(ip.getIpv4()), IpBits.mappedPrefix(length));
      }
      case IPV6 -> {
        check(length, 128, ref);
        yield new Prefix(ip.getIpv6().getFirst(), ip.getIpv6().getLast(), length);
      }
      case IP_NOT_SET ->
          throw new InvalidPolicyException(
              "authorization " + ref.label() + " has a network without address");
    };
  }

  private static void check(int length, int max, ResourceRef ref) throws InvalidPolicyException {
    if (length < 0 || length > max) {
      throw new InvalidPolicyException(
          "authorization "
              + ref.label()
              + ": prefix length "
              + Integer.toUnsignedString(length)
              + ", expected 0 to "
              + max);
    }
  }

  private static ResourceRef ref(Metadata metadata) throws InvalidPolicyException {
    return switch (metadata.getKindCase()) {
      case DEFAULT -> new ResourceRef("", "default", metadata.getDefault());
      case RESOURCE ->
          new ResourceRef(
              metadata.getResource().getGroup(),
              metadata.getResource().getKind().toLowerCase(Locale.ROOT),
              metadata.getResource().getName());
      case KIND_NOT_SET -> throw new InvalidPolicyException("metadata is missing");
    };
  }

  // ---- routes

  private void httpRoutes(List<HttpRoute> routes, List<RouteEntry> entries, long generation)
      throws InvalidPolicyException {
    // Of matches that tie, those whose paths are what was written come first.
    List<RouteEntry> rewritten = new ArrayList<>();
    for (HttpRoute route : routes) {
      if (!route.hasMetadata()) {
        throw new InvalidPolicyException("an HTTP route has no metadata");
      }
      // Those of probes are compared as they are written.
      boolean normalized = route.getMetadata().hasResource();
      ResourceRef ref = ref(route.getMetadata());
      AuthorizationIndex denials = denials(route.getSignetDenialsList(), generation);
      AuthorizationIndex own =
          route.getAuthorizationsCount() == 0
              ? null
              : index(route.getAuthorizationsList(), false, generation);
      List<@Nullable HostPattern> hosts = hosts(route.getHostsList());
      for (HttpRoute.Rule rule : route.getRulesList()) {
        List<HttpRouteMatch> matches =
            rule.getMatchesCount() == 0
                ? List.of(HttpRouteMatch.getDefaultInstance())
                : rule.getMatchesList();
        for (HttpRouteMatch match : matches) {
          known(match, "route " + ref.label());
          PathPattern path = path(match, normalized);
          List<RouteEntry> list = normalized && isRewritten(match.getPath()) ? rewritten : entries;
          List<Route.Filter> filters = new ArrayList<>();
          for (HttpRoute.Filter filter : rule.getFiltersList()) {
            filters.add(
                switch (filter.getKindCase()) {
                  case REQUEST_HEADER_MODIFIER -> modifier(filter.getRequestHeaderModifier());
                  case REDIRECT -> redirect(filter.getRedirect(), path);
                  case FAILURE_INJECTOR ->
                      new Route.Filter.Fail(filter.getFailureInjector().getMessage());
                  case KIND_NOT_SET -> new Route.Filter.Fail("unknown filter");
                });
          }
          CompiledRoute compiled = new CompiledRoute(ref, filters, denials, own);
          String method = match.hasMethod() ? method(match.getMethod()) : null;
          List<ValuePattern> headers = headers(match.getHeadersList());
          List<ValuePattern> query = new ArrayList<>();
          for (var parameter : match.getQueryParamsList()) {
            known(parameter, "route " + ref.label());
            query.add(
                switch (parameter.getValueCase()) {
                  case EXACT -> new ValuePattern(parameter.getName(), parameter.getExact(), null);
                  case REGEX ->
                      new ValuePattern(parameter.getName(), null, regex(parameter.getRegex()));
                  case VALUE_NOT_SET ->
                      throw new InvalidPolicyException("a query match has no value");
                });
          }
          for (HostPattern host : hosts) {
            list.add(new RouteEntry(compiled, host, path, headers, List.copyOf(query), method));
          }
        }
      }
    }
    entries.addAll(rewritten);
  }

  private void grpcRoutes(List<GrpcRoute> routes, List<RouteEntry> entries, long generation)
      throws InvalidPolicyException {
    for (GrpcRoute route : routes) {
      if (!route.hasMetadata()) {
        throw new InvalidPolicyException("a gRPC route has no metadata");
      }
      ResourceRef ref = ref(route.getMetadata());
      AuthorizationIndex denials = denials(route.getSignetDenialsList(), generation);
      AuthorizationIndex own =
          route.getAuthorizationsCount() == 0
              ? null
              : index(route.getAuthorizationsList(), false, generation);
      List<@Nullable HostPattern> hosts = hosts(route.getHostsList());
      for (GrpcRoute.Rule rule : route.getRulesList()) {
        List<Route.Filter> filters = new ArrayList<>();
        for (GrpcRoute.Filter filter : rule.getFiltersList()) {
          filters.add(
              switch (filter.getKindCase()) {
                case REQUEST_HEADER_MODIFIER -> modifier(filter.getRequestHeaderModifier());
                case FAILURE_INJECTOR ->
                    new Route.Filter.Fail(filter.getFailureInjector().getMessage());
                case KIND_NOT_SET -> new Route.Filter.Fail("unknown filter");
              });
        }
        CompiledRoute compiled = new CompiledRoute(ref, filters, denials, own);
        List<GrpcRouteMatch> matches =
            rule.getMatchesCount() == 0
                ? List.of(GrpcRouteMatch.getDefaultInstance())
                : rule.getMatchesList();
        for (GrpcRouteMatch match : matches) {
          known(match, "route " + ref.label());
          known(match.getRpc(), "route " + ref.label());
          PathPattern path = rpc(match);
          List<ValuePattern> headers = headers(match.getHeadersList());
          for (HostPattern host : hosts) {
            entries.add(new RouteEntry(compiled, host, path, headers, List.of(), "POST"));
          }
        }
      }
    }
  }

  private static @Nullable PathPattern rpc(GrpcRouteMatch match) {
    String service = match.getRpc().getService();
    String method = match.getRpc().getMethod();
    if (service.isEmpty() && method.isEmpty()) {
      return null;
    }
    if (service.isEmpty()) {
      return new PathPattern.RpcMethod(method);
    }
    return method.isEmpty()
        ? new PathPattern.Prefix("/" + service)
        : new PathPattern.Exact("/" + service + "/" + method);
  }

  private static List<@Nullable HostPattern> hosts(List<HostMatch> matches)
      throws InvalidPolicyException {
    List<@Nullable HostPattern> hosts = new ArrayList<>();
    if (matches.isEmpty()) {
      hosts.add(null);
    }
    for (HostMatch match : matches) {
      switch (match.getMatchCase()) {
        case EXACT -> hosts.add(new HostPattern(host(match.getExact()), false));
        case SUFFIX -> {
          List<String> labels = new ArrayList<>(match.getSuffix().getReverseLabelsList());
          Collections.reverse(labels);
          String suffix = host(String.join(".", labels));
          // No label at all: every name ends so.
          hosts.add(suffix.isEmpty() ? null : new HostPattern(suffix, true));
        }
        case MATCH_NOT_SET -> throw new InvalidPolicyException("a host match is empty");
      }
    }
    return hosts;
  }

  private static String host(String name) {
    StringBuilder host = new StringBuilder(name.length());
    int end = name.endsWith(".") ? name.length() - 1 : name.length();
    for (int i = 0; i < end; i++) {
      host.append(HostIndex.lower(name.charAt(i)));
    }
    return host.toString();
  }

  /** Whether a path of a policy is taken for another, as it holds empty segments. */
  private static boolean isRewritten(PathMatch path) {
    return RoutePath.of(path.hasExact() ? path.getExact() : path.getPrefix()).meaning()
        == RoutePath.Meaning.MERGED;
  }

  private static String path(String written, boolean normalized) {
    return normalized ? RoutePath.of(written).text() : RoutePath.asWritten(written);
  }

  private static @Nullable PathPattern path(HttpRouteMatch match, boolean normalized)
      throws InvalidPolicyException {
    if (!match.hasPath()) {
      return null;
    }
    return switch (match.getPath().getKindCase()) {
      case EXACT -> new PathPattern.Exact(path(match.getPath().getExact(), normalized));
      case PREFIX -> {
        String prefix = path(match.getPath().getPrefix(), normalized);
        int end = prefix.length();
        while (end > 0 && prefix.charAt(end - 1) == '/') {
          end--;
        }
        if (end > 0) {
          yield new PathPattern.Prefix(prefix.substring(0, end));
        }
        // Of slashes alone, only one is the prefix of everything: normal paths have no more.
        yield normalized && prefix.length() > 1 ? new PathPattern.Exact(prefix) : null;
      }
      case REGEX -> new PathPattern.Expression(regex(match.getPath().getRegex()));
      case KIND_NOT_SET -> throw new InvalidPolicyException("a path match is empty");
    };
  }

  private static List<ValuePattern> headers(List<io.linkerd.proxy.http_route.HeaderMatch> matches)
      throws InvalidPolicyException {
    List<ValuePattern> headers = new ArrayList<>();
    for (io.linkerd.proxy.http_route.HeaderMatch match : matches) {
      String name = match.getName().toLowerCase(Locale.ROOT);
      known(match, "a match of the header " + name);
      headers.add(
          switch (match.getValueCase()) {
            case EXACT ->
                new ValuePattern(
                    name, match.getExact().toString(StandardCharsets.ISO_8859_1), null);
            case REGEX -> new ValuePattern(name, null, regex(match.getRegex()));
            case VALUE_NOT_SET -> throw new InvalidPolicyException("a header match has no value");
          });
    }
    return List.copyOf(headers);
  }

  private static LinearPattern regex(String text) throws InvalidPolicyException {
    try {
      return LinearPattern.compile(text);
    } catch (IllegalArgumentException e) {
      throw new InvalidPolicyException(String.valueOf(e.getMessage()));
    }
  }

  private static String method(HttpMethod method) throws InvalidPolicyException {
    return switch (method.getTypeCase()) {
      case REGISTERED -> {
        if (method.getRegistered() == HttpMethod.Registered.UNRECOGNIZED) {
          throw new InvalidPolicyException("a method match names an unknown method");
        }
        yield method.getRegistered().name();
      }
      case UNREGISTERED -> method.getUnregistered();
      case TYPE_NOT_SET -> throw new InvalidPolicyException("a method match is empty");
    };
  }

  private static Route.Filter modifier(RequestHeaderModifier message) {
    return new Route.Filter.RequestHeaders(
        pairs(message.getAdd()),
        pairs(message.getSet()),
        message.getRemoveList().stream().map(name -> name.toLowerCase(Locale.ROOT)).toList());
  }

  private static List<Route.Filter.Header> pairs(Headers headers) {
    return headers.getHeadersList().stream()
        .map(
            header ->
                new Route.Filter.Header(
                    header.getName().toLowerCase(Locale.ROOT),
                    header.getValue().toString(StandardCharsets.ISO_8859_1)))
        .toList();
  }

  private static Route.Filter redirect(RequestRedirect message, @Nullable PathPattern path) {
    String replacement =
        switch (message.getPath().getReplaceCase()) {
          case FULL -> message.getPath().getFull();
          case PREFIX -> message.getPath().getPrefix();
          case REPLACE_NOT_SET -> null;
        };
    if (replacement != null && !replacement.startsWith("/")) {
      return new Route.Filter.Fail("redirect path does not start with /");
    }
    String scheme =
        switch (message.getScheme().getTypeCase()) {
          case REGISTERED -> message.getScheme().getRegistered().name().toLowerCase(Locale.ROOT);
          case UNREGISTERED -> message.getScheme().getUnregistered();
          case TYPE_NOT_SET -> null;
        };
    boolean prefix = message.getPath().hasPrefix();
    int matched = path instanceof PathPattern.Prefix taken ? taken.text().length() : 0;
    int status = message.getStatus() == 0 ? 301 : message.getStatus();
    if (status < 300 || status > 399) {
      return new Route.Filter.Fail("redirect status " + status);
    }
    return new Route.Filter.Redirect(
        scheme,
        message.getHost().isEmpty() ? null : message.getHost(),
        replacement,
        prefix,
        matched,
        message.getPort(),
        status);
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
        message.hasMetadata() ? ref(message.getMetadata()) : server,
        nanos,
        new RateLimiter.Rates(
            Integer.toUnsignedLong(message.getTotal().getRequestsPerSecond()),
            Integer.toUnsignedLong(message.getIdentity().getRequestsPerSecond()),
            overrides),
        before);
  }

  /** A message that breaks a rule. */
  private static final class InvalidPolicyException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidPolicyException(String message) {
      super(message, null, false, false);
    }
  }
}
