package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Ways to write a path or host so that the proxy and the application might read it differently.
 * What is below /admin is for others, and so is one host; all else is open. The application tells
 * what it got. Each case comes over HTTP/1 from outside the mesh, and through a proxy as HTTP/2.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class PathTricksIT {
  private static final int REDIRECTED = 18_080;
  private static final int PLAIN = 18_081;
  private static final int UPSTREAM = 9080;

  private Mesh mesh;
  private MeshWorkload web;
  private MeshWorkload frontend;
  private TcpServer application;
  private int markers;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web =
        mesh.workload("web")
            .port("http", 8080)
            .port("plain", 8081)
            .redirect(REDIRECTED, 8080)
            .redirect(PLAIN, 8081);
    frontend = mesh.workload("frontend").upstream(UPSTREAM, "web.shop.svc.cluster.local:80");
    mesh.service("web", web, 80, "http");
    mesh.server("web", web, "http", "HTTP/1");
    mesh.server("plain", web, "plain", "HTTP/1");
    mesh.allowNetworks("plain", "plain", "0.0.0.0/0");
    mesh.manifest(
        "routes",
        route("open", "", "PathPrefix", "/")
            + route("admin", "", "PathPrefix", "/admin")
            + route("inner", "hostnames: [inner.shop.example]", "PathPrefix", "/")
            + authorization("open", "everybody", "NetworkAuthentication")
            + authorization("admin", "admins", "MeshTLSAuthentication")
            + authorization("inner", "admins", "MeshTLSAuthentication")
            + """
              apiVersion: policy.linkerd.io/v1alpha1
              kind: NetworkAuthentication
              metadata: {name: everybody, namespace: shop}
              spec:
                networks: [{cidr: 0.0.0.0/0}]
              ---
              apiVersion: policy.linkerd.io/v1alpha1
              kind: MeshTLSAuthentication
              metadata: {name: admins, namespace: shop}
              spec:
                identityRefs: [{kind: ServiceAccount, name: admin}]
              """);
    mesh.start();
    application = mesh.closeWithMesh(TcpServer.start(web.at(8080), Applications::targets));
    mesh.closeWithMesh(TcpServer.start(web.at(8081), Applications::targets));
    for (InetSocketAddress entry : entries()) {
      Await.until(
          "policy is in force",
          () ->
              HttpConnection.getOnce(entry, "/a").status() == 200
                  && HttpConnection.getOnce(entry, "/admin").status() == 403);
    }
  }

  private static String route(String name, String hostnames, String type, String path) {
    return """
        apiVersion: policy.linkerd.io/v1beta3
        kind: HTTPRoute
        metadata: {name: %s, namespace: shop}
        spec:
          parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
          %s
          rules:
            - matches: [{path: {type: %s, value: %s}}]
        ---
        """
        .formatted(name, hostnames, type, path);
  }

  private static String authorization(String route, String authentication, String kind) {
    return """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: %s, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: HTTPRoute, name: %s}
          requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: %s, name: %s}]
        ---
        """
        .formatted(route, route, kind, authentication);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  private List<InetSocketAddress> entries() {
    return List.of(web.at(REDIRECTED), frontend.at(UPSTREAM));
  }

  /**
   * Records are written after the answer has gone. A test that takes the next record for its own
   * begins once those of all earlier requests are written.
   */
  @BeforeEach
  void awaitEarlierRecords() throws Exception {
    JournalTail journal = mesh.journal(web);
    String path = "/marker-" + ++markers;
    HttpConnection.getOnce(web.at(REDIRECTED), path);
    var unused = journal.await(r -> path.equals(r.path()), Duration.ofSeconds(10)).orElseThrow();
  }

  /** Target and host, what the client gets, what the application got. */
  static Stream<Arguments> tricks() {
    return Stream.of(
        denied("//", "//admin", "/admin"),
        passes("//", "//a///b", "/a/b"),
        denied("/./", "/./admin/./x", "/admin/x"),
        passes("/./", "/a/./b/.", "/a/b/"),
        denied("/../", "/a/../admin", "/admin"),
        passes("/../", "/admin/../a", "/a"),
        unsafe("/../ above the root", "/../admin"),
        denied("%2e%2e", "/a/%2e%2e/admin", "/admin"),
        denied("%2E and a dot", "/a/.%2E/%61dmin", "/admin"),
        passes("%2e%2e", "/admin/%2e%2e/a?x=%2e%2e//", "/a?x=%2e%2e//"),
        unsafe("%2f", "/a%2f..%2fadmin"),
        unsafe("%2F", "/%2Fadmin"),
        unsafe(";param that hides a route", "/admin;v=1"),
        unsafe(";param on dots", "/a/..;v=1/admin"),
        passes(";param that changes nothing", "/a;v=1/b;w", "/a;v=1/b;w"),
        unsafe("backslash", "/a\\..\\admin"),
        unsafe("%5c", "/a%5c..%5cadmin"),
        unsafe("%00", "/admin%00.html"),
        unsafe("NUL", "/admin\u0000.html"),
        unsafe("overlong slash", "/a%c0%af..%c0%afadmin"),
        unsafe("overlong dots", "/a/%c0%ae%c0%ae/admin"),
        denied("absolute-form", "http://web.shop/a/../admin", "/admin"),
        passes("absolute-form", "http://web.shop//a/./b", "http://web.shop/a/b"),
        unsafe("absolute-form", "http://web.shop/a%2fb"),
        Arguments.of(
            "absolute-form to another host",
            "http://inner.shop.example/a",
            "web.shop",
            403,
            null,
            "/a"),
        host("mixed case, port and trailing dot", "Inner.SHOP.Example.:8080", 403),
        host("mixed case", "INNER.shop.example", 403),
        host("trailing dot", "inner.shop.example.", 403),
        host("another host of that kind", "Outer.SHOP.Example.:8080", 200));
  }

  /** RFC 9112 3.2: no request target has a fragment. */
  @Test
  void aTargetWithAFragmentIsMalformed() throws Exception {
    JournalTail journal = mesh.journal(web);
    int before = application.accepted();
    for (InetSocketAddress entry : entries()) {
      try (HttpConnection client = HttpConnection.open(entry)) {
        client.send("GET /a#/../admin HTTP/1.1\r\nHost: web.shop\r\n\r\n");
        assertThat(client.answer().status()).isEqualTo(400);
      }
    }
    DecisionRecord record = journal.await(r -> true, Duration.ofSeconds(10)).orElseThrow();
    assertThat(record.allowed()).isFalse();
    assertThat(application.accepted()).isEqualTo(before);
  }

  private static Arguments passes(String trick, String target, String received) {
    String path = received.replaceFirst("^http://web\\.shop", "").replaceFirst("\\?.*", "");
    return Arguments.of(trick, target, "web.shop", 200, received + " web.shop", path);
  }

  private static Arguments denied(String trick, String target, String recorded) {
    return Arguments.of(trick, target, "web.shop", 403, null, recorded);
  }

  private static Arguments unsafe(String trick, String target) {
    String path =
        target.startsWith("http://") ? target.substring("http://web.shop".length()) : target;
    return Arguments.of(trick, target, "web.shop", 400, null, path);
  }

  private static Arguments host(String trick, String host, int status) {
    return Arguments.of(trick, "/a", host, status, status == 200 ? "/a " + host : null, "/a");
  }

  @ParameterizedTest(name = "{0}: {1} at {2} gets {3}")
  @MethodSource("tricks")
  void isNormalizedOrRefused(
      String trick,
      String target,
      String host,
      int status,
      @Nullable String received,
      String recorded)
      throws Exception {
    for (InetSocketAddress entry : entries()) {
      JournalTail journal = mesh.journal(web);
      int before = application.accepted();
      try (HttpConnection client = HttpConnection.open(entry)) {
        client.send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        Mesh.Answer answer = client.answer();
        assertThat(answer.status()).as("%s at %s", trick, entry).isEqualTo(status);
        if (received != null) {
          assertThat(answer.body()).isEqualTo(received);
        } else {
          assertThat(answer.body()).isEmpty();
        }
      }
      if (status != 200) {
        assertThat(application.accepted()).isEqualTo(before);
      }
      boolean refusedBefore = entry.getPort() == UPSTREAM && target.indexOf(0) >= 0;
      if (!refusedBefore) {
        DecisionRecord record = journal.await(r -> true, Duration.ofSeconds(10)).orElseThrow();
        assertThat(record.allowed()).isEqualTo(status == 200);
        assertThat(record.path()).isEqualTo(recorded.replaceAll("(?<=;)\\w+(=1)?", ""));
        assertThat(record.reason())
            .isEqualTo(
                switch (status) {
                  case 200 -> "authorized";
                  case 400 -> "unsafe-path";
                  default -> entry.getPort() == UPSTREAM ? "identity-mismatch" : "tls-required";
                });
      }
    }
  }

  /** As with Linkerd: whoever writes no policy about paths gets them as they are. */
  @Test
  void whereNoRouteMatchesPathsTheyGoUnchanged() throws Exception {
    for (String path : List.of("/projects/a%2Fb", "//a/../b", "/a\\b", "/a;v=1/..;w", "/%c0%af")) {
      assertThat(HttpConnection.getOnce(web.at(PLAIN), path).body()).isEqualTo(path + " web.shop");
    }
    assertThat(HttpConnection.getOnce(web.at(PLAIN), "/a\u0000b").status()).isEqualTo(400);
  }
}
