package io.signetmesh.crds.token;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the application gets. The client's own headers of all names given here are removed from each
 * request of the port, with or without a token.
 *
 * @param stripToken whether the token is removed from the request
 * @param claims claims that become headers
 * @param payloadHeader name of the header that has all claims, as base64url of their JSON; null for
 *     none
 */
public record TokenForwarding(
    @Default("false") boolean stripToken,
    @Items(max = 16) List<ClaimHeader> claims,
    @Text(TextFormat.HTTP_TOKEN) @Nullable String payloadHeader) {
  /** The token stays where it is, and nothing is added. */
  public static final TokenForwarding NOTHING = new TokenForwarding(false, List.of(), null);

  /** Copies the list; null becomes an empty list. */
  public TokenForwarding {
    claims = claims == null ? List.of() : List.copyOf(claims);
  }

  /**
   * A claim that becomes a header.
   *
   * @param path member names from the root of the claims
   * @param header name of the header
   */
  public record ClaimHeader(
      @Required @Items(min = 1, max = 8) @Length(min = 1, max = 256) List<String> path,
      @Required @Text(TextFormat.HTTP_TOKEN) String header) {
    /** Copies the list. */
    public ClaimHeader {
      path = path == null ? List.of() : List.copyOf(path);
    }
  }
}
