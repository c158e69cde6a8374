package io.signetmesh.policy.effective;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoAuthentication;
import io.signetmesh.v1.TokenForwarding;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Header fields of verified claims, in forms of a policy for proxies that do not set them. */
final class ClaimFieldsTest {
  private static final HttpRoute.Filter REDIRECT =
      HttpRoute.Filter.newBuilder().setRedirect(RequestRedirect.getDefaultInstance()).build();

  private static final HttpRoute HTTP =
      HttpRoute.newBuilder()
          .addRules(HttpRoute.Rule.newBuilder().addFilters(REDIRECT))
          .addRules(HttpRoute.Rule.newBuilder())
          .build();

  private static final GrpcRoute GRPC =
      GrpcRoute.newBuilder()
          .addRules(GrpcRoute.Rule.newBuilder())
          .addRules(GrpcRoute.Rule.newBuilder())
          .build();

  private static JwtAuthentication forwarding(String name, String header, String payload) {
    return JwtAuthentication.newBuilder()
        .setName(name)
        .setForwarding(
            TokenForwarding.newBuilder()
                .addClaims(
                    TokenForwarding.ClaimHeader.newBuilder().addPath("sub").setHeader(header))
                .setPayloadHeader(payload))
        .build();
  }

  private static Server policy(ProxyProtocol.KindCase kind) {
    ProxyProtocol.Builder protocol = ProxyProtocol.newBuilder();
    switch (kind) {
      case DETECT -> protocol.getDetectBuilder().addHttpRoutes(HTTP).addHttpRoutes(HTTP);
      case HTTP1 -> protocol.getHttp1Builder().addRoutes(HTTP).addRoutes(HTTP);
      case HTTP2 -> protocol.getHttp2Builder().addRoutes(HTTP).addRoutes(HTTP);
      case GRPC -> protocol.getGrpcBuilder().addRoutes(GRPC).addRoutes(GRPC);
      case OPAQUE, TLS, KIND_NOT_SET -> throw new IllegalArgumentException("no routes");
    }
    return Server.newBuilder()
        .setProtocol(protocol)
        .addAuthorizations(Authz.newBuilder().putLabels("name", "open"))
        .addAuthorizations(Authz.newBuilder().addSignetTokens("shop/a"))
        .addAuthorizations(Authz.newBuilder().addSignetTokens("shop/b").addSignetRego("shop/r"))
        .addSignetJwtAuthentications(forwarding("shop/a", "x-user", "x-payload"))
        .addSignetJwtAuthentications(forwarding("shop/b", "x-tenant", ""))
        .addSignetRegoAuthentications(RegoAuthentication.newBuilder().setName("shop/r"))
        .setSignetTrial(
            Server.newBuilder()
                .setProtocol(protocol)
                .addAuthorizations(Authz.newBuilder().addSignetTokens("shop/c"))
                .addAuthorizations(Authz.newBuilder().putLabels("name", "other"))
                .addSignetJwtAuthentications(forwarding("shop/c", "x-dry", "")))
        .build();
  }

  private static Server form(Server policy, String... features) {
    return new EffectivePolicy(policy, 1).rendered(PolicyFeatures.of(List.of(features)));
  }

  /** What the first filter of each rule removes. */
  private static List<List<String>> removed(ProxyProtocol protocol) {
    return modifiers(protocol).stream()
        .map(modifier -> List.copyOf(modifier.getRemoveList()))
        .toList();
  }

  private static List<RequestHeaderModifier> modifiers(ProxyProtocol protocol) {
    List<HttpRoute> http =
        switch (protocol.getKindCase()) {
          case DETECT -> protocol.getDetect().getHttpRoutesList();
          case HTTP1 -> protocol.getHttp1().getRoutesList();
          case HTTP2 -> protocol.getHttp2().getRoutesList();
          case GRPC, OPAQUE, TLS, KIND_NOT_SET -> List.of();
        };
    return protocol.hasGrpc()
        ? protocol.getGrpc().getRoutesList().stream()
            .flatMap(route -> route.getRulesList().stream())
            .map(rule -> rule.getFiltersList().getFirst().getRequestHeaderModifier())
            .toList()
        : http.stream()
            .flatMap(route -> route.getRulesList().stream())
            .map(rule -> rule.getFiltersList().getFirst().getRequestHeaderModifier())
            .toList();
  }

  @ParameterizedTest
  @EnumSource(
      value = ProxyProtocol.KindCase.class,
      names = {"DETECT", "HTTP1", "HTTP2", "GRPC"})
  void aProxyThatDoesNotKnowTokensRemovesTheFieldsByEachRouteRule(ProxyProtocol.KindCase kind) {
    Server policy = policy(kind);
    List<String> fields = List.of("x-payload", "x-tenant", "x-user");
    for (Server form :
        List.of(form(policy), form(policy, "deny", "trial"), form(policy, "deny", "rego"))) {
      assertThat(removed(form.getProtocol())).containsExactly(fields, fields, fields, fields);
    }
  }

  @Test
  void theFilterStandsInFrontOfThoseOfTheRoute() {
    HttpRoute.Rule rule =
        form(policy(ProxyProtocol.KindCase.HTTP2), "deny")
            .getProtocol()
            .getHttp2()
            .getRoutes(0)
            .getRules(0);
    assertThat(rule.getFiltersList()).hasSize(2).element(1).isEqualTo(REDIRECT);
  }

  @Test
  void theDryRunHasNoSuchFilterAndItsFieldsAreNotRemoved() {
    Server form = form(policy(ProxyProtocol.KindCase.HTTP2), "deny", "trial");
    assertThat(form.getSignetTrial().getProtocol())
        .isEqualTo(policy(ProxyProtocol.KindCase.HTTP2).getProtocol());
    assertThat(form.toString()).doesNotContain("x-dry");
  }

  @Test
  void aProxyThatKnowsTokensRemovesByAFilterOnlyWhatItsMessageDoesNotExplain() {
    Server policy = policy(ProxyProtocol.KindCase.HTTP1);
    Server form = form(policy, "deny", "jwt");
    List<String> fields = List.of("x-tenant");
    assertThat(form.getSignetJwtAuthenticationsList())
        .extracting(JwtAuthentication::getName)
        .containsExactly("shop/a");
    assertThat(removed(form.getProtocol())).containsExactly(fields, fields, fields, fields);
    assertThat(form(policy, "deny", "trial", "jwt", "rego")).isEqualTo(policy);
  }
}
