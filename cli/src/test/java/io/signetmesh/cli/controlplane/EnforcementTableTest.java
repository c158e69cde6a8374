package io.signetmesh.cli.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Timestamp;
import io.signetmesh.v1.BundleStatus;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.KeySetStatus;
import io.signetmesh.v1.ObjectReach;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortStatus;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What {@code signet policy status} prints. */
final class EnforcementTableTest {
  private static final EnforcementStatus STATUS =
      EnforcementStatus.newBuilder()
          .setCurrentGeneration(18)
          .setInvalidManifests(1)
          .addPorts(port("web-1", 18).setInForce(true))
          .addPorts(port("web-2", 17).setAcknowledges(true))
          .addObjects(object("policy.linkerd.io", "Server", "web", 2, "shop/web-2"))
          .addObjects(
              object(
                  "gateway.networking.k8s.io",
                  "HTTPRoute",
                  "orders",
                  70,
                  IntStream.range(0, 50).mapToObj(i -> "shop/w" + i).toArray(String[]::new)))
          .addFindings("shop.yaml:3:1: error: Server shop/web: spec.port: expected a number")
          .build();

  private static PortStatus.Builder port(String name, long acknowledged) {
    return PortStatus.newBuilder()
        .setNamespace("shop")
        .setName(name)
        .setKind("pod")
        .setPort(8080)
        .setServer("policy.linkerd.io/server/web")
        .setGeneration(18)
        .setConnected(true)
        .setAcknowledgedGeneration(acknowledged);
  }

  private static ObjectStatus.Builder object(
      String group, String kind, String name, int proxies, String... behind) {
    return ObjectStatus.newBuilder()
        .setObject(
            PolicyObject.newBuilder()
                .setGroup(group)
                .setKind(kind)
                .setNamespace("shop")
                .setName(name))
        .setMode("enforce")
        .setGeneration(18)
        .setProxies(proxies)
        .setProxiesInForce(proxies - behind.length)
        .addAllBehind(List.of(behind));
  }

  private static List<String> print(boolean allPorts) {
    return print(STATUS, allPorts);
  }

  private static List<String> print(EnforcementStatus status, boolean allPorts) {
    StringWriter text = new StringWriter();
    PrintWriter out = new PrintWriter(text);
    EnforcementTable.print(status, allPorts, out);
    out.flush();
    return text.toString().lines().toList();
  }

  @Test
  void eachObjectHasItsNumberOfProxiesAndThoseBehind() {
    assertThat(print(false))
        .containsExactly(
            "generation 18, in force on 1 of 2 ports of connected proxies",
            "errors in manifests: 1; what they are about stays as it was last valid",
            "",
            "POLICY OBJECT                                    MODE     IN FORCE  NEWEST  BEHIND",
            "Server shop/web                                  enforce  1 of 2    18      shop/web-2",
            "HTTPRoute.gateway.networking.k8s.io shop/orders  enforce  20 of 70  18      shop/w0,"
                + " shop/w1, shop/w2, shop/w3, shop/w4 and 45 more",
            "",
            "WORKLOAD    PORT  SERVER                        NEWEST  ENFORCED  STATE",
            "shop/web-2  8080  policy.linkerd.io/server/web  18      17        behind",
            "",
            "shop.yaml:3:1: error: Server shop/web: spec.port: expected a number");
  }

  @Test
  void bundlesAreShownWithTheirStateAndLastError() {
    EnforcementStatus status =
        EnforcementStatus.newBuilder()
            .setCurrentGeneration(18)
            .addBundles(
                BundleStatus.newBuilder()
                    .setAuthentication("shop/rules")
                    .setLocation("file b.tar.gz")
                    .setState("stale")
                    .setSize(12_345)
                    .setFetchedAt(Timestamp.newBuilder().setSeconds(1_700_000_000))
                    .setExpiresAt(Timestamp.newBuilder().setSeconds(1_700_086_400))
                    .setFailingSince(Timestamp.newBuilder().setSeconds(1_700_000_300))
                    .setError("there is no file"))
            .build();
    assertThat(print(status, false))
        .containsExactly(
            "generation 18, in force on 0 of 0 ports of connected proxies",
            "",
            "BUNDLE OF   STATE  BYTES  FETCHED               USED UNTIL            FROM         "
                + "  ERROR",
            "shop/rules  stale  12345  2023-11-14T22:13:20Z  2023-11-15T22:13:20Z  file b.tar.gz"
                + "  there is no file");
    var json = EnforcementTable.json(status);
    assertThat(json.at("/bundles/0/state").textValue()).isEqualTo("stale");
    assertThat(json.at("/bundles/0/bytes").intValue()).isEqualTo(12_345);
    assertThat(json.at("/bundles/0/failingSince").textValue()).isEqualTo("2023-11-14T22:18:20Z");
  }

  @Test
  void keySetsAreShownWithTheirStateAndLastError() {
    EnforcementStatus status =
        EnforcementStatus.newBuilder()
            .setCurrentGeneration(18)
            .addKeySets(
                KeySetStatus.newBuilder()
                    .setAuthentication("shop/staff")
                    .setLocation("https://id.example/keys")
                    .setState("stale")
                    .setKeys(2)
                    .addBadKeys("key 3: too short")
                    .setFetchedAt(Timestamp.newBuilder().setSeconds(1_700_000_000))
                    .setExpiresAt(Timestamp.newBuilder().setSeconds(1_700_086_400))
                    .setFailingSince(Timestamp.newBuilder().setSeconds(1_700_000_300))
                    .setError("https://id.example/keys: its server answers 503: expected 200"))
            .build();
    assertThat(print(status, false))
        .containsExactly(
            "generation 18, in force on 0 of 0 ports of connected proxies",
            "",
            "KEY SET OF  STATE  KEYS       FETCHED               USED UNTIL            FROM"
                + "                     ERROR",
            "shop/staff  stale  2 (1 bad)  2023-11-14T22:13:20Z  2023-11-15T22:13:20Z "
                + " https://id.example/keys  https://id.example/keys: its server answers 503:"
                + " expected 200");
    var json = EnforcementTable.json(status);
    assertThat(json.at("/keySets/0/state").textValue()).isEqualTo("stale");
    assertThat(json.at("/keySets/0/badKeys/0").textValue()).isEqualTo("key 3: too short");
    assertThat(json.at("/keySets/0/failingSince").textValue()).isEqualTo("2023-11-14T22:18:20Z");
  }

  @Test
  void portsOnWhichAllIsWellAreShownWhenAskedFor() {
    assertThat(print(true))
        .anyMatch(line -> line.startsWith("shop/web-1") && line.endsWith("in force"));
    assertThat(print(false)).noneMatch(line -> line.startsWith("shop/web-1"));
  }

  @Test
  void jsonHasObjectsWithAllNamesBehind() {
    var json = EnforcementTable.json(STATUS);
    assertThat(json.path("invalidManifests").intValue()).isEqualTo(1);
    assertThat(json.at("/objects/0/proxiesInForce").intValue()).isEqualTo(1);
    assertThat(json.at("/objects/0/behind/0").textValue()).isEqualTo("shop/web-2");
    assertThat(json.at("/objects/1/behind")).hasSize(50);
    assertThat(json.at("/ports")).hasSize(2);
  }

  private static final EnforcementStatus NOWHERE =
      EnforcementStatus.newBuilder()
          .setCurrentGeneration(18)
          .addPorts(port("web-1", 18).setInForce(true))
          .addObjects(
              object("policy.linkerd.io", "Server", "admin", 0)
                  .setGeneration(0)
                  .setReach(ObjectReach.OBJECT_REACH_NO_PROXY)
                  .setReason("no connected proxy watches a port that it affects"))
          .addObjects(
              object("policy.linkerd.io", "Server", "web", 1)
                  .setReach(ObjectReach.OBJECT_REACH_PROXIES))
          .addObjects(
              object("policy.linkerd.io", "AuthorizationPolicy", "typo", 0)
                  .setGeneration(0)
                  .setReach(ObjectReach.OBJECT_REACH_NO_PORT)
                  .setReason("it names the Server wbe; it grants nothing")
                  .setRule("dangling-reference"))
          .build();

  @Test
  void anObjectThatIsInForceNowhereIsShownWithTheReason() {
    assertThat(print(NOWHERE, false))
        .containsExactly(
            "generation 18, in force on 1 of 1 ports of connected proxies",
            "policy objects: 3, of them in force nowhere: 2; REASON says why",
            "",
            "POLICY OBJECT                  MODE     IN FORCE  NEWEST  BEHIND  REASON",
            "Server shop/admin              enforce  no proxy  -               no connected proxy"
                + " watches a port that it affects",
            "Server shop/web                enforce  1 of 1    18",
            "AuthorizationPolicy shop/typo  enforce  no port   -               it names the Server"
                + " wbe; it grants nothing (dangling-reference)");
  }

  @Test
  void anObjectThatIsInForceNowhereIsNotWaitedFor() {
    assertThat(EnforcementTable.inForce(NOWHERE)).isTrue();
  }

  @Test
  void jsonSaysWhichObjectsAreInForceNowhereAndWhy() {
    var json = EnforcementTable.json(NOWHERE);
    assertThat(json.at("/objects/0/state").textValue()).isEqualTo("no proxy");
    assertThat(json.at("/objects/0/rule").isMissingNode()).isTrue();
    assertThat(json.at("/objects/1/state").textValue()).isEqualTo("in force");
    assertThat(json.at("/objects/1/reason").isMissingNode()).isTrue();
    assertThat(json.at("/objects/2/state").textValue()).isEqualTo("no port");
    assertThat(json.at("/objects/2/rule").textValue()).isEqualTo("dangling-reference");
    assertThat(json.at("/objects/2/reason").textValue()).contains("wbe");
    assertThat(EnforcementTable.json(STATUS).at("/objects/0/state").textValue())
        .isEqualTo("behind");
  }
}
