package io.signetmesh.proxy.authorize;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.rego.RegoAuthentication;
import java.util.List;

/**
 * What a policy bundle is asked about a request. Two equal questions about the same request have
 * the same input, so that each is asked once.
 *
 * @param authentication whose bundle is asked
 * @param tokens authentications by token that the same rule requires: the bundle gets the claims of
 *     those tokens that pass, and of no others
 * @param server what the policy in force is labelled with
 */
public record RegoQuestion(
    RegoAuthentication authentication, List<TokenAuthentication> tokens, ResourceRef server) {
  /** Takes a copy of the list. */
  public RegoQuestion {
    tokens = List.copyOf(tokens);
  }
}
