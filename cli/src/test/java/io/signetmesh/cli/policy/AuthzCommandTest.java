package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AuthzCommandTest {
  @TempDir private Path directory;

  private CommandRun authz(String... more) throws IOException {
    Path file = Files.writeString(directory.resolve("shop.yaml"), ShopManifests.YAML);
    List<String> all = new ArrayList<>(List.of("authz", "-n", "shop", "-f", file.toString()));
    all.addAll(Arrays.asList(more));
    return CommandRun.of(all.toArray(String[]::new));
  }

  @Test
  void listsTheAuthorizationsOfEachServerAndRoute() throws Exception {
    assertThat(authz().ended(ExitCode.OK).out())
        .isEqualTo(
            """
            ROUTE    SERVER   AUTHORIZATION                    UNAUTHORIZED  SUCCESS  RPS  LATENCY_P50  LATENCY_P95  LATENCY_P99
            *        metrics  default/all-unauthenticated      -             -        -    -            -            -
            default  web      authorizationpolicy/web-clients  -             -        -    -            -            -
            """);
  }

  @Test
  void restrictsToAWorkload() throws Exception {
    assertThat(authz("deploy/store").ended(ExitCode.OK).out()).contains("web-clients");
    assertThat(authz("frontend").ended(ExitCode.OK).out())
        .contains("No port of shop/frontend is declared.");
    assertThat(authz("webb").ended(ExitCode.CONFIGURATION).err())
        .contains("there is no workload 'shop/webb' (did you mean \"shop/web\"?)");
  }

  @Test
  void doesNotKnowNamespacesThatAreNotThere() throws Exception {
    Path file = Files.writeString(directory.resolve("shop.yaml"), ShopManifests.YAML);
    assertThat(
            CommandRun.of("authz", "-n", "shpo", "-f", file.toString())
                .ended(ExitCode.CONFIGURATION)
                .err())
        .contains("there is no namespace 'shpo' in the manifests (did you mean 'shop'?)");
  }

  @Test
  void addsWhatProxiesCountMeanwhile() throws Exception {
    String labels =
        "srv_kind=\"server\",srv_name=\"web\",route_kind=\"default\",route_name=\"default\"";
    String grant = labels + ",authz_kind=\"authorizationpolicy\",authz_name=\"web-clients\"";
    AtomicInteger readings = new AtomicInteger();
    HttpServer proxy =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    proxy.createContext(
        "/metrics",
        exchange -> {
          int n = readings.incrementAndGet();
          byte[] body =
              """
              inbound_http_authz_allow_total{%1$s} %3$d
              inbound_http_authz_deny_total{%2$s} %4$d
              response_total{direction="inbound",%1$s,classification="success"} %3$d
              response_latency_ms_bucket{direction="inbound",%1$s,le="2"} %3$d
              response_latency_ms_bucket{direction="inbound",%1$s,le="+Inf"} %3$d
              """
                  .formatted(grant, labels, 10 * n, 2 * n)
                  .getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    proxy.start();
    try {
      CommandRun run =
          authz("--proxy", "127.0.0.1:" + proxy.getAddress().getPort(), "--window", "100ms")
              .ended(ExitCode.OK);
      assertThat(run.out().lines().toList())
          .anySatisfy(
              line ->
                  assertThat(line)
                      .containsSubsequence(
                          "web", "web-clients", "0.0rps", "100.00%", "100.0rps", "1ms", "2ms"))
          .anySatisfy(
              line ->
                  assertThat(line)
                      .startsWith("default  web")
                      .doesNotContain("web-clients")
                      .contains("20.0rps"));
    } finally {
      proxy.stop(0);
    }
  }

  @Test
  void namesAProxyThatDoesNotAnswer() throws Exception {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    assertThat(
            authz("--proxy", "127.0.0.1:" + free, "--window", "1ms")
                .ended(ExitCode.UNAVAILABLE)
                .err())
        .contains("no metrics from the proxy at http://127.0.0.1:" + free + "/metrics");
  }

  @Test
  void wantsSomeoneToAsk() throws Exception {
    assertThat(CommandRun.of("authz", "-n", "shop").ended(ExitCode.USAGE).err())
        .contains("expected -f PATH with manifests, --server, or --proxy");
    authz("--server").ended(ExitCode.USAGE);
    assertThat(CommandRun.of("authz", "-f", "x").ended(ExitCode.USAGE).err())
        .contains("--namespace");
  }
}
