package io.signetmesh.proxy.authorize.compile;

import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.QueryParamMatch;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.authorize.compile.RandomPolicies.Request;
import io.signetmesh.rego.RegoAnswer;
import java.math.BigInteger;
import java.net.Inet4Address;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a policy message says of a client and a request, read word by word: every rule in turn,
 * every match of every route, no index. Shares nothing with the engine.
 */
final class ReferencePolicy {
  private static final Map<String, Pattern> PATTERNS = new ConcurrentHashMap<>();

  private final Server server;
  private final boolean localhost;
  private final boolean audit;
  private final List<Match> matches = new ArrayList<>();
  private boolean paths;

  /** A verdict: whether it is let in, why, and by or in spite of which rule. */
  record Verdict(boolean allowed, Reason reason, @Nullable String rule) {}

  /** A match of a route. */
  private record Match(
      Route route,
      @Nullable HostMatch host,
      @Nullable HttpRouteMatch http,
      @Nullable GrpcRouteMatch grpc,
      boolean probe) {}

  /** A rule of a route. */
  record Route(String name, String mark, List<Authz> denials, List<Authz> own) {}

  ReferencePolicy(Server server, boolean localhost, boolean audit) {
    this.server = server;
    this.localhost = localhost;
    this.audit = audit;
    for (HttpRoute route : httpRoutes()) {
      String name = name(route.getMetadata());
      for (HttpRoute.Rule rule : route.getRulesList()) {
        String mark = mark(rule.getFilters(0).getRequestHeaderModifier().getAdd());
        for (HttpRouteMatch match :
            orAny(rule.getMatchesList(), HttpRouteMatch.getDefaultInstance())) {
          paths |=
              route.getMetadata().hasResource()
                  && match.hasPath()
                  && written(match.getPath().getPrefix()).length() > 1;
          paths |=
              route.getMetadata().hasResource()
                  && (match.getPath().hasExact() || match.getPath().hasRegex());
          for (HostMatch host : orNull(route.getHostsList())) {
            matches.add(
                new Match(
                    new Route(
                        name, mark, route.getSignetDenialsList(), route.getAuthorizationsList()),
                    host,
                    match,
                    null,
                    !route.getMetadata().hasResource()));
          }
        }
      }
    }
    matches.sort(Comparator.comparing(ReferencePolicy::isTwisted));
    for (GrpcRoute route : server.getProtocol().getGrpc().getRoutesList()) {
      String name = name(route.getMetadata());
      for (GrpcRoute.Rule rule : route.getRulesList()) {
        String mark = mark(rule.getFilters(0).getRequestHeaderModifier().getAdd());
        for (GrpcRouteMatch match :
            orAny(rule.getMatchesList(), GrpcRouteMatch.getDefaultInstance())) {
          paths |= !match.getRpc().getService().isEmpty() || !match.getRpc().getMethod().isEmpty();
          for (HostMatch host : orNull(route.getHostsList())) {
            matches.add(
                new Match(
                    new Route(
                        name, mark, route.getSignetDenialsList(), route.getAuthorizationsList()),
                    host,
                    null,
                    match,
                    false));
          }
        }
      }
    }
    if (httpRoutes().isEmpty() && server.getProtocol().getGrpc().getRoutesCount() == 0) {
      Route all = new Route("default", "", List.of(), List.of());
      matches.add(new Match(all, null, HttpRouteMatch.getDefaultInstance(), null, true));
    }
  }

  boolean matchesPaths() {
    return paths;
  }

  boolean readsHttp() {
    return !server.getProtocol().hasOpaque();
  }

  private List<HttpRoute> httpRoutes() {
    ProxyProtocol protocol = server.getProtocol();
    List<HttpRoute> routes = new ArrayList<>(protocol.getDetect().getHttpRoutesList());
    routes.addAll(protocol.getHttp1().getRoutesList());
    routes.addAll(protocol.getHttp2().getRoutesList());
    return routes;
  }

  private static <T> List<T> orAny(List<T> list, T any) {
    return list.isEmpty() ? List.of(any) : list;
  }

  private static List<@Nullable HostMatch> orNull(List<HostMatch> list) {
    return list.isEmpty() ? Collections.singletonList(null) : new ArrayList<>(list);
  }

  private static String mark(io.linkerd.proxy.http_types.Headers headers) {
    return headers.getHeaders(0).getValue().toStringUtf8();
  }

  static String name(Metadata metadata) {
    return metadata.hasResource() ? metadata.getResource().getName() : metadata.getDefault();
  }

  // ---- verdicts

  Verdict connection(Client client) {
    List<Authz> denials = new ArrayList<>();
    for (HttpRoute route : server.getProtocol().getDetect().getHttpRoutesList()) {
      denials.addAll(route.getSignetDenialsList());
    }
    return decide(client.ofConnection(), denials, List.of(), Map.of());
  }

  /**
   * @param outcomes what policy bundles answer, by name
   */
  Verdict request(Client client, Request request, Map<String, RegoAnswer.Outcome> outcomes) {
    if (!readsHttp()) {
      return connection(client);
    }
    Route route = route(request);
    if (route == null) {
      // What a request proves is not looked at for one that is refused in any case.
      Verdict denied =
          new ReferencePolicy(plainDenials(server), localhost, audit)
              .denied(client, List.of(), outcomes);
      return denied == null
          ? new Verdict(false, isAmbiguous(request) ? Reason.UNSAFE_PATH : Reason.NO_ROUTE, null)
          : denied;
    }
    return decide(client, route.denials(), route.own(), outcomes);
  }

  private static Server plainDenials(Server server) {
    return server.toBuilder()
        .clearSignetDenials()
        .addAllSignetDenials(
            server.getSignetDenialsList().stream().filter(ReferencePolicy::isPlain).toList())
        .build();
  }

  private static boolean isPlain(Authz authz) {
    return authz.getSignetTokensCount() == 0 && authz.getSignetRegoCount() == 0;
  }

  private @Nullable Verdict denied(
      Client client, List<Authz> routeDenials, Map<String, RegoAnswer.Outcome> outcomes) {
    for (boolean rego : List.of(false, true)) {
      for (List<Authz> denials : List.of(server.getSignetDenialsList(), routeDenials)) {
        for (Authz denial : plainFirst(denials, rego)) {
          if (asks(denial, client, true)
              && reaches(denial, client)
              && denial.getSignetTokensList().stream().allMatch(token -> mayPass(token, client))
              // A bundle that lacks the claims of a required token has nothing to say.
              && (denial.getSignetTokensList().stream().anyMatch(token -> !passes(token, client))
                  || denial.getSignetRegoList().stream()
                      .allMatch(name -> outcomes.get(name) != RegoAnswer.Outcome.DENY))) {
            return new Verdict(false, Reason.DENIED_BY_POLICY, name(denial.getMetadata()));
          }
        }
      }
    }
    return null;
  }

  private Verdict decide(
      Client client,
      List<Authz> routeDenials,
      List<Authz> own,
      Map<String, RegoAnswer.Outcome> outcomes) {
    Verdict denied = denied(client, routeDenials, outcomes);
    if (denied != null) {
      return denied;
    }
    List<Authz> real = new ArrayList<>(server.getAuthorizationsList());
    real.removeIf(authz -> name(authz.getMetadata()).equals("audit"));
    List<Authz> plain = new ArrayList<>(plainFirst(own, false));
    real.stream().filter(ReferencePolicy::isPlain).forEach(plain::add);
    Verdict granted = granted(client, plain, outcomes);
    if (granted == null && localhost && client.address().isLoopbackAddress()) {
      granted = new Verdict(true, Reason.AUTHORIZED, "localhost");
    }
    List<Authz> rest = new ArrayList<>(plainFirst(real, false));
    rest.addAll(plainFirst(own, true));
    rest.addAll(plainFirst(real, true));
    if (granted == null) {
      granted = granted(client, rest, outcomes);
    }
    if (granted != null) {
      return granted;
    }
    if (audit) {
      for (Authz authz : server.getAuthorizationsList()) {
        if (name(authz.getMetadata()).equals("audit")
            && asks(authz, client, false)
            && reaches(authz, client)) {
          return new Verdict(true, Reason.AUDITED, "audit");
        }
      }
    }
    return nearest(client, own.isEmpty() ? real : own, outcomes);
  }

  private static @Nullable Verdict granted(
      Client client, List<Authz> list, Map<String, RegoAnswer.Outcome> outcomes) {
    for (Authz authz : list) {
      if (asks(authz, client, false)
          && reaches(authz, client)
          && authz.getSignetTokensList().stream().allMatch(token -> passes(token, client))
          && authz.getSignetRegoList().stream()
              .allMatch(name -> outcomes.get(name) == RegoAnswer.Outcome.ALLOW)) {
        return new Verdict(true, Reason.AUTHORIZED, name(authz.getMetadata()));
      }
    }
    return null;
  }

  /**
   * Those that ask policy bundles, or all others. Those that require no token count first, then
   * those that require the same.
   */
  private static List<Authz> plainFirst(List<Authz> list, boolean rego) {
    Map<List<List<String>>, List<Authz>> alike = new LinkedHashMap<>();
    if (!rego) {
      alike.put(List.of(List.of(), List.of()), new ArrayList<>());
    }
    for (Authz authz : list) {
      if (authz.getSignetRegoCount() > 0 == rego) {
        alike.computeIfAbsent(required(authz), required -> new ArrayList<>()).add(authz);
      }
    }
    return alike.values().stream().flatMap(List::stream).toList();
  }

  private static List<List<String>> required(Authz authz) {
    return List.of(authz.getSignetTokensList(), authz.getSignetRegoList());
  }

  private static @Nullable TokenProof proof(String name, Client client) {
    TokenProofs proofs = client.tokens();
    if (proofs == null) {
      return null;
    }
    for (int i = 0; i < proofs.size(); i++) {
      if (proofs.authentication(i).name().equals(name)) {
        return proofs.proof(i);
      }
    }
    return null;
  }

  private static boolean passes(String name, Client client) {
    TokenProof proof = proof(name, client);
    return proof != null && proof.result() != null && proof.failure() == null;
  }

  private static boolean mayPass(String name, Client client) {
    TokenProof proof = proof(name, client);
    return proof == null
        || passes(name, client)
        || proof.failure() == TokenFailure.MULTIPLE_TOKENS
        || proof.failure() == TokenFailure.KEYS_UNAVAILABLE
        // By the clock of an application it may be valid.
        || proof.failure() == TokenFailure.ISSUED_IN_FUTURE;
  }

  private static @Nullable Verdict nearestByRequest(
      Client client, List<Authz> list, Map<String, RegoAnswer.Outcome> outcomes) {
    Verdict nearest = null;
    int best = Integer.MAX_VALUE;
    for (Authz authz : list) {
      if (isPlain(authz) || !asks(authz, client, false) || !reaches(authz, client)) {
        continue;
      }
      Reason reason =
          authz.getSignetTokensList().stream()
              .filter(one -> !passes(one, client))
              .findFirst()
              .map(token -> missOfToken(token, client))
              .orElse(null);
      if (reason == null) {
        String name =
            authz.getSignetRegoList().stream()
                .filter(one -> outcomes.get(one) != RegoAnswer.Outcome.ALLOW)
                .findFirst()
                .orElseThrow();
        reason =
            outcomes.get(name) == RegoAnswer.Outcome.DENY ? Reason.REGO_DENIED : Reason.REGO_FAILED;
      }
      List<Reason> order =
          authz.getSignetTokensCount() > 0
              ? List.of(
                  Reason.REGO_FAILED,
                  Reason.REGO_DENIED,
                  Reason.CLAIM_MISMATCH,
                  Reason.TOKEN_INVALID,
                  Reason.TOKEN_REQUIRED)
              : List.of(
                  Reason.TLS_REQUIRED,
                  Reason.TLS_REQUIRED,
                  Reason.TLS_REQUIRED,
                  Reason.TLS_REQUIRED,
                  Reason.TLS_REQUIRED,
                  Reason.REGO_FAILED,
                  Reason.REGO_DENIED);
      int distance = order.indexOf(reason);
      if (distance < best) {
        best = distance;
        nearest = new Verdict(false, reason, name(authz.getMetadata()));
      }
    }
    return nearest;
  }

  private static Reason missOfToken(String token, Client client) {
    TokenProof proof = proof(token, client);
    if (token.equals("t/unknown")) {
      return Reason.TOKEN_INVALID;
    }
    if (proof == null || proof.isMissing()) {
      return Reason.TOKEN_REQUIRED;
    }
    return proof.failure() == TokenFailure.CLAIM ? Reason.CLAIM_MISMATCH : Reason.TOKEN_INVALID;
  }

  private static Verdict nearest(
      Client client, List<Authz> all, Map<String, RegoAnswer.Outcome> outcomes) {
    List<Authz> ordered = new ArrayList<>(plainFirst(all, false));
    ordered.addAll(plainFirst(all, true));
    Verdict byRequest = nearestByRequest(client, ordered, outcomes);
    if (byRequest != null) {
      return byRequest;
    }
    List<Authz> list = all.stream().filter(ReferencePolicy::isPlain).toList();
    if (list.isEmpty() && !all.isEmpty()) {
      // The first that require the same.
      list =
          all.stream().filter(one -> required(one).equals(required(ordered.getFirst()))).toList();
    }
    Authz nearest = null;
    for (Authz authz : list) {
      if (nearest == null && asks(authz, client, false)) {
        return new Verdict(false, Reason.NETWORK_MISMATCH, name(authz.getMetadata()));
      }
    }
    for (Authz authz : list) {
      if (nearest == null && reaches(authz, client)) {
        nearest = authz;
      }
    }
    if (list.isEmpty()) {
      return new Verdict(false, Reason.NO_AUTHORIZATION, null);
    }
    Reason reason =
        !client.meshTls()
            ? Reason.TLS_REQUIRED
            : client.identity() == null ? Reason.IDENTITY_REQUIRED : Reason.IDENTITY_MISMATCH;
    return new Verdict(
        false, reason, name((nearest == null ? list.getFirst() : nearest).getMetadata()));
  }

  private static boolean asks(Authz authz, Client client, boolean denies) {
    Authn authn = authz.getAuthentication();
    if (authn.hasUnauthenticated()) {
      return true;
    }
    if (authn.getMeshTLS().hasUnauthenticated()) {
      return client.meshTls();
    }
    List<String> names = new ArrayList<>();
    for (Client name = client; name != null; name = denies ? name.other() : null) {
      if (name.identity() != null) {
        names.add(name.identity());
      }
    }
    Authn.PermitMeshTLS.PermitClientIdentities wanted = authn.getMeshTLS().getIdentities();
    return names.stream().anyMatch(identity -> asks(wanted, identity, denies));
  }

  private static boolean asks(
      Authn.PermitMeshTLS.PermitClientIdentities wanted, String identity, boolean denies) {
    return wanted.getIdentitiesList().stream().anyMatch(one -> one.getName().equals(identity))
        || wanted.getSuffixesList().stream()
            .anyMatch(
                suffix ->
                    identity.startsWith("spiffe:")
                        ? denies && suffix.getPartsCount() == 0
                        : suffix.getPartsCount() == 0
                            || identity.endsWith("." + String.join(".", suffix.getPartsList())));
  }

  private static boolean reaches(Authz authz, Client client) {
    return authz.getNetworksList().stream()
        .anyMatch(
            network ->
                in(client, network.getNet())
                    && network.getExceptList().stream().noneMatch(hole -> in(client, hole)));
  }

  private static boolean in(Client client, IPNetwork network) {
    IPAddress ip = network.getIp();
    byte[] address = client.address().getAddress();
    if (ip.hasIpv4() != client.address() instanceof Inet4Address) {
      return false;
    }
    BigInteger base =
        ip.hasIpv4()
            ? BigInteger.valueOf(ip.getIpv4() & 0xffff_ffffL)
            : new BigInteger(Long.toUnsignedString(ip.getIpv6().getFirst()))
                .shiftLeft(64)
                .add(new BigInteger(Long.toUnsignedString(ip.getIpv6().getLast())));
    int open = address.length * 8 - network.getPrefixLen();
    return base.shiftRight(open).equals(new BigInteger(1, address).shiftRight(open));
  }

  // ---- routes

  @Nullable Route route(Request request) {
    String path = request.path().split("\\?", -1)[0];
    Match asSent = best(request, path);
    if (asSent == null || !paths || !path.startsWith("/")) {
      return asSent == null ? null : asSent.route();
    }
    Match asRead = best(request, lenient(path));
    return asRead == null || !asRead.route().mark().equals(asSent.route().mark())
        ? null
        : asSent.route();
  }

  private boolean isAmbiguous(Request request) {
    return paths && best(request, request.path().split("\\?", -1)[0]) != null;
  }

  private @Nullable Match best(Request request, String path) {
    Match best = null;
    int[] bestScore = null;
    for (Match match : matches) {
      int[] score = score(match, request, path);
      if (score != null && (bestScore == null || Arrays.compare(score, bestScore) > 0)) {
        best = match;
        bestScore = score;
      }
    }
    return best;
  }

  /** The higher the more specific; null: does not match. */
  private static int @Nullable [] score(Match match, Request request, String path) {
    int host = match.host() == null ? 0 : host(match.host(), request.authority());
    if (host < 0) {
      return null;
    }
    if (match.grpc() != null) {
      GrpcRouteMatch grpc = match.grpc();
      String[] parts = path.split("/", -1);
      String service = grpc.getRpc().getService();
      String method = grpc.getRpc().getMethod();
      boolean prefix = path.equals("/" + service) || path.startsWith("/" + service + "/");
      boolean matches =
          service.isEmpty()
              ? method.isEmpty()
                  || (parts.length == 3
                      && parts[0].isEmpty()
                      && !parts[1].isEmpty()
                      && parts[2].equals(method))
              : method.isEmpty() ? prefix : path.equals("/" + service + "/" + method);
      if (!matches
          || !request.method().equals("POST")
          || !grpc.getHeadersList().stream().allMatch(header -> header(header, request))) {
        return null;
      }
      return new int[] {host, service.length(), method.length(), grpc.getHeadersCount()};
    }
    HttpRouteMatch http = Objects.requireNonNull(match.http());
    int length = 1;
    int kind = 1;
    switch (http.getPath().getKindCase()) {
      case EXACT -> {
        length = path.equals(written(match, http.getPath().getExact())) ? path.length() : -1;
        kind = 2;
      }
      case PREFIX -> {
        String whole = written(match, http.getPath().getPrefix());
        String prefix = trimmed(whole);
        if (prefix.isEmpty()) {
          length = whole.length() > 1 && !match.probe() ? -1 : 1;
        } else {
          length = path.equals(prefix) || path.startsWith(prefix + "/") ? prefix.length() : -1;
        }
      }
      case REGEX -> {
        length = matches(http.getPath().getRegex(), path) ? path.length() : -1;
        kind = 0;
      }
      default -> {}
    }
    if (length < 0
        || !http.getHeadersList().stream().allMatch(header -> header(header, request))
        || !http.getQueryParamsList().stream().allMatch(one -> parameter(one, request.path()))) {
      return null;
    }
    if (http.hasMethod()) {
      String wanted = http.getMethod().hasRegistered() ? "GET" : http.getMethod().getUnregistered();
      if (!request.method().equals(wanted)) {
        return null;
      }
    }
    return new int[] {
      host,
      length,
      http.getHeadersCount(),
      http.getQueryParamsCount(),
      http.hasMethod() ? 1 : 0,
      kind
    };
  }

  private static boolean matches(String regex, String text) {
    return PATTERNS.computeIfAbsent(regex, Pattern::compile).matcher(text).matches();
  }

  private static boolean isTwisted(Match match) {
    PathMatch path = Objects.requireNonNull(match.http()).getPath();
    String text = path.hasExact() ? path.getExact() : path.getPrefix();
    return !written(match, text).equals(text);
  }

  /** Paths of probes are compared as they are written. */
  private static String written(Match match, String path) {
    return match.probe() ? path : written(path);
  }

  /** A path of a policy without empty segments; as it is where it has dots or only slashes. */
  private static String written(String path) {
    List<String> segments = Arrays.asList(path.split("/", -1));
    String merged = path.replaceAll("/{2,}", "/");
    return segments.contains(".") || segments.contains("..") || merged.equals("/") ? path : merged;
  }

  private static String trimmed(String prefix) {
    String text = prefix;
    while (text.endsWith("/")) {
      text = text.substring(0, text.length() - 1);
    }
    return text;
  }

  private static int host(HostMatch match, String authority) {
    String host = authority.toLowerCase(Locale.ROOT).replaceFirst(":[0-9]*$", "");
    if (host.endsWith(".")) {
      host = host.substring(0, host.length() - 1);
    }
    if (match.hasExact()) {
      return host.equals(match.getExact()) ? 1_000 : -1;
    }
    List<String> labels = new ArrayList<>(match.getSuffix().getReverseLabelsList());
    Collections.reverse(labels);
    String suffix = "." + String.join(".", labels);
    return host.endsWith(suffix) && host.length() > suffix.length() ? suffix.length() : -1;
  }

  private static boolean header(HeaderMatch match, Request request) {
    String value = request.headers().get(match.getName().toLowerCase(Locale.ROOT));
    return value != null
        && (match.hasExact()
            ? match.getExact().toStringUtf8().equals(value)
            : matches(match.getRegex(), value));
  }

  private static boolean parameter(QueryParamMatch match, String target) {
    int query = target.indexOf('?');
    if (query < 0) {
      return false;
    }
    for (String pair : target.substring(query + 1).split("&", -1)) {
      String[] parts = pair.split("=", 2);
      if (URLDecoder.decode(parts[0], StandardCharsets.UTF_8).equals(match.getName())) {
        String value = parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8);
        return match.hasExact() ? match.getExact().equals(value) : matches(match.getRegex(), value);
      }
    }
    return false;
  }

  /** As a lenient application reads a path. */
  private static String lenient(String path) {
    String decoded = URLDecoder.decode(path.replace("+", "%2B"), StandardCharsets.UTF_8);
    Deque<String> segments = new ArrayDeque<>();
    boolean open = true;
    for (String raw : (decoded.startsWith("/") ? decoded.substring(1) : decoded).split("/", -1)) {
      String segment = raw.split(";", -1)[0];
      open = segment.isEmpty() || segment.equals(".") || segment.equals("..");
      if (segment.equals("..")) {
        segments.pollLast();
      } else if (!open) {
        segments.addLast(segment);
      }
    }
    String joined = "/" + String.join("/", segments);
    return open && !joined.equals("/") ? joined + "/" : joined;
  }
}
