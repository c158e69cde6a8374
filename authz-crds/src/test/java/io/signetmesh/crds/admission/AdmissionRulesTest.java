package io.signetmesh.crds.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class AdmissionRulesTest {
  private static final String SERVER_PARENT =
      "parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]";
  private static final String SERVICE_PARENT =
      "parentRefs: [{group: core, kind: Service, name: web, port: 80}]";

  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);

  private static String manifest(String apiVersion, String kind, String spec) {
    return manifest(apiVersion, kind, "{}", spec);
  }

  private static String manifest(String apiVersion, String kind, String annotations, String spec) {
    return """
    apiVersion: %s
    kind: %s
    metadata: {name: web, namespace: shop, annotations: %s}
    spec:
    """
            .formatted(apiVersion, kind, annotations)
        + spec.strip().indent(2);
  }

  private static String policy(String kind, String spec) {
    return manifest("policy.linkerd.io/v1alpha1", kind, spec);
  }

  private static String route(String spec) {
    return manifest("policy.linkerd.io/v1beta3", "HTTPRoute", spec);
  }

  private static String gateway(String kind, String spec) {
    return manifest("gateway.networking.k8s.io/v1", kind, spec);
  }

  private static String target(String target) {
    return policy(
        "AuthorizationPolicy", "targetRef: " + target + "\nrequiredAuthenticationRefs: []");
  }

  private static String requires(String references) {
    return policy(
        "AuthorizationPolicy",
        "targetRef: {group: policy.linkerd.io, kind: Server, name: web}\n"
            + "requiredAuthenticationRefs: "
            + references);
  }

  private static String identities(String... identities) {
    return policy(
        "MeshTLSAuthentication", "identities: ['" + String.join("', '", identities) + "']");
  }

  private static String networks(String networks) {
    return policy("NetworkAuthentication", "networks: " + networks);
  }

  private static String client(String client) {
    return manifest(
        "policy.linkerd.io/v1beta1",
        "ServerAuthorization",
        "server: {name: web}\nclient: " + client);
  }

  private static String limits(String rest) {
    return policy(
        "HTTPLocalRateLimitPolicy",
        "targetRef: {group: policy.linkerd.io, kind: Server, name: web}\n" + rest);
  }

  private static String annotated(String annotations) {
    return manifest(
        "policy.linkerd.io/v1beta3", "HTTPRoute", "{" + annotations + "}", SERVICE_PARENT);
  }

  private static String server(String port) {
    return manifest("policy.linkerd.io/v1beta3", "Server", "podSelector: {}\nport: " + port);
  }

  private static String profile(String spec) {
    return manifest("linkerd.io/v1alpha2", "ServiceProfile", spec);
  }

  private static String pod(String spec) {
    return manifest("v1", "Pod", spec);
  }

  private static String rules(String rules) {
    return route(SERVER_PARENT + "\nrules: " + rules);
  }

  private static String filter(String filter) {
    return rules("[{filters: [" + filter + "]}]");
  }

  private static Arguments good(String manifest) {
    return Arguments.of(manifest, List.of());
  }

  /** Findings start with these texts, in any order. */
  private static Arguments bad(String manifest, String... findings) {
    return Arguments.of(manifest, List.of(findings));
  }

  private static String deny(String spec) {
    return manifest("policy.signetmesh.io/v1alpha1", "DenyPolicy", spec);
  }

  static Stream<Arguments> denials() {
    String toServer = "targetRef: {group: policy.linkerd.io, kind: Server, name: web}\n";
    String byIdentity =
        toServer
            + "requiredAuthenticationRefs:"
            + " [{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: x}]";
    return Stream.of(
        good(deny(byIdentity)),
        good(deny(byIdentity + "\nmode: audit")),
        bad(deny(byIdentity + "\nmode: dry-run"), "error spec.mode"),
        bad(deny(toServer), "error spec"),
        bad(
            deny(toServer + "requiredAuthenticationRefs: []"),
            "warning spec.requiredAuthenticationRefs: the list is empty"),
        bad(
            deny("targetRef: {kind: Service, name: web}\nrequiredAuthenticationRefs: []"),
            "error spec.targetRef",
            "warning spec.requiredAuthenticationRefs"),
        bad(
            manifest(
                "policy.signetmesh.io/v1alpha1",
                "DenyPolicy",
                "{policy.signetmesh.io/mode: audit}",
                byIdentity),
            "error metadata.annotations"),
        good(
            manifest(
                "policy.linkerd.io/v1beta3",
                "Server",
                "{policy.signetmesh.io/mode: audit}",
                "podSelector: {}\nport: 80")),
        bad(
            manifest(
                "policy.linkerd.io/v1beta3",
                "Server",
                "{policy.signetmesh.io/mode: Audit}",
                "podSelector: {}\nport: 80"),
            "error metadata.annotations"),
        bad(
            manifest(
                "policy.linkerd.io/v1alpha1",
                "NetworkAuthentication",
                "{policy.signetmesh.io/mode: audit}",
                "networks: [{cidr: 10.0.0.0/8}]"),
            "error metadata.annotations[\"policy.signetmesh.io/mode\"]: has no effect on a"
                + " NetworkAuthentication"),
        bad(
            manifest(
                "policy.linkerd.io/v1alpha1",
                "AuthorizationPolicy",
                "{policy.signetmesh.io/moed: audit}",
                byIdentity),
            "error metadata.annotations[\"policy.signetmesh.io/moed\"]: \"policy.signetmesh.io/moed\""
                + " is no annotation of policy (did you mean \"policy.signetmesh.io/mode\"?)"),
        bad(
            manifest(
                "policy.linkerd.io/v1alpha1",
                "AuthorizationPolicy",
                "{Policy.signetmesh.io/Mode: audit}",
                byIdentity),
            "error metadata.annotations"));
  }

  static Stream<Arguments> servers() {
    return Stream.of(
        good(server("8080")),
        good(server("http-1")),
        bad(server("0"), "error spec.port: 0 is not a port number"),
        bad(server("65536"), "error spec.port: 65536"),
        bad(server("''"), "error spec.port: must be"),
        bad(server("'80'"), "warning spec.port: \"80\" is the name of no container port"),
        bad(
            manifest(
                "policy.linkerd.io/v1beta3",
                "Server",
                """
                port: 80
                podSelector:
                  matchExpressions:
                  - {key: a, operator: in, values: [b]}
                  - {key: a, operator: In}
                  - {key: a, operator: Exists, values: [b]}
                  - {values: [b]}
                """),
            "error spec.podSelector.matchExpressions[0].operator: \"in\" is not one of",
            "warning spec.podSelector.matchExpressions[1]: In without values",
            "warning spec.podSelector.matchExpressions[2].values: Exists takes no values",
            "error spec.podSelector.matchExpressions[3]: required field \"key\"",
            "error spec.podSelector.matchExpressions[3]: required field \"operator\""));
  }

  static Stream<Arguments> policies() {
    String mesh = "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: a}";
    String network = "{group: policy.linkerd.io, kind: NetworkAuthentication, name: b}";
    String account = "{kind: ServiceAccount, name: c}";
    return Stream.of(
        good(target("{kind: Namespace, name: shop}")),
        good(target("{group: core, kind: namespace, name: shop}")),
        good(target("{group: policy.linkerd.io, kind: HTTPRoute, name: r}")),
        good(target("{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}")),
        good(target("{group: gateway.networking.k8s.io, kind: GRPCRoute, name: r}")),
        bad(target("{kind: Namespace, name: other}"), "error spec.targetRef.name: \"other\" is"),
        bad(
            target("{kind: Server, name: web}"),
            "error spec.targetRef: Server without group cannot be"),
        bad(
            target("{group: policy.linkerd.io, kind: GRPCRoute, name: r}"),
            "error spec.targetRef: GRPCRoute of group \"policy.linkerd.io\" cannot be a target"),
        good(requires("[]")),
        good(requires("[" + mesh + ", " + network + "]")),
        good(requires("[" + account + ", " + network + "]")),
        bad(
            requires("[" + mesh + ", " + account + ", " + network + ", " + network + "]"),
            "error spec.requiredAuthenticationRefs[1]: only one requirement on the identity",
            "error spec.requiredAuthenticationRefs[3]: only one requirement on the network"),
        // Known, so that a policy can be written ahead.
        good(
            requires(
                "[{group: policy.signetmesh.io, kind: JWTAuthentication, name: j}, " + mesh + "]")),
        good(
            requires(
                "[{group: policy.signetmesh.io, kind: RegoAuthentication, name: r}, "
                    + "{group: policy.signetmesh.io, kind: JWTAuthentication, name: r}]")),
        bad(
            requires("[{group: policy.linkerd.io, kind: JWTAuthentication, name: j}]"),
            "error spec.requiredAuthenticationRefs[0]: JWTAuthentication of group"),
        bad(
            requires("[{kind: MeshTLSAuthentication, name: a}]"),
            "error spec.requiredAuthenticationRefs[0]: MeshTLSAuthentication without group is no"));
  }

  static Stream<Arguments> authentications() {
    return Stream.of(
        good(
            identities(
                "*",
                "*.shop.serviceaccount.identity.linkerd.cluster.local",
                "a.shop.cluster.local",
                "spiffe://root.example",
                "spiffe://root_1/ns/shop/sa/Web.1")),
        bad(
            identities(
                "A.b",
                "a..b",
                ".a",
                "a.",
                "a.*",
                "",
                "spiffe://",
                "spiffe://Root/a",
                "spiffe://root:80/a",
                "spiffe://u@root/a",
                "spiffe://root/",
                "spiffe://root//a",
                "spiffe://root/a/../b",
                "spiffe://root/.",
                "spiffe://root/a?b",
                "spiffe://root/a#b",
                "spiffe://root/*"),
            Stream.iterate(0, i -> i + 1)
                .limit(17)
                .map(i -> "error spec.identities[" + i + "]: ")
                .toArray(String[]::new)),
        good(
            policy(
                "MeshTLSAuthentication",
                "identityRefs: [{kind: ServiceAccount, name: a, namespace: b}, {kind: Namespace,"
                    + " name: c}]")),
        bad(
            policy(
                "MeshTLSAuthentication",
                "identityRefs: [{kind: Pod, name: a}, {kind: Namespace, name: a, namespace: b}]"),
            "error spec.identityRefs[0]: Pod has no identities",
            "error spec.identityRefs[1].namespace: "),
        good(networks("[{cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.3.4]}, {cidr: '::1'}]")),
        bad(networks("[]"), "error spec.networks: at least one"),
        bad(
            networks(
                "[{cidr: 10.0.0.0/8, except: [10.0.0.0/8, 0.0.0.0/0, 11.0.0.0/8, 'fd00::/8', x]},"
                    + " {cidr: localhost}, {cidr: 10.0.0.0/33}, {cidr: 10.0/8}, {cidr: ''}]"),
            "error spec.networks[0].except[0]: \"10.0.0.0/8\" takes all of",
            "error spec.networks[0].except[1]: \"0.0.0.0/0\" takes all of",
            "error spec.networks[0].except[2]: \"11.0.0.0/8\" is not inside",
            "error spec.networks[0].except[3]: \"fd00::/8\" is not inside",
            "error spec.networks[0].except[4]: \"x\" is not a network",
            "error spec.networks[1].cidr: ",
            "error spec.networks[2].cidr: ",
            "error spec.networks[3].cidr: ",
            "error spec.networks[4].cidr: "),
        good(policy("EgressNetwork", "trafficPolicy: Allow")),
        bad(
            policy("EgressNetwork", "{trafficPolicy: Allow, networks: []}"),
            "error spec.networks: at least one"));
  }

  static Stream<Arguments> serverAuthorizations() {
    return Stream.of(
        good(client("{unauthenticated: true}")),
        good(client("{meshTLS: {unauthenticatedTLS: true}}")),
        good(client("{meshTLS: {identities: ['*'], serviceAccounts: [{name: a}]}}")),
        bad(
            client("{unauthenticated: true, meshTLS: {identities: ['*']}}"),
            "error spec.client.unauthenticated: "),
        bad(
            client("{meshTLS: {unauthenticatedTLS: true, serviceAccounts: [{name: a}]}}"),
            "error spec.client.meshTLS.unauthenticatedTLS: "),
        bad(
            client("{unauthenticated: true, networks: [{cidr: 1.2.3.4/5/6}]}"),
            "error spec.client.networks[0].cidr: "),
        bad(client("{}"), "warning spec.client: neither"),
        bad(client("{meshTLS: {}}"), "warning spec.client.meshTLS: neither"));
  }

  static Stream<Arguments> rateLimits() {
    return Stream.of(
        good(
            limits(
                """
                total: {requestsPerSecond: 10}
                identity: {requestsPerSecond: 10}
                overrides: [{requestsPerSecond: 5, clientRefs: [{kind: ServiceAccount, name: a}]}]
                """)),
        bad(limits("identity: {requestsPerSecond: 0}"), "error spec.identity.requestsPerSecond: m"),
        bad(
            limits(
                """
                overrides:
                - requestsPerSecond: 5
                  clientRefs: [{kind: ServiceAccount, name: a}, {kind: ServiceAccount, name: a}]
                - requestsPerSecond: 6
                  clientRefs: [{kind: ServiceAccount, name: b}, {kind: ServiceAccount, name: a,
                    namespace: shop}, {kind: ServiceAccount, name: a, namespace: other}]
                """),
            "warning spec.overrides[1].clientRefs[1]: the ServiceAccount \"shop/a\" has the limit of"
                + " spec.overrides[0].clientRefs[0] already"),
        bad(
            limits(
                """
                total: {requestsPerSecond: 5}
                identity: {requestsPerSecond: 6}
                overrides: [{requestsPerSecond: 7, clientRefs: [{kind: Pod, name: a}]}]
                """),
            "error spec.identity.requestsPerSecond: 6 is more than the total of 5",
            "error spec.overrides[0].requestsPerSecond: 7 is more",
            "error spec.overrides[0].clientRefs[0]: Pod is no client"),
        bad(
            policy(
                "HTTPLocalRateLimitPolicy",
                "{targetRef: {kind: Service, name: a}, total: {requestsPerSecond: 1}}"),
            "error spec.targetRef: Service without group cannot be a target"));
  }

  static Stream<Arguments> routes() {
    return Stream.of(
        good(
            rules(
                """
                [{matches: [{path: {type: RegularExpression, value: '/a/[0-9]+'}},
                  {headers: [{name: x-a, type: RegularExpression, value: '^b.*'}]}],
                  filters: [{type: RequestHeaderModifier,
                    requestHeaderModifier: {set: [{name: a, value: b}], remove: [c]}}],
                  timeouts: {request: 1h30m, backendRequest: 10s}}]
                """)),
        bad(
            rules(
                """
                [{matches: [{path: {type: Exact, value: a}}, {path: {value: b}},
                  {path: {type: RegularExpression, value: '('}},
                  {headers: [{name: x, type: RegularExpression, value: '(?=a)'},
                    {name: z, value: "a\\nb"}]},
                  {queryParams: [{name: q, type: RegularExpression, value: '['}]}]}]
                """),
            "error spec.rules[0].matches[0].path.value: \"a\" does not start with '/'",
            "error spec.rules[0].matches[1].path.value: \"b\" does not start with '/'",
            "error spec.rules[0].matches[2].path.value: \"(\" is not a regular expression",
            "error spec.rules[0].matches[3].headers[0].value: \"(?=a)\" is not a regular",
            "error spec.rules[0].matches[3].headers[1].value: \"a\\u000ab\" is not a header value",
            "error spec.rules[0].matches[4].queryParams[0].value: "),
        bad(
            filter(
                "{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value:"
                    + " \"\\r\"}], remove: ['a b']}}"),
            "error spec.rules[0].filters[0].requestHeaderModifier.add[0].value: ",
            "error spec.rules[0].filters[0].requestHeaderModifier.remove[0]: "),
        good(
            filter(
                "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: host, value:"
                    + " a.example}]}}")),
        bad(
            filter(
                "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Content-Length,"
                    + " value: '0'}], add: [{name: l5d-client-id, value: x}], remove: [te]}}"),
            "error spec.rules[0].filters[0].requestHeaderModifier.set[0].name: \"Content-Length\"",
            "error spec.rules[0].filters[0].requestHeaderModifier.add[0].name: \"l5d-client-id\"",
            "error spec.rules[0].filters[0].requestHeaderModifier.remove[0]: \"te\" cannot"),
        bad(
            rules(
                """
                [{matches: [{path: {value: /a%2Fb}}, {path: {type: Exact, value: '/a?b'}},
                  {path: {value: /a%zz}}, {path: {value: /a%20b}},
                  {path: {type: RegularExpression, value: '/x/.{0,1000}/y.{0,1000}'}}]}]
                """),
            "warning spec.rules[0].matches[0].path.value: \"/a%2Fb\" is the path of no request",
            "warning spec.rules[0].matches[1].path.value: \"/a?b\" is the path of no request",
            "warning spec.rules[0].matches[2].path.value: \"/a%zz\" is the path of no request",
            "error spec.rules[0].matches[4].path.value: "),
        bad(
            rules(
                """
                [{matches: [{path: {type: Exact, value: /a//b}}, {path: {value: /c/../d}},
                  {path: {value: /e/%2e}}, {path: {value: /g/..}}, {path: {value: /../h}},
                  {path: {value: '/i/..;x/j'}}, {path: {value: '/m;x'}}, {path: {value: /k/}}]},
                 {matches: [{path: {value: //}}, {path: {value: //p/}}, {path: {value: /}},
                  {path: {value: /.well-known}}, {path: {value: /...}}, {path: {value: /.%2E/}}]}]
                """),
            "warning spec.rules[0].matches[0].path.value: \"/a//b\" is taken for \"/a/b\"",
            "warning spec.rules[0].matches[1].path.value: \"/c/../d\" is the path of no request",
            "warning spec.rules[0].matches[2].path.value: \"/e/%2e\" is the path of no request",
            "warning spec.rules[0].matches[3].path.value: \"/g/..\" is the path of no request",
            "warning spec.rules[0].matches[4].path.value: \"/../h\" is the path of no request",
            "warning spec.rules[0].matches[5].path.value: \"/i/..;x/j\" is the path of no request",
            "warning spec.rules[0].matches[6].path.value: \"/m;x\" has parameters",
            "warning spec.rules[1].matches[0].path.value: \"//\" is the path of no request",
            "warning spec.rules[1].matches[1].path.value: \"//p/\" is taken for \"/p/\"",
            "warning spec.rules[1].matches[5].path.value: \"/.%2E/\" is the path of no request"),
        bad(
            rules(
                """
                [{matches: [{path: {type: RegularExpression, value: admin}},
                  {path: {type: RegularExpression, value: '/n%c3%a9.*'}},
                  {path: {type: RegularExpression, value: '/a//b'}},
                  {path: {type: RegularExpression, value: '/a//?b%C3.*'}},
                  {path: {type: RegularExpression, value: 'a*/b'}},
                  {path: {type: RegularExpression, value: '(?i)/n%c3'}},
                  {path: {type: RegularExpression, value: 'a|/b'}},
                  {path: {type: RegularExpression, value: '.*/a'}}]}]
                """),
            "warning spec.rules[0].matches[0].path.value: \"admin\" matches no path",
            "warning spec.rules[0].matches[1].path.value: \"/n%c3%a9.*\" matches no path",
            "warning spec.rules[0].matches[2].path.value: \"/a//b\" matches no path"),
        good(
            route(
                SERVICE_PARENT
                    + "\nrules: [{matches: [{path: {value: /a//b}}, {path: {value: '/m;x'}}]}]")),
        bad(
            filter(
                "{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath,"
                    + " replaceFullPath: a}}}"),
            "error spec.rules[0].filters[0].requestRedirect.path.replaceFullPath: "),
        bad(
            rules("[{timeouts: {request: 1s, backendRequest: 2s}}]"),
            "error spec.rules[0].timeouts.backendRequest: 2s is longer than the whole request, 1s"),
        bad(rules("[{timeouts: {request: -1s}}]"), "error spec.rules[0].timeouts.request: "),
        bad(
            route("parentRefs: [{kind: EgressNetwork, name: web}]"),
            "error spec.parentRefs[0]: an EgressNetwork is no parent without a port"),
        bad(
            route("parentRefs: [{name: web}]"),
            "warning spec.parentRefs[0]: nothing routes for Gateway"),
        bad(
            route(
                "parentRefs: [{kind: Server, name: web, port: 80}, {kind: Server, name: web,"
                    + " namespace: other}, {kind: Server, name: a}, {kind: Server, name: a}]"),
            "warning spec.parentRefs[0].port: a Server has one port",
            "warning spec.parentRefs[1].namespace: a route only works",
            "warning spec.parentRefs[3]: is the same parent as spec.parentRefs[2]"),
        good(
            gateway(
                "HTTPRoute", SERVICE_PARENT + "\nrules: [{backendRefs: [{name: a, port: 1}]}]")),
        bad(
            gateway(
                "HTTPRoute",
                """
                parentRefs: [{group: core, kind: Service, name: web}]
                rules:
                - backendRefs: [{name: a}]
                  filters:
                  - {type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch,
                      replacePrefixMatch: /b}}}
                  - {type: URLRewrite, urlRewrite: {hostname: a}}
                  - {type: URLRewrite, urlRewrite: {hostname: b}}
                  matches: [{path: {value: /a}}, {path: {value: /b}}]
                """),
            "error spec.rules[0].backendRefs[0]: a Service is no backend without a port",
            "error spec.rules[0].filters[0]: ReplacePrefixMatch needs",
            "error spec.rules[0].filters[2]: a filter of this type",
            "error spec.rules[0].filters: RequestRedirect and URLRewrite",
            "error spec.rules[0].backendRefs: a rule with RequestRedirect",
            "warning spec.rules[0].filters[1].type: the mesh does not know",
            "warning spec.rules[0].filters[2].type: the mesh does not know"),
        bad(
            gateway(
                "GRPCRoute",
                "rules: [{matches: [{method: {type: RegularExpression, service: a}}], backendRefs:"
                    + " [{name: a}]}]"),
            "error spec.rules[0].matches[0].method.type: ",
            "error spec.rules[0].backendRefs[0]: a Service"),
        bad(
            manifest(
                "gateway.networking.k8s.io/v1alpha2",
                "TCPRoute",
                "rules: [{backendRefs: [{name: a, port: 1}]}, {backendRefs: [{name: b, port: 1}]}]"),
            "error spec.rules: expected exactly one rule, found 2"),
        bad(
            manifest(
                "gateway.networking.k8s.io/v1alpha2",
                "TLSRoute",
                "parentRefs: [{group: policy.linkerd.io, kind: EgressNetwork, name: e}]\n"
                    + "rules: [{backendRefs: [{name: a, port: 1}]}]"),
            "error spec.parentRefs[0]: an EgressNetwork"));
  }

  static Stream<Arguments> annotations() {
    String key = "metadata.annotations[\"";
    return Stream.of(
        good(
            annotated(
                "retry.linkerd.io/http: '5xx,gateway-error,429,500-503', retry.linkerd.io/limit:"
                    + " '3', retry.linkerd.io/timeout: 300ms, timeout.linkerd.io/request: 1d")),
        bad(
            annotated(
                "retry.linkerd.io/http: '5xx, 600', retry.linkerd.io/limit: '65536',"
                    + " retry.linkerd.io/timeout: 1m30s, timeout.linkerd.io/idle: 1.5s,"
                    + " timeout.linkerd.io/response: '-1s'"),
            "error " + key + "retry.linkerd.io/http\"]: ",
            "error " + key + "retry.linkerd.io/limit\"]: ",
            "error " + key + "retry.linkerd.io/timeout\"]: ",
            "error " + key + "timeout.linkerd.io/idle\"]: ",
            "error " + key + "timeout.linkerd.io/response\"]: "),
        bad(
            annotated("retry.linkerd.io/htp: 5xx, retry.linkerd.io/grpc: cancelled"),
            "warning " + key + "retry.linkerd.io/htp\"]: ",
            "warning " + key + "retry.linkerd.io/grpc\"]: has no effect on a HTTPRoute"),
        bad(
            manifest(
                "v1",
                "Service",
                "{balancer.linkerd.io/failure-accrual: Consecutive,"
                    + " balancer.linkerd.io/failure-accrual-consecutive-min-penalty: 2m,"
                    + " retry.linkerd.io/grpc: unknown, config.linkerd.io/opaque-ports: '70000'}",
                "ports: [{port: 80}]"),
            "warning " + key + "balancer.linkerd.io/failure-accrual\"]: ",
            "warning " + key + "balancer.linkerd.io/failure-accrual-consecutive-min-penalty\"]: ",
            "warning " + key + "retry.linkerd.io/grpc\"]: ",
            "warning " + key + "config.linkerd.io/opaque-ports\"]: "),
        bad(
            manifest(
                "v1",
                "Pod",
                "{config.linkerd.io/default-inbound-policy: allow,"
                    + " config.linkerd.io/opaque-ports: '1-5,x y'}",
                "containers: []"),
            "warning "
                + key
                + "config.linkerd.io/default-inbound-policy\"]: \"allow\" is no default policy, so",
            "warning " + key + "config.linkerd.io/opaque-ports\"]: \"x y\""));
  }

  static Stream<Arguments> profiles() {
    return Stream.of(
        good(
            profile(
                """
                routes:
                - name: GET /a
                  condition: {method: GET, pathRegex: '/a/[^/]*', not: {method: POST}}
                  timeout: 1m30s
                  responseClasses:
                  - {condition: {status: {min: 500, max: 599}}, isFailure: true}
                retryBudget: {retryRatio: 0.2, minRetriesPerSecond: 10, ttl: 10s}
                """)),
        bad(
            profile(
                """
                routes:
                - name: ''
                  condition: {all: [{}]}
                  responseClasses:
                  - {condition: {status: {min: 99, max: 600}}}
                  - {condition: {status: {min: 500, max: 400}}}
                  - {condition: {not: {}}}
                retryBudget: {retryRatio: -1, minRetriesPerSecond: 10, ttl: -1s}
                dstOverrides: [{authority: a}]
                """),
            "error spec.routes[0].name: ",
            "error spec.routes[0].condition.all[0]: one of",
            "error spec.routes[0].responseClasses[0].condition.status.min: ",
            "error spec.routes[0].responseClasses[0].condition.status.max: ",
            "error spec.routes[0].responseClasses[1].condition.status.max: 400 is less",
            "error spec.routes[0].responseClasses[2].condition.not: one of",
            "error spec.retryBudget.retryRatio: ",
            "error spec.retryBudget.ttl: ",
            "error spec.dstOverrides[0]: weight"));
  }

  static Stream<Arguments> workloads() {
    return Stream.of(
        bad(
            pod(
                """
                containers:
                - {name: a, ports: [{name: http}, {containerPort: 0},
                    {name: http, containerPort: 80, protocol: tcp}]}
                - {name: a}
                """),
            "error spec.containers[0].ports[0]: required field \"containerPort\"",
            "error spec.containers[0].ports[1].containerPort: 0",
            "error spec.containers[0].ports[2].name: ",
            "error spec.containers[0].ports[2].protocol: \"tcp\"",
            "error spec.containers[1].name: "),
        bad(
            manifest(
                "v1",
                "Service",
                "{clusterIP: localhost, clusterIPs: [None, 10.0.0.256], ports: [{port: 80}, {port:"
                    + " 80}]}"),
            "error spec.clusterIP: ",
            "error spec.clusterIPs[1]: ",
            "error spec.ports[1]: of several ports",
            "error spec.ports[1].port: port 80/TCP"),
        bad(
            """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: web-1, namespace: shop}
            addressType: IPv4
            endpoints: [{addresses: ['::1']}, {addresses: []}]
            ports: [{port: 70000}]
            """,
            "warning metadata.labels: without the label",
            "error endpoints[0].addresses[0]: \"::1\" is not an IPv4 address",
            "error endpoints[1]: ",
            "error ports[0].port: 70000"),
        bad(
            manifest(
                "workload.linkerd.io/v1beta1",
                "ExternalWorkload",
                """
                meshTLS: {identity: 'spiffe://Root/a', serverName: a}
                ports: [{name: http, port: 80}, {name: http, port: 81}]
                workloadIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]
                """),
            "warning spec.meshTLS.identity: ",
            "error spec.ports[1].name: ",
            "error spec.workloadIPs[1].ip: "));
  }

  @ParameterizedTest
  @MethodSource({
    "servers",
    "denials",
    "policies",
    "authentications",
    "serverAuthorizations",
    "rateLimits",
    "routes",
    "annotations",
    "profiles",
    "workloads"
  })
  void findsAllThatIsWrongWithAnObject(String manifest, List<String> expected) {
    List<ManifestFinding> findings = reader.read("m.yaml", manifest).findings();
    List<String> shown =
        findings.stream()
            .map(
                finding ->
                    (finding.isError() ? "error " : "warning ")
                        + finding.field()
                        + ": "
                        + finding.message())
            .toList();
    assertThat(shown).as(manifest).hasSameSizeAs(expected);
    for (String start : expected) {
      assertThat(shown).as(manifest).anyMatch(finding -> finding.startsWith(start));
    }
    assertThat(findings)
        .allSatisfy(finding -> assertThat(finding.position()).isNotNull())
        .allSatisfy(finding -> assertThat(finding.resource()).isNotNull());
  }
}
