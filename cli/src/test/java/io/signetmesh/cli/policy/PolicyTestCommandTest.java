package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

final class PolicyTestCommandTest {
  private static final String FRONTEND =
      "frontend.shop.serviceaccount.identity.linkerd.cluster.local";

  private final StringBuilder out = new StringBuilder();
  private final StringBuilder err = new StringBuilder();

  @TempDir private Path directory;

  @BeforeEach
  void manifests() throws IOException {
    Files.writeString(directory.resolve("shop.yaml"), ShopManifests.YAML);
  }

  private int test(String cases, String... more) throws IOException {
    Path file = Files.writeString(directory.resolve("cases.txt"), cases);
    String[] arguments = {
      "policy", "test", "-f", directory.resolve("shop.yaml").toString(), "-t", file.toString()
    };
    String[] all = java.util.Arrays.copyOf(arguments, arguments.length + more.length);
    System.arraycopy(more, 0, all, arguments.length, more.length);
    return run(all);
  }

  private int run(String... arguments) {
    CommandRun run = CommandRun.of(arguments);
    out.append(run.out());
    err.append(run.err());
    return run.code();
  }

  @Test
  void passesWhenEveryCaseComesOutAsExpected() throws Exception {
    String cases =
        """
        - name: the frontend reads the catalogue
          workload: shop/web
          port: 8080
          client: {identity: %s}
          request: {protocol: http/1, method: GET, path: /catalog}
          expect: {verdict: allow, status: 200, authorization: authorizationpolicy/web-clients,
                   reason: authorized, mode: enforce, trial: none}
        - name: strangers do not
          workload: shop/web
          port: 8080
          client: {ip: 10.9.9.9}
          expect: {verdict: deny, status: 403, reason: tls-required,
                   authorization: policy.linkerd.io/authorizationpolicy/web-clients}
        """
            .formatted(FRONTEND);
    assertThat(test(cases, "--all")).as(out + "\n" + err).isEqualTo(ExitCode.OK);
    assertThat(out.toString())
        .contains("ok    the frontend reads the catalogue", "2 cases, all as expected");
  }

  @Test
  void showsEachDifferenceWithPlaceCallAndCause() throws Exception {
    String cases =
        """
        - name: strangers read
          workload: shop/web
          port: 8080
          client: {ip: 10.9.9.9}
          request: {method: GET, path: /catalog?q=1}
          expect: {verdict: allow, status: 200, reason: authorized}
        """;
    assertThat(test(cases)).as(err.toString()).isEqualTo(ExitCode.NEGATIVE);
    assertThat(out.toString())
        .contains(
            "FAIL  strangers read",
            "cases.txt:1:3",
            "shop/web port 8080, http/1 GET /catalog?q=1 of host web,"
                + " a client from 10.9.9.9 without mesh TLS",
            "- verdict: allow",
            "+ verdict: deny",
            "- status:  200",
            "+ status:  403",
            "+ reason:  tls-required",
            "nearest is AuthorizationPolicy web-clients",
            "1 case, 1 not as expected");
  }

  @Test
  void refusesUnknownFieldsWithTheirPlaceAndRunsNothing() throws Exception {
    String cases =
        """
        - name: one
          workload: shop/web
          port: 8080
          client: {identiy: x}
          expect: {verdict: allowed}
        - name: one
          workload: shop/web
          port: 0
          expect: {}
        """;
    assertThat(test(cases)).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("cases.txt:4:12", "\"identiy\"", "did you mean \"identity\"?")
        .contains("cases.txt:5:", "\"allowed\"")
        .contains("cases.txt:8:9");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void refusesAnIdentityThatNoClientHasAtItsPlace() throws Exception {
    String cases =
        """
        - name: a typo in a test of a refusal
          workload: shop/web
          port: 8080
          client:
            identity: shop/front/end
          expect: {verdict: deny}
        - {name: any, workload: shop/web, port: 8080, client: {identity: "*"}, expect: {status: 403}}
        - name: none
          workload: shop/web
          port: 8080
          client: {identity: ""}
          before:
            - client: {identity: A.B}
          expect: {verdict: deny}
        """;
    assertThat(test(cases)).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("cases.txt:5:15", "client.identity", "\"shop/front/end\"")
        .contains("cases.txt:7:66", "\"*\" is no identity of one client")
        .contains("cases.txt:11:22", "an empty text is no identity")
        .contains("cases.txt:13:26", "before[0].client.identity", "\"A.B\"")
        .contains("expected a lower-case DNS name, a SPIFFE ID or NAMESPACE/SERVICEACCOUNT");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void refusesTwoCasesOfOneName() throws Exception {
    String one =
        """
        - {name: one, workload: shop/web, port: 8080, expect: {verdict: deny}}
        """;
    assertThat(test(one + one)).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains("cases.txt:2:3", "\"one\" is given twice");
  }

  @Test
  void aCaseWithoutItsWorkloadFailsAndTheOthersRun() throws Exception {
    String cases =
        """
        - {name: typo, workload: shop/wep, port: 8080, expect: {verdict: deny}}
        - {name: fine, workload: shop/web, port: 8080, expect: {verdict: deny}}
        """;
    assertThat(test(cases)).as(err.toString()).isEqualTo(ExitCode.NEGATIVE);
    assertThat(out.toString())
        .contains("there is no workload 'shop/wep' (did you mean \"shop/web\"?)")
        .contains("2 cases, 1 not as expected");
  }

  @Test
  void refusesManifestsWithErrors() throws Exception {
    Files.writeString(
        directory.resolve("shop.yaml"), ShopManifests.YAML.replace("port: http", "prt: http"));
    assertThat(test("- {name: one, workload: shop/web, port: 8080, expect: {verdict: deny}}"))
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString()).contains("\"prt\"", "did you mean \"port\"?");
  }

  @Test
  void writesJUnitXmlForBuildServers() throws Exception {
    Path report = directory.resolve("reports/policy.xml");
    String cases =
        """
        - {name: "a < b & \\"c\\"", workload: shop/web, port: 8080, expect: {verdict: allow}}
        - {name: fine, workload: shop/web, port: 8080, expect: {verdict: deny}}
        - {name: typo, workload: shop/wep, port: 8080, expect: {verdict: deny}}
        """;
    assertThat(test(cases, "--junit", report.toString())).isEqualTo(ExitCode.NEGATIVE);
    Document xml = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile());
    Element suite = (Element) xml.getElementsByTagName("testsuite").item(0);
    assertThat(suite.getAttribute("tests")).isEqualTo("3");
    assertThat(suite.getAttribute("failures")).isEqualTo("1");
    assertThat(suite.getAttribute("errors")).isEqualTo("1");
    Element first = (Element) suite.getElementsByTagName("testcase").item(0);
    assertThat(first.getAttribute("name")).isEqualTo("a < b & \"c\"");
    Element failure = (Element) first.getElementsByTagName("failure").item(0);
    assertThat(failure.getAttribute("message")).isEqualTo("verdict: expected allow, found deny");
    assertThat(failure.getTextContent()).contains("+ verdict: deny");
    assertThat(suite.getElementsByTagName("error").getLength()).isEqualTo(1);
  }

  @Test
  void printsJsonForPrograms() throws Exception {
    String cases =
        """
        - {name: one, workload: shop/web, port: 8080, expect: {verdict: allow}}
        """;
    assertThat(test(cases, "-o", "json")).isEqualTo(ExitCode.NEGATIVE);
    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.get("failed").asInt()).isEqualTo(1);
    JsonNode result = json.get("results").get(0);
    assertThat(result.get("differences").get(0).get("found").asText()).isEqualTo("deny");
    assertThat(result.get("answer").get("reason").asText()).isEqualTo("tls-required");
    assertThat(result.get("answer").get("client").get("ip").asText()).isEqualTo("192.0.2.1");
  }

  /** One request a second, for whoever may call the web server; and a page that has moved. */
  private void limitAndRedirect() throws IOException {
    Files.writeString(
        directory.resolve("shop.yaml"),
        ShopManifests.YAML
            + """
            ---
            apiVersion: policy.linkerd.io/v1alpha1
            kind: HTTPLocalRateLimitPolicy
            metadata: {name: web, namespace: shop}
            spec:
              targetRef: {group: policy.linkerd.io, kind: Server, name: web}
              total: {requestsPerSecond: 1}
            ---
            apiVersion: policy.linkerd.io/v1beta3
            kind: HTTPRoute
            metadata: {name: web, namespace: shop}
            spec:
              parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
              rules:
                - {matches: [{path: {type: PathPrefix, value: /}}]}
                - matches: [{path: {type: PathPrefix, value: /old}}]
                  filters:
                    - type: RequestRedirect
                      requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}
            """);
  }

  @Test
  void callsBeforeLeaveBehindWhatTheyTookAndCasesNothing() throws Exception {
    limitAndRedirect();
    String cases =
        """
        - name: first
          workload: shop/web
          port: 8080
          client: {identity: shop/frontend}
          expect: {status: 200}
        - name: in another case the limit is full again
          workload: shop/web
          port: 8080
          client: {identity: shop/frontend}
          expect: {status: 200}
        - name: who is refused takes nothing
          workload: shop/web
          port: 8080
          before:
            - {client: {}, repeat: 3, expect: {status: 403, reason: tls-required}}
            - {request: {path: /old}, expect: {status: 302, location: "http://web/new"}}
          client: {identity: shop/frontend}
          expect: {status: 200, location: none}
        - name: who is let in takes it
          workload: shop/web
          port: 8080
          before: [{}]
          client: {identity: shop/frontend}
          expect: {status: 429}
        """;
    assertThat(test(cases)).as(out + "\n" + err).isEqualTo(ExitCode.OK);
  }

  @Test
  void aDifferenceInACallBeforeNamesTheCall() throws Exception {
    limitAndRedirect();
    Path report = directory.resolve("policy.xml");
    String cases =
        """
        - name: two at once
          workload: shop/web
          port: 8080
          before:
            - {expect: {status: 200}}
            - {expect: {status: 200}}
          client: {identity: shop/frontend}
          request: {path: /old/a}
          expect: {location: http://web/a}
        """;
    assertThat(test(cases, "--junit", report.toString())).isEqualTo(ExitCode.NEGATIVE);
    assertThat(out.toString())
        .contains(
            "before[0]: http/1 GET /old/a of host web",
            "- before[0].status: 200",
            "+ before[0].status: 302",
            "- before[1].status: 200",
            "- location:         http://web/a",
            "+ location:         http://web/new/a");
    Document xml = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile());
    assertThat(((Element) xml.getElementsByTagName("failure").item(0)).getAttribute("message"))
        .startsWith("before[0].status: expected 200, found 302; before[1].status:");

    out.setLength(0);
    assertThat(test(cases, "-o", "json")).isEqualTo(ExitCode.NEGATIVE);
    JsonNode result = new ObjectMapper().readTree(out.toString()).get("results").get(0);
    assertThat(result.get("differences").get(1).get("field").asText())
        .isEqualTo("before[1].status");
    assertThat(result.get("before")).hasSize(2);
    assertThat(result.get("before").get(0).get("location").asText()).isEqualTo("http://web/new/a");
  }

  @Test
  void refusesCallsBeforeThatCannotBeReadWithTheirPlace() throws Exception {
    String cases =
        """
        - name: one
          workload: shop/web
          port: 8080
          before:
            - {client: {}, port: 80}
            - {repeat: 0}
          expect: {verdict: deny}
        - {name: two, workload: shop/web, port: 8080, before: [], expect: {verdict: deny}}
        """;
    assertThat(test(cases)).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("cases.txt:5:20", "\"port\"")
        .contains("cases.txt:6:16")
        .contains("cases.txt:8:55", "expected 1 to 100 elements, found 0");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void wantsManifests() {
    assertThat(run("policy", "test", "-t", "cases.yaml")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("expected -f PATH");
  }
}
