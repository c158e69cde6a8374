package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoAuthentication;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The authentications of requests that authorizations and denials refer to, as sent to proxies.
 *
 * @param tokens those by token, sorted by name
 * @param bundles those by policy bundle, sorted by name
 */
public record ConditionMessages(List<JwtAuthentication> tokens, List<RegoAuthentication> bundles) {
  /** Copies the lists. */
  public ConditionMessages {
    tokens = List.copyOf(tokens);
    bundles = List.copyOf(bundles);
  }

  /**
   * Those that some authorizations and denials refer to.
   *
   * @param lookup finds an object by reference
   */
  public static ConditionMessages of(
      Collection<Authz> all, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    return new ConditionMessages(TokenGrants.of(all, lookup), RegoGrants.of(all, lookup));
  }
}
