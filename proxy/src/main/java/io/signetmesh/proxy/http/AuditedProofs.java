package io.signetmesh.proxy.http;

import io.signetmesh.audit.AuditedRego;
import io.signetmesh.audit.AuditedToken;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.TokenProofs;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What goes on record of what a request proves. */
final class AuditedProofs {
  private AuditedProofs() {}

  /** Whom the first token names whose signature was verified; null: nobody. */
  static @Nullable AuditedToken token(TokenProofs tokens) {
    for (int i = 0; i < tokens.size(); i++) {
      TokenPrincipal principal = tokens.proof(i).principal();
      if (principal != null) {
        return new AuditedToken(
            principal.issuer(), principal.subject(), principal.id(), principal.keyId());
      }
    }
    return null;
  }

  /** What policy bundles answered, in the order in which they were asked. */
  static List<AuditedRego> answers(RequestProofs proofs) {
    List<RegoProof> answers = proofs.rego();
    return answers.isEmpty()
        ? List.of()
        : answers.stream()
            .map(
                one ->
                    new AuditedRego(
                        one.question().authentication().name(), one.code(), one.answer().reason()))
            .toList();
  }
}
