package io.signetmesh.proxy.authorize.compile;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.QueryParamMatch;
import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_types.Headers;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.IdentitySuffix;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.linkerd.proxy.net.IPv6;
import io.signetmesh.jwt.InvalidAuthenticationException;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.token.TestIssuer;
import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.ClaimValue;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoAuthentication;
import io.signetmesh.v1.RegoBundle;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Random policies and clients, made of so few names, networks, paths and hosts that these nest and
 * overlap all the time.
 */
final class RandomPolicies {
  private static final String[] LABELS = {"a", "b", "c"};
  private static final String[] HOSTS = {"shop", "a.shop", "b.shop", "x.a.shop", "other"};
  private static final String[] REGEXES = {
    "/a/.*", "/a", "/a/b", "/[ab]", "/.*/c", ".*", "/(a|b)/c?", "/b/[a-c]+", "/a/.*b", "/b/.*/c"
  };

  /** What only policies with paths make of these differs. */
  private static final String[] ODD = {
    ";v=1", ";", ";w=2", "//", "/./", "/../", "%61", "%2F", "%3A", "/"
  };

  private static final String[] TWISTED = {"//", "/./", "/../", "/..", "/."};

  private static final long HOUR = 3_600_000;

  private final Random random;
  private final boolean tokens;
  private final boolean rego;
  private int rules;

  /** Names that authorizations may require a token of; the last one is explained by nobody. */
  private static final List<String> TOKENS = List.of("t/a", "t/b", "t/unknown");

  /** Names of what may be asked; the last one is explained by nobody. */
  private static final List<String> REGO = List.of("r/a", "r/b", "r/unknown");

  /** What bundles may answer. */
  private static final List<RegoAnswer.Outcome> OUTCOMES =
      List.of(
          RegoAnswer.Outcome.ALLOW,
          RegoAnswer.Outcome.ALLOW,
          RegoAnswer.Outcome.DENY,
          RegoAnswer.Outcome.OUT_OF_TIME,
          RegoAnswer.Outcome.NO_ANSWER);

  /** What tokens pass: made once, because making keys takes its time. */
  static final List<JwtAuthentication> AUTHENTICATIONS;

  static final List<TokenAuthentication> COMPILED;
  private static final List<List<TokenProof>> PROOFS;

  static {
    List<JwtAuthentication> messages = new ArrayList<>();
    List<TokenAuthentication> compiled = new ArrayList<>();
    List<List<TokenProof>> proofs = new ArrayList<>();
    for (String name : TOKENS.subList(0, 2)) {
      TestIssuer issuer = new TestIssuer(name, "key");
      JwtAuthentication message =
          issuer
              .authentication()
              .addClaims(
                  ClaimRule.newBuilder()
                      .addPath("role")
                      .setEquals(ClaimValue.newBuilder().setText("admin")))
              .build();
      messages.add(message);
      try {
        compiled.add(TokenAuthentication.compile(message));
      } catch (InvalidAuthenticationException e) {
        throw new IllegalStateException(e);
      }
      TokenAuthentication by = compiled.getLast();
      String plain = issuer.token("alice");
      String admin = issuer.token(claims -> claims.claim("role", "admin"));
      // Read after the tokens were issued: one that is issued later is not valid yet.
      long now = System.currentTimeMillis();
      proofs.add(
          List.of(
              TokenProof.MISSING,
              TokenProof.refused(TokenFailure.MULTIPLE_TOKENS),
              TokenProof.refused(TokenFailure.KEYS_UNAVAILABLE),
              failed(verified(by, admin, now - HOUR), TokenFailure.ISSUED_IN_FUTURE),
              failed(verified(by, admin, now + 2 * HOUR), TokenFailure.EXPIRED),
              failed(verified(by, plain, now), TokenFailure.CLAIM),
              failed(verified(by, admin, now), null)));
    }
    AUTHENTICATIONS = List.copyOf(messages);
    COMPILED = List.copyOf(compiled);
    PROOFS = List.copyOf(proofs);
  }

  /** The proof, once it is sure what it stands for. */
  private static TokenProof failed(TokenProof proof, @Nullable TokenFailure expected) {
    if (proof.failure() != expected) {
      throw new IllegalStateException(
          "the token failed by " + proof.failure() + ": expected " + expected);
    }
    return proof;
  }

  private static TokenProof verified(TokenAuthentication by, String token, long now) {
    return TokenProof.of(by.verify(token.getBytes(StandardCharsets.US_ASCII)), now);
  }

  RandomPolicies(Random random) {
    this(random, true, false);
  }

  /**
   * @param tokens whether authorizations may require tokens
   * @param rego whether they may ask policy bundles
   */
  RandomPolicies(Random random, boolean tokens, boolean rego) {
    this.random = random;
    this.tokens = tokens;
    this.rego = rego;
  }

  private static List<RegoAuthentication> regoAuthentications() {
    return REGO.subList(0, 2).stream()
        .map(
            name ->
                RegoAuthentication.newBuilder()
                    .setName(name)
                    .setEntrypoint("mesh/allow")
                    .setBundle(RegoBundle.newBuilder().setUnavailable("none for tests"))
                    .build())
        .toList();
  }

  /** What bundles answer about a request, by name. */
  Map<String, RegoAnswer.Outcome> outcomes() {
    Map<String, RegoAnswer.Outcome> outcomes = new HashMap<>();
    for (String name : REGO.subList(0, 2)) {
      outcomes.put(name, OUTCOMES.get(random.nextInt(OUTCOMES.size())));
    }
    return outcomes;
  }

  /** A request as a proxy sees it. */
  record Request(String method, String path, String authority, Map<String, String> headers)
      implements RequestAttributes {
    @Override
    public ExpressionWork expressions() {
      return new ExpressionWork();
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      return headers.get(lowerCaseName.toString());
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return false;
    }
  }

  // ---- policies

  Server server(long generation) {
    Server.Builder server = plainServer().setSignetGeneration(generation);
    if (random.nextBoolean()) {
      server.setSignetTrial(plainServer());
    }
    return server.build();
  }

  private Server.Builder plainServer() {
    Server.Builder server =
        Server.newBuilder()
            .putLabels("name", "s")
            .addAllSignetJwtAuthentications(AUTHENTICATIONS)
            .addAllSignetRegoAuthentications(regoAuthentications());
    for (int i = random.nextInt(6); i > 0; i--) {
      server.addAuthorizations(authorization("s" + i, random.nextInt(8) == 0));
    }
    for (int i = random.nextInt(6) - 3; i > 0; i--) {
      server.addSignetDenials(authorization("d" + i, false));
    }
    ProxyProtocol.Builder protocol = server.getProtocolBuilder();
    switch (random.nextInt(8)) {
      case 0 -> protocol.getOpaqueBuilder();
      case 1, 2 -> grpcRoutes(protocol.getGrpcBuilder());
      case 3 -> protocol.getDetectBuilder().getTimeoutBuilder();
      case 4 -> protocol.getHttp2Builder().addAllRoutes(httpRoutes());
      default -> protocol.getHttp1Builder().addAllRoutes(httpRoutes());
    }
    return server;
  }

  private List<HttpRoute> httpRoutes() {
    List<HttpRoute> routes = new ArrayList<>();
    for (int i = 0; i < random.nextInt(7); i++) {
      HttpRoute.Builder route = HttpRoute.newBuilder().setMetadata(resource("httproute", "r" + i));
      if (random.nextInt(12) == 0) {
        route.setMetadata(Metadata.newBuilder().setDefault("probe"));
      }
      route.addAllHosts(hosts());
      route.addAllAuthorizations(own("r" + i + "-"));
      route.addAllSignetDenials(denials("rd" + i + "-"));
      for (int r = random.nextInt(3); r >= 0; r--) {
        HttpRoute.Rule.Builder rule = route.addRulesBuilder();
        rule.addFilters(HttpRoute.Filter.newBuilder().setRequestHeaderModifier(mark()));
        for (int m = random.nextInt(4); m > 0; m--) {
          rule.addMatches(match());
        }
      }
      routes.add(route.build());
    }
    return routes;
  }

  private void grpcRoutes(ProxyProtocol.Grpc.Builder grpc) {
    for (int i = 0; i < random.nextInt(6); i++) {
      GrpcRoute.Builder route = grpc.addRoutesBuilder();
      route.setMetadata(resource("grpcroute", "g" + i));
      route.addAllHosts(hosts());
      route.addAllAuthorizations(own("g" + i + "-"));
      route.addAllSignetDenials(denials("gd" + i + "-"));
      for (int r = random.nextInt(3); r >= 0; r--) {
        GrpcRoute.Rule.Builder rule = route.addRulesBuilder();
        rule.addFilters(GrpcRoute.Filter.newBuilder().setRequestHeaderModifier(mark()));
        for (int m = random.nextInt(3); m > 0; m--) {
          GrpcRouteMatch.Builder match = rule.addMatchesBuilder();
          if (random.nextInt(3) > 0) {
            match.getRpcBuilder().setService(label());
          }
          if (random.nextBoolean()) {
            match.getRpcBuilder().setMethod(label());
          }
          if (random.nextInt(3) == 0) {
            match.addHeaders(header());
          }
        }
      }
    }
  }

  private List<Authz> own(String prefix) {
    List<Authz> list = new ArrayList<>();
    for (int i = random.nextInt(4) - 1; i > 0; i--) {
      list.add(authorization(prefix + i, false));
    }
    return list;
  }

  private List<Authz> denials(String prefix) {
    return random.nextInt(5) == 0 ? List.of(authorization(prefix, false)) : List.of();
  }

  /** Tells rules of one route apart. */
  private RequestHeaderModifier mark() {
    return RequestHeaderModifier.newBuilder()
        .setAdd(
            Headers.newBuilder()
                .addHeaders(
                    Headers.Header.newBuilder()
                        .setName("rule")
                        .setValue(ByteString.copyFromUtf8("" + rules++))))
        .build();
  }

  private List<HostMatch> hosts() {
    List<HostMatch> hosts = new ArrayList<>();
    for (int i = random.nextInt(4) - 1; i > 0; i--) {
      String host = HOSTS[random.nextInt(HOSTS.length)];
      HostMatch.Builder match = HostMatch.newBuilder();
      if (random.nextBoolean()) {
        match.setExact(host);
      } else {
        List<String> labels = new ArrayList<>(Arrays.asList(host.split("\\.")));
        Collections.reverse(labels);
        match.getSuffixBuilder().addAllReverseLabels(labels);
      }
      hosts.add(match.build());
    }
    return hosts;
  }

  /** As people write it, with dot segments and empty ones now and then. */
  private String written() {
    StringBuilder path = new StringBuilder(path());
    if (random.nextInt(8) == 0) {
      path.insert(random.nextInt(path.length()) + 1, TWISTED[random.nextInt(TWISTED.length)]);
    }
    return path.toString();
  }

  private HttpRouteMatch match() {
    HttpRouteMatch.Builder match = HttpRouteMatch.newBuilder();
    switch (random.nextInt(6)) {
      case 0 -> {}
      case 1 -> match.setPath(PathMatch.newBuilder().setExact(written()));
      case 2, 3, 4 ->
          match.setPath(
              PathMatch.newBuilder().setPrefix(written() + (random.nextInt(4) == 0 ? "/" : "")));
      default ->
          match.setPath(PathMatch.newBuilder().setRegex(REGEXES[random.nextInt(REGEXES.length)]));
    }
    if (random.nextInt(3) == 0) {
      HttpMethod.Builder method = match.getMethodBuilder();
      if (random.nextBoolean()) {
        method.setRegistered(HttpMethod.Registered.GET);
      } else {
        method.setUnregistered("LIST");
      }
    }
    for (int i = random.nextInt(4) - 1; i > 0; i--) {
      match.addHeaders(header());
    }
    if (random.nextInt(4) == 0) {
      QueryParamMatch.Builder parameter = match.addQueryParamsBuilder().setName(label());
      if (random.nextBoolean()) {
        parameter.setExact("1 2");
      } else {
        parameter.setRegex("[0-9]+");
      }
    }
    return match.build();
  }

  private HeaderMatch header() {
    HeaderMatch.Builder header =
        HeaderMatch.newBuilder().setName(random.nextBoolean() ? "X-A" : "x-b");
    return random.nextBoolean()
        ? header.setExact(ByteString.copyFromUtf8("1")).build()
        : header.setRegex("[12]").build();
  }

  Authz authorization(String name, boolean audit) {
    Authz.Builder authz = Authz.newBuilder();
    if (audit) {
      authz.setMetadata(Metadata.newBuilder().setDefault("audit"));
    } else {
      authz.setMetadata(resource("authorizationpolicy", name));
    }
    for (int i = random.nextInt(2); i >= 0; i--) {
      authz.addNetworks(network());
    }
    if (random.nextInt(3) == 0) {
      authz.addNetworks(everything(true)).addNetworks(everything(false));
    }
    Authn.Builder authn = authz.getAuthenticationBuilder();
    switch (random.nextInt(7)) {
      case 0 -> authn.getUnauthenticatedBuilder();
      case 1 -> authn.getMeshTLSBuilder().getUnauthenticatedBuilder();
      default -> {
        Authn.PermitMeshTLS.PermitClientIdentities.Builder identities =
            authn.getMeshTLSBuilder().getIdentitiesBuilder();
        for (int i = random.nextInt(3); i > 0; i--) {
          identities.addIdentities(Identity.newBuilder().setName(identity()));
        }
        if (random.nextBoolean()) {
          IdentitySuffix.Builder suffix = identities.addSuffixesBuilder();
          for (int i = random.nextInt(3); i > 0; i--) {
            suffix.addParts(label());
          }
        }
      }
    }
    if (tokens && !audit && random.nextInt(4) == 0) {
      for (int i = random.nextInt(2); i >= 0; i--) {
        authz.addSignetTokens(TOKENS.get(random.nextInt(TOKENS.size())));
      }
    }
    if (rego && !audit && random.nextInt(4) == 0) {
      for (int i = random.nextInt(2); i >= 0; i--) {
        authz.addSignetRego(REGO.get(random.nextInt(REGO.size())));
      }
    }
    return authz.build();
  }

  private Network.Builder network() {
    Network.Builder network = Network.newBuilder().setNet(net());
    for (int i = random.nextInt(3); i > 0; i--) {
      network.addExcept(net());
    }
    return network;
  }

  private static Network.Builder everything(boolean ipv4) {
    IPAddress.Builder ip = IPAddress.newBuilder();
    return Network.newBuilder()
        .setNet(
            IPNetwork.newBuilder()
                .setIp(ipv4 ? ip.setIpv4(0) : ip.setIpv6(IPv6.getDefaultInstance())));
  }

  private IPNetwork net() {
    if (random.nextInt(6) == 0) {
      return everything(random.nextBoolean()).getNet();
    }
    int last = random.nextInt(16);
    int open = random.nextInt(5);
    boolean ipv4 = random.nextBoolean();
    IPAddress.Builder ip = IPAddress.newBuilder();
    if (ipv4) {
      ip.setIpv4(0x0a00_0000 | last);
    } else {
      ip.setIpv6(IPv6.newBuilder().setFirst(0x2001_0000_0000_0000L).setLast(last));
    }
    return IPNetwork.newBuilder().setIp(ip).setPrefixLen((ipv4 ? 32 : 128) - open).build();
  }

  private static Metadata resource(String kind, String name) {
    return Metadata.newBuilder()
        .setResource(
            Resource.newBuilder()
                .setGroup("policy.linkerd.io")
                .setKind(kind)
                .setName(name)
                .setNamespace("ns"))
        .build();
  }

  // ---- clients and requests

  Client client() throws UnknownHostException {
    byte[] address;
    if (random.nextInt(12) == 0) {
      address = new byte[] {127, 0, 0, 1};
    } else if (random.nextBoolean()) {
      address = new byte[] {10, 0, 0, (byte) random.nextInt(16)};
    } else {
      address = new byte[16];
      address[0] = 0x20;
      address[1] = 1;
      address[15] = (byte) random.nextInt(16);
    }
    if (random.nextInt(5) == 0) {
      return new Client(InetAddress.getByAddress(address), false, null);
    }
    List<String> names = new ArrayList<>();
    if (random.nextInt(6) > 0) {
      do {
        names.add(identity());
      } while (random.nextInt(3) == 0);
    }
    return Client.ofMeshTls(InetAddress.getByAddress(address), names);
  }

  /** What a request of the client proves by tokens. */
  TokenProofs proofs() {
    List<TokenProof> proofs = new ArrayList<>();
    for (List<TokenProof> of : PROOFS) {
      proofs.add(of.get(random.nextInt(of.size())));
    }
    return new TokenProofs(COMPILED, proofs, COMPILED.size(), 0);
  }

  Request request() {
    StringBuilder path = new StringBuilder(path());
    if (random.nextInt(3) == 0) {
      path.insert(random.nextInt(path.length()) + 1, ODD[random.nextInt(ODD.length)]);
    }
    if (random.nextInt(3) == 0) {
      path.append('?').append(label()).append('=').append(random.nextBoolean() ? "1+2" : "12");
    }
    if (random.nextInt(40) == 0) {
      path = new StringBuilder("*");
    }
    String host = HOSTS[random.nextInt(HOSTS.length)];
    host =
        switch (random.nextInt(6)) {
          case 0 -> host + ":8080";
          case 1 -> host.toUpperCase(Locale.ROOT) + ".";
          case 2 -> "y." + host;
          case 3 -> host + ".:80";
          default -> host;
        };
    Map<String, String> headers = new HashMap<>();
    if (random.nextBoolean()) {
      headers.put("x-a", "" + random.nextInt(3));
    }
    if (random.nextBoolean()) {
      headers.put("x-b", "" + random.nextInt(3));
    }
    String method =
        switch (random.nextInt(4)) {
          case 0 -> "LIST";
          case 1 -> "GET";
          default -> "POST";
        };
    return new Request(method, path.toString(), random.nextInt(20) == 0 ? "" : host, headers);
  }

  private String path() {
    StringBuilder path = new StringBuilder();
    for (int i = random.nextInt(4); i > 0; i--) {
      path.append('/').append(label());
    }
    return path.isEmpty() ? "/" : path.toString();
  }

  private String identity() {
    if (random.nextInt(8) == 0) {
      return "spiffe://a/b.c";
    }
    StringBuilder name = new StringBuilder(label());
    for (int i = random.nextInt(3); i > 0; i--) {
      name.append('.').append(label());
    }
    return name.toString();
  }

  private String label() {
    return LABELS[random.nextInt(LABELS.length)];
  }
}
