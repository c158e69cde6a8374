package io.signetmesh.proxy.authorize;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one request proves: by its tokens, and to the policy bundles that were asked about it. There
 * are few of them, so they are searched one by one.
 *
 * @param tokens what its tokens prove
 * @param rego what policy bundles answered, in the order in which they were asked
 */
public record RequestProofs(TokenProofs tokens, List<RegoProof> rego) {
  /** Of a request of which nothing is asked. */
  public static final RequestProofs NONE = new RequestProofs(TokenProofs.NONE, List.of());

  /** Takes a copy of the list. */
  public RequestProofs {
    rego = List.copyOf(rego);
  }

  /** The answer to a question; null when it was not asked. */
  public @Nullable RegoProof rego(RegoQuestion question) {
    for (int i = 0; i < rego.size(); i++) {
      if (rego.get(i).question().equals(question)) {
        return rego.get(i);
      }
    }
    return null;
  }

  /** The same with one more answer. */
  public RequestProofs with(RegoProof answer) {
    List<RegoProof> more = new ArrayList<>(rego);
    more.add(answer);
    return new RequestProofs(tokens, more);
  }

  /** The same with what its tokens prove. */
  public RequestProofs with(TokenProofs proofs) {
    return new RequestProofs(proofs, rego);
  }
}
