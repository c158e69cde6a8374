package io.signetmesh.rego;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a policy gets to know of a request, as {@code input}. The documentation of its JSON form is
 * {@code docs/security/rego.md}.
 *
 * @param client who asks
 * @param server what is asked
 * @param request the head of the request as the client sent it
 * @param tokens claims of the tokens that passed, by {@code namespace/name} of the
 *     JWTAuthentication, each the JSON object that was signed
 * @param epochMillis time of the request, in milliseconds since the Unix epoch
 */
public record RegoInput(
    Peer client, Server server, Head request, Map<String, String> tokens, long epochMillis) {
  /**
   * A client.
   *
   * @param identities DNS and URI names of its mesh certificate, in its order; empty when it showed
   *     none
   * @param address IP address
   * @param port TCP port, 0 to 65535
   * @param tls whether the connection is mesh TLS
   * @param certificate base64url SHA-256 of its certificate; empty when it showed none
   */
  public record Peer(
      List<String> identities,
      String address,
      int port,
      boolean tls,
      Optional<String> certificate) {
    /** The first name of its mesh certificate; empty when it showed none. */
    public Optional<String> identity() {
      return identities.stream().findFirst();
    }
  }

  /**
   * A server of a workload.
   *
   * @param port TCP port of the workload, 1 to 65535
   * @param labels labels of the policy in force: group, kind and name of the server
   */
  public record Server(int port, Map<String, String> labels) {}

  /**
   * Head of a request.
   *
   * @param path without the query, as the client sent it
   * @param query what follows the first question mark; empty for nothing
   * @param fields header fields in their order, names in lower case
   */
  public record Head(
      String method,
      String scheme,
      String authority,
      String path,
      String query,
      List<Field> fields) {}

  /** A header field. */
  public record Field(String name, String value) {}
}
