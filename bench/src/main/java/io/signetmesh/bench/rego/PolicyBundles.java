package io.signetmesh.bench.rego;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.signetmesh.rego.InvalidRegoException;
import io.signetmesh.rego.RegoAuthentication;
import io.signetmesh.rego.RegoInput;
import io.signetmesh.v1.RegoBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The bundles of the module rego's tests, and a request to ask them about. */
final class PolicyBundles {
  /** Names the folder of the bundles to the processes that measure. */
  static final String FOLDER = "signet.bench.bundles";

  /** A request that all of the rules that are measured allow. */
  static final RegoInput REQUEST =
      new RegoInput(
          new RegoInput.Peer(
              List.of("web.shop.serviceaccount.identity.signet.cluster.local"),
              "10.42.3.17",
              49152,
              true,
              Optional.of("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA")),
          new RegoInput.Server(
              8080, Map.of("group", "policy.linkerd.io", "kind", "server", "name", "orders")),
          new RegoInput.Head(
              "GET",
              "http",
              "orders.shop.svc.cluster.local:8080",
              "/orders/4711",
              "page=2",
              List.of(
                  new RegoInput.Field("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
                  new RegoInput.Field("accept", "application/json"),
                  new RegoInput.Field("accept-encoding", "gzip, br"),
                  new RegoInput.Field(
                      "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                  new RegoInput.Field("x-request-id", "6b1f9d3e-8f7c-4f3d-9a55-1f2a7c1f0c2d"))),
          Map.of(
              "shop/users",
              "{\"iss\":\"https://issuer.example/realms/shop\",\"aud\":[\"shop\",\"account\"],"
                  + "\"sub\":\"alice\",\"exp\":4102444800,\"iat\":1700000000,\"azp\":\"web\","
                  + "\"groups\":[\"dev\",\"staff\"],\"scope\":\"openid profile email\"}"),
          1_700_000_000_000L);

  private PolicyBundles() {}

  /**
   * @param entrypoint path of a rule, which begins with the name of its bundle
   * @param change changes the bytes of the bundle, but not what is in it
   */
  static RegoAuthentication compile(String entrypoint, int change) {
    String bundle = entrypoint.substring(0, entrypoint.indexOf('/'));
    try {
      byte[] bytes =
          Files.readAllBytes(Path.of(System.getProperty(FOLDER, "."), bundle + ".tar.gz"));
      // The time of a gzip file (RFC 1952 section 2.3).
      for (int i = 0; i < 4; i++) {
        bytes[4 + i] = (byte) (change >> 8 * i);
      }
      return RegoAuthentication.compile(
          io.signetmesh.v1.RegoAuthentication.newBuilder()
              .setName("shop/orders")
              .setEntrypoint(entrypoint)
              .setCpuTime(Duration.newBuilder().setNanos(200_000_000))
              .setBundle(RegoBundle.newBuilder().setContent(ByteString.copyFrom(bytes)))
              .build());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InvalidRegoException e) {
      throw new IllegalStateException(e);
    }
  }
}
