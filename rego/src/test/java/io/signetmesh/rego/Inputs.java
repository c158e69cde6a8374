package io.signetmesh.rego;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Inputs of tests. */
final class Inputs {
  static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  static final String STAFF = "{\"iss\":\"https://issuer.example\",\"groups\":[\"dev\",\"staff\"]}";

  private Inputs() {}

  static RegoInput of(String path) {
    return of(WEB, path, "", Map.of("shop/users", STAFF), List.of());
  }

  static RegoInput of(
      String identity,
      String path,
      String query,
      Map<String, String> tokens,
      List<RegoInput.Field> fields) {
    return new RegoInput(
        new RegoInput.Peer(List.of(identity), "10.1.2.3", 4711, true, Optional.of("AAEC")),
        new RegoInput.Server(8080, Map.of("kind", "server", "name", "orders")),
        new RegoInput.Head("GET", "https", "orders.shop", path, query, fields),
        tokens,
        1_700_000_000_000L);
  }
}
