package io.signetmesh.proxy.rego;

import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.rego.RegoInput;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What policy bundles get to know of one request. It has copies of all that it needs, so that
 * another thread may ask.
 *
 * @param clientPort TCP port of the client, 0 to 65535
 * @param port TCP port of the workload
 * @param head the head as the client sent it
 * @param claims the claims of its tokens
 * @param epochMillis time of the request, in milliseconds since the Unix epoch
 * @param bytes that it holds, about
 */
public record RegoRequest(
    int clientPort, int port, RegoInput.Head head, Claims claims, long epochMillis, int bytes) {
  /** The claims of the tokens of a request. */
  @FunctionalInterface
  public interface Claims {
    /** No token. */
    Claims NONE = authentication -> null;

    /** JSON of the claims as they were signed; null when there is no such token. */
    @Nullable String of(TokenAuthentication authentication);
  }

  /** The input for a question. */
  RegoInput input(RegoQuestion question, Client client) {
    return new RegoInput(
        new RegoInput.Peer(
            identities(client),
            client.address().getHostAddress(),
            clientPort,
            client.meshTls(),
            Optional.ofNullable(client.certificate())
                .map(Thumbprint::bytes)
                .map(Base64Url::encode)),
        new RegoInput.Server(port, labels(question.server())),
        head,
        tokens(question, client),
        epochMillis);
  }

  /** All names of the client's certificate, in its order. */
  private static List<String> identities(Client client) {
    List<String> identities = new ArrayList<>(1);
    for (Client name = client; name != null; name = name.other()) {
      if (name.identity() != null) {
        identities.add(name.identity());
      }
    }
    return identities;
  }

  private static Map<String, String> labels(ResourceRef server) {
    return Map.of("group", server.group(), "kind", server.kind(), "name", server.name());
  }

  private Map<String, String> tokens(RegoQuestion question, Client client) {
    RequestProofs proofs = client.proofs();
    Map<String, String> tokens = new LinkedHashMap<>();
    for (TokenAuthentication authentication : question.tokens()) {
      TokenProof proof = proofs == null ? null : proofs.tokens().of(authentication);
      String verified = proof != null && proof.passes() ? claims.of(authentication) : null;
      if (verified != null) {
        tokens.put(authentication.name(), verified);
      }
    }
    return tokens;
  }
}
