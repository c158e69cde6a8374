package io.signetmesh.jwt;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the application gets of a token.
 *
 * @param strip whether the token is removed from the request
 * @param claims claims that become header fields
 * @param payloadHeader name of the field that gets all claims as base64url of their JSON, lower
 *     case; null for none
 */
public record Forwarding(boolean strip, List<ClaimHeader> claims, @Nullable String payloadHeader) {
  /** Copies the list. */
  public Forwarding {
    claims = List.copyOf(claims);
  }

  /**
   * A claim and its header field.
   *
   * @param path names of members, from the root of the claims
   * @param header name of the field, lower case
   */
  public record ClaimHeader(List<String> path, String header) {
    /** Copies the path. */
    public ClaimHeader {
      path = List.copyOf(path);
    }
  }

  /**
   * Names of all fields that the application gets. The client's own fields of these names are
   * removed from each request of the port, whether it has a token or not. Lower case.
   */
  public Set<String> headers() {
    Set<String> headers = new LinkedHashSet<>();
    for (ClaimHeader claim : claims) {
      headers.add(claim.header());
    }
    if (payloadHeader != null) {
      headers.add(payloadHeader);
    }
    return Set.copyOf(headers);
  }
}
