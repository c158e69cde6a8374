package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

final class PolicyMatrixCommandTest {
  private static final String OFFICE =
      """
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: NetworkAuthentication
      metadata: {name: office, namespace: shop}
      spec:
        networks: [{cidr: 10.0.0.0/30, except: [10.0.0.1]}]
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: AuthorizationPolicy
      metadata: {name: from-office, namespace: shop}
      spec:
        targetRef: {group: policy.linkerd.io, kind: Server, name: web}
        requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: NetworkAuthentication, name: office}
      """;
  private static final String QUARANTINE =
      """
      ---
      apiVersion: policy.signetmesh.io/v1alpha1
      kind: DenyPolicy
      metadata: {name: quarantine, namespace: shop}
      spec:
        targetRef: {group: policy.linkerd.io, kind: Server, name: metrics}
        requiredAuthenticationRefs: [{kind: ServiceAccount, name: frontend}]
      """;

  @TempDir private Path directory;

  private CommandRun matrix(String yaml, String... more) throws IOException {
    Path file = Files.writeString(directory.resolve("shop.yaml"), yaml);
    String[] first = {"policy", "matrix", "-f", file.toString()};
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return CommandRun.of(all).ended(ExitCode.OK);
  }

  private static Document document(String xml) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(xml)));
  }

  @Test
  void hasARowForEachServerAndAColumnForEachKindOfClient() throws Exception {
    assertThat(matrix(ShopManifests.YAML + OFFICE + QUARANTINE).out())
        .startsWith(
            """
            SERVER        ROUTE  shop/frontend  shop/web  any meshed client  no identity
            shop/metrics  *      denied         yes       yes                yes
            shop/web      *      yes            net       net                net
            """);
  }

  @Test
  void namesPoliciesAndExactNetworksInTheWideForm() throws Exception {
    assertThat(matrix(ShopManifests.YAML + OFFICE + QUARANTINE, "-o", "wide").out())
        .isEqualTo(
            """
            SERVER        ROUTE  SOURCE             ACCESS  POLICY                    FROM NETWORKS
            shop/metrics  *      shop/frontend      denied  quarantine
            shop/metrics  *      shop/web           yes     all-unauthenticated
            shop/metrics  *      any meshed client  yes     all-unauthenticated
            shop/metrics  *      no identity        yes     all-unauthenticated
            shop/web      *      shop/frontend      yes     web-clients, from-office
            shop/web      *      shop/web           net     from-office               10.0.0.0/32, 10.0.0.2/31
            shop/web      *      any meshed client  net     from-office               10.0.0.0/32, 10.0.0.2/31
            shop/web      *      no identity        net     from-office               10.0.0.0/32, 10.0.0.2/31
            """);
  }

  @Test
  void showsGrantsToNamespacesWhoseWorkloadsAreNotInTheManifests() throws Exception {
    String batch =
        """
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: batch, namespace: shop}
        spec:
          identityRefs: [{kind: Namespace, name: batch}]
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: from-batch, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: web}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: batch}
        """;

    assertThat(matrix(ShopManifests.YAML + batch, "-o", "wide").out())
        .containsPattern("shop/web +\\* +any of batch +yes +from-batch\n")
        .doesNotContainPattern("shop/web +\\* +any meshed client");
  }

  @Test
  void leavesOutOtherNamespaces() throws Exception {
    String elsewhere = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: elsewhere}\n";
    assertThat(matrix(ShopManifests.YAML + elsewhere, "-n", "elsewhere").out())
        .startsWith("SERVER  ROUTE")
        .doesNotContain("shop/metrics");
  }

  @Test
  void doesNotKnowNamespacesThatAreNotThere() throws Exception {
    String file = Files.writeString(directory.resolve("shop.yaml"), ShopManifests.YAML).toString();
    assertThat(
            CommandRun.of("policy", "matrix", "-f", file, "-n", "shpo")
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("there is no namespace 'shpo' in the manifests (did you mean 'shop'?)");
    assertThat(
            CommandRun.of("policy", "matrix", "-f", file, "-n", "elsewhere")
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("there is no namespace 'elsewhere' in the manifests: they are of shop");
  }

  @Test
  void saysOnStandardErrorWhatIsPassedOver() throws Exception {
    CommandRun run =
        matrix(ShopManifests.YAML + "---\napiVersion: v1\nkind: ConfigMap\n", "-o", "json");
    assertThat(run.json().get("targets")).hasSize(2);
    assertThat(run.err()).contains("note: ConfigMap: 1 object is passed over");
  }

  @Test
  void showsPortsWithoutServerWithTheirDefaultPolicy() throws Exception {
    String yaml = ShopManifests.YAML.replace("port: metrics", "port: 9999");
    assertThat(matrix(yaml, "-o", "wide", "--default-policy", "all-authenticated").out())
        .contains("shop/web:9000 (all-authenticated)  *")
        .contains("shop/web:9000 (all-authenticated)  *      any meshed client");
  }

  @Test
  void givesProgramsEveryCell() throws Exception {
    JsonNode json = matrix(ShopManifests.YAML + OFFICE, "-o", "json").json();
    assertThat(json.get("sources")).hasSize(4);
    JsonNode web = json.get("targets").get(1);
    assertThat(web.get("server").asText()).isEqualTo("policy.linkerd.io/server/web");
    JsonNode anonymous = web.get("access").get(3);
    assertThat(anonymous.get("source").asText()).isEqualTo("no identity");
    assertThat(anonymous.get("access").asText()).isEqualTo("networks");
    assertThat(anonymous.get("policies").get(0).asText())
        .isEqualTo("policy.linkerd.io/authorizationpolicy/from-office");
    assertThat(anonymous.get("networks")).hasSize(2);
  }

  @Test
  void drawsForGraphvizWhatWiderLinesDoNotSay() throws Exception {
    String dot = matrix(ShopManifests.YAML + QUARANTINE, "-o", "dot").out();
    assertThat(dot)
        .startsWith("digraph access {")
        .contains("s0 [label=\"shop/frontend\"];")
        .contains("s0 -> t0 [label=\"not allowed quarantine\", color=red, arrowhead=tee];")
        .contains("s0 -> t1 [label=\"web-clients\"];")
        .contains("s3 -> t0 [label=\"all-unauthenticated\"];")
        .doesNotContain("s1 ->")
        .endsWith("}\n");
  }

  @Test
  void drawsAPictureThatStandsByItself() throws Exception {
    String svg = matrix(ShopManifests.YAML + OFFICE + QUARANTINE, "-o", "svg").out();
    Document picture = document(svg);
    NodeList lines = picture.getElementsByTagName("path");
    assertThat(lines.getLength()).isEqualTo(4);
    assertThat(svg)
        .contains("<title>shop/frontend to shop/metrics: not allowed quarantine</title>")
        .contains("<title>anybody to shop/web: from-office from 10.0.0.0/32, 10.0.0.2/31</title>")
        .contains("prefers-color-scheme: dark")
        .doesNotContain("href", "<script", "url(", "@import");
  }

  @Test
  void saysInWordsWhatThePictureShows() throws Exception {
    String svg = matrix(ShopManifests.YAML + OFFICE + QUARANTINE, "-o", "svg").out();
    Document picture = document(svg);
    assertThat(picture.getDocumentElement().getAttribute("aria-labelledby"))
        .isEqualTo("access-title access-desc");
    assertThat(picture.getElementsByTagName("title").item(0).getTextContent())
        .isEqualTo("Who may reach what");
    assertThat(picture.getElementsByTagName("desc").item(0).getTextContent())
        .contains("shop/frontend to shop/metrics: not allowed quarantine; ")
        .endsWith("anybody to shop/web: from-office from 10.0.0.0/32, 10.0.0.2/31.");
  }

  @Test
  void drawsTheSamePictureEachTime() throws Exception {
    String yaml = ShopManifests.YAML + OFFICE + QUARANTINE;
    assertThat(matrix(yaml, "-o", "svg").out()).isEqualTo(matrix(yaml, "-o", "svg").out());
  }

  @Test
  void wantsManifests() {
    assertThat(CommandRun.of("policy", "matrix").ended(ExitCode.USAGE).err())
        .contains("expected -f PATH");
  }
}
