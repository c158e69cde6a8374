package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.admission.AdmissionRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Breaks fields of sound manifests, some by a value of a wrong type and some by a value that only a
 * rule refuses, which the manifests give behind "or".
 */
class AllFindingsProperties {
  private static final String OR = " # or ";
  private static final List<String> MANIFESTS =
      List.of(
          """
          apiVersion: policy.linkerd.io/v1beta3
          kind: Server
          metadata:
            name: web
            namespace: shop
            labels:
              app: web
            annotations:
              policy.signetmesh.io/mode: audit # or trial
          spec:
            port: http # or ""
            podSelector:
              matchLabels:
                app: web
              matchExpressions:
              - key: tier
                operator: Exists # or Is
            proxyProtocol: HTTP/1 # or HTTP
            accessPolicy: deny # or allow
          """,
          """
          apiVersion: policy.linkerd.io/v1alpha1
          kind: AuthorizationPolicy
          metadata:
            name: web
            namespace: shop
          spec:
            targetRef:
              group: policy.linkerd.io
              kind: Server
              name: web
            requiredAuthenticationRefs:
            - group: policy.linkerd.io
              kind: MeshTLSAuthentication
              name: web
            - group: policy.linkerd.io
              kind: NetworkAuthentication
              name: inside
          """,
          """
          apiVersion: policy.signetmesh.io/v1alpha1
          kind: DenyPolicy
          metadata:
            name: web
            namespace: shop
          spec:
            targetRef:
              kind: Namespace
              name: shop # or other
            mode: audit # or trial
            requiredAuthenticationRefs:
            - kind: ServiceAccount
              name: web
              namespace: shop
          """,
          """
          apiVersion: policy.signetmesh.io/v1alpha1
          kind: RegoAuthentication
          metadata:
            name: rules
            namespace: shop
          spec:
            entrypoint: mesh/allow # or data.mesh.allow
            bundle:
              url: https://bundles.example/mesh # or ftp://bundles.example/mesh
              refreshInterval: 1m # or 1ms
              maxAge: 1h # or 1000h
            cpuTime: 5ms # or 5s
            memory: 16Mi # or 16Gi
          """,
          """
          apiVersion: policy.signetmesh.io/v1alpha1
          kind: JWTAuthentication
          metadata:
            name: staff
            namespace: shop
          spec:
            issuer: https://id.example # or http://id.example
            audiences:
            - shop # or ""
            keys:
              jwksUri: https://id.example/keys # or ftp://id.example/keys
              refreshInterval: 1m # or 1ms
              maxAge: 1h # or 1000h
            algorithms:
            - ES256 # or none
            - RS256 # or HS256
            from:
            - header: X-Token # or Host
            - cookie: token # or ""
            clockSkew: 30s # or 301s
            claims:
            - path:
              - groups # or ""
              anyOf:
              - admin
              - 1 # or 1e999
            - path:
              - sub
              matches: a.* # or "(?=a)"
            boundTo: None # or Nothing
            forward:
              stripToken: true # or yes
              payloadHeader: x-claims # or host
            errorDetail: false
          """,
          """
          apiVersion: policy.linkerd.io/v1alpha1
          kind: NetworkAuthentication
          metadata:
            name: inside
            namespace: shop
          spec:
            networks:
            - cidr: 10.0.0.0/8 # or 10.0.0.0/33
              except:
              - 10.1.0.0/16 # or 10.1.0.0/161
              - 10.2.0.0/16 # or "::"
            - cidr: 192.0.2.1 # or 192.0.2.256
          """,
          """
          apiVersion: policy.linkerd.io/v1alpha1
          kind: MeshTLSAuthentication
          metadata:
            name: web
            namespace: shop
          spec:
            identities:
            - "*.shop.serviceaccount.identity.linkerd.cluster.local" # or "*.*"
            - spiffe://root/web # or "spiffe://Root"
          """,
          """
          apiVersion: policy.linkerd.io/v1beta1
          kind: ServerAuthorization
          metadata:
            name: web
            namespace: shop
          spec:
            server:
              selector:
                matchExpressions:
                - key: tier
                  operator: Exists # or is
            client:
              networks:
              - cidr: 10.0.0.0/8 # or ten
              meshTLS:
                identities:
                - web.shop.serviceaccount.identity.linkerd.cluster.local # or "a..b"
                serviceAccounts:
                - name: web # or W
                  namespace: shop # or S
          """,
          """
          apiVersion: policy.linkerd.io/v1alpha1
          kind: HTTPLocalRateLimitPolicy
          metadata:
            name: web
            namespace: shop
          spec:
            targetRef:
              group: policy.linkerd.io
              kind: Server
              name: web
            total:
              requestsPerSecond: 100 # or -1
            identity:
              requestsPerSecond: 10 # or 0
            overrides:
            - requestsPerSecond: 20 # or 0
              clientRefs:
              - kind: ServiceAccount
                name: a
              - kind: ServiceAccount
                name: b
                namespace: shop
          """,
          """
          apiVersion: policy.linkerd.io/v1beta3
          kind: HTTPRoute
          metadata:
            name: web
            namespace: shop
          spec:
            hostnames:
            - web.shop # or a..b
            parentRefs:
            - group: policy.linkerd.io
              kind: Server
              name: web
            - group: core
              kind: Service
              name: web
              port: 80 # or 0
            - group: policy.linkerd.io
              kind: EgressNetwork
              name: outside
              port: 443
            rules:
            - matches:
              - path:
                  type: Exact
                  value: /a
                headers:
                - name: x-a # or "x a"
                  value: a
                - name: x-b # or "x:b"
                  type: RegularExpression
                  value: a+
                queryParams:
                - name: q
                  type: RegularExpression
                  value: a+
                method: GET # or 5
              filters:
              - type: RequestHeaderModifier
                requestHeaderModifier:
                  set:
                  - name: x-c # or te
                    value: a # or "\\xe9"
                  remove:
                  - x-d # or connection
              - type: RequestRedirect
                requestRedirect:
                  hostname: web.example # or "*.a"
                  statusCode: 301 # or 300
                  path:
                    type: ReplaceFullPath
                    replaceFullPath: /b
              timeouts:
                request: 10s # or 10 s
                backendRequest: 5s # or -5s
          """,
          """
          apiVersion: gateway.networking.k8s.io/v1
          kind: HTTPRoute
          metadata:
            name: web
            namespace: shop
            annotations:
              retry.linkerd.io/http: 5xx # or 6xx
              timeout.linkerd.io/request: 5s # or 5
          spec:
            parentRefs:
            - group: ""
              kind: Service
              name: web
              port: 80
            rules:
            - name: first
              matches:
              - path:
                  type: PathPrefix
                  value: /a
              filters:
              - type: RequestRedirect
                requestRedirect:
                  path:
                    type: ReplacePrefixMatch
                    replacePrefixMatch: /b
            - name: second
              backendRefs:
              - name: web
                port: 80
                weight: 1 # or -1
          """,
          """
          apiVersion: gateway.networking.k8s.io/v1
          kind: GRPCRoute
          metadata:
            name: web
            namespace: shop
          spec:
            parentRefs:
            - group: policy.linkerd.io
              kind: Server
              name: web
            rules:
            - matches:
              - method:
                  type: Exact
                  service: a.B
                  method: C
                headers:
                - name: x-a # or "x a"
                  value: a
              backendRefs:
              - name: web
                port: 80 # or 65536
          """,
          """
          apiVersion: workload.linkerd.io/v1alpha1
          kind: ExternalWorkload
          metadata:
            name: vm
            namespace: shop
          spec:
            meshTls:
              identity: spiffe://root/vm # or spiffe://Root/vm
              serverName: vm.shop
            ports:
            - name: http
              port: 80 # or 0
            - name: admin
              port: 81
            workloadIPs:
            - ip: 192.0.2.1 # or here
          """,
          """
          apiVersion: linkerd.io/v1alpha2
          kind: ServiceProfile
          metadata:
            name: web.shop.svc.cluster.local
            namespace: shop
          spec:
            routes:
            - name: a # or ""
              condition:
                method: GET
                pathRegex: /a # or "("
              timeout: 5s # or 5
              responseClasses:
              - condition:
                  status:
                    min: 500
                    max: 599
                isFailure: true
            retryBudget:
              retryRatio: 0.2 # or -1
              minRetriesPerSecond: 10 # or -1
              ttl: 10s # or -1s
            dstOverrides:
            - authority: web.shop.svc.cluster.local
              weight: 1
          """,
          """
          apiVersion: v1
          kind: Service
          metadata:
            name: web
            namespace: shop
            annotations:
              balancer.linkerd.io/failure-accrual-consecutive-min-penalty: 1s
              balancer.linkerd.io/failure-accrual-consecutive-max-penalty: 2s
          spec:
            clusterIP: 10.0.0.1 # or here
            ports:
            - name: http
              port: 80 # or 0
              protocol: TCP
            - name: dns
              port: 80
              protocol: UDP
          """,
          """
          apiVersion: v1
          kind: Pod
          metadata:
            name: web
            namespace: shop
            annotations:
              config.linkerd.io/default-inbound-policy: deny # or none
          spec:
            containers:
            - name: web
              ports:
              - name: http
                containerPort: 80 # or 0
                protocol: TCP # or tcp
            - name: other
          status:
            podIP: 10.0.0.1 # or here
          """,
          """
          apiVersion: discovery.k8s.io/v1
          kind: EndpointSlice
          metadata:
            name: web
            namespace: shop
            labels:
              kubernetes.io/service-name: web
          addressType: IPv4
          endpoints:
          - addresses:
            - 10.0.0.1 # or "::1"
            - 10.0.0.2 # or "::2"
          ports:
          - name: http
            port: 80 # or 0
          """,
          """
          apiVersion: policy.linkerd.io/v1alpha1
          kind: EgressNetwork
          metadata:
            name: outside
            namespace: shop
          spec:
            trafficPolicy: Deny # or deny
            networks:
            - cidr: 0.0.0.0/0 # or 0.0.0.0/a
              except:
              - 10.0.0.0/8 # or 10.0.0.0/a
          """);

  /** Values that a rule judges by others: where one of those is broken, it does not. */
  private static final Map<String, List<String>> DEPENDENT =
      Map.of(
          "name: shop # or other", List.of("kind: Namespace", "namespace: shop"),
          "- 10.2.0.0/16 # or \"::\"", List.of("cidr: 10.0.0.0/8"),
          "retry.linkerd.io/http: 5xx # or 6xx", List.of("group: \"\"", "kind: Service"),
          "timeout.linkerd.io/request: 5s # or 5", List.of("group: \"\"", "kind: Service"),
          "- 10.0.0.1 # or \"::1\"", List.of("addressType: IPv4"),
          "- 10.0.0.2 # or \"::2\"", List.of("addressType: IPv4"));

  private final ManifestReader reader = new ManifestReader(AdmissionRules::check);

  @Example
  void nothingIsWrongWithThem() {
    for (String manifest : MANIFESTS) {
      assertThat(reader.read("m.yaml", manifest).findings()).as(manifest).isEmpty();
    }
  }

  @Example
  void eachFieldAloneHasItsFinding() {
    for (String manifest : MANIFESTS) {
      for (int line : fields(manifest)) {
        check(manifest, Set.of(line), Set.of());
        check(manifest, Set.of(line), Set.of(line));
      }
    }
  }

  @Property(tries = 3000)
  void fieldsThatAreBrokenTogetherHaveAFindingEach(@ForAll("mistakes") Mistakes mistakes) {
    check(mistakes.manifest(), mistakes.lines(), mistakes.byRule());
  }

  record Mistakes(String manifest, Set<Integer> lines, Set<Integer> byRule) {}

  @Provide
  Arbitrary<Mistakes> mistakes() {
    return Arbitraries.of(MANIFESTS)
        .flatMap(
            manifest ->
                Arbitraries.of(fields(manifest))
                    .set()
                    .ofMinSize(1)
                    .ofMaxSize(8)
                    .flatMap(
                        lines ->
                            Arbitraries.subsetOf(lines)
                                .map(byRule -> new Mistakes(manifest, lines, byRule))));
  }

  /** Lines with a value that can be broken, and what is known of the object still. */
  private static List<Integer> fields(String manifest) {
    List<Integer> fields = new ArrayList<>();
    List<String> lines = manifest.lines().toList();
    for (int i = 2; i < lines.size(); i++) {
      if (!lines.get(i).endsWith(":")) {
        fields.add(i);
      }
    }
    return fields;
  }

  private void check(String manifest, Set<Integer> broken, Set<Integer> byRule) {
    StringBuilder text = new StringBuilder();
    Set<String> places = new TreeSet<>();
    List<String> lines = manifest.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      int or = line.indexOf(OR);
      boolean ruled = byRule.contains(i) && or > 0 && isJudged(line, broken, lines);
      if (broken.contains(i)) {
        int colon = line.indexOf(": ");
        int value = colon > 0 ? colon + 2 : line.indexOf("- ") + 2;
        text.append(line, 0, value).append(ruled ? line.substring(or + OR.length()) : "{x: {}}");
        places.add((i + 1) + ":" + (value + 1));
      } else {
        text.append(line);
      }
      text.append('\n');
    }
    Manifests manifests = reader.read("m", text.toString());
    assertThat(manifests.isValid()).isEqualTo(manifests.errors().isEmpty());
    assertThat(manifests.findings())
        .as(text.toString())
        .extracting(finding -> String.valueOf(finding.position()).substring(2))
        .containsExactlyInAnyOrderElementsOf(places);
  }

  private static boolean isJudged(String line, Set<Integer> broken, List<String> lines) {
    for (Map.Entry<String, List<String>> pair : DEPENDENT.entrySet()) {
      if (line.endsWith(pair.getKey())
          && broken.stream()
              .anyMatch(other -> pair.getValue().stream().anyMatch(lines.get(other)::contains))) {
        return false;
      }
    }
    return true;
  }
}
