package io.signetmesh.bench;

import io.signetmesh.bench.token.SignedTokens;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** The tokens of a load, by ES256, and the issuer's public key. Signed once for all systems. */
final class LoadTokens {
  /** {@code iss} of the tokens. */
  static final String ISSUER = SignedTokens.ISSUER;

  /** First {@code aud} of the tokens. */
  static final String AUDIENCE = SignedTokens.AUDIENCE;

  private static final int TOKENS = 1_000;

  private final SignedTokens issuer = new SignedTokens("ES256");
  private final List<String> tokens = new ArrayList<>(TOKENS);

  /** Made when it is asked for. */
  private static final class Holder {
    static final LoadTokens SHARED = new LoadTokens();
  }

  private LoadTokens() {
    for (int i = 0; i < TOKENS; i++) {
      tokens.add(new String(issuer.token(i), StandardCharsets.US_ASCII));
    }
  }

  /** The tokens of this process. */
  static LoadTokens shared() {
    return Holder.SHARED;
  }

  String first() {
    return tokens.getFirst();
  }

  /** JWK set (RFC 7517). */
  String keySet() {
    return issuer.keys();
  }

  /** SubjectPublicKeyInfo in PEM. */
  String publicKeyPem() {
    return "-----BEGIN PUBLIC KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'})
            .encodeToString(issuer.publicKey().getEncoded())
        + "\n-----END PUBLIC KEY-----\n";
  }

  /**
   * Writes a script for wrk, which sends the tokens by turns. The requests are made before the load
   * begins.
   *
   * @return the file
   */
  Path script(Path file) throws IOException {
    StringBuilder lua = new StringBuilder("local tokens = {\n");
    tokens.forEach(token -> lua.append('"').append(token).append("\",\n"));
    lua.append(
        """
        }
        local requests = {}
        local turn = 0
        init = function(args)
          for i, token in ipairs(tokens) do
            wrk.headers["Authorization"] = "Bearer " .. token
            requests[i] = wrk.format()
          end
        end
        request = function()
          turn = turn % #requests + 1
          return requests[turn]
        end
        """);
    return Files.writeString(file, lua, StandardCharsets.US_ASCII);
  }
}
